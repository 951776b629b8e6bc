//! The questions of a session to the owners of some types.

use std::sync::Arc;

use fairlead_resource::{ResourceName, ResourceSet, TypeUrl};

use super::{holdings::Flight, rules::Removal, stream::Session};
use crate::wire::EncodedResponse;

impl Session {
    /// The resources that a client of this session may hold of a type.
    pub(super) fn current(&mut self, type_url: TypeUrl) -> ResourceSet {
        let ledger = &self.ledger;
        let particular = self.owners.of_mut(type_url).find_map(|owner| owner.current(ledger, type_url));
        particular.unwrap_or_else(|| self.ledger.trimmed(type_url))
    }

    /// Whether a resource is withheld, whatever its content.
    pub(super) fn is_withheld(&self, type_url: TypeUrl, name: &str) -> bool {
        self.owners.of(type_url).any(|owner| owner.withholds(&self.ledger, type_url, name))
    }

    /// Whether resources are withheld or kept one by one.
    pub(super) fn judges_each(&self, type_url: TypeUrl) -> bool {
        self.owners.of(type_url).any(|owner| owner.judges_each(&self.ledger, type_url))
    }

    pub(super) fn may_change(&self, type_url: TypeUrl) -> bool {
        self.owners.of(type_url).all(|owner| owner.may_change(&self.ledger, type_url))
    }

    /// How a resource is removed that the client holds and should not.
    pub(super) fn removal(&self, type_url: TypeUrl, name: &str) -> Removal {
        let all = self.owners.of(type_url).map(|owner| owner.removal(&self.ledger, type_url, name));
        all.into_iter().find(|removal| *removal != Removal::Due).unwrap_or(Removal::Due)
    }

    pub(super) fn released(&self, type_url: TypeUrl, current: &ResourceSet) -> Vec<ResourceName> {
        let mut released = Vec::new();
        for owner in self.owners.of(type_url) {
            released.append(&mut owner.released(&self.ledger, type_url, current));
        }
        released
    }

    pub(super) fn answered(&mut self, type_url: TypeUrl, flight: &Flight, accepted: bool) {
        self.owners.all_mut().for_each(|owner| owner.on_answer(&mut self.ledger, type_url, flight, accepted));
    }

    /// Responses that go before all others of the type.
    pub(super) fn due(&mut self, type_url: TypeUrl, current: &ResourceSet) -> Vec<Arc<[EncodedResponse]>> {
        let mut due = Vec::new();
        for owner in self.owners.of_mut(type_url) {
            due.append(&mut owner.due(&mut self.ledger, type_url, current));
        }
        due
    }

    /// Whether such responses are still to come.
    pub(super) fn awaits(&self, type_url: TypeUrl) -> bool {
        self.owners.of(type_url).any(|owner| owner.awaits(type_url))
    }
}
