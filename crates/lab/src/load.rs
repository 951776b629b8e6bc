//! Many requests in a bounded time, counted by who answered.
//!
//! ```no_run
//! # async fn example(envoy: std::net::SocketAddr) -> Result<(), String> {
//! use fairlead_lab::{client::{Client, Request}, load::{self, Load}};
//! let report = Load::count(1_000).run(|| Client::new(envoy), |_| Request::get("/").host("reviews")).await;
//! load::within(0.8, report.answers(), report.by_version("v1"), 4.0)?;
//! # Ok(()) }
//! ```

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use http::StatusCode;
use tokio::task::JoinSet;

use crate::client::{Client, Failure, Request};

/// How much load, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pace: Pace,
    workers: u32,
    within: Duration,
}

#[derive(Clone, Copy, Debug)]
enum Pace {
    /// This number of requests, each worker as fast as it can.
    Count(u64),
    /// This number of requests a second for a time. A request is due at its time whether or not the previous one has
    /// been answered; if no worker is free it is sent late, and its latency still counts from its due time.
    PerSecond(u32, Duration),
}

impl Load {
    /// `n` requests, four at a time.
    pub fn count(n: u64) -> Self {
        Self { pace: Pace::Count(n), workers: 4, within: Duration::from_secs(60) }
    }

    /// `rate` requests a second for `time`, up to sixteen at a time.
    pub fn per_second(rate: u32, time: Duration) -> Self {
        Self { pace: Pace::PerSecond(rate, time), workers: 16, within: time + Duration::from_secs(30) }
    }

    /// Up to `workers` requests at a time, each worker with a client of its own.
    #[must_use]
    pub fn workers(mut self, workers: u32) -> Self {
        self.workers = workers.max(1);
        self
    }

    /// Ends after `within` even if requests are left; the report then counts those that were made.
    #[must_use]
    pub fn within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }

    /// Runs the load: `client` makes the client of a worker, `request` the request with a number.
    ///
    /// # Panics
    /// If `request` panics.
    pub async fn run(
        self,
        client: impl Fn() -> Client,
        request: impl Fn(u64) -> Request + Send + Sync + 'static,
    ) -> Report {
        let started = Instant::now();
        let next = Arc::new(AtomicU64::new(0));
        let request = Arc::new(request);
        let mut workers = JoinSet::new();
        for _ in 0..self.workers {
            workers.spawn(self.work(client(), started, next.clone(), request.clone()));
        }
        let mut report = Report::default();
        while let Some(part) = workers.join_next().await {
            report.merge(part.expect("only `request` can panic in a worker"));
        }
        report.took = started.elapsed();
        report
    }

    async fn work(
        self,
        client: Client,
        started: Instant,
        next: Arc<AtomicU64>,
        request: Arc<impl Fn(u64) -> Request>,
    ) -> Report {
        let mut report = Report::default();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(due) = self.due(number) else { return report };
            tokio::time::sleep_until((started + due).into()).await;
            if started.elapsed() > self.within {
                return report;
            }
            let begin = if due.is_zero() { Instant::now() } else { started + due };
            let answer = client.send(&request(number)).await;
            report.add(answer, begin.elapsed());
        }
    }

    /// When the request with this number is due, from the start; `None` after the last.
    fn due(&self, number: u64) -> Option<Duration> {
        match self.pace {
            Pace::Count(n) => (number < n).then_some(Duration::ZERO),
            Pace::PerSecond(rate, time) => {
                let due = Duration::from_nanos(number * 1_000_000_000 / u64::from(rate.max(1)));
                (due < time).then_some(due)
            }
        }
    }
}

/// The result of a [`Load`].
#[derive(Clone, Debug, Default)]
pub struct Report {
    statuses: BTreeMap<u16, u64>,
    /// Answers by service and version, if they name them.
    answerers: BTreeMap<(String, String), u64>,
    failures: BTreeMap<&'static str, u64>,
    first_failure: Option<String>,
    latencies: Vec<Duration>,
    took: Duration,
}

impl Report {
    /// How many requests were made.
    pub fn requests(&self) -> u64 {
        self.answers() + self.failures()
    }

    /// How many were answered, with any status.
    pub fn answers(&self) -> u64 {
        self.statuses.values().sum()
    }

    /// How many had no answer.
    pub fn failures(&self) -> u64 {
        self.failures.values().sum()
    }

