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

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use fairlead_resource::{
    Elements, EncodedResource, ResourceName, ResourceSet, TypeUrl,
    collection::{Collection, Epoch},
};

mod assignments;

pub(super) use assignments::Assignments;

use super::{
    Session,
    holdings::{Flight, Holding, Prior, Purpose},
};
use crate::{
    memo::{InEpoch, Step},
    names::Names,
    wire::{Part, Turn, delta_parts, turned_parts},
};

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

impl Session {
    fn takes_collections(&self) -> bool {
        self.options.elements.leds
    }

    /// The collections among the names that are subscribed or unsubscribed, and the other names.
    pub(super) fn collections_among(
        &self,
        type_url: TypeUrl,
        list: &[String],
    ) -> (Vec<Collection>, Vec<String>) {
        let (mut collections, mut others) = (Vec::new(), Vec::new());
        if type_url != TypeUrl::LbEndpoint || !self.takes_collections() {
            return (collections, list.to_vec());
        }
        for name in list {
            match Collection::of_glob(name) {
                Some(collection) => collections.push(collection),
                None => others.push(name.clone()),
            }
        }
        (collections, others)
    }

    /// The client has opened collections.
    pub(super) fn open_collections(&mut self, collections: &[Collection]) {
        for collection in collections {
            let (cluster, epoch) = (ResourceName::from(collection.cluster()), collection.epoch());
            let epochs = self.assignments.known.entry(cluster.clone()).or_default();
            // It opens what its assignment names.
            epochs.had = Some(epoch);
            let current = epochs.sent.is_none_or(|sent| sent == epoch);
            self.assignments.opened.insert(collection.glob().into());
            if current {
                let prefix = collection.in_epoch(Epoch::First).into_prefix();
                self.types[TypeUrl::LbEndpoint as usize].names.collections.remove(&prefix);
                let fresh = self.assignments.fresh.entry(cluster).or_insert((epoch, BTreeSet::new()));
                if fresh.0 != epoch {
                    *fresh = (epoch, BTreeSet::new());
                }
                fresh.1.insert(prefix);
            }
        }
        if !collections.is_empty() {
            self.drop_unwanted_endpoints();
        }
    }

    /// The client has closed collections.
    pub(super) fn close_collections(&mut self, collections: &[Collection]) {
        for collection in collections {
            let (cluster, epoch) = (collection.cluster(), collection.epoch());
            self.assignments.opened.remove(&*collection.glob());
            let prefix = collection.in_epoch(Epoch::First).into_prefix();
            let served = &mut self.types[TypeUrl::LbEndpoint as usize].names.collections;
            if served.get(&prefix) == Some(&epoch) {
                served.remove(&prefix);
            }
            if let Some((of, fresh)) = self.assignments.fresh.get_mut(cluster)
                && *of == epoch
            {
                fresh.remove(&prefix);
                if fresh.is_empty() {
                    self.assignments.fresh.remove(cluster);
                }
            }
            if !self.state(TypeUrl::ClusterLoadAssignment).names.wants(&cluster.into()) {
                self.assignments.forget(cluster);
            }
        }
        if !collections.is_empty() {
            self.drop_unwanted_endpoints();
        }
    }

    fn drop_unwanted_endpoints(&mut self) {
        let state = self.state_mut(TypeUrl::LbEndpoint);
        let names = &state.names;
        state.odd.retain(|name, _| names.wants(name));
    }

    /// The published assignment of a cluster in its second form, if it has one and the client takes it.
    fn collected(&self, cluster: &str) -> Option<&Arc<Elements>> {
        if !self.takes_collections() || self.assignments.full.contains(cluster) {
            return None;
        }
        self.publication.set(TypeUrl::ClusterLoadAssignment).get(cluster)?.elements.as_ref()
    }

    /// A client that came back with an assignment with collections does not tell which endpoints it has: it is sent
    /// the assignment in the other epoch. Returns the names of these assignments.
    pub(super) fn resume_assignments(
        &mut self,
        versions: &HashMap<String, String>,
    ) -> BTreeSet<ResourceName> {
        let mut again = BTreeSet::new();
        if !self.takes_collections() {
            return again;
        }
        let publication = self.publication.clone();
        let published = publication.set(TypeUrl::ClusterLoadAssignment);
        for (cluster, version) in versions.iter().collect::<BTreeMap<_, _>>() {
            let current = published.get(cluster.as_str());
            let collected = current.is_some_and(|current| current.elements.is_some());
            let known_in_full = current.is_some_and(|current| *version == current.digest.to_string());
            if let (false, Some(epoch)) = (known_in_full, Epoch::of_version(version)) {
                let cluster = ResourceName::from(cluster.as_str());
                self.assignments.known.entry(cluster.clone()).or_default().had = Some(epoch);
                if collected {
                    again.insert(cluster);
                }
            }
        }
        again
    }

