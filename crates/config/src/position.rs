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
///
/// Every object of a mesh has them, and few are ever asked for, so they are kept small: two allocations, and the
/// paths one after the other in one text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldPositions {
    paths: Box<str>,
    /// In the order of the paths.
    fields: Box<[Field]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field {
    /// Where its path ends in `paths`; it begins where the one before ends.
    end: u32,
    position: Position,
}

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
        let path = path.to_string();
        let (mut from, mut to) = (0, self.fields.len());
        while from < to {
            let middle = usize::midpoint(from, to);
            match self.path(middle).cmp(&path) {
                std::cmp::Ordering::Less => from = middle + 1,
                std::cmp::Ordering::Greater => to = middle,
                std::cmp::Ordering::Equal => return Some(self.fields[middle].position),
            }
        }
        None
    }

    /// Number of fields.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether no position is known.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    fn path(&self, index: usize) -> &str {
        let begin = index.checked_sub(1).map_or(0, |before| self.fields[before].end);
        &self.paths[begin as usize..self.fields[index].end as usize]
    }
}

/// Of a path that comes twice the last position counts.
impl FromIterator<(String, Position)> for FieldPositions {
    fn from_iter<I: IntoIterator<Item = (String, Position)>>(fields: I) -> Self {
        let sorted: BTreeMap<String, Position> = fields.into_iter().collect();
        let mut paths = String::with_capacity(sorted.keys().map(String::len).sum());
        let mut fields = Vec::with_capacity(sorted.len());
        for (path, position) in sorted {
            paths.push_str(&path);
            let end = u32::try_from(paths.len()).expect("the paths of an object are shorter than 4 GiB");
            fields.push(Field { end, position });
        }
        Self { paths: paths.into(), fields: fields.into() }
    }
}

#[cfg(test)]
mod tests;
