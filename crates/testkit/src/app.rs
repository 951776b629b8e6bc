//! Servers that play the applications of a mesh, inside the test's own process.
//!
//! [`App`] speaks HTTP/1.1 and HTTP/2 (h2c, or by ALPN over TLS), says who it is in each answer, does what a
//! [`Script`] tells it, and remembers each request. [`TcpEcho`] is the same for plain TCP.

mod answer;
mod script;
mod tcp;
mod tls;

use std::{
    collections::BTreeMap,
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use bytes::Bytes;
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;

pub use script::Script;
pub use tcp::TcpEcho;
pub use tls::ServerTls;

/// An HTTP server that plays one version of one service. Dropping it closes its port and its connections.
#[derive(Debug)]
pub struct App {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// What an [`App`] answers, as JSON, unless a script says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Echo {
    /// The service that the server plays.
    pub service: String,
    /// The version of the service.
    pub version: String,
    /// The method of the request.
    pub method: String,
    /// The path of the request, with the query.
    pub path: String,
    /// The authority (`Host`) of the request.
    pub authority: String,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub protocol: String,
    /// The peer of the connection.
    pub peer: String,
    /// The headers by lower-case name; several values of one name are joined with a comma.
    pub headers: BTreeMap<String, String>,
}

/// One request that an [`App`] has received.
#[derive(Clone, Debug)]
pub struct RequestRecord {
    /// When its body was complete.
    pub at: Instant,
    /// What the server read.
    pub echo: Echo,
    /// The body.
    pub body: Bytes,
    /// The TLS session, if there is one.
    pub session: Option<TlsSession>,
}

/// What a TLS server learnt from a handshake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSession {
    /// The server name that the client sent.
    pub sni: Option<String>,
    /// The protocol that was agreed.
    pub alpn: Option<String>,
    /// The client's certificate (DER), if it sent one.
    pub client_certificate: Option<Vec<u8>>,
}

impl TlsSession {
    /// Whether the client's certificate carries `name`, such as a SPIFFE id, in clear.
    pub fn client_is(&self, name: &str) -> bool {
        let certificate = self.client_certificate.as_deref().unwrap_or_default();
        certificate.windows(name.len()).any(|window| window == name.as_bytes())
    }
}

#[derive(Debug)]
struct Shared {
    service: String,
    version: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By path prefix; the longest match wins.
    scripts: BTreeMap<String, Script>,
    requests: Vec<RequestRecord>,
    connections: u64,
    failed_handshakes: Vec<String>,
}

impl App {
    /// Serves HTTP/1.1 and h2c on `address` as `version` of `service`. Port 0 takes a free one.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub async fn http(service: &str, version: &str, address: SocketAddr) -> io::Result<Self> {
        Self::serve(service, version, address, None).await
    }

    /// Serves HTTP/1.1 and HTTP/2 over TLS.
    ///
    /// # Errors
    /// If the address cannot be bound, or the TLS material is not valid.
    pub async fn https(
        service: &str,
        version: &str,
        address: SocketAddr,
        tls: &ServerTls,
    ) -> io::Result<Self> {
        Self::serve(service, version, address, Some(tls.acceptor()?)).await
    }

    async fn serve(
        service: &str,
        version: &str,
        address: SocketAddr,
        tls: Option<TlsAcceptor>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            service: service.to_owned(),
            version: version.to_owned(),
            state: Mutex::default(),
        });
        let task = tokio::spawn(accept(listener, tls, shared.clone()));
        Ok(Self { address, shared, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on answers requests whose path begins with `prefix` by `script`. The longest prefix wins.
    pub fn script(&self, prefix: &str, script: Script) {
        self.shared.state().scripts.insert(prefix.to_owned(), script);
    }

    /// Forgets all scripts.
    pub fn clear_scripts(&self) {
        self.shared.state().scripts.clear();
    }

    /// Every request so far, in the order in which they were complete.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.shared.state().requests.clone()
    }

    /// How many requests there were for exactly `path` (without its query).
    pub fn count(&self, path: &str) -> usize {
        let without_query = |r: &RequestRecord| r.echo.path.split('?').next() == Some(path);
        self.shared.state().requests.iter().filter(|r| without_query(r)).count()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.shared.state().requests.clear();
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> u64 {
        self.shared.state().connections
    }

    /// Why TLS handshakes failed.
    pub fn failed_handshakes(&self) -> Vec<String> {
        self.shared.state().failed_handshakes.clone()
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Accepts until it is aborted; the connections end with it.
async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    shared.state().connections += 1;
                    connections.spawn(connection(stream, peer, tls.clone(), shared.clone()));
                }
                // A connection that was gone before it was accepted; the listener itself is fine.
                Err(error) => eprintln!("{}: accept: {error}", shared.service),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    match tls {
        None => exchange(stream, peer, None, shared).await,
        Some(acceptor) => match acceptor.accept(stream).await {
            Ok(stream) => {
                let session = tls::session(stream.get_ref().1);
                exchange(stream, peer, Some(session), shared).await;
            }
            Err(error) => shared.state().failed_handshakes.push(error.to_string()),
        },
    }
}

async fn exchange<S>(stream: S, peer: SocketAddr, session: Option<TlsSession>, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request| answer::answer(request, peer, session.clone(), shared.clone()));
    let server = auto::Builder::new(TokioExecutor::new());
    // An error here is the peer's way to go, or a script that drops the connection: both are the test's doing.
    let _: Result<(), Box<dyn std::error::Error + Send + Sync>> =
        server.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
}

/// The body of an answer.
type Body = http_body_util::combinators::BoxBody<Bytes, Infallible>;

#[cfg(test)]
mod tests;
