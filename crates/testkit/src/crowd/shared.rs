//! State shared by the clients of a crowd.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::watch::Watches;
use crate::ads::Library;

/// Maximum number of reasons kept for which streams have ended.
const KEPT_ENDS: usize = 100;

#[derive(Debug)]
pub(super) struct Shared {
    began: Instant,
    library: Mutex<Library>,
    pub(super) watches: Arc<Watches>,
    /// Clients whose streams have ended, with the reasons, oldest first.
    ends: Mutex<Vec<(usize, String)>>,
}

impl Shared {
    pub(super) fn new() -> Self {
        let began = Instant::now();
        Self { began, library: Mutex::default(), watches: Arc::default(), ends: Mutex::default() }
    }

    /// The contents that they have read.
    pub(super) fn library(&self) -> MutexGuard<'_, Library> {
        self.library.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time since the crowd began.
    pub(super) fn clock(&self) -> Duration {
        self.began.elapsed()
    }

    /// Nanoseconds since the crowd began; never 0.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.clock().as_nanos()).unwrap_or(u64::MAX).max(1)
    }

    pub(super) fn note_end(&self, client: usize, reason: String) {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        if ends.len() == KEPT_ENDS {
            ends.remove(0);
        }
        ends.push((client, reason));
    }

    /// The last ends of streams, newest first.
    pub(super) fn ends(&self) -> Vec<(usize, String)> {
        let ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.iter().rev().cloned().collect()
    }
}
