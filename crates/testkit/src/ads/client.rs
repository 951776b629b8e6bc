//! The rules of Envoy's client: what it holds, requests and answers.
//!
//! The numbers in comments are those of the observations on Envoy 1.40 in the xDS notes.
//!
//! References are counted rather than collected anew, so that thousands of clients cost little.

mod questions;
mod requests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use envoy_types::pb::envoy::config::core::v3::Node;
use fairlead_resource::TypeUrl;

use super::{
    holdings::{Kinds, State, Wishes},
    library::{Content, Library, NameId},
    protocol::Protocol,
    response::{Reading, Response},
    wire::WireError,
};

/// A callback for each resource that a response has changed; without a content it is removed.
pub type Changed<'a> = dyn FnMut(TypeUrl, NameId, Option<&Content>) + 'a;

/// Something to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// The first request of a type on a stream.
    Initial(TypeUrl),
    /// A change of the names subscribed.
    Subscribe {
        /// The type.
        kind: TypeUrl,
        /// Names that are wanted now.
        add: Vec<NameId>,
        /// Names that are no longer wanted.
        remove: Vec<NameId>,
    },
    /// The last request once more.
    Repeat(TypeUrl),
    /// An acknowledgement.
    Ack {
        /// The type.
        kind: TypeUrl,
        /// The nonce of the response.
        nonce: String,
    },
    /// A rejection, also of an unknown type.
    Nack {
        /// The type URL of the response.
        type_url: String,
        /// The nonce of the response.
        nonce: String,
        /// Why it is refused.
        message: String,
    },
}

impl Outgoing {
    /// Whether it answers a response.
    pub fn is_answer(&self) -> bool {
        matches!(self, Self::Ack { .. } | Self::Nack { .. })
    }
}

/// One client. It outlives its streams.
#[derive(Debug)]
pub struct Client {
    protocol: Protocol,
    node: Option<Node>,
    introduced: bool,
    reading: Reading,
    kinds: Kinds,
    /// Assignments that a new or changed cluster waits for.
    warming: BTreeSet<NameId>,
    /// Assignments that have arrived but whose collections of endpoints may not have.
    collecting: BTreeSet<NameId>,
    /// Assignments that the server has removed: their clusters keep what they referred to.
    taken_away: BTreeMap<NameId, Arc<Content>>,
    /// Tables whose virtual hosts have not arrived.
    hostless: BTreeSet<NameId>,
    /// Answers to CDS that are given once nothing is warming.
    withheld: Vec<Outgoing>,
    /// The stream began while clusters warmed, so that CDS has not been asked for.
    is_late: bool,
    expired_waits: u64,
    lost_hosts: u64,
}

impl Client {
    /// A client that holds nothing. The first request of a stream carries `node`, with the extensions of a stock Envoy;
    /// `None` for servers that do not need a node.
    pub fn new(protocol: Protocol, node: Option<Node>) -> Self {
        let mut kinds = Kinds::default();
        kinds.of_mut(TypeUrl::CLUSTER).wildcard = true;
        Self {
            protocol,
            node,
            introduced: false,
            reading: Reading::new(protocol),
            kinds,
            warming: BTreeSet::new(),
            collecting: BTreeSet::new(),
            taken_away: BTreeMap::new(),
            hostless: BTreeSet::new(),
            withheld: Vec::new(),
            is_late: false,
            expired_waits: 0,
            lost_hosts: 0,
        }
    }

    fn kind(&self, kind: TypeUrl) -> &State {
        self.kinds.of(kind)
    }

    fn kind_mut(&mut self, kind: TypeUrl) -> &mut State {
        self.kinds.of_mut(kind)
    }

