//! What a client holds, and what it says next: the rules of Envoy's xDS client, without socket and clock.
//!
//! The numbers in comments are those of the observations on Envoy 1.40 in the xDS notes: CDS is not
//! acknowledged while a cluster waits for its endpoints; virtual hosts that come before their table are lost.

use std::collections::{BTreeMap, BTreeSet};

use fairlead_resource::TypeUrl;
use prost::Message;

use super::{
    Protocol,
    references::{self, References},
};

/// How long Envoy waits for the endpoints of a cluster before it goes on without them.
pub const INITIAL_FETCH_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(15);

/// A response in the words of either protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) type_url: String,
    pub(super) nonce: String,
    /// The version of the whole (state of the world).
    pub(super) version: String,
    pub(super) resources: Vec<Resource>,
    pub(super) removed: Vec<String>,
    pub(super) bytes: usize,
}

/// One resource of a response. A name without a message says that there is none of that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resource {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) message: Option<Vec<u8>>,
}

/// Something to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outgoing {
    /// The first request of a type on a stream.
    Initial(TypeUrl),
    /// A change of the names subscribed.
    Subscribe {
        kind: TypeUrl,
        add: Vec<String>,
        remove: Vec<String>,
    },
    /// The last request once more (state of the world: a cluster of the same name wants its endpoints again).
    Repeat(TypeUrl),
    Ack {
        kind: TypeUrl,
        nonce: String,
    },
    /// A refusal; of a type that is not known too.
    Nack {
        type_url: String,
        nonce: String,
        message: String,
    },
}

/// A request in the words of both protocols; each sends its part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) type_url: String,
    /// Delta.
    pub(super) subscribe: Vec<String>,
    pub(super) unsubscribe: Vec<String>,
    pub(super) initial_versions: BTreeMap<String, String>,
    /// State of the world.
    pub(super) names: Vec<String>,
    pub(super) version: String,
    /// Delta: the nonce that is answered. State of the world: the last nonce of the type.
    pub(super) answered: String,
    pub(super) last_nonce: String,
    pub(super) error: Option<String>,
}

/// What a client holds: resources by type and name, and what they make it wait for.
#[derive(Debug)]
pub struct Held {
    protocol: Protocol,
    keeps_bytes: bool,
    types: BTreeMap<TypeUrl, TypeState>,
    /// Assignments that a new or changed cluster waits for.
    warming: BTreeSet<String>,
    /// Acknowledgements of CDS that wait for `warming`.
    withheld: Vec<String>,
    expired: u64,
    lost_hosts: u64,
}

#[derive(Debug, Default)]
struct TypeState {
    subscription: Subscription,
    resources: BTreeMap<String, Item>,
    version: String,
    last_nonce: String,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Subscription {
    #[default]
    None,
    Wildcard,
    Names(BTreeSet<String>),
}

#[derive(Debug)]
struct Item {
    version: String,
    digest: fairlead_resource::Digest,
    message: Vec<u8>,
    references: References,
}

impl Held {
    pub(super) fn new(protocol: Protocol, keeps_bytes: bool) -> Self {
        Self {
            protocol,
            keeps_bytes,
            types: BTreeMap::new(),
            warming: BTreeSet::new(),
            withheld: Vec::new(),
            expired: 0,
            lost_hosts: 0,
        }
    }

    /// Whether it holds `name`.
    pub fn has(&self, kind: TypeUrl, name: &str) -> bool {
        self.types.get(&kind).is_some_and(|state| state.resources.contains_key(name))
    }

    /// The names of all resources of a type.
    pub fn names(&self, kind: TypeUrl) -> Vec<&str> {
        self.types
            .get(&kind)
            .into_iter()
            .flat_map(|state| state.resources.keys().map(String::as_str))
            .collect()
    }

    /// The version of a resource.
    pub fn version(&self, kind: TypeUrl, name: &str) -> Option<&str> {
        self.item(kind, name).map(|item| item.version.as_str())
    }

    /// The encoded message of a resource (not the `Any` around it); empty if bytes are not kept.
    pub fn bytes(&self, kind: TypeUrl, name: &str) -> Option<&[u8]> {
        self.item(kind, name).map(|item| item.message.as_slice())
    }

    /// A resource, decoded.
    ///
    /// # Panics
    /// If it is not an `M`.
    pub fn get<M: Message + Default>(&self, kind: TypeUrl, name: &str) -> Option<M> {
        self.bytes(kind, name)
            .map(|bytes| M::decode(bytes).expect("the caller names the message of the type"))
    }

