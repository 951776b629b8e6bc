//! Choosing what to send of one type, and sending it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use fairlead_resource::{Digest, EncodedResource, ResourceName, ResourceSet, TypeUrl};

use super::{
    action::Action,
    holdings::{Deviation, Flight, Holding, Prior, Purpose, TypeState},
    rules::Removal,
    stream::Session,
};
use crate::{
    Protocol,
    memo::SetDiff,
    wire::{EncodedResponse, Response, whole_state},
};

/// What of a type may be sent now.
#[derive(Clone, Copy)]
struct Permit {
    send: bool,
    add: bool,
    remove: bool,
}

/// What the client should be sent.
#[derive(Default)]
struct Wanted {
    /// The shared difference from the set that it holds to another. All other fields are empty then.
    diff: Option<Arc<SetDiff>>,
    send: Vec<EncodedResource>,
    /// Names that the client holds and should not.
    remove: Vec<ResourceName>,
    /// Names that the client waits for but that do not exist.
    missing: Vec<ResourceName>,
    holds_rejected: bool,
    /// Something that the client should not hold stays for now.
    keep: bool,
    /// Something has to wait before it is sent.
    later: bool,
    purpose: Purpose,
}

impl Wanted {
    fn changes(&self) -> bool {
        self.diff.as_ref().map_or(!self.send.is_empty(), |diff| !diff.carried().is_empty())
    }

    fn removes(&self) -> bool {
        self.diff.as_ref().map_or(!self.remove.is_empty(), |diff| !diff.removed().is_empty())
    }
}

impl Session {
    /// Sends what may be sent of one type, removals if `remove`, and notes what has to wait.
    pub(super) fn push(&mut self, type_url: TypeUrl, remove: bool) {
        if !self.state(type_url).requested {
            return;
        }
        let current = self.current(type_url);
        // Owners send only elements, which follow their parents.
        let may_follow = self.of(type_url).parent.is_some();
        let mut released = Vec::new();
        if may_follow {
            for responses in self.due(type_url, &current) {
                self.send(type_url, &responses, true, Purpose::Serve, |_| Prior::Each(BTreeMap::new()));
            }
            released = self.released(type_url, &current);
        }
        self.state_mut(type_url).names.share_with(&current);
        let shared = if released.is_empty() { self.shared(type_url, &current) } else { None };
        if let Some(Wanted { diff: None, .. }) = shared {
            self.state_mut(type_url).wants_nothing();
        } else {
            let permit = Permit { send: self.may_send(type_url), add: self.may_add(type_url), remove };
            if let Some(wanted) = shared.or_else(|| self.wanted(type_url, &current, permit)) {
                self.push_wanted(type_url, &current, permit, wanted, &released);
            }
        }
        if may_follow && self.awaits(type_url) {
            self.state_mut(type_url).unsent_changes = true;
        }
    }

    /// The usual case: the client holds a shared set and should hold another, or the same. `None` in other cases.
    fn shared(&self, type_url: TypeUrl, current: &ResourceSet) -> Option<Wanted> {
        let state = self.state(type_url);
        // Shared state must not contain resources of a single connection.
        if self.ledger.is_overlaid(type_url) {
            return None;
        }
        let deviates = !state.deviations.is_empty() || !state.suspects.is_empty() || state.trims.searches();
        if deviates || self.owners.of(type_url).any(|owner| owner.is_unclear(type_url)) {
            return None;
        }
        if state.root.ptr_eq(current) && !state.owed {
            return Some(Wanted::default());
        }
        let diff = self.ledger.memo(type_url).diff(type_url, &state.root, current);
        let wanted = state.names.wildcard
            || (diff.carried().names().all(|name| state.names.wants(name))
                && diff.removed().iter().all(|n| state.names.wants(n)));
        let each = self.judges_each(type_url);
        let all_may_go = !each && state.rejected.is_empty();
        let withheld = |(name, digest): &(ResourceName, Digest)| {
            state.has_rejected(name, *digest) || (each && self.is_withheld(type_url, name))
        };
        let is_due = |name: &ResourceName| !each || self.removal(type_url, name) == Removal::Due;
        let is_shared = wanted
            && self.may_change(type_url)
            && (all_may_go || !diff.carried().iter().any(withheld))
            && diff.removed().iter().all(is_due);
        is_shared.then(|| Wanted { diff: Some(diff), ..Wanted::default() })
    }

