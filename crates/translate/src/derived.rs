//! Sets that are derived from maps, and edited where the map has changed.

use fairlead_incremental::EditFrom;
use imbl::{OrdMap, OrdSet, ordmap::DiffItem};

/// A set with one element for each entry of a map, with the map that it was made from.
#[derive(Clone, Debug)]
pub(crate) struct Derived<K: Ord + Clone, V: Clone, T: Ord + Clone> {
    source: OrdMap<K, V>,
    set: OrdSet<T>,
    /// Number of entries in which the map differed from the base's when the set was derived from the base's.
    distinct: usize,
    /// Number of entries edited since.
    since: usize,
}

impl<K: Ord + Clone, V: Clone + PartialEq, T: Ord + Clone> Derived<K, V, T> {
    /// The set of `source`, edited out of the `previous` one or, where there is a base and what they share would be
    /// lost, out of that of the `base`. `element` must give different elements for different keys; `of_base` gives
    /// those of the base, which an entry keeps that is the same there.
    pub(crate) fn new(
        EditFrom { previous, base }: EditFrom<'_, Self>,
        source: &OrdMap<K, V>,
        element: impl Fn(&K, &V) -> T,
        of_base: impl Fn(&K, &V) -> T,
    ) -> Self {
        let near = previous.map(|previous| (previous, previous.since + previous.source.diff(source).count()));
        let near = near.filter(|(previous, since)| base.is_none() || *since <= previous.distinct);
        let (before, distinct, since) = match (near, base) {
            (Some((previous, since)), _) => (Some(previous), previous.distinct, since),
            (None, Some(base)) => (Some(base), base.source.diff(source).count(), 0),
            (None, None) => (None, 0, 0),
        };
        let (old, mut set) =
            before.map(|before| (before.source.clone(), before.set.clone())).unwrap_or_default();
        for item in old.diff(source) {
            if let DiffItem::Remove(key, value) | DiffItem::Update { old: (key, value), .. } = item {
                set.remove(&element(key, value));
                set.remove(&of_base(key, value));
            }
            if let DiffItem::Add(key, value) | DiffItem::Update { new: (key, value), .. } = item {
                set.insert(element(key, value));
            }
        }
        Self { source: source.clone(), set, distinct, since }
    }

    /// The set.
    pub(crate) fn set(&self) -> OrdSet<T> {
        self.set.clone()
    }
}

/// Equality ignores what is kept for editing.
impl<K: Ord + Clone, V: Clone, T: Ord + Clone> PartialEq for Derived<K, V, T> {
    fn eq(&self, other: &Self) -> bool {
        self.set == other.set
    }
}
