//! Indexes: the keys of one input's facts, grouped into buckets while changes are applied.

use std::any::Any;
use std::collections::BTreeSet;

use imbl::OrdSet;

use crate::core::{Core, Ingredient};
use crate::define::{Index, Input};
use crate::input::{self, Fact, never_recomputed};
use crate::node::State;
use crate::slab::{Data, NO_NODE, Slab};
use crate::terms::{Key, Kind};

type InputKey<I> = <<I as Index>::Input as Input>::Key;
type InputValue<I> = <<I as Index>::Input as Input>::Value;

/// The keys in a bucket. Most buckets have one, and a set of one takes ten times its memory.
#[derive(Default)]
pub(crate) enum Bucket<K> {
    /// Somebody has looked.
    #[default]
    Empty,
    One(K),
    Many(OrdSet<K>),
}

impl<K: Key> Data for Bucket<K> {
    fn outlives_node(&self) -> bool {
        !matches!(self, Self::Empty)
    }
}

impl<K: Key> Bucket<K> {
    fn keys(&self) -> OrdSet<K> {
        match self {
            Self::Empty => OrdSet::new(),
            Self::One(key) => OrdSet::unit(key.clone()),
            Self::Many(keys) => keys.clone(),
        }
    }

    /// Returns whether the key is new.
    fn insert(&mut self, key: &K) -> bool {
        match self {
            Self::Empty => *self = Self::One(key.clone()),
            Self::One(known) if known == key => return false,
            Self::One(known) => *self = Self::Many([known.clone(), key.clone()].into_iter().collect()),
            Self::Many(keys) => return keys.insert(key.clone()).is_none(),
        }
        true
    }

    /// Returns whether the key was there.
    fn remove(&mut self, key: &K) -> bool {
        match self {
            Self::One(known) if known == key => *self = Self::Empty,
            Self::Empty | Self::One(_) => return false,
            Self::Many(keys) => {
                let known = keys.remove(key).is_some();
                if let (1, Some(last)) = (keys.len(), keys.get_min()) {
                    *self = Self::One(last.clone());
                }
                return known;
            }
        }
        true
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
    (id, core.slot::<I::Bucket, Bucket<InputKey<I>>>(id).data.keys())
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
        edit::<I>(core, ingredient, bucket, |keys| keys.remove(key));
    }
    for bucket in new.difference(&old) {
        edit::<I>(core, ingredient, bucket, |keys| keys.insert(key));
    }
}

fn edit<I: Index>(
    core: &mut Core,
    ingredient: u16,
    bucket: &I::Bucket,
    edit: impl FnOnce(&mut Bucket<InputKey<I>>) -> bool,
) {
    let slab = core.slab_mut::<I::Bucket, Bucket<InputKey<I>>>(ingredient);
    let local = slab.find_or_insert(bucket);
    let slot = slab.slot_mut(local);
    let changed = edit(&mut slot.data);
    debug_assert!(changed, "`{}`: `buckets` is not a function of key and value", I::NAME);
    let node = slot.node;
    if node != NO_NODE {
        core.notify(node, None);
    } else if !slot.data.outlives_node() {
        slab.remove(local);
    }
}
