//! Limits the log lines about one client: a client that makes the server write lines could fill a disk.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Maximum number of log lines about a client in each window; a hundred proxies behind one address stay below.
const LINES: u64 = 1000;
const WINDOW: Duration = Duration::from_secs(10);

/// The log lines about one client. Clones share their count.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    address: Option<IpAddr>,
    window: Arc<Mutex<Window>>,
}

#[derive(Debug, Default)]
struct Window {
    since: Option<Instant>,
    asked: u64,
}

impl Window {
    /// Whether a line may be written, and how many were dropped in the window before.
    fn admit(&mut self, now: Instant) -> (bool, u64) {
        let mut left_out = 0;
        if self.since.is_none_or(|since| now.duration_since(since) >= WINDOW) {
            left_out = self.asked.saturating_sub(LINES);
            (self.since, self.asked) = (Some(now), 0);
        }
        self.asked += 1;
        (self.asked <= LINES, left_out)
    }
}

impl Lines {
    pub(super) fn of(address: IpAddr) -> Self {
        Self { address: Some(address), window: Arc::default() }
    }

    /// Whether a line may be written now.
    pub fn admit(&self) -> bool {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let (admitted, left_out) = window.admit(Instant::now());
        drop(window);
        if left_out > 0
            && let Some(address) = self.address
        {
            tracing::warn!(%address, count = left_out, "further lines about this client were not logged");
        }
        admitted
    }
}

#[cfg(test)]
mod tests;
