//! Messages that differ in some texts only: encoded once, and copied with other texts.
//!
//! A cluster of one service is that of the next but for its names, and a route but for its cluster. Making the
//! message, encoding it and sorting its maps takes ten times as long as copying its bytes with the names put in.
//! The bytes are those that [`encode`] gives for the message with those texts.

use std::ops::Range;

use bytes::Bytes;
use prost::{
    Message, Name,
    encoding::{encode_varint, encoded_len_varint},
};

use crate::encode::{encode, wire::Record};

#[cfg(test)]
mod tests;

/// The most messages that the texts of a template are nested in.
const MAX_FRAMES: usize = 32;

/// An encoded message with holes for texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    steps: Vec<Step>,
    /// What is between the holes and the lengths.
    literals: Vec<u8>,
    /// The messages that have a hole somewhere, each after the one that it is a field of; the whole is the first.
    frames: Vec<Frame>,
    holes: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Literal(Range<usize>),
    /// The length of a frame.
    Length(usize),
    /// The length and the bytes of a text.
    Text(usize),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Frame {
    parent: usize,
    /// The length of all that is no text and no length of another frame.
    fixed: usize,
    texts: Vec<usize>,
}

impl Template {
    /// The template of the message that `make` makes of `holes` texts.
    ///
    /// Each text must be a whole field, or an element of one, that is neither empty nor the key of a map; it may be
    /// used more than once. What `make` decides must not depend on the texts.
    ///
    /// # Panics
    ///
    /// If a text is only a part of a field.
    pub fn new<M: Message + Name>(holes: usize, make: impl FnOnce(&[String]) -> M) -> Self {
        let marks: Vec<String> = (0..holes).map(|hole| format!("\u{1}{hole}\u{1}")).collect();
        let bytes = encode(&make(&marks));
        let mut template =
            Self { steps: Vec::new(), literals: Vec::new(), frames: vec![Frame::default()], holes };
        template.read(&bytes, 0, &marks);
        assert!(template.frames.len() <= MAX_FRAMES, "{} is nested too deep for a template", M::full_name());
        template
    }

    fn read(&mut self, message: &[u8], frame: usize, marks: &[String]) {
        let mut at = 0;
        while at < message.len() {
            let record = Record::read(message, at);
            let body = &message[record.body.clone()];
            at = record.whole.end;
            let is_text = marks.iter().position(|mark| mark.as_bytes() == body);
            if is_text.is_none() && !marks.iter().any(|mark| contains(body, mark.as_bytes())) {
                self.literal(&message[record.whole], frame);
                continue;
            }
            let tag = usize::from(message[record.whole.start] >= 0x80) + 1;
            self.literal(&message[record.whole.start..record.whole.start + tag], frame);
            if let Some(text) = is_text {
                self.steps.push(Step::Text(text));
                self.frames[frame].texts.push(text);
            } else {
                let child = self.frames.len();
                self.frames.push(Frame { parent: frame, ..Frame::default() });
                self.steps.push(Step::Length(child));
                self.read(body, child, marks);
            }
        }
    }

    fn literal(&mut self, bytes: &[u8], frame: usize) {
        let start = self.literals.len();
        self.literals.extend_from_slice(bytes);
        let end = self.literals.len();
        self.frames[frame].fixed += bytes.len();
        match self.steps.last_mut() {
            Some(Step::Literal(before)) => before.end = end,
            _ => self.steps.push(Step::Literal(start..end)),
        }
    }

    /// The message with these texts, one for each hole.
    pub fn fill(&self, texts: &[&str]) -> Bytes {
        debug_assert_eq!(texts.len(), self.holes, "a text for each hole");
        debug_assert!(texts.iter().all(|text| !text.is_empty()), "an empty text would not be on the wire");
        let lengths = self.lengths(texts);
        let mut bytes = Vec::with_capacity(lengths[0]);
        for step in &self.steps {
            match step {
                Step::Literal(range) => bytes.extend_from_slice(&self.literals[range.clone()]),
                Step::Length(frame) => encode_varint(lengths[*frame] as u64, &mut bytes),
                Step::Text(text) => {
                    encode_varint(texts[*text].len() as u64, &mut bytes);
                    bytes.extend_from_slice(texts[*text].as_bytes());
                }
            }
        }
        debug_assert_eq!(bytes.len(), lengths[0], "the lengths are those of what was written");
        bytes.into()
    }

    /// The lengths of the frames.
    fn lengths(&self, texts: &[&str]) -> [usize; MAX_FRAMES] {
        let with_head = |length: usize| length + encoded_len_varint(length as u64);
        let mut lengths = [0; MAX_FRAMES];
        for (at, frame) in self.frames.iter().enumerate().rev() {
            let texts: usize = frame.texts.iter().map(|text| with_head(texts[*text].len())).sum();
            lengths[at] += frame.fixed + texts;
            if at > 0 {
                lengths[frame.parent] += with_head(lengths[at]);
            }
        }
        lengths
    }
}

fn contains(body: &[u8], mark: &[u8]) -> bool {
    body.windows(mark.len()).any(|window| window == mark)
}
