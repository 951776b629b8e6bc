//! The only access of a computation to data: every read through it becomes an edge.

use std::cell::{Cell, RefCell};

use crate::core::Core;
use crate::table::{Erased, NO_NODE};
use crate::terms::Stratum;

/// Reads inputs, indexes, queries and collections, and records each read as a dependency.
pub struct Reader<'a> {
    pub(crate) cell: &'a RefCell<Core>,
    /// The node that is being computed.
    id: u32,
    pub(crate) name: &'static str,
    stratum: Stratum,
    /// The nodes read, in order and with repetitions.
    reads: RefCell<Vec<u32>>,
    /// Whether the computation has looked at its own earlier value.
    edits: Cell<bool>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(cell: &'a RefCell<Core>, id: u32, name: &'static str, stratum: Stratum) -> Self {
        Self { cell, id, name, stratum, reads: RefCell::default(), edits: Cell::new(false) }
    }

    /// A reader for no node, which may read everything.
    pub(crate) fn outside(cell: &'a RefCell<Core>) -> Self {
        Self::new(cell, NO_NODE, "a question", Stratum(u8::MAX))
    }

    /// Abandons reads without a node, so that values without another reader can be dropped.
    pub(crate) fn abandon(self) {
        let core = &mut *self.cell.borrow_mut();
        for id in self.reads.into_inner() {
            core.list_if_unread(id);
        }
    }

    /// The value of the node before this computation.
    pub(crate) fn earlier(&self) -> Option<Erased> {
        self.cell.borrow().stored(self.id).cloned()
    }

    /// The same, for a computation that edits it.
    pub(crate) fn edit(&self) -> Option<Erased> {
        self.edits.set(true);
        self.earlier()
    }

    /// Whether the computation starts from the earlier value.
    pub(crate) fn is_edit(&self) -> bool {
        self.edits.get()
    }

    /// Stores the result of the computation and what it read. Without a new value, the old one stays.
    pub(crate) fn finish(self, new: Option<Erased>, changed: bool) {
        let core = &mut *self.cell.borrow_mut();
        let old = new.and_then(|new| core.replace(self.id, new));
        core.complete(self.id, self.reads.into_inner());
        if changed {
            core.notify(self.id, old.as_ref());
        }
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
