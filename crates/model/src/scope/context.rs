//! What of a scope stays as it is while services come and go: what its listeners import, and the route sets by what
//! they name.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use fairlead_config::Namespace;
use imbl::OrdMap;

use super::{
    egress::Imports,
    http::HttpOwners,
    imports::{self, of_host},
};
use crate::{
    Host, Service, ServiceKey,
    destination_rule::RuleKey,
    host_map::HostMap,
    routes::RouteSetHeader,
    sidecar::{EgressListener, OutboundTrafficPolicy},
};

/// What a scope is made of.
pub(super) struct ScopeInputs<'a> {
    /// The namespace of the client.
    pub namespace: &'a Namespace,
    /// The listeners of a Sidecar; `None`: one that sees everything.
    pub listeners: Option<&'a [EgressListener]>,
    /// Whether hosts are bound to route sets: not for gateways.
    pub bind_hosts: bool,
    /// Every service.
    pub services: &'a OrdMap<ServiceKey, Arc<Service>>,
    /// The route sets that apply to sidecars, oldest first.
    pub route_sets: &'a [Arc<RouteSetHeader>],
    /// The rule for a service.
    pub rule: &'a dyn Fn(&ServiceKey) -> Option<RuleKey>,
    /// What happens with unknown destinations.
    pub outbound_policy: OutboundTrafficPolicy,
}

/// What stays while services that are no aliases, nor stand behind one, come and go.
#[derive(Debug, Default)]
pub(super) struct Context {
    pub(super) listeners: Vec<Listener>,
    /// The hosts that come with route sets, whether or not a listener imports them.
    pub(super) wanted: BTreeSet<Host>,
    /// The hosts that aliases lead to.
    pub(super) alias_targets: BTreeSet<Host>,
}

impl Context {
    pub(super) fn new(inputs: &ScopeInputs<'_>) -> Self {
        let headers = if inputs.bind_hosts || inputs.listeners.is_some() {
            visible_route_sets(inputs)
        } else {
            Vec::new()
        };
        let listeners: Vec<Listener> = match inputs.listeners {
            None => vec![Listener::new(None, inputs.namespace, &headers)],
            Some(listeners) => {
                let listener = |spec| Listener::new(Some(spec), inputs.namespace, &headers);
                listeners.iter().map(listener).collect()
            }
        };
        let aliases = visible(inputs).filter_map(|service| service.alias_of().cloned());
        let mut context = Self { listeners, wanted: BTreeSet::new(), alias_targets: aliases.collect() };
        // What sees everything sees every destination.
        if inputs.listeners.is_some() {
            context.wanted = context.wanted(inputs);
        }
        context
    }

    /// The destinations of route sets, and what they are second names of.
    fn wanted(&self, inputs: &ScopeInputs<'_>) -> BTreeSet<Host> {
        let headers = self.listeners.iter().flat_map(|listener| &listener.route_sets);
        let mut found: Vec<Host> = headers.flat_map(|header| header.destinations.iter()).cloned().collect();
        let mut wanted = BTreeSet::new();
        while let Some(host) = found.pop() {
            let of_host: Vec<_> = visible_of_host(inputs, &host).collect();
            if wanted.insert(host) && self.imported(&of_host, inputs.namespace).is_none() {
                let destination = destination(&of_host, inputs.namespace);
                found.extend(destination.and_then(|service| service.alias_of().cloned()));
            }
        }
        wanted
    }

    /// The service of a host, of those that are visible: of the first listener that imports it, else as a destination.
    pub(super) fn service<'a>(
        &self,
        host: &Host,
        visible: &[&'a Arc<Service>],
        client: &Namespace,
    ) -> Option<&'a Arc<Service>> {
        let wanted = || self.wanted.contains(host).then(|| destination(visible, client)).flatten();
        self.imported(visible, client).or_else(wanted)
    }

    fn imported<'a>(&self, visible: &[&'a Arc<Service>], client: &Namespace) -> Option<&'a Arc<Service>> {
        self.listeners.iter().find_map(|listener| listener.service(visible, client))
    }
}

/// The service that a destination names and no listener imports: that of the client's namespace, else of the first
/// namespace by name.
///
/// Mirrors istio pilot/pkg/model/sidecar.go (convertToSidecarScope).
fn destination<'a>(of_host: &[&'a Arc<Service>], client: &Namespace) -> Option<&'a Arc<Service>> {
    // Sorted by namespace: the first of equals is the first by name.
    of_host.iter().copied().min_by_key(|service| service.key.namespace != *client)
}

/// The services that the client may use, by host.
pub(super) fn visible<'a>(inputs: &ScopeInputs<'a>) -> impl Iterator<Item = &'a Arc<Service>> {
    let client = inputs.namespace;
    inputs.services.values().filter(move |service| service.export_to.allows(client))
}

