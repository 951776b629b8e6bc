//! Requests at a steady rate for as long as a test changes things, each with its time and its answerer.
//!
//! A change is *crossed* by the load if what was answered before it and what was answered after it differ as the
//! change says, and nothing in between was answered otherwise.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use fairlead_lab::{
    client::{Answer, Client, Failure, Request},
    deadline::eventually,
};
use http::StatusCode;
use tokio::task::JoinSet;

/// The rate that changes have to stand.
pub(crate) const RATE: u32 = 500;
/// How many requests are under way at once; a quarter of them by clients with a connection for each.
const WORKERS: u32 = 16;
/// How many answers before and after a change are enough to tell which they are.
const ENOUGH: usize = 100;
const WITHIN: Duration = Duration::from_secs(60);

/// What became of one request.
#[derive(Clone, Debug)]
struct Seen {
    /// When it was sent.
    sent: Instant,
    /// When it was answered, or given up.
    done: Instant,
    /// On a connection of its own.
    fresh: bool,
    /// The version that answered 200, or why not.
    outcome: Result<String, String>,
}

/// A steady load that runs until [`Traffic::end`].
pub(crate) struct Traffic {
    seen: Arc<Mutex<Vec<Seen>>>,
    stop: Arc<AtomicBool>,
    workers: JoinSet<()>,
    began: Instant,
}

/// All that a [`Traffic`] has seen.
pub(crate) struct Ended {
    seen: Vec<Seen>,
    took: Duration,
}

/// A stretch of time in which something was changed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    /// Before anything was done.
    pub(crate) began: Instant,
    /// When every Envoy had accepted what it brought.
    pub(crate) done: Instant,
}

impl Traffic {
    /// [`RATE`] requests a second: `client` makes the client of a worker, `request` every request.
    pub(crate) fn start(client: impl Fn() -> Client, request: &Request) -> Self {
        Self::trying(move || vec![client()], request)
    }

    /// As [`Traffic::start`], by clients that try several addresses in turn: one that cannot be connected to is
    /// passed over, as a load balancer in front of a gateway does. So is one that resets a new connection without
    /// an answer, which is what a socket that closes does to those that it has not accepted yet. After the last they
    /// try each once more: the first may have opened since it refused them, and the last closed for it.
    pub(crate) fn trying(clients: impl Fn() -> Vec<Client>, request: &Request) -> Self {
        let (seen, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (next, began) = (Arc::new(AtomicU64::new(0)), Instant::now());
        let mut workers = JoinSet::new();
        for worker in 0..WORKERS {
            let clients: Vec<Client> = clients();
            let fresh = worker % 4 == 0;
            let clients: Vec<Client> =
                if fresh { clients } else { clients.into_iter().map(Client::keep_alive).collect() };
            let (seen, stop, next, request) = (seen.clone(), stop.clone(), next.clone(), request.clone());
            workers.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let due = Duration::from_nanos(number * 1_000_000_000 / u64::from(RATE));
                    tokio::time::sleep_until((began + due).into()).await;
                    let sent = Instant::now();
                    let outcome = ask(&clients, &request).await;
                    let one = Seen { sent, done: Instant::now(), fresh, outcome };
                    seen.lock().expect("no worker panics with it").push(one);
                }
            });
        }
        Self { seen, stop, workers, began }
    }

    /// Makes a change while requests are under way: enough of them before it, and enough after it.
    pub(crate) async fn crosses(&self, change: impl Future<Output = ()>) -> Change {
        let start = Instant::now();
        self.answered_since(start).await;
        let began = Instant::now();
        change.await;
        let done = Instant::now();
        self.answered_since(done).await;
        Change { began, done }
    }

    /// Waits until enough requests that were sent after `then` are answered.
    async fn answered_since(&self, then: Instant) {
        eventually("requests are answered", WITHIN, || async {
            let seen = self.seen.lock().expect("no worker panics with it");
            let count = seen.iter().filter(|one| one.sent >= then).count();
            if count >= ENOUGH { Ok(()) } else { Err(format!("{count} requests")) }
        })
        .await
        .expect("the load goes on");
    }

    /// Stops sending, and waits for the last answers.
    pub(crate) async fn end(mut self) -> Ended {
        self.stop.store(true, Ordering::Relaxed);
        let took = self.began.elapsed();
        while let Some(ended) = self.workers.join_next().await {
            ended.expect("a worker does not panic");
        }
        let seen = std::mem::take(&mut *self.seen.lock().expect("no worker panics with it"));
        Ended { seen, took }
    }
}

