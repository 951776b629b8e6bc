//! Indexes: the keys of one input's facts, grouped into buckets while changes are applied.

use std::any::Any;
use std::collections::BTreeSet;

use imbl::OrdSet;

use crate::core::{Core, Ingredient};
use crate::define::{Index, Input, Key};
use crate::input::{self, Fact, never_recomputed};
use crate::node::State;
use crate::slab::{Data, NO_NODE, Slab};
use crate::stats::Kind;

type InputKey<I> = <<I as Index>::Input as Input>::Key;
type InputValue<I> = <<I as Index>::Input as Input>::Value;

/// The keys in a bucket; empty: somebody has looked.
pub(crate) struct Bucket<K>(OrdSet<K>);

impl<K> Default for Bucket<K> {
    fn default() -> Self {
        Self(OrdSet::new())
    }
}

impl<K: Key> Data for Bucket<K> {
    fn outlives_node(&self) -> bool {
        !self.0.is_empty()
    }
}

/// The ingredient of an index. A new one takes up the facts that are there already.
pub(crate) fn ingredient<I: Index>(core: &mut Core) -> u16 {
    if let Some(known) = core.known_ingredient::<(Kind, Bucket<I>)>() {
        return known;
    }
    let index = core.ingredient::<(Kind, Bucket<I>)>(|| {
        let table = Box::new(Slab::<I::Bucket, Bucket<InputKey<I>>>::new());
        Ingredient::new(Kind::Index, I::NAME, 0, table, never_recomputed)
    });
    let over = input::ingredient::<I::Input>(core);
    core.ingredients[usize::from(over)].indexes.push(maintain::<I>);
    let facts: Vec<_> = core
        .slab::<InputKey<I>, Fact<InputValue<I>>>(over)
        .slots()
        .filter_map(|slot| Some((slot.key.clone(), slot.data.0.clone()?)))
        .collect();
    for (key, value) in &facts {
        maintain::<I>(core, key, None, Some(&**value));
    }
    index
}

/// The node and the keys of a bucket, empty or not.
pub(crate) fn observe<I: Index>(core: &mut Core, bucket: &I::Bucket) -> (u32, OrdSet<InputKey<I>>) {
    let ingredient = ingredient::<I>(core);
    let id = core.node_of::<I::Bucket, Bucket<InputKey<I>>>(ingredient, bucket, State::Fresh);
    (id, core.slot::<I::Bucket, Bucket<InputKey<I>>>(id).data.0.clone())
}

fn maintain<I: Index>(core: &mut Core, key: &dyn Any, old: Option<&dyn Any>, new: Option<&dyn Any>) {
    let key: &InputKey<I> = key.downcast_ref().expect("an index is registered under its input");
    let buckets = |value: Option<&dyn Any>| -> BTreeSet<I::Bucket> {
        let value = value.map(|value| value.downcast_ref().expect("an index is registered under its input"));
        value.map(|value| I::buckets(key, value).into_iter().collect()).unwrap_or_default()
    };
    let (old, new) = (buckets(old), buckets(new));
    let ingredient = ingredient::<I>(core);
    for bucket in old.difference(&new) {
        edit::<I>(core, ingredient, bucket, |keys| keys.remove(key).is_some());
    }
    for bucket in new.difference(&old) {
        edit::<I>(core, ingredient, bucket, |keys| keys.insert(key.clone()).is_none());
    }
}

fn edit<I: Index>(
    core: &mut Core,
    ingredient: u16,
    bucket: &I::Bucket,
    edit: impl FnOnce(&mut OrdSet<InputKey<I>>) -> bool,
) {
    let slab = core.slab_mut::<I::Bucket, Bucket<InputKey<I>>>(ingredient);
    let local = slab.find_or_insert(bucket);
    let slot = slab.slot_mut(local);
    let changed = edit(&mut slot.data.0);
    debug_assert!(changed, "`{}`: `buckets` is not a function of key and value", I::NAME);
    let node = slot.node;
    if node != NO_NODE {
        core.notify(node, None);
    } else if slot.data.0.is_empty() {
        slab.remove(local);
    }
}
