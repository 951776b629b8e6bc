//! The meaning of a NACK.
//!
//! A client may reject a whole response for one bad resource, and may have applied the others or not. So what the
//! response carried is in doubt; the resource at fault is taken from the message where Envoy names it, and otherwise
//! found by sending groups: many at once if each is answered by itself, or by halves if a response has to carry
//! everything or the client answers several with one request. What is at fault is not sent again, but the rest is.

use std::collections::{BTreeMap, BTreeSet};

use crate::parts::is_about_others;
use fairlead_resource::{Digest, EncodedResource, ResourceName, ResourceSet, TypeUrl};

use super::{
    action::{Action, Note},
    holdings::{Before, Flight, Holding, Purpose},
    parts::Fault,
    quirks,
    stream::Session,
};
use crate::{
    Protocol,
    nack::{NackReport, Rejected, truncated},
};

/// Maximum number of rejected responses in one search, after which all remaining suspects count as at fault. Two bad
/// ones among 10,000 take about 30 by halves.
const TRIALS: usize = 128;

/// Number of groups in which suspects are sent, where each is answered by itself: with no more resources than that, the
/// search takes one round trip.
const GROUPS: usize = 64;

/// A response that was rejected.
struct Rejection<'a> {
    flight: Flight,
    /// Names whose holding a later response has settled.
    superseded: BTreeSet<ResourceName>,
    /// The resources with parts that it carried.
    contents: BTreeMap<ResourceName, EncodedResource>,
    message: &'a str,
}

impl Session {
    /// Accounts for rejected responses, oldest first. One error message may be about several, though it may name the
    /// fault in only one of them.
    pub(super) fn rejected(&mut self, type_url: TypeUrl, flights: Vec<Flight>, message: &str) {
        if flights.iter().all(|flight| flight.purpose == Purpose::StandIn) {
            for flight in &flights {
                self.seen(flight.nonce);
            }
            self.ledger.acked = true;
            return;
        }
        self.ledger.out.push(Action::Note(Note::Nack(type_url)));
        let repeats = self.ledger.sent_whole(type_url);
        let count = flights.len();
        let state = self.state_mut(type_url);
        state.last_nack = Some(truncated(message));
        if flights.iter().any(|flight| flight.purpose == Purpose::Trial) {
            state.trials_left = state.trials_left.saturating_sub(1);
        }
        for flight in flights.into_iter().rev() {
            state.flights.push_front(flight);
        }
        for _ in 0..count {
            let state = self.state_mut(type_url);
            let flight = state.flights.pop_front().expect("it has just been put there");
            if let Some(next) = state.flights.front_mut().filter(|_| repeats && !flight.carried.is_empty()) {
                next.repeat(&flight);
            }
            self.revise_later(type_url, &flight);
            self.seen(flight.nonce);
            self.ledger.acked = true;
            self.answered(type_url, &flight, false);
            let superseded = self.superseded(type_url, &flight);
            let contents = self.contents_with_parts(type_url, &flight);
            self.doubt(type_url, &flight, &superseded);
            let rejection = Rejection { flight, superseded, contents, message };
            self.narrow(type_url, &rejection, count > 1);
        }
    }

    /// Corrects what the client held before the responses that were sent after a rejected one. Only removals count as
    /// done, see [`Session::doubt`].
    fn revise_later(&mut self, type_url: TypeUrl, flight: &Flight) {
        let whole = self.ledger.sent_whole(type_url);
        let state = self.state_mut(type_url);
        if flight.carried.is_empty() || state.flights.is_empty() {
            return;
        }
        // Responses with the whole state repeat what the client had before, so nothing else is needed.
        let before = |name| {
            if whole { state.before(name, flight).doubted() } else { Holding::Doubt(Before::Something) }
        };
        let mut before: BTreeMap<_, _> = flight.names().map(|name| (name.clone(), before(name))).collect();
        for later in &mut state.flights {
            later.revise(&mut before);
        }
    }

    /// The names whose holding a later response has settled.
    fn superseded(&self, type_url: TypeUrl, flight: &Flight) -> BTreeSet<ResourceName> {
        let later = self.state(type_url).flights.iter().filter(|f| f.nonce > flight.nonce);
        later.flat_map(Flight::names).chain(&flight.settled).cloned().collect()
    }

