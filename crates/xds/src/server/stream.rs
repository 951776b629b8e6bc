//! The task of one stream.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use envoy_types::pb::envoy::{
    config::core::v3::Node as ProtoNode,
    service::discovery::v3::{DeltaDiscoveryRequest, DiscoveryRequest},
};
use prost::Message as _;
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;
use tonic::{Status, metadata::MetadataMap};
use tracing::{Instrument, debug, info, info_span};

use super::{
    admission::Arrival,
    body::Outbox,
    clients::{Client, Held},
    registry::{Entry, Registration},
    requests::Requests,
    resolver::{Ack, Connection, Peer, Resolver},
    retry::Retry,
    shared::Shared,
    sieve::Sieved,
    view::View,
};
use crate::{Action, Node, Note, Overlay, Protocol, Publication, Session, SessionOptions};

/// What the two variants' requests have in common.
pub(super) trait Request: Sieved {
    const PROTOCOL: Protocol;

    fn take_node(&mut self) -> Option<ProtoNode>;

    fn apply(&self, session: &mut Session) -> Vec<Action>;
}

impl Request for DiscoveryRequest {
    const PROTOCOL: Protocol = Protocol::StateOfTheWorld;

    fn take_node(&mut self) -> Option<ProtoNode> {
        self.node.take()
    }

    fn apply(&self, session: &mut Session) -> Vec<Action> {
        session.on_sotw(self)
    }
}

impl Request for DeltaDiscoveryRequest {
    const PROTOCOL: Protocol = Protocol::Delta;

    fn take_node(&mut self) -> Option<ProtoNode> {
        self.node.take()
    }

    fn apply(&self, session: &mut Session) -> Vec<Action> {
        session.on_delta(self)
    }
}

/// A stream that has been opened.
pub(super) struct Stream<M, R> {
    pub(super) requests: Requests<M>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) peer: Peer,
    pub(super) holdings: Holdings,
    /// Closes the stream's connection.
    pub(super) close: Option<CancellationToken>,
    /// Dropped once the client is being served.
    pub(super) arrival: Option<Arrival>,
    pub(super) shared: Arc<Shared<R>>,
}

/// The bytes held for the client for the life of the stream: its node, and names that no published resource has.
#[derive(Default)]
pub(super) struct Holdings {
    client: Option<Arc<Client>>,
    held: Option<Held>,
    node: usize,
    /// Bytes of requests since the names were counted.
    unseen: usize,
}

/// Number of copies of a node: those of the stream and the owner, and the key of a view.
const NODE_COPIES: usize = 4;

/// Number of bytes of requests after which the names are counted again.
const UNSEEN: usize = 16 << 10;

impl Holdings {
    pub(super) fn of(client: Option<Arc<Client>>) -> Self {
        Self { client, ..Self::default() }
    }

    fn node(&mut self, bytes: usize) -> Result<(), Status> {
        self.node = bytes * NODE_COPIES;
        self.hold(0)
    }

    fn request(&mut self, bytes: usize, session: &Session) -> Result<(), Status> {
        self.unseen += bytes;
        if self.unseen < UNSEEN {
            return Ok(());
        }
        self.unseen = 0;
        self.hold(session.own_bytes())
    }

    fn hold(&mut self, names: usize) -> Result<(), Status> {
        let Some(client) = &self.client else { return Ok(()) };
        let bytes = self.node + names;
        let fits = if let Some(held) = &mut self.held {
            held.resize(bytes)
        } else {
            self.held = client.hold(bytes);
            self.held.is_some()
        };
        let too_much = || Status::resource_exhausted("more is kept for this address than may be");
        if fits { Ok(()) } else { Err(too_much()) }
    }
}

/// Runs a stream to its end.
pub(super) async fn run<M: Request, R: Resolver>(mut stream: Stream<M, R>) {
    let outbox = stream.outbox.clone();
    let status = match stream.greet().await {
        Ok((first, node, connection, id)) => {
            let span = info_span!("session", proxy.id = %node.id);
            Box::pin(stream.converse(first, node, connection, id)).instrument(span).await
        }
        Err(status) => {
            stream.shared.sessions.counters().refused.add(1);
            status
        }
    };
    outbox.finish(status);
}

