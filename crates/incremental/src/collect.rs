//! Collection nodes: a member list, an edge to each member, and the union of their entries.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;

use imbl::ordset::DiffItem;
use imbl::{OrdMap, OrdSet};
use rustc_hash::FxHashSet;

use crate::core::{Core, Ingredient, query_level};
use crate::define::{Collect, MemberKey, MemberValue, Query};
use crate::node::State;
use crate::query;
use crate::reader::Reader;
use crate::slab::{Data, Slab};
use crate::terms::{Kind, Stratum};
use crate::union::{MemberChange, Members, Union};

/// Up to this many changed members are applied one by one in any case.
const FEW: usize = 4;
/// Beyond, when more than one in this many members have changed, a rebuild is cheaper.
const ONE_IN: usize = 4;

/// `Collect::members` as a query of its own, so that the list has its own early cut-off.
///
/// It is of the stratum of its collection, whose node is one level above.
struct MemberList<C>(PhantomData<fn() -> C>);

impl<C: Collect> Query for MemberList<C> {
    type Key = C::Key;
    type Value = OrdSet<MemberKey<C>>;
    const NAME: &'static str = C::NAME;
    const STRATUM: Stratum = C::STRATUM;

    fn compute(cx: &Reader<'_>, key: &C::Key) -> OrdSet<MemberKey<C>> {
        C::members(cx, key)
    }
}

pub(crate) struct Collection<C: Collect> {
    union: Union<C>,
    /// The members whose entries are in the union.
    members: OrdSet<MemberKey<C>>,
}

impl<C: Collect> Default for Collection<C> {
    fn default() -> Self {
        Self { union: Union::default(), members: OrdSet::new() }
    }
}

impl<C: Collect> Data for Collection<C> {
    fn outlives_node(&self) -> bool {
        false
    }
}

fn ingredient<C: Collect>(core: &mut Core) -> u16 {
    core.ingredient::<(Kind, Collection<C>)>(|| {
        assert!(
            C::Member::STRATUM < C::STRATUM,
            "`{}` of stratum {} may not collect `{}` of stratum {}: only lower strata may be read",
            C::NAME,
            C::STRATUM.0,
            C::Member::NAME,
            C::Member::STRATUM.0,
        );
        let table = Box::new(Slab::<C::Key, Collection<C>>::new());
        Ingredient::new(Kind::Collect, C::NAME, query_level(C::STRATUM) + 1, table, recompute::<C>)
    })
}

/// The node of a key, if it exists.
pub(crate) fn find<C: Collect>(core: &Core, key: &C::Key) -> Option<u32> {
    core.find::<(Kind, Collection<C>), C::Key, Collection<C>>(key).map(|slot| slot.node)
}

/// The entries of a node that has been computed.
pub(crate) fn entries<C: Collect>(core: &Core, id: u32) -> OrdMap<C::OutKey, C::OutValue> {
    core.slot::<C::Key, Collection<C>>(id).data.union.entries().clone()
}

/// The node and the entries of a key in the current revision.
pub(crate) fn fresh<C: Collect>(cell: &RefCell<Core>, key: &C::Key) -> (u32, OrdMap<C::OutKey, C::OutValue>) {
    let id = {
        let core = &mut *cell.borrow_mut();
        let ingredient = ingredient::<C>(core);
        core.node_of::<C::Key, Collection<C>>(ingredient, key, State::New)
    };
    crate::settle::refresh(cell, id);
    (id, entries::<C>(&cell.borrow(), id))
}

fn recompute<C: Collect>(cell: &RefCell<Core>, id: u32) {
    let (key, state) = {
        let core = cell.borrow();
        (core.slot::<C::Key, Collection<C>>(id).key.clone(), core.node(id).state)
    };
    let (list_id, list) = query::fresh_as::<MemberList<C>>(cell, &key, Kind::Members);
    // The state leaves its slot, because `entries` must not run while the core is borrowed.
    let mut collection = std::mem::take(collection_mut::<C>(&mut cell.borrow_mut(), id));
    // A dormant collection was not told which members changed.
    let told = (state == State::Dirty).then(|| changed_members::<C>(cell, id, list_id));
    let changed = match told {
        Some(told) if told.len() <= FEW.max(list.len() / ONE_IN) => {
            update(cell, id, told, list, &mut collection)
        }
        _ => rebuild(cell, id, list_id, list, &mut collection),
    };
    let mut core = cell.borrow_mut();
    *collection_mut::<C>(&mut core, id) = collection;
    if changed {
        core.notify(id, None);
    }
}

