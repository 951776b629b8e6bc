//! The handle by which other threads use the core.

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

/// Maximum number of members of a set whose origins are computed at once, so that other events wait for milliseconds
/// only.
const SLICE: usize = 256;

/// The origins of resources, by their names.
pub type OriginsByName = BTreeMap<ResourceName, ResourceOrigins>;

/// A question to the core, for administration. It clones what it needs and returns at once.
pub(crate) type Look = Box<dyn FnOnce(&mut Core) + Send>;

/// The only events of the core, apart from the end of the quiet time and of an hour of the clock.
pub(crate) enum Event {
    /// A source has an update.
    Source(SourceId, SourceUpdate),
    /// A proxy requests its view; it waits until there is a first configuration.
    Connect(Arrival),
    /// This proxy has gone.
    Disconnect(PublicationKey),
    /// This proxy has rejected something.
    Nack { key: PublicationKey, proxy: String, report: NackReport },
    /// A proxy has accepted what it had rejected because its machine lacked something.
    Healed { type_url: TypeUrl, resources: Vec<Rejected> },
    /// A question is to be answered.
    Inspect(Look),
    /// The core has to end.
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

    /// Passes an update of a source to the core.
    pub(crate) fn source_update(&self, source: &SourceId, update: SourceUpdate) -> Result<(), CoreGone> {
        self.tell(Event::Source(source.clone(), update))
    }

    /// The view of a proxy, once there is a first configuration, and the views to which it moves. It is kept until the
    /// same number of [`CoreHandle::disconnect`]s follow. `client` is its address, where clients are distinguished.
    ///
    /// # Errors
    /// If the core has ended, or the client has reached its limit of views.
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

    /// The result of `look`, run between two steps of the core. It should clone and return: formatting belongs outside.
    ///
    /// # Errors
    /// If the core has ended.
    pub async fn inspect<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Core) -> T + Send + 'static,
    ) -> Result<T, CoreGone> {
        self.ask(|core| look(core)).await
    }

    /// The origins of all resources of a type that a connected proxy is sent, by name. They are computed in slices,
    /// with other events of the core between them.
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

    /// The result of `question`, run between two steps of the core.
    ///
    /// # Errors
    /// If the core has ended.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Core) -> T + Send + 'static,
    ) -> Result<T, CoreGone> {
        let (reply, seen) = oneshot::channel();
        let look = move |core: &mut Core| {
            // The caller may have gone.
            let _ = reply.send(question(core));
        };
        self.tell(Event::Inspect(Box::new(look)))?;
        seen.await.map_err(|_dropped| CoreGone)
    }

    /// Replaces the faults, for publications from now on. Earlier ones stay as they are.
    ///
    /// # Errors
    /// If the core has ended.
    #[cfg(feature = "fault-injection")]
    pub async fn inject(&self, faults: Vec<Fault>) -> Result<(), CoreGone> {
        self.ask(|core| core.faults = faults).await
    }

    /// The readiness of the core, as it changes.
    pub fn readiness(&self) -> watch::Receiver<Readiness> {
        self.readiness.clone()
    }

    /// The times at which recent revisions began.
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
