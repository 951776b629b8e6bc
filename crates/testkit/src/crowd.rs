//! Thousands of ADS clients in one process, each of which behaves as a sidecar's Envoy does.
//!
//! Each is a [`crate::ads::Client`]. They share a library, so that contents are decoded once, and keep counts where a
//! [`crate::fake_envoy::FakeEnvoy`] keeps records. So they can share a machine with the server under test.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use fairlead_resource::TypeUrl;
//! use fairlead_testkit::{ads::Protocol, crowd::{Awaited, Crowd, Profile}};
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

mod profile;
mod shared;
mod stats;
mod task;
mod watch;

use std::{
    fmt::Write as _,
    net::SocketAddr,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
    time::Duration,
};

use fairlead_lab::deadline::{DeadlineExceeded, eventually};
use fairlead_resource::TypeUrl;
use tokio::task::JoinHandle;

pub use profile::Profile;
pub use stats::Totals;
pub use watch::{Awaited, Watch};

use crate::ads;

use shared::Shared;
use stats::Counters;
use task::{Order, Task};
use watch::Target;

/// A crowd of clients of one server. They are numbered in the order in which they join, from 0.
///
/// Everything ends with this value. It runs in the tokio runtime in which it is created.
#[derive(Debug)]
pub struct Crowd {
    server: SocketAddr,
    shared: Arc<Shared>,
    clients: Vec<Handle>,
}

#[derive(Debug)]
struct Handle {
    client: Arc<Mutex<ads::Client>>,
    counters: Arc<Counters>,
    orders: tokio::sync::watch::Sender<Order>,
    task: JoinHandle<()>,
}

impl Crowd {
    /// A crowd without clients.
    pub fn new(server: SocketAddr) -> Self {
        Self { server, shared: Arc::new(Shared::new()), clients: Vec::new() }
    }

    /// Adds a client; says its number.
    pub fn join(&mut self, profile: Profile) -> usize {
        let index = self.clients.len();
        let counters = Arc::new(Counters::default());
        let order = Order {
            server: Some(self.server),
            stream: 0,
            bytes_per_second: profile.bytes_per_second,
            dead: false,
        };
        let client = Arc::new(Mutex::new(ads::Client::new(profile.protocol, Some(profile.node))));
        let (orders, received) = tokio::sync::watch::channel(order);
        let task = Task {
            index,
            protocol: profile.protocol,
            acknowledges: profile.acknowledges,
            refuses: profile.refuses,
            reconnect_after: profile.reconnect_after,
            client: client.clone(),
            counters: counters.clone(),
            shared: self.shared.clone(),
            orders: received,
        };
        self.clients.push(Handle { client, counters, orders, task: tokio::spawn(task.run()) });
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

    /// Closes the connections of some clients, which stay away until [`Crowd::reconnect`]. They keep their resources.
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

    /// Lets some clients vanish: their connections stay open and silent, without any FIN.
    pub fn vanish(&self, clients: Range<usize>) {
        self.order(clients, |order| order.dead = true);
    }

    /// Limits some clients to a number of bytes a second; 0 is without limit.
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
        let client = self.clients[client].client();
        let name = self.shared.library().find(name);
        name.is_some_and(|name| client.held(kind, name).is_some())
    }

    /// How many resources of a type a client holds.
    pub fn count(&self, client: usize, kind: TypeUrl) -> usize {
        self.clients[client].client().all_held(kind).len()
    }

    /// A description of what a client still waits for; empty if it has everything.
    pub fn lacks(&self, client: usize) -> String {
        let client = self.clients[client].client();
        client.lacks(&self.shared.library())
    }

    /// The time since the crowd began: the clock of its [`Watch`]es and [`Totals`].
    pub fn clock(&self) -> Duration {
        self.shared.clock()
    }

    /// Begins to note when each present client receives a change: of the resource `name`, or of any of the type.
    pub fn watch(&self, kind: TypeUrl, name: Option<&str>, awaited: Awaited) -> Watch {
        let name = name.map(|name| self.shared.library().id(name));
        let times = (0..self.clients.len()).map(|_| AtomicU64::new(0)).collect();
        let target = Arc::new(Target { kind, name, awaited, times });
        self.shared.watches.add(target.clone());
        Watch { target, watches: self.shared.watches.clone() }
    }

    /// Waits until every client has a stream and all that it has been referred to.
    ///
    /// # Errors
    /// If some have not within the time; the error says why streams ended.
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

    /// Clients whose streams, or attempts to open one, have failed, with the reasons: the last hundred, newest first.
    pub fn lost_streams(&self) -> Vec<(usize, String)> {
        self.shared.ends()
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
    fn client(&self) -> MutexGuard<'_, ads::Client> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for client in &self.clients {
            client.task.abort();
        }
    }
}
