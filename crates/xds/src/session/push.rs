//! Choosing what to send of one type, and sending it.

use std::collections::{BTreeMap, BTreeSet};

use fairlead_resource::{Digest, EncodedResource, ResourceName, ResourceSet, TypeUrl};

use super::{
    Action, Session,
    holdings::{Flight, Holding, Odd, Prior, Purpose, TypeState},
};
use crate::{
    Protocol, quirks,
    wire::{Part, Response, whole_state},
};

/// What may be sent of a type now.
#[derive(Clone, Copy)]
struct Permit {
    send: bool,
    add: bool,
    remove: bool,
}

/// What the names that deviate from the root ask for.
#[derive(Default)]
struct Wanted {
    send: Vec<EncodedResource>,
    /// Names that the client has and should not.
    remove: Vec<ResourceName>,
    /// Names that the client waits for and that do not exist.
    missing: Vec<ResourceName>,
    holds_rejected: bool,
    /// Something that the client has and should not have is to stay for now.
    keep: bool,
    /// Something is to be sent, but not yet.
    later: bool,
}

impl Session {
    /// Sends what may be sent of one type, removals if `remove`, and notes what has to wait.
    pub(super) fn push(&mut self, type_url: TypeUrl, remove: bool) {
        if !self.state(type_url).requested {
            return;
        }
        let current = self.current(type_url);
        if type_url == TypeUrl::LbEndpoint {
            self.keep_orphans(&current);
            self.push_collections(&current);
        }
        let permit = Permit { send: self.may_send(type_url), add: self.may_add(type_url), remove };
        let released = self.empty_tables(type_url, &current);
        let unclear = type_url == TypeUrl::ClusterLoadAssignment && self.assignments.unclear();
        let state = self.state_mut(type_url);
        state.names.share_with(&current);
        let plain = !unclear
            && state.odd.is_empty()
            && state.suspects.is_empty()
            && released.is_empty()
            && !state.trims.searches();
        if !(plain && self.push_shared(type_url, &current, permit)) {
            self.push_each(type_url, &current, permit, &released);
        }
        if type_url == TypeUrl::LbEndpoint {
            let awaited = self.assignments.awaited();
            self.state_mut(type_url).unsent_changes |= awaited;
        }
    }

    /// The usual case: the client holds a shared set and is to hold another. Returns whether it is that case.
    fn push_shared(&mut self, type_url: TypeUrl, current: &ResourceSet, permit: Permit) -> bool {
        let state = self.state_mut(type_url);
        if state.root.ptr_eq(current) && !state.owed {
            state.unsent_changes = false;
            state.unsent_removals = false;
            state.holds_rejected = false;
            return true;
        }
        let state = self.state(type_url);
        let step = self.memo(type_url).step(type_url, &state.root, current);
        let wanted = state.names.wildcard
            || (step.carried().names().all(|name| state.names.wants(name))
                && step.removed().iter().all(|n| state.names.wants(n)));
        let withheld = |(name, digest): &(ResourceName, Digest)| {
            state.has_rejected(name, *digest) || self.is_held_back(type_url, name)
        };
        if !wanted
            || self.only_chains_ahead(type_url)
            || step.carried().iter().any(withheld)
            || step
                .removed()
                .iter()
                .any(|name| self.is_still_named(type_url, name) || self.is_left_to_drain(type_url, name))
        {
            return false;
        }
        let whole = self.sent_whole(type_url);
        let partial = self.protocol == Protocol::StateOfTheWorld && !whole;
        let changes = !step.carried().is_empty();
        let removals = permit.remove && !step.removed().is_empty();
        let has_removals = !step.removed().is_empty() && !partial;

        let state = self.state_mut(type_url);
        state.holds_rejected = false;
        state.unsent_changes = changes;
        state.unsent_removals = has_removals;
        if step.is_empty() {
            state.root = current.clone();
        }
        if !changes && partial {
            state.root = current.clone();
        }
        let something = changes || state.owed || (removals && has_removals);
        if !something || !permit.send || (changes && !permit.add) {
            return true;
        }

        let after = if removals || partial { current } else { step.kept() }.clone();
        let parts = match self.protocol {
            Protocol::Delta => self.step_parts(&step, removals),
            Protocol::StateOfTheWorld if quirks::is_sent_alone(type_url) && changes => {
                step.changed().map(|resource| whole_state(type_url, [resource])).collect()
            }
            Protocol::StateOfTheWorld => {
                let mut part = if !whole {
                    step.partial().clone()
                } else if self.state(type_url).names.cover(&after) {
                    self.memo(type_url).whole(type_url, &after)
                } else {
                    let names = &self.state(type_url).names;
                    whole_state(type_url, after.values().filter(|r| names.wants(&r.name)))
                };
                part.carried = step.carried().clone();
                if removals {
                    part.gone = step.removed().clone();
                }
                vec![part]
            }
        };
        let state = self.state_mut(type_url);
        state.root = after;
        state.unsent_changes = false;
        state.unsent_removals = has_removals && !removals;
        // One endpoint more of a collection is nothing that others wait for.
        let adds = step.adds() && type_url != TypeUrl::LbEndpoint;
        self.send(type_url, &parts, adds, Purpose::Serve, |_| Prior::Set(step.old().clone()));
        true
    }

