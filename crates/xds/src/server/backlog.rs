//! The bytes that clients are owed.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The bytes owed to all clients that keep reading, or to those of one address.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    bytes: AtomicUsize,
    /// Those that keep others waiting.
    counted: AtomicUsize,
    part_of: Option<Whole>,
}

/// The backlog of all clients, for the backlog of one.
#[derive(Debug)]
struct Whole {
    all: Arc<Backlog>,
    /// Maximum share of the part that counts, so that one address alone does not keep the others waiting.
    most: usize,
}

impl Backlog {
    /// The backlog of one address among those of `all`, which may be `limit`.
    pub(super) fn part_of(all: Arc<Self>, limit: usize) -> Self {
        Self { part_of: Some(Whole { all, most: limit / 4 * 3 }), ..Self::default() }
    }

    pub(super) fn add(&self, bytes: usize) {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let Some(Whole { all, most }) = &self.part_of else {
            self.counted.fetch_add(bytes, Ordering::Relaxed);
            return;
        };
        all.bytes.fetch_add(bytes, Ordering::Relaxed);
        all.counted.fetch_add((before + bytes).min(*most) - before.min(*most), Ordering::Relaxed);
    }

    pub(super) fn sub(&self, bytes: usize) {
        let before = self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        let Some(Whole { all, most }) = &self.part_of else {
            self.counted.fetch_sub(bytes, Ordering::Relaxed);
            return;
        };
        all.bytes.fetch_sub(bytes, Ordering::Relaxed);
        all.counted.fetch_sub(before.min(*most) - (before - bytes).min(*most), Ordering::Relaxed);
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(super) fn counted(&self) -> usize {
        self.counted.load(Ordering::Relaxed)
    }

    /// Whether the backlog of one address has reached its limit.
    pub(super) fn is_full(&self) -> bool {
        self.part_of.as_ref().is_some_and(|whole| self.bytes() >= whole.most)
    }
}
