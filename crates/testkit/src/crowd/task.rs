//! The task of a client: its connection, its stream, and the orders of the crowd.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::Ordering::{Relaxed, Release},
    },
    time::Duration,
};

use bytes::Bytes;
use fairlead_resource::TypeUrl;
use http_body_util::{BodyExt, StreamBody};
use hyper::{
    body::{Frame, Incoming},
    client::conn::http2,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    net::TcpSocket,
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Instant, sleep_until},
};
use tokio_stream::{StreamExt, wrappers::UnboundedReceiverStream};

use super::{
    Shared,
    content::{ReadError, Reader},
    line::{Line, Quality},
    member::{Member, Response},
    stats::{self, Counters},
    wire::{Scanner, Sink},
};
use crate::fake_envoy::{INITIAL_FETCH_TIMEOUT, Protocol};

const DELTA: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
const SOTW: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
/// Envoy's own HTTP/2 windows, so that a client that stops reading holds as much as an Envoy would.
const STREAM_WINDOW_BYTES: u32 = 16 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 24 << 20;
/// What the kernel may keep for a thin line: the line is to be what is slow, not the memory behind it.
const THIN_BUFFER_BYTES: u32 = 64 << 10;

/// What the crowd wants a client to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// The server to have a stream with; none: stay away.
    pub(super) server: Option<SocketAddr>,
    /// Another number asks for another stream.
    pub(super) stream: u32,
    pub(super) bytes_per_second: u64,
    pub(super) dead: bool,
}

/// A client.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) index: usize,
    pub(super) protocol: Protocol,
    /// The crowd looks at it too; the order of locks is this one, then the library.
    pub(super) member: Arc<Mutex<Member>>,
    pub(super) counters: Arc<Counters>,
    pub(super) shared: Arc<Shared>,
    pub(super) reconnect_after: Option<Duration>,
    pub(super) orders: watch::Receiver<Order>,
}

/// How a stream is over.
enum End {
    /// By an order, which is to be looked at.
    Ordered,
    /// The crowd is gone.
    Gone,
    /// By anything else.
    Lost(String),
}

impl Client {
    fn member(&self) -> MutexGuard<'_, Member> {
        self.member.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows orders until the crowd is gone.
    pub(super) async fn run(mut self) {
        loop {
            let order = self.orders.borrow_and_update().clone();
            let end = match order.server {
                Some(server) => self.stream(server, &order).await,
                None => self.wait_for_order(None).await,
            };
            self.counters.connected.store(false, Relaxed);
            match end {
                End::Gone => return,
                End::Ordered => {}
                End::Lost(reason) => {
                    self.counters.ends.fetch_add(1, Relaxed);
                    self.shared.note_end(self.index, reason);
                    // Deterministic, and not all at one time.
                    let spread = u32::try_from(self.index % 16).unwrap_or_default();
                    let again =
                        self.reconnect_after.map(|after| Instant::now() + after + after * spread / 16);
                    if matches!(self.wait_for_order(again).await, End::Gone) {
                        return;
                    }
                }
            }
        }
    }

    async fn wait_for_order(&mut self, until: Option<Instant>) -> End {
        tokio::select! {
            changed = self.orders.changed() => if changed.is_ok() { End::Ordered } else { End::Gone },
            () = at(until) => End::Ordered,
        }
    }

    /// Opens a stream and serves it to its end.
    async fn stream(&mut self, server: SocketAddr, order: &Order) -> End {
        let quality = Arc::new(Quality::default());
        quality.bytes_per_second.store(order.bytes_per_second, Relaxed);
        quality.dead.store(order.dead, Relaxed);
        let (requests, receiver) = mpsc::unbounded_channel();
        {
            let mut member = self.member();
            for request in member.on_stream(&self.shared.library.open()) {
                send(&requests, request);
            }
        }
        let open = open(server, self.protocol, quality.clone(), receiver);
        tokio::pin!(open);
        let (connection, body) = loop {
            tokio::select! {
                opened = &mut open => match opened {
                    Ok(opened) => break opened,
                    Err(reason) => return End::Lost(reason),
                },
                changed = self.orders.changed() => if let Some(end) = self.obey(changed.is_ok(), order, &quality) {
                    return end;
                },
            }
        };
        self.counters.streams.fetch_add(1, Relaxed);
        // What it lacks after a new stream is known from the state before; `connected` says that it is true.
        self.counters.complete.store(self.member().is_complete(), Relaxed);
        self.counters.connected.store(true, Release);
        let end = self.serve(body, &requests, order, &quality).await;
        drop(connection);
        end
    }

