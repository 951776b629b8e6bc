//! Query nodes: one memoised value per key.

use std::any::TypeId;
use std::cell::RefCell;
use std::sync::Arc;

use crate::core::{Core, Ingredient, query_level};
use crate::define::Query;
use crate::node::State;
use crate::reader::Reader;
use crate::settle::refresh;
use crate::table::{Data, Erased, Table, typed};
use crate::terms::{Key, Kind};

fn ingredient<Q: Query>(core: &mut Core, kind: Kind) -> u16 {
    core.ingredient(TypeId::of::<(Kind, Q)>(), &|| {
        let table = Table::new::<Q::Key>(Data::results());
        Ingredient::new(kind, Q::NAME, query_level(Q::STRATUM), table, recompute::<Q>)
    })
}

/// The node of a key, if it exists.
pub(crate) fn find<Q: Query>(core: &Core, key: &Q::Key) -> Option<u32> {
    core.find(TypeId::of::<(Kind, Q)>(), key)
}

/// The stored value of a node that has been computed.
pub(crate) fn value<Q: Query>(core: &Core, id: u32) -> Arc<Q::Value> {
    typed(core.value(id))
}

pub(crate) fn key_of<K: Key>(cell: &RefCell<Core>, id: u32) -> K {
    cell.borrow().key::<K>(id).clone()
}

/// The node and the value of a key in the current revision.
pub(crate) fn fresh<Q: Query>(cell: &RefCell<Core>, key: &Q::Key) -> (u32, Arc<Q::Value>) {
    let (id, value) = fresh_as::<Q>(cell, key, Kind::Query);
    (id, typed(value))
}

/// The node of a key, with its value brought to the current revision.
pub(crate) fn fresh_node<Q: Query>(cell: &RefCell<Core>, key: &Q::Key) -> u32 {
    fresh_node_as::<Q>(cell, key, Kind::Query)
}

/// The node and the value of a query that implements another kind.
pub(crate) fn fresh_as<Q: Query>(cell: &RefCell<Core>, key: &Q::Key, kind: Kind) -> (u32, Erased) {
    let id = fresh_node_as::<Q>(cell, key, kind);
    (id, cell.borrow().value(id))
}

fn fresh_node_as<Q: Query>(cell: &RefCell<Core>, key: &Q::Key, kind: Kind) -> u32 {
    let id = {
        let core = &mut *cell.borrow_mut();
        let ingredient = ingredient::<Q>(core, kind);
        core.node_of(ingredient, key, State::New)
    };
    refresh(cell, id);
    id
}

fn recompute<Q: Query>(cell: &RefCell<Core>, id: u32) {
    let key = key_of::<Q::Key>(cell, id);
    let reader = Reader::new(cell, id, Q::NAME, Q::STRATUM);
    let new = Q::compute(&reader, &key);
    let old = reader.earlier();
    let changed = old.as_ref().and_then(|old| old.downcast_ref()) != Some(&new);
    drop(old);
    // An equal value keeps the old allocation, which holders share. But the next computation starts from an edited
    // value, which must know its latest sources.
    let new = (changed || reader.is_edit()).then(|| Arc::new(new) as Erased);
    reader.finish(new, changed);
}
