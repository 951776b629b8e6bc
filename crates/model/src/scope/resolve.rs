//! A scope as a whole: listeners, their hosts, and which VirtualService goes with which host.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use fairlead_config::Namespace;

use super::{
    DestinationBinding, EgressScope, HostBinding, ScopeListener, ScopedService, egress::Imports, imports,
};
use crate::{
    Host, Protocol, ServiceKey,
    destination_rule::RuleKey,
    host_map::HostMap,
    registry::ServiceSummary,
    service::Resolution,
    sidecar::{CaptureMode, EgressListener, OutboundTrafficPolicy},
    virtual_service::VirtualServiceHeader,
};

/// The port on which the hosts of VirtualServices that are no service take effect.
const HTTP_PORT: u16 = 80;

/// What a scope is made of.
pub struct ScopeInputs<'a> {
    /// The namespace of the client.
    pub namespace: &'a Namespace,
    /// The listeners of a Sidecar; `None`: one that sees everything.
    pub listeners: Option<&'a [EgressListener]>,
    /// Whether hosts are bound to VirtualServices: not for gateways.
    pub bind_hosts: bool,
    /// Every service, sorted by key.
    pub services: &'a [ServiceSummary],
    /// The VirtualServices that apply to sidecars, oldest first.
    pub virtual_services: &'a [Arc<VirtualServiceHeader>],
    /// The rule for a service.
    pub rule: &'a dyn Fn(&ServiceKey) -> Option<RuleKey>,
    /// What happens with unknown destinations.
    pub outbound_policy: OutboundTrafficPolicy,
}

/// One listener while the scope is made.
struct Listener<'a> {
    spec: Option<&'a EgressListener>,
    services: Vec<&'a ServiceSummary>,
    virtual_services: Vec<&'a Arc<VirtualServiceHeader>>,
}

/// Resolves what a client can see.
pub fn resolve(inputs: &ScopeInputs<'_>) -> EgressScope {
    let visible = imports::visible(inputs.services, inputs.namespace);
    let headers = visible_virtual_services(inputs);
    let listeners = match inputs.listeners {
        None => vec![Listener {
            spec: None,
            services: imports::imported(&visible, inputs.namespace, None, None),
            virtual_services: headers,
        }],
        Some(listeners) => listeners
            .iter()
            .map(|spec| sidecar_listener(spec, &visible, &headers, inputs.namespace))
            .collect(),
    };
    let mut by_host: BTreeMap<&Host, &ServiceSummary> = BTreeMap::new();
    for listener in &listeners {
        for service in &listener.services {
            by_host.entry(&service.key.host).or_insert(service);
        }
    }
    for listener in &listeners {
        imports::add_destinations(&mut by_host, &visible, inputs.namespace, &listener.virtual_services);
    }
    let mut scope = EgressScope {
        listeners: Vec::new(),
        aliases: imports::aliases(&by_host)
            .into_iter()
            .filter(|(_, target)| by_host.contains_key(target))
            .map(|(alias, target)| (alias.clone(), target.clone()))
            .collect(),
        services: scoped_services(by_host.values().copied(), inputs),
        outbound_policy: inputs.outbound_policy,
    };
    scope.listeners = listeners
        .iter()
        .map(|listener| ScopeListener {
            port: listener.spec.and_then(|spec| spec.port.clone()),
            bind: listener.spec.and_then(|spec| spec.bind.clone()),
            capture: listener.spec.map_or(CaptureMode::Default, |spec| spec.capture),
            hosts: if inputs.bind_hosts { bind_hosts(listener, &scope) } else { Arc::default() },
        })
        .collect();
    scope
}

fn visible_virtual_services<'a>(inputs: &ScopeInputs<'a>) -> Vec<&'a Arc<VirtualServiceHeader>> {
    let all = inputs.virtual_services.iter();
    let mut visible: Vec<_> = all.filter(|header| header.export_to.allows(inputs.namespace)).collect();
    visible.sort_by_key(|header| header.nearness(inputs.namespace));
    visible
}

fn sidecar_listener<'a>(
    spec: &'a EgressListener,
    visible: &[&'a ServiceSummary],
    headers: &[&'a Arc<VirtualServiceHeader>],
    client: &Namespace,
) -> Listener<'a> {
    let imports = Imports::new(&spec.hosts);
    // A UNIX domain socket has no port: it serves what all services serve.
    let port = spec.port.as_ref().map(|port| port.number).filter(|number| *number > 0);
    Listener {
        spec: Some(spec),
        services: imports::imported(visible, client, Some(&imports), port),
        virtual_services: headers.iter().copied().filter(|header| imports.virtual_service(header)).collect(),
    }
}

