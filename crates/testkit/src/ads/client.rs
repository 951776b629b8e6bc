//! What one client holds and says: the rules of Envoy's xDS client, without socket and clock.
//!
//! The same rules as in [`crate::fake_envoy`], at a cost that thousands of clients can bear: contents are
//! shared, and what is referred to is counted rather than collected anew.

mod kinds;

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use envoy_types::pb::envoy::config::core::v3::Node;
use fairlead_resource::TypeUrl;

use super::{
    content::{Content, Item, NameId, Shelves},
    profile::extensions,
    request::{Answer, Request},
};
use crate::fake_envoy::Protocol;
use kinds::{Kinds, State, Wishes};

/// A response as a client has read it.
#[derive(Debug, Default)]
pub(super) struct Response {
    pub(super) type_url: String,
    pub(super) nonce: String,
    pub(super) version: String,
    pub(super) items: Vec<Item>,
    pub(super) removed: Vec<NameId>,
    pub(super) bytes: usize,
}

/// A resource whose content a response has changed; without a content it is gone.
pub(super) type Changed<'a> = dyn FnMut(TypeUrl, NameId, Option<&Content>) + 'a;

/// One client.
#[derive(Debug)]
pub(super) struct Member {
    protocol: Protocol,
    node: Node,
    /// Whether it answers responses at all.
    acknowledges: bool,
    /// The types whose responses it refuses.
    refuses: BTreeSet<TypeUrl>,
    introduced: bool,
    kinds: Kinds,
    /// Assignments that a new or changed cluster waits for.
    warming: BTreeSet<NameId>,
    /// Assignments that have come and whose collections of endpoints may not have.
    collecting: BTreeSet<NameId>,
    /// Tables whose virtual hosts have not come.
    hostless: BTreeSet<NameId>,
    /// Nonces of CDS that are acknowledged once nothing is `warming`.
    withheld: Vec<String>,
    lost_hosts: u64,
}

impl Member {
    pub(super) fn new(
        protocol: Protocol,
        node: Node,
        acknowledges: bool,
        refuses: BTreeSet<TypeUrl>,
    ) -> Self {
        let mut kinds = Kinds::default();
        kinds.of_mut(TypeUrl::CLUSTER).wildcard = true;
        Self {
            protocol,
            node,
            acknowledges,
            refuses,
            introduced: false,
            kinds,
            warming: BTreeSet::new(),
            collecting: BTreeSet::new(),
            hostless: BTreeSet::new(),
            withheld: Vec::new(),
            lost_hosts: 0,
        }
    }

    fn kind(&self, kind: TypeUrl) -> &State {
        self.kinds.of(kind)
    }

    fn kind_mut(&mut self, kind: TypeUrl) -> &mut State {
        self.kinds.of_mut(kind)
    }

    /// Whether everything that it has been referred to has come.
    pub(super) fn is_complete(&self) -> bool {
        self.kind(TypeUrl::LISTENER).answered
            && !self.is_warming()
            && self.hostless.is_empty()
            && self.kinds.all().all(|state| state.open.is_empty())
    }

    /// Whether a cluster waits for its endpoints.
    pub(super) fn is_warming(&self) -> bool {
        !self.warming.is_empty() || !self.collecting.is_empty()
    }

    /// How many virtual hosts came before their table and were lost.
    pub(super) fn lost_hosts(&self) -> u64 {
        self.lost_hosts
    }

    /// Whether it holds a resource.
    pub(super) fn holds(&self, kind: TypeUrl, name: NameId) -> bool {
        self.kind(kind).held.contains_key(&name)
    }

    /// How many resources of a type it holds.
    pub(super) fn count(&self, kind: TypeUrl) -> usize {
        self.kind(kind).held.len()
    }

    /// What is still to come, for an error message.
    pub(super) fn lacks(&self, shelves: &Shelves) -> String {
        let mut lacks = Vec::new();
        for kind in TypeUrl::ENVOY {
            let open = &self.kind(kind).open;
            if let Some(first) = open.first() {
                lacks.push(format!("{} of {kind} such as {}", open.len(), shelves.name(*first)));
            }
        }
        if !self.kind(TypeUrl::LISTENER).answered {
            lacks.push("any listener".to_owned());
        }
        if let Some(table) = self.hostless.first() {
            lacks.push(format!("the hosts of table {}", shelves.name(*table)));
        }
        if let Some(first) = self.warming.first() {
            lacks.push(format!(
                "endpoints of {} clusters such as {}",
                self.warming.len(),
                shelves.name(*first)
            ));
        }
        lacks.join(", ")
    }

