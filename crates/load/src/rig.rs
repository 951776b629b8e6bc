//! A server with a mesh and a crowd, and the measurement of one change.

use std::time::Duration;

use fairlead_lab::deadline::eventually;
use fairlead_resource::TypeUrl;
use fairlead_testkit::{
    ads::Protocol,
    crowd::{Awaited, Crowd, Profile, Totals},
    meshgen::MeshSpec,
    proc::ProcessStats,
};

use crate::{
    report::{Row, count, figure, mb, ms},
    server::Server,
    settings::{Failure, Settings},
};

/// Maximum time for any step before the run is aborted.
pub(crate) const WITHIN: Duration = Duration::from_secs(300);
/// Maximum time for a change to reach all clients.
const CHANGE_WITHIN: Duration = Duration::from_secs(60);
/// Time without responses after which a change is complete.
const QUIET: Duration = Duration::from_millis(500);
/// Multiple of a round's cost within which the server takes another change for part of the same storm, with a margin.
const REST_FACTOR: u32 = 12;
/// Number of measurements of a change; the median counts.
const ROUNDS: usize = 5;

/// The kinds of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Sidecars of Pods that no service selects, spread over the namespaces.
    Sidecars,
    /// Sidecars of the mesh's Pods, each of a different service as far as possible.
    Pods,
    /// Replicas of one gateway.
    Gateways,
}

/// A server, its mesh and its clients.
pub(crate) struct Rig {
    pub(crate) server: Server,
    pub(crate) spec: MeshSpec,
    pub(crate) crowd: Crowd,
    /// This process.
    clients: ProcessStats,
    kind: Kind,
    protocol: Protocol,
}

/// The condition by which a change is awaited.
pub(crate) struct Awaits<'a> {
    pub(crate) kind: TypeUrl,
    pub(crate) name: Option<&'a str>,
    pub(crate) awaited: Awaited,
    pub(crate) clients: usize,
}

/// The cost of one change.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    pub(crate) last: Duration,
    pub(crate) median: Duration,
    pub(crate) settled: Duration,
    pub(crate) cpu: Duration,
    pub(crate) clients_cpu: Duration,
    pub(crate) totals: Totals,
    pub(crate) recomputed: f64,
    /// How many of them are views.
    pub(crate) views: f64,
    /// The queries that were recomputed.
    pub(crate) queries: Vec<String>,
    /// The time that the server took to compute and publish it, by its own clock.
    pub(crate) round: Duration,
    pub(crate) reached: usize,
}

impl Rig {
    pub(crate) async fn new(
        settings: &Settings,
        spec: MeshSpec,
        kind: Kind,
        protocol: Protocol,
    ) -> Result<Self, Failure> {
        let server = Server::start(&settings.binary, &spec).await?;
        let crowd = Crowd::new(server.xds);
        let clients = ProcessStats::of(std::process::id());
        Ok(Self { server, spec, crowd, clients, kind, protocol })
    }

    /// How many of the clients see service `i`.
    pub(crate) fn clients_that_see(&self, i: usize) -> usize {
        if self.spec.sidecar_services == 0 {
            return self.crowd.len();
        }
        let namespaces = self.spec.namespaces;
        let sees = |n: &usize| self.spec.sidecar_scope(*n).contains(&i);
        // Client `n` is in namespace `n % namespaces`.
        (0..namespaces).filter(sees).map(|n| (n..self.crowd.len()).step_by(namespaces).count()).sum()
    }

    /// The cost of the server before any client has connected.
    pub(crate) fn loaded(&self, row: &mut Row) -> Result<(), Failure> {
        row.set(figure::RSS_MB, mb(self.server.stats.rss()?));
        row.set(figure::PEAK_MB, mb(self.server.stats.peak_rss()?));
        row.set(figure::CPU_S, self.server.stats.cpu()?.as_secs_f64());
        row.set(figure::WALL_S, self.server.loaded_after.as_secs_f64());
        Ok(())
    }

    /// Brings `clients` clients in sync, all at once, and measures the cost.
    pub(crate) async fn sync(&mut self, clients: usize, row: &mut Row) -> Result<(), Failure> {
        let first = self.crowd.len();
        let profile = |i: usize| match self.kind {
            Kind::Sidecars => Profile::sidecar(i, &self.spec.namespace_of(i), self.protocol),
            Kind::Pods => Profile::pod(i, &self.spec, self.protocol),
            Kind::Gateways => Profile::gateway(i, &self.spec.namespace_of(0), "edge", self.protocol),
        };
        let profiles: Vec<_> = (first..first + clients).map(profile).collect();
        self.server.stats.reset_peak()?;
        let (cpu, clients_cpu) = (self.server.stats.cpu()?, self.clients.cpu()?);
        let began = self.crowd.clock();
        self.crowd.join_all(profiles);
        self.crowd.wait_in_sync(WITHIN).await?;
        let took = self.crowd.totals().last_response.saturating_sub(began);
        self.crowd.wait_quiet(QUIET, WITHIN).await?;
        row.set(figure::CPU_S, self.server.stats.cpu()?.saturating_sub(cpu).as_secs_f64());
        row.set(figure::CLIENTS_CPU_S, self.clients.cpu()?.saturating_sub(clients_cpu).as_secs_f64());
        row.set(figure::PEAK_MB, mb(self.server.stats.peak_rss()?));
        row.set(figure::RSS_MB, mb(self.server.stats.rss()?));
        row.set(figure::WALL_S, took.as_secs_f64());
        row.set(figure::FILES, count(self.server.stats.open_files()?));
        let totals = self.crowd.totals();
        row.set(figure::MB, mb(totals.bytes()));
        row.note = self.trouble(&totals);
        Ok(())
    }

