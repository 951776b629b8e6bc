//! [`LabelSet`]: the labels or annotations of an object, ordered and cheap to clone.

use std::{collections::BTreeMap, fmt, sync::Arc};

/// In the order of the keys: a short sorted list takes a third of the memory of a map.
type Entries = [(Arc<str>, Arc<str>)];

/// Labels or annotations: an ordered map that is shared by its clones.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelSet(Option<Arc<Entries>>);

impl LabelSet {
    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        let entries = self.0.as_ref()?;
        let at = entries.binary_search_by(|(other, _)| (**other).cmp(key)).ok()?;
        Some(&entries[at].1)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |entries| entries.len())
    }

    /// The entries in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|entries| entries.iter().map(|(key, value)| (&**key, &**value)))
    }

    /// Whether every entry of `selector` is here with the same value. An empty selector is always contained.
    pub fn contains_all(&self, selector: &Self) -> bool {
        selector.iter().all(|(key, value)| self.get(key) == Some(value))
    }
}

impl fmt::Debug for LabelSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Into<Arc<str>>, V: Into<Arc<str>>> FromIterator<(K, V)> for LabelSet {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let entries: BTreeMap<Arc<str>, Arc<str>> =
            entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        if entries.is_empty() { Self(None) } else { Self(Some(entries.into_iter().collect())) }
    }
}

impl From<&BTreeMap<String, String>> for LabelSet {
    fn from(map: &BTreeMap<String, String>) -> Self {
        map.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
    }
}
