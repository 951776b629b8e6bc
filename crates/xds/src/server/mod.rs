//! The gRPC server around [`crate::Session`].
//!
//! One task per stream receives the client's requests and its view's publications, and fills the stream's outbox; the
//! response body empties it at the client's pace. Tasks are owned by the [`Server`], which ends them when it drains.

mod accept;
mod admission;
mod backlog;
mod body;
mod bounded;
mod by_type;
mod client_status;
mod clients;
mod departures;
mod distribution;
mod greeted;
mod io;
mod lines;
mod load;
mod options;
mod registry;
mod requests;
mod resolver;
mod retry;
mod service;
mod shared;
mod sieve;
mod stream;
mod view;

use std::{future::Future, sync::Arc};

use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use accept::Door;
use admission::Admission;
use bounded::Bounds;
use client_status::ClientStatus;
use clients::Clients;
pub use clients::client_address;
pub use distribution::{Distribution, Sizes, Times};
use io::Patience;
pub use lines::Lines;
use load::LoadReporting;
pub use load::{Load, LoadKey, LoadReports};
pub use options::ServerOptions;
pub use registry::{ConnectionStatus, Count, Counters, PerType, Sessions};
pub use resolver::{Ack, Connection, ConnectionId, Peer, Resolver};
pub use service::AdsService;
use shared::Shared;
pub use tonic::service::Routes;
pub use view::View;

/// HTTP/2 window of a stream: how much a client may send unread. Envoy's first request fits; a larger one takes a round
/// trip per window. This is also the cost of a connection that is not read from.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;

/// Why a server ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The gRPC transport failed.
    #[error("serve gRPC")]
    Transport(#[from] tonic::transport::Error),
}

/// One port of a server.
pub struct Endpoint {
    /// The socket that accepts connections.
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

/// An ADS server. Clones share their state; each port is one call of [`Server::serve`].
pub struct Server<R> {
    shared: Arc<Shared<R>>,
}

impl<R> Clone for Server<R> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<R: Resolver> Server<R> {
    /// A server that serves each client what `resolver` decides.
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

    /// The service alone, for another transport. Without [`Server::serve`] a stalled client's stream ends, but its
    /// connection stays.
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
