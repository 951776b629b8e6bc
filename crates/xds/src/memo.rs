//! Differences and encoded bodies that sessions share.
//!
//! A memo belongs to the set that the differences lead to. Ten thousand sessions that move from the same set to the
//! same next one share one difference and its bytes. Sets are recognised by the identity of their root, so a hit costs
//! a few comparisons.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use fairlead_resource::{
    Elements, EncodedResource, ResourceName, ResourceSet, TypeUrl,
    collection::{Collection, Epoch, endpoint_in},
};

use crate::{
    diff::{Change, changes},
    wire::{
        EncodedResponse, EpochView, Runs, SentVersions, delta_responses, delta_responses_in_epochs,
        delta_responses_of_runs, whole_state_of_runs,
    },
};

/// Number of differences, and of whole bodies, that are remembered.
const CAPACITY: usize = 24;

/// Minimum size in bytes of a response that is split along runs; smaller ones are cut anywhere.
const RUNS_FIT: usize = 1 << 20;

/// The shared work of sending one set. Cheap to create.
#[derive(Default)]
pub(crate) struct Memo {
    runs: Arc<Runs>,
    steps: Mutex<VecDeque<Arc<SetDiff>>>,
    wholes: Mutex<VecDeque<Arc<Whole>>>,
    collected: Mutex<VecDeque<Arc<Collected>>>,
}

/// The difference from one set to another, with its responses.
pub(crate) struct SetDiff {
    runs: Arc<Runs>,
    type_url: TypeUrl,
    old: ResourceSet,
    new: ResourceSet,
    content: OnceLock<Content>,
    kept: OnceLock<ResourceSet>,
    additions_only: OnceLock<Vec<EncodedResponse>>,
    everything: OnceLock<Vec<EncodedResponse>>,
    partial: OnceLock<EncodedResponse>,
    collections: OnceLock<Vec<Collection>>,
    in_epochs: Mutex<VecDeque<Arc<InEpochs>>>,
}

/// The responses of a difference for clients that know these clusters in the second epoch.
struct InEpochs {
    clusters: Vec<ResourceName>,
    removals: bool,
    responses: OnceLock<Vec<EncodedResponse>>,
}

/// All collections of one assignment in one epoch, encoded.
pub(crate) struct Collected {
    elements: Arc<Elements>,
    epoch: Epoch,
    content: OnceLock<(Vec<ResourceName>, Arc<[EncodedResponse]>)>,
}

struct Content {
    carried: SentVersions,
    removed: Arc<[ResourceName]>,
    adds: bool,
}

/// A set encoded whole.
struct Whole {
    type_url: TypeUrl,
    set: ResourceSet,
    response: OnceLock<EncodedResponse>,
}

impl Memo {
    pub(crate) fn new(runs: Arc<Runs>) -> Self {
        Self { runs, ..Self::default() }
    }

    /// The difference from `old` to `new`, computed on the first request.
    pub(crate) fn diff(&self, type_url: TypeUrl, old: &ResourceSet, new: &ResourceSet) -> Arc<SetDiff> {
        remembered(
            &self.steps,
            |s| s.type_url == type_url && s.old.ptr_eq(old) && s.new.ptr_eq(new),
            || SetDiff {
                runs: self.runs.clone(),
                type_url,
                old: old.clone(),
                new: new.clone(),
                content: OnceLock::new(),
                kept: OnceLock::new(),
                additions_only: OnceLock::new(),
                everything: OnceLock::new(),
                partial: OnceLock::new(),
                collections: OnceLock::new(),
                in_epochs: Mutex::default(),
            },
        )
    }

    /// All collections of an assignment in an epoch: their prefixes in the first epoch, and the responses.
    pub(crate) fn collected(&self, elements: &Arc<Elements>, epoch: Epoch) -> Arc<Collected> {
        remembered(
            &self.collected,
            |c| Arc::ptr_eq(&c.elements, elements) && c.epoch == epoch,
            || Collected { elements: elements.clone(), epoch, content: OnceLock::new() },
        )
    }

    /// A whole set as a state-of-the-world body.
    pub(crate) fn whole(&self, type_url: TypeUrl, set: &ResourceSet) -> EncodedResponse {
        let whole = remembered(
            &self.wholes,
            |w| w.type_url == type_url && w.set.ptr_eq(set),
            || Whole { type_url, set: set.clone(), response: OnceLock::new() },
        );
        let encode = || whole_state_of_runs(type_url, &self.runs.of(type_url, set.values()), set);
        whole.response.get_or_init(encode).clone()
    }
}

impl Collected {
    /// Their prefixes in the first epoch, in order, and the responses that carry all of them.
    pub(crate) fn responses(&self, limit: usize) -> (&[ResourceName], &Arc<[EncodedResponse]>) {
        let (prefixes, responses) = self.content.get_or_init(|| {
            let children = &self.elements.children;
            let mut prefixes: Vec<ResourceName> = Vec::new();
            for prefix in children.keys().filter_map(|name| Collection::prefix_of(name)) {
                if prefixes.last().is_none_or(|last| **last != *prefix) {
                    prefixes.push(prefix.into());
                }
            }
            prefixes.sort_unstable();
            let endpoints: Vec<_> = children.values().cloned().collect();
            let responses =
                delta_responses_in_epochs(TypeUrl::LB_ENDPOINT, &endpoints, &[], limit, &InEpoch(self.epoch));
            (prefixes, joined(responses).into())
        });
        (prefixes, responses)
    }
}

