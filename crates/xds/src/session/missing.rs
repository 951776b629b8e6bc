//! Secrets that a state-of-the-world client waits for but that do not exist.
//!
//! A listener or cluster warms until its secrets have arrived and, when Envoy starts, everything else waits for it. The
//! delta variant can say that a secret does not exist. Here the filter chains that need it are sent in a form that
//! closes their connections until it exists. For a cluster, which has no such form, a secret is sent that Envoy
//! refuses: that ends the wait for all secrets of the stream, so those that exist are sent first.

use fairlead_resource::{ResourceName, TypeUrl};

use super::stream::Session;
use crate::Protocol;

impl Session {
    /// Handles secrets that do not exist or cannot be used, once nothing else of the type is under way.
    pub(super) fn see_to_missing(&mut self) {
        let type_url = TypeUrl::SECRET;
        if !self.serves_secrets() {
            return;
        }
        let state = self.state(type_url);
        let now = self.ledger.protocol == Protocol::StateOfTheWorld
            && self.ledger.tells_missing(type_url)
            && state.flights.is_empty()
            && !state.unsent_changes;
        if !now || state.awaited.is_empty() {
            return;
        }
        let mut awaited = std::mem::take(&mut self.state_mut(type_url).awaited);
        awaited.retain(|name| !self.has_usable_secret(name));
        let listeners = self.ledger.published(TypeUrl::LISTENER).clone();
        let awaited = self.state_mut(TypeUrl::LISTENER).trims.close(awaited, &listeners);
        self.push(TypeUrl::LISTENER, false);
        if awaited.is_empty() {
            return;
        }
        self.send_stand_ins(awaited, false);
    }

    /// Reopens chains that were closed for want of a secret once it exists.
    pub(super) fn see_to_those_that_came(&mut self) {
        if !self.serves_secrets() {
            return;
        }
        let closed = self.state(TypeUrl::LISTENER).trims.closed().iter();
        let came: Vec<_> = closed.filter(|name| self.has_usable_secret(name)).cloned().collect();
        self.state_mut(TypeUrl::LISTENER).trims.open(&came);
    }

    fn serves_secrets(&self) -> bool {
        [TypeUrl::SECRET, TypeUrl::LISTENER].iter().all(|type_url| self.types().contains(*type_url))
    }

    fn has_usable_secret(&self, name: &ResourceName) -> bool {
        let secret = self.ledger.published(TypeUrl::SECRET).get(name);
        secret.is_some_and(|secret| !self.is_rejected(TypeUrl::SECRET, secret))
    }
}
