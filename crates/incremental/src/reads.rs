//! The reads of a computation.

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use crate::define::{Collect, Index, Input, Query};
use crate::reader::Reader;
use crate::table::typed;
use crate::{collect, index, input, query};

impl Reader<'_> {
    /// The previous result of this computation, if there was one: editing a large value can cost less than computing
    /// all of it.
    ///
    /// This is not a dependency, and the result must equal that of a computation without it. If the sources of the
    /// earlier value are needed to find what has changed since, the value must contain them; everything on which the
    /// result depends must be read again.
    ///
    /// # Panics
    ///
    /// When `Q` is not the query that is being computed.
    pub fn previous<Q: Query>(&self) -> Option<Arc<Q::Value>> {
        assert_eq!(self.name, Q::NAME, "a computation has no earlier value but its own");
        self.edit().map(typed)
    }

    /// The value of a query of a lower stratum, computed now if necessary.
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

    /// A base fact. Its absence is a dependency too.
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
}