    /// The general case: each name that deviates is looked at. `None` if a probe goes instead.
    fn wanted(&mut self, type_url: TypeUrl, current: &ResourceSet, permit: Permit) -> Option<Wanted> {
        self.state_mut(type_url).rebase(current);
        if let Some(send) = self.next_trial(type_url, current) {
            return Some(Wanted { send, purpose: Purpose::Trial, ..Wanted::default() });
        }
        let wanted = self.deviating(type_url, current);
        if permit.send
            && permit.add
            && let Some(probe) = self.next_probe(type_url, &wanted)
        {
            self.send_probe_of_parts(type_url, current, probe);
            return None;
        }
        Some(wanted)
    }

    /// Notes what the client should be sent, and sends what may be sent of it.
    fn push_wanted(
        &mut self,
        type_url: TypeUrl,
        current: &ResourceSet,
        permit: Permit,
        mut wanted: Wanted,
        released: &[ResourceName],
    ) {
        let whole = self.ledger.sent_whole(type_url);
        let partial = self.ledger.protocol == Protocol::StateOfTheWorld && !whole;
        let (changes, answers) = (wanted.changes(), !wanted.missing.is_empty());
        let trial = wanted.purpose == Purpose::Trial;
        let state = self.state_mut(type_url);
        if !trial {
            state.holds_rejected = wanted.holds_rejected;
            state.unsent_removals = (wanted.removes() || wanted.keep) && !partial;
        }
        state.unsent_changes = changes || answers || wanted.later;
        if wanted.diff.is_some() && !changes && (partial || !wanted.removes()) {
            state.root = current.clone();
        }
        if !permit.send || (changes && !permit.add) {
            return;
        }
        if partial {
            for name in wanted.remove.drain(..) {
                state.deviations.remove(&name);
            }
        } else if !permit.remove {
            // Unknown content cannot be repeated, so a response that carries everything removes it.
            let unknown = |name: &ResourceName| state.holding(name).known().is_none();
            let takes = whole && (changes || answers || state.owed);
            wanted.remove.retain(|name| takes && unknown(name));
        }
        state.unsent_changes = trial || wanted.later;
        state.unsent_removals &= !permit.remove || wanted.keep;
        let removes = match &wanted.diff {
            Some(diff) => permit.remove && !partial && !diff.removed().is_empty(),
            None => !wanted.remove.is_empty(),
        };
        let owed = std::mem::take(&mut state.owed);
        if !trial {
            state.deviations.values_mut().for_each(|deviation| deviation.answer = false);
        }
        if !(changes || answers || removes || owed || !released.is_empty()) {
            state.deviations.retain(|name, deviation| !settled(deviation, current.contains_key(name)));
            return;
        }
        match &wanted.diff {
            Some(diff) => self.send_step(type_url, current, diff, permit.remove),
            None => self.send_each(type_url, current, &wanted, released),
        }
        if trial {
            self.send_suspects(type_url, current);
        }
    }

    /// Sends a difference that many sessions share.
    fn send_step(&mut self, type_url: TypeUrl, current: &ResourceSet, diff: &SetDiff, remove: bool) {
        let whole = self.ledger.sent_whole(type_url);
        let partial = self.ledger.protocol == Protocol::StateOfTheWorld && !whole;
        let removals = remove && !diff.removed().is_empty();
        let after = if removals || partial { current } else { diff.kept() }.clone();
        let responses = match self.ledger.protocol {
            Protocol::Delta => self.owners.diff_responses(&self.ledger, diff, removals),
            Protocol::StateOfTheWorld
                if self.ledger.is_sent_alone(type_url) && !diff.carried().is_empty() =>
            {
                diff.changed().map(|resource| whole_state(type_url, [resource])).collect()
            }
            Protocol::StateOfTheWorld => {
                let mut response = if !whole {
                    diff.partial().clone()
                } else if self.state(type_url).names.cover(&after) {
                    self.ledger.memo(type_url).whole(type_url, &after)
                } else {
                    let names = &self.state(type_url).names;
                    whole_state(type_url, after.values().filter(|r| names.wants(&r.name)))
                };
                response.carried = diff.carried().clone();
                if removals {
                    response.gone = diff.removed().clone();
                }
                vec![response]
            }
        };
        self.state_mut(type_url).root = after;
        let adds = diff.adds() && self.owners.of(type_url).all(|owner| owner.additions_are_awaited(type_url));
        self.send(type_url, &responses, adds, Purpose::Serve, |_| Prior::Set(diff.old().clone()));
    }

