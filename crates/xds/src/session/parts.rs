//! The meaning of a NACK of a route table or listener in one piece: one of its hosts or filter chains is at fault.
//!
//! Every state-of-the-world client has its hosts and chains in one piece, and a delta client the chains of small
//! listeners. The part at fault is held back as it would be if it were a resource: in its place goes what the client
//! had there, or nothing, and the rest is sent. Envoy seldom says which part it is. Probes find it ([`crate::parts`]):
//! responses that are always rejected, with a message that shows whether the first parts are right. Each probe halves
//! the parts under suspicion, and meanwhile the client keeps what it has.

use std::collections::BTreeMap;

use fairlead_resource::{Digest, EncodedResource, ResourceName, TypeUrl};

use super::{
    action::Action,
    holdings::{Before, Flight, Holding, Purpose},
    stream::Session,
    trims::{Next, PROBES, Search},
};
use crate::{
    nack::{NackReport, truncated},
    parts::is_about_others,
    publication::Form,
    published::elements_of,
    wire::Nonce,
};

/// The fault to which a rejection is attributed.
pub(super) enum Fault {
    /// A part, or some part yet to be found.
    Part,
    /// Content that is no longer published, with an unknown part at fault.
    Forgotten,
    /// The whole content, for the reason that the client gave.
    Whole(Digest, String),
}

impl Session {
    /// The contents with parts that a rejected response carried.
    pub(super) fn contents_with_parts(
        &self,
        type_url: TypeUrl,
        flight: &Flight,
    ) -> BTreeMap<ResourceName, EncodedResource> {
        if !matches!(type_url, TypeUrl::LISTENER | TypeUrl::ROUTE_CONFIGURATION) {
            return BTreeMap::new();
        }
        let state = self.state(type_url);
        let sent = flight.carried.iter().filter(|(name, _)| !self.is_parent(type_url, name));
        sent.filter_map(|(name, digest)| {
            let sent = state.holding(name).known().filter(|sent| sent.digest == *digest)?.clone();
            Some((name.clone(), sent))
        })
        .collect()
    }

    /// Whether a resource has its parts sent as resources.
    fn is_parent(&self, type_url: TypeUrl, name: &str) -> bool {
        self.state(type_url).form == Form::Parents
            && self.ledger.publication.set(type_url).get(name).and_then(elements_of).is_some()
    }

    /// The fault to which the rejection of a resource is attributed. `sent` is its content, if known and with parts.
    pub(super) fn put_down(
        &mut self,
        type_url: TypeUrl,
        (name, digest): (&ResourceName, Digest),
        flight: &Flight,
        sent: Option<&EncodedResource>,
        message: &str,
    ) -> Fault {
        let held = match self.state(type_url).before(name, flight) {
            Holding::Holds(held) | Holding::Doubt(Before::This(held)) => Some(held),
            _ => None,
        };
        // Parts may have been missing already from what was sent.
        let is_current = self.current(type_url).get(name).is_some_and(|now| now.digest == digest);
        let published = self.ledger.published(type_url).get(name);
        let published = published.filter(|_| is_current).map_or(digest, |published| published.digest);
        let trims = &mut self.state_mut(type_url).trims;
        if flight.purpose == Purpose::Probe {
            let search = trims.of.get_mut(name).and_then(|trim| trim.search.as_mut());
            let Some(search) = search else { return Fault::Part };
            let Some((length, _)) = search.probe.take_if(|(_, probe)| *probe == digest) else {
                return Fault::Part;
            };
            search.answered(length, message);
        } else {
            let whole = || Fault::Whole(digest, message.to_owned());
            let Some(sent) = sent else {
                let may_have_parts = matches!(type_url, TypeUrl::LISTENER | TypeUrl::ROUTE_CONFIGURATION);
                return if may_have_parts && !is_current { Fault::Forgotten } else { whole() };
            };
            if is_about_others(message) && trims.let_go(name) {
                return Fault::Part;
            }
            let passed = trims.of.get(name).map(|trim| trim.passed.clone()).unwrap_or_default();
            let search = Search::begin(type_url, sent, held.as_ref(), &passed, (published, message));
            let Some(search) = search else { return whole() };
            trims.of.entry(name.clone()).or_default().search = Some(search);
        }
        self.go_on(type_url, name, flight.nonce)
    }

    /// Records the parts that a search has found to be at fault, if any.
    fn go_on(&mut self, type_url: TypeUrl, name: &ResourceName, nonce: Nonce) -> Fault {
        let published = self.ledger.published(type_url).get(name);
        let published = published.map(|published| published.digest);
        let trims = &mut self.state_mut(type_url).trims;
        let Some(trim) = trims.of.get_mut(name) else { return Fault::Part };
        let Some(search) = &trim.search else { return Fault::Part };
        match search.next(trim.probes_left) {
            Next::Probe(_) => Fault::Part,
            Next::Elsewhere => {
                let whole = Fault::Whole(search.published, search.message.clone());
                trim.search = None;
                whole
            }
            Next::Found(found) => {
                let search = trim.search.take().expect("it has just been looked at");
                trim.passed.extend(search.order[..found.start].iter().map(|part| part.digest));
                if published != Some(search.published) && is_about_others(&search.message) {
                    // The conflicting part may be gone already: what is published now has a verdict of its own.
                    trims.unfinished.push(name.clone());
                    return Fault::Part;
                }
                let resources = found.map(|at| trim.convict(name, at, &search)).collect();
                trims.cut = None;
                let type_url = self.types().element(type_url).unwrap_or(type_url);
                let message = truncated(&search.message);
                self.ledger.out.push(Action::Reject(NackReport { type_url, resources, message, nonce }));
                Fault::Part
            }
        }
    }

    /// Accounts for an accepted response.
    pub(super) fn parts_accepted(&mut self, type_url: TypeUrl, flight: &Flight) {
        let state = self.state_mut(type_url);
        if state.trims.of.is_empty() {
            return;
        }
        for name in flight.carried.names() {
            let Some(trim) = state.trims.of.get_mut(name) else { continue };
            trim.passed.clear();
            trim.probes_left = PROBES;
            if !std::mem::take(&mut trim.fresh) && trim.rejected.values().any(|part| part.at_odds) {
                // The conflicting parts may have changed.
                trim.rejected.retain(|_, part| !part.at_odds);
                state.trims.cut = None;
            }
            if flight.purpose == Purpose::Probe {
                // The client accepts what Envoy should refuse, so there is no search.
                trim.search = None;
                state
                    .deviations
                    .entry(name.clone())
                    .and_modify(|deviation| deviation.holding = Holding::Doubt(Before::Something));
            }
        }
    }
}
