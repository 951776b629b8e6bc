//! Connects and disconnects proxies, and moves them between views.

use std::{collections::btree_map::Entry, net::IpAddr, sync::Arc, time::Instant};

use fairlead_incremental::{RootId, Settled};
use fairlead_translate::publication::{PublicationKey, Sets, SetsOf, ViewKey, ViewOf};
use fairlead_xds::{Publication, server::View};
use tokio::sync::watch;

use super::{
    publish::publication,
    state::Core,
    views::{Arrival, ConnectError, Held, Proxy},
};

/// Number of departed proxies after which their values are dropped without grace. A roll-out replaces proxies by others
/// with different keys, perhaps without a change of configuration for days.
const DEPARTED: usize = 256;

impl Core {
    pub(super) fn connect(&mut self, arrival: Arrival) {
        let Arrival { key, client, reply } = arrival;
        if !self.views.proxies.contains_key(&key)
            && let Err(refused) = self.enter(&key, client)
        {
            // A proxy that has gone needs no answer.
            let _ = reply.send(Err(refused));
            return;
        }
        let proxy = self.views.proxies.get_mut(&key).expect("it was inserted if it was not there");
        proxy.connections += 1;
        if reply.send(Ok(proxy.served.subscribe())).is_err() {
            // The proxy went while it waited, so no disconnect will follow.
            self.disconnect(&key);
        }
    }

    /// Finds the view of a proxy that has none yet, or makes it if its client may have a further one.
    fn enter(&mut self, key: &PublicationKey, client: Option<IpAddr>) -> Result<(), ConnectError> {
        let lease = self.db.lease::<ViewOf>(key);
        let view = (*lease.value(&self.db)).clone();
        let made = client.and_then(|client| self.views.made_for.get(&client)).copied().unwrap_or(0);
        if made >= self.max_views && !self.views.held.contains_key(&view) {
            self.db.release(lease);
            self.give_back_soon();
            return Err(ConnectError::TooManyViews(made));
        }
        let (served, _) = watch::channel(self.enter_view(&view, client));
        self.views.proxy_of_root.insert(lease.id(), key.clone());
        self.views.proxies.insert(key.clone(), Proxy { lease, client, view, served, connections: 0 });
        self.note_sizes();
        Ok(())
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
        self.give_back_soon();
        self.note_sizes();
    }

    /// Schedules the release of values made for a proxy that has gone or was refused.
    fn give_back_soon(&mut self) {
        self.views.departed += 1;
        if self.views.departed >= DEPARTED {
            self.views.departed = 0;
            self.db.collect_garbage(0);
        }
        // There may be no other event for days.
        self.idle_due.get_or_insert_with(|| Instant::now() + self.view_grace);
    }

    /// Publishes to a view whose sets have changed. Returns whether the root is a view's.
    fn publish_root(&mut self, root: RootId) -> bool {
        let Some(held) = self.views.view_of_root.get(&root).and_then(|key| self.views.held.get(key)) else {
            return false;
        };
        held.view.publish(self.publication_of(&held.lease.value(&self.db)));
        true
    }

    /// Moves a proxy whose view key has changed to its new view.
    fn move_proxy(&mut self, root: RootId) {
        let Some(key) = self.views.proxy_of_root.get(&root).cloned() else { return };
        let proxy = &self.views.proxies[&key];
        let view = (*proxy.lease.value(&self.db)).clone();
        if view == proxy.view {
            return;
        }
        let client = proxy.client;
        let entered = self.enter_view(&view, client);
        let proxy = self.views.proxies.get_mut(&key).expect("it was found just now");
        proxy.served.send_replace(entered);
        let left = std::mem::replace(&mut proxy.view, view);
        self.leave_view(&left);
    }

    fn enter_view(&mut self, key: &ViewKey, client: Option<IpAddr>) -> Arc<View> {
        if !self.views.held.contains_key(key) {
            let lease = self.db.lease::<SetsOf>(key);
            let first = self.publication_of(&lease.value(&self.db));
            self.views.view_of_root.insert(lease.id(), key.clone());
            if let Some(client) = client {
                *self.views.made_for.entry(client).or_default() += 1;
            }
            let view = Arc::new(View::new(first));
            self.views.held.insert(key.clone(), Held { lease, view, proxies: 0, made_for: client });
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
            if let Some(client) = held.made_for
                && let Entry::Occupied(mut made) = self.views.made_for.entry(client)
            {
                *made.get_mut() -= 1;
                if *made.get() == 0 {
                    made.remove();
                }
            }
        }
    }

    /// The publication of a view's sets at the current revision.
    fn publication_of(&self, sets: &Sets) -> Publication {
        let publication = publication(self.db.revision().0, sets, &self.runs);
        #[cfg(feature = "fault-injection")]
        let publication = super::fault::spoilt(&self.faults, publication);
        publication
    }

    /// Publishes to the views that have changed, and moves proxies whose view key has changed. Returns how many views
    /// were published to.
    pub(super) fn publish(&mut self, settled: &Settled) -> usize {
        let published = settled.changed.iter().filter(|root| self.publish_root(root.id)).count();
        for root in &settled.changed {
            self.move_proxy(root.id);
        }
        published
    }
}
