//! The resources of one type that a client holds.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use fairlead_resource::{Digest, EncodedResource, ResourceName, ResourceSet};

use super::trims::Trims;
use crate::{
    diff::{Change, changes},
    names::Names,
    publication::Form,
    wire::{Nonce, SentVersions},
};

/// Maximum number of rejected digests remembered per name; the oldest is forgotten first.
const REJECTED_PER_NAME: usize = 16;

/// What the client holds under one name, where that differs from `TypeState::root`.
#[derive(Clone, Debug)]
pub(crate) enum Holding {
    Absent,
    Holds(EncodedResource),
    /// What it held before a response that it has rejected, or something newer.
    Doubt(Before),
}

/// What a client held before that came into doubt.
#[derive(Clone, Debug)]
pub(crate) enum Before {
    Nothing,
    /// Content of an earlier stream, or unknown content.
    Something,
    This(EncodedResource),
}

impl Holding {
    /// The content that a state-of-the-world response must repeat so that the client keeps it.
    pub(crate) fn known(&self) -> Option<&EncodedResource> {
        match self {
            Self::Holds(resource) | Self::Doubt(Before::This(resource)) => Some(resource),
            Self::Absent | Self::Doubt(_) => None,
        }
    }

    /// The holding after a response that the client may or may not have applied.
    pub(crate) fn doubted(self) -> Self {
        match self {
            Self::Absent => Self::Doubt(Before::Nothing),
            Self::Holds(resource) => Self::Doubt(Before::This(resource)),
            Self::Doubt(before) => Self::Doubt(before),
        }
    }

    /// The holding after a response that the client certainly did not apply.
    pub(crate) fn undoubted(self) -> Self {
        match self {
            Self::Doubt(Before::Nothing) => Self::Absent,
            Self::Doubt(Before::This(resource)) => Self::Holds(resource),
            other => other,
        }
    }

    /// Whether the client certainly holds some content.
    pub(crate) fn exists(&self) -> bool {
        matches!(self, Self::Holds(_) | Self::Doubt(Before::Something | Before::This(_)))
    }

    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    fn is(&self, wanted: Option<&EncodedResource>) -> bool {
        match (self, wanted) {
            (Self::Absent, None) => true,
            (Self::Holds(held), Some(wanted)) => held.digest == wanted.digest,
            _ => false,
        }
    }
}

/// A name whose holding deviates from the root.
#[derive(Clone, Debug)]
pub(crate) struct Deviation {
    pub(crate) holding: Holding,
    /// The client waits for an answer about this name, even if only that it does not exist.
    pub(crate) answer: bool,
}

/// The purpose of a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To give the client what it carries.
    #[default]
    Serve,
    /// To find out which of its resources is at fault: it carries a group of suspects.
    Trial,
    /// To find out which part of a resource is at fault: it is certain to be rejected.
    Probe,
    /// In place of secrets that do not exist: it is certain to be rejected.
    StandIn,
}

/// A response that the client has neither accepted nor rejected.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Flight {
    pub(crate) nonce: Nonce,
    pub(crate) version: u64,
    pub(crate) revision: u64,
    /// The resources that were new to the client.
    pub(crate) carried: SentVersions,
    /// The names that it removed.
    pub(crate) gone: Arc<[ResourceName]>,
    pub(crate) prior: Prior,
    /// Whether it carries names that the client did not hold.
    pub(crate) adds: bool,
    pub(crate) purpose: Purpose,
    /// Names whose holding was settled by a later response that was answered before this one.
    pub(crate) settled: BTreeSet<ResourceName>,
}

impl Flight {
    /// The names that it carried or removed.
    pub(crate) fn names(&self) -> impl Iterator<Item = &ResourceName> {
        self.carried.names().chain(&*self.gone)
    }

    /// Takes over what an earlier, rejected response carried and removed: a response that always carries everything
    /// repeats those contents and omissions unless it has something newer for a name.
    pub(crate) fn repeat(&mut self, rejected: &Self) {
        let own: BTreeSet<&ResourceName> = self.names().collect();
        let carried: Vec<_> =
            rejected.carried.iter().filter(|(name, _)| !own.contains(name)).cloned().collect();
        let gone: Vec<_> = rejected.gone.iter().filter(|name| !own.contains(name)).cloned().collect();
        self.carried = self.carried.iter().cloned().chain(carried).collect();
        self.gone = self.gone.iter().cloned().chain(gone).collect();
    }

