//! A scope as a whole: listeners, their hosts, and which route set goes with which host.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use fairlead_config::Namespace;
use imbl::OrdMap;

use super::{
    DestinationBinding, EgressScope, HostBinding, HttpOwner, L4Binding, ScopeHost, ScopeListener,
    ScopedService,
    egress::Imports,
    http::{HttpOwners, Named, PortsOfNames, alternative_ports, http_ports},
    imports,
};
use crate::{
    Host, Service, ServiceKey,
    destination_rule::RuleKey,
    host_map::HostMap,
    routes::RouteSetHeader,
    sidecar::{CaptureMode, EgressListener, OutboundTrafficPolicy},
};

/// What a scope is made of.
pub struct ScopeInputs<'a> {
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

/// What of a scope stays as it is while services come and go, but for aliases.
#[derive(Debug, Default)]
pub struct Context {
    pub(super) listeners: Vec<Listener>,
    /// The hosts that come with route sets, whether or not a listener imports them.
    pub(super) wanted: BTreeSet<Host>,
    /// The hosts that aliases lead to.
    pub(super) alias_targets: BTreeSet<Host>,
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
    pub(super) by_destination: BTreeMap<Host, Vec<usize>>,
}

/// Resolves what a client can see.
pub fn resolve(inputs: &ScopeInputs<'_>) -> (EgressScope, Context) {
    let visible = imports::visible(inputs.services, inputs.namespace);
    let headers =
        if inputs.bind_hosts || inputs.listeners.is_some() { visible_route_sets(inputs) } else { Vec::new() };
    let mut context = Context {
        listeners: match inputs.listeners {
            None => vec![Listener::new(None, inputs.namespace, &headers)],
            Some(listeners) => {
                let listener = |spec| Listener::new(Some(spec), inputs.namespace, &headers);
                listeners.iter().map(listener).collect()
            }
        },
        ..Context::default()
    };
    let imported: Vec<_> =
        context.listeners.iter().map(|listener| listener.imported(&visible, inputs.namespace)).collect();
    let mut by_host: BTreeMap<&Host, &Arc<Service>> = BTreeMap::new();
    for service in imported.iter().flatten() {
        by_host.entry(&service.key.host).or_insert(service);
    }
    // What sees everything sees every destination.
    if inputs.listeners.is_some() {
        for listener in &context.listeners {
            let headers = &listener.route_sets;
            let wanted = imports::add_destinations(&mut by_host, &visible, inputs.namespace, headers);
            context.wanted.extend(wanted);
        }
    }
    context.alias_targets = visible.iter().filter_map(|service| service.alias_of().cloned()).collect();
    let mut scope = EgressScope {
        listeners: Vec::new(),
        aliases: imports::aliases(&visible, &by_host),
        services: by_host
            .values()
            .filter(|service| service.alias_of().is_none())
            .map(|service| (service.key.host.clone(), scoped(service, inputs)))
            .collect(),
        outbound_policy: inputs.outbound_policy,
    };
    let mut listeners = Vec::with_capacity(context.listeners.len());
    for (at, (listener, services)) in context.listeners.iter().zip(&imported).enumerate() {
        let spec = inputs.listeners.map(|specs| &specs[at]);
        listeners.push(ScopeListener {
            port: spec.and_then(|spec| spec.port.clone()),
            is_proxy: spec.is_some_and(|spec| spec.is_proxy),
            bind: spec.and_then(|spec| spec.bind.clone()),
            capture: spec.map_or(CaptureMode::Default, |spec| spec.capture),
            hosts: if inputs.bind_hosts {
                bind_hosts(listener, services, &scope, inputs)
            } else {
                OrdMap::new()
            },
        });
    }
    scope.listeners = listeners;
    (scope, context)
}

fn visible_route_sets<'a>(inputs: &ScopeInputs<'a>) -> Vec<&'a Arc<RouteSetHeader>> {
    let all = inputs.route_sets.iter();
    let mut visible: Vec<_> = all.filter(|header| header.export_to.allows(inputs.namespace)).collect();
    visible.sort_by_key(|header| header.nearness(inputs.namespace));
    visible
}