    /// A client that came back may have collections of an assignment that it does not list: it was told that the
    /// assignment is gone. It is sent it in full, which closes them, and then as it is.
    pub(super) fn close_unlisted(&mut self, names: &[ResourceName], versions: &HashMap<String, String>) {
        for name in names {
            if !versions.contains_key(&**name) && self.collected(name).is_some() {
                self.assignments.full.insert(name.clone());
            }
        }
    }

    /// Accounts for a response with assignments.
    pub(super) fn assignments_sent(&mut self, flight: &Flight) {
        if !self.takes_collections() {
            return;
        }
        for cluster in flight.carried.names() {
            let sent = self.collected(cluster).is_some().then(|| self.assignments.next(cluster));
            if sent.is_some() || self.assignments.known.contains_key(cluster) {
                self.assignments.known.entry(cluster.clone()).or_default().sent = sent;
                self.stop_serving(cluster);
            }
        }
    }

    /// What the client has opened belongs to an assignment that is past.
    fn stop_serving(&mut self, cluster: &str) {
        self.assignments.fresh.remove(cluster);
        let state = &mut self.types[TypeUrl::LbEndpoint as usize];
        let past = served_of(&state.names, cluster);
        for prefix in &past {
            state.names.collections.remove(prefix);
        }
        if !past.is_empty() {
            self.drop_unwanted_endpoints();
        }
    }

    /// The client has these assignments as they were sent.
    pub(super) fn assignments_accepted(&mut self, flight: &Flight) {
        if self.assignments.known.is_empty() && self.assignments.full.is_empty() {
            return;
        }
        for cluster in flight.carried.names() {
            if self.assignments.full.remove(cluster) {
                self.send_again(cluster);
            }
            if let Some(epochs) = self.assignments.known.get_mut(cluster)
                && epochs.sent.is_some()
            {
                epochs.had = epochs.sent;
            }
        }
    }

    /// Whether an assignment that was rejected was sent in full for once: an endpoint may be at fault, and will be
    /// found among the others when it is sent as it is.
    pub(super) fn was_in_full(&mut self, type_url: TypeUrl, cluster: &ResourceName) -> bool {
        type_url == TypeUrl::ClusterLoadAssignment && self.assignments.full.remove(cluster)
    }

    /// The client no longer wants an assignment.
    pub(super) fn assignment_left(&mut self, cluster: &ResourceName) {
        self.assignments.full.remove(cluster);
        self.assignments.forget(cluster);
    }

    /// Endpoints whose assignment the client keeps, though it is not published or has been rejected, stay as they
    /// are: without them the cluster would fail before its users are gone. It is sent again when it is back.
    pub(super) fn keep_orphans(&mut self, current: &ResourceSet) {
        let state = self.state(TypeUrl::LbEndpoint);
        if state.names.collections.is_empty() || (state.root.ptr_eq(current) && state.odd.is_empty()) {
            return;
        }
        let step = self.memo(TypeUrl::LbEndpoint).step(TypeUrl::LbEndpoint, &state.root, current);
        // What an earlier publication changed may still wait to be sent.
        let waiting = state.odd.keys().filter_map(|name| Collection::of_endpoint(name));
        let changed = step.collections().iter().cloned().chain(waiting);
        let served = changed.filter(|c| state.names.collections.contains_key(c.prefix()));
        let assignments = &self.state(TypeUrl::ClusterLoadAssignment).names;
        let orphans: BTreeSet<ResourceName> = served
            .map(|c| ResourceName::from(c.cluster()))
            .filter(|cluster| assignments.wants(cluster))
            .filter(|cluster| {
                self.collected(cluster)
                    .is_none_or(|e| self.is_rejected(TypeUrl::ClusterLoadAssignment, &e.parent))
            })
            .collect();
        for cluster in orphans {
            self.stop_serving(&cluster);
            self.send_again(&cluster);
        }
    }

    /// If the assignment is published again, the client needs it again, to be served its endpoints.
    fn send_again(&mut self, cluster: &ResourceName) {
        let assignments = self.state_mut(TypeUrl::ClusterLoadAssignment);
        let held = assignments.holding(cluster);
        assignments.deviate(cluster, held.doubted(), false);
    }