    /// Sends the other groups of suspects, after a first one, if the client answers each by itself.
    fn send_suspects(&mut self, type_url: TypeUrl, current: &ResourceSet) {
        self.state_mut(type_url).suspects.pop();
        while self.tries_at_once(type_url)
            && let Some(send) = self.next_trial(type_url, current)
        {
            self.state_mut(type_url).suspects.pop();
            let wanted = Wanted { send, purpose: Purpose::Trial, ..Wanted::default() };
            self.send_each(type_url, current, &wanted, &[]);
        }
    }

    /// The next probe of a resource's parts, if it is time for one.
    fn next_probe(&mut self, type_url: TypeUrl, wanted: &Wanted) -> Option<EncodedResource> {
        let idle = wanted.send.is_empty() && wanted.missing.is_empty();
        // A probe with the whole state would revert the changes that wait, so it may not take turns with them.
        let every_other = !self.ledger.sent_whole(type_url);
        let TypeState { trims, names, deviations, .. } = self.ledger.state_mut(type_url);
        trims.next_probe((idle, every_other), |name| names.wants(name) && deviations.contains_key(name))
    }

    /// Sends a probe. It will be rejected, so what the client holds does not change.
    fn send_probe_of_parts(&mut self, type_url: TypeUrl, current: &ResourceSet, probe: EncodedResource) {
        let state = self.state_mut(type_url);
        let holding = state.holding(&probe.name);
        (state.unsent_changes, state.holds_rejected) = (true, true);
        let with_probe = current.update(probe.name.clone(), probe.clone());
        let name = probe.name.clone();
        let wanted = Wanted { send: vec![probe], purpose: Purpose::Probe, ..Wanted::default() };
        self.send_each(type_url, &with_probe, &wanted, &[]);
        self.state_mut(type_url).deviate(&name, holding, false);
    }

    fn send_each(
        &mut self,
        type_url: TypeUrl,
        current: &ResourceSet,
        wanted: &Wanted,
        released: &[ResourceName],
    ) {
        let state = self.ledger.state_mut(type_url);
        let mut prior = BTreeMap::new();
        let mut adds = !wanted.missing.is_empty();
        let settled_names = wanted.remove.iter().chain(&wanted.missing);
        for name in wanted.send.iter().map(|r| &r.name).chain(settled_names) {
            if let Some(deviation) = state.deviations.remove(name) {
                adds |= deviation.holding.is_absent();
                prior.insert(name.clone(), deviation.holding);
            }
        }
        // A resource answered as missing because the client has rejected it is not held, though it exists.
        for name in wanted.missing.iter().filter(|name| current.contains_key(*name)) {
            state.deviate(name, Holding::Absent, false);
        }
        let send = self.ledger.with_bytes(type_url, &wanted.send);
        let responses = match self.ledger.protocol {
            Protocol::Delta => {
                let removed = [&wanted.remove[..], &wanted.missing, released].concat();
                let mut responses = self.owners.responses(&self.ledger, type_url, &send, &removed);
                if let Some(last) = responses.last_mut() {
                    last.gone = removed.into();
                }
                responses
            }
            Protocol::StateOfTheWorld if self.ledger.is_sent_alone(type_url) && !wanted.send.is_empty() => {
                send.iter().map(|resource| whole_state(type_url, [resource])).collect()
            }
            Protocol::StateOfTheWorld => {
                let mut response = if self.ledger.sent_whole(type_url) {
                    let held = held(self.state(type_url), current);
                    whole_state(type_url, &*self.ledger.with_bytes(type_url, &held))
                } else {
                    whole_state(type_url, &*send)
                };
                response.carried = wanted.send.iter().map(|r| (r.name.clone(), r.digest)).collect();
                response.gone = wanted.remove.clone().into();
                vec![response]
            }
        };
        let state = self.state_mut(type_url);
        state.deviations.retain(|name, deviation| !settled(deviation, current.contains_key(name)));
        self.send(type_url, &responses, adds, wanted.purpose, |response| {
            let names = response.carried.names().chain(response.gone.iter());
            Prior::Each(names.filter_map(|n| Some((n.clone(), prior.get(n)?.clone()))).collect())
        });
    }