    /// How many had no answer, by [`Failure::reason`].
    pub fn failures_by_reason(&self) -> &BTreeMap<&'static str, u64> {
        &self.failures
    }

    /// How many were answered with `status`.
    pub fn status(&self, status: StatusCode) -> u64 {
        self.statuses.get(&status.as_u16()).copied().unwrap_or(0)
    }

    /// Answers by status.
    pub fn by_status(&self) -> &BTreeMap<u16, u64> {
        &self.statuses
    }

    /// How many `service` answered.
    pub fn by_service(&self, service: &str) -> u64 {
        self.answerers.iter().filter(|((name, _), _)| name == service).map(|(_, n)| n).sum()
    }

    /// How many `version` of any service answered.
    pub fn by_version(&self, version: &str) -> u64 {
        self.answerers.iter().filter(|((_, name), _)| name == version).map(|(_, n)| n).sum()
    }

    /// Answers by service and version.
    pub fn answerers(&self) -> &BTreeMap<(String, String), u64> {
        &self.answerers
    }

    /// The latency that `share` (0 to 1) of the answers did not exceed; zero without answers.
    pub fn latency(&self, share: f64) -> Duration {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index into as many latencies as fit into memory, rounded on purpose"
        )]
        let index = (share.clamp(0.0, 1.0) * sorted.len() as f64).ceil() as usize;
        sorted.get(index.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// How long the whole run took.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// Fails, with the whole report, unless each request was answered with 200.
    ///
    /// # Errors
    /// The report as text.
    pub fn all_ok(&self) -> Result<(), String> {
        if self.requests() > 0 && self.status(StatusCode::OK) == self.requests() {
            Ok(())
        } else {
            Err(self.to_string())
        }
    }

    fn add(&mut self, answer: Result<crate::client::Answer, Failure>, latency: Duration) {
        match answer {
            Ok(answer) => {
                *self.statuses.entry(answer.status.as_u16()).or_default() += 1;
                if let (Some(service), Some(version)) = (answer.service(), answer.version()) {
                    *self.answerers.entry((service.to_owned(), version.to_owned())).or_default() += 1;
                }
                self.latencies.push(latency);
            }
            Err(failure) => {
                *self.failures.entry(failure.reason()).or_default() += 1;
                self.first_failure.get_or_insert_with(|| failure.to_string());
            }
        }
    }

    fn merge(&mut self, other: Self) {
        for (status, n) in other.statuses {
            *self.statuses.entry(status).or_default() += n;
        }
        for (answerer, n) in other.answerers {
            *self.answerers.entry(answerer).or_default() += n;
        }
        for (reason, n) in other.failures {
            *self.failures.entry(reason).or_default() += n;
        }
        self.first_failure = self.first_failure.take().or(other.first_failure);
        self.latencies.extend(other.latencies);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} requests in {:?}, answers by status {:?}",
            self.requests(),
            self.took,
            self.statuses
        )?;
        writeln!(f, "answered by {:?}", self.answerers)?;
        writeln!(f, "latency p50 {:?}, p99 {:?}", self.latency(0.5), self.latency(0.99))?;
        match &self.first_failure {
            None => Ok(()),
            Some(first) => writeln!(f, "without answer {:?}, the first: {first}", self.failures),
        }
    }
}

/// Whether `observed` of `n` fits an event of probability `share`: within `sigmas` standard deviations of the
/// binomial distribution, and half an event for its steps.
///
/// With 4 sigmas a correct share fails once in about 16,000 times.
///
/// # Errors
/// The bounds and what was observed, as text.
pub fn within(share: f64, n: u64, observed: u64, sigmas: f64) -> Result<(), String> {
    let (low, high) = bounds(share, n, sigmas);
    if (low..=high).contains(&observed) {
        return Ok(());
    }
    Err(format!(
        "{observed} of {n}, expected {low} to {high} ({share} of them, {sigmas} standard deviations)"
    ))
}

/// The least and the greatest count that [`within`] accepts.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "counts of requests are far below 2^52, and the bounds are clamped to 0 and n"
)]
pub fn bounds(share: f64, n: u64, sigmas: f64) -> (u64, u64) {
    let count = n as f64;
    let mean = count * share;
    let spread = sigmas * (count * share * (1.0 - share)).sqrt() + 0.5;
    ((mean - spread).ceil().max(0.0) as u64, (mean + spread).floor().min(count) as u64)
}

#[cfg(test)]
mod tests;
