//! The hold on a leased root: the untyped half of a lease.

use std::sync::{Arc, Mutex, PoisonError};

use crate::node::NodeRef;

/// Leases that were dropped. The engine notices them at its next operation.
pub(crate) type Releases = Arc<Mutex<Vec<NodeRef>>>;

/// Identifies a leased root. All leases on one root share it; it is never reused for another root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RootId(pub(crate) NodeRef);

pub(crate) struct Hold {
    node: NodeRef,
    releases: Releases,
}

impl Hold {
    pub(crate) fn new(node: NodeRef, releases: Releases) -> Self {
        Self { node, releases }
    }

    /// The node, in the database with these releases, which must be the one that granted the lease.
    pub(crate) fn node_in(&self, releases: &Releases) -> u32 {
        assert!(Arc::ptr_eq(&self.releases, releases), "the lease is of another database");
        self.node.id
    }

    pub(crate) fn root(&self) -> RootId {
        RootId(self.node)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // The list is consistent after every push, so a panic elsewhere does not corrupt it.
        self.releases.lock().unwrap_or_else(PoisonError::into_inner).push(self.node);
    }
}