fn collection_mut<C: Collect>(core: &mut Core, id: u32) -> &mut Collection<C> {
    &mut core.slot_mut::<C::Key, Collection<C>>(id).data
}

fn rebuild<C: Collect>(
    cell: &RefCell<Core>,
    id: u32,
    list_id: u32,
    list: Arc<OrdSet<MemberKey<C>>>,
    collection: &mut Collection<C>,
) -> bool {
    let mut reads = vec![list_id];
    let mut members = Members::<C>::with_capacity(list.len());
    for key in &*list {
        let (member_id, value) = query::fresh::<C::Member>(cell, key);
        reads.push(member_id);
        members.push((key.clone(), value));
    }
    collection.members = Arc::unwrap_or_clone(list);
    let changed = collection.union.rebuild(&members);
    cell.borrow_mut().complete(id, reads);
    changed
}

fn update<C: Collect>(
    cell: &RefCell<Core>,
    id: u32,
    mut told: Changes<C>,
    list: Arc<OrdSet<MemberKey<C>>>,
    collection: &mut Collection<C>,
) -> bool {
    let (added, removed) = list_changes::<C>(cell, &collection.members, &list, &mut told);
    collection.members = Arc::unwrap_or_clone(list);
    let members = &collection.members;
    let changed = collection.union.update(&told, || {
        members.iter().map(|key| (key.clone(), query::fresh::<C::Member>(cell, key).1)).collect()
    });
    let mut core = cell.borrow_mut();
    let node = core.node_mut(id);
    if !removed.is_empty() {
        node.deps.retain(|dep| !removed.contains(dep));
    }
    node.deps.extend_from_slice(&added);
    core.link(id, &added);
    core.unlink(id, &removed.into_iter().collect::<Vec<_>>());
    core.count_reads(told.len());
    core.complete_in_place(id);
    changed
}

type Changes<C> = BTreeMap<MemberKey<C>, MemberChange<C>>;

/// The members that have told the collection about a new value.
fn changed_members<C: Collect>(cell: &RefCell<Core>, id: u32, list_id: u32) -> Changes<C> {
    let told = cell.borrow_mut().changed_members.remove(&id).unwrap_or_default();
    let core = cell.borrow();
    let mut changes = Changes::<C>::new();
    for (member, old) in told {
        if member != list_id {
            let old = old.downcast::<MemberValue<C>>().expect("only the list and members are read");
            let new = query::value::<C::Member>(&core, member);
            let key = query::key_of::<C::Member>(&core, member);
            changes.insert(key, MemberChange { old: Some(old), new: Some(new) });
        }
    }
    changes
}

/// Adds joining and leaving members to `changes`; returns their nodes.
fn list_changes<C: Collect>(
    cell: &RefCell<Core>,
    old: &OrdSet<MemberKey<C>>,
    new: &OrdSet<MemberKey<C>>,
    changes: &mut Changes<C>,
) -> (Vec<u32>, FxHashSet<u32>) {
    let (mut added, mut removed) = (Vec::new(), FxHashSet::default());
    if old.ptr_eq(new) {
        return (added, removed);
    }
    for item in old.diff(new) {
        match item {
            DiffItem::Add(key) => {
                let (member, value) = query::fresh::<C::Member>(cell, key);
                added.push(member);
                changes.insert(key.clone(), MemberChange { old: None, new: Some(value) });
            }
            DiffItem::Remove(key) => {
                let core = cell.borrow();
                let member = query::find::<C::Member>(&core, key).expect("an edge keeps members alive");
                removed.insert(member);
                let change = changes.entry(key.clone()).or_insert_with(|| MemberChange {
                    old: Some(query::value::<C::Member>(&core, member)),
                    new: None,
                });
                change.new = None;
            }
        }
    }
    (added, removed)
}
