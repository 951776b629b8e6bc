//! The gRPC server around [`crate::Session`].
//!
//! One task per stream takes the client's requests and its view's publications in, and fills the stream's
//! outbox; the response body empties it at the client's pace. Tasks are owned by the [`Server`], which ends them
//! when it drains.

mod accept;
mod admission;
mod body;
mod bounded;
mod client_status;
mod clients;
mod departures;
mod distribution;
mod greeted;
mod io;
mod lines;
mod load;
mod registry;
mod requests;
mod resolver;
mod retry;
mod service;
mod sieve;
mod stream;
mod view;

use std::{future::Future, sync::Arc, time::Duration};

use fairlead_resource::Types;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use accept::Door;
use admission::{Admission, Backlog};
use bounded::Bounds;
use client_status::ClientStatus;
use clients::Clients;
pub use clients::client_address;
pub use distribution::{Distribution, Sizes, Times};
use io::Patience;
pub use lines::Lines;
use load::LoadReporting;
pub use load::{Load, LoadKey, LoadReports};
pub use registry::{ConnectionStatus, Count, Counters, PerType, Sessions};
pub use resolver::{Ack, Connection, ConnectionId, Peer, Resolver};
pub use service::AdsService;
pub use tonic::service::Routes;
pub use view::View;

/// What a client may send before it is read. A first request of Envoy fits; what is larger takes a round trip for each
/// window. Until a request may be read it is here, so this is also what a connection costs that nobody reads.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;

/// The settings of a server.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// The types that are served. Default Envoy's.
    pub types: &'static Types,
    /// The largest request that is taken, in bytes. Default 16 MiB: a state-of-the-world client repeats all
    /// its names in each request, and 100,000 of them have some 10 MB. A larger one ends its stream with
    /// `ResourceExhausted`.
    pub max_request_bytes: usize,
    /// How long a request may take from its first byte to its last. Default 30 s.
    pub request_timeout: Duration,
    /// Which fields of a node's metadata are kept. Default none.
    pub metadata: &'static [&'static str],
    /// The largest node, in bytes, without what is not kept of it. Default 64 KiB.
    pub max_node_bytes: usize,
    /// How many connections there may be; further ones wait to be accepted. Default 16,384: each is a file descriptor.
    pub max_connections: usize,
    /// How many of them may come from one address, or one IPv6 network of 64 bits; further ones are closed. Default
    /// 12,288, as all proxies may come from one gateway; never more than three quarters of
    /// [`ServerOptions::max_connections`].
    pub max_connections_per_client: usize,
    /// How many bytes are held for one address, beside what it is served: unfinished requests, nodes, and names that
    /// are asked for and do not exist. Large requests beyond that wait, streams that keep more are ended. Default
    /// 128 MiB.
    pub client_bytes: usize,
    /// The same for all addresses together. Default 512 MiB.
    pub clients_bytes: usize,
    /// How long a connection may be without a stream. Default 60 s: a proxy that was told to come back does within 30.
    pub idle_timeout: Duration,
    /// How many streams a connection may have at once; further ones are refused. Default 100: a proxy has one or
    /// two, and each costs some 8 KB before it has asked for anything.
    pub max_streams: u32,
    /// How often an idle connection is pinged. Default 30 s.
    pub keepalive_interval: Duration,
    /// How long a ping may go unanswered. Default 20 s.
    pub keepalive_timeout: Duration,
    /// How long a client may take to read one response before its connection is closed. Default 5 min: until
    /// then it costs one chunk of 64 KiB and what it has in its HTTP/2 window.
    pub stall_timeout: Duration,
    /// After which time a client is sent again what it rejected for want of a file or a port; the time doubles with
    /// each attempt in vain. Default 5 s.
    pub retry_first: Duration,
    /// The longest such time. Default 5 min.
    pub retry_last: Duration,
    /// New connections wait while so many bytes are owed to clients that read them. Default 64 MiB.
    pub backlog_limit: usize,
    /// How long a new connection may wait for the backlog before its streams are refused, with the hint when to
    /// come back. Default 20 s.
    pub admission_timeout: Duration,
    /// How long a new stream may take to send its first request, and a new connection to say something, for its TLS
    /// handshake, and to open a stream. Default 10 s.
    pub greeting_timeout: Duration,
    /// How often clients are asked to report their load, if their bootstrap has them offer it (LRS). `None`:
    /// reports are refused. Default 10 s.
    pub load_report_interval: Option<Duration>,
    /// Tells client status (CSDS) to peers that are not on this machine, too. Default false.
    pub client_status_beyond_loopback: bool,
    /// How long draining connections may take to end. Default 10 s.
    pub drain_timeout: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            types: Types::envoy(),
            max_request_bytes: 16 << 20,
            request_timeout: Duration::from_secs(30),
            metadata: &[],
            max_node_bytes: 64 << 10,
            max_connections: 16_384,
            max_connections_per_client: 12_288,
            client_bytes: 128 << 20,
            clients_bytes: 512 << 20,
            idle_timeout: Duration::from_secs(60),
            max_streams: 100,
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(20),
            stall_timeout: Duration::from_secs(5 * 60),
            retry_first: Duration::from_secs(5),
            retry_last: Duration::from_secs(5 * 60),
            backlog_limit: 64 << 20,
            admission_timeout: Duration::from_secs(20),
            greeting_timeout: Duration::from_secs(10),
            load_report_interval: Some(Duration::from_secs(10)),
            client_status_beyond_loopback: false,
            drain_timeout: Duration::from_secs(10),
        }
    }
}

