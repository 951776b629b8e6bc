//! A TCP connection that can be frozen: open, and silent in both directions.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// Freezes the connection that was made with it, for good.
#[derive(Clone, Debug, Default)]
pub(super) struct Freezer(Arc<AtomicBool>);

impl Freezer {
    pub(super) fn freeze(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn is_frozen(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// A stream that is never ready once frozen. It wakes nobody then, which is the point.
#[derive(Debug)]
pub(super) struct Freezable {
    stream: TcpStream,
    freezer: Freezer,
}

impl Freezable {
    pub(super) fn new(stream: TcpStream, freezer: Freezer) -> Self {
        Self { stream, freezer }
    }
}

impl AsyncRead for Freezable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.freezer.is_frozen() {
            Poll::Pending
        } else {
            Pin::new(&mut self.stream).poll_read(cx, buffer)
        }
    }
}

impl AsyncWrite for Freezable {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.freezer.is_frozen() {
            Poll::Pending
        } else {
            Pin::new(&mut self.stream).poll_write(cx, bytes)
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.freezer.is_frozen() { Poll::Pending } else { Pin::new(&mut self.stream).poll_flush(cx) }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.freezer.is_frozen() { Poll::Pending } else { Pin::new(&mut self.stream).poll_shutdown(cx) }
    }
}