    /// The general case: each name that deviates is looked at.
    fn push_each(
        &mut self,
        type_url: TypeUrl,
        current: &ResourceSet,
        permit: Permit,
        released: &[ResourceName],
    ) {
        self.state_mut(type_url).rebase(current);
        let trial = self.next_trial(type_url, current);
        let mut wanted = match &trial {
            Some(send) => Wanted { send: send.clone(), ..Wanted::default() },
            None => self.wanted(type_url, current),
        };
        if trial.is_none()
            && permit.send
            && permit.add
            && let Some(probe) = self.next_probe(type_url, &wanted)
        {
            self.send_probe_of_parts(type_url, current, probe);
            return;
        }
        let whole = self.sent_whole(type_url);
        let partial = self.protocol == Protocol::StateOfTheWorld && !whole;
        let changes = !wanted.send.is_empty();
        let answers = !wanted.missing.is_empty();

        let state = self.state_mut(type_url);
        if trial.is_none() {
            state.holds_rejected = wanted.holds_rejected;
            state.unsent_removals = (!wanted.remove.is_empty() || wanted.keep) && !partial;
        }
        state.unsent_changes = changes || answers || wanted.later;
        if !permit.send || (changes && !permit.add) {
            return;
        }
        if partial {
            for name in wanted.remove.drain(..) {
                state.odd.remove(&name);
            }
        } else if !permit.remove {
            // What nobody knows cannot be repeated, so a response that carries everything takes it away.
            let unknown = |name: &ResourceName| state.holding(name).known().is_none();
            let takes = whole && (changes || answers || state.owed);
            wanted.remove.retain(|name| takes && unknown(name));
        }
        state.unsent_changes = trial.is_some() || wanted.later;
        state.unsent_removals &= !permit.remove || wanted.keep;
        let nothing = !changes && !answers && wanted.remove.is_empty() && released.is_empty();
        let owed = std::mem::take(&mut state.owed);
        if trial.is_none() {
            state.odd.values_mut().for_each(|odd| odd.answer = false);
        }
        if nothing && !owed {
            state.odd.retain(|name, odd| !settled(odd, current.contains_key(name)));
            return;
        }
        let purpose = if trial.is_some() { Purpose::Trial } else { Purpose::Serve };
        self.send_each(type_url, current, &wanted, released, purpose);
        if trial.is_some() {
            self.send_suspects(type_url, current);
        }
    }

    /// A group of suspects has been sent. So are the others, if the client answers each by itself.
    fn send_suspects(&mut self, type_url: TypeUrl, current: &ResourceSet) {
        self.state_mut(type_url).suspects.pop();
        while self.tries_at_once(type_url)
            && let Some(send) = self.next_trial(type_url, current)
        {
            self.state_mut(type_url).suspects.pop();
            let wanted = Wanted { send, ..Wanted::default() };
            self.send_each(type_url, current, &wanted, &[], Purpose::Trial);
        }
    }