    /// Begins a stream: the first requests are for CDS only if the client is new, and otherwise for all types that it
    /// had. CDS is paused while clusters warm (observation 3), so it may come later than the others.
    pub fn on_stream(&mut self) -> Vec<Outgoing> {
        self.withheld.clear();
        self.is_late = self.is_warming();
        self.introduced = false;
        self.reading = Reading::new(self.protocol);
        for state in self.kinds.all_mut() {
            state.last_nonce.clear();
            // A delta client need not be sent again what it holds; the other one requests it anew.
            state.answered &= self.protocol == Protocol::Delta;
        }
        let subscribed = TypeUrl::ENVOY.into_iter().filter(|kind| self.kind(*kind).is_subscribed());
        subscribed.filter(|kind| !self.is_late || *kind != TypeUrl::CLUSTER).map(Outgoing::Initial).collect()
    }

    /// Takes the next piece of the stream, of any size; returns the responses that it completes, which are to be
    /// [taken](Client::take).
    ///
    /// # Errors
    /// If the stream cannot be read on.
    pub fn read(&mut self, piece: &[u8], library: &mut Library) -> Result<Vec<Response>, WireError> {
        self.reading.push(piece, library)
    }

    /// Accepts a response, or rejects it for a reason. Returns the requests that follow.
    pub fn take(
        &mut self,
        response: Response,
        refusal: Option<String>,
        library: &mut Library,
        changed: &mut Changed<'_>,
    ) -> Vec<Outgoing> {
        let Response { type_url, nonce, version, items, mut removed, unreadable, .. } = response;
        let Some(kind) = TypeUrl::parse(&type_url) else {
            let message = refusal.unwrap_or_else(|| format!("no subscription of type {type_url}"));
            return vec![Outgoing::Nack { type_url, nonce, message }];
        };
        let state = self.kind_mut(kind);
        state.last_nonce.clone_from(&nonce);
        state.answered = true;
        // One bad resource refuses the whole response (observation 6).
        if let Some(message) = refusal.or(unreadable) {
            return self.refuse(kind, Outgoing::Nack { type_url, nonce, message });
        }
        let mut wishes = Wishes::default();
        if self.protocol == Protocol::Sotw && matches!(kind, TypeUrl::CLUSTER | TypeUrl::LISTENER) {
            let sent: BTreeSet<_> = items.iter().map(|item| item.name).collect();
            removed.extend(self.kind(kind).held.keys().filter(|name| !sent.contains(name)));
        }
        for name in removed {
            if self.remove(kind, name, library, &mut wishes) {
                changed(kind, name, None);
            }
        }
        let mut again = false;
        for item in items {
            match item.content {
                Some(content) => {
                    let inserted = self.insert(kind, item.name, &content, library, &mut wishes);
                    if inserted.is_change {
                        changed(kind, item.name, Some(&content));
                    }
                    again |= inserted.warms_again;
                }
                None => {
                    if self.remove(kind, item.name, library, &mut wishes) {
                        changed(kind, item.name, None);
                    }
                }
            }
        }
        self.kind_mut(kind).version = version;
        let mut out = Vec::new();
        let asked = self.subscribe(&mut wishes, library, &mut out);
        // Observation 1: a state-of-the-world client requests the same names again; a delta client requests nothing.
        if again && !asked && self.protocol == Protocol::Sotw {
            out.push(Outgoing::Repeat(TypeUrl::CLUSTER_LOAD_ASSIGNMENT));
        }
        self.answer(kind, Outgoing::Ack { kind, nonce }, &mut out);
        out
    }

    fn refuse(&mut self, kind: TypeUrl, refusal: Outgoing) -> Vec<Outgoing> {
        // Clusters that wait for collections continue with what there is.
        if kind == TypeUrl::LB_ENDPOINT {
            self.kind_mut(kind).open.clear();
            self.collecting.clear();
        }
        let mut out = Vec::new();
        self.answer(kind, refusal, &mut out);
        out
    }

    /// Answers a response; the answer to CDS waits until nothing is warming.
    fn answer(&mut self, kind: TypeUrl, answer: Outgoing, out: &mut Vec<Outgoing>) {
        if kind == TypeUrl::CLUSTER {
            self.withheld.push(answer);
        } else {
            out.push(answer);
        }
        self.release(out);
    }

