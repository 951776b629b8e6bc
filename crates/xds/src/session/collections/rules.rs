//! The rules for collections.

use std::{collections::BTreeSet, sync::Arc};

use fairlead_resource::{ResourceName, ResourceSet, TypeUrl, Types};

use super::{ASSIGNMENTS, Collections, ENDPOINTS, send_again};
use crate::{
    session::{
        holdings::Flight,
        ledger::Ledger,
        rules::{Beginning, Rules},
    },
    wire::EncodedResponse,
};

impl Rules for Collections {
    fn concerns(&self, types: &Types, type_url: TypeUrl) -> bool {
        [ASSIGNMENTS, ENDPOINTS].contains(&type_url) || types.of(TypeUrl::CLUSTER).users.contains(&type_url)
    }

    fn names(&self, type_url: TypeUrl) -> usize {
        if type_url == ENDPOINTS { self.opened.len() } else { 0 }
    }

    /// The assignment names the locality of a collection, so it is sent first.
    fn may_send(&self, ledger: &Ledger, type_url: TypeUrl) -> bool {
        type_url != ENDPOINTS || !ledger.state(ASSIGNMENTS).unsent_changes
    }

    fn may_add(&self, ledger: &Ledger, type_url: TypeUrl) -> bool {
        !ledger.of(TypeUrl::CLUSTER).users.contains(&type_url)
            || (self.fresh.is_empty() && !ledger.state(ENDPOINTS).flights.iter().any(|f| f.adds))
    }

    /// Assignments are unclear while it is unknown which of their collections the client knows.
    fn is_unclear(&self, type_url: TypeUrl) -> bool {
        type_url == ASSIGNMENTS && !self.full.is_empty()
    }

    /// No other type waits for one more endpoint of a collection.
    fn additions_are_awaited(&self, type_url: TypeUrl) -> bool {
        type_url != ENDPOINTS
    }

    fn due(
        &mut self,
        ledger: &mut Ledger,
        type_url: TypeUrl,
        current: &ResourceSet,
    ) -> Vec<Arc<[EncodedResponse]>> {
        if type_url != ENDPOINTS {
            return Vec::new();
        }
        self.keep_orphans(ledger, current);
        let wait = !self.may_send(ledger, type_url) || !ledger.state(type_url).flights.is_empty();
        if self.fresh.is_empty() || wait { Vec::new() } else { self.open_ones(ledger, current) }
    }

    fn awaits(&self, type_url: TypeUrl) -> bool {
        type_url == ENDPOINTS && !self.fresh.is_empty()
    }

    fn on_begin(
        &mut self,
        ledger: &mut Ledger,
        type_url: TypeUrl,
        beginning: &Beginning<'_>,
    ) -> BTreeSet<ResourceName> {
        if type_url != ASSIGNMENTS || !ledger.takes(ENDPOINTS) {
            return BTreeSet::new();
        }
        let again = self.resume(ledger, beginning.versions);
        if ledger.resumed || beginning.warming {
            self.close_unlisted(ledger, beginning);
        }
        again
    }

    fn on_leave(&mut self, type_url: TypeUrl, cluster: &ResourceName) {
        if type_url == ASSIGNMENTS {
            self.full.remove(cluster);
            self.forget(cluster);
        }
    }

    /// Collections opened before their assignment was sent again no longer count.
    fn on_sent(&mut self, ledger: &mut Ledger, type_url: TypeUrl, flight: &Flight) {
        if type_url != ASSIGNMENTS || !ledger.takes(ENDPOINTS) {
            return;
        }
        for cluster in flight.carried.names() {
            let sent = self.collected(ledger, cluster).is_some().then(|| self.next(cluster));
            if sent.is_some() || self.known.contains_key(cluster) {
                self.known.entry(cluster.clone()).or_default().sent = sent;
                self.stop_serving(ledger, cluster);
            }
        }
    }

    /// The client has accepted assignments as they were sent.
    fn on_answer(&mut self, ledger: &mut Ledger, type_url: TypeUrl, flight: &Flight, accepted: bool) {
        if type_url != ASSIGNMENTS || !accepted || self.knows_nothing() {
            return;
        }
        for cluster in flight.carried.names() {
            if self.full.remove(cluster) {
                send_again(ledger, cluster);
            }
            if let Some(epochs) = self.known.get_mut(cluster)
                && epochs.sent.is_some()
            {
                epochs.had = epochs.sent;
            }
        }
    }

    /// Excuses an assignment that was sent in full this time: the endpoint at fault will be found when the assignment
    /// is sent in its parent form.
    fn excuses(&mut self, type_url: TypeUrl, cluster: &ResourceName) -> bool {
        type_url == ASSIGNMENTS && self.full.remove(cluster)
    }
}
