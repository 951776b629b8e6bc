//! The database: inputs go in, leased values come out.

use std::cell::{Ref, RefCell};
use std::fmt;
use std::sync::Arc;

use crate::core::Core;
use crate::define::{Collect, Index, Input, Query};
use crate::explain::{Explanation, NodeId};
use crate::input::ChangeSet;
use crate::reader::Reader;
use crate::settle::{Settled, settle_pending};
use crate::stats::Stats;
use crate::terms::Revision;
use crate::{collect, index, input, query};

/// Facts, the values derived from them, and the reads between them.
///
/// One thread at a time. Values are shared by `Arc` and may leave the thread.
///
/// # Panics in computations
///
/// A panic in a computation, in `entries`, in `buckets` or in a comparison of values is a bug of the caller. It
/// propagates through the call of the `Db` that caused it and *poisons* the database: its values are of different
/// revisions, so every later call panics, except for [`is_poisoned`](Self::is_poisoned), [`explain`](Self::explain),
/// [`stats`](Self::stats) and the like. Values that were read before stay valid. To recover, create a new `Db` and
/// apply the facts again.
#[derive(Default)]
pub struct Db {
    core: RefCell<Core>,
}

impl Db {
    /// A database without facts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts to maintain an index. Otherwise the first read does, at the cost of a pass over all facts of the input.
    pub fn register_index<I: Index>(&mut self) {
        self.work(|cell| index::ingredient::<I>(&mut cell.borrow_mut()));
    }

    /// An empty change set.
    pub fn change(&self) -> ChangeSet {
        ChangeSet::new()
    }

    /// Makes changes take effect together. Values are only computed by [`settle`](Self::settle).
    ///
    /// Returns the new revision, or the current one when nothing is different.
    pub fn apply(&mut self, changes: ChangeSet) -> Revision {
        self.work(|cell| {
            let core = &mut *cell.borrow_mut();
            core.revision += 1;
            if !changes.write_to(core) {
                core.revision -= 1;
            }
            Revision(core.revision)
        })
    }

    /// Brings every leased value to the newest revision, and reports the work done.
    pub fn settle(&mut self) -> Settled {
        self.work(|cell| {
            settle_pending(cell);
            cell.borrow_mut().report()
        })
    }

    /// A fact as it is now, settled or not. Leaves no trace.
    pub fn input<I: Input>(&self, key: &I::Key) -> Option<Arc<I::Value>> {
        input::peek::<I>(&self.core(), key)
    }

    /// Answers a question from the current revision without keeping a result or an edge. Values computed for it stay
    /// until the next [`collect_garbage`](Self::collect_garbage).
    ///
    /// Changes that are not settled yet are settled first; the next [`settle`](Self::settle) reports that.
    pub fn ask<T>(&mut self, question: impl FnOnce(&Reader<'_>) -> T) -> T {
        self.work(|cell| {
            settle_pending(cell);
            let reader = Reader::outside(cell);
            let answer = question(&reader);
            reader.abandon();
            answer
        })
    }

    /// What is known about a query, if it is in memory.
    pub fn explain<Q: Query>(&self, key: &Q::Key) -> Option<Explanation> {
        let core = self.core.borrow();
        query::find::<Q>(&core, key).map(|id| core.explain(id))
    }

    /// What is known about a collection, if it is in memory.
    pub fn explain_collect<C: Collect>(&self, key: &C::Key) -> Option<Explanation> {
        let core = self.core.borrow();
        collect::find::<C>(&core, key).map(|id| core.explain(id))
    }

    /// What is known about a node that another explanation mentions, if it is still in memory.
    pub fn explain_node(&self, id: NodeId) -> Option<Explanation> {
        let core = self.core.borrow();
        ((id.0.id as usize) < core.nodes.len() && core.is_alive(id.0)).then(|| core.explain(id.0.id))
    }

    /// Sizes and counters.
    pub fn stats(&self) -> Stats {
        self.core.borrow().stats()
    }

    /// The newest revision, settled or not.
    pub fn revision(&self) -> Revision {
        Revision(self.core.borrow().revision)
    }

    /// Drops values that were not read or leased for `grace` revisions. Returns the number of dropped nodes.
    ///
    /// The cost depends on the number of candidates, not of nodes. With a grace of 0 only values stay that a lease
    /// needs, directly or not.
    pub fn collect_garbage(&mut self, grace: u64) -> u64 {
        self.work(|cell| cell.borrow_mut().collect_garbage(grace))
    }

    /// Whether a computation panicked.
    pub fn is_poisoned(&self) -> bool {
        self.core.borrow().busy
    }

    /// The core for reading its values.
    pub(crate) fn core(&self) -> Ref<'_, Core> {
        let core = self.core.borrow();
        assert_not_poisoned(&core);
        core
    }

    /// Runs an operation; when that panics, the database is poisoned.
    pub(crate) fn work<T>(&mut self, operation: impl FnOnce(&RefCell<Core>) -> T) -> T {
        {
            let core = self.core.get_mut();
            assert_not_poisoned(core);
            core.busy = true;
            core.end_released_leases();
        }
        let result = operation(&self.core);
        self.core.get_mut().busy = false;
        result
    }
}

fn assert_not_poisoned(core: &Core) {
    if core.busy {
        let during = core.computing.last().map(|&id| (core.ingredient_of(id).name, core.key_text(id)));
        match during {
            Some((name, key)) => {
                panic!("the database is poisoned: the computation of `{name}` for {key} panicked")
            }
            None => panic!("the database is poisoned: an operation panicked"),
        }
    }
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db").field("revision", &self.revision()).finish_non_exhaustive()
    }
}
