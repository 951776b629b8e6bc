//! The words of `table.rs`.

/// A message type from which a map field can be reached.
#[derive(Debug)]
pub(super) struct Node {
    /// The full name of the message.
    pub(super) name: &'static str,
    /// Its map fields and the message fields that lead to one, by tag.
    pub(super) fields: &'static [Field],
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) tag: u32,
    pub(super) kind: FieldKind,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum FieldKind {
    /// A map; the index is the node of its values, if a map can be reached from there.
    Map(Key, Option<u16>),
    /// A message field (single or repeated) of the node at the index.
    Message(u16),
}

/// How the keys of a map are encoded.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key {
    String,
    /// A varint that holds a signed integer.
    Int,
}

pub(super) const fn map(tag: u32, key: Key, value: Option<u16>) -> Field {
    Field { tag, kind: FieldKind::Map(key, value) }
}

pub(super) const fn message(tag: u32, node: u16) -> Field {
    Field { tag, kind: FieldKind::Message(node) }
}

pub(super) const fn node(name: &'static str, fields: &'static [Field]) -> Node {
    Node { name, fields }
}
