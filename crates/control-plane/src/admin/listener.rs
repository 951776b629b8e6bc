//! The connections of the administration: bounded in number, and closed when idle.
//!
//! A client that opens many must not keep out a liveness probe, so the oldest give way.

use std::{
    collections::BTreeMap,
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{extract::connect_info::Connected, serve::IncomingStream};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    time::{Instant, Sleep, sleep},
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::settings::AdminSettings;

/// Pause in accepting after an error such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections within the bounds.
pub(super) struct Bounded {
    listener: TcpListener,
    most: usize,
    idle: Duration,
    open: Arc<Mutex<Open>>,
}

/// The connections, the oldest first.
#[derive(Default)]
struct Open {
    last: u64,
    close: BTreeMap<u64, CancellationToken>,
}

impl Bounded {
    pub(super) fn new(listener: TcpListener, settings: &AdminSettings) -> Self {
        let most = settings.max_connections.max(1);
        Self { listener, most, idle: settings.idle_timeout.0, open: Arc::default() }
    }

    fn connection(&self, socket: TcpStream) -> Connection {
        let token = CancellationToken::new();
        let closed = Box::pin(token.clone().cancelled_owned());
        let mut open = lock(&self.open);
        while open.close.len() >= self.most {
            if let Some((_, oldest)) = open.close.pop_first() {
                oldest.cancel();
            }
        }
        open.last += 1;
        let id = open.last;
        open.close.insert(id, token);
        let end = Box::pin(sleep(self.idle));
        Connection { socket, closed, end, idle: self.idle, id, open: self.open.clone() }
    }
}

impl axum::serve::Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((socket, address)) => return (self.connection(socket), address),
                Err(_) => sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// The address of the client.
#[derive(Clone, Copy, Debug)]
pub(super) struct RemoteAddress(pub(super) SocketAddr);

impl Connected<IncomingStream<'_, Bounded>> for RemoteAddress {
    fn connect_info(stream: IncomingStream<'_, Bounded>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// One connection.
pub(super) struct Connection {
    socket: TcpStream,
    closed: Pin<Box<WaitForCancellationFutureOwned>>,
    /// When it is closed, unless something happens on it.
    end: Pin<Box<Sleep>>,
    idle: Duration,
    id: u64,
    open: Arc<Mutex<Open>>,
}

impl Connection {
    /// Fails once the connection has to end.
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.closed.as_mut().poll(cx).is_ready() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        if self.end.as_mut().poll(cx).is_ready() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
    }

    fn note<T>(&mut self, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if done.is_ready() {
            self.end.as_mut().reset(Instant::now() + self.idle);
        }
        done
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        lock(&self.open).close.remove(&self.id);
    }
}

fn lock(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        let read = Pin::new(&mut self.socket).poll_read(cx, buf);
        self.note(read)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        let written = Pin::new(&mut self.socket).poll_write(cx, buf);
        self.note(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
