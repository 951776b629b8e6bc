//! Resources that warm: the client acknowledges them when what completes them has come, and their users wait.
//!
//! Envoy's clusters warm until their endpoints have arrived. Their ACK is withheld meanwhile, so it is no sign that they
//! have been processed. What counts is the acknowledgement of a later response of a type that is acknowledged at once;
//! if none is under way, one is made.

use std::collections::BTreeSet;

use fairlead_resource::{ResourceName, TypeUrl, Types};

use super::{
    Session,
    holdings::Flight,
    ledger::Ledger,
    rules::{Beginning, Rules},
};
use crate::{
    Protocol, quirks,
    wire::{Nonce, SentVersions, delta_responses, whole_state},
};

/// Responses with resources that warm that may be unacknowledged at once.
const FLIGHTS: usize = 8;

/// What is known of the resources that warm.
#[derive(Clone, Copy)]
pub(super) struct Warming {
    type_url: TypeUrl,
    /// The type that completes them.
    by: TypeUrl,
    users: &'static [TypeUrl],
    /// The last response with some that the client has not yet been seen to have processed.
    unseen: Option<Nonce>,
    /// The client has some that warm, and will ask for their type when they no longer do.
    late: bool,
    /// An ACK was asked for to see whether it does.
    lateness_probed: bool,
}

impl Warming {
    /// Of the first type whose resources warm, if there is one.
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

    /// The client has processed everything up to this response.
    pub(super) fn seen(&mut self, nonce: Nonce) {
        if self.unseen.is_some_and(|unseen| unseen <= nonce) {
            self.unseen = None;
        }
    }

    /// Whether a type is asked for the first time by a client with resources that warm for its sake.
    pub(super) fn is_asked_early(&self, ledger: &Ledger, type_url: TypeUrl) -> bool {
        type_url == self.by && quirks::clusters_warm_on_reconnect(ledger.state(self.type_url))
    }

    /// What warms may have been sent before what completes it was asked for.
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

    fn someone_waits(&self, ledger: &Ledger) -> bool {
        let waits = |user: &TypeUrl| {
            let user = ledger.state(*user);
            user.requested && user.unsent_changes && user.flights.is_empty()
        };
        ledger.state(self.type_url).unsent_changes || self.users.iter().any(waits)
    }

    /// Whether a response of another type follows this one: its acknowledgement shows that both are processed.
    fn answer_due_after(&self, ledger: &Ledger, nonce: Nonce) -> bool {
        let others = ledger.types().iter().filter(|type_url| *type_url != self.type_url);
        others.into_iter().any(|other| ledger.state(other).flights.iter().any(|f| f.nonce > nonce))
    }
}

/// The types that are acknowledged at once and were asked for.
fn evidence(ledger: &Ledger) -> impl Iterator<Item = TypeUrl> {
    ledger
        .types()
        .iter()
        .filter(|type_url| ledger.of(*type_url).acknowledged_at_once && ledger.state(*type_url).requested)
}

impl Rules for Warming {
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

impl Session {
    /// Makes sure that the client will send something that ends a wait.
    pub(super) fn seek_evidence(&mut self) {
        if let Some(warming) = self.owners.warming
            && let Some(unseen) = warming.unseen
            && warming.someone_waits(&self.ledger)
            && !warming.answer_due_after(&self.ledger, unseen)
            && !self.probe()
        {
            self.owners.warming = Some(Warming { unseen: None, ..warming });
            self.push_users(warming.users);
        }
        self.seek_late();
        let ledger = &self.ledger;
        if ledger.resumed && !ledger.acked && ledger.states.iter().all(|s| s.flights.is_empty()) {
            let held_back = self.types().iter().find(|t| self.state(*t).unsent_removals);
            if let Some(type_url) = held_back {
                self.send_probe(type_url);
            }
        }
    }

    /// A client with resources that warmed when it came back asks for them about when it acknowledges what completes
    /// them; one round trip after that it would have. (It may have them from elsewhere.)
    fn seek_late(&mut self) {
        let Some(warming) = self.owners.warming else { return };
        let elements = self.types().element(warming.by);
        let waits = warming.late
            && self.ledger.resumed
            && !self.state(warming.type_url).requested
            && warming.someone_waits(&self.ledger)
            && self.state(warming.by).flights.is_empty()
            && elements.is_none_or(|of| self.state(of).flights.is_empty() && !self.awaits(of));
        if !waits {
            return;
        }
        if warming.lateness_probed {
            self.owners.warming = Some(Warming { late: false, ..warming });
            self.push_users(warming.users);
        } else {
            self.owners.warming = Some(Warming { lateness_probed: true, ..warming });
            self.send_probe(warming.by);
        }
    }

    fn push_users(&mut self, users: &[TypeUrl]) {
        for user in users {
            self.push(*user, self.of(*user).removal.is_none());
        }
    }

    /// Sends a response that changes nothing, for the sake of its acknowledgement. Returns whether one is due.
    fn probe(&mut self) -> bool {
        let types: Vec<_> = evidence(&self.ledger).collect();
        types
            .into_iter()
            .any(|type_url| !self.state(type_url).flights.is_empty() || self.send_probe(type_url))
    }

    /// An empty delta response, or something that a state-of-the-world client already has: an empty response
    /// of that variant would tell Envoy that endpoints are missing.
    fn send_probe(&mut self, type_url: TypeUrl) -> bool {
        let mut response = match self.ledger.protocol {
            Protocol::Delta => delta_responses(type_url, [], &[], usize::MAX).remove(0),
            Protocol::StateOfTheWorld => {
                let state = self.state(type_url);
                let held = state.root.values().find(|r| {
                    state.names.wants(&r.name)
                        && !state.deviations.contains_key(&r.name)
                        && !self.is_rejected(type_url, r)
                });
                let Some(held) = held else { return false };
                whole_state(type_url, [held])
            }
        };
        response.carried = SentVersions::default();
        self.send_unchanging(type_url, &response);
        true
    }
}

#[cfg(test)]
mod tests;
