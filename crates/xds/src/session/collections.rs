//! The endpoints of load assignments as resources of their own (LEDS).
//!
//! A client that is sent an assignment in its parent form opens the collections that it names and gets what is in
//! them. Everything is accounted for under the names of the first [`Epoch`]; only what is on the wire has the names
//! of the epoch in which the client knows a collection.
//!
//! An Envoy that is sent an assignment again with the names that it knows keeps endpoints that are gone, and uses
//! the assignment before, which it has freed. So each sending takes the other epoch, and the client gets the whole
//! of its collections anew. From then until it has opened these, it is sent nothing of the assignment's endpoints:
//! what it has opened before belongs to an assignment that is past.

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

/// In which epochs a client knows an assignment.
#[derive(Clone, Copy, Default)]
struct Epochs {
    /// The client has the assignment in this epoch, or had it last.
    had: Option<Epoch>,
    /// It was last sent in this one, on this stream.
    sent: Option<Epoch>,
}

/// What is known of the assignments with collections that a client has or had.
#[derive(Default)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct Collections {
    known: BTreeMap<ResourceName, Epochs>,
    /// Collections that the client has opened, and has not been sent: by cluster, with their epoch.
    fresh: BTreeMap<ResourceName, (Epoch, BTreeSet<ResourceName>)>,
    /// The collections that the client has opened, as it has named them.
    opened: BTreeSet<ResourceName>,
    /// Assignments that are sent in full, because it cannot be told which collections the client knows.
    full: BTreeSet<ResourceName>,
}

/// What the names of a cluster's collections begin with, in the first epoch.
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
    /// The types that this is about.
    pub(super) const TYPES: [TypeUrl; 3] = [TypeUrl::CLUSTER, ASSIGNMENTS, ENDPOINTS];

    /// Whether nothing but first epochs is known.
    pub(super) fn knows_nothing(&self) -> bool {
        self.known.is_empty() && self.full.is_empty()
    }

    /// Whether an assignment is or was sent with some.
    pub(super) fn knows(&self, cluster: &str) -> bool {
        self.known.contains_key(cluster)
    }

    /// Whether an assignment is sent in full for once.
    pub(super) fn is_full(&self, cluster: &str) -> bool {
        self.full.contains(cluster)
    }

    /// The epoch in which an assignment is to be sent.
    pub(super) fn next(&self, cluster: &str) -> Epoch {
        let had = self.known.get(cluster).and_then(|epochs| epochs.had);
        had.map_or(Epoch::First, Epoch::other)
    }

    /// Forgets an assignment of which nothing is left at the client.
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

    /// The client has closed collections, and opened some.
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

    /// The client has opened a collection.
    fn open(&mut self, ledger: &mut Ledger, collection: &Collection) {
        let (cluster, epoch) = (ResourceName::from(collection.cluster()), collection.epoch());
        let epochs = self.known.entry(cluster.clone()).or_default();
        // It opens what its assignment names.
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

    /// The client has closed a collection.
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

    /// The published assignment of a cluster in its second form, if it has one and the client takes it.
    pub(super) fn collected<'a>(&self, ledger: &'a Ledger, cluster: &str) -> Option<&'a Arc<Elements>> {
        if !ledger.takes(ENDPOINTS) || self.full.contains(cluster) {
            return None;
        }
        ledger.publication.set(ASSIGNMENTS).get(cluster)?.elements.as_ref()
    }

    /// A client that came back with an assignment with collections does not tell which endpoints it has: it is sent
    /// the assignment in the other epoch. Returns the names of these assignments.
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

    /// A client that came back may have collections of an assignment that it does not list: it was told that the
    /// assignment is gone. It is sent it in full, which closes them, and then as it is.
    fn close_unlisted(&mut self, ledger: &Ledger, beginning: &Beginning<'_>) {
        for name in &beginning.names {
            if !beginning.versions.contains_key(&**name) && self.collected(ledger, name).is_some() {
                self.full.insert(name.clone());
            }
        }
    }

    /// What the client has opened belongs to an assignment that is past.
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

    /// Endpoints whose assignment the client keeps, though it is not published or has been rejected, stay as they
    /// are: without them the cluster would fail before its users are gone. It is sent again when it is back.
    fn keep_orphans(&mut self, ledger: &mut Ledger, current: &ResourceSet) {
        let state = ledger.state(ENDPOINTS);
        if state.names.collections.is_empty() || (state.root.ptr_eq(current) && state.deviations.is_empty()) {
            return;
        }
        let diff = ledger.memo(ENDPOINTS).diff(ENDPOINTS, &state.root, current);
        // What an earlier publication changed may still wait to be sent.
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

    /// The collections that the client has opened, each cluster's at once.
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
        // These are no endpoints that the client had.
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

/// If the assignment is published again, the client needs it again, to be served its endpoints.
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
