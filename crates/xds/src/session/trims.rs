//! Parts of resources in one piece that a client has rejected, and what it is sent in their place.

mod search;

use std::collections::{BTreeMap, BTreeSet};

use fairlead_resource::{Digest, EncodedResource, ResourceName, ResourceSet, TypeUrl};

use crate::{
    nack::Rejected,
    parts::{Part, Parts, is_about_others},
};
pub(super) use search::{Next, Search};

/// Maximum number of probes for a resource, after which all remaining parts count as at fault. One bad host of 1,000
/// takes ten.
pub(super) const PROBES: usize = 512;

/// Maximum number of rejected parts remembered for a resource.
const REMEMBERED: usize = 1024;

/// The parts of one type's resources that the client has rejected.
#[derive(Default)]
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Trims {
    pub(super) of: BTreeMap<ResourceName, Trim>,
    /// Secrets that the client waited for in vain: chains that use them are closed until they exist.
    closed: BTreeSet<ResourceName>,
    /// The last result of `applied`, preceded by the set from which it was made.
    pub(super) cut: Option<(ResourceSet, ResourceSet)>,
    /// Whether something else was sent since the last probe.
    others_went: bool,
    /// Resources whose search has ended without a verdict because they were rejected as a whole meanwhile.
    pub(super) unfinished: Vec<ResourceName>,
}

/// The parts of one resource.
#[cfg_attr(test, derive(Clone))]
pub(super) struct Trim {
    pub(super) rejected: BTreeMap<Digest, HeldBack>,
    /// Parts that are known to be right, though the client holds no content with them yet.
    pub(super) passed: BTreeSet<Digest>,
    pub(super) search: Option<Search>,
    pub(super) probes_left: usize,
    /// The rejected parts that are published now.
    published: Vec<Rejected>,
    /// Whether nothing was accepted since the last part was found.
    pub(super) fresh: bool,
}

/// A part that is held back.
#[cfg_attr(test, derive(Clone))]
pub(super) struct HeldBack {
    name: ResourceName,
    /// What the client holds in its place.
    pub(super) kept: Option<Part>,
    /// Whether it only conflicts with other parts.
    pub(super) at_odds: bool,
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
    /// The resource without the parts that are held back. `None` if it has none of them, or if a listener would be left
    /// without a chain, which Envoy rejects.
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

    /// The last result of `applied`.
    pub(super) fn last_applied<'a>(&'a self, published: &'a ResourceSet) -> &'a ResourceSet {
        match &self.cut {
            Some((of, cut)) if of.ptr_eq(published) => cut,
            _ => published,
        }
    }

    /// Whether nothing is held back or searched for.
    pub(super) fn is_idle(&self) -> bool {
        self.of.values().all(|trim| trim.search.is_none() && trim.published.is_empty())
    }

    /// Whether a search for a part at fault is under way.
    pub(super) fn searches(&self) -> bool {
        self.of.values().any(|trim| trim.search.is_some())
    }

    /// Whether a search for a part at fault in this resource is under way.
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

    /// The next probe; other changes are sent first, unless `every_other` response may be a probe. Ends searches in
    /// resources that are no longer `wanted`.
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

    /// Gives up the parts kept in place of rejected ones, as they may conflict with new ones. Returns whether any were.
    pub(super) fn let_go(&mut self, name: &str) -> bool {
        let Some(trim) = self.of.get_mut(name) else { return false };
        let published: BTreeSet<Digest> = trim.published.iter().map(|part| part.digest).collect();
        let held_back = trim.rejected.iter_mut().filter(|(digest, _)| published.contains(digest));
        let given_up = held_back.filter_map(|(_, part)| part.kept.take()).count();
        if given_up > 0 {
            self.cut = None;
        }
        given_up > 0
    }

    /// Closes the chains in `published` that use these secrets. Returns the secrets that none uses.
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

    /// The secrets whose absence keeps chains closed.
    pub(super) fn closed(&self) -> &BTreeSet<ResourceName> {
        &self.closed
    }

    /// Reopens the chains that were closed for want of these secrets.
    pub(super) fn open(&mut self, secrets: &[ResourceName]) {
        for secret in secrets {
            self.closed.remove(secret);
            self.cut = None;
        }
    }

    /// Forgets that these published parts were rejected. Returns those that were.
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
    pub(super) fn sent(&mut self, probe: bool) {
        self.others_went = !probe;
    }

    /// Forgets what was sent: the client has begun anew and will not answer it.
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

    /// The resources whose search has ended without a verdict since the last call: they must be sent and searched
    /// again.
    pub(super) fn take_unfinished(&mut self) -> Vec<ResourceName> {
        std::mem::take(&mut self.unfinished)
    }
}

/// The listener with its chains that use these secrets closed, if it has any.
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

impl Trim {
    pub(super) fn convict(&mut self, resource: &str, at: usize, search: &Search) -> Rejected {
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
        // The client holds the replacement of a part that was rejected before.
        let kept = search.held_in_place_of(part);
        let at_odds = is_about_others(&search.message);
        self.rejected.insert(part.digest, HeldBack { name: name.clone(), kept, at_odds });
        self.fresh = true;
        Rejected { name, digest: part.digest }
    }
}
