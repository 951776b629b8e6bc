//! Connected proxies, and the views that they share.
//!
//! What a proxy says of itself decides its view; proxies that look alike have one view, so that a change costs
//! once for them and not once for each. A change of the mesh can move a proxy to another view.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use fairlead_incremental::{Lease, RootId};
use fairlead_translate::publication::{PublicationKey, SetsOf, ViewKey, ViewOf};
use fairlead_xds::{Publication, server::View};
use tokio::sync::{oneshot, watch};

use super::Core;

/// So many proxies may go before their values are dropped without grace. A roll-out replaces proxies by others that
/// have another key each, while perhaps no configuration changes for days.
const DEPARTED: usize = 256;

/// What a proxy is served now, and from the next change that moves it on.
pub(crate) type Served = watch::Receiver<Arc<View>>;

/// A connected proxy.
struct Proxy {
    lease: Lease<ViewOf>,
    view: ViewKey,
    served: watch::Sender<Arc<View>>,
    connections: usize,
}

/// A view with its proxies.
struct Held {
    lease: Lease<SetsOf>,
    view: Arc<View>,
    proxies: usize,
}

/// Connected proxies and their views.
#[derive(Default)]
pub(crate) struct Views {
    proxies: BTreeMap<PublicationKey, Proxy>,
    proxy_of_root: BTreeMap<RootId, PublicationKey>,
    held: BTreeMap<ViewKey, Held>,
    view_of_root: BTreeMap<RootId, ViewKey>,
    /// How many proxies went since values were dropped last.
    departed: usize,
}

impl Views {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    /// The newest publication for a proxy.
    pub(crate) fn latest(&self, key: &PublicationKey) -> Option<Arc<Publication>> {
        self.proxies.get(key).map(|proxy| proxy.served.borrow().latest())
    }

    /// The view of a proxy.
    pub(crate) fn of_proxy(&self, key: &PublicationKey) -> Option<&ViewKey> {
        self.proxies.get(key).map(|proxy| &proxy.view)
    }

    /// The newest publication of every view.
    pub(crate) fn publications(&self) -> impl Iterator<Item = Arc<Publication>> {
        self.held.values().map(|held| held.view.latest())
    }
}

impl Core {
    pub(super) fn connect(&mut self, key: &PublicationKey, reply: oneshot::Sender<Served>) {
        if !self.views.proxies.contains_key(key) {
            let lease = self.db.lease::<ViewOf>(key);
            let view = (*lease.value(&self.db)).clone();
            let (served, _) = watch::channel(self.enter_view(&view));
            self.views.proxy_of_root.insert(lease.id(), key.clone());
            self.views.proxies.insert(key.clone(), Proxy { lease, view, served, connections: 0 });
            self.note_sizes();
        }
        let proxy = self.views.proxies.get_mut(key).expect("it was inserted if it was not there");
        proxy.connections += 1;
        if reply.send(proxy.served.subscribe()).is_err() {
            // The proxy has gone while it waited; nobody else will say so.
            self.disconnect(key);
        }
    }

    pub(super) fn disconnect(&mut self, key: &PublicationKey) {
        let Some(proxy) = self.views.proxies.get_mut(key) else { return };
        proxy.connections -= 1;
        if proxy.connections > 0 {
            return;
        }
        let proxy = self.views.proxies.remove(key).expect("it was found just now");
        self.views.proxy_of_root.remove(&proxy.lease.id());
        self.db.release(proxy.lease);
        self.leave_view(&proxy.view);
        self.views.departed += 1;
        if self.views.departed >= DEPARTED {
            self.views.departed = 0;
            self.db.collect_garbage(0);
        }
        // Perhaps nobody comes or goes for days.
        self.idle_due.get_or_insert_with(|| Instant::now() + self.view_grace);
        self.note_sizes();
    }

    /// Publishes to a view whose sets have changed. Returns whether the root is one.
    pub(super) fn publish_root(&mut self, root: RootId) -> bool {
        let Some(held) = self.views.view_of_root.get(&root).and_then(|key| self.views.held.get(key)) else {
            return false;
        };
        held.view.publish(self.publication_of(&held.lease.value(&self.db)));
        true
    }

    /// Moves a proxy that looks different now to the view that it belongs to.
    pub(super) fn move_proxy(&mut self, root: RootId) {
        let Some(key) = self.views.proxy_of_root.get(&root).cloned() else { return };
        let proxy = &self.views.proxies[&key];
        let view = (*proxy.lease.value(&self.db)).clone();
        if view == proxy.view {
            return;
        }
        let entered = self.enter_view(&view);
        let proxy = self.views.proxies.get_mut(&key).expect("it was found just now");
        proxy.served.send_replace(entered);
        let left = std::mem::replace(&mut proxy.view, view);
        self.leave_view(&left);
    }

    fn enter_view(&mut self, key: &ViewKey) -> Arc<View> {
        if !self.views.held.contains_key(key) {
            let lease = self.db.lease::<SetsOf>(key);
            let first = self.publication_of(&lease.value(&self.db));
            self.views.view_of_root.insert(lease.id(), key.clone());
            self.views.held.insert(key.clone(), Held { lease, view: Arc::new(View::new(first)), proxies: 0 });
        }
        let held = self.views.held.get_mut(key).expect("it was inserted if it was not there");
        held.proxies += 1;
        held.view.clone()
    }

    fn leave_view(&mut self, key: &ViewKey) {
        let held = self.views.held.get_mut(key).expect("a proxy's view is held as long as it has proxies");
        held.proxies -= 1;
        if held.proxies == 0 {
            let held = self.views.held.remove(key).expect("it was found just now");
            self.views.view_of_root.remove(&held.lease.id());
            self.db.release(held.lease);
        }
    }
}
