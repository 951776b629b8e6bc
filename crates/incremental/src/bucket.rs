//! The buckets of an index, and the row of a fact in them.

use imbl::OrdSet;

use crate::table::{Erased, Row, Table};
use crate::terms::Key;

/// An index, as seen by the input that it groups.
#[derive(Clone, Copy)]
pub(crate) struct IndexOver {
    pub(crate) ingredient: u16,
    /// The buckets of a fact, as rows of the index.
    pub(crate) buckets: fn(facts: &Table, row: u32, value: &Erased, index: &mut Table) -> Vec<u32>,
    /// Puts the key of a fact into a bucket; returns whether it is new there.
    pub(crate) insert: EditBucket,
    /// Takes the key of a fact out of a bucket; returns whether it was there.
    pub(crate) remove: EditBucket,
}

pub(crate) type EditBucket = fn(facts: &Table, row: u32, index: &mut Table, bucket: u32) -> bool;

pub(crate) fn insert<K: Key>(facts: &Table, row: u32, index: &mut Table, bucket: u32) -> bool {
    index.edited_mut::<Bucket<K>>()[bucket as usize].insert(facts.key(row))
}

pub(crate) fn remove<K: Key>(facts: &Table, row: u32, index: &mut Table, bucket: u32) -> bool {
    index.edited_mut::<Bucket<K>>()[bucket as usize].remove(facts.key(row))
}

/// The keys in a bucket. Most buckets have one, and a set of one takes ten times its memory.
#[derive(Default)]
pub(crate) enum Bucket<K> {
    /// No keys, but something has read it.
    #[default]
    Empty,
    One(K),
    Many(OrdSet<K>),
}

impl<K: Key> Row for Bucket<K> {
    fn outlives_node(&self) -> bool {
        !matches!(self, Self::Empty)
    }
}

impl<K: Key> Bucket<K> {
    pub(crate) fn keys(&self) -> OrdSet<K> {
        match self {
            Self::Empty => OrdSet::new(),
            Self::One(key) => OrdSet::unit(key.clone()),
            Self::Many(keys) => keys.clone(),
        }
    }

    /// Returns whether the key is new.
    fn insert(&mut self, key: &K) -> bool {
        match self {
            Self::Empty => *self = Self::One(key.clone()),
            Self::One(known) if known == key => return false,
            Self::One(known) => *self = Self::Many([known.clone(), key.clone()].into_iter().collect()),
            Self::Many(keys) => return keys.insert(key.clone()).is_none(),
        }
        true
    }

    /// Returns whether the key was there.
    fn remove(&mut self, key: &K) -> bool {
        match self {
            Self::One(known) if known == key => *self = Self::Empty,
            Self::Empty | Self::One(_) => return false,
            Self::Many(keys) => {
                let known = keys.remove(key).is_some();
                if let (1, Some(last)) = (keys.len(), keys.get_min()) {
                    *self = Self::One(last.clone());
                }
                return known;
            }
        }
        true
    }
}
