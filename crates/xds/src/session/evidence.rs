//! Ensures that the client will send something that ends a wait.

use fairlead_resource::TypeUrl;

use super::{
    stream::Session,
    warming::{Warming, evidence},
};
use crate::{
    Protocol,
    wire::{SentVersions, delta_responses, whole_state},
};

impl Session {
    /// Ensures that the client will send something that ends a wait.
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

    /// A client whose resources were warming when it reconnected requests their type at about the time at which it
    /// acknowledges what completes them. If it has not one round trip later, it may have them from elsewhere.
    fn seek_late(&mut self) {
        let Some(warming) = self.owners.warming.filter(|warming| warming.late) else { return };
        let elements = self.types().element(warming.by);
        let waits = self.ledger.resumed
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

    /// Sends a response without changes to get its acknowledgement. Returns whether one is due.
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
                whole_state(type_url, &*self.ledger.with_bytes(type_url, std::slice::from_ref(held)))
            }
        };
        response.carried = SentVersions::default();
        self.send_unchanging(type_url, &response);
        true
    }
}
