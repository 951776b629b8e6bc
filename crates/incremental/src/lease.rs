//! Leases keep roots alive and demanded.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use imbl::OrdMap;

use crate::db::Db;
use crate::define::{Collect, Query};
use crate::node::NodeRef;
use crate::{collect, query};

/// Leases that were dropped. The engine takes notice at its next operation.
pub(crate) type Releases = Arc<Mutex<Vec<NodeRef>>>;

/// Identifies a leased root. All leases on one root share it; it is not used again for another root.
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

    fn node_in(&self, db: &Db) -> u32 {
        assert!(Arc::ptr_eq(&self.releases, &db.core().releases), "the lease is of another database");
        self.node.id
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // The list is whole after every push, so a panic elsewhere does not spoil it.
        self.releases.lock().unwrap_or_else(PoisonError::into_inner).push(self.node);
    }
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
        let id = self.hold.node_in(db);
        query::value::<Q>(&db.core(), id)
    }

    /// Identifies the root in [`Settled::changed`](crate::Settled::changed).
    pub fn id(&self) -> RootId {
        RootId(self.hold.node)
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
        let id = self.hold.node_in(db);
        collect::entries::<C>(&db.core(), id)
    }

    /// Identifies the root in [`Settled::changed`](crate::Settled::changed).
    pub fn id(&self) -> RootId {
        RootId(self.hold.node)
    }
}

/// A [`Lease`] or a [`CollectLease`].
pub trait AnyLease {
    /// Identifies the leased root.
    fn id(&self) -> RootId;
}

impl<Q: Query> AnyLease for Lease<Q> {
    fn id(&self) -> RootId {
        Lease::id(self)
    }
}

impl<C: Collect> AnyLease for CollectLease<C> {
    fn id(&self) -> RootId {
        CollectLease::id(self)
    }
}

impl<Q: Query> fmt::Debug for Lease<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lease({} {:?})", Q::NAME, self.hold.node)
    }
}

impl<C: Collect> fmt::Debug for CollectLease<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CollectLease({} {:?})", C::NAME, self.hold.node)
    }
}
