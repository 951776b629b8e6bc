//! The union of the entries of many members, updated by changes.
//!
//! Only the entry itself is stored for each entry: its member is recorded only for keys that several members emit. A
//! new conflict is resolved by one pass over all members.
//!
//! Members are nodes here: the code depends on what is emitted, not on who emits it.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use imbl::OrdMap;

use crate::terms::Key;

#[cfg(test)]
mod tests;

/// The entries of a member, sorted by key, each key once.
pub(crate) type Entries<K, V> = Vec<(K, V)>;

/// The entries of a member before and after.
pub(crate) struct MemberEdit<K, V> {
    pub(crate) member: u32,
    pub(crate) old: Entries<K, V>,
    pub(crate) new: Entries<K, V>,
}

/// The entries of all members, in the order of the members; only the first of a member's entries for a key counts.
pub(crate) type Emissions<K, V> = Vec<(K, u32, V)>;

/// The order of members, which decides which one wins a contested key.
pub(crate) type Order<'a> = &'a dyn Fn(u32, u32) -> Ordering;

/// The fate of an entry.
enum Fate<V> {
    Set(V),
    Removed,
    /// The claims decide.
    Contested,
    /// The same, once they are recorded: a second member has started to emit the key.
    Clash,
}

pub(crate) struct Union<K, V> {
    entries: OrdMap<K, V>,
    /// The keys that at least two members emit, with the value of each, in the order of members.
    contested: BTreeMap<K, Vec<(u32, V)>>,
}

impl<K, V> Default for Union<K, V> {
    fn default() -> Self {
        Self { entries: OrdMap::new(), contested: BTreeMap::new() }
    }
}

impl<K: Key, V: Clone + PartialEq> Union<K, V> {
    pub(crate) fn entries(&self) -> &OrdMap<K, V> {
        &self.entries
    }

    /// Applies the changes of some members. `emissions` returns those of all members after the changes; it is called
    /// only if two members have started to emit the same key. Returns whether an entry changed.
    pub(crate) fn update(
        &mut self,
        edits: Vec<MemberEdit<K, V>>,
        order: Order<'_>,
        emissions: &dyn Fn() -> Emissions<K, V>,
    ) -> bool {
        let mut fates = BTreeMap::new();
        let mut clash = false;
        // Removals of all members first: a key that moves from one member to another is not a clash.
        for MemberEdit { member, old, new } in &edits {
            for (key, _) in old.iter().filter(|(key, _)| value_of(new, key).is_none()) {
                let fate = self.contested.get_mut(key).map_or(Fate::Removed, |claims| {
                    claims.retain(|(other, _)| other != member);
                    Fate::Contested
                });
                fates.insert(key.clone(), fate);
            }
        }
        for MemberEdit { member, old, new } in edits {
            for (key, value) in new {
                let had = value_of(&old, &key);
                if had == Some(&value) {
                    continue;
                }
                let known = fates.get(&key);
                let fate = if let Some(claims) = self.contested.get_mut(&key) {
                    match claims.binary_search_by(|(other, _)| order(*other, member)) {
                        Ok(at) => claims[at].1 = value,
                        Err(at) => claims.insert(at, (member, value)),
                    }
                    Fate::Contested
                } else if matches!(known, Some(Fate::Clash)) || had.is_none() && self.is_present(known, &key)
                {
                    clash = true;
                    Fate::Clash
                } else {
                    Fate::Set(value)
                };
                fates.insert(key, fate);
            }
        }
        if clash {
            self.record_claims(&fates, emissions());
        }
        let mut changed = false;
        for (key, fate) in fates {
            let value = match fate {
                Fate::Set(value) => Some(value),
                Fate::Removed => None,
                Fate::Contested | Fate::Clash => self.winner(&key),
            };
            changed |= self.set(key, value);
        }
        changed
    }

    /// Changes the entries to the union of `emissions`, so that what is equal stays shared.
    pub(crate) fn rebuild(&mut self, mut emissions: Emissions<K, V>) -> bool {
        // Stable: for one key, the members stay in order, and so does what one of them emits.
        emissions.sort_by(|left, right| left.0.cmp(&right.0));
        emissions.dedup_by(|later, first| (&later.0, later.1) == (&first.0, first.1));
        self.contested.clear();
        for claims in emissions.chunk_by(|left, right| left.0 == right.0).filter(|claims| claims.len() > 1) {
            let by_member = claims.iter().map(|(_, member, value)| (*member, value.clone()));
            self.contested.insert(claims[0].0.clone(), by_member.collect());
        }
        emissions.dedup_by(|later, first| later.0 == first.0);
        let is_gone = |key: &K| emissions.binary_search_by(|emission| emission.0.cmp(key)).is_err();
        let gone: Vec<_> = self.entries.keys().filter(|key| is_gone(key)).cloned().collect();
        let mut changed = false;
        for key in gone {
            changed |= self.set(key, None);
        }
        for (key, _, value) in emissions {
            changed |= self.set(key, Some(value));
        }
        changed
    }

    fn is_present(&self, fate: Option<&Fate<V>>, key: &K) -> bool {
        fate.map_or_else(|| self.entries.contains_key(key), |fate| !matches!(fate, Fate::Removed))
    }

    fn record_claims(&mut self, fates: &BTreeMap<K, Fate<V>>, emissions: Emissions<K, V>) {
        for (key, member, value) in emissions {
            if matches!(fates.get(&key), Some(Fate::Clash)) {
                let claims = self.contested.entry(key).or_default();
                if claims.last().is_none_or(|(last, _)| *last != member) {
                    claims.push((member, value));
                }
            }
        }
    }

    /// Decides a contested key again: the first member wins, a single claim is no contest.
    fn winner(&mut self, key: &K) -> Option<V> {
        let claims = self.contested.get(key).expect("what is contested has claims");
        let winner = claims.first().map(|(_, value)| value.clone());
        if claims.len() < 2 {
            self.contested.remove(key);
        }
        winner
    }

    /// Returns whether that was a change.
    fn set(&mut self, key: K, value: Option<V>) -> bool {
        if self.entries.get(&key) == value.as_ref() {
            return false;
        }
        match value {
            Some(value) => self.entries.insert(key, value),
            None => self.entries.remove(&key),
        };
        true
    }
}

fn value_of<'a, K: Ord, V>(entries: &'a Entries<K, V>, key: &K) -> Option<&'a V> {
    let at = entries.binary_search_by(|entry| entry.0.cmp(key)).ok()?;
    Some(&entries[at].1)
}
