//! One ADS stream as a state machine.
//!
//! Requests and publications go in, [`Action`]s come out; there is no clock, socket or task here. After each
//! input [`Session::pump`] looks at every type in push order and sends what may be sent:
//!
//! From below to above, each file knows only what is above it in this list:
//!
//! - `action`: what comes out;
//! - `trims`: parts of resources in one piece that are held back, and the search for one;
//! - `holdings`: what the client holds of one type, as a shared set and the names that deviate from it;
//! - `quirks`: what Envoy does that the protocol does not say;
//! - `overlaid`: the overlay of this connection over what is published;
//! - `ledger`: the holdings of all types, and what is published;
//! - `rules`: the questions to the owners of some types;
//! - `hosts`, `chains`, `collections` (VHDS, FCDS, LEDS) and `warming`: the owners; `epochs`: the epochs that a client
//!   knows;
//! - `owners`: all owners together;
//! - `departed`: state that an ended stream leaves to the next one;
//! - `stream`: the session itself;
//! - `questions`, `order`: what it asks of the owners, and which types wait for which;
//! - `push`: choosing what to send of one type, and sending it;
//! - `parts`, `reject`: what a NACK means, and finding what is at fault;
//! - `delta`, `sotw`: what a request of either variant means for subscription and accounting;
//! - `again`, `missing`, `changed_secrets`: what is sent again, or for want of something, without a publication;
//! - `evidence`, `resume`, `status`: ends of waits, state from the previous stream, reports.

mod action;
mod again;
mod chains;
mod changed_secrets;
mod collections;
mod delta;
mod departed;
mod epochs;
mod evidence;
mod holdings;
mod hosts;
mod ledger;
mod missing;
mod order;
mod overlaid;
mod owners;
mod parts;
mod push;
mod questions;
mod quirks;
mod reject;
mod resume;
mod rules;
mod sotw;
mod status;
mod stream;
mod trims;
mod warming;

use std::{mem, sync::Arc};

use envoy_types::pb::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DiscoveryRequest};
use fairlead_resource::TypeUrl;

pub use action::{Action, CloseReason, Note};
pub use departed::Departed;
use holdings::Flight;
pub use status::{SyncState, TypeStatus};
pub use stream::Session;

use crate::{Overlay, Protocol, Publication};

impl Session {
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

    /// Serves another publication from now on, a newer one or another view's. Publications may be skipped.
    pub fn on_publication(&mut self, publication: Arc<Publication>) -> Vec<Action> {
        self.ledger.publish(publication);
        self.pump()
    }

    /// Replaces the overlay of this connection.
    pub fn on_overlay(&mut self, overlay: Arc<Overlay>) -> Vec<Action> {
        self.ledger.lay_over(overlay);
        self.pump()
    }

    /// Sends all that may be sent now.
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