    /// The clusters' assignments that have not come since their cluster did.
    pub fn warming(&self) -> Vec<&str> {
        self.warming.iter().map(String::as_str).collect()
    }

    /// Route tables, assignments and secrets that are referred to and not held.
    pub fn missing(&self) -> Vec<(TypeUrl, String)> {
        let kinds = [TypeUrl::CLUSTER_LOAD_ASSIGNMENT, TypeUrl::ROUTE_CONFIGURATION, TypeUrl::SECRET];
        let wanted =
            kinds.into_iter().flat_map(|kind| self.wanted(kind).into_iter().map(move |name| (kind, name)));
        wanted.filter(|(kind, name)| !self.has(*kind, name)).collect()
    }

    /// How often endpoints did not come within [`INITIAL_FETCH_TIMEOUT`]: each is a stall of a real Envoy.
    pub fn expired_waits(&self) -> u64 {
        self.expired
    }

    /// How many virtual hosts came before their table and were lost: each is a route that a real Envoy lacks.
    pub fn lost_hosts(&self) -> u64 {
        self.lost_hosts
    }

    pub(super) fn summary(&self) -> String {
        let counts: Vec<_> =
            self.types.iter().map(|(kind, state)| format!("{} {kind}", state.resources.len())).collect();
        format!("holds {}, warming {:?}, missing {:?}", counts.join(" "), self.warming, self.missing())
    }

    fn item(&self, kind: TypeUrl, name: &str) -> Option<&Item> {
        self.types.get(&kind)?.resources.get(name)
    }

    /// The first requests of a new stream: of CDS alone for a new Envoy, of all that it had for one that
    /// reconnects.
    pub(super) fn on_stream(&mut self) -> Vec<Outgoing> {
        self.withheld.clear();
        self.types.entry(TypeUrl::CLUSTER).or_default().subscription = Subscription::Wildcard;
        for state in self.types.values_mut() {
            state.last_nonce.clear();
        }
        let subscribed = self.types.iter().filter(|(_, state)| state.subscription != Subscription::None);
        subscribed.map(|(kind, _)| Outgoing::Initial(*kind)).collect()
    }

    /// Refuses a response.
    pub(super) fn refuse(&mut self, response: &Response, message: String) -> Outgoing {
        if let Some(kind) = TypeUrl::parse(&response.type_url) {
            self.types.entry(kind).or_default().last_nonce.clone_from(&response.nonce);
        }
        Outgoing::Nack { type_url: response.type_url.clone(), nonce: response.nonce.clone(), message }
    }

    /// Takes a response.
    pub(super) fn take(&mut self, response: Response) -> Vec<Outgoing> {
        let Some(kind) = TypeUrl::parse(&response.type_url) else {
            let message = format!("no subscription of type {}", response.type_url);
            return vec![self.refuse(&response, message)];
        };
        match self.prepare(kind, &response) {
            Ok(items) => self.apply(kind, response, items),
            Err(message) => vec![self.refuse(&response, message)],
        }
    }

    /// Decodes everything before anything is changed: one bad resource refuses the whole response.
    fn prepare(&self, kind: TypeUrl, response: &Response) -> Result<Vec<(String, Option<Item>)>, String> {
        let mut items = Vec::with_capacity(response.resources.len());
        for resource in &response.resources {
            let Some(message) = &resource.message else {
                items.push((resource.name.clone(), None));
                continue;
            };
            let explain = |error: prost::DecodeError| format!("{kind} {}: {error}", resource.name);
            let name = if resource.name.is_empty() {
                references::name_of(kind, message).map_err(explain)?
            } else {
                resource.name.clone()
            };
            let item = Item {
                version: resource.version.clone(),
                digest: fairlead_resource::Digest::of(message),
                references: references::of(kind, message).map_err(explain)?,
                message: if self.keeps_bytes { message.clone() } else { Vec::new() },
            };
            items.push((name, Some(item)));
        }
        Ok(items)
    }

