//! How others speak to the core.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, mpsc},
};

use fairlead_config::{SourceId, SourceUpdate};
use fairlead_resource::{ResourceName, TypeUrl};
use fairlead_translate::{
    origins::{ResourceOrigins, Which},
    publication::PublicationKey,
};
use fairlead_xds::{NackReport, Rejected, server::View};
use tokio::sync::{oneshot, watch};

#[cfg(feature = "fault-injection")]
use super::fault::Fault;
use super::{
    publish::Revisions,
    readiness::{CoreGone, Readiness},
    state::Core,
    views::{Arrival, ConnectError},
};

/// Members of a set whose origins are told at once: what waits behind them waits for milliseconds.
const SLICE: usize = 256;

/// What resources were made from, by their names.
pub type OriginsByName = BTreeMap<ResourceName, ResourceOrigins>;

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
    /// The end.
    Shutdown,
}

/// A sender to the core. Cheap to clone.
#[derive(Clone)]
pub struct CoreHandle {
    events: mpsc::Sender<Event>,
    readiness: watch::Receiver<Readiness>,
    revisions: Arc<Revisions>,
}

impl CoreHandle {
    pub(super) fn new(
        events: mpsc::Sender<Event>,
        readiness: watch::Receiver<Readiness>,
        revisions: Arc<Revisions>,
    ) -> Self {
        Self { events, readiness, revisions }
    }

    /// Tells the core what one of its sources says.
    pub(crate) fn source_update(&self, source: &SourceId, update: SourceUpdate) -> Result<(), CoreGone> {
        self.tell(Event::Source(source.clone(), update))
    }

    /// The view of a proxy, once there is a first configuration, and the views that it moves to. It is kept until
    /// as many [`CoreHandle::disconnect`]s follow. `client` is where it comes from, as far as clients are told apart.
    ///
    /// # Errors
    /// If the core has ended, or the client has as many views as it may have.
    pub async fn connect(
        &self,
        key: PublicationKey,
        client: Option<IpAddr>,
    ) -> Result<watch::Receiver<Arc<View>>, ConnectError> {
        let (reply, view) = oneshot::channel();
        self.tell(Event::Connect(Arrival { key, client, reply }))?;
        view.await.map_err(|_dropped| CoreGone)?
    }

    /// The proxy has gone.
    pub fn disconnect(&self, key: PublicationKey) {
        // A core that has ended keeps no views.
        let _ = self.tell(Event::Disconnect(key));
    }

    pub(crate) fn nack(&self, key: PublicationKey, proxy: String, report: NackReport) {
        // A core that has ended reports nothing.
        let _ = self.tell(Event::Nack { key, proxy, report });
    }

    pub(crate) fn healed(&self, type_url: TypeUrl, resources: Vec<Rejected>) {
        // A core that has ended reports nothing.
        let _ = self.tell(Event::Healed { type_url, resources });
    }

    /// What `look` returns, from between two steps of the core. It should clone and return: formatting belongs
    /// outside.
    ///
    /// # Errors
    /// If the core has ended.
    pub async fn inspect<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Core) -> T + Send + 'static,
    ) -> Result<T, CoreGone> {
        self.ask(|core| look(core)).await
    }

    /// The origins of all resources of a type that a connected proxy is sent, by name. It is asked in slices, with other
    /// events of the core between them.
    ///
    /// # Errors
    /// If the core has ended.
    pub async fn origins(&self, key: &PublicationKey, type_url: TypeUrl) -> Result<OriginsByName, CoreGone> {
        let mut all = OriginsByName::new();
        for slice in 0.. {
            let (key, members) = (key.clone(), slice * SLICE..(slice + 1) * SLICE);
            let told = self.ask(move |core| core.origins(&key, type_url, &Which::Members(members))).await?;
            for (name, origins) in told.resources {
                all.entry(name).or_default().extend(origins);
            }
            if !told.is_cut {
                break;
            }
        }
        Ok(all)
    }

    /// What `question` returns, from between two steps of the core.
    ///
    /// # Errors
    /// If the core has ended.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Core) -> T + Send + 'static,
    ) -> Result<T, CoreGone> {
        let (reply, seen) = oneshot::channel();
        let look = move |core: &mut Core| {
            // Whoever asked may have gone.
            let _ = reply.send(question(core));
        };
        self.tell(Event::Inspect(Box::new(look)))?;
        seen.await.map_err(|_dropped| CoreGone)
    }

    /// Replaces the faults. What is published already stays as it is; what is published from now on has them.
    ///
    /// # Errors
    /// If the core has ended.
    #[cfg(feature = "fault-injection")]
    pub async fn inject(&self, faults: Vec<Fault>) -> Result<(), CoreGone> {
        self.ask(|core| core.faults = faults).await
    }

    /// Whether the core serves, now and later.
    pub fn readiness(&self) -> watch::Receiver<Readiness> {
        self.readiness.clone()
    }

    /// When recent revisions began.
    pub fn revisions(&self) -> &Revisions {
        &self.revisions
    }

    /// Ends the core.
    pub fn shut_down(&self) {
        // It may have ended already.
        let _ = self.tell(Event::Shutdown);
    }

    pub(super) fn tell(&self, event: Event) -> Result<(), CoreGone> {
        self.events.send(event).map_err(|_closed| CoreGone)
    }
}