    /// Ends the wait for endpoints: continues without them.
    pub fn expire(&mut self) -> Vec<Outgoing> {
        self.expired_waits += (self.warming.len() + self.collecting.len()) as u64;
        self.warming.clear();
        self.collecting.clear();
        let mut out = Vec::new();
        self.release(&mut out);
        out
    }

    /// Adds or replaces a resource.
    fn insert(
        &mut self,
        kind: TypeUrl,
        name: NameId,
        content: &Arc<Content>,
        library: &mut Library,
        wishes: &mut Wishes,
    ) -> Inserted {
        let state = self.kind_mut(kind);
        state.open.remove(&name);
        if state.held.get(&name).is_some_and(|old| Arc::ptr_eq(old, content)) {
            self.came(kind, name, Some(content));
            return Inserted::default();
        }
        // Resources may still arrive after their subscription has ended.
        let asked = if kind == TypeUrl::LB_ENDPOINT { library.glob_of(name) } else { name };
        let state = self.kind(kind);
        if kind != TypeUrl::VIRTUAL_HOST && !state.wildcard && !state.wanted.contains_key(&asked) {
            return Inserted::default();
        }
        match kind {
            TypeUrl::VIRTUAL_HOST => {
                let table = library.table_of(name);
                if !self.kind(TypeUrl::ROUTE_CONFIGURATION).held.contains_key(&table) {
                    self.lost_hosts += 1;
                    return Inserted::default();
                }
                self.hostless.remove(&table);
            }
            TypeUrl::LB_ENDPOINT => {
                self.kind_mut(kind).open.remove(&asked);
            }
            _ => self.came(kind, name, Some(content)),
        }
        let old = self.kind_mut(kind).held.insert(name, content.clone());
        // Envoy ignores an equal resource.
        if old.as_ref().is_some_and(|old| old.digest == content.digest) {
            return Inserted::default();
        }
        if kind == TypeUrl::ROUTE_CONFIGURATION
            && content.takes_hosts
            && !old.as_ref().is_some_and(|old| old.takes_hosts)
        {
            self.hostless.insert(name);
        }
        let mut inserted = Inserted { is_change: true, warms_again: false };
        for (referred, name) in &content.refers_to {
            if kind == TypeUrl::CLUSTER && *referred == TypeUrl::CLUSTER_LOAD_ASSIGNMENT {
                inserted.warms_again = old.is_some();
                self.warming.insert(*name);
            }
            self.kinds.want(*referred, *name, wishes);
        }
        let before =
            if kind == TypeUrl::CLUSTER_LOAD_ASSIGNMENT { self.taken_away.remove(&name) } else { None };
        for content in old.into_iter().chain(before) {
            self.kinds.forget(&content, wishes);
        }
        inserted
    }

    /// Removes a resource. Returns whether it was held.
    fn remove(&mut self, kind: TypeUrl, name: NameId, library: &mut Library, wishes: &mut Wishes) -> bool {
        let state = self.kind_mut(kind);
        state.open.remove(&name);
        let gone = state.held.remove(&name);
        match kind {
            TypeUrl::VIRTUAL_HOST => {
                let table = library.table_of(name);
                self.hostless.remove(&table);
            }
            TypeUrl::LB_ENDPOINT => {
                let glob = library.glob_of(name);
                self.kind_mut(kind).open.remove(&glob);
            }
            TypeUrl::ROUTE_CONFIGURATION => {
                self.hostless.remove(&name);
                let hosts = &mut self.kind_mut(TypeUrl::VIRTUAL_HOST).held;
                if gone.as_ref().is_some_and(|table| table.takes_hosts) {
                    hosts.retain(|host, _| library.table_of(*host) != name);
                }
            }
            _ => self.came(kind, name, None),
        }
        let Some(gone) = gone else { return false };
        if kind == TypeUrl::CLUSTER {
            for (_, endpoints) in &gone.refers_to {
                self.warming.remove(endpoints);
            }
        }
        if kind == TypeUrl::CLUSTER_LOAD_ASSIGNMENT {
            self.taken_away.insert(name, gone);
        } else {
            self.kinds.forget(&gone, wishes);
        }
        true
    }

