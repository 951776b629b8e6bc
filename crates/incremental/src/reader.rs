//! The only way a computation sees anything: every read through it becomes an edge.

use std::cell::{Cell, RefCell};

use crate::core::Core;
use crate::terms::Stratum;

/// Reads inputs, indexes, queries and collections, and records each read as a dependency.
pub struct Reader<'a> {
    pub(crate) cell: &'a RefCell<Core>,
    /// The node that is being computed.
    pub(crate) id: u32,
    pub(crate) name: &'static str,
    stratum: Stratum,
    /// In order and with repetitions.
    reads: RefCell<Vec<u32>>,
    /// Whether the computation has looked at its own earlier value.
    pub(crate) edits: Cell<bool>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(cell: &'a RefCell<Core>, id: u32, name: &'static str, stratum: Stratum) -> Self {
        Self { cell, id, name, stratum, reads: RefCell::default(), edits: Cell::new(false) }
    }

    /// What was read, and whether the earlier value was.
    pub(crate) fn finish(self) -> (Vec<u32>, bool) {
        (self.reads.into_inner(), self.edits.get())
    }

    pub(crate) fn check_stratum(&self, name: &'static str, stratum: Stratum) {
        assert!(
            stratum < self.stratum,
            "`{}` of stratum {} may not read `{name}` of stratum {}: only lower strata may be read",
            self.name,
            self.stratum.0,
            stratum.0,
        );
    }

    pub(crate) fn record(&self, id: u32) {
        self.reads.borrow_mut().push(id);
    }
}
