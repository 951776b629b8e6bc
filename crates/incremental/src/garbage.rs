//! Drops values that are no longer read.

use crate::core::Core;
use crate::terms::Kind;

impl Core {
    /// Ends the leases that were dropped since the last call.
    pub(crate) fn end_released_leases(&mut self) {
        let released = {
            let mut list = self.releases.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            std::mem::take(&mut *list)
        };
        for node in released {
            debug_assert!(self.is_alive(node), "a lease keeps its node alive");
            self.node_mut(node.id).leases -= 1;
            self.undemand(node.id);
            self.list_if_unread(node.id);
        }
    }

    /// Drops unread nodes that went dormant at least `grace` revisions ago, and nodes that only they read, if these are
    /// as old. Returns how many.
    pub(crate) fn collect_garbage(&mut self, grace: u64) -> u64 {
        let mut dropped = 0;
        let mut kept = Vec::new();
        // Dropping a node may add to the list.
        while let Some(candidate) = self.unread.pop() {
            if !self.is_alive(candidate) {
                continue;
            }
            let id = candidate.id;
            if !self.node(id).is_unread() {
                self.node_mut(id).listed = false;
            } else if self.is_old(id, grace) {
                let deps = std::mem::take(&mut self.node_mut(id).deps);
                self.unlink(id, &deps);
                self.free_node(id);
                dropped += 1;
            } else {
                kept.push(candidate);
            }
        }
        self.unread = kept;
        dropped
    }

    fn is_old(&self, id: u32, grace: u64) -> bool {
        // Facts and buckets keep their data without a node; there is nothing to save.
        let is_base = matches!(self.ingredient_of(id).kind, Kind::Input | Kind::Index);
        is_base || self.revision - self.node(id).verified_at >= grace
    }
}
