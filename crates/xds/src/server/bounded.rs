//! Bounds on the streams of every service: their number, and the cost of an unfinished message.
//!
//! The length of a gRPC message precedes it, so its bytes are reserved in the client's budget before they are read.
//! While the budget is spent nothing is read, and HTTP/2 makes the client wait. A message must be complete in time.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};
use tonic::{Status, body::Body};
use tower::{BoxError, Layer, Service};

use super::{
    clients::{Client, Held, Open},
    io::{Active, ConnectionInfo},
};

/// Size of the header of each message: a compression flag, and the length.
const HEADER: usize = 5;

/// Interval at which a message that waits for its budget tries again.
const LOOK: Duration = Duration::from_millis(20);

/// Puts the bounds around services.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    /// Maximum time from a message's first byte to its last.
    pub(super) timeout: Duration,
    /// Maximum message size of any service. The reader of a stream refuses larger ones at their header.
    pub(super) largest: usize,
}

impl<S> Layer<S> for Bounds {
    type Service = Bounded<S>;

    fn layer(&self, inner: S) -> Bounded<S> {
        Bounded { inner, bounds: *self }
    }
}

/// A service with bounds around it.
#[derive(Clone)]
pub(super) struct Bounded<S> {
    inner: S,
    bounds: Bounds,
}

type Answer<E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>;

impl<S, B> Service<Request<Body>> for Bounded<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Answer<S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Answer<S::Error> {
        let Some(info) = request.extensions().get::<ConnectionInfo>() else {
            let answer = self.inner.call(request);
            return Box::pin(async { Ok(answer.await?.map(Body::new)) });
        };
        let Some(open) = info.client.open() else {
            let status = Status::resource_exhausted("this address has too many streams");
            return Box::pin(std::future::ready(Ok(status.into_http())));
        };
        let stream = Arc::new(OpenStream { _active: info.activity.enter(), open });
        let bounds = self.bounds;
        let request = request.map(|body| Body::new(BoundedBody::new(body, stream.clone(), bounds)));
        let answer = self.inner.call(request);
        Box::pin(async {
            Ok(answer.await?.map(|body| Body::new(Kept { body: Body::new(body), _stream: stream })))
        })
    }
}

/// A stream for as long as either of its sides is there.
struct OpenStream {
    open: Open,
    _active: Active,
}

/// A response; while it exists its stream counts.
struct Kept {
    body: Body,
    _stream: Arc<OpenStream>,
}

impl http_body::Body for Kept {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The request side of a stream.
struct BoundedBody {
    body: Body,
    stream: Arc<OpenStream>,
    bounds: Bounds,
    framing: Framing,
    /// The frame that was read and not handed on yet, and how much of it was examined.
    frame: Option<(Bytes, usize)>,
    /// When the message under way must be complete.
    deadline: Option<Pin<Box<Sleep>>>,
    /// When to try again to reserve the bytes of a message.
    again: Option<Pin<Box<Sleep>>>,
    held: Option<Held>,
    /// The bytes of messages handed on, held until the reader asks for more.
    finished: Vec<Held>,
}

/// Where in its messages a stream is.
#[derive(Default)]
struct Framing {
    header: [u8; HEADER],
    /// How much of the header is known.
    known: usize,
    /// How many bytes of the message are still to come.
    rest: usize,
}

impl Framing {
    fn is_between(&self) -> bool {
        self.known == 0
    }

    /// The length of the message, once the header is known.
    fn length(&self) -> Option<usize> {
        let [_, length @ ..] = self.header;
        (self.known == HEADER).then(|| usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX))
    }
}

/// What became of a frame.
enum Looked {
    /// All of it may be handed on.
    Through,
    /// The bytes of a message may not be held yet.
    Waits,
}

impl BoundedBody {
    fn new(body: Body, stream: Arc<OpenStream>, bounds: Bounds) -> Self {
        Self {
            body,
            stream,
            bounds,
            framing: Framing::default(),
            frame: None,
            deadline: None,
            again: None,
            held: None,
            finished: Vec::new(),
        }
    }

    fn client(&self) -> &Arc<Client> {
        self.stream.open.client()
    }

    /// Examines the rest of a frame for the bounds of messages.
    fn look(&mut self, frame: &[u8], at: &mut usize) -> Looked {
        loop {
            if self.framing.known < HEADER {
                let take = (HEADER - self.framing.known).min(frame.len() - *at);
                let known = self.framing.known;
                self.framing.header[known..known + take].copy_from_slice(&frame[*at..*at + take]);
                self.framing.known += take;
                *at += take;
                let Some(length) = self.framing.length() else { return Looked::Through };
                self.framing.rest = length;
            }
            if self.held.is_none() {
                let bytes = if self.framing.rest <= self.bounds.largest { self.framing.rest } else { 0 };
                self.held = self.client().hold(bytes);
                if self.held.is_none() {
                    return Looked::Waits;
                }
            }
            let take = self.framing.rest.min(frame.len() - *at);
            self.framing.rest -= take;
            *at += take;
            if self.framing.rest > 0 {
                return Looked::Through;
            }
            self.framing.known = 0;
            self.deadline = None;
            self.finished.extend(self.held.take());
            if *at == frame.len() {
                return Looked::Through;
            }
        }
    }

    /// Whether the message under way should have been finished.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        if self.framing.is_between() {
            return false;
        }
        let timeout = self.bounds.timeout;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(timeout)));
        deadline.as_mut().poll(cx).is_ready()
    }

    fn late(&self) -> Status {
        Status::deadline_exceeded(format!("a request was not finished within {:?}", self.bounds.timeout))
    }
}

impl http_body::Body for BoundedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        this.finished.clear();
        loop {
            if let Some((frame, mut at)) = this.frame.take() {
                match this.look(&frame, &mut at) {
                    Looked::Through => {
                        // The deadline starts with the message, not with the first poll that finds no data.
                        if this.is_late(cx) {
                            return Poll::Ready(Some(Err(this.late())));
                        }
                        return Poll::Ready(Some(Ok(Frame::data(frame))));
                    }
                    Looked::Waits => this.frame = Some((frame, at)),
                }
                if this.is_late(cx) {
                    return Poll::Ready(Some(Err(this.late())));
                }
                let again = this.again.get_or_insert_with(|| Box::pin(sleep(LOOK)));
                if again.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                this.again = None;
                continue;
            }
            let next = match Pin::new(&mut this.body).poll_frame(cx) {
                Poll::Pending if this.is_late(cx) => return Poll::Ready(Some(Err(this.late()))),
                Poll::Pending => return Poll::Pending,
                Poll::Ready(next) => next,
            };
            let Some(frame) = next.transpose()? else { return Poll::Ready(None) };
            match frame.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(data) => this.frame = Some((data, 0)),
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.frame.is_none() && self.body.is_end_stream()
    }
}

#[cfg(test)]
mod tests;
