//! Shared parts of edited values, see [`Reader::previous`](crate::Reader::previous).

use imbl::{OrdMap, ordmap::DiffItem};

/// Threshold of editing: if more than one entry in this many has changed, recomputing is cheaper.
const ONE_IN: usize = 8;

/// The keys whose entries differ, in order; `None` if recomputing is cheaper than editing.
pub fn few_changed_keys<K, V>(old: &OrdMap<K, V>, new: &OrdMap<K, V>) -> Option<Vec<K>>
where
    K: Ord + Clone,
    V: PartialEq + Clone,
{
    let mut changed = Vec::new();
    for key in changed_keys(old, new) {
        if !is_few(changed.len(), new.len()) {
            return None;
        }
        changed.push(key);
    }
    Some(changed)
}

/// The keys whose entries differ, in order.
pub(crate) fn changed_keys<'a, K, V>(
    old: &'a OrdMap<K, V>,
    new: &'a OrdMap<K, V>,
) -> impl Iterator<Item = K> + 'a
where
    K: Ord + Clone,
    V: PartialEq + Clone,
{
    old.diff(new).map(|item| {
        let (DiffItem::Add(key, _) | DiffItem::Update { new: (key, _), .. } | DiffItem::Remove(key, _)) =
            item;
        key.clone()
    })
}

/// Whether editing is cheaper than recomputing after this number of changes.
pub fn is_few(changed: usize, of: usize) -> bool {
    changed * ONE_IN <= of
}
