//! Thousands of ADS clients in one process, each of which behaves as a sidecar's Envoy does.
//!
//! A client subscribes to CDS, to the EDS that the clusters name, then to LDS and the RDS, SDS and VHDS that
//! follow, and acknowledges each response by the rules of [`crate::fake_envoy`]. It is made to be cheap: what
//! it reads is decoded once for all clients, and it keeps numbers where a [`crate::fake_envoy::FakeEnvoy`]
//! keeps messages. So it can share a machine with the server whose limits it is to find.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use fairlead_resource::TypeUrl;
//! use fairlead_testkit::{crowd::{Awaited, Crowd, Profile}, fake_envoy::Protocol};
//! let within = Duration::from_secs(60);
//! let mut crowd = Crowd::new("127.0.0.1:15010".parse()?);
//! crowd.join_all((0..1000).map(|i| Profile::sidecar(i, &format!("ns-{}", i % 10), Protocol::Delta)));
//! crowd.wait_in_sync(within).await?;
//! let before = crowd.totals();
//! let watch = crowd.watch(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, None, Awaited::Change);
//! // ... one endpoint changes ...
//! crowd.wait_received(&watch, 1000, within).await?;
//! println!("{} bytes", (crowd.totals() - &before).bytes());
//! # Ok(()) }
//! ```

mod content;
mod line;
mod member;
mod profile;
mod request;
mod stats;
mod task;
mod watch;
mod wire;

use std::{
    fmt::Write as _,
    net::SocketAddr,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
    time::{Duration, Instant},
};

use fairlead_resource::TypeUrl;
use tokio::task::JoinHandle;

pub use profile::Profile;
pub use stats::Totals;
pub use watch::{Awaited, Watch};

use content::Library;
use fairlead_lab::deadline::{DeadlineExceeded, eventually};
use member::Member;
use stats::Counters;
use task::{Client, Order};
use watch::{Target, Watches};

/// How many reasons for which streams have ended are kept.
const KEPT_ENDS: usize = 100;

/// A crowd of clients of one server. They are numbered in the order in which they join, from 0.
///
/// Everything ends with this value. It runs in the tokio runtime that it is made in.
#[derive(Debug)]
pub struct Crowd {
    server: SocketAddr,
    shared: Arc<Shared>,
    clients: Vec<Handle>,
}

#[derive(Debug)]
struct Handle {
    member: Arc<Mutex<Member>>,
    counters: Arc<Counters>,
    orders: tokio::sync::watch::Sender<Order>,
    task: JoinHandle<()>,
}

/// What the clients share.
#[derive(Debug)]
struct Shared {
    began: Instant,
    library: Library,
    watches: Arc<Watches>,
    ends: Mutex<Vec<(usize, String)>>,
}

impl Crowd {
    /// A crowd without clients.
    pub fn new(server: SocketAddr) -> Self {
        let shared = Shared {
            began: Instant::now(),
            library: Library::default(),
            watches: Arc::default(),
            ends: Mutex::default(),
        };
        Self { server, shared: Arc::new(shared), clients: Vec::new() }
    }

    /// Adds a client; says its number.
    pub fn join(&mut self, profile: Profile) -> usize {
        let index = self.clients.len();
        let (protocol, reconnect_after) = (profile.protocol, profile.reconnect_after);
        let counters = Arc::new(Counters::default());
        let order = Order {
            server: Some(self.server),
            stream: 0,
            bytes_per_second: profile.bytes_per_second,
            dead: false,
        };
        let member = Arc::new(Mutex::new(profile.member()));
        let (orders, received) = tokio::sync::watch::channel(order);
        let client = Client {
            index,
            protocol,
            reconnect_after,
            member: member.clone(),
            counters: counters.clone(),
            shared: self.shared.clone(),
            orders: received,
        };
        self.clients.push(Handle { member, counters, orders, task: tokio::spawn(client.run()) });
        index
    }

    /// Adds clients all at once.
    pub fn join_all(&mut self, profiles: impl IntoIterator<Item = Profile>) {
        for profile in profiles {
            self.join(profile);
        }
    }

