//! The names that a client subscribes to, stored as a difference to a shared set where that is smaller.
//!
//! Envoy subscribes to every cluster's endpoints by name: 10,000 names for each of 10,000 clients. Since these
//! are nearly always the names of the published set, that set is kept as the base (it is shared) and only the
//! difference is stored per session.

use std::collections::{BTreeMap, BTreeSet};

use fairlead_resource::{
    ResourceName, ResourceSet,
    collection::{Collection, Epoch},
};

use crate::diff::{Change, changes};

/// Minimum number of names for sharing a base; fewer are kept as a plain set.
const SHARE_FROM: usize = 64;

/// Memory in bytes that a name takes besides its text, in the set and in the session's accounting.
const NAME_OVERHEAD: usize = 128;

/// The subscription of one type.
#[cfg_attr(test, derive(Clone))]
#[derive(Default)]
pub(crate) struct Names {
    /// All resources of the type are wanted, not only the names.
    pub(crate) wildcard: bool,
    /// The collections whose endpoints are wanted, by their prefix in the first epoch, with the epoch in which the
    /// client knows them.
    pub(crate) collections: BTreeMap<ResourceName, Epoch>,
    base: ResourceSet,
    minus: BTreeSet<ResourceName>,
    plus: BTreeSet<ResourceName>,
}

impl Names {
    /// Whether the client wants this resource: by wildcard, by name or by collection.
    pub(crate) fn wants(&self, name: &ResourceName) -> bool {
        self.wildcard || self.named(name) || self.epoch_of(name).is_some()
    }

    /// The epoch of the collection by which the client wants this endpoint.
    pub(crate) fn epoch_of(&self, endpoint: &str) -> Option<Epoch> {
        if self.collections.is_empty() {
            return None;
        }
        self.collections.get(Collection::prefix_of(endpoint)?).copied()
    }

    /// Whether the client has asked for this name.
    pub(crate) fn named(&self, name: &ResourceName) -> bool {
        self.plus.contains(name) || (self.base.contains_key(name) && !self.minus.contains(name))
    }

    /// How many names the client has asked for.
    pub(crate) fn len(&self) -> usize {
        self.base.len() - self.minus.len() + self.plus.len()
    }

    /// Bytes of the names that no published set has.
    pub(crate) fn own_bytes(&self) -> usize {
        let name = |name: &ResourceName| name.len() + NAME_OVERHEAD;
        self.plus.iter().chain(self.collections.keys()).map(name).sum::<usize>()
            + self.minus.len() * NAME_OVERHEAD
    }

    /// Adds a name. Returns whether it is new.
    pub(crate) fn insert(&mut self, name: &ResourceName) -> bool {
        if self.base.contains_key(name) { self.minus.remove(name) } else { self.plus.insert(name.clone()) }
    }

    /// Removes a name. Returns whether it was there.
    pub(crate) fn remove(&mut self, name: &ResourceName) -> bool {
        if self.base.contains_key(name) { self.minus.insert(name.clone()) } else { self.plus.remove(name) }
    }

    /// The names in no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &ResourceName> {
        self.base.keys().filter(|n| !self.minus.contains(*n)).chain(&self.plus)
    }

    /// Whether every resource of `set` is wanted.
    pub(crate) fn cover(&self, set: &ResourceSet) -> bool {
        self.wildcard
            || (self.base.ptr_eq(set) && self.minus.is_empty())
            || (self.len() >= set.len() && set.keys().all(|n| self.named(n)))
    }

    /// Expresses the names relative to `current`, so that no older set is kept alive for its names.
    pub(crate) fn share_with(&mut self, current: &ResourceSet) {
        if self.base.is_empty() {
            if !current.is_empty() && self.plus.len() >= SHARE_FROM && self.plus.len() * 2 >= current.len() {
                self.minus = current.keys().filter(|n| !self.plus.contains(*n)).cloned().collect();
                self.plus.retain(|n| !current.contains_key(n));
                self.base = current.clone();
            }
        } else if self.minus.len() * 2 > self.base.len() {
            self.plus = self.iter().cloned().collect();
            self.base = ResourceSet::new();
            self.minus = BTreeSet::new();
        } else if !self.base.ptr_eq(current) {
            self.rebase(current);
        }
    }

    fn rebase(&mut self, current: &ResourceSet) {
        for change in changes(&self.base, current) {
            match change {
                Change::Set { old: Some(_), .. } => {}
                Change::Set { old: None, new } => {
                    if !self.plus.remove(&new.name) {
                        self.minus.insert(new.name.clone());
                    }
                }
                Change::Gone(old) => {
                    if !self.minus.remove(&old.name) {
                        self.plus.insert(old.name.clone());
                    }
                }
            }
        }
        self.base = current.clone();
    }
}

#[cfg(test)]
mod tests;
