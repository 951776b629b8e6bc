//! Collection nodes: a member list, an edge to each member, and the union of their entries.

use std::any::TypeId;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::marker::PhantomData;

use imbl::ordset::DiffItem;
use imbl::{OrdMap, OrdSet};

use crate::core::{Core, Ingredient, query_level};
use crate::define::{Collect, MemberKey, MemberValue, Query};
use crate::node::State;
use crate::query;
use crate::reader::Reader;
use crate::settle::refresh;
use crate::table::{Data, Erased, Row, Table};
use crate::terms::{Key, Kind, Stratum};
use crate::union::{Emissions, Entries, MemberEdit, Union};

/// Maximum number of changed members that are always applied one by one.
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

pub(crate) struct Collection<K, V> {
    union: Union<K, V>,
    /// The list of the members whose entries are in the union; `None` if not computed yet.
    list: Option<Erased>,
}

impl<K, V> Default for Collection<K, V> {
    fn default() -> Self {
        Self { union: Union::default(), list: None }
    }
}

impl<K: Key, V: Clone + PartialEq + Send + Sync + 'static> Row for Collection<K, V> {
    fn outlives_node(&self) -> bool {
        false
    }
}

type Entry<C> = Collection<<C as Collect>::OutKey, <C as Collect>::OutValue>;

fn marker<C: Collect>() -> TypeId {
    TypeId::of::<(Kind, MemberList<C>, Kind)>()
}

fn ingredient<C: Collect>(core: &mut Core) -> u16 {
    core.ingredient(marker::<C>(), &|| {
        assert!(
            C::Member::STRATUM < C::STRATUM,
            "`{}` of stratum {} may not collect `{}` of stratum {}: only lower strata may be read",
            C::NAME,
            C::STRATUM.0,
            C::Member::NAME,
            C::Member::STRATUM.0,
        );
        let table = Table::new::<C::Key>(Data::edited::<Entry<C>>());
        Ingredient::new(Kind::Collect, C::NAME, query_level(C::STRATUM) + 1, table, recompute::<C>)
    })
}

/// The node of a key, if it exists.
pub(crate) fn find<C: Collect>(core: &Core, key: &C::Key) -> Option<u32> {
    core.find(marker::<C>(), key)
}

/// The entries of a node that has been computed.
pub(crate) fn entries<C: Collect>(core: &Core, id: u32) -> OrdMap<C::OutKey, C::OutValue> {
    core.edited::<Entry<C>>(id).union.entries().clone()
}

/// The node and the entries of a key in the current revision.
pub(crate) fn fresh<C: Collect>(cell: &RefCell<Core>, key: &C::Key) -> (u32, OrdMap<C::OutKey, C::OutValue>) {
    let id = {
        let core = &mut *cell.borrow_mut();
        let ingredient = ingredient::<C>(core);
        core.node_of(ingredient, key, State::New)
    };
    refresh(cell, id);
    (id, entries::<C>(&cell.borrow(), id))
}

fn recompute<C: Collect>(cell: &RefCell<Core>, id: u32) {
    Recomputation { cell, id, members: &Typed::<C>(PhantomData) }.run();
}

/// The members of a collection; only this trait's implementation knows the types of their keys and values.
trait Members<K, V> {
    /// The node of the list of members, and the list.
    fn list(&self, cell: &RefCell<Core>, id: u32) -> (u32, Erased);
    /// The node of each member in a list, in order and in the current revision.
    fn nodes(&self, cell: &RefCell<Core>, list: &Erased) -> Vec<u32>;
    /// The nodes of members that are only in the new list, in the current revision, and of those only in the old one.
    fn differences(&self, cell: &RefCell<Core>, old: &Erased, new: &Erased) -> (Vec<u32>, Vec<u32>);
    fn count(&self, list: &Erased) -> usize;
    fn emit(&self, cell: &RefCell<Core>, member: u32, value: &Erased, emit: &mut dyn FnMut(K, V));
}

struct Typed<C>(PhantomData<C>);

fn keys<C: Collect>(list: &Erased) -> &OrdSet<MemberKey<C>> {
    list.downcast_ref().expect("a member list is a set of keys of members")
}

impl<C: Collect> Members<C::OutKey, C::OutValue> for Typed<C> {
    fn list(&self, cell: &RefCell<Core>, id: u32) -> (u32, Erased) {
        let key = query::key_of::<C::Key>(cell, id);
        query::fresh_as::<MemberList<C>>(cell, &key, Kind::Members)
    }

    fn nodes(&self, cell: &RefCell<Core>, list: &Erased) -> Vec<u32> {
        keys::<C>(list).iter().map(|key| query::fresh_node::<C::Member>(cell, key)).collect()
    }

    fn differences(&self, cell: &RefCell<Core>, old: &Erased, new: &Erased) -> (Vec<u32>, Vec<u32>) {
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        let (old, new) = (keys::<C>(old), keys::<C>(new));
        if old.ptr_eq(new) {
            return (added, removed);
        }
        for item in old.diff(new) {
            match item {
                DiffItem::Add(key) => added.push(query::fresh_node::<C::Member>(cell, key)),
                DiffItem::Remove(key) => {
                    let member = query::find::<C::Member>(&cell.borrow(), key);
                    removed.push(member.expect("an edge keeps members alive"));
                }
            }
        }
        (added, removed)
    }