/// The version that answers 200 at the first address that can be connected to.
async fn ask(clients: &[Client], request: &Request) -> Result<String, String> {
    let [client] = clients else {
        let mut refused = String::new();
        for client in clients.iter().chain(clients) {
            match client.send(request).await {
                Err(failure) if is_passed_over(&failure) => refused = failure.to_string(),
                outcome => return version(outcome),
            }
        }
        return Err(refused);
    };
    version(client.send(request).await)
}

/// Whether the next address is tried: nobody has read the request.
fn is_passed_over(failure: &Failure) -> bool {
    matches!(failure, Failure::Connect(_) | Failure::FirstExchange(_))
}

fn version(outcome: Result<Answer, Failure>) -> Result<String, String> {
    match outcome {
        Ok(answer) if answer.status == StatusCode::OK => Ok(answer.version().unwrap_or_default().to_owned()),
        Ok(answer) => Err(format!("{} {}", answer.status.as_u16(), answer.text())),
        Err(failure) => Err(failure.to_string()),
    }
}

impl Ended {
    /// Every request was answered 200.
    pub(crate) fn none_failed(&self, who: &str) {
        let mut failures: BTreeMap<&str, (usize, Duration)> = BTreeMap::new();
        let first = self.seen.iter().map(|one| one.sent).min();
        for one in &self.seen {
            if let Err(why) = &one.outcome {
                let after = first.map_or(Duration::ZERO, |first| one.sent.duration_since(first));
                failures.entry(why).or_insert((0, after)).0 += 1;
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a figure to be read")]
        let rate = self.seen.len() as f64 / self.took.as_secs_f64();
        eprintln!("    {who}: {} requests, {rate:.0} a second, failed: {failures:?}", self.seen.len());
        assert!(
            failures.is_empty(),
            "{who}: of {} requests failed (count, first after) {failures:?}",
            self.seen.len()
        );
    }

    /// The load crossed the changes: before the first the first version answered, between two of them the one that
    /// stands there, and after the last the last.
    pub(crate) fn saw(&self, who: &str, changes: &[Change], versions: &[&str]) {
        self.saw_those(who, changes, versions, |_| true);
    }

    /// As [`Ended::saw`], of requests on connections of their own: kept ones may stay with what is drained.
    pub(crate) fn saw_fresh(&self, who: &str, changes: &[Change], versions: &[&str]) {
        self.saw_those(who, changes, versions, |one| one.fresh);
    }

    fn saw_those(&self, who: &str, changes: &[Change], versions: &[&str], which: impl Fn(&Seen) -> bool) {
        assert_eq!(versions.len(), changes.len() + 1, "a version for each stretch of time");
        assert!(
            versions.windows(2).any(|two| two[0] != two[1]),
            "changes that no answer shows are not crossed"
        );
        for (number, version) in versions.iter().enumerate() {
            let (from, to) = (number.checked_sub(1).map(|last| changes[last]), changes.get(number));
            self.answered(who, version, |one| {
                which(one)
                    && from.is_none_or(|change| one.sent >= change.done)
                    && to.is_none_or(|change| one.done <= change.began)
            });
        }
    }

    /// Enough requests are `wanted` ones, and all of these were answered by `version`.
    fn answered(&self, who: &str, version: &str, wanted: impl Fn(&Seen) -> bool) {
        let these: Vec<_> = self.seen.iter().filter(|one| wanted(one)).collect();
        assert!(these.len() >= ENOUGH / 8, "{who}: only {} requests show `{version}`", these.len());
        let other = these.iter().find(|one| one.outcome.as_deref() != Ok(version));
        assert!(other.is_none(), "{who}: `{version}` was to answer, not {:?}", other.map(|one| &one.outcome));
    }
}
