//! Leases keep roots alive and demanded.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use imbl::OrdMap;

use crate::core::Core;
use crate::db::Db;
use crate::define::{Collect, Query};
use crate::hold::{Hold, RootId};
use crate::settle::settle_pending;
use crate::{collect, query};

impl Db {
    /// Keeps the value of a query up to date from now on, starting with an immediate computation.
    ///
    /// Changes that are not settled yet are settled first, so that all leases show one revision; the
    /// next [`settle`](Self::settle) reports that.
    pub fn lease<Q: Query>(&mut self, key: &Q::Key) -> Lease<Q> {
        Lease::new(self.work(|cell| {
            settle_pending(cell);
            let (id, _) = query::fresh::<Q>(cell, key);
            hold(&mut cell.borrow_mut(), id)
        }))
    }

    /// Keeps a collection up to date from now on; see [`lease`](Self::lease).
    pub fn lease_collect<C: Collect>(&mut self, key: &C::Key) -> CollectLease<C> {
        CollectLease::new(self.work(|cell| {
            settle_pending(cell);
            let (id, _) = collect::fresh::<C>(cell, key);
            hold(&mut cell.borrow_mut(), id)
        }))
    }

    /// Ends a lease now. Dropping it has the same effect at the next operation of the database.
    pub fn release<Q: Query>(&mut self, lease: Lease<Q>) {
        drop(lease);
        self.work(|_| ());
    }
}

fn hold(core: &mut Core, id: u32) -> Hold {
    core.node_mut(id).leases += 1;
    core.demand(id);
    Hold::new(core.reference(id), core.releases.clone())
}

/// Keeps the value of a query up to date until it is dropped.
///
/// May be dropped on any thread.
#[must_use = "a dropped lease ends"]
pub struct Lease<Q: Query> {
    hold: Hold,
    query: PhantomData<fn() -> Q>,
}

impl<Q: Query> Lease<Q> {
    pub(crate) fn new(hold: Hold) -> Self {
        Self { hold, query: PhantomData }
    }

    /// The value as of the last settled revision: never one of a half-settled state.
    ///
    /// # Panics
    ///
    /// When `db` is not the database that granted the lease, or is poisoned.
    pub fn value(&self, db: &Db) -> Arc<Q::Value> {
        let core = db.core();
        query::value::<Q>(&core, self.hold.node_in(&core.releases))
    }

    /// Identifies the root in [`Settled::changed`](crate::Settled::changed).
    pub fn id(&self) -> RootId {
        self.hold.root()
    }
}

/// Keeps a collection up to date until it is dropped.
///
/// May be dropped on any thread.
#[must_use = "a dropped lease ends"]
pub struct CollectLease<C: Collect> {
    hold: Hold,
    collect: PhantomData<fn() -> C>,
}

impl<C: Collect> CollectLease<C> {
    pub(crate) fn new(hold: Hold) -> Self {
        Self { hold, collect: PhantomData }
    }

    /// The entries as of the last settled revision: never those of a half-settled state.
    ///
    /// # Panics
    ///
    /// When `db` is not the database that granted the lease, or is poisoned.
    pub fn value(&self, db: &Db) -> OrdMap<C::OutKey, C::OutValue> {
        let core = db.core();
        collect::entries::<C>(&core, self.hold.node_in(&core.releases))
    }

    /// Identifies the root in [`Settled::changed`](crate::Settled::changed).
    pub fn id(&self) -> RootId {
        self.hold.root()
    }
}

impl<Q: Query> fmt::Debug for Lease<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lease({} {:?})", Q::NAME, self.hold.root())
    }
}

impl<C: Collect> fmt::Debug for CollectLease<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CollectLease({} {:?})", C::NAME, self.hold.root())
    }
}
