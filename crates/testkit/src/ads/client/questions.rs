//! Queries about the state of a client.

use std::sync::Arc;

use fairlead_resource::TypeUrl;

use super::Client;
use crate::ads::library::{Content, Library, NameId};

impl Client {
    /// Whether every resource that it was referred to has arrived.
    pub fn is_complete(&self) -> bool {
        self.kind(TypeUrl::LISTENER).answered
            && !self.is_warming()
            && self.hostless.is_empty()
            && self.kinds.all().all(|state| state.open.is_empty())
    }

    /// Whether a cluster waits for its endpoints: a clock of [`INITIAL_FETCH_TIMEOUT`](crate::ads::INITIAL_FETCH_TIMEOUT)
    /// runs as long as one does.
    pub fn is_warming(&self) -> bool {
        !self.warming.is_empty() || !self.collecting.is_empty()
    }

    /// The assignments that have not arrived since their clusters did.
    pub fn warming(&self) -> impl Iterator<Item = NameId> + '_ {
        self.warming.union(&self.collecting).copied()
    }

    /// The number of times that endpoints were late: each is a stall of a real Envoy.
    pub fn expired_waits(&self) -> u64 {
        self.expired_waits
    }

    /// The number of virtual hosts lost by arriving before their table: each is a route that a real Envoy lacks.
    pub fn lost_hosts(&self) -> u64 {
        self.lost_hosts
    }

    /// The content that it holds of a resource.
    pub fn held(&self, kind: TypeUrl, name: NameId) -> Option<&Arc<Content>> {
        self.kind(kind).held.get(&name)
    }

    /// The resources of a type that it holds.
    pub fn all_held(&self, kind: TypeUrl) -> impl ExactSizeIterator<Item = NameId> + '_ {
        self.kind(kind).held.keys().copied()
    }

    /// The names of a type to which it subscribes, apart from the wildcard.
    pub fn wanted(&self, kind: TypeUrl) -> impl Iterator<Item = NameId> + '_ {
        self.kind(kind).wanted.keys().copied()
    }

    /// A description of what has not arrived; empty if it has everything.
    pub fn lacks(&self, library: &Library) -> String {
        let mut lacks = Vec::new();
        for kind in TypeUrl::ENVOY {
            let open = &self.kind(kind).open;
            if let Some(first) = open.first() {
                lacks.push(format!("{} of {kind} such as {}", open.len(), library.name(*first)));
            }
        }
        if !self.kind(TypeUrl::LISTENER).answered {
            lacks.push("any listener".to_owned());
        }
        if let Some(table) = self.hostless.first() {
            lacks.push(format!("the hosts of table {}", library.name(*table)));
        }
        if let Some(first) = self.warming.first() {
            lacks.push(format!(
                "endpoints of {} clusters such as {}",
                self.warming.len(),
                library.name(*first)
            ));
        }
        lacks.join(", ")
    }
}