    /// Corrects what the client held before this response, since an earlier one was rejected. Takes from `before` the
    /// names that this response carries.
    pub(crate) fn revise(&mut self, before: &mut BTreeMap<ResourceName, Holding>) {
        let revised: Vec<_> = self.names().filter_map(|name| before.remove_entry(name)).collect();
        if revised.is_empty() {
            return;
        }
        let mut each: BTreeMap<_, _> = self.names().map(|name| (name.clone(), self.prior.of(name))).collect();
        each.extend(revised);
        self.prior = Prior::Each(each);
    }
}

/// What the client held before a response.
#[cfg_attr(test, derive(Clone))]
pub(crate) enum Prior {
    Set(ResourceSet),
    Each(BTreeMap<ResourceName, Holding>),
}

impl Prior {
    pub(crate) fn of(&self, name: &ResourceName) -> Holding {
        match self {
            Self::Set(set) => set.get(name).cloned().map_or(Holding::Absent, Holding::Holds),
            Self::Each(each) => each.get(name).cloned().unwrap_or(Holding::Absent),
        }
    }
}

/// Subscription, holdings and accounting of one type on one stream.
#[cfg_attr(test, derive(Clone))]
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each set and read alone")]
pub(crate) struct TypeState {
    /// The form in which the client is sent its resources.
    pub(crate) form: Form,
    /// The client has requested the type.
    pub(crate) requested: bool,
    pub(crate) names: Names,
    /// A state-of-the-world client has named resources, so an empty list no longer means all.
    pub(crate) named_once: bool,
    /// What the client holds of the names it wants, except for `deviations`.
    pub(crate) root: ResourceSet,
    pub(crate) deviations: BTreeMap<ResourceName, Deviation>,
    /// A response must be sent even if it is empty.
    pub(crate) owed: bool,
    pub(crate) flights: VecDeque<Flight>,
    /// Digests that this client has rejected.
    pub(crate) rejected: BTreeMap<ResourceName, Vec<Digest>>,
    /// Those rejected because the client's machine lacked something that may appear later.
    pub(crate) may_heal: BTreeSet<(ResourceName, Digest)>,
    /// Groups of names one of which may be at fault; the last is tried next.
    pub(crate) suspects: Vec<Vec<ResourceName>>,
    /// Contents that were rejected because of others at the time, and are tried once more.
    pub(crate) again: BTreeSet<(ResourceName, Digest)>,
    /// Names whose rejected content only conflicts with others.
    pub(crate) at_odds: BTreeSet<ResourceName>,
    /// Parts of resources that this client has rejected.
    pub(crate) trims: Trims,
    /// Names that a state-of-the-world client asked for and got no answer to; for secrets only.
    pub(crate) awaited: BTreeSet<ResourceName>,
    /// How many more trials the current search may take.
    pub(crate) trials_left: usize,
    /// A state-of-the-world client has answered several responses with one request.
    pub(crate) collapses: bool,
    /// An addition or change cannot be sent yet.
    pub(crate) unsent_changes: bool,
    /// A removal cannot be sent yet.
    pub(crate) unsent_removals: bool,
    /// The client keeps an older content because the current one is rejected.
    pub(crate) holds_rejected: bool,
    pub(crate) last_sent: Option<(Nonce, u64)>,
    pub(crate) last_acked: Option<Nonce>,
    /// The version of the response that was accepted last.
    pub(crate) accepted_version: Option<u64>,
    pub(crate) last_nack: Option<String>,
}

impl TypeState {
    pub(crate) fn new(form: Form) -> Self {
        Self { form, ..Self::default() }
    }

    /// Whether the client holds what it should hold and has said so.
    pub(crate) fn in_sync(&self) -> bool {
        !self.requested
            || (self.flights.is_empty()
                && self.suspects.is_empty()
                && !self.unsent_changes
                && !self.unsent_removals
                && !self.holds_rejected
                && self.trims.is_idle())
    }

    /// Notes that the client holds what it should.
    pub(crate) fn wants_nothing(&mut self) {
        (self.holds_rejected, self.unsent_changes, self.unsent_removals) = (false, false, false);
    }

    /// Whether nothing is under way to the client or waits to be sent.
    pub(crate) fn is_still(&self) -> bool {
        !self.requested || (self.flights.is_empty() && self.suspects.is_empty() && !self.unsent_changes)
    }

    /// What the client holds under a name that it wants.
    pub(crate) fn holding(&self, name: &ResourceName) -> Holding {
        match self.deviations.get(name) {
            Some(deviation) => deviation.holding.clone(),
            None => self.root.get(name).cloned().map_or(Holding::Absent, Holding::Holds),
        }
    }

    /// Notes that the client holds something under a name that differs from the root.
    pub(crate) fn deviate(&mut self, name: &ResourceName, holding: Holding, answer: bool) {
        let deviation = self
            .deviations
            .entry(name.clone())
            .or_insert(Deviation { holding: Holding::Absent, answer: false });
        deviation.holding = holding;
        deviation.answer |= answer;
    }

