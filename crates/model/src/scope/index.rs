//! The route sets of a mesh by what they name: one index, filtered for each client.

use std::{collections::BTreeMap, sync::Arc};

use fairlead_config::Namespace;
use fairlead_incremental::{Query, Reader, Stratum};

use crate::{
    Host,
    host_map::HostMap,
    routes::{GatewayRef, RouteSetHeader, RouteSetsAt},
    strata,
};

/// Route sets by the hosts that they name and lead to.
#[derive(Debug, Default)]
pub(super) struct RouteSetIndex {
    /// Oldest first.
    pub(super) route_sets: Arc<[Arc<RouteSetHeader>]>,
    /// The route sets with HTTP routes that name each host.
    http: HostMap<Naming>,
    /// The route sets with TLS or TCP routes that name each host.
    l4: HostMap<Vec<usize>>,
    /// By destination: the route sets of other hosts that lead to it.
    by_destination: BTreeMap<Host, Vec<usize>>,
}

/// A host, and the positions of the route sets that name it.
#[derive(Debug)]
struct Naming {
    host: Host,
    by: Vec<usize>,
}

/// The route sets that name a host and that a client sees, nearest first.
pub(super) struct Named<'a> {
    pub(super) host: &'a Host,
    pub(super) by: Vec<usize>,
}

impl RouteSetIndex {
    pub(super) fn new(route_sets: Arc<[Arc<RouteSetHeader>]>) -> Self {
        let mut index = Self { route_sets, ..Self::default() };
        for (at, header) in index.route_sets.iter().enumerate() {
            for host in header.hosts.iter().filter(|_| header.has_http) {
                index.http.entry(host, || Naming { host: host.clone(), by: Vec::new() }).by.push(at);
            }
            for host in header.hosts.iter().filter(|_| header.has_l4) {
                index.l4.entry(host, Vec::new).push(at);
            }
            // Destinations other than its only host.
            let others = |destination: &&Host| header.hosts.iter().any(|host| host != *destination);
            for destination in header.destinations.iter().filter(others) {
                index.by_destination.entry(destination.clone()).or_default().push(at);
            }
        }
        index
    }

    /// The route sets among `at` that `client` sees: its own private ones first, then those exported to it by name,
    /// then public ones.
    fn seen(&self, at: &[usize], client: &Namespace) -> Vec<usize> {
        let is_seen = |at: &usize| self.route_sets[*at].export_to.allows(client);
        let mut seen: Vec<usize> = at.iter().copied().filter(is_seen).collect();
        seen.sort_by_key(|at| self.route_sets[*at].nearness(client));
        seen
    }

    /// The route sets with HTTP routes that name this host, else those with the most specific wildcard for it.
    pub(super) fn covering(&self, host: &Host, client: &Namespace) -> Option<Named<'_>> {
        let named = |naming: &'_ Naming| self.seen(&naming.by, client);
        let all = self.http.covering(host).map(|naming| Named { host: &naming.host, by: named(naming) });
        all.into_iter().find(|named| !named.by.is_empty())
    }

    /// The route sets with HTTP routes that name exactly this host.
    pub(super) fn naming(&self, host: &Host, client: &Namespace) -> Vec<usize> {
        self.http.get(host).map(|naming| self.seen(&naming.by, client)).unwrap_or_default()
    }

    /// The route sets of other hosts that lead to this one.
    pub(super) fn leading_to(&self, host: &Host, client: &Namespace) -> Vec<usize> {
        self.by_destination.get(host).map(|at| self.seen(at, client)).unwrap_or_default()
    }

    /// The route sets whose TLS and TCP routes apply to a service: all that cover its host, whichever owns its HTTP
    /// routes.
    ///
    /// Mirrors istio pilot/pkg/networking/core/tls.go (getConfigsForHost).
    pub(super) fn l4(&self, host: &Host, client: &Namespace) -> Vec<usize> {
        let mut found: Vec<usize> = Vec::new();
        for at in self.l4.covering(host).flat_map(|at| self.seen(at, client)) {
            if !found.contains(&at) {
                found.push(at);
            }
        }
        found
    }

    /// The route sets that connect other hosts with this one.
    pub(super) fn touching(&self, host: &Host, client: &Namespace) -> impl Iterator<Item = &RouteSetHeader> {
        let naming = self.covering(host, client).map(|named| named.by).unwrap_or_default();
        let leading = self.leading_to(host, client);
        naming.into_iter().chain(leading).map(|at| &*self.route_sets[at])
    }
}

/// The index of the route sets that apply to sidecars.
#[derive(Debug)]
pub(super) struct MeshRouteSets;

impl Query for MeshRouteSets {
    type Key = ();
    type Value = Arc<RouteSetIndex>;
    const NAME: &'static str = "index of routes of the mesh";
    const STRATUM: Stratum = Stratum(strata::SCOPE.0 + 1);

    fn compute(cx: &Reader<'_>, (): &()) -> Self::Value {
        Arc::new(RouteSetIndex::new((*cx.get::<RouteSetsAt>(&GatewayRef::Mesh)).clone()))
    }
}

/// Compares the route sets, which determine the rest.
impl PartialEq for RouteSetIndex {
    fn eq(&self, other: &Self) -> bool {
        self.route_sets == other.route_sets
    }
}
