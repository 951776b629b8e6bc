//! Requests of a delta stream.

use std::collections::{BTreeSet, HashMap};

use envoy_types::pb::envoy::service::discovery::v3::DeltaDiscoveryRequest;
use fairlead_resource::{ResourceName, TypeUrl};

use super::{
    action::{Action, Note},
    collections::Collections,
    holdings::{Before, Holding},
    quirks,
    rules::Beginning,
    stream::Session,
};
use crate::wire::Nonce;

impl Session {
    pub(super) fn delta_request(&mut self, request: &DeltaDiscoveryRequest) {
        let Some(type_url) = self.types().parse(&request.type_url) else {
            self.ledger.out.push(Action::Note(Note::UnknownType));
            return;
        };
        if !request.response_nonce.is_empty() {
            self.delta_answer(type_url, request);
        }
        let subscribe =
            quirks::located(&request.resource_names_subscribe, &request.resource_locators_subscribe);
        let unsubscribe =
            quirks::located(&request.resource_names_unsubscribe, &request.resource_locators_unsubscribe);
        let nothing = subscribe.is_empty() && unsubscribe.is_empty();
        let (opened, subscribe) = Collections::among(&self.ledger, type_url, subscribe);
        let (closed, unsubscribe) = Collections::among(&self.ledger, type_url, unsubscribe);
        if self.state(type_url).requested {
            self.delta_unsubscribe(type_url, &unsubscribe);
            self.delta_subscribe(type_url, &subscribe);
        } else {
            self.delta_begin(type_url, &subscribe, nothing, &request.initial_resource_versions);
        }
        if let Some(collections) = &mut self.owners.collections {
            collections.close_and_open(&mut self.ledger, &closed, &opened);
        }
        self.check_names(type_url);
    }

    /// Handles a request that answers a response.
    fn delta_answer(&mut self, type_url: TypeUrl, request: &DeltaDiscoveryRequest) {
        let owner = Nonce::parse(&request.response_nonce)
            .and_then(|nonce| Some((nonce, self.owner_of(nonce, type_url)?)));
        let Some((nonce, owner)) = owner else {
            self.ledger.out.push(Action::Note(Note::StaleNonce));
            return;
        };
        let flights = &mut self.state_mut(owner).flights;
        let at = flights.iter().position(|f| f.nonce == nonce).expect("owner_of found the nonce");
        let flight = flights.remove(at).expect("position is within the queue");
        if request.error_detail.is_none() || flight.carried.is_empty() {
            // Answers may arrive in an order other than that of the responses.
            for earlier in flights.iter_mut().take(at) {
                earlier.settled.extend(flight.names().cloned());
            }
        }
        match &request.error_detail {
            Some(error) => self.rejected(owner, vec![flight], &error.message),
            None => self.accepted(owner, &flight),
        }
    }

    /// The type in which a response with this nonce is unanswered, preferably the one given.
    pub(super) fn owner_of(&self, nonce: Nonce, type_url: TypeUrl) -> Option<TypeUrl> {
        let own = self.state(type_url).flights.iter().any(|f| f.nonce == nonce);
        if own {
            Some(type_url)
        } else {
            quirks::owner_of_nonce(nonce, self.types().iter().zip(&self.ledger.states))
        }
    }

    /// The first request of a type on this stream. One that says `nothing` may ask for everything.
    fn delta_begin(
        &mut self,
        type_url: TypeUrl,
        subscribe: &[String],
        nothing: bool,
        versions: &HashMap<String, String>,
    ) {
        let warming = self.owners.warming.filter(|warming| warming.is_asked_early(&self.ledger, type_url));
        let all_by_default = self.of(type_url).all_by_default;
        let state = self.state_mut(type_url);
        state.requested = true;
        state.names.wildcard = subscribe.iter().any(|n| n == "*") || (nothing && all_by_default);
        for name in named(subscribe) {
            state.names.insert(&name);
        }
        state.owed = state.names.wildcard && versions.is_empty();
        self.ledger.resumed |= !versions.is_empty();
        let names = named(subscribe).collect();
        let beginning = Beginning { names, versions, warming: warming.is_some() };
        let mut again = BTreeSet::new();
        for owner in self.owners.of_mut(type_url) {
            again.append(&mut owner.on_begin(&mut self.ledger, type_url, &beginning));
        }
        if versions.is_empty() || warming.is_some() {
            self.answer_missing(type_url);
        } else {
            self.resume(type_url, versions, &again);
        }
        if let Some(warming) = self.owners.warming {
            warming.complete_those_under_way(&mut self.ledger, type_url);
        }
    }

