//! The response body: shared bytes, streamed in chunks of 64 KiB.
//!
//! What a client has not read yet exists once, in the pieces that all sessions share, and per client as one
//! chunk. Back-pressure is HTTP/2's own: the body is polled when the client has room.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use bytes::{BufMut, Bytes, BytesMut};
use http::HeaderMap;
use http_body::Frame;
use tokio::sync::Notify;
use tonic::Status;

use crate::wire::Response;

/// The size of a chunk: large enough that frames are cheap, small enough that a client costs little.
const CHUNK: usize = 64 << 10;

/// Pieces from this size on are sent as they are instead of being copied into a chunk.
const SLICE_FROM: usize = 16 << 10;

/// What is to be written to one stream. The session's task fills it, the body empties it.
#[derive(Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
    /// Grows with each chunk that is taken.
    progress: AtomicU64,
    /// Wakes the task when the body is gone or everything has been taken.
    notify: Notify,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Response>,
    /// How the stream ends, once everything is written.
    end: Option<Status>,
    waker: Option<Waker>,
    /// The body is within a response.
    writing: bool,
    /// The body no longer exists: the client has gone.
    gone: bool,
}

impl Outbox {
    pub(super) fn push(&self, response: Response) {
        self.update(|state| state.queue.push_back(response));
    }

    /// Ends the stream after what is queued.
    pub(super) fn finish(&self, status: Status) {
        self.update(|state| {
            state.end.get_or_insert(status);
        });
    }

    /// Drops what is queued: the client will not read it.
    pub(super) fn clear(&self) {
        self.update(|state| state.queue.clear());
    }

    /// Whether something waits for the client to read.
    pub(super) fn is_pending(&self) -> bool {
        let state = self.lock();
        !state.gone && (state.writing || !state.queue.is_empty())
    }

    pub(super) fn progress(&self) -> u64 {
        self.progress.load(Ordering::Relaxed)
    }

    /// Waits until the body no longer exists.
    pub(super) async fn gone(&self) {
        loop {
            let notified = self.notify.notified();
            if self.lock().gone {
                return;
            }
            notified.await;
        }
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        let waker = {
            let mut state = self.lock();
            change(&mut state);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The body of one stream.
pub(super) struct PushBody {
    outbox: Arc<Outbox>,
    current: Option<Cursor>,
    ended: bool,
}

/// Where in a response the body is.
struct Cursor {
    response: Response,
    segment: usize,
    offset: usize,
}

impl PushBody {
    pub(super) fn new(outbox: Arc<Outbox>) -> Self {
        Self { outbox, current: None, ended: false }
    }

    /// The next chunk, `None` if nothing is queued.
    fn chunk(&mut self) -> Option<Bytes> {
        let mut chunk = BytesMut::new();
        loop {
            if self.current.is_none() && !self.next_response(&mut chunk) {
                return (!chunk.is_empty()).then(|| chunk.freeze());
            }
            let Some(cursor) = &mut self.current else { continue };
            match cursor.write(&mut chunk) {
                Written::Slice(slice) => return Some(slice),
                Written::Full => return Some(chunk.freeze()),
                Written::Done => self.current = None,
            }
        }
    }

    /// Begins the next response with the five bytes that gRPC puts before each message.
    fn next_response(&mut self, chunk: &mut BytesMut) -> bool {
        let mut state = self.outbox.lock();
        let Some(response) = state.queue.pop_front() else {
            state.writing = false;
            return false;
        };
        state.writing = true;
        let len = u32::try_from(response.encoded_len()).expect("responses are far below 4 GiB");
        chunk.put_u8(0);
        chunk.put_u32(len);
        self.current = Some(Cursor { response, segment: 0, offset: 0 });
        true
    }
}

enum Written {
    /// The chunk is full.
    Full,
    /// This instead of the chunk, which is empty.
    Slice(Bytes),
    /// The response is at its end.
    Done,
}

impl Cursor {
    fn write(&mut self, chunk: &mut BytesMut) -> Written {
        while let Some(segment) = self.response.segment(self.segment) {
            let rest = segment.len() - self.offset;
            if rest == 0 {
                self.segment += 1;
                self.offset = 0;
                continue;
            }
            if rest >= SLICE_FROM && !chunk.is_empty() {
                return Written::Full;
            }
            let room = CHUNK - chunk.len().min(CHUNK);
            let take = rest.min(room);
            let from = self.offset;
            self.offset += take;
            if rest >= SLICE_FROM {
                return Written::Slice(segment.slice(from..from + take));
            }
            chunk.extend_from_slice(&segment[from..from + take]);
            if chunk.len() >= CHUNK {
                return Written::Full;
            }
        }
        Written::Done
    }
}

impl http_body::Body for PushBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        // The waker goes in first, so that nothing queued from here on is missed.
        self.outbox.lock().waker = Some(cx.waker().clone());
        if let Some(chunk) = self.chunk() {
            self.outbox.progress.fetch_add(1, Ordering::Relaxed);
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
        let end = {
            let state = self.outbox.lock();
            if state.queue.is_empty() { state.end.clone() } else { None }
        };
        let Some(status) = end else { return Poll::Pending };
        self.ended = true;
        let mut trailers = HeaderMap::new();
        status.add_header(&mut trailers)?;
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

impl Drop for PushBody {
    fn drop(&mut self) {
        let mut state = self.outbox.lock();
        state.gone = true;
        state.queue.clear();
        drop(state);
        self.outbox.notify.notify_waiters();
        self.outbox.notify.notify_one();
    }
}

#[cfg(test)]
mod tests;