    /// Follows an order as far as the open stream allows; `None` if it may go on.
    fn obey(&mut self, alive: bool, order: &Order, quality: &Quality) -> Option<End> {
        if !alive {
            return Some(End::Gone);
        }
        let new = self.orders.borrow_and_update();
        quality.bytes_per_second.store(new.bytes_per_second, Relaxed);
        quality.dead.store(new.dead, Relaxed);
        ((new.server, new.stream) != (order.server, order.stream)).then_some(End::Ordered)
    }

    async fn serve(
        &mut self,
        mut body: Incoming,
        requests: &mpsc::UnboundedSender<Bytes>,
        order: &Order,
        quality: &Quality,
    ) -> End {
        let mut scanner = Scanner::default();
        let mut assembly = Assembly::new(self.protocol);
        let mut late = None;
        loop {
            let frame = tokio::select! {
                biased;
                changed = self.orders.changed() => match self.obey(changed.is_ok(), order, quality) {
                    Some(end) => return end,
                    None => continue,
                },
                frame = body.frame() => frame,
                () = at(late) => {
                    self.expire(requests);
                    late = None;
                    continue;
                }
            };
            let frame = match frame {
                None => return End::Lost("ended by the server".to_owned()),
                Some(Err(error)) => return End::Lost(explain(&error)),
                Some(Ok(frame)) => frame,
            };
            let Ok(data) = frame.into_data() else { continue };
            if let Err(error) = self.read(&data, &mut scanner, &mut assembly, requests) {
                return End::Lost(error.to_string());
            }
            late = match (self.member().is_warming(), late) {
                (false, _) => None,
                (true, None) => Some(Instant::now() + INITIAL_FETCH_TIMEOUT),
                (true, since) => since,
            };
        }
    }

    fn expire(&mut self, requests: &mpsc::UnboundedSender<Bytes>) {
        let mut out = Vec::new();
        let mut member = self.member();
        let late = member.expire(&self.shared.library.open(), &mut out);
        self.counters.late_assignments.fetch_add(late as u64, Relaxed);
        self.counters.complete.store(member.is_complete(), Relaxed);
        drop(member);
        for request in out {
            send(requests, request);
        }
    }

    /// Takes a piece of the stream, and answers the responses that it completes.
    fn read(
        &mut self,
        data: &[u8],
        scanner: &mut Scanner,
        assembly: &mut Assembly,
        requests: &mpsc::UnboundedSender<Bytes>,
    ) -> Result<(), ReadError> {
        let shared = self.shared.clone();
        let mut member = self.member();
        let mut shelves = shared.library.open();
        scanner.push(data, &mut Shelving { assembly, shelves: &mut shelves })?;
        if let Some(error) = assembly.error.take() {
            return Err(error);
        }
        if assembly.done.is_empty() {
            return Ok(());
        }
        let mut out = Vec::new();
        let watches = shared.watches.now();
        let now = shared.now();
        for response in assembly.done.drain(..) {
            if let Some(kind) = TypeUrl::parse(&response.type_url) {
                self.count(kind, &response);
            }
            let index = self.index;
            let mut changed = |kind, name, content: Option<&super::content::Content>| {
                for watch in watches.iter().filter(|watch| watch.is(kind, name, content)) {
                    watch.note(index, now);
                }
            };
            member.take(response, &mut shelves, &mut changed, &mut out);
        }
        drop(shelves);
        self.counters.last_response.store(now, Relaxed);
        self.counters.lost_hosts.store(member.lost_hosts(), Relaxed);
        self.counters.complete.store(member.is_complete(), Relaxed);
        drop(member);
        for request in out {
            send(requests, request);
        }
        Ok(())
    }

    fn count(&self, kind: TypeUrl, response: &Response) {
        let kind = stats::place(kind);
        self.counters.bytes[kind].fetch_add(response.bytes as u64, Relaxed);
        self.counters.responses[kind].fetch_add(1, Relaxed);
        self.counters.resources[kind].fetch_add(response.items.len() as u64, Relaxed);
        self.counters.removed[kind].fetch_add(response.removed.len() as u64, Relaxed);
    }
}

