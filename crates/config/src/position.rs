//! Where in a file a field stands: [`Position`], [`FieldPositions`] of an object, [`Location`] with the file.

use std::{collections::BTreeMap, fmt, sync::Arc};

use crate::FieldPath;

/// A line and a column of a file, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// A position in a named file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// Path of the file.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// The positions of the fields of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldPositions(BTreeMap<Box<str>, Position>);

impl FieldPositions {
    /// The position of `path`, or of the nearest field around it that is written in the file.
    pub fn nearest(&self, path: &FieldPath) -> Option<Position> {
        let mut path = path.clone();
        loop {
            if let Some(position) = self.exact(&path) {
                return Some(position);
            }
            path = path.parent()?;
        }
    }

    /// The position of `path` itself.
    pub fn exact(&self, path: &FieldPath) -> Option<Position> {
        self.0.get(path.to_string().as_str()).copied()
    }

    /// Number of fields.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no position is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn insert(&mut self, path: &FieldPath, position: Position) {
        self.0.insert(path.to_string().into(), position);
    }
}
