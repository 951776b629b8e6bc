//! What a NACK of a route table or a listener in one piece means: one of its hosts or filter chains is at fault.
//!
//! Every state-of-the-world client has its hosts and chains in one piece, and a delta client the chains of small
//! listeners. The part at fault is held back as it would be if it were a resource: in its place goes what the client
//! had there, or nothing, and the rest is sent. Which part it is, Envoy seldom says. It is found by probes
//! ([`crate::parts`]): responses that are always rejected, and by their message tell whether the first parts
//! are right. Half of those that remain are told from the others each time, and meanwhile the client keeps what it has.

mod search;

use std::collections::{BTreeMap, BTreeSet};

use crate::{parts::Part, parts::Parts, parts::is_about_others};
use fairlead_resource::{Digest, EncodedResource, ResourceName, ResourceSet, TypeUrl};

use self::search::{Next, Search};
use super::{
    Action, Session,
    holdings::{Before, Flight, Holding, Purpose},
};
use crate::{
    nack::{NackReport, Rejected, truncated},
    publication::Form,
    published::elements_of,
    wire::Nonce,
};

/// How many probes may be sent for a resource until a content of it is accepted; then all that is left is held to be
/// at fault. One bad host of 1,000 takes ten.
const PROBES: usize = 512;

/// So many rejected parts are remembered for a resource.
const REMEMBERED: usize = 1024;

/// The parts of one type's resources that the client has rejected.
#[derive(Default)]
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Trims {
    of: BTreeMap<ResourceName, Trim>,
    /// Secrets that the client waited for in vain: chains with them are closed until they come.
    closed: BTreeSet<ResourceName>,
    /// The last answer of `applied`, after the set that it was made of.
    cut: Option<(ResourceSet, ResourceSet)>,
    /// Something else was sent since the last probe.
    others_went: bool,
    /// Resources in which a search has ended without a verdict. They were rejected as a whole meanwhile.
    unfinished: Vec<ResourceName>,
}

/// The parts of one resource.
#[cfg_attr(test, derive(Clone))]
struct Trim {
    rejected: BTreeMap<Digest, HeldBack>,
    /// Parts that are known to be right, though the client has no content with them yet.
    passed: BTreeSet<Digest>,
    search: Option<Search>,
    probes_left: usize,
    /// The rejected parts that are published now.
    published: Vec<Rejected>,
    /// Nothing was accepted since the last part was found.
    fresh: bool,
}

/// A part that is held back.
#[cfg_attr(test, derive(Clone))]
struct HeldBack {
    name: ResourceName,
    /// What the client has in its place.
    kept: Option<Part>,
    /// It is at odds with other parts only.
    at_odds: bool,
}

/// What a rejection is put down to.
pub(super) enum Fault {
    /// A part, or some part yet to be found.
    Part,
    /// A content that is not published any more, and of which nobody knows which part it was.
    Forgotten,
    /// The whole content, for the reason that the client gave.
    Whole(Digest, String),
}

impl Default for Trim {
    fn default() -> Self {
        Self {
            rejected: BTreeMap::new(),
            passed: BTreeSet::new(),
            search: None,
            probes_left: PROBES,
            published: Vec::new(),
            fresh: false,
        }
    }
}

impl Trim {
    /// The resource without the parts that are held back. `None` if it has none of them, or nothing would be left of a
    /// listener: Envoy rejects one without a chain.
    fn applied(&mut self, type_url: TypeUrl, published: &EncodedResource) -> Option<EncodedResource> {
        self.published.clear();
        let parts = Parts::of(type_url, published)?;
        let held_back = |part: &Part| self.rejected.get(&part.digest);
        if !parts.all().iter().any(|part| held_back(part).is_some()) {
            return None;
        }
        let mut left = Vec::new();
        for part in parts.all() {
            match self.rejected.get(&part.digest) {
                None => left.push(part),
                Some(held_back) => {
                    left.extend(&held_back.kept);
                    let (name, digest) = (held_back.name.clone(), part.digest);
                    self.published.push(Rejected { name, digest });
                }
            }
        }
        (type_url != TypeUrl::LISTENER || !left.is_empty()).then(|| parts.with(left))
    }
}

