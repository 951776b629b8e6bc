//! A client of ADS that behaves as Envoy 1.40 does, without serving any traffic.
//!
//! It is a [`crate::ads::Client`] over a stream of its own, which keeps the contents, and records each response with
//! its size on the wire.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use fairlead_resource::TypeUrl;
//! use fairlead_testkit::fake_envoy::{FakeEnvoy, Options};
//! let envoy = FakeEnvoy::start(Options::new("127.0.0.1:15010".parse()?));
//! envoy.wait_for("routes", Duration::from_secs(5), |held| held.has(TypeUrl::ROUTE_CONFIGURATION, "80")).await?;
//! let mark = envoy.responses().len();
//! // ... one endpoint changes ...
//! envoy.wait_quiet(Duration::from_millis(200), Duration::from_secs(5)).await?;
//! assert_eq!(envoy.responses()[mark].names(), ["outbound|80||reviews.default.svc.cluster.local"]);
//! # Ok(()) }
//! ```

mod driver;
mod held;
mod options;
mod record;
mod shared;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use fairlead_lab::deadline::DeadlineExceeded;
use tokio::{sync::mpsc, task::JoinHandle, time::Instant};

pub use held::Held;
pub use options::{Judge, Options};
pub use record::ResponseRecord;

use crate::ads::{Client, Library};
use shared::{Command, Shared, State};

/// A running client. Dropping it closes its connection.
#[derive(Debug)]
pub struct FakeEnvoy {
    shared: Arc<Shared>,
    commands: mpsc::UnboundedSender<Command>,
    task: JoinHandle<()>,
}

impl FakeEnvoy {
    /// Starts a client, which connects at once. Must be called within a tokio runtime.
    pub fn start(options: Options) -> Self {
        let client = Client::new(options.protocol, Some(options.node.clone()));
        let shared = Arc::new(Shared::new(Held { client, library: Library::keeping_bytes() }));
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

    /// Closes the connection. The client keeps what it holds, as Envoy does.
    pub fn disconnect(&self) {
        self.tell(Command::Disconnect);
    }

    /// Opens a new stream, which lists what it holds. Closes the one before, if there is one.
    pub fn reconnect(&self) {
        self.tell(Command::Connect(None));
    }

    /// As [`FakeEnvoy::reconnect`], to another server: a second replica, or the first one restarted.
    pub fn reconnect_to(&self, server: SocketAddr) {
        self.tell(Command::Connect(Some(server)));
    }

    /// Stops taking responses off the stream, so that they pile up in the windows and then in the server.
    pub fn stop_reading(&self) {
        self.tell(Command::Reading(false));
    }

    /// Takes responses again.
    pub fn resume_reading(&self) {
        self.tell(Command::Reading(true));
    }

    /// Vanishes: the connection stays open and nothing is read or written any longer, not even the answer to a
    /// keepalive ping, as when a machine loses its power.
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
    /// If that does not happen within the time.
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
