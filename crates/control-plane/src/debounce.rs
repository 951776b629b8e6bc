//! Decides when changes are applied: at once when nothing is going on, in batches while changes keep coming.
//!
//! No clock: instants arrive as arguments. The quiet time grows with what the last round cost, so that a storm
//! of changes keeps at most a tenth of a core busy with settling and pushing.

use std::time::{Duration, Instant};

/// Multiple of the last round's cost that a change waits while changes keep coming.
const COST_FACTOR: u32 = 10;

/// Decides when pending changes are applied.
#[derive(Debug)]
pub struct Debounce {
    min: Duration,
    max: Duration,
    /// Until when the last round still counts as going on.
    busy_until: Option<Instant>,
    /// When the first and the newest of the pending changes arrived.
    pending: Option<(Instant, Instant)>,
    /// The cost of the last round.
    cost: Duration,
}

impl Debounce {
    /// A quiet time between `min` and `max`.
    pub fn new(min: Duration, max: Duration) -> Self {
        Self { min, max, busy_until: None, pending: None, cost: Duration::ZERO }
    }

    /// Notes that a change arrived at `now`.
    pub fn changed(&mut self, now: Instant) {
        let first = self.pending.map_or(now, |(first, _)| first);
        self.pending = Some((first, now));
    }

    /// When the pending changes are to be applied; `None` where none are pending.
    pub fn due(&self) -> Option<Instant> {
        let (first, newest) = self.pending?;
        let busy = self.busy_until.is_some_and(|until| newest < until);
        let quiet = if busy { (self.cost * COST_FACTOR).clamp(self.min, self.max) } else { self.min };
        Some((newest + quiet).min(first + self.max))
    }

    /// Notes that the pending changes were applied in a round from `began` to `ended`.
    pub fn applied(&mut self, began: Instant, ended: Instant) {
        self.pending = None;
        self.cost = ended.saturating_duration_since(began);
        self.busy_until = Some(ended + (self.cost * COST_FACTOR).clamp(self.min, self.max));
    }
}

#[cfg(test)]
mod tests;
