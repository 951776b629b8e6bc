//! Schedules another attempt at what a client rejected because its machine lacked something.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::options::ServerOptions;

/// The next attempt of one stream, if one is due. The delay doubles with each.
pub(super) struct Retry {
    first: Duration,
    last: Duration,
    wait: Duration,
    at: Option<Instant>,
    /// Number of contents to try, as of the last look.
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

    /// Notes the number of contents to try.
    pub(super) fn note(&mut self, may_heal: usize) {
        if may_heal == 0 {
            self.at = None;
        } else if may_heal > self.known || self.at.is_none() {
            // A new one does not wait as long as the delay has grown to for those before it.
            self.wait = self.first;
            self.at = Some(Instant::now() + self.wait);
        }
        self.known = may_heal;
    }

    /// Notes that an attempt is being made.
    pub(super) fn made(&mut self) {
        self.wait = (self.wait * 2).min(self.last);
        self.at = Some(Instant::now() + self.wait);
    }

    /// Completes when the next attempt is due; never, if there is none.
    pub(super) async fn due(&self) {
        match self.at {
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests;
