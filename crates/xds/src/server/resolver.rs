//! What the owner of the server provides: which clients may connect, and what each is served.

use std::{any::Any, fmt, future::Future, net::SocketAddr, sync::Arc, time::Instant};

use fairlead_resource::TypeUrl;
use tokio::sync::watch;
use tonic::{Status, metadata::MetadataMap};

use super::{lines::Lines, view::View};
use crate::{NackReport, Node, Overlay, Rejected, SessionOptions};

/// Identifies one stream for as long as the server runs.
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
    /// The log lines about the client.
    pub lines: Lines,
    /// The request's metadata, with the bearer token if there is one. Empty once the client is admitted.
    pub metadata: MetadataMap,
}

/// Shows the address but not the metadata, which may hold a token.
impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("address", &self.address).field("tls", &self.tls).finish_non_exhaustive()
    }
}

/// What an admitted client is served.
pub struct Connection {
    pub(super) view: watch::Receiver<Arc<View>>,
    /// Keeps the channel of a fixed view open.
    _fixed: Option<watch::Sender<Arc<View>>>,
    pub(super) options: SessionOptions,
    /// The resources for this connection only, as they change.
    pub(super) overlay: Option<watch::Receiver<Arc<Overlay>>>,
    /// Its drop tells the owner that the stream has ended.
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

    /// Serves an overlay of resources for this connection only, over its view. The sender may replace it, as when a
    /// certificate is about to expire; when the sender is dropped the last one stays.
    #[must_use]
    pub fn with_overlay(mut self, overlay: watch::Receiver<Arc<Overlay>>) -> Self {
        self.overlay = Some(overlay);
        self
    }
}

/// A client's acceptance of a response. There is one for each response, so it carries all that an owner needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// The stream.
    pub id: ConnectionId,
    /// The type of the response.
    pub type_url: TypeUrl,
    /// The revision from which it was made.
    pub revision: u64,
    /// When the owner admitted the client.
    pub since: Instant,
    /// Whether the client now holds everything published of each type that it has asked for.
    pub in_sync: bool,
}

/// The owner of the world that is served.
pub trait Resolver: Send + Sync + 'static {
    /// Authenticates a client and decides what it is served.
    ///
    /// # Errors
    /// The status that ends the stream if the client is not admitted, or not yet.
    fn connect(
        &self,
        id: ConnectionId,
        node: &Node,
        peer: &Peer,
    ) -> impl Future<Output = Result<Connection, Status>> + Send;

    /// The node of a client that sends none. If this is `None` too, the stream ends with `InvalidArgument`.
    fn anonymous(&self, peer: &Peer) -> Option<Node> {
        let _ = peer;
        None
    }

    /// A client has rejected resources; called once per stream, type and digest, and again after each new attempt.
    fn on_nack(&self, id: ConnectionId, report: &NackReport);

    /// A client has accepted contents that it had rejected because its machine lacked something.
    fn on_healed(&self, id: ConnectionId, type_url: TypeUrl, resources: &[Rejected]) {
        let _ = (id, type_url, resources);
    }

    /// A client has accepted what a revision changed in a type: the convergence time can be observed.
    fn on_ack(&self, ack: &Ack);
}
