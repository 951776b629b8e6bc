//! The resources that a client holds of each type, and those that they make it want of others.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use fairlead_resource::{TypeUrl, Types};

use super::library::{Content, NameId};

const KINDS: usize = TypeUrl::ENVOY.len();

/// The place of a type among Envoy's.
fn place(kind: TypeUrl) -> usize {
    Types::envoy().place(kind)
}

/// What a client holds, by type.
#[derive(Debug, Default)]
pub(super) struct Kinds([State; KINDS]);

/// What it holds of one type.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) wildcard: bool,
    /// The names to which it subscribes, with the number of its resources that refer to each.
    pub(super) wanted: BTreeMap<NameId, u32>,
    /// The subscribed names that no response has answered.
    pub(super) open: BTreeSet<NameId>,
    pub(super) held: BTreeMap<NameId, Arc<Content>>,
    pub(super) version: String,
    pub(super) last_nonce: String,
    /// Whether a response has arrived on this stream.
    pub(super) answered: bool,
}

/// The names that a response has made it want, and those that it no longer wants.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    add: BTreeSet<(TypeUrl, NameId)>,
    remove: BTreeSet<(TypeUrl, NameId)>,
}

impl State {
    pub(super) fn is_subscribed(&self) -> bool {
        self.wildcard || !self.wanted.is_empty()
    }
}

impl Wishes {
    /// The names of one type to subscribe to, and to unsubscribe from.
    pub(super) fn of(&self, kind: TypeUrl) -> (Vec<NameId>, Vec<NameId>) {
        let of_kind = |names: &BTreeSet<(TypeUrl, NameId)>| -> Vec<NameId> {
            names.iter().filter(|(of, _)| *of == kind).map(|(_, name)| *name).collect()
        };
        (of_kind(&self.add), of_kind(&self.remove))
    }
}

impl Kinds {
    pub(super) fn of(&self, kind: TypeUrl) -> &State {
        &self.0[place(kind)]
    }

    pub(super) fn of_mut(&mut self, kind: TypeUrl) -> &mut State {
        &mut self.0[place(kind)]
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &State> {
        self.0.iter()
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut State> {
        self.0.iter_mut()
    }

    /// Counts a further resource that refers to `name`.
    pub(super) fn want(&mut self, kind: TypeUrl, name: NameId, wishes: &mut Wishes) {
        let count = self.of_mut(kind).wanted.entry(name).or_default();
        *count += 1;
        if *count == 1 && !wishes.remove.remove(&(kind, name)) {
            wishes.add.insert((kind, name));
        }
    }

    /// Drops the references of a removed resource.
    pub(super) fn forget(&mut self, content: &Content, wishes: &mut Wishes) {
        for (kind, name) in &content.refers_to {
            let wanted = &mut self.of_mut(*kind).wanted;
            let count = wanted.get_mut(name).expect("what is held has been counted");
            *count -= 1;
            if *count == 0 {
                wanted.remove(name);
                if !wishes.add.remove(&(*kind, *name)) {
                    wishes.remove.insert((*kind, *name));
                }
            }
        }
    }
}
