//! Base facts and the change sets that alter them.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::core::{Core, Ingredient};
use crate::define::Input;
use crate::node::State;
use crate::table::{Data, Erased, NO_NODE, Table, equal, typed};
use crate::terms::{Key, Kind};

fn marker<I: Input>() -> TypeId {
    TypeId::of::<(Kind, fn(I))>()
}

pub(crate) fn ingredient<I: Input>(core: &mut Core) -> u16 {
    core.ingredient(marker::<I>(), &|| {
        Ingredient::new(Kind::Input, I::NAME, 0, Table::new::<I::Key>(Data::facts()), never_recomputed)
    })
}

pub(crate) fn never_recomputed(_: &RefCell<Core>, _: u32) {
    unreachable!("facts and buckets are written by changes and are always fresh");
}

/// The node and the value of a fact, present or not.
pub(crate) fn observe<I: Input>(core: &mut Core, key: &I::Key) -> (u32, Option<Arc<I::Value>>) {
    let ingredient = ingredient::<I>(core);
    let id = core.node_of(ingredient, key, State::Fresh);
    (id, core.stored(id).cloned().map(typed))
}

/// The value of a fact, without recording a read.
pub(crate) fn peek<I: Input>(core: &Core, key: &I::Key) -> Option<Arc<I::Value>> {
    let table = core.table(core.known_ingredient(marker::<I>())?);
    table.value(table.find(key)?).cloned().map(typed)
}

impl Core {
    /// Writes a fact and its index entries; `row` is its key's. Returns whether that was a change.
    fn write(&mut self, ingredient: u16, row: u32, new: Option<&Erased>, equal: Equal) -> bool {
        let owner = &mut self.ingredients[usize::from(ingredient)];
        let node = owner.table.node(row);
        match (owner.table.value(row), new) {
            (Some(old), Some(new)) if equal(old, new) => return false,
            (None, None) => return false,
            _ => {}
        }
        let old = owner.table.replace(row, new.cloned());
        owner.facts = owner.facts + u64::from(new.is_some()) - u64::from(old.is_some());
        for at in 0..owner.indexes.len() {
            let index = self.ingredients[usize::from(ingredient)].indexes[at];
            self.maintain(ingredient, row, index, old.as_ref(), new);
        }
        if node != NO_NODE {
            self.notify(node, None);
        } else if new.is_none() {
            self.table_mut(ingredient).remove(row);
        }
        true
    }
}

/// Whether two values of an input are equal.
type Equal = fn(&Erased, &Erased) -> bool;

/// Changes to facts that take effect together. The last change to a key counts.
///
/// Can be filled on a thread other than the one that owns the [`Db`](crate::Db).
#[derive(Default)]
pub struct ChangeSet {
    /// By input; there are few of them.
    batches: Vec<(TypeId, Box<dyn AnyBatch>)>,
}

impl ChangeSet {
    /// An empty change set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a fact. An equal value is no change.
    pub fn set<I: Input>(&mut self, key: I::Key, value: Arc<I::Value>) {
        self.insert::<I>(key, Some(value));
    }

    /// Removes a fact. Removing an absent one is no change.
    pub fn remove<I: Input>(&mut self, key: I::Key) {
        self.insert::<I>(key, None);
    }

    /// How many facts are set or removed.
    pub fn len(&self) -> usize {
        self.batches.iter().map(|(_, batch)| batch.len()).sum()
    }

    /// Whether nothing is set or removed.
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    pub(crate) fn write_to(self, core: &mut Core) -> bool {
        self.batches.into_iter().fold(false, |changed, (_, batch)| batch.write_to(core) || changed)
    }

    fn insert<I: Input>(&mut self, key: I::Key, value: Option<Erased>) {
        let id = TypeId::of::<I>();
        let known = self.batches.iter().position(|(other, _)| *other == id);
        let at = known.unwrap_or_else(|| {
            let facts = BTreeMap::<I::Key, _>::new();
            self.batches
                .push((id, Box::new(Batch { facts, ingredient: ingredient::<I>, equal: equal::<I::Value> })));
            self.batches.len() - 1
        });
        let batch: &mut dyn Any = &mut *self.batches[at].1;
        let batch: &mut Batch<I::Key> = batch.downcast_mut().expect("a batch has the keys of its input");
        batch.facts.insert(key, value);
    }
}

impl std::fmt::Debug for ChangeSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChangeSet").field("len", &self.len()).finish_non_exhaustive()
    }
}

trait AnyBatch: Any + Send {
    fn len(&self) -> usize;
    fn write_to(self: Box<Self>, core: &mut Core) -> bool;
}

/// The changes to the facts of one input.
struct Batch<K> {
    facts: BTreeMap<K, Option<Erased>>,
    ingredient: fn(&mut Core) -> u16,
    equal: Equal,
}

impl<K: Key> AnyBatch for Batch<K> {
    fn len(&self) -> usize {
        self.facts.len()
    }

    fn write_to(self: Box<Self>, core: &mut Core) -> bool {
        let ingredient = (self.ingredient)(core);
        let mut changed = false;
        for (key, new) in self.facts {
            let table = core.table_mut(ingredient);
            // A fact that is absent and stays absent needs no row.
            let row = if new.is_some() { Some(table.find_or_insert(&key)) } else { table.find(&key) };
            changed |= row.is_some_and(|row| core.write(ingredient, row, new.as_ref(), self.equal));
        }
        changed
    }
}
