//! All connections, for sync status, metrics and debugging.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use fairlead_resource::{TypeUrl, Types};

use super::{
    admission::Admission,
    backlog::Backlog,
    by_type::ByType,
    clients::Clients,
    distribution::{Sizes, Times},
    load::LoadReports,
    options::ServerOptions,
    resolver::{ConnectionId, Peer},
};
use crate::{Node, Protocol, Session, TypeStatus};

/// A count per type.
#[derive(Debug)]
pub struct PerType(ByType<Count>);

impl PerType {
    fn new(types: &'static Types) -> Self {
        Self(ByType::new(types, Count::default))
    }

    /// The count of one type.
    pub fn get(&self, type_url: TypeUrl) -> u64 {
        self.0.of(type_url).get()
    }

    pub(super) fn add(&self, type_url: TypeUrl, n: u64) {
        self.0.of(type_url).add(n);
    }
}

/// A plain count.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// The count.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }
}

/// Counts of events since the server started. They never decrease.
#[derive(Debug)]
pub struct Counters {
    /// Streams that were admitted.
    pub connects: Count,
    /// Streams that were refused.
    pub refused: Count,
    /// Streams that have ended.
    pub disconnects: Count,
    /// Requests received.
    pub requests: Count,
    /// Responses sent.
    pub pushes: PerType,
    /// Resources in the responses.
    pub resources: PerType,
    /// Names removed by the responses.
    pub removed: PerType,
    /// Bytes of the responses.
    pub bytes: PerType,
    /// Sizes of the responses.
    pub sizes: Sizes,
    /// Time from the request or publication that caused a response until it is handed to its stream.
    pub times: Times,
    /// Responses accepted.
    pub acks: PerType,
    /// Responses rejected.
    pub nacks: PerType,
    /// Contents found to be at fault.
    pub rejected_resources: PerType,
    /// Requests that answered a response older than the last.
    pub stale_nonces: Count,
    /// Requests for a type that is not served.
    pub unknown_types: Count,
    /// Clients disconnected because they stopped reading.
    pub stalled: Count,
    /// Streams that ended by a panic: a bug.
    pub panics: Count,
}

impl Counters {
    fn new(types: &'static Types) -> Self {
        let (count, per_type) = (Count::default, || PerType::new(types));
        Self {
            connects: count(),
            refused: count(),
            disconnects: count(),
            requests: count(),
            pushes: per_type(),
            resources: per_type(),
            removed: per_type(),
            bytes: per_type(),
            sizes: Sizes::new(types),
            times: Times::new(types),
            acks: per_type(),
            nacks: per_type(),
            rejected_resources: per_type(),
            stale_nonces: count(),
            unknown_types: count(),
            stalled: count(),
            panics: count(),
        }
    }
}

/// One connection, as seen from outside.
#[derive(Clone, Debug)]
pub struct ConnectionStatus {
    /// The stream.
    pub id: ConnectionId,
    /// Who the client says it is.
    pub node: Arc<Node>,
    /// Its address and identity.
    pub peer: Peer,
    /// The protocol variant that it speaks.
    pub protocol: Protocol,
    /// When the owner admitted it.
    pub since: Instant,
    /// The revision that it is being served.
    pub revision: u64,
    /// Responses sent.
    pub pushes: u64,
    /// Bytes sent.
    pub bytes: u64,
    /// The state of each type that it has asked for.
    pub types: Vec<TypeStatus>,
}

/// The connections of a server. Clones share their state.
#[derive(Clone)]
pub struct Sessions {
    inner: Arc<Inner>,
}

struct Inner {
    connections: Mutex<BTreeMap<ConnectionId, Arc<Entry>>>,
    counters: Counters,
    next: AtomicU64,
    backlog: Arc<Backlog>,
    admission: Arc<Admission>,
    clients: Arc<Clients>,
    loads: LoadReports,
}

/// The state kept of one connection.
pub(super) struct Entry {
    pub(super) id: ConnectionId,
    pub(super) node: Arc<Node>,
    pub(super) peer: Peer,
    pub(super) protocol: Protocol,
    pub(super) since: Instant,
    pub(super) pushes: Count,
    pub(super) bytes: Count,
    pub(super) session: Mutex<Session>,
}

impl Entry {
    pub(super) fn session(&self) -> std::sync::MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn status(&self) -> ConnectionStatus {
        let session = self.session();
        ConnectionStatus {
            id: self.id,
            node: self.node.clone(),
            peer: self.peer.clone(),
            protocol: self.protocol,
            since: self.since,
            revision: session.revision(),
            pushes: self.pushes.get(),
            bytes: self.bytes.get(),
            types: session.status(),
        }
    }
}

/// The registration of a connection; ends when dropped.
pub(super) struct Registration {
    pub(super) entry: Arc<Entry>,
    sessions: Sessions,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.sessions.lock().remove(&self.entry.id);
        self.sessions.inner.counters.disconnects.add(1);
    }
}

/// The connections of a server without clients, for tests.
impl Default for Sessions {
    fn default() -> Self {
        let clients = Arc::new(Clients::new(&ServerOptions::default()));
        let backlog = clients.backlog();
        let admission = Arc::new(Admission::new(backlog.clone(), usize::MAX, Duration::ZERO));
        Self::new(Types::envoy(), backlog, admission, clients)
    }
}

impl Sessions {
    pub(super) fn new(
        types: &'static Types,
        backlog: Arc<Backlog>,
        admission: Arc<Admission>,
        clients: Arc<Clients>,
    ) -> Self {
        let inner = Inner {
            connections: Mutex::default(),
            counters: Counters::new(types),
            next: AtomicU64::default(),
            backlog,
            admission,
            clients,
            loads: LoadReports::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Bytes owed to clients that keep reading.
    pub fn backlog_bytes(&self) -> usize {
        self.inner.backlog.bytes()
    }

    /// How many new connections wait until the backlog is smaller.
    pub fn waiting(&self) -> usize {
        self.inner.admission.waiting()
    }

    /// How many connections there are, with or without a stream.
    pub fn connections(&self) -> usize {
        self.inner.clients.connections()
    }

    /// Bytes held for clients apart from what they are served: unfinished requests, nodes, unknown names.
    pub fn held_bytes(&self) -> usize {
        self.inner.clients.bytes()
    }

    /// The load that clients have reported.
    pub fn loads(&self) -> LoadReports {
        self.inner.loads.clone()
    }

    /// The state of all connections, in order of their id. Holds no lock while the caller looks at it.
    pub fn snapshot(&self) -> Vec<ConnectionStatus> {
        let entries: Vec<_> = self.lock().values().cloned().collect();
        entries.iter().map(|entry| entry.status()).collect()
    }

    /// The state of one connection.
    pub fn get(&self, id: ConnectionId) -> Option<ConnectionStatus> {
        let entry = self.lock().get(&id).cloned();
        entry.map(|entry| entry.status())
    }

    /// How many clients are connected.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether no client is connected.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// The counts of events since the server started.
    pub fn counters(&self) -> &Counters {
        &self.inner.counters
    }

    pub(super) fn next_id(&self) -> ConnectionId {
        ConnectionId(self.inner.next.fetch_add(1, Ordering::Relaxed) + 1)
    }

    pub(super) fn register(&self, entry: Entry) -> Registration {
        let entry = Arc::new(entry);
        self.lock().insert(entry.id, entry.clone());
        self.inner.counters.connects.add(1);
        Registration { entry, sessions: self.clone() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<ConnectionId, Arc<Entry>>> {
        self.inner.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
