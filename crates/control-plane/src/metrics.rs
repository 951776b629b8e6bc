//! Metrics: those of istiod that can be filled truthfully, under their names, and Fairlead's own.
//!
//! Counters of the core and the sessions are registered once; gauges are read on each scrape. No label carries a proxy
//! id or a host name.

mod collector;
mod distribution;
mod labels;
mod names;
mod plain;
mod process;
mod text;
mod triggers;

use std::{
    sync::{Arc, OnceLock, atomic::AtomicU64},
    time::{Duration, Instant},
};

use fairlead_config::{Diagnostic, Kind};
use fairlead_incremental::{Db, Settled};
use fairlead_resource::TypeUrl;
use fairlead_xds::server::Sessions;
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::Registry,
};

use crate::core::Objects;
use labels::{BuildLabels, DiagnosticLabels, KindLabel, QueryLabel, TypeLabel, signed, type_name};
pub(crate) use text::Form;
use triggers::{Exposed, Triggers};

/// Bounds of histograms, in seconds.
const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// All metrics.
pub struct Metrics {
    registry: Registry,
    sessions: Arc<OnceLock<Sessions>>,
    triggers: Arc<Triggers>,
    convergence: Histogram,
    acceptance: Histograms<TypeLabel>,
    debounce: Histogram,
    settle: Histogram,
    publish: Histogram,
    recomputed: Family<QueryLabel, Counter>,
    updates: Counter,
    changes: Counter,
    revision: Gauge,
    views: Gauge,
    nodes: Gauge,
    edges: Gauge,
    quarantined: Gauge,
    objects: Family<KindLabel, Gauge>,
    services: Gauge,
    virtual_services: Gauge,
    diagnostics: Family<DiagnosticLabels, Gauge>,
}

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// New metrics, all zero.
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let sessions = Arc::new(OnceLock::new());
        registry.register_collector(Box::new(collector::Live::new(sessions.clone(), Instant::now())));
        let to = &mut registry;
        let build = BuildLabels { component: "pilot", tag: env!("CARGO_PKG_VERSION") };
        names::BUILD.register(to, plain::One(build));
        to.register(names::INFO.name, names::INFO.help, Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        let triggers = Arc::<Triggers>::default();
        names::TRIGGERS.register(to, Exposed(triggers.clone()));
        Self {
            sessions,
            triggers,
            convergence: names::CONVERGENCE.register(to, seconds()),
            acceptance: names::ACCEPTANCE.register(to, Family::new_with_constructor(seconds)),
            debounce: names::DEBOUNCE.register(to, seconds()),
            settle: names::SETTLE.register(to, seconds()),
            publish: names::PUBLISH.register(to, seconds()),
            recomputed: names::RECOMPUTED.register(to, Family::default()),
            updates: names::SOURCE_UPDATES.register(to, Counter::<u64, AtomicU64>::default()),
            changes: names::SOURCE_CHANGES.register(to, Counter::default()),
            revision: names::REVISION.register(to, Gauge::default()),
            views: names::VIEWS.register(to, Gauge::default()),
            nodes: names::NODES.register(to, Gauge::default()),
            edges: names::EDGES.register(to, Gauge::default()),
            quarantined: names::QUARANTINED.register(to, Gauge::default()),
            objects: names::OBJECTS.register(to, Family::default()),
            services: names::SERVICES.register(to, Gauge::default()),
            virtual_services: names::VIRTUAL_SERVICES.register(to, Gauge::default()),
            diagnostics: names::DIAGNOSTICS.register(to, Family::default()),
            registry,
        }
    }

    /// All metrics in the OpenMetrics text format.
    ///
    /// # Panics
    /// Never: writing to a `String` does not fail.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)
            .expect("writing to a String does not fail, and no metric refuses to be encoded");
        text
    }

    /// All metrics in a text format.
    pub(crate) fn text(&self, form: Form) -> String {
        form.of(self.encode())
    }

    /// Sets the sessions, whose counts are read on each scrape.
    pub(crate) fn watch(&self, sessions: Sessions) {
        // A second server would be a bug in the caller; the first one stays.
        let _ = self.sessions.set(sessions);
    }

    pub(crate) fn source_update(&self, changes: usize) {
        self.updates.inc();
        self.changes.inc_by(changes as u64);
    }

    /// Counts a round of changes to objects of these kinds.
    pub(crate) fn triggered(&self, kinds: impl Iterator<Item = Kind>) {
        self.triggers.count(kinds);
    }

    pub(crate) fn round(
        &self,
        since: Instant,
        began: Instant,
        settled_at: Instant,
        ended: Instant,
        settled: &Settled,
    ) {
        self.debounce.observe((began - since).as_secs_f64());
        self.settle.observe((settled_at - began).as_secs_f64());
        self.publish.observe((ended - settled_at).as_secs_f64());
        for (query, count) in &settled.recomputed {
            self.recomputed.get_or_create(&QueryLabel { query }).inc_by(*count);
        }
    }

    pub(crate) fn accepted(&self, type_url: TypeUrl, after: Duration) {
        self.acceptance
            .get_or_create(&TypeLabel { r#type: type_name(type_url) })
            .observe(after.as_secs_f64());
    }

    pub(crate) fn converged(&self, after: Duration) {
        self.convergence.observe(after.as_secs_f64());
    }

    pub(crate) fn sizes(&self, db: &Db, objects: &Objects, views: usize, quarantined: usize) {
        let stats = db.stats();
        self.revision.set(signed(db.revision().0));
        self.nodes.set(signed(stats.nodes()));
        self.edges.set(signed(stats.edges()));
        self.views.set(signed(views));
        self.quarantined.set(signed(quarantined));
        for kind in Kind::ALL {
            let count = signed(objects.count(kind));
            self.objects.get_or_create(&KindLabel { kind: kind.as_str() }).set(count);
        }
        let services = objects.count(Kind::Service) + objects.count(Kind::ServiceEntry);
        self.services.set(signed(services));
        self.virtual_services.set(signed(objects.count(Kind::VirtualService)));
    }

    pub(crate) fn diagnostics(&self, current: &[Diagnostic]) {
        self.diagnostics.clear();
        for diagnostic in current {
            let (severity, code) = (diagnostic.severity.as_str(), diagnostic.code.as_str());
            self.diagnostics.get_or_create(&DiagnosticLabels { severity, code }).inc();
        }
    }
}

#[cfg(test)]
mod tests;