    /// The first requests of a new stream: of CDS alone for a new client, of all that it had for an old one.
    pub(super) fn on_stream(&mut self, shelves: &Shelves) -> Vec<Bytes> {
        self.withheld.clear();
        self.introduced = false;
        for state in self.kinds.all_mut() {
            state.last_nonce.clear();
            // What a delta client has it need not be sent again; the other asks anew.
            state.answered &= self.protocol == Protocol::Delta;
        }
        let subscribed = TypeUrl::ENVOY.into_iter().filter(|kind| self.kind(*kind).is_subscribed());
        let kinds: Vec<_> = subscribed.collect();
        kinds.into_iter().map(|kind| self.initial(kind, shelves)).collect()
    }

    /// Takes a response; the requests that follow from it are added to `out`.
    pub(super) fn take(
        &mut self,
        response: Response,
        shelves: &mut Shelves,
        changed: &mut Changed<'_>,
        out: &mut Vec<Bytes>,
    ) {
        let Some(kind) = TypeUrl::parse(&response.type_url) else {
            let message = format!("no subscription of type {}", response.type_url);
            return self.refuse(None, &response, &message, shelves, out);
        };
        let state = self.kind_mut(kind);
        state.last_nonce.clone_from(&response.nonce);
        state.answered = true;
        if self.refuses.contains(&kind) {
            return self.refuse(Some(kind), &response, "refused by the crowd", shelves, out);
        }
        let mut wishes = Wishes::default();
        let mut removed = response.removed;
        if self.protocol == Protocol::Sotw && matches!(kind, TypeUrl::CLUSTER | TypeUrl::LISTENER) {
            let sent: BTreeSet<_> = response.items.iter().map(|item| item.name).collect();
            removed.extend(self.kind(kind).held.keys().filter(|name| !sent.contains(name)));
        }
        for name in removed {
            self.remove(kind, name, shelves, &mut wishes, changed);
        }
        let mut again = false;
        for item in response.items {
            match item.content {
                Some(content) => {
                    again |= self.insert(kind, item.name, &content, shelves, &mut wishes, changed);
                }
                None => self.remove(kind, item.name, shelves, &mut wishes, changed),
            }
        }
        self.kind_mut(kind).version = response.version;
        let asked = self.subscribe(&wishes, shelves, out);
        // With the state of the world Envoy asks for the same names again; with delta it asks for nothing.
        if again && !asked && self.protocol == Protocol::Sotw {
            let request = Request::default();
            out.push(self.frame(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, request, shelves));
        }
        if kind == TypeUrl::CLUSTER {
            self.withheld.push(response.nonce);
        } else {
            self.acknowledge(kind, response.nonce, shelves, out);
        }
        self.release(shelves, out);
    }

    /// The time for endpoints is over: goes on without them. Says how many assignments did not come.
    pub(super) fn expire(&mut self, shelves: &Shelves, out: &mut Vec<Bytes>) -> usize {
        let late = self.warming.len() + self.collecting.len();
        self.warming.clear();
        self.collecting.clear();
        self.release(shelves, out);
        late
    }

    fn refuse(
        &mut self,
        kind: Option<TypeUrl>,
        response: &Response,
        message: &str,
        shelves: &Shelves,
        out: &mut Vec<Bytes>,
    ) {
        if !self.acknowledges {
            return;
        }
        let answer = Answer { nonce: response.nonce.clone(), error: Some(message.to_owned()) };
        let request = Request { answer: Some(answer), ..Request::default() };
        out.push(if let Some(kind) = kind {
            self.frame(kind, request, shelves)
        } else {
            let node = self.introduce();
            Request { type_url: response.type_url.clone(), ..request }.frame(self.protocol, node)
        });
    }

    fn acknowledge(&mut self, kind: TypeUrl, nonce: String, shelves: &Shelves, out: &mut Vec<Bytes>) {
        if self.acknowledges {
            let answer = Some(Answer { nonce, error: None });
            out.push(self.frame(kind, Request { answer, ..Request::default() }, shelves));
        }
    }