/// A service with the rule that applies to it.
pub(super) fn scoped(service: &Service, inputs: &ScopeInputs<'_>) -> ScopedService {
    ScopedService { service: service.key.clone(), rule: (inputs.rule)(&service.key) }
}

impl Listener {
    fn new(spec: Option<&EgressListener>, client: &Namespace, headers: &[&Arc<RouteSetHeader>]) -> Self {
        let imports = spec.map(|spec| Imports::new(&spec.hosts, client));
        let is_imported = |header: &&&Arc<RouteSetHeader>| {
            imports.as_ref().is_none_or(|imports| imports.virtual_service(header))
        };
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

    /// Those of `visible` that it imports, one per host, by host.
    fn imported<'a>(&self, visible: &[&'a Arc<Service>], client: &Namespace) -> Vec<&'a Arc<Service>> {
        imports::imported(visible, client, self.imports.as_ref(), self.port)
    }

    /// The service that it imports among those of one host.
    pub(super) fn service<'a>(
        &self,
        of_host: impl Iterator<Item = &'a Arc<Service>>,
        client: &Namespace,
    ) -> Option<&'a Arc<Service>> {
        self.imported(&of_host.collect::<Vec<_>>(), client).pop()
    }

    /// The route sets whose TLS and TCP routes a service has: all that cover its host, whoever owns it for HTTP.
    ///
    /// Mirrors istio pilot/pkg/networking/core/tls.go (getConfigsForHost).
    fn l4(&self, host: &Host) -> Vec<usize> {
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

/// Binds each host of a listener to the route sets that own it.
fn bind_hosts(
    listener: &Listener,
    services: &[&Arc<Service>],
    scope: &EgressScope,
    inputs: &ScopeInputs<'_>,
) -> OrdMap<Host, ScopeHost> {
    let mut binder = Binder::new(listener, scope, inputs);
    let mut aliases = aliases_by_target(scope);
    let mut ports = PortsOfNames::default();
    let mut bound = Vec::with_capacity(services.len());
    for service in services.iter().filter(|service| service.alias_of().is_none()) {
        let host = &service.key.host;
        let named = listener.http.covering(host);
        if let Some(named) = named.filter(|named| named.host.is_wildcard()) {
            ports.add(named, service);
        }
        let aliases = aliases.remove(host).unwrap_or_default().into();
        bound.push((host.clone(), binder.host(host, named, aliases)));
    }
    let mut hosts: OrdMap<Host, ScopeHost> = bound.into_iter().collect();
    let named: BTreeSet<&Host> = listener.route_sets.iter().flat_map(|header| &header.hosts).collect();
    let others = named.into_iter().filter(|host| !hosts.contains_key(*host));
    let bare: Vec<_> =
        others.filter_map(|host| Some((host.clone(), binder.bare_host(host, &ports, &hosts)?))).collect();
    hosts.extend(bare);
    hosts
}

/// The aliases of a scope, by the host that they stand for.
fn aliases_by_target(scope: &EgressScope) -> BTreeMap<Host, Vec<Host>> {
    let mut by_target: BTreeMap<Host, Vec<Host>> = BTreeMap::new();
    for (alias, target) in scope.aliases.iter() {
        by_target.entry(target.clone()).or_default().push(alias.clone());
    }
    by_target
}

/// Makes the hosts of a listener, given the services of the scope.
pub(super) struct Binder<'a> {
    listener: &'a Listener,
    scope: &'a EgressScope,
    inputs: &'a ScopeInputs<'a>,
    /// The destinations of route sets, each worked out once.
    destinations: BTreeMap<usize, Arc<[DestinationBinding]>>,
    /// What services have of the route sets that name them, each list made once.
    http: BTreeMap<&'a [usize], Arc<[HttpOwner]>>,
}

