//! A TCP connection that can be thin, and that can fall silent without an end.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

/// The burst of a thin line, as a fraction of a second.
const SLICE: Duration = Duration::from_millis(50);

/// The qualities of a line, which may change while it is open.
#[derive(Debug, Default)]
pub(crate) struct Quality {
    /// 0 is without limit.
    pub(crate) bytes_per_second: AtomicU64,
    /// Nothing is read or written any longer, and nothing is closed, as when a machine loses its power.
    pub(crate) dead: AtomicBool,
}

/// A line of some [`Quality`].
#[derive(Debug)]
pub(crate) struct Line {
    stream: TcpStream,
    quality: Arc<Quality>,
    rest: Option<Pin<Box<Sleep>>>,
}

impl Line {
    pub(crate) fn new(stream: TcpStream, quality: Arc<Quality>) -> Self {
        Self { stream, quality, rest: None }
    }

    fn is_dead(&self) -> bool {
        self.quality.dead.load(Relaxed)
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_dead() {
            return Poll::Pending;
        }
        if let Some(rest) = &mut self.rest {
            ready!(rest.as_mut().poll(cx));
            self.rest = None;
        }
        let rate = self.quality.bytes_per_second.load(Relaxed);
        if rate == 0 {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let slice = (rate / u64::try_from(1000 / SLICE.as_millis()).unwrap_or(1)).max(1);
        let mut part = buffer.take(usize::try_from(slice).unwrap_or(usize::MAX));
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut part))?;
        let read = part.filled().len();
        // `part` wrote into the unfilled end of `buffer`, which does not know of it yet.
        let bytes = part.filled().to_vec();
        buffer.put_slice(&bytes);
        #[expect(clippy::cast_precision_loss, reason = "a duration need not be exact")]
        let seconds = read as f64 / rate as f64;
        self.rest = Some(Box::pin(sleep(Duration::from_secs_f64(seconds))));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_dead() { Poll::Pending } else { Pin::new(&mut self.stream).poll_write(cx, bytes) }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_dead() { Poll::Pending } else { Pin::new(&mut self.stream).poll_flush(cx) }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_dead() { Poll::Pending } else { Pin::new(&mut self.stream).poll_shutdown(cx) }
    }
}
