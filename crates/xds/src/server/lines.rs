//! How much is logged of one client: whoever makes the server write a line can fill a disk.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// So many lines are logged of a client in each window, which a hundred proxies behind one address do not reach.
const LINES: u64 = 1000;
const WINDOW: Duration = Duration::from_secs(10);

/// The lines of one client. Clones count together.
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
    /// Whether a line may be written, and how many of the window before were not.
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
