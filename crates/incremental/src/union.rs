//! The union of the entries of many members, updated by what changed.
//!
//! Nothing is stored per entry beside the entry: who an entry came from is known only for keys that
//! several members emit. A new conflict is resolved by one pass over all members.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imbl::OrdMap;

use crate::define::{Collect, MemberKey, MemberValue};

#[cfg(test)]
mod tests;

/// Members with their values, by key.
pub(crate) type Members<C> = Vec<(MemberKey<C>, Arc<MemberValue<C>>)>;

/// The value of a member before and after; none: not a member.
pub(crate) struct MemberChange<C: Collect> {
    pub(crate) old: Option<Arc<MemberValue<C>>>,
    pub(crate) new: Option<Arc<MemberValue<C>>>,
}

type Entries<C> = Vec<(<C as Collect>::OutKey, <C as Collect>::OutValue)>;
type Claims<C> = BTreeMap<MemberKey<C>, <C as Collect>::OutValue>;
/// What entries are to become; none: removed.
type Overlay<C> = BTreeMap<<C as Collect>::OutKey, Option<<C as Collect>::OutValue>>;

pub(crate) struct Union<C: Collect> {
    entries: OrdMap<C::OutKey, C::OutValue>,
    /// The keys that at least two members emit, with what each of them says.
    contested: BTreeMap<C::OutKey, Claims<C>>,
}

impl<C: Collect> Default for Union<C> {
    fn default() -> Self {
        Self { entries: OrdMap::new(), contested: BTreeMap::new() }
    }
}

impl<C: Collect> Union<C> {
    pub(crate) fn entries(&self) -> &OrdMap<C::OutKey, C::OutValue> {
        &self.entries
    }

    /// Applies the changes of some members. `members` are all of them, after the changes; it is
    /// called only if two members have come to emit the same key. Returns whether an entry changed.
    pub(crate) fn update(
        &mut self,
        changes: &BTreeMap<MemberKey<C>, MemberChange<C>>,
        members: impl FnOnce() -> Members<C>,
    ) -> bool {
        let edits: Vec<_> = changes
            .iter()
            .map(|(member, change)| {
                (member, emitted::<C>(member, change.old.as_ref()), emitted::<C>(member, change.new.as_ref()))
            })
            .collect();
        let mut overlay = Overlay::<C>::new();
        let mut touched = BTreeSet::new();
        let mut clashes = BTreeSet::new();
        // First what goes, of all members: a key that moves from one member to another is no clash.
        for (member, old, new) in &edits {
            for (key, _) in old.iter().filter(|(key, _)| value_of::<C>(new, key).is_none()) {
                if let Some(claims) = self.contested.get_mut(key) {
                    claims.remove(*member);
                    touched.insert(key.clone());
                } else {
                    overlay.insert(key.clone(), None);
                }
            }
        }
        for (member, old, new) in edits {
            for (key, value) in new {
                let had = value_of::<C>(&old, &key);
                if had == Some(&value) {
                    continue;
                }
                if let Some(claims) = self.contested.get_mut(&key) {
                    claims.insert(member.clone(), value);
                    touched.insert(key);
                } else if had.is_none() && self.is_present(&overlay, &key) {
                    clashes.insert(key);
                } else {
                    overlay.insert(key, Some(value));
                }
            }
        }
        if !clashes.is_empty() {
            self.record_claims(&clashes, members());
            touched.extend(clashes);
        }
        self.resolve(touched, &mut overlay);
        self.commit(overlay)
    }

    /// Computes the union anew and changes the entries to it, so that what is equal stays shared.
    pub(crate) fn rebuild(&mut self, members: &Members<C>) -> bool {
        let mut emissions = Vec::with_capacity(members.len());
        for (index, (member, value)) in members.iter().enumerate() {
            C::entries(member, value, &mut |key, value| emissions.push((key, index, value)));
        }
        // Stable: for one key, the members stay in order, and so does what one of them emits.
        emissions.sort_by(|left, right| left.0.cmp(&right.0));
        emissions.dedup_by(|later, first| (&later.0, later.1) == (&first.0, first.1));
        self.contested.clear();
        for claims in emissions.chunk_by(|left, right| left.0 == right.0).filter(|claims| claims.len() > 1) {
            let by_member = claims.iter().map(|(_, index, value)| (members[*index].0.clone(), value.clone()));
            self.contested.insert(claims[0].0.clone(), by_member.collect());
        }
        emissions.dedup_by(|later, first| later.0 == first.0);
        let is_gone = |key: &C::OutKey| emissions.binary_search_by(|emission| emission.0.cmp(key)).is_err();
        let gone: Vec<_> = self.entries.keys().filter(|key| is_gone(key)).cloned().collect();
        let winners = emissions.into_iter().map(|(key, _, value)| (key, Some(value)));
        self.commit(gone.into_iter().map(|key| (key, None)).chain(winners))
    }

    fn is_present(&self, overlay: &Overlay<C>, key: &C::OutKey) -> bool {
        overlay.get(key).map_or_else(|| self.entries.contains_key(key), Option::is_some)
    }

    fn record_claims(&mut self, clashes: &BTreeSet<C::OutKey>, members: Members<C>) {
        for (member, value) in members {
            for (key, value) in emitted::<C>(&member, Some(&value)) {
                if clashes.contains(&key) {
                    self.contested.entry(key).or_default().insert(member.clone(), value);
                }
            }
        }
    }

    /// Decides contested keys anew: the smallest member wins, a single claim is no contest.
    fn resolve(&mut self, touched: BTreeSet<C::OutKey>, overlay: &mut Overlay<C>) {
        for key in touched {
            let claims = self.contested.get(&key).expect("touched keys have an entry");
            let winner = claims.first_key_value().map(|(_, value)| value.clone());
            if claims.len() < 2 {
                self.contested.remove(&key);
            }
            overlay.insert(key, winner);
        }
    }

    fn commit(&mut self, entries: impl IntoIterator<Item = (C::OutKey, Option<C::OutValue>)>) -> bool {
        let mut changed = false;
        for (key, value) in entries {
            if self.entries.get(&key) == value.as_ref() {
                continue;
            }
            changed = true;
            match value {
                Some(value) => self.entries.insert(key, value),
                None => self.entries.remove(&key),
            };
        }
        changed
    }
}

/// What a member emits, sorted by key, each key once.
fn emitted<C: Collect>(member: &MemberKey<C>, value: Option<&Arc<MemberValue<C>>>) -> Entries<C> {
    let mut entries = Entries::<C>::new();
    if let Some(value) = value {
        C::entries(member, value, &mut |key, value| entries.push((key, value)));
    }
    entries.sort_by(|left, right| left.0.cmp(&right.0));
    entries.dedup_by(|later, first| later.0 == first.0);
    entries
}

fn value_of<'a, C: Collect>(entries: &'a Entries<C>, key: &C::OutKey) -> Option<&'a C::OutValue> {
    let at = entries.binary_search_by(|entry| entry.0.cmp(key)).ok()?;
    Some(&entries[at].1)
}
