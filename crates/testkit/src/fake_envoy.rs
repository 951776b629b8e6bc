//! A client of ADS that behaves as Envoy 1.40 does, without serving any traffic.
//!
//! It subscribes to CDS, to the EDS that the clusters name, then to LDS and the RDS, SDS and VHDS that follow,
//! acknowledges, keeps what it got, and records each response with its size on the wire. It does what makes
//! servers fail with real Envoys: it withholds the acknowledgement of CDS while a cluster waits for its
//! endpoints, drops virtual hosts that arrive before their table, and lists what it holds when it reconnects.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use fairlead_resource::TypeUrl;
//! use fairlead_testkit::fake_envoy::{FakeEnvoy, Options};
//! let envoy = FakeEnvoy::start(Options::new("http://127.0.0.1:15010"));
//! envoy.wait_for("routes", Duration::from_secs(5), |held| held.has(TypeUrl::ROUTE_CONFIGURATION, "80")).await?;
//! let mark = envoy.responses().len();
//! // ... one endpoint changes ...
//! envoy.wait_quiet(Duration::from_millis(200), Duration::from_secs(5)).await?;
//! assert_eq!(envoy.responses()[mark].names(), ["outbound|80||reviews.default.svc.cluster.local"]);
//! # Ok(()) }
//! ```

mod codec;
mod driver;
mod held;
mod link;
mod node;
pub(crate) mod references;
mod transport;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use envoy_types::pb::envoy::config::core::v3::Node;
use fairlead_resource::TypeUrl;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::Instant,
};
use tonic::transport::ClientTlsConfig;

pub use held::{Held, INITIAL_FETCH_TIMEOUT};
pub use node::node;

use fairlead_lab::deadline::DeadlineExceeded;

/// Which variant of ADS a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Incremental (`DELTA_GRPC`).
    Delta,
    /// State of the world (`GRPC`).
    Sotw,
}

/// Says why a response is refused, or `None` to take it.
pub type Judge = Arc<dyn Fn(&ResponseRecord) -> Option<String> + Send + Sync>;

/// How a [`FakeEnvoy`] connects and behaves.
#[derive(Clone)]
pub struct Options {
    /// The server, `http://<ip>:<port>` or `https://...`.
    pub server: String,
    /// The variant of ADS.
    pub protocol: Protocol,
    /// Who it says it is, once per stream.
    pub node: Node,
    /// gRPC metadata of each stream, such as `authorization`.
    pub metadata: Vec<(String, String)>,
    /// TLS settings, for `https`.
    pub tls: Option<ClientTlsConfig>,
    /// How long it waits before it acknowledges.
    pub ack_delay: Duration,
    /// Which responses it refuses.
    pub judge: Option<Judge>,
    /// How long after the end of a stream it opens another; it stays away if `None`.
    pub reconnect_after: Option<Duration>,
    /// Whether it keeps the bytes of resources; without them it keeps names, versions and references.
    pub keeps_bytes: bool,
}

impl Options {
    /// A delta client of `server`, a sidecar of workload `a` in namespace `default`, that keeps everything.
    pub fn new(server: &str) -> Self {
        Self {
            server: server.to_owned(),
            protocol: Protocol::Delta,
            node: node(
                "sidecar~10.0.0.1~a.default~default.svc.cluster.local",
                "a.default",
                &serde_json::json!({}),
            ),
            metadata: Vec::new(),
            tls: None,
            ack_delay: Duration::ZERO,
            judge: None,
            reconnect_after: None,
            keeps_bytes: true,
        }
    }

    /// Speaks `protocol`.
    #[must_use]
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// Refuses the responses for which `judge` gives a reason.
    #[must_use]
    pub fn refuse(
        mut self,
        judge: impl Fn(&ResponseRecord) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.judge = Some(Arc::new(judge));
        self
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} client {} of {}", self.protocol, self.node.id, self.server)
    }
}

/// One response of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseRecord {
    /// When it was read.
    pub at: Instant,
    /// The number of the stream that it came on, from 1.
    pub stream: u32,
    /// Its type URL.
    pub type_url: String,
    /// Names and versions of its resources, in its order.
    pub resources: Vec<(String, String)>,
    /// The names that it removes (delta only).
    pub removed: Vec<String>,
    /// Its size on the wire: the message and the five bytes before it, without HTTP/2 framing.
    pub bytes: usize,
    /// Its nonce.
    pub nonce: String,
    /// Why it was refused, if it was.
    pub refused: Option<String>,
}

impl ResponseRecord {
    /// The type, if it is one that Fairlead serves.
    pub fn kind(&self) -> Option<TypeUrl> {
        TypeUrl::parse(&self.type_url)
    }

    /// The names of its resources, in its order.
    pub fn names(&self) -> Vec<&str> {
        self.resources.iter().map(|(name, _)| name.as_str()).collect()
    }
}

/// A running client. Dropping it closes its connection.
#[derive(Debug)]
pub struct FakeEnvoy {
    shared: Arc<Shared>,
    commands: mpsc::UnboundedSender<Command>,
    task: JoinHandle<()>,
}

/// What the task and the handle share.
#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Counts changes of the state.
    changed: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    held: Held,
    responses: Vec<ResponseRecord>,
    /// Acknowledgements and refusals sent.
    answers: usize,
    streams: u32,
    connected: bool,
    /// How the last stream, or the last attempt to open one, ended.
    last_end: Option<String>,
}