    /// Notes that an assignment has arrived, or is known not to exist, which also ends the wait.
    fn came(&mut self, kind: TypeUrl, name: NameId, content: Option<&Arc<Content>>) {
        if kind != TypeUrl::CLUSTER_LOAD_ASSIGNMENT {
            return;
        }
        let is_awaited = self.warming.remove(&name) | self.collecting.remove(&name);
        if is_awaited && content.is_some_and(|content| !content.refers_to.is_empty()) {
            self.collecting.insert(name);
        }
    }

    /// Subscribes to new references and unsubscribes from dropped ones. Returns whether endpoints were requested.
    fn subscribe(&mut self, wishes: &mut Wishes, library: &mut Library, out: &mut Vec<Outgoing>) -> bool {
        let mut asked = false;
        // Dropped resources may refer to further types, which follow in this order.
        for kind in TypeUrl::ENVOY {
            let (add, remove) = wishes.of(kind);
            if add.is_empty() && remove.is_empty() {
                continue;
            }
            self.give_up(kind, &remove, library, wishes);
            let state = self.kind_mut(kind);
            let awaited =
                add.iter().filter(|name| !state.held.contains_key(name) && library.may_come(**name));
            state.open.extend(awaited);
            asked |= kind == TypeUrl::CLUSTER_LOAD_ASSIGNMENT && !add.is_empty();
            out.push(Outgoing::Subscribe { kind, add, remove });
        }
        if !self.hostless.is_empty() && !self.kind(TypeUrl::VIRTUAL_HOST).wildcard {
            self.kind_mut(TypeUrl::VIRTUAL_HOST).wildcard = true;
            out.push(Outgoing::Initial(TypeUrl::VIRTUAL_HOST));
        }
        asked
    }

    fn give_up(&mut self, kind: TypeUrl, names: &[NameId], library: &mut Library, wishes: &mut Wishes) {
        for name in names {
            let state = self.kind_mut(kind);
            state.open.remove(name);
            if kind == TypeUrl::LB_ENDPOINT {
                state.held.retain(|endpoint, _| library.glob_of(*endpoint) != *name);
            } else {
                self.remove(kind, *name, library, wishes);
            }
            if kind == TypeUrl::CLUSTER_LOAD_ASSIGNMENT
                && let Some(content) = self.taken_away.remove(name)
            {
                self.kinds.forget(&content, wishes);
            }
        }
    }

    /// Acknowledges CDS once no cluster waits, and then requests listeners if that has not been done.
    fn release(&mut self, out: &mut Vec<Outgoing>) {
        let assignments = &self.kinds.of(TypeUrl::CLUSTER_LOAD_ASSIGNMENT).held;
        let open = &self.kinds.of(TypeUrl::LB_ENDPOINT).open;
        self.collecting.retain(|name| {
            assignments
                .get(name)
                .is_some_and(|held| held.refers_to.iter().any(|(_, glob)| open.contains(glob)))
        });
        if self.is_warming() {
            return;
        }
        let mut withheld = std::mem::take(&mut self.withheld);
        if self.protocol == Protocol::Sotw {
            // Observation 3: withheld answers collapse into one request. A new stream may have none, if the clusters
            // arrived on the previous one.
            withheld.drain(..withheld.len().saturating_sub(1));
        }
        out.extend(withheld);
        if std::mem::take(&mut self.is_late) {
            out.push(Outgoing::Initial(TypeUrl::CLUSTER));
        }
        if !self.kind(TypeUrl::CLUSTER).answered {
            return;
        }
        if !self.kind(TypeUrl::LISTENER).wildcard {
            self.kind_mut(TypeUrl::LISTENER).wildcard = true;
            out.push(Outgoing::Initial(TypeUrl::LISTENER));
        }
    }
}

/// The effect of a received resource.
#[derive(Clone, Copy, Default)]
struct Inserted {
    /// Whether it differs from what was held.
    is_change: bool,
    /// Whether it is a cluster that was held and waits for its endpoints again.
    warms_again: bool,
}

#[cfg(test)]
mod tests;