    /// The next probe of a resource's parts, if it is time for one.
    fn next_probe(&mut self, type_url: TypeUrl, wanted: &Wanted) -> Option<EncodedResource> {
        let idle = wanted.send.is_empty() && wanted.missing.is_empty();
        // What is sent whole would bring back the contents before those that wait.
        let every_other = !self.sent_whole(type_url);
        let TypeState { trims, names, odd, .. } = &mut self.types[type_url as usize];
        trims.next_probe((idle, every_other), |name| names.wants(name) && odd.contains_key(name))
    }

    /// Sends a probe. It will be rejected, so the client goes on to hold what it holds.
    fn send_probe_of_parts(&mut self, type_url: TypeUrl, current: &ResourceSet, probe: EncodedResource) {
        let state = self.state_mut(type_url);
        let holding = state.holding(&probe.name);
        (state.unsent_changes, state.holds_rejected) = (true, true);
        let with_probe = current.update(probe.name.clone(), probe.clone());
        let name = probe.name.clone();
        let wanted = Wanted { send: vec![probe], ..Wanted::default() };
        self.send_each(type_url, &with_probe, &wanted, &[], Purpose::Probe);
        self.state_mut(type_url).deviate(&name, holding, false);
    }

    fn send_each(
        &mut self,
        type_url: TypeUrl,
        current: &ResourceSet,
        wanted: &Wanted,
        released: &[ResourceName],
        purpose: Purpose,
    ) {
        let state = &mut self.types[type_url as usize];
        let mut prior = BTreeMap::new();
        let mut adds = !wanted.missing.is_empty();
        let settled_names = wanted.remove.iter().chain(&wanted.missing);
        for name in wanted.send.iter().map(|r| &r.name).chain(settled_names) {
            if let Some(odd) = state.odd.remove(name) {
                adds |= odd.holding.is_absent();
                prior.insert(name.clone(), odd.holding);
            }
        }
        // What is answered as missing because the client has rejected it is not held, though it exists.
        for name in wanted.missing.iter().filter(|name| current.contains_key(*name)) {
            state.deviate(name, Holding::Absent, false);
        }
        let parts = match self.protocol {
            Protocol::Delta => {
                let removed = [&wanted.remove[..], &wanted.missing, released].concat();
                let mut parts = self.parts(type_url, &wanted.send, &removed);
                if let Some(last) = parts.last_mut() {
                    last.gone = removed.into();
                }
                parts
            }
            Protocol::StateOfTheWorld if quirks::is_sent_alone(type_url) && !wanted.send.is_empty() => {
                wanted.send.iter().map(|resource| whole_state(type_url, [resource])).collect()
            }
            Protocol::StateOfTheWorld => {
                let mut part = if self.sent_whole(type_url) {
                    whole_state(type_url, &held(&self.types[type_url as usize], current))
                } else {
                    whole_state(type_url, &wanted.send)
                };
                part.carried = wanted.send.iter().map(|r| (r.name.clone(), r.digest)).collect();
                part.gone = wanted.remove.clone().into();
                vec![part]
            }
        };
        let state = self.state_mut(type_url);
        state.odd.retain(|name, odd| !settled(odd, current.contains_key(name)));
        self.send(type_url, &parts, adds, purpose, |part| {
            let names = part.carried.names().chain(part.gone.iter());
            Prior::Each(names.filter_map(|n| Some((n.clone(), prior.get(n)?.clone()))).collect())
        });
    }

    /// The size from which on a delta response is split.
    pub(super) fn delta_bytes(&self, type_url: TypeUrl) -> usize {
        match type_url {
            _ if quirks::is_sent_alone(type_url) => 0,
            // A domain that moves from one host to another would be in both of them between two responses.
            TypeUrl::VirtualHost => usize::MAX,
            _ => self.options.delta_bytes,
        }
    }