impl<M: Request, R: Resolver> Stream<M, R> {
    /// Takes the first request and asks the owner to admit the client.
    async fn greet(&mut self) -> Result<(M, Node, Connection, super::ConnectionId), Status> {
        let shared = self.shared.clone();
        let draining = shared.draining.clone();
        let first = tokio::select! {
            first = timeout(shared.options.greeting_timeout, self.requests.message()) => first,
            () = self.outbox.gone() => return Err(Status::cancelled("the client has gone")),
            () = draining.cancelled() => return Err(draining_status()),
        };
        let mut first = first
            .map_err(|_elapsed| Status::deadline_exceeded("no request came"))??
            .ok_or_else(|| Status::invalid_argument("the stream ended before its first request"))?;
        let node = match first.take_node() {
            Some(node) => {
                self.holdings.node(node.encoded_len())?;
                Node::from_proto(node)
            }
            None => shared
                .resolver
                .anonymous(&self.peer)
                .ok_or_else(|| Status::invalid_argument("the first request has no node"))?,
        };
        let id = shared.sessions.next_id();
        let connection = tokio::select! {
            connection = shared.resolver.connect(id, &node, &self.peer) => connection?,
            () = self.outbox.gone() => return Err(Status::cancelled("the client has gone")),
        };
        Ok((first, node, connection, id))
    }

    /// Serves the client until something ends the stream.
    async fn converse(
        mut self,
        first: M,
        node: Node,
        mut connection: Connection,
        id: super::ConnectionId,
    ) -> Status {
        // The client is authenticated; a token is not kept for the life of the stream.
        self.peer.metadata = MetadataMap::new();
        let view = connection.view.borrow_and_update().clone();
        let mut publications = view.subscribe();
        let publication = publications.borrow_and_update().clone();
        let options = SessionOptions { types: self.shared.options.types, ..connection.options.clone() };
        let mut session = Session::new(M::PROTOCOL, options, publication);
        if let Some(overlay) = &mut connection.overlay {
            // Nothing has been requested yet, so no action is needed.
            session.on_overlay(overlay.borrow_and_update().clone());
        }
        if let Some(departed) = self.shared.departures.take(&node, &self.peer) {
            session.go_on_from(departed);
        }
        let registration = self.shared.sessions.register(Entry {
            id,
            node: Arc::new(node),
            peer: self.peer.clone(),
            protocol: M::PROTOCOL,
            since: Instant::now(),
            pushes: super::Count::default(),
            bytes: super::Count::default(),
            session: std::sync::Mutex::new(session),
        });
        let ended = self.serve(first, &mut connection, &mut publications, &registration).await;
        // A session that has panicked may do so again.
        let depart = || registration.entry.session().depart();
        if let Ok(Some(departed)) = catch_unwind(AssertUnwindSafe(depart)) {
            self.shared.departures.keep(&registration.entry.node, &self.peer, departed);
        }
        drop(registration);
        drop(connection);
        ended.err().unwrap_or_else(|| Status::ok(""))
    }

    /// Returns how the stream ends: with an error, or with `Ok` when the client has closed its side.
    ///
    /// The only possible events: a request, a publication, a move to another view, another overlay, a stalled client, a
    /// client that has gone, the drain of the server, and another attempt at what the client's machine lacked.
    async fn serve(
        &mut self,
        first: M,
        connection: &mut Connection,
        publications: &mut watch::Receiver<Arc<Publication>>,
        registration: &Registration,
    ) -> Result<(), Status> {
        let shared = self.shared.clone();
        self.handle(registration, |session| first.apply(session))?;
        self.holdings.request(self.requests.last_bytes(), &registration.entry.session())?;
        drop(first);
        self.arrival = None;
        shared.sessions.counters().requests.add(1);
        let stall_timeout = shared.options.stall_timeout;
        let mut clock =
            interval((stall_timeout / 4).clamp(Duration::from_millis(10), Duration::from_secs(1)));
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut retry = Retry::new(&shared.options);
        loop {
            retry.note(registration.entry.session().may_heal());
            tokio::select! {
                biased;
                () = shared.draining.cancelled() => return Err(draining_status()),
                () = self.outbox.gone() => return Err(Status::cancelled("the client has gone")),
                request = self.requests.message() => {
                    let Some(request) = request? else { return Ok(()) };
                    shared.sessions.counters().requests.add(1);
                    self.handle(registration, |session| request.apply(session))?;
                    self.holdings.request(self.requests.last_bytes(), &registration.entry.session())?;
                }
                moved = connection.view.changed() => {
                    moved.map_err(|_closed| Status::unavailable("disconnected by the control plane"))?;
                    let view: Arc<View> = connection.view.borrow_and_update().clone();
                    *publications = view.subscribe();
                    let publication = publications.borrow_and_update().clone();
                    self.handle(registration, |session| session.on_publication(publication))?;
                }
                changed = publications.changed() => {
                    // The connection's view keeps the sender.
                    changed.map_err(|_closed| Status::unavailable("the view has ended"))?;
                    let publication = publications.borrow_and_update().clone();
                    self.handle(registration, |session| session.on_publication(publication))?;
                }
                overlay = next_overlay(&mut connection.overlay) => {
                    self.handle(registration, |session| session.on_overlay(overlay))?;
                }
                () = retry.due() => {
                    retry.made();
                    self.handle(registration, Session::try_again)?;
                }
                _ = clock.tick(), if self.outbox.is_pending() => {
                    if self.outbox.is_stalled(stall_timeout) {
                        return Err(self.give_up());
                    }
                }
            }
        }
    }

