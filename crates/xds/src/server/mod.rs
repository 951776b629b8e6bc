//! The gRPC server around [`crate::Session`].
//!
//! One task per stream takes the client's requests and its view's publications in, and fills the stream's
//! outbox; the response body empties it at the client's pace. Tasks are owned by the [`Server`], which ends them
//! when it drains.

mod admission;
mod body;
mod client_status;
mod greeted;
mod io;
mod load;
mod registry;
mod requests;
mod resolver;
mod service;
mod stream;
mod view;

use std::{future::Future, sync::Arc, time::Duration};

use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use admission::{Admission, Backlog};
use client_status::ClientStatus;
use load::LoadReporting;
pub use load::{Load, LoadKey, LoadReports};
pub use registry::{ConnectionStatus, Count, Counters, PerType, Sessions};
pub use resolver::{Ack, Connection, ConnectionId, Peer, Resolver};
pub use service::AdsService;
pub use tonic::service::Routes;
pub use view::View;

/// The settings of a server.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// The largest request that is taken, in bytes. Default 64 MiB: a state-of-the-world client repeats all
    /// its names in each request. A larger one ends its stream with `ResourceExhausted`.
    pub max_request_bytes: usize,
    /// How many streams a connection may have at once; further ones are refused. Default 200: a proxy has one or
    /// two, and each costs some 8 KB before it has asked for anything.
    pub max_streams: u32,
    /// How often an idle connection is pinged. Default 30 s.
    pub keepalive_interval: Duration,
    /// How long a ping may go unanswered. Default 20 s.
    pub keepalive_timeout: Duration,
    /// How long a client may take to read one response before its connection is closed. Default 5 min: until
    /// then it costs one chunk of 64 KiB and what it has in its HTTP/2 window.
    pub stall_timeout: Duration,
    /// New connections wait while so many bytes are owed to clients that read them. Default 64 MiB.
    pub backlog_limit: usize,
    /// How long a new connection may wait for the backlog before its streams are refused, with the hint when to
    /// come back. Default 20 s.
    pub admission_timeout: Duration,
    /// How long a new stream may take to send its first request, and a new connection for its TLS handshake.
    /// Default 10 s.
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
            max_request_bytes: 64 << 20,
            max_streams: 200,
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(20),
            stall_timeout: Duration::from_secs(5 * 60),
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
    /// The owner of all tasks.
    tasks: TaskTracker,
    /// Streams end when what is queued has been written.
    draining: CancellationToken,
}

impl<R: Resolver> Server<R> {
    /// A server that asks `resolver` what each client is served.
    pub fn new(resolver: Arc<R>, options: ServerOptions) -> Self {
        let backlog = Arc::new(Backlog::default());
        let admission =
            Arc::new(Admission::new(backlog.clone(), options.backlog_limit, options.admission_timeout));
        let shared = Shared {
            resolver,
            sessions: Sessions::new(backlog.clone(), admission.clone()),
            options,
            backlog,
            admission,
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
        let incoming = io::accept(
            endpoint.listener,
            endpoint.tls,
            options.greeting_timeout,
            &self.shared.admission,
            &self.shared.tasks,
            (&goaway, &cut),
        );
        let serving = tonic::transport::Server::builder()
            .http2_keepalive_interval(Some(options.keepalive_interval))
            .http2_keepalive_timeout(Some(options.keepalive_timeout))
            .max_concurrent_streams(Some(options.max_streams))
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(4 << 20)
            .tcp_nodelay(true)
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