    fn wanted(&self, type_url: TypeUrl, current: &ResourceSet) -> Wanted {
        let state = self.state(type_url);
        let tell = self.options.answer_missing.get(type_url);
        let mut wanted = Wanted::default();
        let ahead = self.only_chains_ahead(type_url);
        for (name, odd) in &state.odd {
            match current.get(name) {
                Some(_) if self.is_held_back(type_url, name) => wanted.holds_rejected = true,
                Some(_) if state.trims.searches_in(name) => wanted.later = true,
                Some(_) if ahead && odd.holding.exists() => wanted.later = true,
                Some(resource) if !self.is_rejected(type_url, resource) => wanted.send.push(resource.clone()),
                Some(_) if odd.holding.exists() => wanted.holds_rejected = true,
                _ if odd.answer && tell => wanted.missing.push(name.clone()),
                None if odd.holding.is_absent() || self.is_left_to_drain(type_url, name) => {}
                None if self.is_still_named(type_url, name) => wanted.keep = true,
                None => wanted.remove.push(name.clone()),
                _ => {}
            }
        }
        wanted
    }

    /// Whether responses of this type always carry everything: an omission removes.
    pub(super) fn sent_whole(&self, type_url: TypeUrl) -> bool {
        self.protocol == Protocol::StateOfTheWorld && matches!(type_url, TypeUrl::Cluster | TypeUrl::Listener)
    }

    /// Whether the client has rejected this content.
    pub(super) fn is_rejected(&self, type_url: TypeUrl, resource: &EncodedResource) -> bool {
        self.state(type_url).has_rejected(&resource.name, resource.digest)
    }

    /// Sends a response that leaves the accounting of holdings alone.
    pub(super) fn send_unchanging(&mut self, type_url: TypeUrl, part: &Part) {
        self.send(type_url, std::slice::from_ref(part), false, Purpose::Serve, |_| {
            Prior::Each(BTreeMap::new())
        });
    }

    pub(super) fn send(
        &mut self,
        type_url: TypeUrl,
        parts: &[Part],
        adds: bool,
        purpose: Purpose,
        prior: impl Fn(&Part) -> Prior,
    ) {
        let revision = self.publication.revision();
        for part in parts {
            let nonce = self.next_nonce();
            let flight = Flight {
                nonce,
                version: part.version,
                revision,
                carried: part.carried.clone(),
                gone: part.gone.clone(),
                prior: prior(part),
                adds,
                purpose,
                settled: BTreeSet::new(),
            };
            match type_url {
                TypeUrl::Cluster if !part.carried.is_empty() => {
                    self.clusters_unseen = Some(nonce);
                    quirks::endpoints_follow_clusters(
                        &mut self.types[TypeUrl::ClusterLoadAssignment as usize],
                        part.carried.names(),
                    );
                }
                TypeUrl::ClusterLoadAssignment => self.assignments_sent(&flight),
                TypeUrl::RouteConfiguration => self.tables_sent(&flight),
                TypeUrl::VirtualHost => self.tables.release.clear(),
                TypeUrl::Secret => {
                    let awaited = &mut self.types[type_url as usize].awaited;
                    part.carried.names().for_each(|name| {
                        awaited.remove(name);
                    });
                }
                _ => {}
            }
            self.chains_see_response(type_url);
            let state = self.state_mut(type_url);
            state.owed = false;
            state.trims.sent(purpose);
            state.sent(flight);
            self.out.push(Action::Send(Response::new(type_url, nonce, part)));
        }
    }
}

/// Whether a deviation is none: nothing there, nothing wanted, nothing to answer.
fn settled(odd: &Odd, exists: bool) -> bool {
    odd.holding.is_absent() && !exists && !odd.answer
}

/// Everything that a state-of-the-world client is to hold after a response: what it wants of `current`, with
/// the deviations that remain as they are.
fn held(state: &TypeState, current: &ResourceSet) -> Vec<EncodedResource> {
    let mut held: BTreeMap<&ResourceName, &EncodedResource> =
        current.iter().filter(|(name, _)| state.names.wants(name)).collect();
    for (name, odd) in &state.odd {
        // What was thought to be held may have been found to be rejected since.
        match odd.holding.known().filter(|resource| !state.has_rejected(name, resource.digest)) {
            Some(resource) => held.insert(name, resource),
            None => held.remove(name),
        };
    }
    held.into_values().cloned().collect()
}
