//! [`Change`] of one object, and [`ChangeBatch`]: changes merged by key.

use std::collections::BTreeMap;

use crate::{AnyConfig, ConfigKey};

/// A change of one object.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The object is new or has changed.
    Set(AnyConfig),
    /// The object is gone.
    Delete(ConfigKey),
}

impl Change {
    /// The object that changes.
    pub fn key(&self) -> &ConfigKey {
        match self {
            Self::Set(config) => config.key(),
            Self::Delete(key) => key,
        }
    }
}

/// Changes of different objects: at most one for each key, the latest, in the order of keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChangeBatch(BTreeMap<ConfigKey, Change>);

impl ChangeBatch {
    /// No change.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a change, in place of an earlier one of the same object.
    pub fn push(&mut self, change: Change) {
        self.0.insert(change.key().clone(), change);
    }

    /// Adds all changes of a later batch.
    pub fn merge(&mut self, later: Self) {
        self.0.extend(later.0);
    }

    /// Number of objects that change.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The change of one object.
    pub fn get(&self, key: &ConfigKey) -> Option<&Change> {
        self.0.get(key)
    }

    /// Takes the change of one object out.
    pub fn remove(&mut self, key: &ConfigKey) -> Option<Change> {
        self.0.remove(key)
    }

    /// Takes out the changes of the objects that `keep` is false for.
    pub fn retain(&mut self, keep: impl Fn(&ConfigKey) -> bool) {
        self.0.retain(|key, _| keep(key));
    }

    /// The changes in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = &Change> {
        self.0.values()
    }
}

impl IntoIterator for ChangeBatch {
    type Item = Change;
    type IntoIter = std::collections::btree_map::IntoValues<ConfigKey, Change>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_values()
    }
}

impl FromIterator<Change> for ChangeBatch {
    fn from_iter<I: IntoIterator<Item = Change>>(changes: I) -> Self {
        let mut batch = Self::new();
        batch.extend(changes);
        batch
    }
}

impl Extend<Change> for ChangeBatch {
    fn extend<I: IntoIterator<Item = Change>>(&mut self, changes: I) {
        for change in changes {
            self.push(change);
        }
    }
}