/// A connection's task, which ends with this value.
struct Connection(JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn open(
    server: SocketAddr,
    protocol: Protocol,
    quality: Arc<Quality>,
    requests: mpsc::UnboundedReceiver<Bytes>,
) -> Result<(Connection, Incoming), String> {
    let socket = match server {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }
    .map_err(|error| error.to_string())?;
    let connect = async {
        if quality.bytes_per_second.load(Relaxed) != 0 {
            socket.set_recv_buffer_size(THIN_BUFFER_BYTES)?;
        }
        let stream = socket.connect(server).await?;
        stream.set_nodelay(true)?;
        Ok::<_, std::io::Error>(stream)
    };
    let stream = connect.await.map_err(|error| format!("{server}: {error}"))?;
    let line = TokioIo::new(Line::new(stream, quality));
    let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .handshake(line)
        .await
        .map_err(|error| explain(&error))?;
    let connection = Connection(tokio::spawn(async {
        // The stream sees the error too, and reports it.
        drop(connection.await);
    }));
    let path = match protocol {
        Protocol::Delta => DELTA,
        Protocol::Sotw => SOTW,
    };
    let frames = UnboundedReceiverStream::new(requests).map(|bytes| Ok::<_, Infallible>(Frame::data(bytes)));
    let request = http::Request::post(format!("http://{server}{path}"))
        .header(http::header::CONTENT_TYPE, "application/grpc")
        .header(http::header::TE, "trailers")
        .body(StreamBody::new(frames))
        .expect("an address and a constant path are a URI");
    let (head, body) = sender.send_request(request).await.map_err(|error| explain(&error))?.into_parts();
    match (head.status, head.headers.get("grpc-status")) {
        (http::StatusCode::OK, None) => Ok((connection, body)),
        (status, code) => {
            let message = head.headers.get("grpc-message");
            Err(format!("HTTP {status}, gRPC {code:?}, {message:?}"))
        }
    }
}

fn explain(error: &hyper::Error) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    format!("{error}{}", cause.unwrap_or_default())
}

fn send(requests: &mpsc::UnboundedSender<Bytes>, request: Bytes) {
    // A stream that has ended says so on its other half, which is where it is looked for.
    let _ended = requests.send(request);
}

/// Waits for a time; for ever if there is none.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Puts the fields of messages together to responses.
#[derive(Debug)]
struct Assembly {
    protocol: Protocol,
    response: Response,
    done: Vec<Response>,
    error: Option<ReadError>,
}

impl Assembly {
    fn new(protocol: Protocol) -> Self {
        Self { protocol, response: Response::default(), done: Vec::new(), error: None }
    }

    fn field(&mut self, number: u64, payload: &[u8], shelves: &mut Reader<'_>) -> Result<(), ReadError> {
        // `DeltaDiscoveryResponse` and `DiscoveryResponse` agree on these numbers.
        const VERSION: u64 = 1;
        const RESOURCES: u64 = 2;
        const TYPE_URL: u64 = 4;
        const NONCE: u64 = 5;
        const REMOVED: u64 = 6;
        let text = || std::str::from_utf8(payload).map(str::to_owned).map_err(|_| ReadError::Name);
        match (number, self.protocol) {
            (VERSION, Protocol::Sotw) => self.response.version = text()?,
            (RESOURCES, Protocol::Delta) => self.response.items.push(shelves.delta(payload)?),
            (RESOURCES, Protocol::Sotw) => self.response.items.push(shelves.any(payload)?),
            (TYPE_URL, _) => self.response.type_url = text()?,
            (NONCE, _) => self.response.nonce = text()?,
            (REMOVED, Protocol::Delta) => self.response.removed.push(shelves.named(payload)?),
            _ => {}
        }
        Ok(())
    }
}

struct Shelving<'a, 'b> {
    assembly: &'a mut Assembly,
    shelves: &'a mut Reader<'b>,
}

impl Sink for Shelving<'_, '_> {
    fn field(&mut self, number: u64, payload: &[u8]) {
        if let Err(error) = self.assembly.field(number, payload, self.shelves) {
            self.assembly.error.get_or_insert(error);
        }
    }

    fn end(&mut self, bytes: usize) {
        self.assembly.response.bytes = bytes;
        self.assembly.done.push(std::mem::take(&mut self.assembly.response));
    }
}