    /// Adds or replaces a resource; says whether the endpoints of a known cluster are wanted again.
    fn insert(
        &mut self,
        kind: TypeUrl,
        name: NameId,
        content: &Arc<Content>,
        shelves: &mut Shelves,
        wishes: &mut Wishes,
        changed: &mut Changed<'_>,
    ) -> bool {
        let state = self.kind_mut(kind);
        state.open.remove(&name);
        if state.held.get(&name).is_some_and(|old| Arc::ptr_eq(old, content)) {
            self.came(kind, name, Some(content));
            return false;
        }
        match kind {
            TypeUrl::VIRTUAL_HOST => {
                let table = shelves.table_of(name);
                if !self.kind(TypeUrl::ROUTE_CONFIGURATION).held.contains_key(&table) {
                    self.lost_hosts += 1;
                    return false;
                }
                self.hostless.remove(&table);
            }
            TypeUrl::LB_ENDPOINT => {
                let glob = shelves.glob_of(name);
                self.kind_mut(kind).open.remove(&glob);
            }
            _ => self.came(kind, name, Some(content)),
        }
        let old = self.kind_mut(kind).held.insert(name, content.clone());
        let is_changed = old.as_ref().is_none_or(|old| old.digest != content.digest);
        if !is_changed {
            return false;
        }
        changed(kind, name, Some(content));
        if kind == TypeUrl::ROUTE_CONFIGURATION
            && content.takes_hosts
            && !old.as_ref().is_some_and(|old| old.takes_hosts)
        {
            self.hostless.insert(name);
        }
        let mut again = false;
        for (referred, name) in &content.refers_to {
            if kind == TypeUrl::CLUSTER && *referred == TypeUrl::CLUSTER_LOAD_ASSIGNMENT {
                again = old.is_some();
                self.warming.insert(*name);
            }
            self.kinds.want(*referred, *name, wishes);
        }
        if let Some(old) = old {
            self.kinds.forget(&old, wishes);
        }
        again
    }

    fn remove(
        &mut self,
        kind: TypeUrl,
        name: NameId,
        shelves: &mut Shelves,
        wishes: &mut Wishes,
        changed: &mut Changed<'_>,
    ) {
        let state = self.kind_mut(kind);
        state.open.remove(&name);
        let gone = state.held.remove(&name);
        match kind {
            TypeUrl::VIRTUAL_HOST => {
                let table = shelves.table_of(name);
                self.hostless.remove(&table);
            }
            TypeUrl::ROUTE_CONFIGURATION => {
                self.hostless.remove(&name);
                let hosts = &mut self.kind_mut(TypeUrl::VIRTUAL_HOST).held;
                if gone.as_ref().is_some_and(|table| table.takes_hosts) {
                    hosts.retain(|host, _| shelves.table_of(*host) != name);
                }
            }
            _ => self.came(kind, name, None),
        }
        if let Some(gone) = gone {
            changed(kind, name, None);
            if kind == TypeUrl::CLUSTER {
                for (_, endpoints) in &gone.refers_to {
                    self.warming.remove(endpoints);
                }
            }
            self.kinds.forget(&gone, wishes);
        }
    }

    /// Notes that an assignment has come, or that there is none, which is as good to know.
    fn came(&mut self, kind: TypeUrl, name: NameId, content: Option<&Arc<Content>>) {
        if kind != TypeUrl::CLUSTER_LOAD_ASSIGNMENT {
            return;
        }
        self.warming.remove(&name);
        if content.is_some_and(|content| !content.refers_to.is_empty()) {
            self.collecting.insert(name);
        } else {
            self.collecting.remove(&name);
        }
    }

