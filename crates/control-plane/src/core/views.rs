//! Views of connected proxies, counted.

use std::{collections::BTreeMap, sync::Arc};

use fairlead_incremental::{Lease, RootId};
use fairlead_translate::publication::{PublicationKey, PublicationOf};
use fairlead_xds::{Publication, server::View};
use tokio::sync::oneshot;

use super::{Core, publish::publication};

/// So many views may go before their values are dropped without grace. A roll-out replaces proxies by others that
/// have another key each, while perhaps no configuration changes for days.
const DEPARTED: usize = 256;

/// One view.
pub(crate) struct Held {
    pub(crate) lease: Lease<PublicationOf>,
    pub(crate) view: Arc<View>,
    connections: usize,
}

/// The views of connected proxies.
#[derive(Default)]
pub(crate) struct Views {
    by_key: BTreeMap<PublicationKey, Held>,
    by_root: BTreeMap<RootId, PublicationKey>,
    /// How many went since values were dropped last.
    departed: usize,
}

impl Views {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// The view with this root.
    pub(crate) fn of_root(&self, root: RootId) -> Option<&Held> {
        self.by_key.get(self.by_root.get(&root)?)
    }

    /// The newest publication of a view.
    pub(crate) fn latest(&self, key: &PublicationKey) -> Option<Arc<Publication>> {
        self.by_key.get(key).map(|held| held.view.latest())
    }

    /// The newest publication of every view.
    pub(crate) fn publications(&self) -> impl Iterator<Item = Arc<Publication>> {
        self.by_key.values().map(|held| held.view.latest())
    }
}

impl Core {
    pub(super) fn connect(&mut self, key: &PublicationKey, reply: oneshot::Sender<Arc<View>>) {
        if !self.views.by_key.contains_key(key) {
            let lease = self.db.lease::<PublicationOf>(key);
            let view = publication(self.db.revision().0, &lease.value(&self.db));
            let held = Held { view: Arc::new(View::new(view)), connections: 0, lease };
            self.views.by_root.insert(held.lease.id(), key.clone());
            self.views.by_key.insert(key.clone(), held);
            self.note_sizes();
        }
        let held = self.views.by_key.get_mut(key).expect("it was inserted if it was not there");
        held.connections += 1;
        if reply.send(held.view.clone()).is_err() {
            // The proxy has gone while it waited; nobody else will say so.
            self.disconnect(key);
        }
    }

    pub(super) fn disconnect(&mut self, key: &PublicationKey) {
        let Some(held) = self.views.by_key.get_mut(key) else { return };
        held.connections -= 1;
        if held.connections > 0 {
            return;
        }
        let held = self.views.by_key.remove(key).expect("it was found just now");
        self.views.by_root.remove(&held.lease.id());
        self.db.release(held.lease);
        self.views.departed += 1;
        if self.views.departed >= DEPARTED {
            self.views.departed = 0;
            self.db.collect_garbage(0);
        }
        self.note_sizes();
    }
}