/// Those with this host, sorted by namespace.
pub(super) fn visible_of_host<'a>(
    inputs: &ScopeInputs<'a>,
    host: &Host,
) -> impl Iterator<Item = &'a Arc<Service>> {
    let client = inputs.namespace;
    of_host(inputs.services, host).filter(move |service| service.export_to.allows(client))
}

fn visible_route_sets<'a>(inputs: &ScopeInputs<'a>) -> Vec<&'a Arc<RouteSetHeader>> {
    let all = inputs.route_sets.iter();
    let mut visible: Vec<_> = all.filter(|header| header.export_to.allows(inputs.namespace)).collect();
    visible.sort_by_key(|header| header.nearness(inputs.namespace));
    visible
}

/// What of a listener does.
#[derive(Debug)]
pub(super) struct Listener {
    imports: Option<Imports>,
    port: Option<u16>,
    pub(super) route_sets: Vec<Arc<RouteSetHeader>>,
    /// Those with HTTP routes, by the hosts that they name.
    pub(super) http: HttpOwners,
    /// Those with TLS or TCP routes that name each host.
    l4: HostMap<Vec<usize>>,
    /// For hosts that route sets of other hosts lead to: those route sets.
    by_destination: BTreeMap<Host, Vec<usize>>,
}

impl Listener {
    fn new(spec: Option<&EgressListener>, client: &Namespace, headers: &[&Arc<RouteSetHeader>]) -> Self {
        let imports = spec.map(|spec| Imports::new(&spec.hosts, client));
        let is_imported =
            |header: &&&Arc<RouteSetHeader>| imports.as_ref().is_none_or(|imports| imports.route_set(header));
        let route_sets: Vec<_> =
            headers.iter().filter(is_imported).map(|header| Arc::clone(header)).collect();
        Self {
            http: HttpOwners::new(&route_sets),
            l4: l4_owners(&route_sets),
            by_destination: by_destination(&route_sets),
            // An HTTP proxy serves all ports; so does a UNIX domain socket, which has none.
            port: spec
                .filter(|spec| !spec.is_proxy)
                .and_then(|spec| spec.port.as_ref())
                .map(|port| port.number)
                .filter(|number| *number > 0),
            imports,
            route_sets,
        }
    }

    /// The service that it imports among those of one host.
    pub(super) fn service<'a>(
        &self,
        of_host: &[&'a Arc<Service>],
        client: &Namespace,
    ) -> Option<&'a Arc<Service>> {
        imports::imported(of_host, client, self.imports.as_ref(), self.port)
    }

    /// The route sets whose HTTP routes a host may have.
    pub(super) fn naming(&self, host: &Host) -> impl Iterator<Item = &Arc<RouteSetHeader>> {
        self.http.covering(host).into_iter().flat_map(|named| &named.by).map(|at| &self.route_sets[*at])
    }

    /// The route sets of other hosts that lead to this one, by their place.
    pub(super) fn leading_to(&self, host: &Host) -> impl Iterator<Item = usize> {
        self.by_destination.get(host).into_iter().flatten().copied()
    }

    /// The route sets by which other hosts have to do with this one.
    pub(super) fn touching(&self, host: &Host) -> impl Iterator<Item = &RouteSetHeader> {
        let leading = self.leading_to(host).map(|at| &self.route_sets[at]);
        self.naming(host).chain(leading).map(|header| &**header)
    }

    /// The route sets whose TLS and TCP routes a service has: all that cover its host, whoever owns it for HTTP.
    ///
    /// Mirrors istio pilot/pkg/networking/core/tls.go (getConfigsForHost).
    pub(super) fn l4(&self, host: &Host) -> Vec<usize> {
        let mut found: Vec<usize> = Vec::new();
        for at in self.l4.covering(host).flatten() {
            if !found.contains(at) {
                found.push(*at);
            }
        }
        found
    }
}

/// The route sets with TLS or TCP routes that name each host.
fn l4_owners(route_sets: &[Arc<RouteSetHeader>]) -> HostMap<Vec<usize>> {
    let mut owners = HostMap::default();
    for (at, header) in route_sets.iter().enumerate().filter(|(_, header)| header.has_l4) {
        for host in &header.hosts {
            owners.entry(host, Vec::new).push(at);
        }
    }
    owners
}

/// The route sets by those of their destinations that are not their only host.
fn by_destination(route_sets: &[Arc<RouteSetHeader>]) -> BTreeMap<Host, Vec<usize>> {
    let mut by_destination: BTreeMap<Host, Vec<usize>> = BTreeMap::new();
    for (at, header) in route_sets.iter().enumerate() {
        let others = |destination: &&Host| header.hosts.iter().any(|host| host != *destination);
        for destination in header.destinations.iter().filter(others) {
            by_destination.entry(destination.clone()).or_default().push(at);
        }
    }
    by_destination
}