impl Trims {
    /// The published resources without the parts that are held back.
    pub(super) fn applied(&mut self, type_url: TypeUrl, published: &ResourceSet) -> ResourceSet {
        if self.of.is_empty() && self.closed.is_empty() {
            return published.clone();
        }
        if let Some((of, cut)) = &self.cut
            && of.ptr_eq(published)
        {
            return cut.clone();
        }
        let mut cut = published.clone();
        let gone = self.of.iter().filter(|(name, _)| !published.contains_key(*name));
        self.unfinished.extend(gone.filter(|(_, trim)| trim.search.is_some()).map(|(name, _)| name.clone()));
        self.of.retain(|name, _| published.contains_key(name));
        for (name, resource) in published.iter().filter(|_| !self.closed.is_empty()) {
            if let Some(closed) = closed_to(&self.closed, type_url, resource) {
                cut.insert(name.clone(), closed);
            }
        }
        for (name, trim) in &mut self.of {
            if let Some(left) = cut.get(name).and_then(|now| trim.applied(type_url, now)) {
                cut.insert(name.clone(), left);
            }
        }
        self.cut = Some((published.clone(), cut.clone()));
        cut
    }

    /// As `applied`, as it was last.
    pub(super) fn last_applied<'a>(&'a self, published: &'a ResourceSet) -> &'a ResourceSet {
        match &self.cut {
            Some((of, cut)) if of.ptr_eq(published) => cut,
            _ => published,
        }
    }

    /// Whether nothing is held back, nor looked for.
    pub(super) fn is_idle(&self) -> bool {
        self.of.values().all(|trim| trim.search.is_none() && trim.published.is_empty())
    }

    /// Whether a part at fault is looked for.
    pub(super) fn searches(&self) -> bool {
        self.of.values().any(|trim| trim.search.is_some())
    }

    /// Whether a part at fault is looked for in this resource.
    pub(super) fn searches_in(&self, name: &str) -> bool {
        self.of.get(name).is_some_and(|trim| trim.search.is_some())
    }

    /// The parts that are published and held back.
    pub(super) fn held_back(&self) -> impl Iterator<Item = &Rejected> {
        self.of.values().flat_map(|trim| &trim.published)
    }

    /// How many parts are known to be rejected.
    pub(super) fn rejected(&self) -> usize {
        self.of.values().map(|trim| trim.rejected.len()).sum()
    }

    /// The next probe; what else there is to send goes before it, unless `every_other` response may be a probe.
    /// A search in what is no longer `wanted` ends.
    pub(super) fn next_probe(
        &mut self,
        (idle, every_other): (bool, bool),
        wanted: impl Fn(&ResourceName) -> bool,
    ) -> Option<EncodedResource> {
        self.end_searches(|name| !wanted(name));
        if !(idle || every_other && self.others_went) {
            return None;
        }
        self.of.values_mut().find_map(|trim| {
            let search = trim.search.as_mut()?;
            let Next::Probe(length) = search.next(trim.probes_left) else { return None };
            trim.probes_left = trim.probes_left.saturating_sub(1);
            let probe = search.parts.probe(&search.order[..length]);
            search.probe = Some((length, probe.digest));
            Some(probe)
        })
    }

    /// What is kept in place of rejected parts may be at odds with what is new: it is given up. Returns whether there
    /// was some.
    fn let_go(&mut self, name: &str) -> bool {
        let Some(trim) = self.of.get_mut(name) else { return false };
        let published: BTreeSet<Digest> = trim.published.iter().map(|part| part.digest).collect();
        let held_back = trim.rejected.iter_mut().filter(|(digest, _)| published.contains(digest));
        let given_up = held_back.filter_map(|(_, part)| part.kept.take()).count();
        if given_up > 0 {
            self.cut = None;
        }
        given_up > 0
    }

    /// Closes the chains with these secrets, of those in `published`. Returns the secrets that none has.
    pub(super) fn close(
        &mut self,
        mut secrets: BTreeSet<ResourceName>,
        published: &ResourceSet,
    ) -> BTreeSet<ResourceName> {
        let parts = published.values().filter_map(|listener| Parts::of(TypeUrl::LISTENER, listener));
        let named: BTreeSet<String> =
            parts.flat_map(|parts| parts.all().iter().flat_map(Part::secrets).collect::<Vec<_>>()).collect();
        let closed: Vec<_> = secrets.iter().filter(|secret| named.contains(&***secret)).cloned().collect();
        for secret in closed {
            secrets.remove(&secret);
            self.closed.insert(secret);
            self.cut = None;
        }
        secrets
    }