/// Why a server ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The gRPC transport failed.
    #[error("serve gRPC")]
    Transport(#[from] tonic::transport::Error),
}

/// One port of a server.
pub struct Endpoint {
    /// Where connections come in.
    pub listener: TcpListener,
    /// TLS, if the port is encrypted. The configuration must offer `h2` by ALPN.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Further gRPC services on the same port.
    pub routes: Routes,
}

impl Endpoint {
    /// A port without encryption.
    pub fn plain(listener: TcpListener) -> Self {
        Self { listener, tls: None, routes: Routes::default() }
    }
}

/// An ADS server. Clones share their connections; each port is one call of [`Server::serve`].
pub struct Server<R> {
    shared: Arc<Shared<R>>,
}

impl<R> Clone for Server<R> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

/// What the streams of a server share.
pub(crate) struct Shared<R> {
    resolver: Arc<R>,
    options: ServerOptions,
    sessions: Sessions,
    backlog: Arc<Backlog>,
    admission: Arc<Admission>,
    clients: Arc<Clients>,
    departures: departures::Departures,
    /// The owner of all tasks.
    tasks: TaskTracker,
    /// Streams end when what is queued has been written.
    draining: CancellationToken,
}

impl<R: Resolver> Server<R> {
    /// A server that asks `resolver` what each client is served.
    pub fn new(resolver: Arc<R>, options: ServerOptions) -> Self {
        let clients = Arc::new(Clients::new(&options));
        let backlog = clients.backlog();
        let admission =
            Arc::new(Admission::new(backlog.clone(), options.backlog_limit, options.admission_timeout));
        let shared = Shared {
            resolver,
            sessions: Sessions::new(options.types, backlog.clone(), admission.clone(), clients.clone()),
            options,
            backlog,
            admission,
            clients,
            departures: departures::Departures::default(),
            tasks: TaskTracker::new(),
            draining: CancellationToken::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// All connections, and what has happened.
    pub fn sessions(&self) -> Sessions {
        self.shared.sessions.clone()
    }

    /// The service alone, for a transport of one's own. Without [`Server::serve`] a stalled client's stream
    /// ends, but its connection stays.
    pub fn service(&self) -> AdsService<R> {
        AdsService::new(self.shared.clone())
    }

    /// Serves one port until `shutdown`, then drains: clients are sent GOAWAY, streams end when what is queued
    /// has been written, and what is left after [`ServerOptions::drain_timeout`] is cut off.
    ///
    /// # Errors
    /// If the transport fails.
    pub async fn serve(
        &self,
        endpoint: Endpoint,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), ServeError> {
        let options = &self.shared.options;
        let cut = CancellationToken::new();
        let _cut_on_return = cut.clone().drop_guard();
        let goaway = CancellationToken::new();
        let door = Door {
            tls: endpoint.tls,
            patience: Patience { first: options.greeting_timeout, idle: options.idle_timeout },
            clients: self.shared.clients.clone(),
            admission: self.shared.admission.clone(),
            stop: goaway.clone(),
            cut,
        };
        let incoming = accept::accept(endpoint.listener, door, &self.shared.tasks);
        let serving = tonic::transport::Server::builder()
            .http2_keepalive_interval(Some(options.keepalive_interval))
            .http2_keepalive_timeout(Some(options.keepalive_timeout))
            .max_concurrent_streams(Some(options.max_streams))
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .tcp_nodelay(true)
            .layer(Bounds { timeout: options.request_timeout, largest: options.max_request_bytes })
            .add_routes(endpoint.routes)
            .add_service(self.service())
            .add_service(ClientStatus::service(
                self.shared.sessions.clone(),
                options,
                self.shared.draining.clone(),
            ))
            .add_service(LoadReporting::service(
                self.shared.sessions.loads(),
                options,
                self.shared.draining.clone(),
            ))
            .serve_with_incoming_shutdown(incoming, goaway.clone().cancelled_owned());
        let mut serving = std::pin::pin!(serving);
        tokio::select! {
            ended = &mut serving => return Ok(ended?),
            () = shutdown => {}
        }
        goaway.cancel();
        self.shared.draining.cancel();
        match tokio::time::timeout(options.drain_timeout, serving).await {
            Ok(ended) => Ok(ended?),
            Err(_elapsed) => Ok(()),
        }
    }

    /// Waits until every task of the server has ended. To be called after [`Server::serve`] has returned.
    pub async fn ended(&self) {
        self.shared.draining.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}