    fn count(&self, list: &Erased) -> usize {
        keys::<C>(list).len()
    }

    fn emit(
        &self,
        cell: &RefCell<Core>,
        member: u32,
        value: &Erased,
        emit: &mut dyn FnMut(C::OutKey, C::OutValue),
    ) {
        // A copy, because `entries` must not run while the core is borrowed.
        let key = query::key_of::<MemberKey<C>>(cell, member);
        let value: &MemberValue<C> = value.downcast_ref().expect("a member has a value of its query");
        C::entries(&key, value).into_iter().for_each(|(key, value)| emit(key, value));
    }
}

/// The values of changed members before and after; `None` where it was not a member.
type Changes = BTreeMap<u32, (Option<Erased>, Option<Erased>)>;

struct Recomputation<'a, K, V> {
    cell: &'a RefCell<Core>,
    id: u32,
    members: &'a dyn Members<K, V>,
}

impl<K: Key, V: Clone + PartialEq + Send + Sync + 'static> Recomputation<'_, K, V> {
    fn run(&self) {
        let Self { cell, id, members } = *self;
        let state = cell.borrow().node(id).state;
        let (list_id, list) = members.list(cell, id);
        // The state leaves its row, because `entries` must not run while the core is borrowed.
        let mut collection: Collection<K, V> = std::mem::take(cell.borrow_mut().edited_mut(id));
        // A dormant collection was not notified of changed members.
        let told = (state == State::Dirty).then(|| changed_members(cell, id, list_id));
        let changed = match (told, collection.list.replace(list.clone())) {
            (Some(told), Some(old)) if told.len() <= FEW.max(members.count(&list) / ONE_IN) => {
                self.update(told, &old, &list, &mut collection.union)
            }
            _ => self.rebuild(list_id, &list, &mut collection.union),
        };
        let mut core = cell.borrow_mut();
        *core.edited_mut(id) = collection;
        if changed {
            core.notify(id, None);
        }
    }

    fn rebuild(&self, list_id: u32, list: &Erased, union: &mut Union<K, V>) -> bool {
        let nodes = self.members.nodes(self.cell, list);
        let changed = union.rebuild(self.emissions(&nodes));
        let reads = std::iter::once(list_id).chain(nodes).collect();
        self.cell.borrow_mut().complete(self.id, reads);
        changed
    }

    fn update(&self, told: Changes, old: &Erased, new: &Erased, union: &mut Union<K, V>) -> bool {
        let Self { cell, id, members } = *self;
        let (added, removed) = members.differences(cell, old, new);
        let edits = with_list_changes(&cell.borrow(), told, &added, &removed);
        let reads = edits.len();
        let edits = edits.into_iter().map(|(member, (old, new))| MemberEdit {
            member,
            old: self.emitted(member, old.as_ref()),
            new: self.emitted(member, new.as_ref()),
        });
        let order = |left, right| cell.borrow().compare(left, right);
        let changed = union.update(edits.collect(), &order, &|| self.emissions(&members.nodes(cell, new)));
        cell.borrow_mut().complete_with(id, reads, &added, &removed);
        changed
    }

    /// The entries of a member, sorted by key, each key once.
    fn emitted(&self, member: u32, value: Option<&Erased>) -> Entries<K, V> {
        let mut entries = Entries::new();
        if let Some(value) = value {
            self.members.emit(self.cell, member, value, &mut |key, value| entries.push((key, value)));
        }
        entries.sort_by(|left, right| left.0.cmp(&right.0));
        entries.dedup_by(|later, first| later.0 == first.0);
        entries
    }

    fn emissions(&self, members: &[u32]) -> Emissions<K, V> {
        let mut emissions = Emissions::with_capacity(members.len());
        for &member in members {
            let value = self.cell.borrow().value(member);
            self.members
                .emit(self.cell, member, &value, &mut |key, value| emissions.push((key, member, value)));
        }
        emissions
    }
}

/// The members that have notified the collection of a new value.
fn changed_members(cell: &RefCell<Core>, id: u32, list_id: u32) -> Changes {
    let core = &mut *cell.borrow_mut();
    let mut told = core.changed_members.remove(&id).unwrap_or_default();
    told.retain(|(member, _)| *member != list_id);
    told.into_iter().map(|(member, old)| (member, (Some(old), Some(core.value(member))))).collect()
}

/// Adds joining and leaving members to the changes.
fn with_list_changes(core: &Core, mut changes: Changes, added: &[u32], removed: &[u32]) -> Changes {
    for &member in added {
        changes.insert(member, (None, Some(core.value(member))));
    }
    for &member in removed {
        changes.entry(member).or_insert_with(|| (Some(core.value(member)), None)).1 = None;
    }
    changes
}
