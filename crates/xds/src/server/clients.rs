//! Limits on what the server holds for one client, and for all of them together.
//!
//! No client is authenticated before the first request, so a client is its address: an IPv6 address without its lower
//! half, which one machine can choose. Connections, streams and bytes held for a client are counted; a client that has
//! used its share waits or is refused, and the others are not affected.

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

/// Maximum number of streams per possible connection: one for ADS, and one for load reports.
const STREAMS: usize = 2;

/// Maximum size of a message that may use twice the budget: Envoy's first request has 61 KB, and must not be held up by
/// clients that send large messages slowly.
const SMALL: usize = 128 << 10;

/// The limits in force.
#[derive(Clone, Copy, Debug)]
struct Limits {
    streams: usize,
    bytes: usize,
}

/// All clients.
pub(super) struct Clients {
    /// Maximum number of connections of one client.
    own: usize,
    each: Limits,
    all: Limits,
    /// The backlog of all clients, and its limit.
    backlog: Arc<Backlog>,
    backlog_limit: usize,
    /// One permit for each possible connection.
    places: Arc<Semaphore>,
    known: Mutex<BTreeMap<IpAddr, Weak<Client>>>,
    connections: AtomicUsize,
    streams: AtomicUsize,
    bytes: AtomicUsize,
}

impl Clients {
    pub(super) fn new(options: &ServerOptions) -> Self {
        let connections = options.max_connections.clamp(1, Semaphore::MAX_PERMITS);
        // A quarter is left to others, even if the setting was meant for a larger server.
        let own = options.max_connections_per_client.min((connections * 3).div_ceil(4)).max(1);
        // A budget smaller than one request would admit none.
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

    /// The number of bytes held for clients, apart from what they are served.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The backlog of all clients.
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

    /// Gives a place to a connection from this address. `None` if the client has reached its limit.
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

/// The client at an address: the address itself, or the upper half of an IPv6 address.
pub fn client_address(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        other => other,
    }
}

/// The client at one address.
pub(super) struct Client {
    address: IpAddr,
    all: Arc<Clients>,
    connections: AtomicUsize,
    streams: AtomicUsize,
    bytes: AtomicUsize,
    /// Number of connections that are admitted and not yet served.
    pub(super) arriving: AtomicUsize,
    /// The bytes that it is owed.
    pub(super) backlog: Arc<Backlog>,
    /// Its connections pass one by one, and each then waits together with one of every other client.
    pub(super) turnstile: tokio::sync::Mutex<()>,
    /// The log lines about it.
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

    /// Counts a further stream. `None` if the limit is reached.
    pub(super) fn open(self: &Arc<Self>) -> Option<Open> {
        let own = self.streams.fetch_add(1, Ordering::Relaxed);
        let all = self.all.streams.fetch_add(1, Ordering::Relaxed);
        let open = Open(self.clone());
        (own < self.all.each.streams && all < self.all.all.streams).then_some(open)
    }

    /// The number of bytes held for it.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Holds bytes for this client. `None` if that would exceed its limit, or that of all clients.
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
        // Another connection from this address may have been opened meanwhile.
        if known.get(&self.address).is_some_and(|client| client.strong_count() == 0) {
            known.remove(&self.address);
        }
    }
}

/// Adds `more` unless that exceeds the limit.
fn add(count: &AtomicUsize, more: usize, limit: usize) -> bool {
    let sum = |now: usize| now.checked_add(more).filter(|sum| *sum <= limit);
    count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum).is_ok()
}

/// The place of one connection; dropped with it.
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

/// Bytes held for a client; dropped with them.
pub(super) struct Held {
    client: Arc<Client>,
    bytes: usize,
}

impl Held {
    /// Changes the number of bytes held. Returns `false`, with nothing changed, if that would exceed a limit.
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
