//! The state behind a [`Db`](crate::Db): ingredients, nodes and what is waiting to be done.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::hold::Releases;
use crate::node::{Node, NodeRef, Readers, State};
use crate::slab::{Data, NO_NODE, Slab, Slot, Table};
use crate::terms::{Key, Kind, Stratum};

/// A value whose type is forgotten.
pub(crate) type Erased = Arc<dyn Any + Send + Sync>;

/// Updates the buckets of an index after one fact changed: key, old value, new value.
pub(crate) type Maintain = fn(&mut Core, &dyn Any, Option<&dyn Any>, Option<&dyn Any>);

/// Everything that nodes of one type share.
pub(crate) struct Ingredient {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) level: u16,
    pub(crate) table: Box<dyn Table>,
    /// Computes the value of a node and stores it.
    pub(crate) recompute: fn(&RefCell<Core>, u32),
    /// For inputs: the indexes over it.
    pub(crate) indexes: Vec<Maintain>,
    pub(crate) nodes: u64,
    pub(crate) edges: u64,
    pub(crate) facts: u64,
    pub(crate) recomputed: u64,
    /// Of `recomputed`, those by settling since the last report.
    pub(crate) resettled: u64,
}

impl Ingredient {
    pub(crate) fn new(
        kind: Kind,
        name: &'static str,
        level: u16,
        table: Box<dyn Table>,
        recompute: fn(&RefCell<Core>, u32),
    ) -> Self {
        let indexes = Vec::new();
        Self {
            name,
            kind,
            level,
            table,
            recompute,
            indexes,
            nodes: 0,
            edges: 0,
            facts: 0,
            recomputed: 0,
            resettled: 0,
        }
    }
}

#[derive(Default)]
pub(crate) struct Core {
    pub(crate) revision: u64,
    /// The revision that demanded nodes have been brought to.
    pub(crate) fresh_at: u64,
    pub(crate) nodes: Vec<Node>,
    pub(crate) free: Vec<u32>,
    pub(crate) ingredients: Vec<Ingredient>,
    by_type: FxHashMap<TypeId, u16>,
    /// Dirty nodes by level.
    pub(crate) queue: BTreeMap<u16, Vec<NodeRef>>,
    /// For dirty collections: members that changed, with the value that the collection has seen.
    pub(crate) changed_members: FxHashMap<u32, Vec<(u32, Erased)>>,
    pub(crate) changed_roots: Vec<NodeRef>,
    /// Nodes that lost their last reader: candidates of the garbage collector.
    pub(crate) unread: Vec<NodeRef>,
    pub(crate) releases: Releases,
    /// The nodes that are being computed, innermost last.
    pub(crate) computing: Vec<u32>,
    /// Set while values are being computed. Still set afterwards: a computation panicked.
    pub(crate) busy: bool,
    /// Whether a recomputation now counts as one of settling.
    pub(crate) settling: bool,
    /// What computations of settling have read since the last report.
    pub(crate) settled_reads: u64,
    epoch: u32,
}

/// The level of a query: even, so that the union of the same stratum fits above its member list.
pub(crate) fn query_level(stratum: Stratum) -> u16 {
    2 * u16::from(stratum.0)
}

