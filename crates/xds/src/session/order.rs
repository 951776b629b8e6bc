//! Which types wait for which.
//!
//! Additions go down the references: a route is not sent before the clusters that it may name, and not before the
//! endpoints of these have arrived. Removals go up: a cluster is not removed while a listener or route that the client
//! holds may still name it. What the client sends ends each wait, never a clock.

use fairlead_resource::TypeUrl;

use super::stream::Session;

impl Session {
    /// Whether a further response of the type may be sent: as a rule, once the last one was acknowledged.
    pub(super) fn may_send(&self, type_url: TypeUrl) -> bool {
        let ledger = &self.ledger;
        self.owners.of(type_url).all(|owner| owner.may_send(ledger, type_url))
            && (ledger.state(type_url).flights.is_empty()
                || self.owners.of(type_url).any(|owner| owner.may_send_ahead(ledger, type_url)))
    }

    /// Whether what a new resource of the type may refer to has reached the client.
    pub(super) fn may_add(&self, type_url: TypeUrl) -> bool {
        self.owners.of(type_url).all(|owner| owner.may_add(&self.ledger, type_url))
    }

    /// Whether nothing that the client holds can still refer to what a removal takes away.
    pub(super) fn may_remove(&self, type_url: TypeUrl) -> bool {
        let (ledger, of) = (&self.ledger, self.of(type_url));
        // Until its first ACK, a reconnected client may not have listed all that it holds.
        (ledger.acked || !ledger.resumed)
            && of.users.iter().all(|user| ledger.state(*user).in_sync())
            && of.serves_with.iter().all(|other| ledger.state(*other).is_still())
            && self.owners.of(type_url).all(|owner| owner.may_remove(ledger, type_url))
    }
}
