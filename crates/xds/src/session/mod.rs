//! One ADS stream as a state machine.
//!
//! Requests and publications go in, [`Action`]s come out; there is no clock, socket or task here. After each
//! input [`Session::pump`] looks at every type in push order and sends what may be sent:
//!
//! - `holdings`: what the client holds per type, as a shared set and the names that deviate from it;
//! - `order`: which types wait for which (additions downwards, removals upwards);
//! - `delta`, `sotw`: what a request of either variant means for subscription and accounting;
//! - `push`: choosing what to send of one type, and encoding it;
//! - `reject`: what a NACK means, and finding the resource at fault;
//! - `parts`: finding the part at fault of a resource in one piece;
//! - `again`: trying again what was rejected for want of something on the client's machine;
//! - `resume`: what a state-of-the-world client had on the stream before;
//! - `missing`: secrets that a state-of-the-world client waits for;
//! - `changed_secrets`: what was rejected for the sake of a secret that has changed;
//! - `hosts`: virtual hosts as resources of their own (VHDS);
//! - `chains`: filter chains as resources of their own (FCDS);
//! - `collections`: endpoints as resources of their own (LEDS).

mod again;
mod chains;
mod changed_secrets;
mod collections;
mod delta;
mod holdings;
mod hosts;
mod ledger;
mod missing;
mod order;
mod parts;
mod push;
mod reject;
mod resume;
mod rules;
mod sotw;
mod status;
mod warming;

use std::{collections::BTreeSet, mem, sync::Arc};

use envoy_types::pb::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DiscoveryRequest};
use fairlead_resource::{EncodedResource, ResourceName, TypeDescriptor, TypeUrl, Types};

use crate::{
    NackReport, Protocol, Publication, Rejected, SessionOptions,
    wire::{Nonce, Response},
};
use holdings::Flight;
pub(crate) use holdings::{Holding, TypeState};
use ledger::Ledger;
pub use resume::Departed;
use rules::Owners;
pub use status::{SyncState, TypeStatus};

/// What the owner of a session has to do.
#[derive(Clone, Debug)]
pub enum Action {
    /// Write this response to the stream.
    Send(Response),
    /// The client has accepted what a publication changed in a type.
    Acked {
        /// The type.
        type_url: TypeUrl,
        /// The revision of the publication that the response was made from.
        revision: u64,
    },
    /// The client has rejected resources. Emitted once per stream, type and digest, and once for each time that
    /// they were sent again, by [`Session::try_again`] or with a secret that has changed.
    Reject(NackReport),
    /// The client has accepted contents that it had rejected for what its machine lacked, or contents are sent again
    /// with a secret that has changed: they are no longer known to be rejected.
    Healed {
        /// Their type.
        type_url: TypeUrl,
        /// The contents.
        resources: Vec<Rejected>,
    },
    /// Something worth counting.
    Note(Note),
    /// End the stream.
    Close(CloseReason),
}

/// Something worth counting that needs no reaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// The client has rejected a response; every NACK is one, reported or not.
    Nack(TypeUrl),
    /// A request answered an older response than the last one.
    StaleNonce,
    /// A request asked for a type that is not served.
    UnknownType,
}

/// Why a session ends its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// More names than [`SessionOptions::max_names`].
    #[error("more than {limit} names are subscribed for {type_url}")]
    TooManyNames {
        /// The type.
        type_url: TypeUrl,
        /// The limit.
        limit: usize,
    },
}

/// One stream. See the module's documentation.
#[cfg_attr(test, derive(Clone))]
pub struct Session {
    ledger: Ledger,
    owners: Owners,
    /// The last nonce given out.
    nonce: u64,
    /// Secrets that the client has accepted, and for which something may have to be sent again.
    accepted_secrets: BTreeSet<ResourceName>,
    /// What the client's last stream knew, of the types that it has not asked for yet.
    departed: Departed,
}

