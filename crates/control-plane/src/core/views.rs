//! Connected proxies, and the views that they share.
//!
//! A proxy's node decides its view; proxies with equal keys share one view, so that a change is computed once for all
//! of them. A change of the mesh can move a proxy to another view.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use fairlead_incremental::{Lease, RootId};
use fairlead_translate::publication::{PublicationKey, SetsOf, ViewKey, ViewOf};
use fairlead_xds::{Publication, server::View};
use tokio::sync::{oneshot, watch};

use super::readiness::CoreGone;

/// The view of a proxy, as it changes.
pub(crate) type Served = watch::Receiver<Arc<View>>;

/// A proxy that requests its view.
pub(crate) struct Arrival {
    pub(crate) key: PublicationKey,
    /// The client from which it connects, where clients are distinguished.
    pub(crate) client: Option<IpAddr>,
    pub(crate) reply: oneshot::Sender<Result<Served, ConnectError>>,
}

/// Why a proxy has no view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The core has ended.
    #[error(transparent)]
    Gone(#[from] CoreGone),
    /// Its client has reached its limit of views.
    #[error("the proxies of this address have {0} different views, as many as xds.maxViewsPerClient allows")]
    TooManyViews(usize),
}

/// A connected proxy.
pub(super) struct Proxy {
    pub(super) lease: Lease<ViewOf>,
    pub(super) client: Option<IpAddr>,
    pub(super) view: ViewKey,
    pub(super) served: watch::Sender<Arc<View>>,
    pub(super) connections: usize,
}

/// A view with its proxies.
pub(super) struct Held {
    pub(super) lease: Lease<SetsOf>,
    pub(super) view: Arc<View>,
    pub(super) proxies: usize,
    /// The client for whose proxy it was made.
    pub(super) made_for: Option<IpAddr>,
}

/// Connected proxies and their views.
#[derive(Default)]
pub(crate) struct Views {
    pub(super) proxies: BTreeMap<PublicationKey, Proxy>,
    pub(super) proxy_of_root: BTreeMap<RootId, PublicationKey>,
    pub(super) held: BTreeMap<ViewKey, Held>,
    pub(super) view_of_root: BTreeMap<RootId, ViewKey>,
    /// How many of them were made for each client.
    pub(super) made_for: BTreeMap<IpAddr, usize>,
    /// Number of proxies that have gone since values were last dropped.
    pub(super) departed: usize,
}

impl Views {
    /// The number of views.
    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    /// The newest publication of every view.
    pub(crate) fn publications(&self) -> impl Iterator<Item = Arc<Publication>> {
        self.held.values().map(|held| held.view.latest())
    }
}
