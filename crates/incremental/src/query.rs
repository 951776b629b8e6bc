//! Query nodes: one memoised value per key.

use std::cell::RefCell;
use std::sync::Arc;

use crate::core::{Core, Erased, Ingredient, query_level};
use crate::define::Query;
use crate::node::State;
use crate::reader::Reader;
use crate::slab::{Slab, Slot, Stored};
use crate::terms::Kind;

/// The stored value of a query; none before the first computation.
type Memo<V> = Stored<V, false>;

pub(crate) fn ingredient<Q: Query>(core: &mut Core, kind: Kind) -> u16 {
    core.ingredient::<(Kind, Q)>(|| {
        let table = Box::new(Slab::<Q::Key, Memo<Q::Value>>::new());
        Ingredient::new(kind, Q::NAME, query_level(Q::STRATUM), table, recompute::<Q>)
    })
}

fn slot<Q: Query>(core: &Core, id: u32) -> &Slot<Q::Key, Memo<Q::Value>> {
    core.slot(id)
}

/// The node of a key, if it exists.
pub(crate) fn find<Q: Query>(core: &Core, key: &Q::Key) -> Option<u32> {
    core.find::<(Kind, Q), Q::Key, Memo<Q::Value>>(key).map(|slot| slot.node)
}

/// The stored value of a node that has been computed.
pub(crate) fn value<Q: Query>(core: &Core, id: u32) -> Arc<Q::Value> {
    stored::<Q>(core, id).expect("a node is read after it was computed")
}

/// The stored value of a node, if it has been computed.
pub(crate) fn stored<Q: Query>(core: &Core, id: u32) -> Option<Arc<Q::Value>> {
    slot::<Q>(core, id).data.0.clone()
}

pub(crate) fn key_of<Q: Query>(core: &Core, id: u32) -> Q::Key {
    slot::<Q>(core, id).key.clone()
}

/// The node and the value of a key in the current revision.
pub(crate) fn fresh<Q: Query>(cell: &RefCell<Core>, key: &Q::Key) -> (u32, Arc<Q::Value>) {
    fresh_as::<Q>(cell, key, Kind::Query)
}

pub(crate) fn fresh_as<Q: Query>(cell: &RefCell<Core>, key: &Q::Key, kind: Kind) -> (u32, Arc<Q::Value>) {
    let id = {
        let core = &mut *cell.borrow_mut();
        let ingredient = ingredient::<Q>(core, kind);
        core.node_of::<Q::Key, Memo<Q::Value>>(ingredient, key, State::New)
    };
    crate::settle::refresh(cell, id);
    (id, value::<Q>(&cell.borrow(), id))
}

fn recompute<Q: Query>(cell: &RefCell<Core>, id: u32) {
    let key = key_of::<Q>(&cell.borrow(), id);
    let reader = Reader::new(cell, id, Q::NAME, Q::STRATUM);
    let new = Q::compute(&reader, &key);
    let (reads, edits) = reader.finish();
    let core = &mut *cell.borrow_mut();
    let memo = &mut core.slot_mut::<Q::Key, Memo<Q::Value>>(id).data;
    // An equal value keeps the old allocation: whoever holds it shares it. But one that is edited is what the next
    // computation starts from, and should know what it was made of last.
    let changed = memo.0.as_deref() != Some(&new);
    let old = if changed || edits { memo.0.replace(Arc::new(new)) } else { None };
    core.complete(id, reads);
    if changed {
        core.notify(id, old.map(|old| old as Erased).as_ref());
    }
}
