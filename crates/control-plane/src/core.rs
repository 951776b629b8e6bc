//! The core loop: one thread owns the engine; changes go in, publications come out.
//!
//! Why one thread: a revision is applied, settled and published as one step, so no proxy ever sees half of a change,
//! and nothing here needs a lock. Whoever wants something of the core sends it an event.

mod bridge;
#[cfg(feature = "fault-injection")]
mod fault;
mod handle;
mod look;
mod nacks;
mod objects;
mod publish;
mod refused;
mod sources;
mod views;

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use fairlead_config::{Diagnostic, SourceId, SourceUpdate};
use fairlead_incremental::{ChangeSet, Db, Lease};
use fairlead_model::{diagnostics::AllDiagnostics, input};
use fairlead_resource::TypeUrl;
use fairlead_translate::publication::PublicationKey;
use fairlead_xds::{NackReport, Rejected, Runs};
use tokio::sync::watch;

use crate::{
    clock::Clock,
    debounce::Debounce,
    diagnostics::{Ledger, listed},
    metrics::Metrics,
    settings::Settings,
    telemetry,
};

use bridge::Bridge;
#[cfg(feature = "fault-injection")]
pub use fault::Fault;
pub use handle::{CoreGone, CoreHandle, OriginsByName, Readiness};
pub use nacks::Nacked;
use nacks::Nacks;
pub use objects::Objects;
pub use publish::{Revisions, find, publication, whole_of};
pub(crate) use refused::Refusals;
use sources::Sources;
use views::Views;
pub(crate) use views::{Arrival, ConnectError};

/// For how many revisions values are kept that nobody reads any more: a proxy that reconnects finds them.
const GRACE: u64 = 8;

/// How many events are taken before the clock is looked at.
const BURST: usize = 256;

/// What the core is asked to look at, for administration. It clones what it needs and returns at once.
pub(crate) type Look = Box<dyn FnOnce(&mut Core) + Send>;

/// The only things that can happen to the core, besides that the quiet time ends, or an hour of the clock.
pub(crate) enum Event {
    /// A source has news.
    Source(SourceId, SourceUpdate),
    /// A proxy wants its view; it waits until there is a first configuration.
    Connect(Arrival),
    /// This proxy has gone.
    Disconnect(PublicationKey),
    /// This proxy has rejected something.
    Nack { key: PublicationKey, proxy: String, report: NackReport },
    /// A proxy has accepted what it had rejected for what its machine lacked.
    Healed { type_url: TypeUrl, resources: Vec<Rejected> },
    /// Somebody wants to look.
    Inspect(Look),
    /// What is published is to have these faults.
    #[cfg(feature = "fault-injection")]
    Inject { faults: Vec<Fault>, reply: tokio::sync::oneshot::Sender<()> },
    /// The end.
    Shutdown,
}

/// Proxies that want their view, in the order in which they came.
type Waiting = VecDeque<Arrival>;

/// The engine and everything that only its thread touches.
pub struct Core {
    db: Db,
    objects: Objects,
    views: Views,
    /// What views have in common, encoded.
    runs: Arc<Runs>,
    /// Proxies that wait: for the first configuration, and for what is more urgent.
    waiting: Waiting,
    /// How long values are kept that no proxy needs any more, if no revision comes: a proxy that reconnects finds them.
    view_grace: Duration,
    /// How many views may be made for one client.
    max_views: usize,
    /// When to give them back.
    idle_due: Option<Instant>,
    sources: Sources,
    /// When the oldest pending change came.
    pending_since: Option<Instant>,
    debounce: Debounce,
    bridge: Bridge,
    refused: Refusals,
    /// Whether the first configuration was settled.
    ready: bool,
    clock: Clock,
    /// When the hour of the clock ends.
    hour_due: Instant,
    began: Instant,
    model_diagnostics: Lease<AllDiagnostics>,
    nacks: Nacks,
    ledger: Ledger,
    metrics: Arc<Metrics>,
    revisions: Arc<Revisions>,
    readiness: watch::Sender<Readiness>,
    #[cfg(feature = "fault-injection")]
    faults: Vec<Fault>,
    /// How many proxies waited when the last round began.
    #[cfg(test)]
    waiting_at_last_round: usize,
}

