//! A message that is encoded once, for many that differ from it in some fields.

use std::ops::Range;

use prost::{
    Message, Name,
    encoding::{WireType, encode_key, encode_varint},
};

use super::{encode_to_vec, wire};

/// A message in canonical bytes with places for some of its fields, which are filled with encoded content. What the
/// messages share is encoded and sorted once, and metadata can be written without its expensive maps.
#[derive(Clone, Debug)]
pub struct Template {
    bytes: Vec<u8>,
    /// Tag and place of each field, in the order of their places.
    fields: Vec<(u32, Range<usize>)>,
}

impl Template {
    /// The message with a place for each of these fields: strings and messages, which must occur in it once each. Their
    /// content does not matter.
    ///
    /// # Panics
    ///
    /// If the message lacks one of the fields.
    pub fn new<M: Message + Name>(message: &M, tags: &[u32]) -> Self {
        let bytes = encode_to_vec(message);
        let place = |tag: &u32| {
            let (whole, _) =
                wire::field(&bytes, *tag).expect("the message has the fields that are to be filled");
            (*tag, whole)
        };
        let mut fields: Vec<_> = tags.iter().map(place).collect();
        fields.sort_by_key(|(_, place)| place.start);
        Self { bytes, fields }
    }

    /// The canonical bytes of the message with these fields, given by tag in canonical bytes.
    ///
    /// # Panics
    ///
    /// If a field with a place is not given.
    pub fn fill(&self, contents: &[(u32, &[u8])]) -> Vec<u8> {
        let room: usize = contents.iter().map(|(_, content)| content.len() + 8).sum();
        let mut bytes = Vec::with_capacity(self.bytes.len() + room);
        let mut at = 0;
        for (tag, place) in &self.fields {
            let given = contents.iter().find(|(given, _)| given == tag);
            let (_, content) = given.expect("each field that has a place is given");
            bytes.extend_from_slice(&self.bytes[at..place.start]);
            encode_key(*tag, WireType::LengthDelimited, &mut bytes);
            encode_varint(content.len() as u64, &mut bytes);
            bytes.extend_from_slice(content);
            at = place.end;
        }
        bytes.extend_from_slice(&self.bytes[at..]);
        bytes
    }
}