    /// Notes that what the response carried may or may not have been applied.
    ///
    /// Only removals count as done: sent again to a client that refuses them, they would be refused for ever.
    fn doubt(&mut self, type_url: TypeUrl, flight: &Flight, superseded: &BTreeSet<ResourceName>) {
        if flight.carried.is_empty() {
            return;
        }
        let state = self.state_mut(type_url);
        for name in flight.names() {
            if state.names.wants(name) && !superseded.contains(name) {
                let before = state.before(name, flight);
                state.deviate(name, before.doubted(), false);
            }
        }
    }

    /// Finds out which of the resources is at fault, or begins to. The message may be about `several` responses.
    fn narrow(&mut self, type_url: TypeUrl, rejection: &Rejection<'_>, several: bool) {
        let Rejection { flight, message, .. } = rejection;
        let trial = flight.purpose == Purpose::Trial;
        let carried: Vec<_> = flight.carried.iter().cloned().collect();
        let state = self.state(type_url);
        let mut at_fault = named_in(message, &carried);
        if at_fault.is_empty() {
            // A fault that was found while this response was under way explains its rejection.
            let known = carried.iter().filter(|(name, digest)| state.has_rejected(name, *digest));
            at_fault.extend(known.cloned());
        }
        let exhausted = trial && state.trials_left == 0;
        if at_fault.is_empty() && (exhausted || (carried.len() <= 1 && !several)) {
            at_fault.clone_from(&carried);
        }
        if self.is_tried_again(type_url, &at_fault, message) {
            return;
        }
        if !at_fault.is_empty() || carried.is_empty() {
            self.convict(type_url, at_fault, rejection);
            return;
        }
        let groups = if self.tries_at_once(type_url) { GROUPS } else { 2 };
        let state = self.state_mut(type_url);
        if !trial && state.suspects.is_empty() {
            state.trials_left = TRIALS;
        }
        for group in carried.chunks(carried.len().div_ceil(groups)).rev() {
            state.suspects.push(group.iter().map(|(name, _)| name.clone()).collect());
        }
    }

    /// Whether the client answers each of several responses by itself, so that all groups may be tried at once.
    pub(super) fn tries_at_once(&self, type_url: TypeUrl) -> bool {
        self.ledger.protocol == Protocol::Delta
            || !(self.ledger.sent_whole(type_url) || self.state(type_url).collapses)
    }

    /// Whether a host that conflicts with others is tried once more, after the responses under way: a search does not
    /// send hosts in the order in which they changed, so a domain that moves may be in two of them for a while.
    fn is_tried_again(
        &mut self,
        type_url: TypeUrl,
        at_fault: &[(ResourceName, Digest)],
        message: &str,
    ) -> bool {
        let state = self.state_mut(type_url);
        let [one] = at_fault else { return false };
        let more = !state.flights.is_empty() || !state.suspects.is_empty();
        let again = type_url == TypeUrl::VIRTUAL_HOST && more && is_about_others(message);
        if !again || !state.again.insert(one.clone()) {
            return false;
        }
        state.suspects.insert(0, vec![one.0.clone()]);
        true
    }

    /// Sends hosts again that were rejected because of other hosts of their table when one of these has changed, and
    /// listeners rejected because of another's address when any listener has.
    pub(super) fn try_those_at_odds(&mut self, type_url: TypeUrl, accepted: &Flight) {
        let state = self.state_mut(type_url);
        if state.flights.is_empty() && state.suspects.is_empty() {
            state.again.clear();
        }
        if state.at_odds.is_empty() {
            return;
        }
        let tables: BTreeSet<&str> = accepted.names().filter_map(|name| table_of(name)).collect();
        let (again, still) =
            std::mem::take(&mut state.at_odds).into_iter().partition(|name| match type_url {
                TypeUrl::LISTENER => accepted.names().any(|other| other != name),
                _ => table_of(name).is_some_and(|table| tables.contains(table)),
            });
        state.at_odds = still;
        let again: BTreeSet<ResourceName> = again;
        for name in again {
            state.rejected.remove(&name);
        }
    }

