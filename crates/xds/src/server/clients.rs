//! What one client may make the server hold, and all of them together.
//!
//! Nobody is authenticated before the first request, so a client is its address: an IPv6 address without its lower
//! half, which is one machine's to choose. Connections, streams and bytes that are held for a client are counted; who
//! has its share waits or is refused, and the others do not notice.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{backlog::Backlog, lines::Lines, options::ServerOptions};

/// How many streams there may be for each connection that there may be: one for ADS, and one for load reports.
const STREAMS: usize = 2;

/// A message up to this size may use twice the budget: a first request of Envoy has 61 KB, and is not held up by
/// those who send large ones slowly.
const SMALL: usize = 128 << 10;

/// The limits that hold.
#[derive(Clone, Copy, Debug)]
struct Limits {
    streams: usize,
    bytes: usize,
}

/// All clients.
pub(super) struct Clients {
    /// How many connections a client may have.
    own: usize,
    each: Limits,
    all: Limits,
    /// What all are owed, and how much that may be.
    backlog: Arc<Backlog>,
    backlog_limit: usize,
    /// One permit for each connection that there may be.
    places: Arc<Semaphore>,
    known: Mutex<BTreeMap<IpAddr, Weak<Client>>>,
    connections: AtomicUsize,
    streams: AtomicUsize,
    bytes: AtomicUsize,
}

impl Clients {
    pub(super) fn new(options: &ServerOptions) -> Self {
        let connections = options.max_connections.clamp(1, Semaphore::MAX_PERMITS);
        // A quarter is left to others, whatever was set for a larger server.
        let own = options.max_connections_per_client.min((connections * 3).div_ceil(4)).max(1);
        // A budget smaller than one request would take none.
        let bytes = options.client_bytes.max(options.max_request_bytes);
        let all_bytes = options.clients_bytes.max(bytes);
        Self {
            own,
            each: Limits { streams: own * STREAMS, bytes },
            all: Limits { streams: connections * STREAMS, bytes: all_bytes },
            backlog: Arc::default(),
            backlog_limit: options.backlog_limit,
            places: Arc::new(Semaphore::new(connections)),
            known: Mutex::default(),
            connections: AtomicUsize::default(),
            streams: AtomicUsize::default(),
            bytes: AtomicUsize::default(),
        }
    }

    /// How many bytes are held for clients, beside what they are served.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// What all clients are owed.
    pub(super) fn backlog(&self) -> Arc<Backlog> {
        self.backlog.clone()
    }

    /// How many connections there are.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Whether no further connection is taken.
    pub(super) fn is_full(&self) -> bool {
        self.places.available_permits() == 0
    }

    /// Waits for a place.
    pub(super) async fn place(&self) -> OwnedSemaphorePermit {
        self.places.clone().acquire_owned().await.expect("the semaphore is never closed")
    }

    /// Gives a place to a connection from this address. None if the client has all that it may have.
    pub(super) fn seat(self: &Arc<Self>, address: IpAddr, place: OwnedSemaphorePermit) -> Option<Seat> {
        let client = self.client(address);
        self.connections.fetch_add(1, Ordering::Relaxed);
        let had = client.connections.fetch_add(1, Ordering::Relaxed);
        let seat = Seat { client, _place: place };
        (had < self.own).then_some(seat)
    }

    pub(super) fn client(self: &Arc<Self>, address: IpAddr) -> Arc<Client> {
        let address = client_address(address);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = known.get(&address).and_then(Weak::upgrade) {
            return client;
        }
        let client = Arc::new(Client::new(address, self.clone()));
        known.insert(address, Arc::downgrade(&client));
        client
    }
}

/// The client that has an address: the address itself, of an IPv6 address the upper half.
pub fn client_address(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        other => other,
    }
}

/// Those who come from one address.
pub(super) struct Client {
    address: IpAddr,
    all: Arc<Clients>,
    connections: AtomicUsize,
    streams: AtomicUsize,
    bytes: AtomicUsize,
    /// Those that are let in and not yet served.
    pub(super) arriving: AtomicUsize,
    /// What it is owed.
    pub(super) backlog: Arc<Backlog>,
    /// Its connections pass one by one, and each then waits with one of every other client.
    pub(super) turnstile: tokio::sync::Mutex<()>,
    /// What is logged of it.
    pub(super) lines: Lines,
}

impl Client {
    fn new(address: IpAddr, all: Arc<Clients>) -> Self {
        Self {
            address,
            backlog: Arc::new(Backlog::part_of(all.backlog(), all.backlog_limit)),
            all,
            connections: AtomicUsize::default(),
            streams: AtomicUsize::default(),
            bytes: AtomicUsize::default(),
            arriving: AtomicUsize::default(),
            turnstile: tokio::sync::Mutex::default(),
            lines: Lines::of(address),
        }
    }

    /// Counts a further stream. None if there are as many as there may be.
    pub(super) fn open(self: &Arc<Self>) -> Option<Open> {
        let own = self.streams.fetch_add(1, Ordering::Relaxed);
        let all = self.all.streams.fetch_add(1, Ordering::Relaxed);
        let open = Open(self.clone());
        (own < self.all.each.streams && all < self.all.all.streams).then_some(open)
    }

    /// How many bytes are held for it.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Holds bytes for this client. None if it, or all together, would hold more than they may.
    pub(super) fn hold(self: &Arc<Self>, bytes: usize) -> Option<Held> {
        let stretch = if bytes <= SMALL { 2 } else { 1 };
        if !add(&self.bytes, bytes, self.all.each.bytes * stretch) {
            return None;
        }
        if !add(&self.all.bytes, bytes, self.all.all.bytes * stretch) {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            return None;
        }
        Some(Held { client: self.clone(), bytes })
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let mut known = self.all.known.lock().unwrap_or_else(PoisonError::into_inner);
        // Another of this address may have come meanwhile.
        if known.get(&self.address).is_some_and(|client| client.strong_count() == 0) {
            known.remove(&self.address);
        }
    }
}

/// Adds unless that is too much.
fn add(count: &AtomicUsize, more: usize, limit: usize) -> bool {
    let sum = |now: usize| now.checked_add(more).filter(|sum| *sum <= limit);
    count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum).is_ok()
}

/// The place of one connection. To be dropped with it.
pub(super) struct Seat {
    pub(super) client: Arc<Client>,
    _place: OwnedSemaphorePermit,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.client.connections.fetch_sub(1, Ordering::Relaxed);
        self.client.all.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One stream that is open.
pub(super) struct Open(Arc<Client>);

impl Open {
    pub(super) fn client(&self) -> &Arc<Client> {
        &self.0
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
        self.0.all.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Bytes that are held for a client. To be dropped with them.
pub(super) struct Held {
    client: Arc<Client>,
    bytes: usize,
}

impl Held {
    /// Holds so many bytes from now on. Returns whether they may be held; if not, nothing changes.
    pub(super) fn resize(&mut self, bytes: usize) -> bool {
        let Some(more) = bytes.checked_sub(self.bytes) else {
            self.give_back(self.bytes - bytes);
            self.bytes = bytes;
            return true;
        };
        let Some(mut further) = self.client.hold(more) else { return false };
        self.bytes += std::mem::take(&mut further.bytes);
        true
    }

    fn give_back(&self, bytes: usize) {
        self.client.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.client.all.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.give_back(self.bytes);
    }
}

/// A client for tests of what counts for one.
#[cfg(test)]
pub(super) fn client_of(address: &str, options: &ServerOptions) -> Arc<Client> {
    Arc::new(Clients::new(options)).client(address.parse().expect("an address"))
}

#[cfg(test)]
mod tests;
