//! Makes the hosts of a listener, each with its service and route sets.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use imbl::OrdMap;

use super::{
    DestinationBinding, EgressScope, HostBinding, HttpOwner, L4Binding, ScopeHost,
    context::{Listener, ScopeInputs},
    http::{PortsOfNames, alternative_ports, http_ports},
};
use crate::{Host, routes::RouteSetHeader};

/// The aliases of hosts.
pub(super) type AliasesOf<'a> = BTreeMap<&'a Host, Vec<Host>>;

/// Makes the hosts of a listener, given the services of the scope.
pub(super) struct Binder<'a> {
    listener: &'a Listener,
    scope: &'a EgressScope,
    inputs: &'a ScopeInputs<'a>,
    /// The aliases of the scope, by the host that they stand for.
    aliases: &'a AliasesOf<'a>,
    /// The destinations of route sets, each resolved once.
    destinations: BTreeMap<usize, Arc<[DestinationBinding]>>,
    /// The HTTP owners of services by the route sets that name them, each list made once.
    http: BTreeMap<Vec<usize>, Arc<[HttpOwner]>>,
}

impl<'a> Binder<'a> {
    pub(super) fn new(
        listener: &'a Listener,
        scope: &'a EgressScope,
        aliases: &'a AliasesOf<'a>,
        inputs: &'a ScopeInputs<'a>,
    ) -> Self {
        Self { listener, scope, inputs, aliases, destinations: BTreeMap::new(), http: BTreeMap::new() }
    }

    /// A service of the listener, named by these route sets.
    pub(super) fn host(&mut self, host: &Host, named_by: &[usize]) -> ScopeHost {
        let aliases = self.aliases.get(host).cloned().unwrap_or_default().into();
        let scoped = self.scope.service(host).cloned();
        ScopeHost {
            service: scoped.as_ref().and_then(|scoped| self.inputs.services.get(&scoped.service)).cloned(),
            binding: HostBinding { host: host.clone(), service: scoped, l4: self.l4(host), aliases },
            http: if named_by.is_empty() { Arc::default() } else { self.http_of_service(named_by) },
        }
    }

    /// The route sets that may own the HTTP routes of a service, up to the first that applies to every client.
    fn http_of_service(&mut self, named_by: &[usize]) -> Arc<[HttpOwner]> {
        if let Some(known) = self.http.get(named_by) {
            return known.clone();
        }
        let is_last = |at: &usize| self.header(*at).http_clients.are_all();
        let end = named_by.iter().position(is_last).map_or(named_by.len(), |last| last + 1);
        let owners: Arc<[HttpOwner]> =
            named_by[..end].iter().map(|at| self.http_owner(*at, Arc::default())).collect();
        self.http.insert(named_by.to_vec(), owners.clone());
        owners
    }

    fn http_owner(&mut self, at: usize, ports: Arc<[u16]>) -> HttpOwner {
        HttpOwner { header: self.header(at).clone(), destinations: self.destinations(at), ports }
    }

    fn header(&self, at: usize) -> &'a Arc<RouteSetHeader> {
        &self.listener.routes.route_sets[at]
    }

    /// The same owner, with its current destinations if it is route set `at`.
    pub(super) fn refreshed(&mut self, owner: &HttpOwner, at: usize) -> HttpOwner {
        if owner.header.origin == self.header(at).origin {
            HttpOwner { destinations: self.destinations(at), ..owner.clone() }
        } else {
            owner.clone()
        }
    }

    /// A host that is no service; `None` if no route set serves it. `names` are the ports of services by wildcard,
    /// `hosts` the services of the listener.
    pub(super) fn bare_host(
        &mut self,
        host: &Host,
        names: &PortsOfNames<'_>,
        hosts: &OrdMap<Host, ScopeHost>,
    ) -> Option<ScopeHost> {
        let ports_of = |host: &Host| -> Vec<u16> {
            hosts
                .get(host)
                .and_then(|host| host.service.as_deref())
                .into_iter()
                .flat_map(http_ports)
                .collect()
        };
        let of_name = |name: &Host| if name.is_wildcard() { names.http(name) } else { ports_of(name) };
        // An alias is served on the ports of its service.
        let alias = self.scope.aliases.binary_search_by(|(alias, _)| alias.cmp(host));
        let of_target = alias.map(|at| ports_of(&self.scope.aliases[at].1)).unwrap_or_default();
        let covered = names.all(host);
        let mut owners = Vec::new();
        // The ports of earlier route sets that have routes for every client.
        let mut taken: BTreeSet<u16> = BTreeSet::new();
        for at in self.listener.routes.naming(host, self.inputs.namespace) {
            let header = self.header(at);
            let ports = alternative_ports(header, &of_name, &of_target, &covered);
            if ports.iter().all(|port| taken.contains(port)) {
                continue;
            }
            if header.http_clients.are_all() {
                taken.extend(ports.iter());
            }
            owners.push(self.http_owner(at, ports));
        }
        let binding =
            HostBinding { host: host.clone(), service: None, l4: Arc::default(), aliases: Arc::default() };
        (!owners.is_empty()).then(|| ScopeHost { binding, service: None, http: owners.into() })
    }

    /// The route sets whose TLS and TCP routes apply to a service.
    pub(super) fn l4(&mut self, host: &Host) -> Arc<[L4Binding]> {
        let found = self.listener.routes.l4(host, self.inputs.namespace);
        let binding = |at: usize| L4Binding {
            routes: self.header(at).origin.clone(),
            destinations: self.destinations(at),
        };
        found.into_iter().map(binding).collect()
    }

    /// The destinations of a route set in the scope.
    pub(super) fn destinations(&mut self, owner: usize) -> Arc<[DestinationBinding]> {
        let make = || {
            let hosts = self.listener.routes.route_sets[owner].destinations.iter();
            hosts.map(|host| self.scope.destination(host)).collect()
        };
        self.destinations.entry(owner).or_insert_with(make).clone()
    }
}
