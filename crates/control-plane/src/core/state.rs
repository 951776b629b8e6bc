//! The engine and everything that only its thread touches, and methods to read it.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use fairlead_config::{Diagnostic, SourceId};
use fairlead_incremental::{ChangeSet, Db, Lease};
use fairlead_model::{diagnostics::AllDiagnostics, input};
use fairlead_resource::TypeUrl;
use fairlead_translate::{
    origins::Which,
    publication::{PublicationKey, Told, ViewKey, origins},
};
use fairlead_xds::{Publication, Runs};
use tokio::sync::watch;

#[cfg(feature = "fault-injection")]
use super::fault::Fault;
use super::{
    bridge::Bridge,
    nacks::{Nacked, Nacks},
    objects::Objects,
    publish::Revisions,
    readiness::Readiness,
    refused::Refusals,
    sources::Sources,
    views::{Arrival, Views},
};
use crate::{
    clock::Clock,
    debounce::Debounce,
    diagnostics::{Ledger, listed},
    metrics::Metrics,
    settings::Settings,
};

/// The engine and everything that only its thread touches.
pub struct Core {
    pub(super) db: Db,
    pub(super) objects: Objects,
    pub(super) views: Views,
    /// The resources that views share, encoded.
    pub(super) runs: Arc<Runs>,
    /// Proxies that wait for the first configuration, or for more urgent work to be done.
    pub(super) waiting: VecDeque<Arrival>,
    /// Time for which unneeded values are kept if there is no further revision: a proxy that reconnects finds them.
    pub(super) view_grace: Duration,
    /// Maximum number of views made for one client.
    pub(super) max_views: usize,
    /// When to release unneeded values.
    pub(super) idle_due: Option<Instant>,
    pub(super) sources: Sources,
    /// When the oldest pending change arrived.
    pub(super) pending_since: Option<Instant>,
    pub(super) debounce: Debounce,
    pub(super) bridge: Bridge,
    pub(super) refused: Refusals,
    /// Whether the first configuration was settled.
    pub(super) ready: bool,
    pub(super) clock: Clock,
    /// When the current hour of the clock ends.
    pub(super) hour_due: Instant,
    pub(super) began: Instant,
    pub(super) model_diagnostics: Lease<AllDiagnostics>,
    pub(super) nacks: Nacks,
    pub(super) ledger: Ledger,
    pub(super) metrics: Arc<Metrics>,
    pub(super) revisions: Arc<Revisions>,
    pub(super) readiness: watch::Sender<Readiness>,
    #[cfg(feature = "fault-injection")]
    pub(super) faults: Vec<Fault>,
    /// How many proxies waited when the last round began.
    #[cfg(test)]
    pub(super) waiting_at_last_round: usize,
}

/// An engine with the indexes and settings that every mesh has.
pub(crate) fn engine(settings: &Settings) -> Db {
    let mut db = Db::new();
    fairlead_model::indexes::register(&mut db);
    let mut changes = ChangeSet::new();
    changes.set::<input::MeshSettings>((), Arc::new(settings.model()));
    db.apply(changes);
    db
}

impl Core {
    pub(super) fn new(
        settings: &Settings,
        sources: Vec<SourceId>,
        metrics: Arc<Metrics>,
        clock: Clock,
        revisions: Arc<Revisions>,
        readiness: watch::Sender<Readiness>,
    ) -> Self {
        let mut db = engine(settings);
        let model_diagnostics = db.lease::<AllDiagnostics>(&());
        Self {
            db,
            model_diagnostics,
            objects: Objects::default(),
            views: Views::default(),
            runs: Arc::default(),
            waiting: VecDeque::new(),
            view_grace: settings.xds.view_grace.0,
            max_views: settings.xds.max_views_per_client,
            idle_due: None,
            sources: Sources::registered(sources),
            pending_since: None,
            // A source itself waits for the minimum quiet time, so a lone change must not wait again.
            debounce: Debounce::new(Duration::ZERO, settings.debounce.max.0),
            bridge: Bridge::new(settings.source.reference_grace.0, &settings.mesh.domain),
            refused: Refusals::default(),
            ready: false,
            hour_due: Instant::now() + clock.until_next_hour(),
            clock,
            began: Instant::now(),
            nacks: Nacks::default(),
            ledger: Ledger::default(),
            metrics,
            revisions,
            readiness,
            #[cfg(feature = "fault-injection")]
            faults: Vec::new(),
            #[cfg(test)]
            waiting_at_last_round: 0,
        }
    }

    /// The latest objects.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// The findings that hold now.
    pub fn diagnostics(&self) -> &Arc<[Diagnostic]> {
        self.ledger.current()
    }

    /// The engine.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// The newest publication for a connected proxy.
    pub fn latest(&self, key: &PublicationKey) -> Option<Arc<Publication>> {
        self.views.proxies.get(key).map(|proxy| proxy.served.borrow().latest())
    }

    /// The view of a connected proxy.
    pub fn view_of(&self, key: &PublicationKey) -> Option<&ViewKey> {
        self.views.proxies.get(key).map(|proxy| &proxy.view)
    }

    /// The origins of resources of a connected proxy.
    pub fn origins(&mut self, key: &PublicationKey, type_url: TypeUrl, which: &Which) -> Told {
        let Some(view) = self.view_of(key).cloned() else { return Told::default() };
        self.db.ask(|cx| origins(cx, &view, type_url, which))
    }

    /// How many distinct views there are.
    pub fn view_count(&self) -> usize {
        self.views.len()
    }

    /// The rejected contents that are still published.
    pub fn nacked(&self) -> Vec<Nacked> {
        self.nacks.known.values().cloned().collect()
    }

    /// Logs new findings, and updates the metrics.
    pub(super) fn note_findings(&mut self) {
        self.nacks.retain_published(&self.views);
        let all = self.findings();
        self.ledger.update(all);
        self.metrics.diagnostics(self.ledger.current());
    }

    pub(super) fn findings(&self) -> Vec<Diagnostic> {
        let mut all = self.model_diagnostics.value(&self.db).to_vec();
        all.extend(self.nacks.diagnostics());
        all.extend(self.bridge.diagnostics());
        for diagnostic in &mut all {
            self.objects.relocate(diagnostic);
        }
        // A source may have read a newer text than that of the object in use, which is then the last good one.
        all.extend(self.sources.diagnostics().cloned());
        all.extend(self.sources.duplicates(&self.objects));
        listed(all)
    }

    pub(super) fn note_sizes(&self) {
        self.metrics.sizes(&self.db, &self.objects, self.views.len(), self.nacks.len());
    }
}