    fn convict(
        &mut self,
        type_url: TypeUrl,
        at_fault: Vec<(ResourceName, Digest)>,
        rejection: &Rejection<'_>,
    ) {
        let Rejection { flight, superseded, contents, message } = rejection;
        let mut resources = Vec::new();
        let mut reason = truncated(message);
        for (name, digest) in at_fault {
            if self.owners.of_mut(type_url).any(|owner| owner.excuses(type_url, &name)) {
                continue;
            }
            let fault = self.put_down(type_url, (&name, digest), flight, contents.get(&name), message);
            let state = self.state_mut(type_url);
            if flight.purpose != Purpose::Probe && matches!(fault, Fault::Part) {
                state.remember_rejected(&name, digest);
            }
            if let Fault::Whole(digest, said) = fault {
                // What a search has found is remembered already.
                let searched = flight.purpose == Purpose::Probe;
                if quirks::is_of_the_machine(&said) || quirks::has_address_of_another(type_url, &said) {
                    state.may_heal.insert((name.clone(), digest));
                }
                if state.remember_rejected(&name, digest) || searched {
                    resources.push(Rejected { name: name.clone(), digest });
                    reason = truncated(&said);
                }
            }
            let others_host = type_url == TypeUrl::VIRTUAL_HOST && is_about_others(message);
            if others_host || quirks::has_address_of_another(type_url, message) {
                state.at_odds.insert(name.clone());
            }
            if state.names.wants(&name) && !superseded.contains(&name) {
                // The content at fault was certainly not applied. Endpoints stay in doubt, so that the content
                // before is sent again if it returns: their cluster may be warming.
                let before = state.before(&name, flight);
                let endpoints = type_url == TypeUrl::CLUSTER_LOAD_ASSIGNMENT;
                let holding = if endpoints { before.doubted() } else { before.undoubted() };
                state.deviate(&name, holding, false);
            }
        }
        if !resources.is_empty() {
            let nonce = flight.nonce;
            self.ledger.out.push(Action::Reject(NackReport { type_url, resources, message: reason, nonce }));
        }
    }

    /// The next group of suspects to be tried, if a search goes on. Groups with nothing to send are skipped.
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
                .filter(|name| state.deviations.contains_key(*name))
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

/// The route table of a virtual host.
fn table_of(host: &str) -> Option<&str> {
    host.split_once('/').map(|(table, _)| table)
}

/// The resources that Envoy's message names as failed.
///
/// Messages of the listener and cluster managers name resources, as `Error adding/updating listener(s) <name>:
/// <reason>`, one per line or separated by commas. Of other messages, those about a constraint show the resource.
fn named_in(message: &str, carried: &[(ResourceName, Digest)]) -> Vec<(ResourceName, Digest)> {
    if let Some(name) = shown_in(message) {
        let is_shown = |full: &str| full == name || full.strip_suffix(name).is_some_and(|t| t.ends_with('/'));
        let shown: Vec<_> = carried.iter().filter(|(full, _)| is_shown(full)).cloned().collect();
        // A virtual host is shown by its own name, which may also occur in another table.
        return if shown.len() == 1 { shown } else { Vec::new() };
    }
    let Some((_, list)) =
        message.strip_prefix("Error adding/updating ").and_then(|rest| rest.split_once("(s) "))
    else {
        return Vec::new();
    };
    carried.iter().filter(|(name, _)| is_listed(list, name)).cloned().collect()
}

/// The name of the resource that a message shows because it breaks a constraint: `goo.gle/debugstr  name: "<name>" …`.
/// The link is Envoy's warning not to parse the text, so only its first field, the name, is read; without it, groups
/// are sent.
fn shown_in(message: &str) -> Option<&str> {
    let text = message.strip_prefix("goo.gle/debug")?.split_once(char::is_whitespace)?.1.trim_start();
    let value = text.strip_prefix("name: \"").or_else(|| text.strip_prefix("cluster_name: \""))?;
    value.split_once('"').map(|(name, _)| name)
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
