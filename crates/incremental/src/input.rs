//! Base facts and the change sets that alter them.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::core::{Core, Ingredient};
use crate::define::Input;
use crate::node::State;
use crate::slab::{NO_NODE, Slab, Stored};
use crate::terms::Kind;

/// The value of a fact; none: it is absent, and somebody has looked.
pub(crate) type Fact<V> = Stored<V, true>;

pub(crate) fn ingredient<I: Input>(core: &mut Core) -> u16 {
    core.ingredient::<(Kind, Fact<I>)>(|| {
        Ingredient::new(
            Kind::Input,
            I::NAME,
            0,
            Box::new(Slab::<I::Key, Fact<I::Value>>::new()),
            never_recomputed,
        )
    })
}

pub(crate) fn never_recomputed(_: &RefCell<Core>, _: u32) {
    unreachable!("facts and buckets are written by changes and are always fresh");
}

/// The node and the value of a fact, present or not.
pub(crate) fn observe<I: Input>(core: &mut Core, key: &I::Key) -> (u32, Option<Arc<I::Value>>) {
    let ingredient = ingredient::<I>(core);
    let id = core.node_of::<I::Key, Fact<I::Value>>(ingredient, key, State::Fresh);
    (id, core.slot::<I::Key, Fact<I::Value>>(id).data.0.clone())
}

/// The value of a fact, without a trace.
pub(crate) fn peek<I: Input>(core: &Core, key: &I::Key) -> Option<Arc<I::Value>> {
    core.find::<(Kind, Fact<I>), I::Key, Fact<I::Value>>(key)?.data.0.clone()
}

/// Writes a fact and its index entries. Returns whether that was a change.
fn write<I: Input>(core: &mut Core, key: &I::Key, new: Option<&Arc<I::Value>>) -> bool {
    let ingredient = ingredient::<I>(core);
    let slab = core.slab_mut::<I::Key, Fact<I::Value>>(ingredient);
    if slab.find(key).is_none() && new.is_none() {
        return false;
    }
    let local = slab.find_or_insert(key);
    let slot = slab.slot_mut(local);
    if slot.data.0.as_deref() == new.map(|new| &**new) {
        return false;
    }
    let node = slot.node;
    let old = std::mem::replace(&mut slot.data.0, new.cloned());
    if node == NO_NODE && new.is_none() {
        slab.remove(local);
    }
    let owner = &mut core.ingredients[usize::from(ingredient)];
    owner.facts = owner.facts + u64::from(new.is_some()) - u64::from(old.is_some());
    for maintain in owner.indexes.clone() {
        maintain(core, key, erase(old.as_ref()), erase(new));
    }
    if node != NO_NODE {
        core.notify(node, None);
    }
    true
}

fn erase<V: 'static>(value: Option<&Arc<V>>) -> Option<&dyn Any> {
    value.map(|value| &**value as &dyn Any)
}

/// Changes to facts that take effect together. The last change of a key counts.
///
/// Can be filled on another thread than the one that owns the [`Db`](crate::Db).
#[derive(Default)]
pub struct ChangeSet {
    /// By input; there are few of them.
    batches: Vec<(TypeId, Box<dyn Batch>)>,
}

impl ChangeSet {
    /// An empty change set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a fact. An equal value is no change.
    pub fn set<I: Input>(&mut self, key: I::Key, value: Arc<I::Value>) {
        self.batch::<I>().insert(key, Some(value));
    }

    /// Removes a fact. Removing an absent one is no change.
    pub fn remove<I: Input>(&mut self, key: I::Key) {
        self.batch::<I>().insert(key, None);
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

    fn batch<I: Input>(&mut self) -> &mut BTreeMap<I::Key, Option<Arc<I::Value>>> {
        let id = TypeId::of::<I>();
        let known = self.batches.iter().position(|(other, _)| *other == id);
        let at = known.unwrap_or_else(|| {
            self.batches.push((id, Box::new(Typed::<I>(BTreeMap::new()))));
            self.batches.len() - 1
        });
        let batch: &mut dyn Any = &mut *self.batches[at].1;
        let typed = batch.downcast_mut::<Typed<I>>();
        &mut typed.expect("a batch is stored under the type of its input").0
    }
}

impl std::fmt::Debug for ChangeSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChangeSet").field("len", &self.len()).finish_non_exhaustive()
    }
}

trait Batch: Any + Send {
    fn len(&self) -> usize;
    fn write_to(self: Box<Self>, core: &mut Core) -> bool;
}

struct Typed<I: Input>(BTreeMap<I::Key, Option<Arc<I::Value>>>);

impl<I: Input> Batch for Typed<I> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn write_to(self: Box<Self>, core: &mut Core) -> bool {
        self.0
            .into_iter()
            .fold(false, |changed, (key, value)| write::<I>(core, &key, value.as_ref()) || changed)
    }
}
