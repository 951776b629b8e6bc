//! The core loop: one thread owns the engine; changes go in, publications come out.
//!
//! Why one thread: a revision is applied, settled and published as one step, so no proxy ever sees half of a change,
//! and nothing here needs a lock. To use the core, other threads send it events.

mod blame;
mod bridge;
mod connect;
#[cfg(feature = "fault-injection")]
mod fault;
mod handle;
mod nacks;
mod objects;
mod publish;
mod readiness;
mod refused;
mod sources;
mod state;
mod views;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::Instant,
};

use fairlead_config::{SourceId, SourceUpdate};
use fairlead_incremental::ChangeSet;
use fairlead_model::input;
use tokio::sync::watch;

use crate::{clock::Clock, metrics::Metrics, settings::Settings, telemetry};

#[cfg(feature = "fault-injection")]
pub use fault::Fault;
use handle::Event;
pub use handle::{CoreHandle, OriginsByName};
pub use nacks::Nacked;
pub use objects::Objects;
pub use publish::{Revisions, find, publication, whole_of};
pub use readiness::{CoreGone, Readiness};
pub(crate) use refused::Refusals;
pub use state::Core;
pub(crate) use state::engine;
pub(crate) use views::ConnectError;

/// Number of revisions for which unread values are kept: a proxy that reconnects finds them.
const GRACE: u64 = 8;

/// Maximum number of events taken before the clock is checked.
const BURST: usize = 256;

/// Starts the thread of the core. It serves as soon as all `sources` are synced; if several have an object, the first
/// source's is used.
///
/// # Errors
/// If the system cannot start a thread.
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
        // A panic is a bug in a computation. It poisons the engine, so the core cannot continue: it is logged, and the
        // owner of the process sees `Readiness::Failed` and ends it. Proxies keep what they have. The queue is dropped
        // with the core, so that sending to a dead core fails.
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

impl Core {
    /// Takes events until the end. [`Event`] lists the possible ones.
    ///
    /// A proxy that connects may cost a whole view, so proxies are admitted one by one, after everything else: changes
    /// must not be delayed for the connected proxies.
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

    /// Does what is due: a round, or else the view of one waiting proxy.
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
            // A proxy that has gone meanwhile needs no view.
            if !arrival.reply.is_closed() {
                self.connect(arrival);
            }
        } else if is_due(self.idle_due) {
            self.give_back();
        }
    }

    /// When something is due without a further event.
    fn due(&self) -> Instant {
        let others = self.debounce.due().into_iter().chain(self.bridge.due()).chain(self.idle_due);
        others.fold(self.hour_due, Instant::min)
    }

    /// Releases what is no longer needed.
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
            Event::Shutdown => unreachable!("the loop ends with it"),
        }
    }

    fn source_update(&mut self, source: &SourceId, update: SourceUpdate) {
        let now = Instant::now();
        self.metrics.source_update(update.changes.len());
        self.sources.take(source, update);
        // Before all sources are synced, a round would publish an incomplete mesh.
        if self.sources.are_synced() {
            self.pending_since.get_or_insert(now);
            self.debounce.changed(now);
        }
    }

    /// Applies the pending changes, settles, and publishes what is different.
    fn round(&mut self) {
        let began = Instant::now();
        let since = self.pending_since.take().unwrap_or(began);
        let before = self.objects.clone();
        let batch = self.sources.apply(&mut self.objects);
        let changes = batch.len();
        self.metrics.triggered(batch.iter().map(|change| change.key().kind));
        // The first configuration is used as it is, so that it is the same on each replica.
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
}

#[cfg(test)]
mod tests;
