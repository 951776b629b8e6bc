//! What the owner of the server provides: who may connect, and what each is served.

use std::{any::Any, fmt, future::Future, net::SocketAddr, sync::Arc, time::Instant};

use fairlead_resource::TypeUrl;
use tokio::sync::watch;
use tonic::{Status, metadata::MetadataMap};

use super::{lines::Lines, view::View};
use crate::{NackReport, Node, Overlay, Rejected, SessionOptions};

/// Names one stream for as long as the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// Where a stream comes from and what it proves about itself.
#[derive(Clone, Default)]
pub struct Peer {
    /// The remote address, if the stream came over a socket of this server.
    pub address: Option<SocketAddr>,
    /// The client's certificates in DER, leaf first; empty without mutual TLS.
    pub certificates: Arc<[Vec<u8>]>,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// What may be logged of the client.
    pub lines: Lines,
    /// The request's metadata, with the bearer token if there is one. Empty once the client has been let in.
    pub metadata: MetadataMap,
}

/// Shows where the peer is; its metadata may hold a token.
impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("address", &self.address).field("tls", &self.tls).finish_non_exhaustive()
    }
}

/// What a client that has been let in is served.
pub struct Connection {
    pub(super) view: watch::Receiver<Arc<View>>,
    /// Keeps the channel of a fixed view open.
    _fixed: Option<watch::Sender<Arc<View>>>,
    pub(super) options: SessionOptions,
    /// What belongs to the connection alone, now and later.
    pub(super) overlay: Option<watch::Receiver<Arc<Overlay>>>,
    /// Tells the owner by its drop that the stream has ended.
    _guard: Box<dyn Any + Send>,
}

impl Connection {
    /// A connection that stays with one view. `guard` is dropped when the stream ends.
    pub fn new(view: Arc<View>, options: SessionOptions, guard: impl Any + Send) -> Self {
        let (sender, receiver) = watch::channel(view);
        Self { view: receiver, _fixed: Some(sender), options, overlay: None, _guard: Box::new(guard) }
    }

    /// A connection that the owner may move between views: because a session compares contents, a move sends
    /// only what differs. The stream ends when the sender is dropped.
    pub fn moving(view: watch::Receiver<Arc<View>>, options: SessionOptions, guard: impl Any + Send) -> Self {
        Self { view, _fixed: None, options, overlay: None, _guard: Box::new(guard) }
    }

    /// Serves what belongs to this connection alone beside its view. It is replaced by what the sender sends, as when a
    /// certificate is about to expire, and stays as it is when the sender is dropped.
    #[must_use]
    pub fn with_overlay(mut self, overlay: watch::Receiver<Arc<Overlay>>) -> Self {
        self.overlay = Some(overlay);
        self
    }
}

/// A client's acceptance of a response. Comes once for each response, so it carries all that an owner needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// The stream.
    pub id: ConnectionId,
    /// The type of the response.
    pub type_url: TypeUrl,
    /// The revision that it was made from.
    pub revision: u64,
    /// When the owner let the client in.
    pub since: Instant,
    /// Whether the client now has everything that is published, of every type that it has asked for.
    pub in_sync: bool,
}

/// The owner of the world that is served.
pub trait Resolver: Send + Sync + 'static {
    /// Authenticates a client and decides what it is served.
    ///
    /// # Errors
    /// The status that ends the stream: the client is not let in, or not yet.
    fn connect(
        &self,
        id: ConnectionId,
        node: &Node,
        peer: &Peer,
    ) -> impl Future<Output = Result<Connection, Status>> + Send;

    /// Stands in for the node of a client that sends none. Without one the stream ends with `InvalidArgument`.
    fn anonymous(&self, peer: &Peer) -> Option<Node> {
        let _ = peer;
        None
    }

    /// A client has rejected resources; called once per stream, type and digest, and again when they are tried again.
    fn on_nack(&self, id: ConnectionId, report: &NackReport);

    /// A client has accepted contents that it had rejected for what its machine lacked.
    fn on_healed(&self, id: ConnectionId, type_url: TypeUrl, resources: &[Rejected]) {
        let _ = (id, type_url, resources);
    }

    /// A client has accepted what a revision changed in a type: the convergence time can be observed.
    fn on_ack(&self, ack: &Ack);
}
