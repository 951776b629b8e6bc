//! Sorts map entries in an encoded message, in place.

use std::ops::Range;

use super::{
    node::{FieldKind, Key, Node},
    table::NODES,
};

/// The bytes come from an encoder in this process, so a malformed message is a bug, not an input.
const WELL_FORMED: &str = "the message was encoded by prost";

/// Sorts the entries of every map that can be reached from `node` in `message`.
pub(super) fn sort_maps(message: &mut [u8], node: &Node) {
    let mut run = Run::default();
    let mut at = 0;
    // Fields come in the order of their tags, except those of a oneof: nearly each is the node's next.
    let mut fields = node.fields;
    let mut before = 0;
    while at < message.len() {
        let record = Record::read(message, at);
        at = record.whole.end;
        if run.tag != record.tag {
            run.finish(message);
        }
        if record.tag < before {
            fields = node.fields;
        }
        before = record.tag;
        while let [passed, rest @ ..] = fields
            && passed.tag < record.tag
        {
            fields = rest;
        }
        let Some(field) = fields.first().filter(|field| field.tag == record.tag) else { continue };
        match field.kind {
            FieldKind::Map(key, value) => {
                if let Some(value) = value {
                    sort_maps_of_value(&mut message[record.body.clone()], &NODES[usize::from(value)]);
                }
                run.push(record, key);
            }
            FieldKind::Message(child) => sort_maps(&mut message[record.body], &NODES[usize::from(child)]),
        }
    }
    run.finish(message);
}

/// The first field with this tag: the range of the whole field, and that of its content.
pub(super) fn field(message: &[u8], tag: u32) -> Option<(Range<usize>, Range<usize>)> {
    let mut at = 0;
    while at < message.len() {
        let record = Record::read(message, at);
        if record.tag == tag {
            return Some((record.whole, record.body));
        }
        at = record.whole.end;
    }
    None
}

/// The entry of a map is a message of two fields: 1 is the key, 2 the value.
fn sort_maps_of_value(entry: &mut [u8], value: &Node) {
    let mut at = 0;
    while at < entry.len() {
        let record = Record::read(entry, at);
        at = record.whole.end;
        if record.tag == 2 {
            sort_maps(&mut entry[record.body], value);
        }
    }
}

/// The entries of one map, which stand together.
#[derive(Default)]
struct Run {
    tag: u32,
    /// The first entry, with the kind of its key. Most maps have no other, and nothing to sort.
    first: Option<(Record, Key)>,
    others: Vec<Record>,
}

impl Run {
    fn push(&mut self, entry: Record, key: Key) {
        self.tag = entry.tag;
        match self.first {
            None => self.first = Some((entry, key)),
            Some(_) => self.others.push(entry),
        }
    }

    /// Puts the entries of the run in the order of their keys and starts anew.
    fn finish(&mut self, message: &mut [u8]) {
        self.tag = 0;
        if let Some((first, key)) = self.first.take()
            && !self.others.is_empty()
        {
            let entries: Vec<Record> = std::iter::once(first).chain(self.others.drain(..)).collect();
            sort(message, key, &entries);
        }
    }
}

/// Puts the entries of a map in the order of their keys.
fn sort(message: &mut [u8], key: Key, entries: &[Record]) {
    let [first, .., last] = entries else { return };
    let span = first.whole.start..last.whole.end;
    let mut order: Vec<(MapKey<'_>, &Range<usize>)> =
        entries.iter().map(|e| (MapKey::read(&message[e.body.clone()], key), &e.whole)).collect();
    if order.is_sorted_by(|a, b| a.0 <= b.0) {
        return;
    }
    order.sort_by_key(|(key, _)| *key);
    let mut sorted = Vec::with_capacity(span.len());
    for (_, whole) in order {
        sorted.extend_from_slice(&message[whole.clone()]);
    }
    message[span].copy_from_slice(&sorted);
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum MapKey<'a> {
    String(&'a [u8]),
    Int(i64),
}

impl<'a> MapKey<'a> {
    /// The key of an entry. The default (empty, zero) is not on the wire.
    fn read(entry: &'a [u8], kind: Key) -> Self {
        let mut at = 0;
        while at < entry.len() {
            let record = Record::read(entry, at);
            at = record.whole.end;
            if record.tag == 1 {
                let body = &entry[record.body];
                return match kind {
                    Key::String => Self::String(body),
                    Key::Int => Self::Int(read_varint(body, &mut 0).cast_signed()),
                };
            }
        }
        match kind {
            Key::String => Self::String(b""),
            Key::Int => Self::Int(0),
        }
    }
}

/// One field on the wire: the range of the whole field, and that of its content.
struct Record {
    tag: u32,
    whole: Range<usize>,
    body: Range<usize>,
}

impl Record {
    fn read(message: &[u8], start: usize) -> Self {
        let mut at = start;
        let head = read_varint(message, &mut at);
        let tag = u32::try_from(head >> 3).expect(WELL_FORMED);
        let body = match head & 7 {
            0 => {
                let body = at;
                read_varint(message, &mut at);
                body..at
            }
            1 => at..at + 8,
            2 => {
                let length = usize::try_from(read_varint(message, &mut at)).expect(WELL_FORMED);
                at..at + length
            }
            5 => at..at + 4,
            other => unreachable!("wire type {other}: {WELL_FORMED}, which writes no groups"),
        };
        Self { tag, whole: start..body.end, body }
    }
}

fn read_varint(bytes: &[u8], at: &mut usize) -> u64 {
    // Nearly all tags and lengths are one byte.
    if let Some(byte) = bytes.get(*at).filter(|byte| **byte < 0x80) {
        *at += 1;
        return u64::from(*byte);
    }
    let mut rest = &bytes[*at..];
    let before = rest.len();
    let value = prost::encoding::decode_varint(&mut rest).expect(WELL_FORMED);
    *at += before - rest.len();
    value
}