/// What the handle tells the task.
#[derive(Debug)]
enum Command {
    Connect(Option<String>),
    Disconnect,
    Reading(bool),
    Vanish,
}

impl FakeEnvoy {
    /// Starts a client, which connects at once. Must be called within a tokio runtime.
    pub fn start(options: Options) -> Self {
        let state = State {
            held: Held::new(options.protocol, options.keeps_bytes),
            responses: Vec::new(),
            answers: 0,
            streams: 0,
            connected: false,
            last_end: None,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: watch::Sender::new(0) });
        let (commands, received) = mpsc::unbounded_channel();
        let task = tokio::spawn(driver::run(options, shared.clone(), received));
        Self { shared, commands, task }
    }

    /// What it holds now, given to `look`.
    pub fn held<T>(&self, look: impl FnOnce(&Held) -> T) -> T {
        look(&self.shared.state().held)
    }

    /// Every response so far, oldest first.
    pub fn responses(&self) -> Vec<ResponseRecord> {
        self.shared.state().responses.clone()
    }

    /// How many responses it has acknowledged or refused.
    pub fn answers(&self) -> usize {
        self.shared.state().answers
    }

    /// How many streams it has opened.
    pub fn streams(&self) -> u32 {
        self.shared.state().streams
    }

    /// Whether a stream is open.
    pub fn is_connected(&self) -> bool {
        self.shared.state().connected
    }

    /// How the last stream, or the last attempt to open one, ended.
    pub fn last_end(&self) -> Option<String> {
        self.shared.state().last_end.clone()
    }

    /// Closes the connection; what it holds it keeps, as Envoy does.
    pub fn disconnect(&self) {
        self.tell(Command::Disconnect);
    }

    /// Opens a new stream, which lists what it holds. Closes the one before, if there is one.
    pub fn reconnect(&self) {
        self.tell(Command::Connect(None));
    }

    /// As [`FakeEnvoy::reconnect`], to another server: a second replica, or the first one restarted.
    pub fn reconnect_to(&self, server: &str) {
        self.tell(Command::Connect(Some(server.to_owned())));
    }

    /// Stops taking responses off the stream, so that they pile up in the windows and then in the server.
    pub fn stop_reading(&self) {
        self.tell(Command::Reading(false));
    }

    /// Takes responses again.
    pub fn resume_reading(&self) {
        self.tell(Command::Reading(true));
    }

    /// Is gone without a trace: the connection stays open and nothing is read or written any more, not even
    /// the answer to a keepalive ping. As of a machine that lost its power.
    pub fn vanish(&self) {
        self.tell(Command::Vanish);
    }

    /// Waits until what it holds satisfies `wanted`.
    ///
    /// # Errors
    /// If it does not within the time; the error says what it holds.
    pub async fn wait_for(
        &self,
        what: &str,
        within: Duration,
        wanted: impl Fn(&Held) -> bool,
    ) -> Result<(), DeadlineExceeded> {
        self.wait(what, within, |state| wanted(&state.held)).await
    }

    /// Waits until at least `n` responses have come.
    ///
    /// # Errors
    /// If they do not within the time.
    pub async fn wait_responses(&self, n: usize, within: Duration) -> Result<(), DeadlineExceeded> {
        self.wait(&format!("{n} responses"), within, |state| state.responses.len() >= n).await
    }

    /// Waits until a stream is open, or until none is.
    ///
    /// # Errors
    /// If it does not come to that within the time.
    pub async fn wait_connected(&self, connected: bool, within: Duration) -> Result<(), DeadlineExceeded> {
        let what = if connected { "connected" } else { "disconnected" };
        self.wait(what, within, |state| state.connected == connected).await
    }

    /// Waits until no response has come for `quiet`.
    ///
    /// # Errors
    /// If responses keep coming until the deadline.
    pub async fn wait_quiet(&self, quiet: Duration, within: Duration) -> Result<(), DeadlineExceeded> {
        let deadline = Instant::now() + within;
        let mut changed = self.shared.changed.subscribe();
        loop {
            let seen = self.shared.state().responses.len();
            let still = tokio::time::sleep(quiet);
            tokio::pin!(still);
            loop {
                tokio::select! {
                    () = &mut still => return Ok(()),
                    () = tokio::time::sleep_until(deadline) => return Err(self.missed("quiet", within)),
                    Ok(()) = changed.changed() => if self.shared.state().responses.len() != seen { break },
                }
            }
        }
    }

    async fn wait(
        &self,
        what: &str,
        within: Duration,
        wanted: impl Fn(&State) -> bool,
    ) -> Result<(), DeadlineExceeded> {
        let mut changed = self.shared.changed.subscribe();
        let seen = async {
            while !wanted(&self.shared.state()) {
                if changed.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::time::timeout(within, seen).await.map_err(|_| self.missed(what, within))
    }

    fn missed(&self, what: &str, within: Duration) -> DeadlineExceeded {
        let state = self.shared.state();
        let last = format!(
            "{} responses, {}, connected: {}, last end: {:?}",
            state.responses.len(),
            state.held.summary(),
            state.connected,
            state.last_end,
        );
        DeadlineExceeded { what: what.to_owned(), within, last }
    }

    fn tell(&self, command: Command) {
        // The task ends only with the handle.
        self.commands.send(command).expect("the client's task runs as long as its handle lives");
    }
}

impl Drop for FakeEnvoy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and wakes those who wait for a change.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state());
        self.changed.send_modify(|count| *count += 1);
        result
    }
}
