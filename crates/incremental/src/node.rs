//! The untyped half of a node: its edges, its state and its revisions.

use rustc_hash::FxHashSet;

/// Number of readers above which a set is faster to search than a list.
const FEW: usize = 32;

/// A node and the generation of its slot, so that a reused slot is not taken for the old node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeRef {
    pub(crate) id: u32,
    pub(crate) generation: u32,
}

/// The state of a node's stored value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// There is none yet.
    New,
    /// It is the value of `Core::fresh_at`, and of later revisions too unless something it reads
    /// indirectly is still to be settled.
    Fresh,
    /// Something it read has changed, and it is queued. Demanded nodes only.
    Dirty,
    /// Something it read, directly or not, may have changed. Dormant nodes only: the next read verifies it.
    Stale,
}

pub(crate) struct Node {
    pub(crate) generation: u32,
    pub(crate) ingredient: u16,
    pub(crate) level: u16,
    /// The row in the table of the ingredient.
    pub(crate) row: u32,
    /// Number of leases and demanded readers. Zero if dormant.
    pub(crate) demand: u32,
    pub(crate) leases: u32,
    /// Scratch for comparing edge lists without hashing.
    pub(crate) mark: u32,
    pub(crate) state: State,
    /// Whether it is among the candidates of the garbage collector.
    pub(crate) listed: bool,
    pub(crate) changed_at: u64,
    /// When it was last recomputed or verified, or went dormant.
    pub(crate) verified_at: u64,
    /// The dependency whose change led to the last recomputation; `None` if it was the first.
    pub(crate) cause: Option<NodeRef>,
    /// What it read, in the order of the first read.
    pub(crate) deps: Vec<u32>,
    pub(crate) readers: Readers,
}

impl Node {
    pub(crate) fn is_unread(&self) -> bool {
        self.leases == 0 && self.readers.is_empty()
    }
}

/// The reverse edges of a node: cheap to add and remove at any degree, one word for most nodes.
#[derive(Default)]
pub(crate) enum Readers {
    #[default]
    None,
    One(u32),
    Few(Vec<u32>),
    Many(Box<FxHashSet<u32>>),
}

impl Readers {
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::None)
    }

    /// The reader must not be in the set yet.
    pub(crate) fn insert(&mut self, reader: u32) {
        match self {
            Self::None => *self = Self::One(reader),
            Self::One(other) => *self = Self::Few(vec![*other, reader]),
            Self::Few(list) if list.len() < FEW => list.push(reader),
            Self::Few(list) => {
                let mut set: FxHashSet<u32> = list.iter().copied().collect();
                set.insert(reader);
                *self = Self::Many(Box::new(set));
            }
            Self::Many(set) => {
                set.insert(reader);
            }
        }
    }

    pub(crate) fn remove(&mut self, reader: u32) {
        match self {
            Self::None => {}
            Self::One(other) => {
                if *other == reader {
                    *self = Self::None;
                }
            }
            Self::Few(list) => {
                if let Some(at) = list.iter().position(|&other| other == reader) {
                    list.swap_remove(at);
                }
                if list.len() == 1 {
                    *self = Self::One(list[0]);
                }
            }
            Self::Many(set) => {
                set.remove(&reader);
                // Half the bound, so that a degree around it does not convert back and forth.
                if set.len() <= FEW / 2 {
                    *self = Self::Few(set.iter().copied().collect());
                }
            }
        }
    }

    /// In no particular order: callers that make the order visible must sort.
    pub(crate) fn to_vec(&self) -> Vec<u32> {
        match self {
            Self::None => Vec::new(),
            Self::One(reader) => vec![*reader],
            Self::Few(list) => list.clone(),
            Self::Many(set) => set.iter().copied().collect(),
        }
    }
}
