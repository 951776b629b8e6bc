//! The only way a computation sees anything: every read through it becomes an edge.

use std::cell::RefCell;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use crate::core::Core;
use crate::define::{Collect, Index, Input, Query, Stratum};
use crate::{collect, index, input, query};

/// Reads inputs, indexes, queries and collections, and records each read as a dependency.
pub struct Reader<'a> {
    cell: &'a RefCell<Core>,
    name: &'static str,
    stratum: Stratum,
    /// In order and with repetitions.
    reads: RefCell<Vec<u32>>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(cell: &'a RefCell<Core>, name: &'static str, stratum: Stratum) -> Self {
        Self { cell, name, stratum, reads: RefCell::default() }
    }

    pub(crate) fn into_reads(self) -> Vec<u32> {
        self.reads.into_inner()
    }

    /// The value of a query of a lower stratum, computed now when that has not been done yet.
    ///
    /// # Panics
    ///
    /// When `Q` is not of a lower stratum than the reading computation.
    pub fn get<Q: Query>(&self, key: &Q::Key) -> Arc<Q::Value> {
        self.check_stratum(Q::NAME, Q::STRATUM);
        let (id, value) = query::fresh::<Q>(self.cell, key);
        self.record(id);
        value
    }

    /// A base fact. That there is none is a dependency too.
    pub fn input<I: Input>(&self, key: &I::Key) -> Option<Arc<I::Value>> {
        let (id, value) = input::observe::<I>(&mut self.cell.borrow_mut(), key);
        self.record(id);
        value
    }

    /// The keys of the facts in a bucket, ordered. O(1): the set is shared, not copied.
    pub fn index<I: Index>(&self, bucket: &I::Bucket) -> OrdSet<<I::Input as Input>::Key> {
        let (id, keys) = index::observe::<I>(&mut self.cell.borrow_mut(), bucket);
        self.record(id);
        keys
    }

    /// The entries of a collection of a lower stratum. O(1): the map is shared, not copied.
    ///
    /// # Panics
    ///
    /// When `C` is not of a lower stratum than the reading computation.
    pub fn collect<C: Collect>(&self, key: &C::Key) -> OrdMap<C::OutKey, C::OutValue> {
        self.check_stratum(C::NAME, C::STRATUM);
        let (id, entries) = collect::fresh::<C>(self.cell, key);
        self.record(id);
        entries
    }

    fn check_stratum(&self, name: &'static str, stratum: Stratum) {
        assert!(
            stratum < self.stratum,
            "`{}` of stratum {} may not read `{name}` of stratum {}: only lower strata may be read",
            self.name,
            self.stratum.0,
            stratum.0,
        );
    }

    fn record(&self, id: u32) {
        self.reads.borrow_mut().push(id);
    }
}
