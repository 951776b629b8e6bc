//! [`FieldPath`]: which field of an object, and the [`path!`](crate::path) macro that writes one down.

use std::{borrow::Cow, fmt};

/// One step of a [`FieldPath`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// A field of a message.
    Field(Cow<'static, str>),
    /// An item of a list.
    Index(usize),
    /// An entry of a map with keys of the user's choice.
    Key(String),
}

/// A path from the root of an object to a field, shown as `spec.http[0].route[1].weight`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(Vec<Segment>);

impl FieldPath {
    /// The object itself.
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// The object's `spec`.
    pub fn spec() -> Self {
        Self::root().field("spec")
    }

    /// The field `name` of this.
    #[must_use]
    pub fn field(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.0.push(Segment::Field(name.into()));
        self
    }

    /// The item `index` of this list.
    #[must_use]
    pub fn index(mut self, index: usize) -> Self {
        self.0.push(Segment::Index(index));
        self
    }

    /// The entry `key` of this map.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.0.push(Segment::Key(key.into()));
        self
    }

    /// Whether this is the object itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The steps from the root.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// The nearest common ancestor, which may be one of the two.
    #[must_use]
    pub fn common(&self, other: &Self) -> Self {
        let same = self.0.iter().zip(&other.0).take_while(|(own, other)| own == other);
        Self(same.map(|(own, _)| own.clone()).collect())
    }

    /// The parent; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        let (_, rest) = self.0.split_last()?;
        Some(Self(rest.to_vec()))
    }

    /// The path without indexes and keys, as `spec.http[].match[].headers{}.exact`.
    pub fn pattern(&self) -> String {
        let mut pattern = String::new();
        for segment in &self.0 {
            match segment {
                Segment::Field(name) if pattern.is_empty() => pattern.push_str(name),
                Segment::Field(name) => {
                    pattern.push('.');
                    pattern.push_str(name);
                }
                Segment::Index(_) => pattern.push_str("[]"),
                Segment::Key(_) => pattern.push_str("{}"),
            }
        }
        pattern
    }

    pub(crate) fn push(&mut self, segment: Segment) {
        self.0.push(segment);
    }

    pub(crate) fn pop(&mut self) {
        self.0.pop();
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Field(name) if at == 0 => f.write_str(name)?,
                Segment::Field(name) => write!(f, ".{name}")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key) => write!(f, "[{key}]")?,
            }
        }
        Ok(())
    }
}

/// Writes down a [`FieldPath`] under `spec`: fields as strings, list indexes in `[…]`, map keys in `{…}`.
///
/// ```
/// use fairlead_config::path;
///
/// let (i, j) = (0, 1);
/// assert_eq!(path!("http"[i]."route"[j]."weight").to_string(), "spec.http[0].route[1].weight");
/// assert_eq!(path!("http"[i]."match"[j]."headers"{"x-user"}).to_string(), "spec.http[0].match[1].headers[x-user]");
/// assert_eq!(path!().to_string(), "spec");
/// ```
#[macro_export]
macro_rules! path {
    () => { $crate::FieldPath::spec() };
    (@under $path:expr,) => { $path };
    (@under $path:expr, . $field:literal $($rest:tt)*) => { $crate::path!(@under $path.field($field), $($rest)*) };
    (@under $path:expr, [$index:expr] $($rest:tt)*) => { $crate::path!(@under $path.index($index), $($rest)*) };
    (@under $path:expr, {$key:expr} $($rest:tt)*) => { $crate::path!(@under $path.key($key), $($rest)*) };
    ($field:literal $($rest:tt)*) => { $crate::path!(@under $crate::FieldPath::spec().field($field), $($rest)*) };
}
