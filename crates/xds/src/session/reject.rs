//! What a NACK means.
//!
//! A client may reject a whole response for one bad resource, and may have applied the others or not. So what
//! the response carried is in doubt; the resource at fault is taken from the message where Envoy names it, and
//! otherwise found by sending halves. What is at fault is not sent again, and the rest is.

use std::collections::BTreeSet;

use fairlead_envoy::{Digest, EncodedResource, ResourceName, ResourceSet, TypeUrl};

use super::{Action, Note, Session, holdings::Flight};
use crate::{
    nack::{NackReport, Rejected, truncated},
    wire::Nonce,
};

/// How many responses one search may take before all that is left is held to be at fault.
/// Two bad ones among 10,000 take about 60.
const TRIALS: usize = 128;

impl Session {
    /// Accounts for rejected responses, oldest first.
    pub(super) fn rejected(&mut self, type_url: TypeUrl, flights: Vec<Flight>, message: &str) {
        self.out.push(Action::Note(Note::Nack(type_url)));
        self.state_mut(type_url).last_nack = Some(truncated(message));
        for flight in flights {
            self.seen(flight.nonce);
            self.acked = true;
            self.chains_see_answer(type_url, false);
            let superseded = self.superseded(type_url, flight.nonce);
            self.doubt(type_url, &flight, &superseded);
            if flight.trial {
                self.state_mut(type_url).suspects.pop();
            }
            self.narrow(type_url, &flight, &superseded, message);
        }
    }

    /// The names of which a later response has settled what the client holds.
    fn superseded(&self, type_url: TypeUrl, nonce: Nonce) -> BTreeSet<ResourceName> {
        let later = self.state(type_url).flights.iter().filter(|f| f.nonce > nonce);
        later.flat_map(|f| f.carried.iter().map(|(name, _)| name).chain(&*f.gone)).cloned().collect()
    }

    /// What the response carried may or may not have been applied.
    ///
    /// Removals alone count as done: sent again to a client that refuses them, they would be refused for ever.
    fn doubt(&mut self, type_url: TypeUrl, flight: &Flight, superseded: &BTreeSet<ResourceName>) {
        if flight.carried.is_empty() {
            return;
        }
        let state = self.state_mut(type_url);
        for name in flight.carried.iter().map(|(name, _)| name).chain(&*flight.gone) {
            if state.names.wants(name) && !superseded.contains(name) {
                let before = state.before(name, flight);
                state.deviate(name, before.doubted(), false);
            }
        }
    }

    /// Finds out which of the resources is at fault, or begins to.
    fn narrow(
        &mut self,
        type_url: TypeUrl,
        flight: &Flight,
        superseded: &BTreeSet<ResourceName>,
        message: &str,
    ) {
        let carried = &flight.carried;
        let named = named_in(message, carried);
        let exhausted = flight.trial && self.state(type_url).trials_left == 0;
        if !named.is_empty() || carried.len() <= 1 || exhausted {
            let at_fault = if named.is_empty() { carried.to_vec() } else { named };
            self.convict(type_url, at_fault, flight, superseded, message);
            return;
        }
        let state = self.state_mut(type_url);
        if !flight.trial && state.suspects.is_empty() {
            state.trials_left = TRIALS;
        }
        let group: Vec<ResourceName> = carried.iter().map(|(name, _)| name.clone()).collect();
        let (first, second) = group.split_at(group.len() / 2);
        state.suspects.push(second.to_vec());
        state.suspects.push(first.to_vec());
    }

    fn convict(
        &mut self,
        type_url: TypeUrl,
        at_fault: Vec<(ResourceName, Digest)>,
        flight: &Flight,
        superseded: &BTreeSet<ResourceName>,
        message: &str,
    ) {
        let mut resources = Vec::new();
        for (name, digest) in at_fault {
            if self.was_in_full(type_url, &name) {
                continue;
            }
            let state = self.state_mut(type_url);
            if state.remember_rejected(&name, digest) {
                resources.push(Rejected { name: name.clone(), digest });
            }
            if state.names.wants(&name) && !superseded.contains(&name) {
                // The content at fault was certainly not applied. Endpoints stay in doubt, so that the content
                // before is sent again if it returns: their cluster may be warming.
                let before = state.before(&name, flight);
                let endpoints = type_url == TypeUrl::ClusterLoadAssignment;
                let holding = if endpoints { before.doubted() } else { before.undoubted() };
                state.deviate(&name, holding, false);
            }
        }
        if !resources.is_empty() {
            let message = truncated(message);
            self.out.push(Action::Reject(NackReport { type_url, resources, message, nonce: flight.nonce }));
        }
    }

    /// The next group of suspects to be tried, if a search goes on. Groups with nothing to send are passed.
    pub(super) fn next_trial(
        &mut self,
        type_url: TypeUrl,
        current: &ResourceSet,
    ) -> Option<Vec<EncodedResource>> {
        loop {
            let state = self.state(type_url);
            let group = state.suspects.last()?;
            let send: Vec<EncodedResource> = group
                .iter()
                .filter(|name| state.odd.contains_key(*name))
                .filter_map(|name| current.get(name))
                .filter(|resource| !self.is_rejected(type_url, resource))
                .cloned()
                .collect();
            if !send.is_empty() {
                return Some(send);
            }
            self.state_mut(type_url).suspects.pop();
        }
    }
}

/// The resources that Envoy's message names as failed.
///
/// Only messages of the listener and cluster managers name resources, as
/// `Error adding/updating listener(s) <name>: <reason>`, one per line or separated by commas.
fn named_in(message: &str, carried: &[(ResourceName, Digest)]) -> Vec<(ResourceName, Digest)> {
    let Some((_, list)) =
        message.strip_prefix("Error adding/updating ").and_then(|rest| rest.split_once("(s) "))
    else {
        return Vec::new();
    };
    carried.iter().filter(|(name, _)| is_listed(list, name)).cloned().collect()
}

fn is_listed(list: &str, name: &str) -> bool {
    list.match_indices(name).any(|(at, _)| {
        let before = &list[..at];
        let begins = before.is_empty() || before.ends_with('\n') || before.ends_with(", ");
        begins && list[at + name.len()..].starts_with(": ")
    })
}

#[cfg(test)]
mod tests;