impl Core {
    /// The ingredient of the marker type `M`, made by `make` when it is new.
    pub(crate) fn ingredient<M: 'static>(&mut self, make: impl FnOnce() -> Ingredient) -> u16 {
        if let Some(&known) = self.by_type.get(&TypeId::of::<M>()) {
            return known;
        }
        let new = make();
        let taken = self.ingredients.iter().any(|other| (other.kind, other.name) == (new.kind, new.name));
        assert!(!taken, "two types define the {} `{}`", new.kind, new.name);
        let index = u16::try_from(self.ingredients.len()).expect("fewer than 2^16 types are defined");
        self.ingredients.push(new);
        self.by_type.insert(TypeId::of::<M>(), index);
        index
    }

    pub(crate) fn known_ingredient<M: 'static>(&self) -> Option<u16> {
        self.by_type.get(&TypeId::of::<M>()).copied()
    }

    pub(crate) fn slab<K: Key, T: Data>(&self, ingredient: u16) -> &Slab<K, T> {
        let table: &dyn Any = &*self.ingredients[usize::from(ingredient)].table;
        table.downcast_ref().expect("an ingredient keeps the table it was made with")
    }

    pub(crate) fn slab_mut<K: Key, T: Data>(&mut self, ingredient: u16) -> &mut Slab<K, T> {
        let table: &mut dyn Any = &mut *self.ingredients[usize::from(ingredient)].table;
        table.downcast_mut().expect("an ingredient keeps the table it was made with")
    }

    /// The slot of a node.
    pub(crate) fn slot<K: Key, T: Data>(&self, id: u32) -> &Slot<K, T> {
        let node = self.node(id);
        self.slab(node.ingredient).slot(node.local)
    }

    pub(crate) fn slot_mut<K: Key, T: Data>(&mut self, id: u32) -> &mut Slot<K, T> {
        let (ingredient, local) = (self.node(id).ingredient, self.node(id).local);
        self.slab_mut(ingredient).slot_mut(local)
    }

    /// The slot of a key in the ingredient of the marker type `M`, if both exist.
    pub(crate) fn find<M: 'static, K: Key, T: Data>(&self, key: &K) -> Option<&Slot<K, T>> {
        let slab = self.slab(self.known_ingredient::<M>()?);
        slab.find(key).map(|local| slab.slot(local))
    }

    /// The node of a key, made when there is none.
    pub(crate) fn node_of<K: Key, T: Data>(&mut self, ingredient: u16, key: &K, state: State) -> u32 {
        let slab = self.slab_mut::<K, T>(ingredient);
        let local = slab.find_or_insert(key);
        let known = slab.slot(local).node;
        if known != NO_NODE {
            return known;
        }
        let id = self.allocate(ingredient, local, state);
        self.slot_mut::<K, T>(id).node = id;
        id
    }

    fn allocate(&mut self, ingredient: u16, local: u32, state: State) -> u32 {
        let owner = &mut self.ingredients[usize::from(ingredient)];
        owner.nodes += 1;
        let level = owner.level;
        let reused = self.free.pop();
        let generation = reused.map_or(0, |id| self.nodes[id as usize].generation.wrapping_add(1));
        let node = Node {
            generation,
            ingredient,
            level,
            local,
            demand: 0,
            leases: 0,
            mark: 0,
            state,
            listed: false,
            changed_at: self.revision,
            verified_at: self.revision,
            cause: None,
            deps: Vec::new(),
            readers: Readers::None,
        };
        if let Some(id) = reused {
            self.nodes[id as usize] = node;
            return id;
        }
        self.nodes.push(node);
        u32::try_from(self.nodes.len() - 1).expect("fewer than 2^32 nodes fit in memory")
    }

    /// Gives the slots of a node back. Its edges must be gone.
    pub(crate) fn free_node(&mut self, id: u32) {
        let node = &mut self.nodes[id as usize];
        debug_assert!(node.deps.is_empty() && node.is_unread() && node.demand == 0);
        // A reference to the old generation must not find the freed slot alive.
        node.generation = node.generation.wrapping_add(1);
        node.state = State::New;
        let (ingredient, local) = (usize::from(node.ingredient), node.local);
        self.ingredients[ingredient].nodes -= 1;
        self.ingredients[ingredient].table.detach(local);
        self.changed_members.remove(&id);
        self.free.push(id);
    }

    pub(crate) fn node(&self, id: u32) -> &Node {
        &self.nodes[id as usize]
    }

    pub(crate) fn node_mut(&mut self, id: u32) -> &mut Node {
        &mut self.nodes[id as usize]
    }

    pub(crate) fn reference(&self, id: u32) -> NodeRef {
        NodeRef { id, generation: self.node(id).generation }
    }

    pub(crate) fn is_alive(&self, node: NodeRef) -> bool {
        self.node(node.id).generation == node.generation
    }

    pub(crate) fn ingredient_of(&self, id: u32) -> &Ingredient {
        &self.ingredients[usize::from(self.node(id).ingredient)]
    }

    pub(crate) fn key_text(&self, id: u32) -> String {
        self.ingredient_of(id).table.key_text(self.node(id).local)
    }

    /// The visible order of nodes: by name, then by key.
    pub(crate) fn compare(&self, left: NodeRef, right: NodeRef) -> Ordering {
        let (left, right) = (self.node(left.id), self.node(right.id));
        if left.ingredient == right.ingredient {
            let table = &self.ingredients[usize::from(left.ingredient)].table;
            return table.compare(left.local, right.local);
        }
        let label = |node: &Node| {
            let ingredient = &self.ingredients[usize::from(node.ingredient)];
            (ingredient.name, ingredient.kind)
        };
        label(left).cmp(&label(right))
    }

    /// A mark that no node carries.
    pub(crate) fn next_mark(&mut self) -> u32 {
        if self.epoch == u32::MAX {
            for node in &mut self.nodes {
                node.mark = 0;
            }
            self.epoch = 0;
        }
        self.epoch += 1;
        self.epoch
    }
}