impl Session {
    /// A session that serves `publication` until [`Session::on_publication`] brings the next.
    pub fn new(protocol: Protocol, mut options: SessionOptions, publication: Arc<Publication>) -> Self {
        if protocol == Protocol::StateOfTheWorld {
            options.elements.clear();
        }
        Self {
            owners: Owners::new(options.types),
            ledger: Ledger::new(protocol, options, publication),
            nonce: 0,
            accepted_secrets: BTreeSet::new(),
            departed: Departed::default(),
        }
    }

    /// Takes a request of a delta stream.
    pub fn on_delta(&mut self, request: &DeltaDiscoveryRequest) -> Vec<Action> {
        debug_assert_eq!(self.ledger.protocol, Protocol::Delta);
        self.delta_request(request);
        self.pump()
    }

    /// Takes a request of a state-of-the-world stream.
    pub fn on_sotw(&mut self, request: &DiscoveryRequest) -> Vec<Action> {
        debug_assert_eq!(self.ledger.protocol, Protocol::StateOfTheWorld);
        self.sotw_request(request);
        self.pump()
    }

    /// Serves another publication from now on, newer or of another view. Publications may be skipped.
    pub fn on_publication(&mut self, publication: Arc<Publication>) -> Vec<Action> {
        self.ledger.publication = publication;
        self.pump()
    }

    /// The revision of the publication that is being served.
    pub fn revision(&self) -> u64 {
        self.ledger.publication.revision()
    }

    /// Sends what may be sent now.
    fn pump(&mut self) -> Vec<Action> {
        self.see_to_those_that_came();
        self.see_to_users_of_secrets();
        for type_url in self.types().iter() {
            self.push(type_url, self.of(type_url).removal.is_none());
        }
        // Only now is it known which types have something to send.
        for &type_url in self.types().in_order_of_removal() {
            if self.state(type_url).unsent_removals {
                self.push(type_url, self.may_remove(type_url));
            }
        }
        self.see_to_missing();
        self.seek_evidence();
        self.owners.all_mut().for_each(|owner| owner.on_rest(&self.ledger));
        mem::take(&mut self.ledger.out)
    }

    fn types(&self) -> &'static Types {
        self.ledger.types()
    }

    fn of(&self, type_url: TypeUrl) -> &'static TypeDescriptor {
        self.ledger.of(type_url)
    }

    fn state(&self, type_url: TypeUrl) -> &TypeState {
        self.ledger.state(type_url)
    }

    fn state_mut(&mut self, type_url: TypeUrl) -> &mut TypeState {
        self.ledger.state_mut(type_url)
    }

    fn is_rejected(&self, type_url: TypeUrl, resource: &EncodedResource) -> bool {
        self.ledger.is_rejected(type_url, resource)
    }

    fn next_nonce(&mut self) -> Nonce {
        self.nonce += 1;
        Nonce(self.nonce)
    }

    /// Accounts for an accepted response.
    fn accepted(&mut self, type_url: TypeUrl, flight: &Flight) {
        self.seen(flight.nonce);
        self.ledger.acked = true;
        let state = self.state_mut(type_url);
        state.last_acked = Some(flight.nonce);
        state.accepted_version = Some(flight.version);
        state.forgive(&flight.carried);
        self.note_secrets(type_url, flight);
        self.healed(type_url, flight);
        self.parts_accepted(type_url, flight);
        self.try_those_at_odds(type_url, flight);
        self.answered(type_url, flight, true);
        self.ledger.out.push(Action::Acked { type_url, revision: flight.revision });
    }

    /// The client has processed everything up to this response.
    fn seen(&mut self, nonce: Nonce) {
        self.owners.warming.iter_mut().for_each(|warming| warming.seen(nonce));
    }

    /// How many names the client subscribes to.
    fn names(&self, type_url: TypeUrl) -> usize {
        let otherwise: usize = self.owners.all().map(|owner| owner.names(type_url)).sum();
        self.state(type_url).names.len() + otherwise
    }

    /// Ends the stream if a client subscribes to more names than it may.
    fn check_names(&mut self, type_url: TypeUrl) {
        let limit = self.ledger.options.max_names;
        if self.names(type_url) > limit {
            self.ledger.out.push(Action::Close(CloseReason::TooManyNames { type_url, limit }));
        }
    }
}

#[cfg(test)]
mod tests;