    /// What to send for the names that deviate from the root.
    fn deviating(&self, type_url: TypeUrl, current: &ResourceSet) -> Wanted {
        let state = self.state(type_url);
        let tell = self.ledger.tells_missing(type_url);
        let mut wanted = Wanted::default();
        let may_change = self.may_change(type_url);
        for (name, deviation) in &state.deviations {
            match current.get(name) {
                Some(_) if self.is_withheld(type_url, name) => wanted.holds_rejected = true,
                Some(_) if state.trims.searches_in(name) => wanted.later = true,
                Some(_) if !may_change && deviation.holding.exists() => wanted.later = true,
                Some(resource) if !self.is_rejected(type_url, resource) => wanted.send.push(resource.clone()),
                Some(_) if deviation.holding.exists() => wanted.holds_rejected = true,
                _ if deviation.answer && tell => wanted.missing.push(name.clone()),
                None if deviation.holding.is_absent() => {}
                None => match self.removal(type_url, name) {
                    Removal::Due => wanted.remove.push(name.clone()),
                    Removal::Later => wanted.keep = true,
                    Removal::Left => {}
                },
                _ => {}
            }
        }
        wanted
    }

    /// Sends a response that leaves the accounting of holdings alone.
    pub(super) fn send_unchanging(&mut self, type_url: TypeUrl, response: &EncodedResponse) {
        self.send(type_url, std::slice::from_ref(response), false, Purpose::Serve, |_| {
            Prior::Each(BTreeMap::new())
        });
    }

    pub(super) fn send(
        &mut self,
        type_url: TypeUrl,
        responses: &[EncodedResponse],
        adds: bool,
        purpose: Purpose,
        prior: impl Fn(&EncodedResponse) -> Prior,
    ) {
        let revision = self.ledger.publication.revision();
        for response in responses {
            let nonce = self.next_nonce();
            let flight = Flight {
                nonce,
                version: response.version,
                revision,
                carried: response.carried.clone(),
                gone: response.gone.clone(),
                prior: prior(response),
                adds,
                purpose,
                settled: BTreeSet::new(),
            };
            for owner in self.owners.of_mut(type_url) {
                owner.on_sent(&mut self.ledger, type_url, &flight);
            }
            let state = self.state_mut(type_url);
            state.owed = false;
            if !state.awaited.is_empty() {
                response.carried.names().for_each(|name| {
                    state.awaited.remove(name);
                });
            }
            state.trims.sent(purpose == Purpose::Probe);
            state.sent(flight);
            self.ledger.out.push(Action::Send(Response::new(type_url, nonce, response)));
        }
    }
}

/// Whether a deviation is settled: nothing held, nothing wanted, no answer due.
fn settled(deviation: &Deviation, exists: bool) -> bool {
    deviation.holding.is_absent() && !exists && !deviation.answer
}

/// Everything that a state-of-the-world client should hold after a response: what it wants of `current`, and the
/// deviations that remain.
fn held(state: &TypeState, current: &ResourceSet) -> Vec<EncodedResource> {
    let mut held: BTreeMap<&ResourceName, &EncodedResource> =
        current.iter().filter(|(name, _)| state.names.wants(name)).collect();
    for (name, deviation) in &state.deviations {
        // What counted as held may have been rejected since.
        match deviation.holding.known().filter(|resource| !state.has_rejected(name, resource.digest)) {
            Some(resource) => held.insert(name, resource),
            None => held.remove(name),
        };
    }
    held.into_values().cloned().collect()
}
