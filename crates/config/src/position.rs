//! Where a field is in a file: [`Position`], [`FieldPositions`] of an object, [`Location`] with the file.

use std::{collections::BTreeMap, fmt, sync::Arc};

use crate::{FieldPath, Segment};

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
/// Every object has them but few are ever used, so they are kept small: two allocations, with the paths concatenated in
/// one string.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldPositions {
    paths: Box<str>,
    /// In the order of the paths.
    fields: Box<[Field]>,
    /// The remaining items of lists, where some were left out.
    renumbered: Option<Box<Renumbered>>,
}

/// The remaining items of an object's lists, where some were left out: by the path of the list as written.
///
/// Lists within maps with user-defined keys are not covered; there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Renumbered(BTreeMap<Box<str>, Box<[usize]>>);

impl Renumbered {
    /// Records the numbers in the file of the remaining items.
    pub(crate) fn insert(&mut self, list: &str, left: impl Iterator<Item = usize>) {
        self.0.insert(list.into(), left.collect());
    }

    fn as_written(&self, path: &FieldPath) -> FieldPath {
        let mut written = FieldPath::root();
        for segment in path.segments() {
            written.push(match segment {
                Segment::Index(index) => {
                    let left = self.0.get(written.to_string().as_str());
                    Segment::Index(left.and_then(|left| left.get(*index)).copied().unwrap_or(*index))
                }
                other => other.clone(),
            });
        }
        written
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field {
    /// The end of its path in `paths`; it begins at the end of the previous one.
    end: u32,
    position: Position,
}

impl FieldPositions {
    /// The positions for an object whose lists have lost items.
    pub(crate) fn renumbered(&self, renumbered: Renumbered) -> Self {
        let renumbered = (!renumbered.0.is_empty()).then(|| Box::new(renumbered));
        Self { renumbered, ..self.clone() }
    }

    /// The path of a field in the file, which may have items that were left out.
    pub fn as_written(&self, path: &FieldPath) -> FieldPath {
        self.renumbered.as_ref().map_or_else(|| path.clone(), |renumbered| renumbered.as_written(path))
    }

    /// The position of `path` as it is written, or of the nearest field around it that is in the file.
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

/// The last position of a path counts.
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
        Self { paths: paths.into(), fields: fields.into(), renumbered: None }
    }
}

#[cfg(test)]
mod tests;
