//! Generates `table.rs` from the descriptor set, and fails when the file in the repository is stale.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use crate::json::descriptors::descriptors;

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/encode/table.rs");

#[test]
fn table_is_what_the_descriptor_set_gives() {
    let fresh = table();
    if crate::tests::golden::update() {
        std::fs::write(TABLE, &fresh).unwrap();
    }
    let checked_in = std::fs::read_to_string(TABLE).unwrap();
    assert!(checked_in == fresh, "table.rs is stale: run `UPDATE=1 cargo test -p fairlead-envoy`");
}

/// The table as Rust source.
fn table() -> String {
    let messages: BTreeMap<String, MessageDescriptor> = descriptors()
        .all_messages()
        .filter(|m| !m.is_map_entry())
        .map(|m| (m.full_name().to_owned(), m))
        .collect();
    let reaching = reaching_a_map(&messages);
    let index = |name: &str| reaching.iter().position(|n| n == name);

    let mut out = String::from(
        "//! The messages of the Envoy API from which a map field can be reached.\n//!\n\
         //! @generated from `data/envoy-1.40-descriptors.fds` by `UPDATE=1 cargo test -p fairlead-envoy`.\n\n\
         use super::node::{Key, Node, map, message, node};\n\n\
         #[rustfmt::skip]\npub(super) static NODES: &[Node] = &[\n",
    );
    for name in &reaching {
        let mut fields: Vec<_> = messages[name].fields().collect();
        fields.sort_by_key(FieldDescriptor::number);
        let entries: Vec<String> = fields.iter().filter_map(|f| entry(f, &index)).collect();
        writeln!(out, "    node(\"{name}\", &[{}]),", entries.join(", ")).unwrap();
    }
    out.push_str("];\n");
    out
}

/// The names of the messages that have a map field or a message field that leads to one, sorted.
fn reaching_a_map(messages: &BTreeMap<String, MessageDescriptor>) -> BTreeSet<String> {
    let mut reaching = BTreeSet::new();
    loop {
        let more: Vec<String> = messages
            .values()
            .filter(|m| !reaching.contains(m.full_name()))
            .filter(|m| {
                m.fields().any(|f| match f.kind() {
                    Kind::Message(inner) => f.is_map() || reaching.contains(inner.full_name()),
                    _ => false,
                })
            })
            .map(|m| m.full_name().to_owned())
            .collect();
        if more.is_empty() {
            return reaching;
        }
        reaching.extend(more);
    }
}

/// The line of a field, if it is a map or leads to one.
fn entry(field: &FieldDescriptor, index: &impl Fn(&str) -> Option<usize>) -> Option<String> {
    let Kind::Message(inner) = field.kind() else { return None };
    assert!(!field.is_group(), "{}: groups are not handled", field.full_name());
    let tag = field.number();
    if !field.is_map() {
        return index(inner.full_name()).map(|node| format!("message({tag}, {node})"));
    }
    let key = match inner.map_entry_key_field().kind() {
        Kind::String => "String",
        Kind::Int32 | Kind::Int64 | Kind::Uint32 => "Int",
        other => panic!("{}: map keys of kind {other:?} are not handled", field.full_name()),
    };
    let value = match inner.map_entry_value_field().kind() {
        Kind::Message(value) => index(value.full_name()),
        _ => None,
    };
    Some(format!("map({tag}, Key::{key}, {value:?})"))
}
