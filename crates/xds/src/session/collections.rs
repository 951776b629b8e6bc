//! The endpoints of load assignments as resources of their own (LEDS).
//!
//! A client that is sent an assignment in its parent form opens the collections that it names and receives their
//! endpoints. Everything is accounted for under the names of the first [`Epoch`]; only on the wire are the names those
//! of the epoch in which the client knows a collection.
//!
//! An Envoy that is sent an assignment again with known collection names keeps endpoints that are gone, and uses the
//! previous assignment, which it has freed. So each time the assignment is sent in the other epoch, and the client gets
//! its collections anew. Until it has opened these, it is sent none of the assignment's endpoints: the collections that
//! it has opened belong to the previous assignment.

mod rules;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use fairlead_resource::{
    Elements, EncodedResource, ResourceName, ResourceSet, TypeUrl,
    collection::{Collection, Epoch},
};

use super::{holdings::Holding, ledger::Ledger, rules::Beginning};
use crate::{
    memo::InEpoch,
    names::Names,
    wire::{EncodedResponse, delta_responses_in_epochs},
};

pub(super) const ENDPOINTS: TypeUrl = TypeUrl::LB_ENDPOINT;
pub(super) const ASSIGNMENTS: TypeUrl = TypeUrl::CLUSTER_LOAD_ASSIGNMENT;

/// The epochs in which a client knows an assignment.
#[derive(Clone, Copy, Default)]
struct Epochs {
    /// The epoch in which the client has the assignment, or had it last.
    had: Option<Epoch>,
    /// The epoch in which it was last sent on this stream.
    sent: Option<Epoch>,
}

/// The state of the assignments with collections that a client has or had.
#[derive(Default)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct Collections {
    known: BTreeMap<ResourceName, Epochs>,
    /// Collections that the client has opened but not been sent: by cluster, with their epoch.
    fresh: BTreeMap<ResourceName, (Epoch, BTreeSet<ResourceName>)>,
    /// The collections that the client has opened, as it has named them.
    opened: BTreeSet<ResourceName>,
    /// Assignments that are sent in full, because it is unknown which collections the client knows.
    full: BTreeSet<ResourceName>,
}

/// The prefix of the names of a cluster's collections in the first epoch.
fn first_of(cluster: &str) -> ResourceName {
    Collection::new(Epoch::First, cluster, 0).into_prefix()
}

/// The collections of a cluster among those that are served.
fn served_of(names: &Names, cluster: &str) -> Vec<ResourceName> {
    let first = first_of(cluster);
    let (from, _) = first.rsplit_once('/').expect("a collection has a path");
    let from = ResourceName::from(format!("{from}/"));
    let behind = names.collections.range(from.clone()..).map(|(prefix, _)| prefix);
    behind
        .take_while(|prefix| prefix.starts_with(&*from))
        .filter(|prefix| !prefix[from.len()..].contains('/'))
        .cloned()
        .collect()
}

impl Collections {
    /// The types with rules here.
    pub(super) const TYPES: [TypeUrl; 3] = [TypeUrl::CLUSTER, ASSIGNMENTS, ENDPOINTS];

    /// Whether all that is known are first epochs.
    pub(super) fn knows_nothing(&self) -> bool {
        self.known.is_empty() && self.full.is_empty()
    }

    /// Whether an assignment is or was sent with collections.
    pub(super) fn knows(&self, cluster: &str) -> bool {
        self.known.contains_key(cluster)
    }

    /// Whether an assignment is sent in full this time.
    pub(super) fn is_full(&self, cluster: &str) -> bool {
        self.full.contains(cluster)
    }

    /// The epoch in which an assignment is to be sent.
    pub(super) fn next(&self, cluster: &str) -> Epoch {
        let had = self.known.get(cluster).and_then(|epochs| epochs.had);
        had.map_or(Epoch::First, Epoch::other)
    }

    /// Forgets an assignment of which the client has nothing left.
    fn forget(&mut self, cluster: &str) {
        let open = self.opened.iter().filter_map(|glob| Collection::of_glob(glob));
        if self.known.contains_key(cluster) && !open.into_iter().any(|c| c.cluster() == cluster) {
            self.known.remove(cluster);
        }
    }

