//! Connections: TLS, closing idle ones, and the means to close one from outside.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures_util::task::AtomicWaker;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;

use super::{
    admission::{Admission, Arrival, Late},
    clients::{Client, Seat},
};

/// Maximum time for which a connection may be without a stream.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    /// Before its first stream, from its admission on.
    pub(super) first: Duration,
    /// After its last stream.
    pub(super) idle: Duration,
}

/// Facts about a connection, found among the extensions of its requests.
#[derive(Clone)]
pub(super) struct ConnectionInfo {
    pub(super) address: SocketAddr,
    pub(super) tls: bool,
    pub(super) certificates: Arc<[Vec<u8>]>,
    /// Closes the connection.
    pub(super) close: CancellationToken,
    pub(super) arrival: Pass,
    pub(super) client: Arc<Client>,
    pub(super) activity: Arc<Activity>,
}

/// The streams of a connection.
#[derive(Default)]
pub(super) struct Activity {
    streams: AtomicUsize,
    /// Whether there ever was a stream.
    began: AtomicBool,
    /// Wakes the connection when the last stream has ended.
    last: AtomicWaker,
}

/// Counts a stream of a connection.
pub(super) struct Active(Arc<Activity>);

impl Drop for Active {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl Activity {
    /// Counts a stream until what is returned is dropped.
    pub(super) fn enter(self: &Arc<Self>) -> Active {
        self.streams.fetch_add(1, Ordering::AcqRel);
        self.began.store(true, Ordering::Release);
        Active(self.clone())
    }

    pub(super) fn leave(&self) {
        if self.streams.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.last.wake();
        }
    }

    fn is_idle(&self) -> bool {
        self.streams.load(Ordering::Acquire) == 0
    }
}

/// The result of a connection's admission, for its first stream.
#[derive(Clone)]
pub(super) struct Pass(Arc<Mutex<Result<Option<Arrival>, Late>>>);

impl Pass {
    pub(super) fn new(admitted: Result<Arrival, Late>) -> Self {
        Self(Arc::new(Mutex::new(admitted.map(Some))))
    }

    /// The pass of a new stream: for the first, that of the connection. A stream after that, or of a connection that
    /// waited too long, is admitted if there is room.
    pub(super) fn take(&self, admission: &Admission, client: &Arc<Client>) -> Result<Arrival, Late> {
        let mut pass = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *pass {
            Ok(arrival) => arrival.take().map_or_else(|| admission.further(client), Ok),
            Err(_late) => {
                let arrival = admission.retry(client)?;
                *pass = Ok(None);
                Ok(arrival)
            }
        }
    }

    /// The connection has not opened a stream in time, or has ended.
    pub(super) fn expire(&self) {
        if let Ok(arrival) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            *arrival = None;
        }
    }
}

/// One connection.
pub(super) struct Io {
    transport: Transport,
    info: ConnectionInfo,
    closed: Pin<Box<WaitForCancellationFutureOwned>>,
    patience: Patience,
    /// When it is closed, while it has no stream.
    end: Option<Pin<Box<Sleep>>>,
    _seat: Seat,
}

enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Io {
    pub(super) async fn open(
        socket: TcpStream,
        address: SocketAddr,
        tls: Option<TlsAcceptor>,
        close: &CancellationToken,
        (arrival, seat, patience): (Pass, Seat, Patience),
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
            client: seat.client.clone(),
            activity: Arc::default(),
        };
        let closed = Box::pin(close.clone().cancelled_owned());
        Ok(Self { transport, info, closed, patience, end: None, _seat: seat })
    }

    /// Fails once the connection is closed from outside, or has been idle for too long.
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.closed.as_mut().poll(cx).is_ready() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let activity = &self.info.activity;
        activity.last.register(cx.waker());
        if !activity.is_idle() {
            self.end = None;
            return Ok(());
        }
        let began = activity.began.load(Ordering::Acquire);
        let patience = if began { self.patience.idle } else { self.patience.first };
        let end = self.end.get_or_insert_with(|| Box::pin(sleep(patience)));
        if end.as_mut().poll(cx).is_ready() {
            tracing::debug!(peer = %self.info.address, "a connection without a stream is closed");
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }
}

/// A closed connection must not take a place from those that wait.
impl Drop for Io {
    fn drop(&mut self) {
        self.info.arrival.expire();
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
