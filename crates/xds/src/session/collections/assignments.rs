//! What a client knows of load assignments with collections.

use std::collections::{BTreeMap, BTreeSet};

use fairlead_resource::{
    ResourceName,
    collection::{Collection, Epoch},
};

/// What is known of the assignments with collections that a client has or had.
#[derive(Default)]
#[cfg_attr(test, derive(Clone))]
pub(in crate::session) struct Assignments {
    pub(super) known: BTreeMap<ResourceName, Epochs>,
    /// Collections that the client has opened, and has not been sent: by cluster, with their epoch.
    pub(super) fresh: BTreeMap<ResourceName, (Epoch, BTreeSet<ResourceName>)>,
    /// The collections that the client has opened, as it has named them.
    pub(super) opened: BTreeSet<ResourceName>,
    /// Assignments that are sent in full, because it cannot be told which collections the client knows.
    pub(super) full: BTreeSet<ResourceName>,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Epochs {
    /// The client has the assignment in this epoch, or had it last.
    pub(super) had: Option<Epoch>,
    /// It was last sent in this one, on this stream.
    pub(super) sent: Option<Epoch>,
}

impl Assignments {
    /// The epoch in which an assignment is to be sent.
    pub(super) fn next(&self, cluster: &str) -> Epoch {
        let had = self.known.get(cluster).and_then(|epochs| epochs.had);
        had.map_or(Epoch::First, Epoch::other)
    }

    /// Whether the client has opened collections that it has not been sent.
    pub(in crate::session) fn awaited(&self) -> bool {
        !self.fresh.is_empty()
    }

    /// Whether there are assignments of which it cannot be told which collections the client knows.
    pub(in crate::session) fn unclear(&self) -> bool {
        !self.full.is_empty()
    }

    /// How many collections are open.
    pub(in crate::session) fn opened(&self) -> usize {
        self.opened.len()
    }

    /// Forgets an assignment of which nothing is left at the client.
    pub(super) fn forget(&mut self, cluster: &str) {
        let open = self.opened.iter().filter_map(|glob| Collection::of_glob(glob));
        if self.known.contains_key(cluster) && !open.into_iter().any(|c| c.cluster() == cluster) {
            self.known.remove(cluster);
        }
    }
}