    /// Measures a change several times, and undoes it each time; the median of each figure counts. `change` gets the
    /// number of the round, so that it can make each one different.
    pub(crate) async fn change(
        &self,
        row: &mut Row,
        awaits: &Awaits<'_>,
        change: impl Fn(&Server, usize) -> std::io::Result<()>,
        undo: impl Fn(&Server) -> std::io::Result<()>,
    ) -> Result<(), Failure> {
        let mut all = Vec::new();
        // The first round is not counted, since it warms the caches.
        for round in 0..=ROUNDS {
            let measured = match self.once(Some(awaits), || change(&self.server, round)).await {
                Ok(measured) => measured,
                // The other scenarios still have their figures; this one has none.
                Err(error) => {
                    row.note = format!("FAILED in round {round}: {error}");
                    return self.undo(|| undo(&self.server)).await;
                }
            };
            if round > 0 {
                all.push(measured);
            }
            self.undo(|| undo(&self.server)).await?;
        }
        row.set(figure::LAST_MS, ms(median(&all, |m| m.last)));
        row.set(figure::MEDIAN_MS, ms(median(&all, |m| m.median)));
        row.set(figure::SETTLED_MS, ms(median(&all, |m| m.settled)));
        row.set(figure::MB, mb(median(&all, |m| m.totals.bytes())));
        row.set(figure::CPU_S, median(&all, |m| m.cpu).as_secs_f64());
        row.set(figure::CLIENTS_CPU_S, median(&all, |m| m.clients_cpu).as_secs_f64());
        row.set(figure::ROUND_MS, ms(median(&all, |m| m.round)));
        row.set(figure::RECOMPUTED, all[all.len() / 2].recomputed);
        row.set(figure::CLIENTS, count(median(&all, |m| m.reached)));
        let last = all.last().map(|m| m.totals.clone()).unwrap_or_default();
        row.note = [last.by_type(), self.trouble(&last)]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("; ");
        Ok(())
    }

    /// Undoes a change, and waits until the server will treat the next one as a lone change.
    async fn undo(&self, undo: impl FnOnce() -> std::io::Result<()>) -> Result<(), Failure> {
        let before = self.server.metrics().await?;
        undo()?;
        let after = eventually("the undoing is applied", CHANGE_WITHIN, async || {
            let now = self.server.metrics().await.map_err(|error| error.to_string())?;
            if now.rounds() > before.rounds() { Ok(now) } else { Err("not yet".to_owned()) }
        })
        .await?;
        self.crowd.wait_quiet(QUIET, WITHIN).await?;
        let cost = Duration::from_secs_f64(after.rounds_took() - before.rounds_took());
        tokio::time::sleep(cost * REST_FACTOR).await;
        Ok(())
    }

    /// Makes one change, and waits until it has reached all clients and no more responses arrive.
    pub(crate) async fn once(
        &self,
        awaits: Option<&Awaits<'_>>,
        change: impl FnOnce() -> std::io::Result<()>,
    ) -> Result<Measured, Failure> {
        self.crowd.wait_quiet(QUIET, WITHIN).await?;
        let watch = awaits.map(|a| self.crowd.watch(a.kind, a.name, a.awaited.clone()));
        let (totals, before) = (self.crowd.totals(), self.server.metrics().await?);
        let cpu = self.server.stats.cpu_of_threads()?;
        let clients_cpu = self.clients.cpu_of_threads()?;
        let began = self.crowd.clock();
        change()?;
        if let (Some(awaits), Some(watch)) = (awaits, &watch) {
            self.crowd.wait_received(watch, awaits.clients, CHANGE_WITHIN).await?;
        }
        self.crowd.wait_quiet(QUIET, WITHIN).await?;
        let cpu = self.server.stats.cpu_of_threads()?.saturating_sub(cpu);
        let clients_cpu = self.clients.cpu_of_threads()?.saturating_sub(clients_cpu);
        let (after, metrics) = (self.crowd.totals(), self.server.metrics().await?);
        let times = watch.as_ref().map(fairlead_testkit::crowd::Watch::times).unwrap_or_default();
        let since = |time: Option<&Duration>| time.map_or(Duration::ZERO, |time| time.saturating_sub(began));
        Ok(Measured {
            last: since(times.last()),
            median: since(times.get(times.len() / 2)),
            settled: after.last_response.saturating_sub(began),
            cpu,
            clients_cpu,
            recomputed: metrics.recomputed() - before.recomputed(),
            views: metrics.views() - before.views(),
            queries: metrics.recomputed_since(&before),
            round: Duration::from_secs_f64(metrics.rounds_took() - before.rounds_took()),
            reached: times.len(),
            totals: after - &totals,
        })
    }

    /// Events that should not have happened.
    fn trouble(&self, totals: &Totals) -> String {
        let counts = [
            (totals.ends, "streams ended"),
            (totals.late_assignments, "assignments late"),
            (totals.lost_hosts, "hosts lost"),
        ];
        let counts = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}"));
        let last = self.crowd.lost_streams().into_iter().filter(|_| totals.ends > 0).take(1);
        let last = last.map(|(client, reason)| format!("the last was client {client}: {reason}"));
        counts.chain(last).collect::<Vec<_>>().join(", ")
    }
}

fn median<T: Ord>(all: &[Measured], of: impl Fn(&Measured) -> T) -> T {
    let mut values: Vec<_> = all.iter().map(of).collect();
    values.sort_unstable();
    values.swap_remove(values.len() / 2)
}
