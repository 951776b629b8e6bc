//! Sets that are derived from maps, and edited where the map has changed.

use imbl::{OrdMap, OrdSet, ordmap::DiffItem};

/// A set with one element for each entry of a map, with the map that it was made of.
#[derive(Clone, Debug)]
pub(crate) struct Derived<K: Ord + Clone, V: Clone, T: Ord + Clone> {
    source: OrdMap<K, V>,
    set: OrdSet<T>,
}

impl<K: Ord + Clone, V: Clone + PartialEq, T: Ord + Clone> Derived<K, V, T> {
    /// The set of `source`, edited out of `previous` where there is one. `element` must give different elements for
    /// different keys.
    pub(crate) fn new(previous: Option<&Self>, source: &OrdMap<K, V>, element: impl Fn(&K, &V) -> T) -> Self {
        let (old, mut set) =
            previous.map(|previous| (previous.source.clone(), previous.set.clone())).unwrap_or_default();
        for item in old.diff(source) {
            match item {
                DiffItem::Add(key, value) => drop(set.insert(element(key, value))),
                DiffItem::Remove(key, value) => drop(set.remove(&element(key, value))),
                DiffItem::Update { old, new } => {
                    set.remove(&element(old.0, old.1));
                    set.insert(element(new.0, new.1));
                }
            }
        }
        Self { source: source.clone(), set }
    }

    /// The set.
    pub(crate) fn set(&self) -> OrdSet<T> {
        self.set.clone()
    }
}

/// What it was made of makes no difference.
impl<K: Ord + Clone, V: Clone, T: Ord + Clone> PartialEq for Derived<K, V, T> {
    fn eq(&self, other: &Self) -> bool {
        self.set == other.set
    }
}
