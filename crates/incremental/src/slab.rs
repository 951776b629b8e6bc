//! The typed half of nodes: keys and values of one ingredient, addressed by slot.

use std::any::Any;
use std::cmp::Ordering;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::terms::Key;

/// No node: nobody has read this fact or bucket.
pub(crate) const NO_NODE: u32 = u32::MAX;

/// What a slot stores beside its key.
pub(crate) trait Data: Default + Send + 'static {
    /// Whether the slot is still needed when its node is dropped.
    fn outlives_node(&self) -> bool;
}

/// A value that is there or not, such as a fact, or the result of a query before and after the first
/// computation. With `KEPT`, it needs no node to stay.
pub(crate) struct Stored<V, const KEPT: bool>(pub(crate) Option<Arc<V>>);

impl<V, const KEPT: bool> Default for Stored<V, KEPT> {
    fn default() -> Self {
        Self(None)
    }
}

impl<V: Send + Sync + 'static, const KEPT: bool> Data for Stored<V, KEPT> {
    fn outlives_node(&self) -> bool {
        KEPT && self.0.is_some()
    }
}

pub(crate) struct Slot<K, T> {
    pub(crate) key: K,
    pub(crate) node: u32,
    pub(crate) data: T,
}

pub(crate) struct Slab<K, T> {
    locals: FxHashMap<K, u32>,
    slots: Vec<Option<Slot<K, T>>>,
    free: Vec<u32>,
}

impl<K: Key, T: Data> Slab<K, T> {
    pub(crate) fn new() -> Self {
        Self { locals: FxHashMap::default(), slots: Vec::new(), free: Vec::new() }
    }

    pub(crate) fn find(&self, key: &K) -> Option<u32> {
        self.locals.get(key).copied()
    }

    pub(crate) fn find_or_insert(&mut self, key: &K) -> u32 {
        if let Some(local) = self.find(key) {
            return local;
        }
        let slot = Some(Slot { key: key.clone(), node: NO_NODE, data: T::default() });
        let local = if let Some(local) = self.free.pop() {
            self.slots[local as usize] = slot;
            local
        } else {
            self.slots.push(slot);
            u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 slots fit in memory")
        };
        self.locals.insert(key.clone(), local);
        local
    }

    pub(crate) fn slot(&self, local: u32) -> &Slot<K, T> {
        self.slots[local as usize].as_ref().expect("a live node or key refers to an occupied slot")
    }

    pub(crate) fn slot_mut(&mut self, local: u32) -> &mut Slot<K, T> {
        self.slots[local as usize].as_mut().expect("a live node or key refers to an occupied slot")
    }

    pub(crate) fn remove(&mut self, local: u32) {
        if let Some(slot) = self.slots[local as usize].take() {
            self.locals.remove(&slot.key);
            self.free.push(local);
        }
    }

    /// The occupied slots, in no particular order.
    pub(crate) fn slots(&self) -> impl Iterator<Item = &Slot<K, T>> {
        self.slots.iter().flatten()
    }
}

/// A [`Slab`] whose types are forgotten.
pub(crate) trait Table: Any + Send {
    fn compare(&self, left: u32, right: u32) -> Ordering;
    fn key_text(&self, local: u32) -> String;
    #[cfg(test)]
    fn len(&self) -> usize;
    /// Forgets the node of a slot, and the slot with it unless its data is still needed.
    fn detach(&mut self, local: u32);
}

impl<K: Key, T: Data> Table for Slab<K, T> {
    fn compare(&self, left: u32, right: u32) -> Ordering {
        self.slot(left).key.cmp(&self.slot(right).key)
    }

    fn key_text(&self, local: u32) -> String {
        format!("{:?}", self.slot(local).key)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        assert_eq!(self.locals.len(), self.slots().count());
        self.locals.len()
    }

    fn detach(&mut self, local: u32) {
        if self.slot(local).data.outlives_node() {
            self.slot_mut(local).node = NO_NODE;
        } else {
            self.remove(local);
        }
    }
}
