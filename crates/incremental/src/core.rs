//! The state behind a [`Db`](crate::Db): ingredients, nodes and pending work.

use std::any::TypeId;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::bucket::IndexOver;
use crate::hold::Releases;
use crate::node::{Node, NodeRef, Readers, State};
use crate::table::{Erased, NO_NODE, Row, Table};
use crate::terms::{Key, Kind, Stratum};

/// The state that nodes of one type share.
pub(crate) struct Ingredient {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) level: u16,
    pub(crate) table: Table,
    /// Computes the value of a node and stores it.
    pub(crate) recompute: fn(&RefCell<Core>, u32),
    /// For inputs: the indexes over it.
    pub(crate) indexes: Vec<IndexOver>,
    pub(crate) nodes: u64,
    pub(crate) edges: u64,
    pub(crate) facts: u64,
    pub(crate) recomputed: u64,
    /// Those of `recomputed` that settling has caused since the last report.
    pub(crate) resettled: u64,
}

impl Ingredient {
    pub(crate) fn new(
        kind: Kind,
        name: &'static str,
        level: u16,
        table: Table,
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
    /// For dirty collections: the changed members, with the value that the collection has seen.
    pub(crate) changed_members: FxHashMap<u32, Vec<(u32, Erased)>>,
    pub(crate) changed_roots: Vec<NodeRef>,
    /// Nodes that lost their last reader: candidates of the garbage collector.
    pub(crate) unread: Vec<NodeRef>,
    pub(crate) releases: Releases,
    /// The nodes that are being computed, innermost last.
    pub(crate) computing: Vec<u32>,
    /// Set while values are being computed. If still set afterwards, a computation has panicked.
    pub(crate) busy: bool,
    /// Whether recomputations now count as caused by settling.
    pub(crate) settling: bool,
    /// Number of reads by computations of settling since the last report.
    pub(crate) settled_reads: u64,
    epoch: u32,
}

/// The level of a query: even, so that the union of the same stratum fits above its member list.
pub(crate) fn query_level(stratum: Stratum) -> u16 {
    2 * u16::from(stratum.0)
}

impl Core {
    /// The ingredient with this marker, created if it is new.
    pub(crate) fn ingredient(&mut self, marker: TypeId, make: &dyn Fn() -> Ingredient) -> u16 {
        if let Some(&known) = self.by_type.get(&marker) {
            return known;
        }
        let new = make();
        let taken = self.ingredients.iter().any(|other| (other.kind, other.name) == (new.kind, new.name));
        assert!(!taken, "two types define the {} `{}`", new.kind, new.name);
        let index = u16::try_from(self.ingredients.len()).expect("fewer than 2^16 types are defined");
        self.ingredients.push(new);
        self.by_type.insert(marker, index);
        index
    }

    pub(crate) fn known_ingredient(&self, marker: TypeId) -> Option<u16> {
        self.by_type.get(&marker).copied()
    }

    pub(crate) fn table(&self, ingredient: u16) -> &Table {
        &self.ingredients[usize::from(ingredient)].table
    }

    pub(crate) fn table_mut(&mut self, ingredient: u16) -> &mut Table {
        &mut self.ingredients[usize::from(ingredient)].table
    }

    /// The node of a key in the ingredient with this marker, if both exist.
    pub(crate) fn find<K: Key>(&self, marker: TypeId, key: &K) -> Option<u32> {
        let table = self.table(self.known_ingredient(marker)?);
        table.find(key).map(|row| table.node(row))
    }

    /// The node of a key, created if there is none.
    pub(crate) fn node_of<K: Key>(&mut self, ingredient: u16, key: &K, state: State) -> u32 {
        let row = self.table_mut(ingredient).find_or_insert(key);
        self.node_at(ingredient, row, state)
    }

    fn node_at(&mut self, ingredient: u16, row: u32, state: State) -> u32 {
        let known = self.table(ingredient).node(row);
        if known != NO_NODE {
            return known;
        }
        let id = self.allocate(ingredient, row, state);
        self.table_mut(ingredient).set_node(row, id);
        id
    }

    pub(crate) fn key<K: Key>(&self, id: u32) -> &K {
        let node = self.node(id);
        self.table(node.ingredient).key(node.row)
    }

    /// The value of a fact, or the result of a query that has been computed.
    pub(crate) fn stored(&self, id: u32) -> Option<&Erased> {
        let node = self.node(id);
        self.table(node.ingredient).value(node.row)
    }

    /// The result of a query that has been computed.
    pub(crate) fn value(&self, id: u32) -> Erased {
        self.stored(id).expect("a node is read after it was computed").clone()
    }

    /// Stores the result of a query. Returns the previous one.
    pub(crate) fn replace(&mut self, id: u32, value: Erased) -> Option<Erased> {
        let (ingredient, row) = (self.node(id).ingredient, self.node(id).row);
        self.table_mut(ingredient).replace(row, Some(value))
    }

    /// The state of a node that is edited in place.
    pub(crate) fn edited<T: Row>(&self, id: u32) -> &T {
        let node = self.node(id);
        &self.table(node.ingredient).edited()[node.row as usize]
    }

    pub(crate) fn edited_mut<T: Row>(&mut self, id: u32) -> &mut T {
        let (ingredient, row) = (self.node(id).ingredient, self.node(id).row);
        &mut self.table_mut(ingredient).edited_mut()[row as usize]
    }

    fn allocate(&mut self, ingredient: u16, row: u32, state: State) -> u32 {
        let owner = &mut self.ingredients[usize::from(ingredient)];
        owner.nodes += 1;
        let level = owner.level;
        let reused = self.free.pop();
        let generation = reused.map_or(0, |id| self.nodes[id as usize].generation.wrapping_add(1));
        let node = Node {
            generation,
            ingredient,
            level,
            row,
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

    /// Releases the slot and the row of a node, whose edges must be gone.
    pub(crate) fn free_node(&mut self, id: u32) {
        let node = &mut self.nodes[id as usize];
        debug_assert!(node.deps.is_empty() && node.is_unread() && node.demand == 0);
        // A reference to the old generation must not find the freed slot alive.
        node.generation = node.generation.wrapping_add(1);
        node.state = State::New;
        let (ingredient, row) = (usize::from(node.ingredient), node.row);
        self.ingredients[ingredient].nodes -= 1;
        self.ingredients[ingredient].table.detach(row);
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
        self.ingredient_of(id).table.key_text(self.node(id).row)
    }

    /// The visible order of nodes: by name, then by key.
    pub(crate) fn compare(&self, left: u32, right: u32) -> Ordering {
        let (left, right) = (self.node(left), self.node(right));
        if left.ingredient == right.ingredient {
            return self.table(left.ingredient).compare(left.row, right.row);
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
