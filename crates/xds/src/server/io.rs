//! Connections: accepting, TLS, and the means to close one from outside.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::{
    sync::{CancellationToken, WaitForCancellationFutureOwned},
    task::TaskTracker,
};
use tonic::transport::server::Connected;

/// How many accepted connections may wait for the server to take them.
const BACKLOG: usize = 64;

/// How long accepting pauses after an error such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What is known of a connection; found among the extensions of its requests.
#[derive(Clone)]
pub(super) struct ConnectionInfo {
    pub(super) address: SocketAddr,
    pub(super) tls: bool,
    pub(super) certificates: Arc<[Vec<u8>]>,
    /// Closes the connection.
    pub(super) close: CancellationToken,
}

/// Accepts connections until `stop`; each can be closed alone, and all by `cut`.
pub(super) fn accept(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    handshake: Duration,
    tasks: &TaskTracker,
    (stop, cut): (&CancellationToken, &CancellationToken),
) -> ReceiverStream<io::Result<Io>> {
    let (sender, receiver) = mpsc::channel(BACKLOG);
    let acceptor = tls.map(TlsAcceptor::from);
    let (stop, cut, spawner) = (stop.clone(), cut.clone(), tasks.clone());
    tasks.spawn(async move {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stop.cancelled() => return,
            };
            let (socket, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "connection not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let (acceptor, sender, close) = (acceptor.clone(), sender.clone(), cut.child_token());
            spawner.spawn(async move {
                let io = tokio::select! {
                    io = tokio::time::timeout(handshake, Io::open(socket, address, acceptor, &close)) => io,
                    () = close.cancelled() => return,
                };
                match io {
                    Ok(Ok(io)) => drop(sender.send(Ok(io)).await),
                    Ok(Err(error)) => tracing::debug!(%error, peer = %address, "connection not opened"),
                    Err(_elapsed) => tracing::debug!(peer = %address, "TLS handshake took too long"),
                }
            });
        }
    });
    ReceiverStream::new(receiver)
}

/// One connection.
pub(super) struct Io {
    transport: Transport,
    info: ConnectionInfo,
    closed: Pin<Box<WaitForCancellationFutureOwned>>,
}

enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Io {
    async fn open(
        socket: TcpStream,
        address: SocketAddr,
        tls: Option<TlsAcceptor>,
        close: &CancellationToken,
    ) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        let (transport, certificates) = match tls {
            None => (Transport::Plain(socket), Vec::new()),
            Some(acceptor) => {
                let stream = acceptor.accept(socket).await?;
                let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
                let chain = chain.iter().map(|der| der.to_vec()).collect();
                (Transport::Tls(Box::new(stream)), chain)
            }
        };
        let info = ConnectionInfo {
            address,
            tls: matches!(transport, Transport::Tls(_)),
            certificates: certificates.into(),
            close: close.clone(),
        };
        let closed = Box::pin(close.clone().cancelled_owned());
        Ok(Self { transport, info, closed })
    }

    /// An error once the connection is closed from outside.
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.closed.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl Connected for Io {
    type ConnectInfo = ConnectionInfo;

    fn connect_info(&self) -> ConnectionInfo {
        self.info.clone()
    }
}

impl AsyncRead for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        match &mut self.transport {
            Transport::Plain(io) => Pin::new(io).poll_read(cx, buf),
            Transport::Tls(io) => Pin::new(io).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Io {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        match &mut self.transport {
            Transport::Plain(io) => Pin::new(io).poll_write(cx, buf),
            Transport::Tls(io) => Pin::new(io).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        match &mut self.transport {
            Transport::Plain(io) => Pin::new(io).poll_write_vectored(cx, bufs),
            Transport::Tls(io) => Pin::new(io).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.transport {
            Transport::Plain(io) => io.is_write_vectored(),
            Transport::Tls(io) => io.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(io) => Pin::new(io).poll_flush(cx),
            Transport::Tls(io) => Pin::new(io).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(io) => Pin::new(io).poll_shutdown(cx),
            Transport::Tls(io) => Pin::new(io).poll_shutdown(cx),
        }
    }
}
