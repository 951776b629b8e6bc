//! What values that are edited have in common, see [`Reader::previous`](crate::Reader::previous).

use imbl::{OrdMap, ordmap::DiffItem};

/// One entry in this many that has changed makes a value from scratch the cheaper one.
const ONE_IN: usize = 8;

/// The keys whose entries differ, in order; `None` if they are so many that a value is better made anew than edited.
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

/// Whether so few of the entries have changed that a value is better edited than made anew.
pub fn is_few(changed: usize, of: usize) -> bool {
    changed * ONE_IN <= of
}