    /// The client holds nothing; names that do not exist wait for their answer.
    fn answer_missing(&mut self, type_url: TypeUrl) {
        let current = self.current(type_url);
        let state = self.state_mut(type_url);
        let missing: Vec<_> = state.names.iter().filter(|n| !current.contains_key(*n)).cloned().collect();
        for name in missing {
            state.deviate(&name, Holding::Absent, true);
        }
    }

    /// The client lists what it holds from an earlier stream: whatever differs from the current set deviates, and so
    /// does what must be sent `again`.
    fn resume(
        &mut self,
        type_url: TypeUrl,
        versions: &HashMap<String, String>,
        again: &BTreeSet<ResourceName>,
    ) {
        let current = self.current(type_url);
        let state = self.state_mut(type_url);
        for (name, resource) in &current {
            if state.names.wants(name) {
                match versions.get(&**name) {
                    Some(version) if *version == resource.digest.to_string() && !again.contains(name) => {}
                    Some(_) => state.deviate(name, Holding::Doubt(Before::Something), false),
                    None => {
                        let asked = state.names.named(name);
                        state.deviate(name, Holding::Absent, asked);
                    }
                }
            }
        }
        for name in versions.keys().map(|n| ResourceName::from(n.as_str())) {
            if state.names.wants(&name) && !current.contains_key(&name) {
                state.deviate(&name, Holding::Doubt(Before::Something), false);
            }
        }
        let missing: Vec<_> = state
            .names
            .iter()
            .filter(|n| !current.contains_key(*n) && !versions.contains_key(&***n))
            .cloned()
            .collect();
        for name in missing {
            state.deviate(&name, Holding::Absent, true);
        }
        state.root = current;
    }

    fn delta_subscribe(&mut self, type_url: TypeUrl, subscribe: &[String]) {
        if subscribe.is_empty() {
            return;
        }
        let current = self.current(type_url);
        let state = self.state_mut(type_url);
        // A response under way may reach the client after it has sent this request, and be applied.
        let open = state.under_way();
        if !state.names.wildcard && subscribe.iter().any(|n| n == "*") {
            state.keep_only_wanted();
            let unwanted: Vec<_> = open.iter().filter(|n| !state.names.wants(n)).collect();
            state.names.wildcard = true;
            state.owed = true;
            state.forgotten(unwanted.iter().copied());
            for name in unwanted {
                state.deviate(name, Holding::Doubt(Before::Something), false);
            }
        }
        let names: Vec<_> = named(subscribe).collect();
        state.forgotten(names.iter().filter(|name| open.contains(*name)));
        for name in names {
            // The client may still hold what it had. If that content is rejected by now, it is told that the resource
            // does not exist.
            let held = state.names.wants(&name) && state.holding(&name).exists();
            let kept = held && current.get(&name).is_none_or(|now| !state.has_rejected(&name, now.digest));
            state.names.insert(&name);
            let unknown = kept || open.contains(&name);
            let holding = if unknown { Holding::Doubt(Before::Something) } else { Holding::Absent };
            state.deviate(&name, holding, true);
        }
    }

    fn delta_unsubscribe(&mut self, type_url: TypeUrl, unsubscribe: &[String]) {
        if unsubscribe.is_empty() {
            return;
        }
        let state = self.state_mut(type_url);
        let open = if state.names.wildcard { state.under_way() } else { BTreeSet::new() };
        if unsubscribe.iter().any(|n| n == "*") {
            state.names.wildcard = false;
            let names = &state.names;
            state.deviations.retain(|name, _| names.wants(name));
        }
        for name in named(unsubscribe) {
            let known = state.names.remove(&name);
            if state.names.wildcard && known {
                // The client has dropped it, but still wants it by wildcard; a response under way may bring it.
                let coming = open.contains(&name);
                let holding = if coming { Holding::Doubt(Before::Something) } else { Holding::Absent };
                state.deviate(&name, holding, true);
                state.forgotten(std::iter::once(&name).filter(|_| coming));
            } else if !state.names.wildcard {
                state.deviations.remove(&name);
            }
        }
        for name in named(unsubscribe) {
            if !self.state(type_url).names.wants(&name) {
                self.owners.of_mut(type_url).for_each(|owner| owner.on_leave(type_url, &name));
            }
        }
    }
}

/// The names in a list, without the wildcard and empty ones.
pub(super) fn named(list: &[String]) -> impl Iterator<Item = ResourceName> {
    list.iter().filter(|n| !n.is_empty() && *n != "*").map(|n| ResourceName::from(n.as_str()))
}