    /// The secrets for want of which chains are closed.
    pub(super) fn closed(&self) -> &BTreeSet<ResourceName> {
        &self.closed
    }

    /// Opens the chains again that were closed for want of these secrets.
    pub(super) fn open(&mut self, secrets: &[ResourceName]) {
        for secret in secrets {
            self.closed.remove(secret);
            self.cut = None;
        }
    }

    /// Forgets that these parts of what is published were rejected, and gives those that were.
    pub(super) fn try_again(
        &mut self,
        type_url: TypeUrl,
        published: &ResourceSet,
        which: impl Fn(&Part) -> bool,
    ) -> Vec<Rejected> {
        let mut again = Vec::new();
        for (name, trim) in self.of.iter_mut().filter(|(_, trim)| !trim.rejected.is_empty()) {
            let parts = published.get(name).and_then(|resource| Parts::of(type_url, resource));
            for part in parts.iter().flat_map(Parts::all).filter(|part| which(part)) {
                if let Some(held_back) = trim.rejected.remove(&part.digest) {
                    again.push(Rejected { name: held_back.name, digest: part.digest });
                    self.cut = None;
                }
            }
        }
        again
    }

    /// A response was sent.
    pub(super) fn sent(&mut self, purpose: Purpose) {
        self.others_went = purpose != Purpose::Probe;
    }

    /// The client has begun anew: it answers nothing that was sent before.
    pub(super) fn reset(&mut self) {
        self.end_searches(|_| true);
    }

    fn end_searches(&mut self, of: impl Fn(&ResourceName) -> bool) {
        for (name, trim) in self.of.iter_mut().filter(|(name, _)| of(name)) {
            if trim.search.take().is_some() {
                self.unfinished.push(name.clone());
            }
        }
    }

    /// The resources in which a search has ended without a verdict since this was asked last: they are to be sent
    /// again, to be searched again.
    pub(super) fn take_unfinished(&mut self) -> Vec<ResourceName> {
        std::mem::take(&mut self.unfinished)
    }
}

/// A listener whose chains with these secrets are closed, if it has any.
fn closed_to(
    secrets: &BTreeSet<ResourceName>,
    type_url: TypeUrl,
    listener: &EncodedResource,
) -> Option<EncodedResource> {
    let parts = Parts::of(type_url, listener)?;
    let mut some = false;
    let close = |part: &Part| {
        let closed = part.secrets().iter().any(|secret| secrets.contains(&**secret));
        some |= closed;
        if closed { part.closed() } else { part.clone() }
    };
    let left: Vec<Part> = parts.all().iter().map(close).collect();
    some.then(|| parts.with(&left))
}

impl Session {
    /// What a rejected response carried, where it has parts.
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

    /// What the rejection of a resource is put down to. `sent` is its content, where that is known and has parts.
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
        // What was sent may have lacked parts already.
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

    /// Convicts the parts that a search has found, if it has.
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
                    // What it is at odds with may be gone already: what is published now has a verdict of its own.
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
                // What they are at odds with may have changed.
                trim.rejected.retain(|_, part| !part.at_odds);
                state.trims.cut = None;
            }
            if flight.purpose == Purpose::Probe {
                // A client that takes what nobody should: it is not searched.
                trim.search = None;
                state
                    .deviations
                    .entry(name.clone())
                    .and_modify(|deviation| deviation.holding = Holding::Doubt(Before::Something));
            }
        }
    }
}

impl Trim {
    fn convict(&mut self, resource: &str, at: usize, search: &Search) -> Rejected {
        let part = &search.order[at];
        let name: ResourceName = match &*part.name {
            "" => {
                let position = search.parts.all().iter().position(|p| p.digest == part.digest);
                format!("{resource}/#{}", position.unwrap_or_default()).into()
            }
            name => format!("{resource}/{name}").into(),
        };
        if self.rejected.len() >= REMEMBERED {
            self.rejected.clear();
        }
        // What is in the place of a part that was rejected before is held by the client.
        let kept = search.held_in_place_of(part);
        let at_odds = is_about_others(&search.message);
        self.rejected.insert(part.digest, HeldBack { name: name.clone(), kept, at_odds });
        self.fresh = true;
        Rejected { name, digest: part.digest }
    }
}
