//! Requests of a state-of-the-world stream.

use envoy_types::pb::envoy::service::discovery::v3::DiscoveryRequest;
use fairlead_resource::{ResourceName, TypeUrl};

use super::{
    action::{Action, Note},
    delta::named,
    holdings::{Before, Holding},
    quirks,
    stream::Session,
};
use crate::wire::{Nonce, version_text};

impl Session {
    pub(super) fn sotw_request(&mut self, request: &DiscoveryRequest) {
        let Some(type_url) = self.types().parse(&request.type_url) else {
            self.ledger.out.push(Action::Note(Note::UnknownType));
            return;
        };
        let resumes = !self.state(type_url).requested && !request.version_info.is_empty();
        if request.response_nonce.is_empty() {
            if request.error_detail.is_some() && self.state(type_url).requested {
                // A new beginning would send the rejected content, and again after each error.
                self.ledger.out.push(Action::Note(Note::StaleNonce));
                return;
            }
            self.sotw_begin(type_url);
        } else if !self.sotw_answer(type_url, request) {
            return;
        }
        self.sotw_names(type_url, &quirks::located(&request.resource_names, &request.resource_locators));
        if resumes {
            // The client may hold what it requests from an earlier stream.
            self.state_mut(type_url).awaited.clear();
            self.take_up(type_url, &request.version_info);
        }
        self.check_names(type_url);
    }

    /// A request without a nonce begins a subscription, or begins it anew, so everything is sent.
    fn sotw_begin(&mut self, type_url: TypeUrl) {
        let state = self.state_mut(type_url);
        state.requested = true;
        state.reset();
        state.owed = true;
        if type_url == TypeUrl::SECRET {
            state.awaited = state.names.iter().cloned().collect();
        }
    }

    /// Handles a request that answers a response. Returns whether its names are those of its type.
    fn sotw_answer(&mut self, type_url: TypeUrl, request: &DiscoveryRequest) -> bool {
        let nonce = Nonce::parse(&request.response_nonce);
        let owner = nonce.and_then(|nonce| self.owner_of(nonce, type_url));
        if let (Some(nonce), Some(owner)) = (nonce, owner) {
            self.sotw_settle(owner, nonce, request);
            return owner == type_url;
        }
        let state = self.state_mut(type_url);
        if !state.requested {
            // The nonce of an earlier stream.
            self.sotw_begin(type_url);
        } else if nonce.is_none() || nonce != state.last_sent.map(|(nonce, _)| nonce) {
            self.ledger.out.push(Action::Note(Note::StaleNonce));
        }
        true
    }

    /// Settles all responses up to the one that is answered: Envoy may collapse several answers into one.
    fn sotw_settle(&mut self, owner: TypeUrl, nonce: Nonce, request: &DiscoveryRequest) {
        let state = self.state_mut(owner);
        let at = state.flights.iter().position(|f| f.nonce == nonce).expect("owner_of found the nonce");
        let mut flights: Vec<_> = state.flights.drain(..=at).collect();
        state.collapses |= flights.len() > 1;
        let Some(error) = &request.error_detail else {
            for flight in &flights {
                self.accepted(owner, flight);
            }
            return;
        };
        let accepted = flights
            .iter()
            .rposition(|f| {
                quirks::error_is_of_an_earlier_response(&version_text(f.version), &request.version_info)
            })
            .map_or(0, |at| at + 1);
        let mut rejected = flights.split_off(accepted);
        if rejected.is_empty() && flights.len() > 1 {
            // The last response was accepted, so the error is about an earlier one. What the last one carried settles
            // what the client holds, so it counts as under way until the others are accounted for.
            let last = flights.pop().expect("there is more than one");
            rejected = std::mem::take(&mut flights);
            self.state_mut(owner).flights.push_front(last);
            self.rejected(owner, rejected, &error.message);
            let last = self.state_mut(owner).flights.pop_front().expect("it has just been put there");
            self.accepted(owner, &last);
            return;
        }
        for flight in &flights {
            self.accepted(owner, flight);
        }
        self.rejected(owner, rejected, &error.message);
    }

    /// Replaces the subscription by the list of names.
    fn sotw_names(&mut self, type_url: TypeUrl, list: &[String]) {
        let whole = self.ledger.sent_whole(type_url);
        let current = self.current(type_url);
        let tell = self.ledger.tells_missing(type_url);
        let all_by_default = self.of(type_url).all_by_default;
        let state = self.state_mut(type_url);
        state.named_once |= !list.is_empty();
        let wildcard = list.iter().any(|n| n == "*") || (!state.named_once && all_by_default);
        let had_all = state.names.wildcard;
        if wildcard && !had_all {
            state.keep_only_wanted();
            let unwanted: Vec<_> =
                state.under_way().into_iter().filter(|name| !state.names.wants(name)).collect();
            state.forgotten(unwanted.iter());
            state.owed = true;
        }
        state.names.wildcard = wildcard;

        let wanted: std::collections::BTreeSet<ResourceName> = named(list).collect();
        let dropped: Vec<_> = state.names.iter().filter(|n| !wanted.contains(*n)).cloned().collect();
        for name in &dropped {
            state.names.remove(name);
            state.awaited.remove(name);
        }
        let fresh = state.root.is_empty();
        let under_way = if whole { state.under_way() } else { std::collections::BTreeSet::new() };
        let mut exists = false;
        let mut added = false;
        for name in wanted {
            if state.names.insert(&name) {
                added = true;
                if type_url == TypeUrl::SECRET {
                    state.awaited.insert(name.clone());
                }
                let found = current.contains_key(&name);
                exists |= found;
                if !had_all {
                    state.forgotten(std::iter::once(&name));
                }
                if !fresh {
                    // What the client had by wildcard it may still hold.
                    let held = Some(state.holding(&name)).filter(|held| had_all && held.exists());
                    // If it accepts the responses under way, it holds it.
                    let other = if under_way.contains(&name) {
                        Holding::Doubt(Before::Something)
                    } else {
                        Holding::Absent
                    };
                    state.deviate(&name, held.map_or(other, Holding::doubted), found);
                }
            }
        }
        let names = &state.names;
        state.deviations.retain(|name, _| names.wants(name));
        // Names that do not exist are answered with those that do, even if there are none.
        let begun_without_names = state.owed && !wildcard && state.names.len() == 0;
        state.owed = (state.owed || (added && (whole || !exists)))
            && !begun_without_names
            && (whole || tell || exists);
    }
}
