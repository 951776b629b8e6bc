//! When a client is sent again what it rejected for want of something on its machine.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::options::ServerOptions;

/// The next attempt of one stream, if there is to be one. Each comes after twice the time of the one before.
pub(super) struct Retry {
    first: Duration,
    last: Duration,
    wait: Duration,
    at: Option<Instant>,
    /// How many contents there were to try when that was looked at last.
    known: usize,
}

impl Retry {
    pub(super) fn new(options: &ServerOptions) -> Self {
        Self {
            first: options.retry_first,
            last: options.retry_last,
            wait: options.retry_first,
            at: None,
            known: 0,
        }
    }

    /// Takes note of how many contents there are to try.
    pub(super) fn note(&mut self, may_heal: usize) {
        if may_heal == 0 {
            self.at = None;
        } else if may_heal > self.known || self.at.is_none() {
            // One that is new does not wait for as long as those before it have come to.
            self.wait = self.first;
            self.at = Some(Instant::now() + self.wait);
        }
        self.known = may_heal;
    }

    /// An attempt is being made.
    pub(super) fn made(&mut self) {
        self.wait = (self.wait * 2).min(self.last);
        self.at = Some(Instant::now() + self.wait);
    }

    /// Ends when the next attempt is due; never, if there is none.
    pub(super) async fn due(&self) {
        match self.at {
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests;