/// Names of endpoints in an epoch.
pub(crate) struct InEpoch(pub(crate) Epoch);

impl EpochView for InEpoch {
    fn resource(&self, type_url: TypeUrl, resource: &EncodedResource) -> EncodedResource {
        resource.clone().renamed(self.name(type_url, &resource.name))
    }

    fn name(&self, _: TypeUrl, name: &ResourceName) -> ResourceName {
        endpoint_in(name, self.0).unwrap_or_else(|| name.clone())
    }
}

/// Finds or makes an entry; only the most recently used ones are kept.
fn remembered<T>(
    entries: &Mutex<VecDeque<Arc<T>>>,
    is: impl Fn(&T) -> bool,
    make: impl FnOnce() -> T,
) -> Arc<T> {
    let mut entries = entries.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(at) = entries.iter().position(|e| is(e)) {
        let found = entries.remove(at).expect("position is within the queue");
        entries.push_front(found.clone());
        return found;
    }
    let entry = Arc::new(make());
    entries.push_front(entry.clone());
    entries.truncate(CAPACITY);
    entry
}

fn joined(responses: Vec<EncodedResponse>) -> Vec<EncodedResponse> {
    responses.into_iter().map(EncodedResponse::joined).collect()
}

impl SetDiff {
    /// Names and digests of what is new or changed.
    pub(crate) fn carried(&self) -> &SentVersions {
        &self.content().carried
    }

    /// The resources that are new or changed.
    pub(crate) fn changed(&self) -> impl Iterator<Item = &EncodedResource> {
        self.carried().names().filter_map(|name| self.new.get(name))
    }

    /// The names that are gone.
    pub(crate) fn removed(&self) -> &Arc<[ResourceName]> {
        &self.content().removed
    }

    /// Whether a name is new.
    pub(crate) fn adds(&self) -> bool {
        self.content().adds
    }

    /// The type of what changes.
    pub(crate) fn type_url(&self) -> TypeUrl {
        self.type_url
    }

    /// The collections in which something changes, by their names in the first epoch.
    pub(crate) fn collections(&self) -> &[Collection] {
        self.collections.get_or_init(|| {
            let changed = self.carried().names();
            let mut collections: Vec<Collection> = Vec::new();
            for name in changed.chain(&**self.removed()) {
                let prefix = Collection::prefix_of(name);
                if collections.last().map(Collection::prefix) != prefix {
                    collections.extend(Collection::of_endpoint(name));
                }
            }
            collections.sort_unstable();
            collections.dedup();
            collections
        })
    }

    /// As [`SetDiff::delta`], for a client that knows these clusters in the second epoch. The first call computes the
    /// responses from `view`, which is what such a client knows.
    pub(crate) fn delta_in_epochs(
        &self,
        clusters: &[ResourceName],
        removals: bool,
        limit: usize,
        view: &impl EpochView,
    ) -> Vec<EncodedResponse> {
        let removals = removals && !self.removed().is_empty();
        let in_epochs = remembered(
            &self.in_epochs,
            |t| t.clusters == clusters && t.removals == removals,
            || InEpochs { clusters: clusters.to_vec(), removals, responses: OnceLock::new() },
        );
        let removed = if removals { &self.removed()[..] } else { &[][..] };
        let responses = in_epochs.responses.get_or_init(|| {
            let changed: Vec<EncodedResource> = self.changed().cloned().collect();
            joined(delta_responses_in_epochs(self.type_url, &changed, removed, limit, view))
        });
        responses.clone()
    }

    /// The set before.
    pub(crate) fn old(&self) -> &ResourceSet {
        &self.old
    }

    /// The new set with what was removed from the old one still in it.
    pub(crate) fn kept(&self) -> &ResourceSet {
        self.kept.get_or_init(|| {
            let mut kept = self.new.clone();
            for name in &**self.removed() {
                if let Some(resource) = self.old.get(name) {
                    kept.insert(name.clone(), resource.clone());
                }
            }
            kept
        })
    }

    /// The delta responses of this difference, each with resources of `limit` bytes at most. The first call's limit
    /// holds for all: it is a setting of the server, not of a session.
    pub(crate) fn delta(&self, removals: bool, limit: usize) -> &[EncodedResponse] {
        let (responses, removed) = if removals && !self.removed().is_empty() {
            (&self.everything, &self.removed()[..])
        } else {
            (&self.additions_only, &[][..])
        };
        responses.get_or_init(|| {
            if limit < RUNS_FIT {
                return joined(delta_responses(self.type_url, self.changed(), removed, limit));
            }
            delta_responses_of_runs(self.type_url, (self.carried(), &self.new), removed, limit)
        })
    }

    /// The changed resources alone, as state-of-the-world clients take them for types that may be sent in part.
    pub(crate) fn partial(&self) -> &EncodedResponse {
        self.partial.get_or_init(|| whole_state_of_runs(self.type_url, self.carried(), &self.new))
    }

    fn content(&self) -> &Content {
        self.content.get_or_init(|| {
            let (mut changed, mut removed, mut adds) = (Vec::new(), Vec::new(), false);
            for change in changes(&self.old, &self.new) {
                match change {
                    Change::Set { old: Some(old), new } if old.digest == new.digest => {}
                    Change::Set { old, new } => {
                        adds |= old.is_none();
                        changed.push(new);
                    }
                    Change::Gone(old) => removed.push(old.name.clone()),
                }
            }
            let carried = self.runs.of(self.type_url, changed);
            Content { carried, removed: removed.into(), adds }
        })
    }
}

#[cfg(test)]
mod tests;