fn scoped_services<'a>(
    services: impl Iterator<Item = &'a ServiceSummary>,
    inputs: &ScopeInputs<'_>,
) -> Arc<[ScopedService]> {
    let real = services.filter(|service| !matches!(service.resolution, Resolution::Alias(_)));
    let scoped = |service: &ServiceSummary| ScopedService {
        service: service.key.clone(),
        rule: (inputs.rule)(&service.key),
    };
    real.map(scoped).collect()
}

/// Binds each host of a listener to the VirtualService that owns it.
///
/// A VirtualService owns the hosts that it names exactly, unless one before it does, and the services that its
/// wildcard covers more narrowly than any other. One without HTTP routes leaves HTTP services to others, and one
/// with nothing else leaves TCP services to others.
/// Mirrors istio pilot/pkg/networking/core/route/route.go (BuildSidecarVirtualHostWrapper).
fn bind_hosts(listener: &Listener<'_>, scope: &EgressScope) -> Arc<[HostBinding]> {
    let owners_http = owners(listener, |header| header.has_http);
    let owners_l4 = owners(listener, |header| header.has_l4);
    let mut destinations = Destinations { listener, scope, known: BTreeMap::new() };
    let mut bindings = Vec::with_capacity(listener.services.len());
    let mut aliases = aliases_by_target(listener, scope, &owners_http);
    let mut taken: BTreeSet<&Host> = BTreeSet::new();
    for service in &listener.services {
        let host = &service.key.host;
        if matches!(service.resolution, Resolution::Alias(_)) {
            continue;
        }
        let (first, second) =
            if takes_http(service) { (&owners_http, &owners_l4) } else { (&owners_l4, &owners_http) };
        let owner = first.covering(host).next().or_else(|| second.covering(host).next()).copied();
        taken.insert(host);
        if let Some(owner) = owner.filter(|_| service.ports.iter().any(|port| port.number == HTTP_PORT)) {
            // The wildcard is served by this service; it is no host of its own on that port.
            let named = listener.virtual_services[owner].hosts.iter().find(|named| named.covers(host));
            taken.extend(named);
        }
        bindings.push(HostBinding {
            host: host.clone(),
            service: scope.service(host).cloned(),
            virtual_service: owner.map(|owner| listener.virtual_services[owner].origin.clone()),
            destinations: owner.map(|owner| destinations.of(owner)).unwrap_or_default(),
            aliases: aliases.remove(host).unwrap_or_default().into(),
        });
    }
    for (at, header) in listener.virtual_services.iter().enumerate().filter(|(_, header)| header.has_http) {
        let owned = header.hosts.iter().filter(|host| owners_http.get(host) == Some(&at));
        for host in owned.filter(|host| !taken.contains(host)) {
            bindings.push(HostBinding {
                host: host.clone(),
                service: None,
                virtual_service: Some(header.origin.clone()),
                destinations: destinations.of(at),
                aliases: Arc::default(),
            });
        }
    }
    bindings.sort_by(|a, b| a.host.cmp(&b.host));
    bindings.into()
}

/// The first VirtualService of its sort to name each host.
fn owners(listener: &Listener<'_>, is_of_sort: impl Fn(&VirtualServiceHeader) -> bool) -> HostMap<usize> {
    let mut owners = HostMap::default();
    for (at, header) in listener.virtual_services.iter().enumerate().filter(|(_, header)| is_of_sort(header))
    {
        for host in &header.hosts {
            owners.entry(host, || at);
        }
    }
    owners
}

fn takes_http(service: &ServiceSummary) -> bool {
    service.ports.iter().any(|port| port.protocol.is_http() || port.protocol == Protocol::Auto)
}

/// The aliases that a listener imports, by the host that they stand for. An alias that a VirtualService names is a
/// host of its own instead.
fn aliases_by_target(
    listener: &Listener<'_>,
    scope: &EgressScope,
    owners: &HostMap<usize>,
) -> BTreeMap<Host, Vec<Host>> {
    let mut by_target: BTreeMap<Host, Vec<Host>> = BTreeMap::new();
    for service in &listener.services {
        let host = &service.key.host;
        if let Ok(at) = scope.aliases.binary_search_by(|(alias, _)| alias.cmp(host))
            && owners.get(host).is_none()
        {
            by_target.entry(scope.aliases[at].1.clone()).or_default().push(host.clone());
        }
    }
    by_target
}

/// The destinations of the VirtualServices of a listener, each worked out once.
struct Destinations<'a> {
    listener: &'a Listener<'a>,
    scope: &'a EgressScope,
    known: BTreeMap<usize, Arc<[DestinationBinding]>>,
}

impl Destinations<'_> {
    fn of(&mut self, virtual_service: usize) -> Arc<[DestinationBinding]> {
        let make = || {
            let hosts = self.listener.virtual_services[virtual_service].destinations.iter();
            hosts.map(|host| self.scope.destination(host)).collect()
        };
        self.known.entry(virtual_service).or_insert_with(make).clone()
    }
}