    /// Adds clients at a rate.
    ///
    /// # Panics
    /// If the rate is not above zero.
    pub async fn join_paced(&mut self, profiles: impl IntoIterator<Item = Profile>, per_second: f64) {
        let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / per_second));
        for profile in profiles {
            ticks.tick().await;
            self.join(profile);
        }
    }

    /// How many clients have joined.
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// Whether no client has joined.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Closes the connections of some clients, who stay away until [`Crowd::reconnect`]. What they hold they
    /// keep, as Envoy does.
    pub fn disconnect(&self, clients: Range<usize>) {
        self.order(clients, |order| order.server = None);
    }

    /// Gives some clients a new stream, all at once: to the server, or to another one from now on.
    pub fn reconnect(&self, clients: Range<usize>, server: Option<SocketAddr>) {
        let server = server.unwrap_or(self.server);
        self.order(clients, |order| {
            order.server = Some(server);
            order.stream += 1;
            order.dead = false;
        });
    }

    /// Some clients are gone without a trace: their connections stay open and silent, without any FIN.
    pub fn vanish(&self, clients: Range<usize>) {
        self.order(clients, |order| order.dead = true);
    }

    /// Gives some clients a line of so many bytes a second; 0 is without limit.
    pub fn throttle(&self, clients: Range<usize>, bytes_per_second: u64) {
        self.order(clients, |order| order.bytes_per_second = bytes_per_second);
    }

    fn order(&self, clients: Range<usize>, change: impl Fn(&mut Order)) {
        for client in &self.clients[clients] {
            client.orders.send_modify(&change);
        }
    }

    /// The sums over all clients.
    pub fn totals(&self) -> Totals {
        self.totals_of(0..self.clients.len())
    }

    /// The sums over some clients.
    pub fn totals_of(&self, clients: Range<usize>) -> Totals {
        let mut totals = Totals::default();
        for client in &self.clients[clients] {
            client.counters.add_to(&mut totals);
        }
        totals
    }

    /// Whether a client holds `name`.
    pub fn holds(&self, client: usize, kind: TypeUrl, name: &str) -> bool {
        let member = self.clients[client].member();
        let name = self.shared.library.open().id(name);
        member.holds(kind, name)
    }

    /// How many resources of a type a client holds.
    pub fn count(&self, client: usize, kind: TypeUrl) -> usize {
        self.clients[client].member().count(kind)
    }

    /// What a client still waits for, in words; empty if it has everything.
    pub fn lacks(&self, client: usize) -> String {
        let member = self.clients[client].member();
        member.lacks(&self.shared.library.open())
    }

    /// How long ago the crowd began: the clock of its [`Watch`]es and [`Totals`].
    pub fn clock(&self) -> Duration {
        self.shared.began.elapsed()
    }

    /// Begins to note when each of the clients that there are now receives a change: of the resource `name`,
    /// or of any of the type.
    pub fn watch(&self, kind: TypeUrl, name: Option<&str>, awaited: Awaited) -> Watch {
        let name = name.map(|name| self.shared.library.open().id(name));
        let times = (0..self.clients.len()).map(|_| AtomicU64::new(0)).collect();
        let target = Arc::new(Target { kind, name, awaited, times });
        self.shared.watches.add(target.clone());
        Watch { target, watches: self.shared.watches.clone() }
    }

    /// Waits until every client has a stream and all that it has been referred to.
    ///
    /// # Errors
    /// If some have not within the time; the error says what streams ended of.
    pub async fn wait_in_sync(&self, within: Duration) -> Result<(), DeadlineExceeded> {
        self.wait_in_sync_of(0..self.clients.len(), within).await
    }

    /// As [`Crowd::wait_in_sync`], for some clients.
    ///
    /// # Errors
    /// If some have not within the time.
    pub async fn wait_in_sync_of(
        &self,
        clients: Range<usize>,
        within: Duration,
    ) -> Result<(), DeadlineExceeded> {
        eventually("all in sync", within, async || {
            let all = clients.len();
            let count = self.clients[clients.clone()].iter().filter(|c| c.counters.is_in_sync()).count();
            let Some(first) = clients.clone().find(|i| !self.clients[*i].counters.is_in_sync()) else {
                return Ok(());
            };
            Err(format!("{count} of {all}; client {first} lacks {}{}", self.lacks(first), self.ends()))
        })
        .await
    }

    /// Waits until `clients` clients have received what `watch` waits for.
    ///
    /// # Errors
    /// If they have not within the time.
    pub async fn wait_received(
        &self,
        watch: &Watch,
        clients: usize,
        within: Duration,
    ) -> Result<(), DeadlineExceeded> {
        eventually("change received", within, async || {
            let count = watch.received();
            if count >= clients { Ok(()) } else { Err(format!("{count} of {clients}{}", self.ends())) }
        })
        .await
    }

    /// Waits until no client has received a response for `quiet`.
    ///
    /// # Errors
    /// If responses keep coming until the deadline.
    pub async fn wait_quiet(&self, quiet: Duration, within: Duration) -> Result<(), DeadlineExceeded> {
        let began = self.clock();
        eventually("quiet", within, async || {
            let last = self.totals().last_response.max(began);
            let still = self.clock().saturating_sub(last);
            if still >= quiet { Ok(()) } else { Err(format!("quiet for {still:?}")) }
        })
        .await
    }

    /// Clients whose streams, or attempts to open one, have ended without an order, with the reasons: the last
    /// hundred, newest first.
    pub fn lost_streams(&self) -> Vec<(usize, String)> {
        let ends = self.shared.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.iter().rev().cloned().collect()
    }

    fn ends(&self) -> String {
        let mut text = String::new();
        for (client, reason) in self.lost_streams().iter().take(3) {
            write!(text, "; client {client}: {reason}").expect("writing to a String does not fail");
        }
        text
    }
}

impl Handle {
    fn member(&self) -> MutexGuard<'_, Member> {
        self.member.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for client in &self.clients {
            client.task.abort();
        }
    }
}

impl Shared {
    /// Nanoseconds since the crowd began; never 0.
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX).max(1)
    }

    fn note_end(&self, client: usize, reason: String) {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        if ends.len() == KEPT_ENDS {
            ends.remove(0);
        }
        ends.push((client, reason));
    }
}