    /// Sends the collections that the client has opened, each cluster's at once.
    pub(super) fn push_collections(&mut self, current: &ResourceSet) {
        if self.assignments.fresh.is_empty() || !self.may_send(TypeUrl::LbEndpoint) {
            return;
        }
        let mut fresh = std::mem::take(&mut self.assignments.fresh);
        let orphaned = |cluster: &ResourceName| {
            self.collected(cluster).is_none()
                && self.state(TypeUrl::ClusterLoadAssignment).names.wants(cluster)
        };
        let orphans: Vec<_> = fresh.keys().filter(|cluster| orphaned(cluster)).cloned().collect();
        for cluster in &orphans {
            fresh.remove(cluster);
            self.send_again(cluster);
        }
        let state = self.state_mut(TypeUrl::LbEndpoint);
        state.rebase(current);
        for (epoch, prefixes) in fresh.values() {
            state.names.collections.extend(prefixes.iter().map(|prefix| (prefix.clone(), *epoch)));
        }
        for (cluster, (epoch, prefixes)) in fresh {
            let parts = self.collections(&cluster, epoch, &prefixes, current);
            self.send(TypeUrl::LbEndpoint, &parts, true, Purpose::Serve, |_| Prior::Each(BTreeMap::new()));
        }
    }

    /// The responses that carry all of these collections of a cluster.
    fn collections(
        &mut self,
        cluster: &str,
        epoch: Epoch,
        prefixes: &BTreeSet<ResourceName>,
        current: &ResourceSet,
    ) -> Arc<[Part]> {
        let limit = self.options.delta_bytes;
        if let Some(elements) = self.collected(cluster)
            && self.state(TypeUrl::LbEndpoint).rejected.is_empty()
        {
            let whole = self.memo(TypeUrl::LbEndpoint).collected(elements, epoch);
            let (all, parts) = whole.parts(limit);
            if all.iter().eq(prefixes) {
                return parts.clone();
            }
        }
        let (mut send, mut released) = (Vec::new(), Vec::new());
        for prefix in prefixes {
            let before = send.len();
            for endpoint in endpoints_of(current, prefix) {
                if self.is_rejected(TypeUrl::LbEndpoint, endpoint) {
                    self.state_mut(TypeUrl::LbEndpoint).deviate(&endpoint.name, Holding::Absent, false);
                } else {
                    send.push(endpoint.clone());
                }
            }
            if send.len() == before {
                // Envoy waits for the first answer. Any name of the collection will do.
                released.push(ResourceName::from(format!("{prefix}/-")));
            }
        }
        let mut parts = turned_parts(TypeUrl::LbEndpoint, &send, &released, limit, &InEpoch(epoch));
        // These are no endpoints that the client had.
        for part in &mut parts {
            part.gone = [].into();
        }
        parts.into()
    }

    /// The responses for these resources as the client knows them.
    pub(super) fn parts(
        &self,
        type_url: TypeUrl,
        send: &[EncodedResource],
        removed: &[ResourceName],
    ) -> Vec<Part> {
        let limit = self.delta_bytes(type_url);
        if self.assignments.known.is_empty() && self.assignments.full.is_empty() {
            return delta_parts(type_url, send, removed, limit);
        }
        turned_parts(type_url, send, removed, limit, self)
    }

    /// The responses of a step as the client knows what is in it, shared with those that know it alike.
    pub(super) fn step_parts(&self, step: &Step, removals: bool) -> Vec<Part> {
        let limit = self.delta_bytes(step.type_url());
        let turned = self.turned_in(step);
        if turned.is_empty() {
            step.delta(removals, limit).to_vec()
        } else {
            step.delta_turned(&turned, removals, limit, self)
        }
    }

    /// The clusters of a step that the client knows, or will know, in the second epoch.
    fn turned_in(&self, step: &Step) -> Vec<ResourceName> {
        let known = &self.assignments.known;
        match step.type_url() {
            _ if known.is_empty() => Vec::new(),
            TypeUrl::ClusterLoadAssignment => step
                .carried()
                .names()
                .filter(|n| known.contains_key(*n) && self.assignments.next(n) == Epoch::Second)
                .filter(|n| self.collected(n).is_some())
                .cloned()
                .collect(),
            TypeUrl::LbEndpoint => {
                let names = &self.state(TypeUrl::LbEndpoint).names;
                let second = |c: &&Collection| names.collections.get(c.prefix()) == Some(&Epoch::Second);
                step.collections().iter().filter(second).map(|c| c.cluster().into()).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// Names and assignments as the client of a session knows them.
impl Turn for Session {
    fn resource(&self, type_url: TypeUrl, resource: &EncodedResource) -> EncodedResource {
        match type_url {
            TypeUrl::ClusterLoadAssignment => match self.collected(&resource.name) {
                Some(elements) => elements.parent_in(self.assignments.next(&resource.name)).clone(),
                None if self.assignments.full.contains(&resource.name) => {
                    self.publication.set(type_url).get(&resource.name).unwrap_or(resource).clone()
                }
                None => resource.clone(),
            },
            _ => resource.clone().renamed(self.name(type_url, &resource.name)),
        }
    }

    fn name(&self, type_url: TypeUrl, name: &ResourceName) -> ResourceName {
        let state = self.state(type_url);
        match state.names.epoch_of(name) {
            Some(epoch) if type_url == TypeUrl::LbEndpoint => InEpoch(epoch).name(type_url, name),
            _ => name.clone(),
        }
    }
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