    /// Subscribes to what is newly referred to, and gives up what no longer is; says whether endpoints were
    /// asked for.
    fn subscribe(&mut self, wishes: &Wishes, shelves: &mut Shelves, out: &mut Vec<Bytes>) -> bool {
        let mut asked = false;
        for kind in TypeUrl::ENVOY {
            let (add, remove) = wishes.of(kind);
            if add.is_empty() && remove.is_empty() {
                continue;
            }
            self.give_up(kind, &remove, shelves);
            let state = self.kind_mut(kind);
            state.open.extend(add.iter().filter(|name| !state.held.contains_key(name)));
            asked |= kind == TypeUrl::CLUSTER_LOAD_ASSIGNMENT && !add.is_empty();
            let request = Request {
                subscribe: shelves.names_of(&add),
                unsubscribe: shelves.names_of(&remove),
                ..Request::default()
            };
            out.push(self.frame(kind, request, shelves));
        }
        if !self.hostless.is_empty() && !self.kind(TypeUrl::VIRTUAL_HOST).wildcard {
            self.kind_mut(TypeUrl::VIRTUAL_HOST).wildcard = true;
            out.push(self.initial(TypeUrl::VIRTUAL_HOST, shelves));
        }
        asked
    }

    fn give_up(&mut self, kind: TypeUrl, names: &[NameId], shelves: &mut Shelves) {
        let mut wishes = Wishes::default();
        for name in names {
            let state = self.kind_mut(kind);
            state.open.remove(name);
            if kind == TypeUrl::LB_ENDPOINT {
                state.held.retain(|endpoint, _| shelves.glob_of(*endpoint) != *name);
            } else {
                self.remove(kind, *name, shelves, &mut wishes, &mut |_, _, _| {});
            }
        }
    }

    /// Acknowledges CDS once no cluster waits, and then asks for listeners if that has not been done.
    fn release(&mut self, shelves: &Shelves, out: &mut Vec<Bytes>) {
        let assignments = &self.kinds.of(TypeUrl::CLUSTER_LOAD_ASSIGNMENT).held;
        let open = &self.kinds.of(TypeUrl::LB_ENDPOINT).open;
        self.collecting.retain(|name| {
            assignments
                .get(name)
                .is_some_and(|held| held.refers_to.iter().any(|(_, glob)| open.contains(glob)))
        });
        if self.is_warming() || !self.kind(TypeUrl::CLUSTER).answered {
            return;
        }
        let mut nonces = std::mem::take(&mut self.withheld);
        if self.protocol == Protocol::Sotw {
            // What was withheld collapses into one request. On a new stream there may be none: the clusters came
            // on the one before.
            nonces.drain(..nonces.len().saturating_sub(1));
        }
        for nonce in nonces {
            self.acknowledge(TypeUrl::CLUSTER, nonce, shelves, out);
        }
        if !self.kind(TypeUrl::LISTENER).wildcard {
            self.kind_mut(TypeUrl::LISTENER).wildcard = true;
            out.push(self.initial(TypeUrl::LISTENER, shelves));
        }
    }

    /// The first request of a type on a stream.
    fn initial(&mut self, kind: TypeUrl, shelves: &Shelves) -> Bytes {
        let state = self.kind(kind);
        let wanted: Vec<_> = state.wanted.keys().copied().collect();
        let version = |(name, content): (&NameId, &Arc<Content>)| {
            (shelves.name(*name).to_string(), content.version.to_string())
        };
        // Envoy does not list what it has of a collection.
        let lists = self.protocol == Protocol::Delta && kind != TypeUrl::LB_ENDPOINT;
        let request = Request {
            subscribe: shelves.names_of(&wanted),
            initial_versions: state.held.iter().filter(|_| lists).map(version).collect(),
            ..Request::default()
        };
        self.frame(kind, request, shelves)
    }

    /// The bytes of a request, with what this variant says in every one.
    fn frame(&mut self, kind: TypeUrl, mut request: Request, shelves: &Shelves) -> Bytes {
        kind.as_str().clone_into(&mut request.type_url);
        if self.protocol == Protocol::Sotw {
            let state = self.kind(kind);
            let wanted: Vec<_> = state.wanted.keys().copied().collect();
            request.names = shelves.names_of(&wanted);
            request.version.clone_from(&state.version);
            request.last_nonce.clone_from(&state.last_nonce);
        }
        let node = self.introduce();
        request.frame(self.protocol, node)
    }

    /// The node, the first time on a stream.
    fn introduce(&mut self) -> Option<Node> {
        let node =
            (!self.introduced).then(|| Node { extensions: extensions().to_vec(), ..self.node.clone() });
        self.introduced = true;
        node
    }
}

#[cfg(test)]
mod tests;