    fn apply(
        &mut self,
        kind: TypeUrl,
        response: Response,
        items: Vec<(String, Option<Item>)>,
    ) -> Vec<Outgoing> {
        let mut removed = response.removed;
        if self.protocol == Protocol::Sotw && matches!(kind, TypeUrl::CLUSTER | TypeUrl::LISTENER) {
            let sent: BTreeSet<&str> = items.iter().map(|(name, _)| name.as_str()).collect();
            removed
                .extend(self.names(kind).into_iter().filter(|name| !sent.contains(name)).map(str::to_owned));
        }
        let mut out = Vec::new();
        for name in removed {
            self.remove(kind, &name);
        }
        let mut again = false;
        for (name, item) in items {
            match item {
                Some(item) => again |= self.insert(kind, name, item),
                None => self.remove(kind, &name),
            }
        }
        let state = self.types.entry(kind).or_default();
        state.last_nonce.clone_from(&response.nonce);
        state.version = response.version;
        let asked = self.subscribe_referred(&mut out);
        // Observation 1: with the state of the world the same names are asked for again; with delta nothing is.
        if again && !asked && self.protocol == Protocol::Sotw {
            out.push(Outgoing::Repeat(TypeUrl::CLUSTER_LOAD_ASSIGNMENT));
        }
        if kind == TypeUrl::CLUSTER {
            self.withheld.push(response.nonce);
        } else {
            out.push(Outgoing::Ack { kind, nonce: response.nonce });
        }
        self.release(&mut out);
        out
    }

    /// Adds or replaces a resource; says whether the endpoints of a known cluster are wanted again.
    fn insert(&mut self, kind: TypeUrl, name: String, item: Item) -> bool {
        let mut again = false;
        match kind {
            TypeUrl::CLUSTER => {
                let old = self.item(kind, &name);
                // Envoy takes an equal cluster for no change.
                if old.is_none_or(|old| old.digest != item.digest)
                    && let Some(endpoints) = &item.references.endpoints
                {
                    again = old.is_some();
                    self.warming.insert(endpoints.clone());
                }
            }
            TypeUrl::CLUSTER_LOAD_ASSIGNMENT => {
                self.warming.remove(&name);
            }
            TypeUrl::VIRTUAL_HOST => {
                let table = name.split('/').next().unwrap_or_default();
                if !self.has(TypeUrl::ROUTE_CONFIGURATION, table) {
                    self.lost_hosts += 1;
                    return false;
                }
            }
            _ => {}
        }
        self.types.entry(kind).or_default().resources.insert(name, item);
        again
    }

    fn remove(&mut self, kind: TypeUrl, name: &str) {
        let gone = self.types.entry(kind).or_default().resources.remove(name);
        match kind {
            TypeUrl::CLUSTER => {
                if let Some(endpoints) = gone.and_then(|item| item.references.endpoints) {
                    self.warming.remove(&endpoints);
                }
            }
            // To know that there are none is as good as to know which.
            TypeUrl::CLUSTER_LOAD_ASSIGNMENT => {
                self.warming.remove(name);
            }
            TypeUrl::ROUTE_CONFIGURATION => self.drop_hosts(name),
            _ => {}
        }
    }

    fn drop_hosts(&mut self, table: &str) {
        if let Some(hosts) = self.types.get_mut(&TypeUrl::VIRTUAL_HOST) {
            hosts.resources.retain(|name, _| name.split('/').next() != Some(table));
        }
    }

    /// The names of a type that the resources held refer to.
    fn wanted(&self, kind: TypeUrl) -> BTreeSet<String> {
        let of = |source: TypeUrl| {
            let items = self.types.get(&source).into_iter().flat_map(|state| state.resources.values());
            items.map(|item| &item.references)
        };
        match kind {
            TypeUrl::CLUSTER_LOAD_ASSIGNMENT => {
                of(TypeUrl::CLUSTER).filter_map(|r| r.endpoints.clone()).collect()
            }
            TypeUrl::ROUTE_CONFIGURATION => {
                of(TypeUrl::LISTENER).flat_map(|r| r.routes.iter().cloned()).collect()
            }
            TypeUrl::SECRET => {
                let sources = of(TypeUrl::CLUSTER).chain(of(TypeUrl::LISTENER));
                sources.flat_map(|r| r.secrets.iter().cloned()).collect()
            }
            _ => BTreeSet::new(),
        }
    }

