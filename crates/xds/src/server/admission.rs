//! Admits new connections as fast as the clients before them read what they are sent.
//!
//! After a restart all proxies connect at once. A fixed rate would be too slow for proxies that see little and too fast
//! for those that see everything, so what is measured is the backlog itself: the bytes that clients are owed and read
//! as fast as they can ([`Backlog`]), and the clients that are let in and not yet served. A connection is not refused
//! but waits before anything is read from it, while it costs only a socket. The connections of one address queue behind
//! each other, and those of several addresses are admitted in turn; what one address is owed counts for at most three
//! quarters. Only after `ServerOptions::admission_timeout` are its streams refused, with a hint when to retry.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::time::{sleep, timeout};
use tonic::{Status, metadata::MetadataValue};

use super::{backlog::Backlog, clients::Client};

/// Maximum number of clients that are admitted and not yet served: each may make the owner compute its view.
const ARRIVING: usize = 256;

/// Maximum number of them from one address.
const ARRIVING_OF_ONE: usize = ARRIVING * 3 / 4;

/// Interval at which the backlog is checked while connections wait for it.
const LOOK: Duration = Duration::from_millis(2);

/// Maximum delay that a refused client is told to wait.
const LONGEST_HINT: Duration = Duration::from_secs(30);

/// Metadata key under which gRPC clients find the delay before a retry (gRPC A6, "client retry design").
const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// Admission to a server.
pub(super) struct Admission {
    backlog: Arc<Backlog>,
    limit: usize,
    patience: Duration,
    /// One connection of each client waits here, in the order in which they came.
    turnstile: tokio::sync::Mutex<()>,
    waiting: AtomicUsize,
    arriving: Arc<AtomicUsize>,
    pace: Mutex<Pace>,
}

/// How long one waiting connection has taken to pass, lately.
#[derive(Default)]
struct Pace {
    last: Option<Instant>,
    each: Duration,
}

/// A client that is admitted and not yet served; dropped once it is served.
pub(super) struct Arrival {
    all: Arc<AtomicUsize>,
    client: Arc<Client>,
}

impl Drop for Arrival {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Ordering::Relaxed);
        self.client.arriving.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection that has waited for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Late {
    /// Delay before it may retry.
    pub(super) retry_after: Duration,
}

impl Late {
    /// The status that ends its streams.
    pub(super) fn status(self) -> Status {
        let seconds = self.retry_after.as_secs_f32();
        let mut status =
            Status::unavailable(format!("too many proxies connect at once; come back in {seconds:.1} s"));
        let millis = u64::try_from(self.retry_after.as_millis()).unwrap_or(u64::MAX);
        status.metadata_mut().insert(PUSHBACK, MetadataValue::from(millis));
        status
    }
}

/// Counts a waiting connection for as long as this exists.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn new(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Admission {
    pub(super) fn new(backlog: Arc<Backlog>, limit: usize, patience: Duration) -> Self {
        Self {
            backlog,
            limit,
            patience,
            turnstile: tokio::sync::Mutex::default(),
            waiting: AtomicUsize::default(),
            arriving: Arc::default(),
            pace: Mutex::default(),
        }
    }

    /// How many connections wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Waits until a connection may be served.
    pub(super) async fn enter(&self, client: &Arc<Client>) -> Result<Arrival, Late> {
        let _waits = Waits::new(&self.waiting);
        let turn = async {
            let _own_turn = client.turnstile.lock().await;
            while !has_room_for(client) {
                sleep(LOOK).await;
            }
            let _turn = self.turnstile.lock().await;
            let waited = !self.has_room();
            while !self.has_room() {
                sleep(LOOK).await;
            }
            self.passed(waited);
            self.arrive(client)
        };
        timeout(self.patience, turn).await.map_err(|_elapsed| self.late())
    }

    /// Admits a stream whose connection waited too long, if there is room by now.
    pub(super) fn retry(&self, client: &Arc<Client>) -> Result<Arrival, Late> {
        if self.waiting() == 0 { self.further(client) } else { Err(self.late()) }
    }

    /// Admits a further stream of a connection, if there is room.
    pub(super) fn further(&self, client: &Arc<Client>) -> Result<Arrival, Late> {
        if self.has_room() && has_room_for(client) { Ok(self.arrive(client)) } else { Err(self.late()) }
    }

    fn has_room(&self) -> bool {
        self.arriving.load(Ordering::Relaxed) < ARRIVING && self.backlog.counted() < self.limit
    }

    fn arrive(&self, client: &Arc<Client>) -> Arrival {
        self.arriving.fetch_add(1, Ordering::Relaxed);
        client.arriving.fetch_add(1, Ordering::Relaxed);
        Arrival { all: self.arriving.clone(), client: client.clone() }
    }

    /// Updates the moving mean of the time between connections that had to wait.
    fn passed(&self, waited: bool) {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let (Some(last), true) = (pace.last, waited) {
            pace.each = (pace.each * 7 + (now - last)) / 8;
        }
        pace.last = Some(now);
    }

    fn late(&self) -> Late {
        let each = self.pace.lock().unwrap_or_else(PoisonError::into_inner).each;
        let ahead = u32::try_from(self.waiting() + 1).unwrap_or(u32::MAX);
        let retry_after = each.saturating_mul(ahead).clamp(Duration::from_secs(1), LONGEST_HINT);
        Late { retry_after }
    }
}

fn has_room_for(client: &Client) -> bool {
    client.arriving.load(Ordering::Relaxed) < ARRIVING_OF_ONE && !client.backlog.is_full()
}

#[cfg(test)]
mod tests;
