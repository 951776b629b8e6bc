//! Resources that warm: the client acknowledges them once what completes them has arrived, and their users wait.
//!
//! Envoy's clusters warm until their endpoints have arrived. Their ACK is withheld meanwhile, so it does not show when
//! they were processed. The acknowledgement of a later response of a type that is acknowledged at once does; if none is
//! under way, one is sent.

use std::collections::BTreeSet;

use fairlead_resource::{ResourceName, TypeUrl, Types};

use super::{
    holdings::Flight,
    ledger::Ledger,
    quirks,
    rules::{Beginning, Rules},
};
use crate::wire::Nonce;

/// Maximum number of unacknowledged responses with resources that warm.
const FLIGHTS: usize = 8;

/// State of the resources that warm.
#[derive(Clone, Copy)]
pub(super) struct Warming {
    pub(super) type_url: TypeUrl,
    /// The type that completes them.
    pub(super) by: TypeUrl,
    pub(super) users: &'static [TypeUrl],
    /// The last response with some that the client is not yet known to have processed.
    pub(super) unseen: Option<Nonce>,
    /// The client has some that warm, and will request their type once they no longer do.
    pub(super) late: bool,
    /// A probe was sent to see whether it does.
    pub(super) lateness_probed: bool,
}

impl Warming {
    /// For the first type whose resources warm, if there is one.
    pub(super) fn among(types: &Types) -> Option<Self> {
        let of = types.iter().map(|type_url| types.of(type_url)).find(|of| of.warmed_by.is_some())?;
        Some(Self {
            type_url: of.type_url,
            by: of.warmed_by?,
            users: of.users,
            unseen: None,
            late: false,
            lateness_probed: false,
        })
    }

    /// Notes that the client has processed everything up to this response.
    pub(super) fn seen(&mut self, nonce: Nonce) {
        if self.unseen.is_some_and(|unseen| unseen <= nonce) {
            self.unseen = None;
        }
    }

    /// Whether a type is requested for the first time by a client with resources that warm until it arrives.
    pub(super) fn is_asked_early(&self, ledger: &Ledger, type_url: TypeUrl) -> bool {
        type_url == self.by && quirks::clusters_warm_on_reconnect(ledger.state(self.type_url))
    }

    /// Accounts for resources that were sent before the type that completes them was requested.
    pub(super) fn complete_those_under_way(&self, ledger: &mut Ledger, begun: TypeUrl) {
        if begun != self.by {
            return;
        }
        let flights = &ledger.state(self.type_url).flights;
        let names: Vec<ResourceName> = flights.iter().flat_map(|f| f.carried.names().cloned()).collect();
        let by = ledger.state_mut(self.by);
        if !by.root.is_empty() {
            quirks::endpoints_follow_clusters(by, names.iter());
        }
    }

    pub(super) fn someone_waits(&self, ledger: &Ledger) -> bool {
        let waits = |user: &TypeUrl| {
            let user = ledger.state(*user);
            user.requested && user.unsent_changes && user.flights.is_empty()
        };
        ledger.state(self.type_url).unsent_changes || self.users.iter().any(waits)
    }

    /// Whether a response of another type follows this one: its acknowledgement shows that both are processed.
    pub(super) fn answer_due_after(&self, ledger: &Ledger, nonce: Nonce) -> bool {
        let others = ledger.types().iter().filter(|type_url| *type_url != self.type_url);
        others.into_iter().any(|other| ledger.state(other).flights.iter().any(|f| f.nonce > nonce))
    }
}

/// The requested types that are acknowledged at once.
pub(super) fn evidence(ledger: &Ledger) -> impl Iterator<Item = TypeUrl> {
    ledger
        .types()
        .iter()
        .filter(|type_url| ledger.of(*type_url).acknowledged_at_once && ledger.state(*type_url).requested)
}

impl Rules for Warming {
    fn concerns(&self, _: &Types, type_url: TypeUrl) -> bool {
        type_url == self.type_url || type_url == self.by || self.users.contains(&type_url)
    }

    fn may_send_ahead(&self, ledger: &Ledger, type_url: TypeUrl) -> bool {
        type_url == self.type_url
            && self.unseen.is_none()
            && evidence(ledger).next().is_some()
            && ledger.state(type_url).flights.len() < FLIGHTS
            && !ledger.state(type_url).repeats_rejected()
    }

    fn may_add(&self, ledger: &Ledger, type_url: TypeUrl) -> bool {
        let (these, by) = (ledger.state(self.type_url), ledger.state(self.by));
        !self.users.contains(&type_url)
            || (!these.unsent_changes
                && (these.requested || !self.late || !ledger.resumed)
                && self.unseen.is_none()
                && !by.flights.iter().any(|f| f.adds)
                && !by.deviations.values().any(|deviation| deviation.answer))
    }

    fn on_begin(&mut self, _: &mut Ledger, _: TypeUrl, beginning: &Beginning<'_>) -> BTreeSet<ResourceName> {
        self.late |= beginning.warming;
        BTreeSet::new()
    }

    fn on_sent(&mut self, ledger: &mut Ledger, type_url: TypeUrl, flight: &Flight) {
        if type_url == self.type_url && !flight.carried.is_empty() {
            self.unseen = Some(flight.nonce);
            quirks::endpoints_follow_clusters(ledger.state_mut(self.by), flight.carried.names());
        }
    }
}

#[cfg(test)]
mod tests;
