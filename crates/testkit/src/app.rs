//! Servers that play the applications of a mesh, inside the test's own process.
//!
//! [`App`] speaks HTTP/1.1 and HTTP/2 (h2c, or by ALPN over TLS), identifies itself in each answer, follows a
//! [`Script`], and records each request. [`TcpEcho`] is the same for plain TCP.

mod answer;
mod record;
mod script;
mod shared;
mod tcp;
mod tls;

use std::{io, net::SocketAddr, sync::Arc};

use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;

pub use record::{Echo, RequestRecord, TlsSession};
pub use script::Script;
pub use tcp::TcpEcho;
pub use tls::ServerTls;

use shared::Shared;

/// An HTTP server that plays one version of one service. Dropping it closes its port and its connections.
#[derive(Debug)]
pub struct App {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
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
        let shared = Arc::new(Shared::new(service, version));
        let task = tokio::spawn(accept(listener, tls, shared.clone()));
        Ok(Self { address, shared, task })
    }

    /// The address on which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests whose path begins with `prefix` by `script` from now on. The longest prefix wins.
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
                // The connection was closed before it was accepted; the listener itself is fine.
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
    // An error here is the end of the peer, or a script that drops the connection: both are intended by the test.
    let _: Result<(), Box<dyn std::error::Error + Send + Sync>> =
        server.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
}

#[cfg(test)]
mod tests;