    /// The collections among the names that are subscribed or unsubscribed, and the other names.
    pub(super) fn among<'a>(
        ledger: &Ledger,
        type_url: TypeUrl,
        list: Cow<'a, [String]>,
    ) -> (Vec<Collection>, Cow<'a, [String]>) {
        if type_url != ENDPOINTS || !ledger.takes(ENDPOINTS) {
            return (Vec::new(), list);
        }
        let is_other = |name: &&String| Collection::of_glob(name).is_none();
        let others = list.iter().filter(is_other).cloned().collect();
        (list.iter().filter_map(|name| Collection::of_glob(name)).collect(), Cow::Owned(others))
    }

    /// Accounts for collections that the client has closed, and opened.
    pub(super) fn close_and_open(
        &mut self,
        ledger: &mut Ledger,
        closed: &[Collection],
        opened: &[Collection],
    ) {
        for collection in closed {
            self.close(ledger, collection);
        }
        for collection in opened {
            self.open(ledger, collection);
        }
        if !(closed.is_empty() && opened.is_empty()) {
            drop_unwanted_endpoints(ledger);
        }
    }

    /// Accounts for a collection that the client has opened.
    fn open(&mut self, ledger: &mut Ledger, collection: &Collection) {
        let (cluster, epoch) = (ResourceName::from(collection.cluster()), collection.epoch());
        let epochs = self.known.entry(cluster.clone()).or_default();
        // A client opens the collections that its assignment names.
        epochs.had = Some(epoch);
        let current = epochs.sent.is_none_or(|sent| sent == epoch);
        self.opened.insert(collection.glob().into());
        if current {
            let prefix = collection.in_epoch(Epoch::First).into_prefix();
            ledger.state_mut(ENDPOINTS).names.collections.remove(&prefix);
            let fresh = self.fresh.entry(cluster).or_insert((epoch, BTreeSet::new()));
            if fresh.0 != epoch {
                *fresh = (epoch, BTreeSet::new());
            }
            fresh.1.insert(prefix);
        }
    }

    /// Accounts for a collection that the client has closed.
    fn close(&mut self, ledger: &mut Ledger, collection: &Collection) {
        let (cluster, epoch) = (collection.cluster(), collection.epoch());
        self.opened.remove(&*collection.glob());
        let prefix = collection.in_epoch(Epoch::First).into_prefix();
        let served = &mut ledger.state_mut(ENDPOINTS).names.collections;
        if served.get(&prefix) == Some(&epoch) {
            served.remove(&prefix);
        }
        if let Some((of, fresh)) = self.fresh.get_mut(cluster)
            && *of == epoch
        {
            fresh.remove(&prefix);
            if fresh.is_empty() {
                self.fresh.remove(cluster);
            }
        }
        if !ledger.state(ASSIGNMENTS).names.wants(&cluster.into()) {
            self.forget(cluster);
        }
    }

    /// The elements of a cluster's published assignment, if it has any and the client takes them.
    pub(super) fn collected<'a>(&self, ledger: &'a Ledger, cluster: &str) -> Option<&'a Arc<Elements>> {
        if !ledger.takes(ENDPOINTS) || self.full.contains(cluster) {
            return None;
        }
        ledger.publication.set(ASSIGNMENTS).get(cluster)?.elements.as_ref()
    }

    /// A reconnected client that lists an assignment with collections does not list its endpoints, so it is sent the
    /// assignment in the other epoch. Returns the names of these assignments.
    fn resume(&mut self, ledger: &Ledger, versions: &HashMap<String, String>) -> BTreeSet<ResourceName> {
        let mut again = BTreeSet::new();
        let published = ledger.publication.set(ASSIGNMENTS);
        for (cluster, version) in versions.iter().collect::<BTreeMap<_, _>>() {
            let current = published.get(cluster.as_str());
            let collected = current.is_some_and(|current| current.elements.is_some());
            let known_in_full = current.is_some_and(|current| *version == current.digest.to_string());
            if let (false, Some(epoch)) = (known_in_full, Epoch::of_version(version)) {
                let cluster = ResourceName::from(cluster.as_str());
                self.known.entry(cluster.clone()).or_default().had = Some(epoch);
                if collected {
                    again.insert(cluster);
                }
            }
        }
        again
    }

    /// A reconnected client may have collections of an assignment that it does not list because it was told that it is
    /// gone. It is sent the assignment in full, which closes them, and then in its parent form.
    fn close_unlisted(&mut self, ledger: &Ledger, beginning: &Beginning<'_>) {
        for name in &beginning.names {
            if !beginning.versions.contains_key(&**name) && self.collected(ledger, name).is_some() {
                self.full.insert(name.clone());
            }
        }
    }

    /// Stops serving the collections that the client has opened: they belong to the previous assignment.
    fn stop_serving(&mut self, ledger: &mut Ledger, cluster: &str) {
        self.fresh.remove(cluster);
        let state = ledger.state_mut(ENDPOINTS);
        let past = served_of(&state.names, cluster);
        for prefix in &past {
            state.names.collections.remove(prefix);
        }
        if !past.is_empty() {
            drop_unwanted_endpoints(ledger);
        }
    }

    /// Keeps endpoints whose assignment the client keeps though it is not published or was rejected: without them the
    /// cluster would fail before its users are gone. The assignment is sent again once it is published again.
    fn keep_orphans(&mut self, ledger: &mut Ledger, current: &ResourceSet) {
        let state = ledger.state(ENDPOINTS);
        if state.names.collections.is_empty() || (state.root.ptr_eq(current) && state.deviations.is_empty()) {
            return;
        }
        let diff = ledger.memo(ENDPOINTS).diff(ENDPOINTS, &state.root, current);
        // Changes of an earlier publication may still wait to be sent.
        let waiting = state.deviations.keys().filter_map(|name| Collection::of_endpoint(name));
        let changed = diff.collections().iter().cloned().chain(waiting);
        let served = changed.filter(|c| state.names.collections.contains_key(c.prefix()));
        let assignments = &ledger.state(ASSIGNMENTS).names;
        let orphans: BTreeSet<ResourceName> = served
            .map(|c| ResourceName::from(c.cluster()))
            .filter(|cluster| assignments.wants(cluster))
            .filter(|cluster| {
                let collected = self.collected(ledger, cluster);
                collected.is_none_or(|e| ledger.is_rejected(ASSIGNMENTS, &e.parent))
            })
            .collect();
        for cluster in orphans {
            self.stop_serving(ledger, &cluster);
            send_again(ledger, &cluster);
        }
    }

    /// The collections that the client has opened, all those of a cluster at once.
    fn open_ones(&mut self, ledger: &mut Ledger, current: &ResourceSet) -> Vec<Arc<[EncodedResponse]>> {
        let mut fresh = std::mem::take(&mut self.fresh);
        let orphaned = |cluster: &ResourceName| {
            self.collected(ledger, cluster).is_none() && ledger.state(ASSIGNMENTS).names.wants(cluster)
        };
        let orphans: Vec<_> = fresh.keys().filter(|cluster| orphaned(cluster)).cloned().collect();
        for cluster in &orphans {
            fresh.remove(cluster);
            send_again(ledger, cluster);
        }
        let state = ledger.state_mut(ENDPOINTS);
        state.rebase(current);
        for (epoch, prefixes) in fresh.values() {
            state.names.collections.extend(prefixes.iter().map(|prefix| (prefix.clone(), *epoch)));
        }
        let open = |(cluster, (epoch, prefixes)): (ResourceName, (Epoch, BTreeSet<ResourceName>))| {
            self.collections(ledger, &cluster, epoch, &prefixes, current)
        };
        fresh.into_iter().map(open).collect()
    }

    /// The responses that carry all of these collections of a cluster.
    fn collections(
        &self,
        ledger: &mut Ledger,
        cluster: &str,
        epoch: Epoch,
        prefixes: &BTreeSet<ResourceName>,
        current: &ResourceSet,
    ) -> Arc<[EncodedResponse]> {
        let limit = ledger.options.delta_bytes;
        if let Some(elements) = self.collected(ledger, cluster)
            && ledger.state(ENDPOINTS).rejected.is_empty()
        {
            let whole = ledger.memo(ENDPOINTS).collected(elements, epoch);
            let (all, responses) = whole.responses(limit);
            if all.iter().eq(prefixes) {
                return responses.clone();
            }
        }
        let (mut send, mut released) = (Vec::new(), Vec::new());
        for prefix in prefixes {
            let before = send.len();
            for endpoint in endpoints_of(current, prefix) {
                if ledger.is_rejected(ENDPOINTS, endpoint) {
                    ledger.state_mut(ENDPOINTS).deviate(&endpoint.name, Holding::Absent, false);
                } else {
                    send.push(endpoint.clone());
                }
            }
            if send.len() == before {
                // Envoy waits for the first answer. Any name of the collection will do.
                released.push(ResourceName::from(format!("{prefix}/-")));
            }
        }
        let mut responses = delta_responses_in_epochs(ENDPOINTS, &send, &released, limit, &InEpoch(epoch));
        // The client did not have these endpoints before.
        for response in &mut responses {
            response.gone = [].into();
        }
        responses.into()
    }
}

fn drop_unwanted_endpoints(ledger: &mut Ledger) {
    let state = ledger.state_mut(ENDPOINTS);
    let names = &state.names;
    state.deviations.retain(|name, _| names.wants(name));
}

/// Has the assignment sent again if it is published again, so that its endpoints can be served.
fn send_again(ledger: &mut Ledger, cluster: &ResourceName) {
    let assignments = ledger.state_mut(ASSIGNMENTS);
    let held = assignments.holding(cluster);
    assignments.deviate(cluster, held.doubted(), false);
}

/// The endpoints of a collection.
fn endpoints_of<'a>(
    endpoints: &'a ResourceSet,
    prefix: &'a str,
) -> impl Iterator<Item = &'a EncodedResource> {
    let from = format!("{prefix}/");
    let behind = endpoints.range::<_, str>((std::ops::Bound::Included(&*from), std::ops::Bound::Unbounded));
    behind.take_while(move |(name, _)| name.starts_with(&*from)).map(|(_, endpoint)| endpoint)
}