/// Starts the thread of the core. It serves as soon as all `sources` have told everything; if several have an object,
/// that of the first of them is used.
///
/// # Errors
/// If the system has no thread left.
pub(crate) fn start(
    settings: &Settings,
    sources: Vec<SourceId>,
    metrics: Arc<Metrics>,
    clock: Clock,
) -> std::io::Result<(CoreHandle, JoinHandle<()>)> {
    let (events, received) = mpsc::channel();
    let readiness = watch::Sender::new(Readiness::Waiting);
    let revisions = Arc::new(Revisions::default());
    let handle = CoreHandle::new(events, readiness.subscribe(), revisions.clone());
    let core_settings = settings.clone();
    let thread = std::thread::Builder::new().name("core".to_owned()).spawn(move || {
        let failed = readiness.clone();
        // A panic is a bug in a computation. The engine is poisoned by it, so there is nothing to go on with: it is
        // logged, and the owner of the process sees `Readiness::Failed` and ends it. Proxies keep what they have.
        // The queue goes with the core, so that whoever sends to a dead one is told.
        let result = catch_unwind(AssertUnwindSafe(move || {
            Core::new(&core_settings, sources, metrics, clock, revisions, readiness).run(&received);
            drop(received);
        }));
        if let Err(panic) = result {
            let message = panic_message(&*panic);
            telemetry::core_failed(&message);
            failed.send_replace(Readiness::Failed(message.into()));
        }
    })?;
    Ok((handle, thread))
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
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
    fn new(
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
            waiting: Waiting::new(),
            view_grace: settings.xds.view_grace.0,
            max_views: settings.xds.max_views_per_client,
            idle_due: None,
            sources: Sources::registered(sources),
            pending_since: None,
            // A source gathers for the shortest quiet time by itself; a lone change waits no second time.
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

    /// Takes events until the end. What can happen is listed at [`Event`].
    ///
    /// A proxy that connects may cost a whole view, so they come in one by one, and behind everything else: what
    /// has changed is not kept from those who are there.
    fn run(mut self, events: &mpsc::Receiver<Event>) {
        loop {
            let now = Instant::now();
            let due = self.due();
            let comes = self.ready && !self.waiting.is_empty();
            let first = if due <= now || comes {
                events.try_recv().map_err(|empty| match empty {
                    mpsc::TryRecvError::Empty => mpsc::RecvTimeoutError::Timeout,
                    mpsc::TryRecvError::Disconnected => mpsc::RecvTimeoutError::Disconnected,
                })
            } else {
                events.recv_timeout(due.saturating_duration_since(now))
            };
            match first {
                Ok(event) => {
                    for event in std::iter::once(event).chain(events.try_iter()).take(BURST) {
                        if matches!(event, Event::Shutdown) {
                            return;
                        }
                        self.take(event);
                    }
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
            }
            self.tend();
        }
    }

    /// Does what is due: a round, or else one of those who wait.
    fn tend(&mut self) {
        let now = Instant::now();
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let hour_ends = self.hour_due <= now;
        if hour_ends {
            self.hour_due = now + self.clock.until_next_hour();
        }
        if is_due(self.debounce.due()) || is_due(self.bridge.due()) || hour_ends && self.ready {
            #[cfg(test)]
            {
                self.waiting_at_last_round = self.waiting.len();
            }
            self.round();
        } else if self.ready
            && let Some(arrival) = self.waiting.pop_front()
        {
            // Whoever has gone meanwhile needs nothing.
            if !arrival.reply.is_closed() {
                self.connect(arrival);
            }
        } else if is_due(self.idle_due) {
            self.give_back();
        }
    }

    /// When there is something to be done without a further event.
    fn due(&self) -> Instant {
        let others = self.debounce.due().into_iter().chain(self.bridge.due()).chain(self.idle_due);
        others.fold(self.hour_due, Instant::min)
    }

    /// Gives back what nobody needs any more.
    fn give_back(&mut self) {
        self.idle_due = None;
        let dropped = self.db.collect_garbage(0);
        telemetry::collected(dropped);
        self.note_sizes();
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Source(source, update) => self.source_update(&source, update),
            Event::Connect(arrival) => self.waiting.push_back(arrival),
            Event::Disconnect(key) => self.disconnect(&key),
            Event::Nack { key, proxy, report } => self.nack(&key, &proxy, &report),
            Event::Healed { type_url, resources } => self.healed(type_url, resources),
            Event::Inspect(look) => look(self),
            #[cfg(feature = "fault-injection")]
            Event::Inject { faults, reply } => {
                self.faults = faults;
                // Whoever asked may have gone.
                let _ = reply.send(());
            }
            Event::Shutdown => unreachable!("the loop ends with it"),
        }
    }

    fn source_update(&mut self, source: &SourceId, update: SourceUpdate) {
        let now = Instant::now();
        self.metrics.source_update(update.changes.len());
        self.sources.take(source, update);
        // Until everything was told, a round would publish a mesh with holes.
        if self.sources.are_synced() {
            self.pending_since.get_or_insert(now);
            self.debounce.changed(now);
        }
    }

    /// Applies what is pending, settles, publishes what is different.
    fn round(&mut self) {
        let began = Instant::now();
        let since = self.pending_since.take().unwrap_or(began);
        let before = self.objects.clone();
        let batch = self.sources.apply(&mut self.objects);
        let changes = batch.len();
        self.metrics.triggered(batch.iter().map(|change| change.key().kind));
        // What is there at the start is used as it is: it is the same on each replica.
        let batch = if self.ready { self.bridge.pass(batch, &before, &self.objects, began) } else { batch };

        let span = tracing::info_span!("settle", revision = tracing::field::Empty);
        let _in_span = span.enter();
        let mut set = ChangeSet::new();
        input::apply(batch, &mut set);
        input::set_now(self.clock.now(), &mut set);
        self.refused.update(self.sources.diagnostics(), &self.objects, &mut set);
        let before = self.db.revision();
        let revision = self.db.apply(set);
        span.record("revision", revision.0);
        if revision != before {
            self.revisions.began(revision.0, since);
        }
        let settled = self.db.settle();
        let settled_at = Instant::now();
        let views = self.publish(&settled);
        let ended = Instant::now();

        self.debounce.applied(began, ended);
        self.metrics.round(since, began, settled_at, ended, &settled);
        if !self.ready {
            self.become_ready();
        } else if changes > 0 {
            telemetry::settled(revision.0, changes, settled.total_recomputed(), views, ended - began);
        }
        self.note_findings();
        let dropped = self.db.collect_garbage(GRACE);
        if dropped > 0 {
            telemetry::collected(dropped);
        }
        self.note_sizes();
    }

    fn become_ready(&mut self) {
        self.ready = true;
        self.readiness.send_replace(Readiness::Ready);
        telemetry::synced(self.objects.len(), self.began.elapsed());
    }

    /// What is found now goes to the log where it is new, and to the metrics.
    fn note_findings(&mut self) {
        self.nacks.retain_published(&self.views);
        let all = self.findings();
        self.ledger.update(all);
        self.metrics.diagnostics(self.ledger.current());
    }

    fn findings(&self) -> Vec<Diagnostic> {
        let mut all = self.model_diagnostics.value(&self.db).to_vec();
        all.extend(self.nacks.diagnostics());
        all.extend(self.bridge.diagnostics());
        for diagnostic in &mut all {
            self.objects.relocate(diagnostic);
        }
        // A source has read a text that may be newer than the object in use, which is then the last good one.
        all.extend(self.sources.diagnostics().cloned());
        all.extend(self.sources.duplicates(&self.objects));
        listed(all)
    }

    fn note_sizes(&self) {
        self.metrics.sizes(&self.db, &self.objects, self.views.len(), self.nacks.len());
    }
}

#[cfg(test)]
mod tests;
