//! The task of a client: its stream, and the orders of the crowd.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::Ordering::{Relaxed, Release},
    },
    time::Duration,
};

use bytes::Bytes;
use fairlead_resource::TypeUrl;
use tokio::{sync::watch, time::Instant};

use super::{
    shared::Shared,
    stats::{self, Counters},
};
use crate::{
    ads::{self, Content, INITIAL_FETCH_TIMEOUT, Library, NameId, Outgoing, Protocol, Response, WireError},
    stream::{Quality, Stream, at},
};

/// An order of the crowd to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// The server of its stream; `None` to stay away.
    pub(super) server: Option<SocketAddr>,
    /// Another number asks for another stream.
    pub(super) stream: u32,
    pub(super) bytes_per_second: u64,
    pub(super) dead: bool,
}

/// What follows the orders for one client.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) index: usize,
    pub(super) protocol: Protocol,
    /// Whether it answers responses at all.
    pub(super) acknowledges: bool,
    /// The types whose responses it refuses.
    pub(super) refuses: BTreeSet<TypeUrl>,
    /// The crowd looks at it too; the order of locks is this one, then the library.
    pub(super) client: Arc<Mutex<ads::Client>>,
    pub(super) counters: Arc<Counters>,
    pub(super) shared: Arc<Shared>,
    pub(super) reconnect_after: Option<Duration>,
    pub(super) orders: watch::Receiver<Order>,
}

/// The end of a stream.
enum End {
    /// By an order, which has yet to be followed.
    Ordered,
    /// The crowd is gone.
    Gone,
    /// By anything else.
    Lost(String),
}

impl Task {
    fn client(&self) -> MutexGuard<'_, ads::Client> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
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
        let first = {
            let mut client = self.client();
            let out = client.on_stream();
            self.frames(&mut client, &self.shared.library(), out)
        };
        let open = Stream::open(server, self.protocol, &[], quality.clone(), first);
        tokio::pin!(open);
        let stream = loop {
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
        // What it lacks on a new stream follows from its earlier state; `connected` makes that valid.
        self.counters.complete.store(self.client().is_complete(), Relaxed);
        self.counters.connected.store(true, Release);
        self.serve(stream, order, &quality).await
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

    async fn serve(&mut self, mut stream: Stream, order: &Order, quality: &Quality) -> End {
        let mut late = self.client().is_warming().then(|| Instant::now() + INITIAL_FETCH_TIMEOUT);
        loop {
            let piece = tokio::select! {
                biased;
                changed = self.orders.changed() => match self.obey(changed.is_ok(), order, quality) {
                    Some(end) => return end,
                    None => continue,
                },
                piece = stream.next() => piece,
                () = at(late) => {
                    self.expire(&stream);
                    late = None;
                    continue;
                }
            };
            let piece = match piece {
                Err(reason) => return End::Lost(reason),
                Ok(piece) => piece,
            };
            if let Err(error) = self.read(&piece, &stream) {
                return End::Lost(error.to_string());
            }
            late = match (self.client().is_warming(), late) {
                (false, _) => None,
                (true, None) => Some(Instant::now() + INITIAL_FETCH_TIMEOUT),
                (true, since) => since,
            };
        }
    }

    fn expire(&mut self, stream: &Stream) {
        let mut client = self.client();
        let out = client.expire();
        let frames = self.frames(&mut client, &self.shared.library(), out);
        self.counters.late_assignments.store(client.expired_waits(), Relaxed);
        self.counters.complete.store(client.is_complete(), Relaxed);
        drop(client);
        for frame in frames {
            stream.send(frame);
        }
    }

    /// Takes a piece of the stream, and answers the responses that it completes.
    fn read(&mut self, piece: &[u8], stream: &Stream) -> Result<(), WireError> {
        let mut client = self.client();
        let mut library = self.shared.library();
        let responses = client.read(piece, &mut library)?;
        if responses.is_empty() {
            return Ok(());
        }
        let mut frames = Vec::new();
        let (watches, now) = (self.shared.watches.now(), self.shared.now());
        for response in responses {
            let kind = TypeUrl::parse(&response.type_url);
            if let Some(kind) = kind {
                self.count(kind, &response);
            }
            let refused = kind.is_some_and(|kind| self.refuses.contains(&kind));
            let refusal = refused.then(|| "refused by the crowd".to_owned());
            let mut changed = |kind, name: NameId, content: Option<&Content>| {
                for watch in watches.iter().filter(|watch| watch.is(kind, name, content)) {
                    watch.note(self.index, now);
                }
            };
            let out = client.take(response, refusal, &mut library, &mut changed);
            frames.extend(self.frames(&mut client, &library, out));
        }
        drop(library);
        self.counters.last_response.store(now, Relaxed);
        self.counters.lost_hosts.store(client.lost_hosts(), Relaxed);
        self.counters.complete.store(client.is_complete(), Relaxed);
        drop(client);
        for frame in frames {
            stream.send(frame);
        }
        Ok(())
    }

    fn frames(&self, client: &mut ads::Client, library: &Library, out: Vec<Outgoing>) -> Vec<Bytes> {
        let said = out.into_iter().filter(|outgoing| self.acknowledges || !outgoing.is_answer());
        said.map(|outgoing| client.frame(outgoing, library)).collect()
    }

    fn count(&self, kind: TypeUrl, response: &Response) {
        let kind = stats::place(kind);
        self.counters.bytes[kind].fetch_add(response.bytes as u64, Relaxed);
        self.counters.responses[kind].fetch_add(1, Relaxed);
        self.counters.resources[kind].fetch_add(response.items.len() as u64, Relaxed);
    }
}
