//! Accepting connections, and what each waits for before anything is read from it.
//!
//! A connection waits for a place, which is a file descriptor; then for its first bytes; then for admission (see
//! [`admission`]). A client that hangs up meanwhile gives up its place.
//!
//! [`admission`]: super::admission

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::ServerConfig;
use tokio::{
    io::Interest,
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    admission::Admission,
    clients::{Clients, Seat},
    io::{Io, Pass, Patience},
};

/// Maximum number of accepted connections that wait for the server to take them.
const BACKLOG: usize = 64;

/// Pause in accepting after an error such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Interval between two log lines that give the same reason.
const TOLD_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// The system error numbers for no file descriptor left (the same on Linux, BSD and macOS).
const EMFILE: i32 = 24;
const ENFILE: i32 = 23;

/// Time for which a connection that opens no stream counts as one that is about to be served.
const ARRIVAL: Duration = Duration::from_secs(1);

/// Why connections are not taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reason {
    Accept(Option<i32>),
    Full,
    Client,
}

/// The last log line about connections that are not taken, so that the same is not logged again for a while.
#[derive(Default)]
struct Told(Option<(Reason, Instant)>);

impl Told {
    /// Whether to log this reason.
    fn is_news(&mut self, reason: Reason) -> bool {
        let now = Instant::now();
        if self.0.is_some_and(|(known, at)| known == reason && now.duration_since(at) < TOLD_AGAIN_AFTER) {
            return false;
        }
        self.0 = Some((reason, now));
        true
    }

    fn error(&mut self, error: &io::Error) {
        let code = error.raw_os_error();
        if !self.is_news(Reason::Accept(code)) {
            return;
        }
        if code.is_some_and(|code| [EMFILE, ENFILE].contains(&code)) {
            tracing::warn!(
                %error,
                "no file descriptor is left, and new connections wait: raise the limit of open files (ulimit -n)"
            );
        } else {
            tracing::warn!(%error, "connection not accepted");
        }
    }

    fn full(&mut self) {
        if self.is_news(Reason::Full) {
            tracing::warn!("the limit of connections is reached, and new ones wait");
        }
    }

    fn client(&mut self, address: SocketAddr) {
        if self.is_news(Reason::Client) {
            tracing::warn!(address = %address.ip(), "an address has reached its limit of connections");
        }
    }
}

/// What accepting on one listener takes.
pub(super) struct Door {
    pub(super) tls: Option<Arc<ServerConfig>>,
    pub(super) patience: Patience,
    pub(super) clients: Arc<Clients>,
    pub(super) admission: Arc<Admission>,
    /// No further connection is accepted.
    pub(super) stop: CancellationToken,
    /// All connections are closed.
    pub(super) cut: CancellationToken,
}

/// Accepts connections; each can be closed alone, and all at once.
pub(super) fn accept(
    listener: TcpListener,
    door: Door,
    tasks: &TaskTracker,
) -> ReceiverStream<io::Result<Io>> {
    let (sender, receiver) = mpsc::channel(BACKLOG);
    let (spawner, door) = (tasks.clone(), Arc::new(door));
    tasks.spawn(async move {
        let mut told = Told::default();
        loop {
            if door.clients.is_full() {
                told.full();
            }
            let place = tokio::select! {
                place = door.clients.place() => place,
                () = door.stop.cancelled() => return,
            };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = door.stop.cancelled() => return,
            };
            let (socket, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    told.error(&error);
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Some(seat) = door.clients.seat(address.ip(), place) else {
                told.client(address);
                continue;
            };
            spawner.spawn(enter(socket, address, seat, door.clone(), sender.clone()));
        }
    });
    ReceiverStream::new(receiver)
}

/// Admits one connection and hands it to the server.
async fn enter(
    socket: TcpStream,
    address: SocketAddr,
    seat: Seat,
    door: Arc<Door>,
    sender: mpsc::Sender<io::Result<Io>>,
) {
    let close = door.cut.child_token();
    let opened = tokio::select! {
        opened = open(socket, address, seat, &door, &close) => opened,
        () = close.cancelled() => return,
    };
    match opened {
        Ok((io, pass)) => {
            drop(sender.send(Ok(io)).await);
            drop(sender);
            tokio::select! {
                () = sleep(ARRIVAL) => pass.expire(),
                () = close.cancelled() => {}
            }
        }
        Err(error) => tracing::debug!(%error, peer = %address, "connection not opened"),
    }
}

async fn open(
    socket: TcpStream,
    address: SocketAddr,
    seat: Seat,
    door: &Door,
    close: &CancellationToken,
) -> io::Result<(Io, Pass)> {
    let late = |_elapsed| io::Error::from(io::ErrorKind::TimedOut);
    // A client that sends nothing does not queue with those that do.
    let ready = timeout(door.patience.first, socket.ready(Interest::READABLE)).await.map_err(late)??;
    if ready.is_read_closed() {
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    // Nothing is read from a connection that waits.
    let admitted = tokio::select! {
        biased;
        admitted = door.admission.enter(&seat.client) => admitted,
        () = hung_up(&socket) => return Err(io::ErrorKind::ConnectionAborted.into()),
    };
    let pass = Pass::new(admitted);
    let tls = door.tls.clone().map(TlsAcceptor::from);
    let io = Io::open(socket, address, tls, close, (pass.clone(), seat, door.patience));
    let io = timeout(door.patience.first, io).await.map_err(late)??;
    Ok((io, pass))
}

/// Waits until the other side has closed the connection; what it has sent stays unread.
#[cfg(target_os = "linux")]
async fn hung_up(socket: &TcpStream) {
    // Urgent data is never sent, but readiness for it also shows that the other side has closed.
    while socket.ready(Interest::PRIORITY).await.is_ok_and(|ready| !ready.is_read_closed()) {
        sleep(Duration::from_secs(1)).await;
    }
}

/// Waits until the other side has closed the connection; what it has sent stays unread.
#[cfg(not(target_os = "linux"))]
async fn hung_up(socket: &TcpStream) {
    while socket.ready(Interest::READABLE).await.is_ok_and(|ready| !ready.is_read_closed()) {
        sleep(Duration::from_millis(250)).await;
    }
}
