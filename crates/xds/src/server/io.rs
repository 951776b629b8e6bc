//! Connections: accepting, TLS, and the means to close one from outside.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
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

use super::admission::{Admission, Arrival, Late};

/// How many accepted connections may wait for the server to take them.
const BACKLOG: usize = 64;

/// How long accepting pauses after an error such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long the same reason is not told again.
const TOLD_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// The process, or the system, has no file descriptor left (the same numbers on Linux, BSD and macOS).
const EMFILE: i32 = 24;
const ENFILE: i32 = 23;

/// How long a connection that opens no stream counts as one that is about to be served.
const ARRIVAL: Duration = Duration::from_secs(1);

/// What is known of a connection; found among the extensions of its requests.
#[derive(Clone)]
pub(super) struct ConnectionInfo {
    pub(super) address: SocketAddr,
    pub(super) tls: bool,
    pub(super) certificates: Arc<[Vec<u8>]>,
    /// Closes the connection.
    pub(super) close: CancellationToken,
    pub(super) arrival: Pass,
}

/// What a connection was given at the door, for its first stream.
#[derive(Clone)]
pub(super) struct Pass(Arc<Mutex<Result<Option<Arrival>, Late>>>);

impl Pass {
    fn new(admitted: Result<Arrival, Late>) -> Self {
        Self(Arc::new(Mutex::new(admitted.map(Some))))
    }

    /// The pass of a new stream: that of the connection for the first; none is needed for a further one.
    pub(super) fn take(&self, admission: &Admission) -> Result<Option<Arrival>, Late> {
        let mut pass = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pass.is_err() {
            *pass = admission.retry().map(Some);
        }
        pass.as_mut().map_or_else(|late| Err(*late), |arrival| Ok(arrival.take()))
    }

    /// The connection has not opened a stream in time.
    fn expire(&self) {
        if let Ok(arrival) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            *arrival = None;
        }
    }
}

/// What was said about connections that cannot be accepted: the same is not said again for a while.
#[derive(Default)]
struct Told(Option<(Option<i32>, Instant)>);

impl Told {
    fn tell(&mut self, error: &io::Error) {
        let (code, now) = (error.raw_os_error(), Instant::now());
        if self.0.is_some_and(|(known, at)| known == code && now.duration_since(at) < TOLD_AGAIN_AFTER) {
            return;
        }
        self.0 = Some((code, now));
        if code.is_some_and(|code| [EMFILE, ENFILE].contains(&code)) {
            tracing::warn!(
                %error,
                "no file descriptor is left, and new connections wait: raise the limit of open files (ulimit -n)"
            );
        } else {
            tracing::warn!(%error, "connection not accepted");
        }
    }
}

/// Accepts connections until `stop`; each can be closed alone, and all by `cut`.
pub(super) fn accept(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    handshake: Duration,
    admission: &Arc<Admission>,
    tasks: &TaskTracker,
    (stop, cut): (&CancellationToken, &CancellationToken),
) -> ReceiverStream<io::Result<Io>> {
    let (sender, receiver) = mpsc::channel(BACKLOG);
    let acceptor = tls.map(TlsAcceptor::from);
    let (stop, cut, spawner, admission) = (stop.clone(), cut.clone(), tasks.clone(), admission.clone());
    tasks.spawn(async move {
        let mut told = Told::default();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stop.cancelled() => return,
            };
            let (socket, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    told.tell(&error);
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let (acceptor, sender, close) = (acceptor.clone(), sender.clone(), cut.child_token());
            let admission = admission.clone();
            spawner.spawn(async move {
                let open = async {
                    // Nothing is read of a connection that waits.
                    let pass = Pass::new(admission.enter().await);
                    let io = Io::open(socket, address, acceptor, &close, pass.clone());
                    (tokio::time::timeout(handshake, io).await, pass)
                };
                let (io, pass) = tokio::select! {
                    opened = open => opened,
                    () = close.cancelled() => return,
                };
                match io {
                    Ok(Ok(io)) => {
                        drop(sender.send(Ok(io)).await);
                        drop(sender);
                        tokio::select! {
                            () = tokio::time::sleep(ARRIVAL) => pass.expire(),
                            () = close.cancelled() => {}
                        }
                    }
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
        arrival: Pass,
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
            arrival,
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
