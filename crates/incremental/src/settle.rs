//! Brings values up to date: demanded ones when settling, others when they are read.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::core::Core;
use crate::hold::RootId;
use crate::node::{NodeRef, State};
use crate::terms::{Kind, Revision};

/// The report of a call of [`Db::settle`](crate::Db::settle).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// The revision of every leased value now.
    pub revision: Revision,
    /// Number of nodes computed, by the name of their query or collection: again, or for the first time because a
    /// recomputed node has started to read them.
    ///
    /// The member list of a collection is not counted here but in [`Stats`](crate::Stats); neither
    /// are computations on behalf of a new lease.
    pub recomputed: BTreeMap<&'static str, u64>,
    /// Number of reads by those computations, including repetitions: a value made of all values of a kind shows here.
    /// Members that stay in a collection are not read again.
    pub reads: u64,
    /// The leased roots whose value changed since the last report, by name and key.
    pub changed: Vec<ChangedRoot>,
}

/// A leased root whose value changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangedRoot {
    /// The name of its query or collection.
    pub name: &'static str,
    /// What [`Lease::id`](crate::Lease::id) returns for every lease on it.
    pub id: RootId,
}

impl Settled {
    /// Whether the root with this id changed.
    pub fn has_changed(&self, id: RootId) -> bool {
        self.changed.iter().any(|root| root.id == id)
    }

    /// How many nodes were recomputed in all.
    pub fn total_recomputed(&self) -> u64 {
        self.recomputed.values().sum()
    }
}

/// Recomputes the dirty nodes, lowest level first. Each runs at most once: what it reads is settled.
pub(crate) fn settle_pending(cell: &RefCell<Core>) {
    {
        let mut core = cell.borrow_mut();
        core.fresh_at = core.revision;
        core.settling = true;
    }
    loop {
        let batch = cell.borrow_mut().next_batch();
        let Some(batch) = batch else { break };
        for node in batch {
            recompute(cell, node.id);
        }
    }
    cell.borrow_mut().settling = false;
}

/// Brings the value of a node to the current revision. Everything demanded below it is settled.
pub(crate) fn refresh(cell: &RefCell<Core>, id: u32) {
    let (state, deps, verified_at) = {
        let core = cell.borrow();
        let node = core.node(id);
        debug_assert_ne!(node.state, State::Dirty, "a node is read after it was settled");
        if node.state == State::Fresh {
            return;
        }
        (node.state, node.deps.clone(), node.verified_at)
    };
    if state == State::New {
        return recompute(cell, id);
    }
    // In the order of the reads, up to the first change: after it, the node may not read the rest again.
    for dep in deps {
        refresh(cell, dep);
        let mut core = cell.borrow_mut();
        if core.node(dep).changed_at > verified_at {
            core.node_mut(id).cause = Some(core.reference(dep));
            drop(core);
            return recompute(cell, id);
        }
    }
    let mut core = cell.borrow_mut();
    let revision = core.revision;
    let node = core.node_mut(id);
    node.state = State::Fresh;
    node.verified_at = revision;
}

fn recompute(cell: &RefCell<Core>, id: u32) {
    let recompute = {
        let mut core = cell.borrow_mut();
        core.computing.push(id);
        core.ingredient_of(id).recompute
    };
    recompute(cell, id);
}

impl Core {
    fn next_batch(&mut self) -> Option<Vec<NodeRef>> {
        let (_, mut batch) = self.queue.pop_first()?;
        batch.retain(|&node| self.is_alive(node) && self.node(node.id).state == State::Dirty);
        batch.sort_by(|&left, &right| self.compare(left.id, right.id));
        Some(batch)
    }

    /// Takes the events since the last report.
    pub(crate) fn report(&mut self) -> Settled {
        let mut changed = std::mem::take(&mut self.changed_roots);
        changed.retain(|&node| self.is_alive(node) && self.node(node.id).leases > 0);
        changed.sort_by(|&left, &right| self.compare(left.id, right.id));
        changed.dedup();
        let changed = changed
            .into_iter()
            .map(|node| ChangedRoot { name: self.ingredient_of(node.id).name, id: RootId(node) })
            .collect();
        let mut recomputed = BTreeMap::new();
        for ingredient in &mut self.ingredients {
            let count = std::mem::take(&mut ingredient.resettled);
            if count > 0 && matches!(ingredient.kind, Kind::Query | Kind::Collect) {
                recomputed.insert(ingredient.name, count);
            }
        }
        let reads = std::mem::take(&mut self.settled_reads);
        Settled { revision: Revision(self.revision), recomputed, reads, changed }
    }
}
