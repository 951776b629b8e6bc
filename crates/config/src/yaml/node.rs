//! [`Node`]: a value of a document with its position.

use crate::Position;

use super::{Meaning, Scalar};

/// A value of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where the value begins.
    pub position: Position,
    /// The value.
    pub value: Value,
}

/// A scalar, a list or a mapping.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A scalar.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file, without duplicate keys.
    Map(Vec<Entry>),
}

/// An entry of a mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key. As kubectl reads it: a bare `n` is `false`.
    pub key: Box<str>,
    /// The key as it is written, if that differs.
    pub written_key: Option<Box<str>>,
    /// Where the key begins.
    pub key_position: Position,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The value of `key`, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of `key`, if this is a mapping that has it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| &*entry.key == key)
    }

    /// The entries, if this is a mapping.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Whether this means the same as `other`, whatever the positions and the order. A null means nothing.
    pub(crate) fn says_the_same_as(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Value::Scalar(one), Value::Scalar(other)) => {
                one.meaning == other.meaning && (one.meaning != Meaning::Text || one.text == other.text)
            }
            (Value::List(one), Value::List(other)) => {
                one.len() == other.len()
                    && one.iter().zip(other).all(|(one, other)| one.says_the_same_as(other))
            }
            (Value::Map(_), Value::Map(_)) => self.says_all_of(other) && other.says_all_of(self),
            _ => false,
        }
    }

    fn says_all_of(&self, other: &Self) -> bool {
        let mut said = other.entries().iter().filter(|entry| !entry.value.is_null());
        said.all(|entry| self.get(&entry.key).is_some_and(|value| value.says_the_same_as(&entry.value)))
    }

    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) if scalar.meaning == Meaning::Text => Some(&scalar.text),
            _ => None,
        }
    }

    /// Whether this is null.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.meaning == Meaning::Null)
    }

    /// The type of this, for a message.
    pub fn type_name(&self) -> &'static str {
        match &self.value {
            Value::Scalar(scalar) => scalar.meaning.type_name(),
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// Number of values in this, itself included.
    pub(crate) fn count(&self) -> usize {
        1 + match &self.value {
            Value::Scalar(_) => 0,
            Value::List(items) => items.iter().map(Self::count).sum(),
            Value::Map(entries) => entries.iter().map(|entry| entry.value.count()).sum(),
        }
    }

    /// Bytes of the strings in this, and some for each value.
    pub(crate) fn bytes(&self) -> usize {
        const VALUE: usize = 8;
        VALUE
            + match &self.value {
                Value::Scalar(scalar) => scalar.text.len(),
                Value::List(items) => items.iter().map(Self::bytes).sum(),
                Value::Map(entries) => {
                    let entry = |entry: &Entry| {
                        entry.key.len()
                            + entry.written_key.as_ref().map_or(0, |key| key.len())
                            + entry.value.bytes()
                    };
                    entries.iter().map(entry).sum()
                }
            }
    }

    /// Levels of lists and mappings in this.
    pub(crate) fn height(&self) -> usize {
        match &self.value {
            Value::Scalar(_) => 0,
            Value::List(items) => 1 + items.iter().map(Self::height).max().unwrap_or(0),
            Value::Map(entries) => 1 + entries.iter().map(|entry| entry.value.height()).max().unwrap_or(0),
        }
    }
}
