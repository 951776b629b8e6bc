//! What a client holds, by name.

use fairlead_resource::TypeUrl;
use prost::Message;

use crate::ads::{Client, Library};

/// What a client holds: resources by type and name, and what they make it wait for.
#[derive(Debug)]
pub struct Held {
    pub(super) client: Client,
    pub(super) library: Library,
}

impl Held {
    /// Whether it holds `name`.
    pub fn has(&self, kind: TypeUrl, name: &str) -> bool {
        self.library.find(name).is_some_and(|name| self.client.held(kind, name).is_some())
    }

    /// The names of all resources of a type, sorted.
    pub fn names(&self, kind: TypeUrl) -> Vec<&str> {
        let mut names: Vec<&str> =
            self.client.all_held(kind).map(|name| &**self.library.name(name)).collect();
        names.sort_unstable();
        names
    }

    /// The version of a resource (delta only).
    pub fn version(&self, kind: TypeUrl, name: &str) -> Option<&str> {
        self.client.held(kind, self.library.find(name)?).map(|content| &*content.version)
    }

    /// The encoded message of a resource (not the `Any` around it); empty if bytes are not kept.
    pub fn bytes(&self, kind: TypeUrl, name: &str) -> Option<&[u8]> {
        self.client.held(kind, self.library.find(name)?).map(|content| &*content.message)
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
        self.client.warming().map(|name| &**self.library.name(name)).collect()
    }

    /// The names that are referred to and not held, except endpoints in collections.
    pub fn missing(&self) -> Vec<(TypeUrl, &str)> {
        let kinds = [
            TypeUrl::CLUSTER_LOAD_ASSIGNMENT,
            TypeUrl::FILTER_CHAIN,
            TypeUrl::ROUTE_CONFIGURATION,
            TypeUrl::SECRET,
        ];
        let wanted =
            kinds.into_iter().flat_map(|kind| self.client.wanted(kind).map(move |name| (kind, name)));
        wanted
            .filter(|(kind, name)| self.client.held(*kind, *name).is_none())
            .map(|(kind, name)| (kind, &**self.library.name(name)))
            .collect()
    }

    /// The number of times that endpoints did not arrive within
    /// [`INITIAL_FETCH_TIMEOUT`](crate::ads::INITIAL_FETCH_TIMEOUT): each is a stall of a real Envoy.
    pub fn expired_waits(&self) -> u64 {
        self.client.expired_waits()
    }

    /// The number of virtual hosts lost by arriving before their table: each is a route that a real Envoy lacks.
    pub fn lost_hosts(&self) -> u64 {
        self.client.lost_hosts()
    }

    pub(super) fn summary(&self) -> String {
        let held = TypeUrl::ENVOY.into_iter().map(|kind| (kind, self.client.all_held(kind).len()));
        let counts: Vec<_> =
            held.filter(|(_, count)| *count > 0).map(|(kind, count)| format!("{count} {kind}")).collect();
        format!("holds {}, warming {:?}, missing {:?}", counts.join(" "), self.warming(), self.missing())
    }
}