impl<'a> Binder<'a> {
    pub(super) fn new(listener: &'a Listener, scope: &'a EgressScope, inputs: &'a ScopeInputs<'a>) -> Self {
        Self { listener, scope, inputs, destinations: BTreeMap::new(), http: BTreeMap::new() }
    }

    /// A service of the listener, `named` so by route sets.
    pub(super) fn host(&mut self, host: &Host, named: Option<&'a Named>, aliases: Arc<[Host]>) -> ScopeHost {
        let scoped = self.scope.service(host).cloned();
        ScopeHost {
            service: scoped.as_ref().and_then(|scoped| self.inputs.services.get(&scoped.service)).cloned(),
            binding: HostBinding { host: host.clone(), service: scoped, l4: self.l4(host), aliases },
            http: named.map(|named| self.http_of_service(&named.by)).unwrap_or_default(),
        }
    }

    /// Those of `named` that may own the HTTP of a service: none that comes after one for every client.
    fn http_of_service(&mut self, named: &'a [usize]) -> Arc<[HttpOwner]> {
        if let Some(known) = self.http.get(named) {
            return known.clone();
        }
        let listener = self.listener;
        let is_last = |at: &usize| listener.route_sets[*at].http_clients.are_all();
        let end = named.iter().position(is_last).map_or(named.len(), |last| last + 1);
        let owners: Arc<[HttpOwner]> =
            named[..end].iter().map(|at| self.http_owner(*at, Arc::default())).collect();
        self.http.insert(named, owners.clone());
        owners
    }

    fn http_owner(&mut self, at: usize, ports: Arc<[u16]>) -> HttpOwner {
        let header = self.listener.route_sets[at].clone();
        HttpOwner { header, destinations: self.destinations(at), ports }
    }

    /// The same owner, with its destinations as they are now, if it is route set `at`.
    pub(super) fn refreshed(&mut self, owner: &HttpOwner, at: usize) -> HttpOwner {
        if owner.header.origin == self.listener.route_sets[at].origin {
            HttpOwner { destinations: self.destinations(at), ..owner.clone() }
        } else {
            owner.clone()
        }
    }

    /// A host that is no service; `None` where no route set has it served. `names` are the ports of services by
    /// wildcard, `hosts` the services of the listener.
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
        // The second name of a service is served on the ports of that.
        let alias = self.scope.aliases.binary_search_by(|(alias, _)| alias.cmp(host));
        let of_target = alias.map(|at| ports_of(&self.scope.aliases[at].1)).unwrap_or_default();
        let covered = names.all(host);
        let listener = self.listener;
        let mut owners = Vec::new();
        // The ports of route sets before that have routes for every client.
        let mut taken: BTreeSet<u16> = BTreeSet::new();
        for at in listener.http.of(host) {
            let header = &listener.route_sets[*at];
            let ports = alternative_ports(header, &of_name, &of_target, &covered);
            if ports.iter().all(|port| taken.contains(port)) {
                continue;
            }
            if header.http_clients.are_all() {
                taken.extend(ports.iter());
            }
            owners.push(self.http_owner(*at, ports));
        }
        let binding =
            HostBinding { host: host.clone(), service: None, l4: Arc::default(), aliases: Arc::default() };
        (!owners.is_empty()).then(|| ScopeHost { binding, service: None, http: owners.into() })
    }

    /// The route sets whose TLS and TCP routes a service has.
    pub(super) fn l4(&mut self, host: &Host) -> Arc<[L4Binding]> {
        let listener = self.listener;
        let binding = |at: usize| L4Binding {
            routes: listener.route_sets[at].origin.clone(),
            destinations: self.destinations(at),
        };
        listener.l4(host).into_iter().map(binding).collect()
    }

    /// What the destinations of a route set are in the scope.
    pub(super) fn destinations(&mut self, owner: usize) -> Arc<[DestinationBinding]> {
        let make = || {
            let hosts = self.listener.route_sets[owner].destinations.iter();
            hosts.map(|host| self.scope.destination(host)).collect()
        };
        self.destinations.entry(owner).or_insert_with(make).clone()
    }
}