    /// The names carried by responses that the client has not answered.
    pub(crate) fn under_way(&self) -> BTreeSet<ResourceName> {
        self.flights.iter().flat_map(|f| f.carried.names().cloned()).collect()
    }

    /// Notes that the client may have forgotten what it held under these names before the responses under way.
    pub(crate) fn forgotten<'a>(&mut self, names: impl Iterator<Item = &'a ResourceName>) {
        if self.flights.is_empty() {
            return;
        }
        let unknown = |name: &ResourceName| (name.clone(), Holding::Doubt(Before::Something));
        let before: BTreeMap<_, _> = names.map(unknown).collect();
        for flight in self.flights.iter_mut().filter(|_| !before.is_empty()) {
            flight.revise(&mut before.clone());
        }
    }

    /// Makes `current` the root; resources that the client holds in another content become deviations.
    pub(crate) fn rebase(&mut self, current: &ResourceSet) {
        if !self.root.ptr_eq(current) {
            for change in changes(&self.root, current) {
                let (name, holding) = match change {
                    Change::Set { old: None, new } => (&new.name, Holding::Absent),
                    Change::Set { old: Some(old), .. } | Change::Gone(old) => {
                        (&old.name, Holding::Holds(old.clone()))
                    }
                };
                if self.names.wants(name) && !self.deviations.contains_key(name) {
                    self.deviations.insert(name.clone(), Deviation { holding, answer: false });
                }
            }
            self.root = current.clone();
        }
        self.deviations
            .retain(|name, deviation| deviation.answer || !deviation.holding.is(current.get(name)));
    }

    /// Drops everything that is not subscribed from the root, before more names count.
    pub(crate) fn keep_only_wanted(&mut self) {
        let mut root = ResourceSet::new();
        for name in self.names.iter() {
            if let Some(resource) = self.root.get(name) {
                root.insert(name.clone(), resource.clone());
            }
        }
        self.root = root;
    }

    /// Forgets what the client holds, because it has begun anew.
    pub(crate) fn reset(&mut self) {
        self.root = ResourceSet::new();
        self.deviations.clear();
        self.flights.clear();
        self.suspects.clear();
        self.again.clear();
        self.trims.reset();
        self.holds_rejected = false;
        self.accepted_version = None;
    }

    pub(crate) fn remember_rejected(&mut self, name: &ResourceName, digest: Digest) -> bool {
        let digests = self.rejected.entry(name.clone()).or_default();
        if digests.contains(&digest) {
            return false;
        }
        if digests.len() >= REJECTED_PER_NAME {
            digests.remove(0);
        }
        digests.push(digest);
        true
    }

    /// Whether a response under way has a content that was rejected meanwhile: it is unknown whether the client will
    /// hold it, so the next response could neither repeat nor omit it.
    pub(crate) fn repeats_rejected(&self) -> bool {
        let mut carried = self.flights.iter().flat_map(|flight| flight.carried.iter());
        !self.rejected.is_empty() && carried.any(|(name, digest)| self.has_rejected(name, *digest))
    }

    /// Accounts for accepted contents, even if they were rejected before.
    pub(crate) fn forgive(&mut self, accepted: &SentVersions) {
        if self.rejected.is_empty() {
            return;
        }
        for (name, digest) in accepted.iter() {
            self.forget_rejected(name, *digest);
        }
    }

    /// Forgets that a content was rejected.
    pub(crate) fn forget_rejected(&mut self, name: &ResourceName, digest: Digest) {
        if let Some(digests) = self.rejected.get_mut(name) {
            digests.retain(|rejected| *rejected != digest);
            if digests.is_empty() {
                self.rejected.remove(name);
            }
        }
    }

    pub(crate) fn has_rejected(&self, name: &ResourceName, digest: Digest) -> bool {
        self.rejected.get(name).is_some_and(|digests| digests.contains(&digest))
    }

    /// What the client held under a name before a response; content that it has rejected since does not count.
    pub(crate) fn before(&self, name: &ResourceName, flight: &Flight) -> Holding {
        match flight.prior.of(name) {
            Holding::Holds(resource) | Holding::Doubt(Before::This(resource))
                if self.has_rejected(name, resource.digest) =>
            {
                Holding::Doubt(Before::Something)
            }
            prior => prior,
        }
    }

    /// Notes a response as sent.
    pub(crate) fn sent(&mut self, flight: Flight) {
        self.last_sent = Some((flight.nonce, flight.version));
        self.flights.push_back(flight);
    }
}