    /// Subscribes to what is newly referred to, and gives up what no longer is; says whether endpoints were
    /// asked for.
    fn subscribe_referred(&mut self, out: &mut Vec<Outgoing>) -> bool {
        let mut asked = false;
        for kind in [TypeUrl::CLUSTER_LOAD_ASSIGNMENT, TypeUrl::ROUTE_CONFIGURATION, TypeUrl::SECRET] {
            let wanted = self.wanted(kind);
            let known = match self.types.get(&kind).map(|state| &state.subscription) {
                Some(Subscription::Names(names)) => names.clone(),
                _ => BTreeSet::new(),
            };
            if wanted == known {
                continue;
            }
            let add: Vec<_> = wanted.difference(&known).cloned().collect();
            let remove: Vec<_> = known.difference(&wanted).cloned().collect();
            for name in &remove {
                self.remove(kind, name);
            }
            asked |= kind == TypeUrl::CLUSTER_LOAD_ASSIGNMENT && !add.is_empty();
            self.types.entry(kind).or_default().subscription = Subscription::Names(wanted);
            out.push(Outgoing::Subscribe { kind, add, remove });
        }
        let tables = self.types.get(&TypeUrl::ROUTE_CONFIGURATION);
        let takes_hosts =
            tables.is_some_and(|state| state.resources.values().any(|t| t.references.virtual_hosts));
        let hosts = self.types.entry(TypeUrl::VIRTUAL_HOST).or_default();
        if takes_hosts && hosts.subscription == Subscription::None {
            hosts.subscription = Subscription::Wildcard;
            out.push(Outgoing::Initial(TypeUrl::VIRTUAL_HOST));
        }
        asked
    }

    /// Acknowledges CDS once no cluster waits, and then asks for listeners if that has not been done.
    fn release(&mut self, out: &mut Vec<Outgoing>) {
        if !self.warming.is_empty() || self.withheld.is_empty() {
            return;
        }
        let mut nonces = std::mem::take(&mut self.withheld);
        if self.protocol == Protocol::Sotw {
            // Observation 3: what was withheld collapses into one request.
            nonces.drain(..nonces.len() - 1);
        }
        out.extend(nonces.into_iter().map(|nonce| Outgoing::Ack { kind: TypeUrl::CLUSTER, nonce }));
        let listeners = self.types.entry(TypeUrl::LISTENER).or_default();
        if listeners.subscription == Subscription::None {
            listeners.subscription = Subscription::Wildcard;
            out.push(Outgoing::Initial(TypeUrl::LISTENER));
        }
    }

    /// Whether something waits for endpoints, with a clock running.
    pub(super) fn waits(&self) -> bool {
        !self.warming.is_empty()
    }

    /// The time for endpoints is over: goes on without them.
    pub(super) fn expire(&mut self) -> Vec<Outgoing> {
        self.expired += self.warming.len() as u64;
        self.warming.clear();
        let mut out = Vec::new();
        self.release(&mut out);
        out
    }

    /// The request that says `outgoing`, as of now.
    pub(super) fn request(&self, outgoing: &Outgoing) -> Request {
        let (kind, type_url) = match outgoing {
            Outgoing::Initial(kind)
            | Outgoing::Repeat(kind)
            | Outgoing::Subscribe { kind, .. }
            | Outgoing::Ack { kind, .. } => (Some(*kind), kind.as_str()),
            Outgoing::Nack { type_url, .. } => (TypeUrl::parse(type_url), type_url.as_str()),
        };
        let mut request = Request { type_url: type_url.to_owned(), ..Request::default() };
        let state = kind.and_then(|kind| self.types.get(&kind));
        if let Some(state) = state {
            if let Subscription::Names(names) = &state.subscription {
                request.names = names.iter().cloned().collect();
            }
            request.version.clone_from(&state.version);
            request.last_nonce.clone_from(&state.last_nonce);
        }
        match outgoing {
            Outgoing::Initial(_) => {
                request.subscribe.clone_from(&request.names);
                let items = state.into_iter().flat_map(|state| &state.resources);
                request.initial_versions = items.map(|(n, item)| (n.clone(), item.version.clone())).collect();
            }
            Outgoing::Repeat(_) => {}
            Outgoing::Subscribe { add, remove, .. } => {
                request.subscribe.clone_from(add);
                request.unsubscribe.clone_from(remove);
            }
            Outgoing::Ack { nonce, .. } => request.answered.clone_from(nonce),
            Outgoing::Nack { nonce, message, .. } => {
                request.answered.clone_from(nonce);
                request.error = Some(message.clone());
            }
        }
        request
    }
}

#[cfg(test)]
mod tests;
