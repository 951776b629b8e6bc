//! The response body: shared bytes, streamed in chunks of 64 KiB.
//!
//! Unread responses exist once, in the pieces that all sessions share; each client adds one chunk. Back-pressure is
//! HTTP/2's own: the body is polled when the client has room.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::{BufMut, Bytes, BytesMut};
use http::HeaderMap;
use http_body::Frame;
use tokio::sync::Notify;
use tonic::Status;

use super::backlog::Backlog;
use crate::wire::Response;

/// Size of a chunk: large enough for cheap frames, small enough that a client costs little.
const CHUNK: usize = 64 << 10;

/// Minimum size of a piece that is sent as it is instead of being copied into a chunk.
const SLICE_FROM: usize = 16 << 10;

/// Time without reading after which a client no longer keeps others waiting.
const IDLE_AFTER: Duration = Duration::from_secs(1);

/// The responses to be written to one stream. The session's task fills it, the body empties it.
#[derive(Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
    backlog: Arc<Backlog>,
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
    /// Bytes that the body has not taken yet.
    unsent: usize,
    /// Whether they count in the backlog.
    counted: bool,
    /// When the response at the head became the head, and when the body took something last.
    head_since: Option<Instant>,
    taken_at: Option<Instant>,
    /// The body no longer exists: the client has gone.
    gone: bool,
}

/// The size of a response in the body: gRPC puts five bytes before each message.
fn framed_len(response: &Response) -> usize {
    response.encoded_len() + 5
}

impl State {
    fn is_pending(&self) -> bool {
        !self.gone && (self.writing || !self.queue.is_empty())
    }
}

impl Outbox {
    pub(super) fn new(backlog: Arc<Backlog>) -> Self {
        Self { backlog, ..Self::default() }
    }

    pub(super) fn push(&self, response: Response) {
        self.update(|state| {
            if state.gone {
                return;
            }
            if !state.is_pending() {
                let now = Instant::now();
                (state.head_since, state.taken_at, state.counted) = (Some(now), Some(now), true);
            }
            state.unsent += framed_len(&response);
            if state.counted {
                self.backlog.add(framed_len(&response));
            }
            state.queue.push_back(response);
        });
    }

    /// Ends the stream after what is queued.
    pub(super) fn finish(&self, status: Status) {
        self.update(|state| {
            state.end.get_or_insert(status);
        });
    }

    /// Drops what is queued: the client will not read it.
    pub(super) fn clear(&self) {
        self.update(|state| {
            let dropped = state.queue.drain(..).map(|response| framed_len(&response)).sum::<usize>();
            self.leave(state, dropped);
        });
    }

    /// Whether something waits for the client to read.
    pub(super) fn is_pending(&self) -> bool {
        self.lock().is_pending()
    }

    /// Whether the client has taken longer than `limit` to read one response. To be called regularly while something is
    /// pending.
    pub(super) fn is_stalled(&self, limit: Duration) -> bool {
        let mut state = self.lock();
        if !state.is_pending() {
            return false;
        }
        if state.counted && state.taken_at.is_some_and(|at| at.elapsed() >= IDLE_AFTER) {
            state.counted = false;
            self.backlog.sub(state.unsent);
        }
        state.head_since.is_some_and(|since| since.elapsed() >= limit)
    }

    /// Accounts for bytes that have left.
    fn taken(&self, bytes: usize) {
        let mut state = self.lock();
        self.leave(&mut state, bytes);
        state.taken_at = Some(Instant::now());
        if !state.counted {
            state.counted = true;
            self.backlog.add(state.unsent);
        }
    }

    fn leave(&self, state: &mut State, bytes: usize) {
        state.unsent -= bytes;
        if state.counted {
            self.backlog.sub(bytes);
        }
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

/// The body's position in a response.
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
        if state.writing {
            state.head_since = Some(Instant::now());
        }
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
    /// The chunk is empty; this slice is sent in its place.
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
            self.outbox.taken(chunk.len());
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
        let unsent = state.unsent;
        self.outbox.leave(&mut state, unsent);
        drop(state);
        self.outbox.notify.notify_waiters();
        self.outbox.notify.notify_one();
    }
}

#[cfg(test)]
mod tests;