    /// Gives the session an input and carries out its actions. A panic ends this stream alone.
    fn handle(
        &self,
        registration: &Registration,
        event: impl FnOnce(&mut Session) -> Vec<Action>,
    ) -> Result<(), Status> {
        let (entry, began) = (&registration.entry, Instant::now());
        let actions = catch_unwind(AssertUnwindSafe(|| event(&mut entry.session()))).map_err(|_panic| {
            self.shared.sessions.counters().panics.add(1);
            Status::internal("the session failed")
        })?;
        actions.into_iter().try_for_each(|action| self.act(entry, began, action))
    }

    fn act(&self, entry: &Entry, began: Instant, action: Action) -> Result<(), Status> {
        let counters = self.shared.sessions.counters();
        match action {
            Action::Send(response) => {
                let type_url = response.type_url();
                counters.pushes.add(type_url, 1);
                counters.resources.add(type_url, response.resources() as u64);
                counters.removed.add(type_url, response.removed() as u64);
                counters.bytes.add(type_url, response.encoded_len() as u64);
                counters.sizes.add(type_url, response.encoded_len());
                entry.pushes.add(1);
                entry.bytes.add(response.encoded_len() as u64);
                if entry.peer.lines.admit() {
                    info!(
                        proxy.id = %entry.node.id,
                        type_url = type_url.short(),
                        nonce = %response.nonce(),
                        resources = response.resources(),
                        removed = response.removed(),
                        bytes = response.encoded_len(),
                        "pushed"
                    );
                }
                self.outbox.push(response);
                counters.times.add(type_url, began.elapsed());
            }
            Action::Acked { type_url, revision } => {
                counters.acks.add(type_url, 1);
                let in_sync = entry.session().in_sync();
                let ack = Ack { id: entry.id, type_url, revision, since: entry.since, in_sync };
                self.shared.resolver.on_ack(&ack);
            }
            Action::Reject(report) => {
                counters.rejected_resources.add(report.type_url, report.resources.len() as u64);
                // The owner logs each rejected content once; this is once for each stream, so it is on the debug level.
                debug!(
                    proxy.id = %entry.node.id,
                    type_url = report.type_url.short(),
                    nonce = %report.nonce,
                    resources = report.resources.len(),
                    error = report.message,
                    "rejected"
                );
                self.shared.resolver.on_nack(entry.id, &report);
            }
            Action::Healed { type_url, resources } => {
                self.shared.resolver.on_healed(entry.id, type_url, &resources);
            }
            Action::Note(Note::Nack(type_url)) => counters.nacks.add(type_url, 1),
            Action::Note(Note::StaleNonce) => counters.stale_nonces.add(1),
            Action::Note(Note::UnknownType) => counters.unknown_types.add(1),
            Action::Close(reason) => return Err(Status::resource_exhausted(reason.to_string())),
        }
        Ok(())
    }

    /// Disconnects a client that does not read: the end of its stream alone would not reach it.
    fn give_up(&self) -> Status {
        self.shared.sessions.counters().stalled.add(1);
        self.outbox.clear();
        if let Some(close) = &self.close {
            close.cancel();
        }
        Status::unavailable("the client does not read")
    }
}

/// Waits for the connection's next overlay.
async fn next_overlay(overlay: &mut Option<watch::Receiver<Arc<Overlay>>>) -> Arc<Overlay> {
    if let Some(receiver) = overlay
        && receiver.changed().await.is_ok()
    {
        return receiver.borrow_and_update().clone();
    }
    std::future::pending().await
}

fn draining_status() -> Status {
    Status::unavailable("the control plane is shutting down")
}
