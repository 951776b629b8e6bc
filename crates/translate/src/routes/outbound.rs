//! The route tables of sidecars: which there are, and which virtual hosts each has.
//!
//! A plan consists of keys. It changes when a host or a domain comes or goes; what a VirtualService does with a
//! request is in [`super::virtual_host`].

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use fairlead_incremental::{Query, Reader, Stratum};
use fairlead_model::{
    ConfigKey, Protocol, Service, ServiceKey,
    mesh::ResolvedMesh,
    proxy::Interception,
    registry::ServiceByKey,
    scope::{DestinationBinding, EgressScope, HostBinding, ScopeListener, ScopeOf},
    sidecar::{Bind, CaptureMode, OutboundTrafficPolicy},
    strata,
};

use super::{
    domains::{HostNames, domains},
    plan::{CatchAll, Table, Tables},
    traits::{RouteTraits, RouteTraitsOf},
};
use crate::{
    names,
    view::{RouteClient, RouteView, VirtualHostKey},
};

/// Plans the route tables of a view.
pub struct OutboundTablesOf;

impl Query for OutboundTablesOf {
    type Key = RouteView;
    type Value = Arc<Tables>;
    const NAME: &'static str = "outbound_tables";
    const STRATUM: Stratum = strata::PLAN;

    fn compute(cx: &Reader<'_>, view: &RouteView) -> Self::Value {
        let scope = cx.get::<ScopeOf>(&view.scope);
        let mut services = BTreeMap::new();
        let mut traits = BTreeMap::new();
        for binding in scope.listeners.iter().flat_map(|l| l.hosts.iter()) {
            if let Some(scoped) = &binding.service
                && let Some(service) = cx.get::<ServiceByKey>(&scoped.service).as_ref()
            {
                services.insert(scoped.service.clone(), service.clone());
            }
            if let Some(key) = &binding.virtual_service {
                traits.insert(key.clone(), *cx.get::<RouteTraitsOf>(key));
            }
        }
        let policy = scope.outbound_policy;
        let explicit_proxy = cx.get::<ResolvedMesh>(&()).http_proxy_port.is_some();
        let planner = Planner { view, services: &services, traits: &traits, policy, explicit_proxy };
        Arc::new(planner.plan(&scope))
    }
}

/// What a plan is made of.
pub(super) struct Planner<'a> {
    pub(super) view: &'a RouteView,
    pub(super) services: &'a BTreeMap<ServiceKey, Arc<Service>>,
    pub(super) traits: &'a BTreeMap<ConfigKey, RouteTraits>,
    pub(super) policy: OutboundTrafficPolicy,
    /// Whether there is a listener that applications use as their HTTP proxy.
    pub(super) explicit_proxy: bool,
}

impl Planner<'_> {
    /// The tables of every listener of `scope`.
    pub(super) fn plan(&self, scope: &EgressScope) -> Tables {
        let mut tables = BTreeMap::new();
        for listener in &scope.listeners {
            match &listener.port {
                Some(port) if port.protocol.is_http() || port.protocol == Protocol::Auto => {
                    let name = table_of(listener, port.number);
                    // Two listeners of one port (on different addresses) share a table; the first one's hosts win.
                    tables
                        .entry(name.clone())
                        .or_insert_with(|| self.port_table(&name, port.number, listener));
                }
                Some(_) => {}
                None => self.implied_tables(listener, scope, &mut tables),
            }
        }
        if self.explicit_proxy {
            tables.insert(names::HTTP_PROXY.into(), self.proxy_table(scope));
        }
        Tables { tables }
    }

    /// The table of the explicit proxy: all HTTP services, each port under its own domains. What is asked for by no
    /// known name was addressed to the proxy, so there is nowhere to pass it on to.
    ///
    /// Mirrors istio pilot/pkg/networking/core/httproute.go (buildSidecarOutboundVirtualHosts for `http_proxy`).
    fn proxy_table(&self, scope: &EgressScope) -> Table {
        let table: Arc<str> = names::HTTP_PROXY.into();
        let mut hosts = imbl::OrdSet::new();
        let mut claimed: BTreeSet<Arc<str>> = BTreeSet::new();
        for binding in scope.listeners.iter().flat_map(|listener| listener.hosts.iter()) {
            let service = self.service_of(binding);
            let domains = match service {
                Some(service) => self.service_domains(binding, service),
                None => self.bare_domains(binding),
            };
            for port in proxied_ports(service.map(AsRef::as_ref)) {
                let free: Arc<[Arc<str>]> = domains
                    .iter()
                    .flat_map(|domain| with_port(domain, port))
                    .filter(|domain| claimed.insert(domain.to_ascii_lowercase().into()))
                    .collect();
                if !free.is_empty() {
                    hosts.insert(self.host_key(&table, port, binding, free));
                }
            }
        }
        Table { hosts, catch_all: CatchAll::BlockAll, by_port: true }
    }

    /// The tables of the ports of the services, other than those that explicit listeners have taken.
    fn implied_tables(
        &self,
        listener: &ScopeListener,
        scope: &EgressScope,
        tables: &mut BTreeMap<Arc<str>, Table>,
    ) {
        let mut shared = BTreeSet::new();
        for binding in listener.hosts.iter() {
            let Some(service) = self.service_of(binding) else { continue };
            for port in service.ports.iter().filter(|p| !scope.locks(p.number)) {
                if port.protocol == Protocol::Auto && has_own_listener(service, self.captured(listener)) {
                    let name = names::sniffed_route(&binding.host, port.number);
                    let table = self.sniffed_table(&name, port.number, binding);
                    tables.insert(name, table);
                } else if port.protocol.is_http() || port.protocol == Protocol::Auto {
                    shared.insert(port.number);
                }
            }
        }
        for port in shared {
            let name = names::port_route(port);
            let table = self.port_table(&name, port, listener);
            tables.insert(name, table);
        }
    }

    /// The table of all HTTP services of a port.
    fn port_table(&self, table: &Arc<str>, port: u16, listener: &ScopeListener) -> Table {
        let mut hosts = imbl::OrdSet::new();
        let mut claimed: BTreeSet<Arc<str>> = BTreeSet::new();
        for binding in listener.hosts.iter() {
            let domains = match self.service_of(binding) {
                Some(service) if self.serves_http(service, port, listener) => {
                    self.service_domains(binding, service)
                }
                // A VirtualService for a host that is no service takes effect on port 80 only, as in Istio
                // (route.go, buildSidecarVirtualHostsForVirtualService).
                None if port == HTTP_PORT && binding.virtual_service.is_some() => self.bare_domains(binding),
                _ => continue,
            };
            let free: Arc<[Arc<str>]> =
                domains.into_iter().filter(|d| claimed.insert(d.to_ascii_lowercase().into())).collect();
            if !free.is_empty() {
                hosts.insert(self.host_key(table, port, binding, free));
            }
        }
        Table {
            catch_all: if claimed.contains("*") { CatchAll::None } else { self.unknown(listener) },
            hosts,
            by_port: false,
        }
    }

    /// The table of one service port whose protocol is detected: whatever comes is for that service.
    fn sniffed_table(&self, table: &Arc<str>, port: u16, binding: &HostBinding) -> Table {
        let key = self.host_key(table, port, binding, Arc::new(["*".into()]));
        Table { hosts: imbl::OrdSet::unit(key), catch_all: CatchAll::None, by_port: false }
    }

    fn host_key(
        &self,
        table: &Arc<str>,
        port: u16,
        binding: &HostBinding,
        domains: Arc<[Arc<str>]>,
    ) -> VirtualHostKey {
        let traits = binding.virtual_service.as_ref().and_then(|key| self.traits.get(key)).copied();
        let routed = traits.is_some_and(|t| t.has_http);
        let own = binding
            .service
            .as_ref()
            .map(|scoped| DestinationBinding { host: binding.host.clone(), service: Some(scoped.clone()) });
        VirtualHostKey {
            table: table.clone(),
            name: names::virtual_host(&binding.host, port),
            domains,
            port,
            service: binding.service.as_ref().map(|s| s.service.clone()),
            virtual_services: if routed {
                binding.virtual_service.iter().cloned().collect()
            } else {
                Arc::new([])
            },
            destinations: if routed { binding.destinations.clone() } else { own.into_iter().collect() },
            client: RouteClient::Sidecar(traits.filter(|t| t.asks_source).map(|_| self.view.source.clone())),
        }
    }

    /// What happens with requests for unknown hosts. A connection that was not redirected was addressed to the
    /// proxy itself, so there is nowhere to pass it on to.
    fn unknown(&self, listener: &ScopeListener) -> CatchAll {
        match self.policy {
            OutboundTrafficPolicy::AllowAny if self.captured(listener) => CatchAll::AllowAny,
            _ => CatchAll::BlockAll,
        }
    }

    fn captured(&self, listener: &ScopeListener) -> bool {
        is_captured(self.view.interception, listener)
    }

    /// Whether the table of `port` has a host for the service.
    fn serves_http(&self, service: &Service, port: u16, listener: &ScopeListener) -> bool {
        let own = listener.port.is_none() && has_own_listener(service, self.captured(listener));
        service.port(port).is_some_and(|p| p.protocol.is_http() || p.protocol == Protocol::Auto && !own)
    }

    fn service_of(&self, binding: &HostBinding) -> Option<&Arc<Service>> {
        self.services.get(&binding.service.as_ref()?.service)
    }

    fn service_domains(&self, binding: &HostBinding, service: &Service) -> Vec<Arc<str>> {
        let addresses: Vec<IpAddr> = service.ips().collect();
        let names = HostNames {
            host: &binding.host,
            aliases: &binding.aliases,
            addresses: &addresses,
            headless: service.headless,
        };
        domains(&names, &self.view.dns_domain)
    }

    fn bare_domains(&self, binding: &HostBinding) -> Vec<Arc<str>> {
        let names =
            HostNames { host: &binding.host, aliases: &binding.aliases, addresses: &[], headless: false };
        domains(&names, &self.view.dns_domain)
    }
}

/// The port of HTTP, which need not be written.
const HTTP_PORT: u16 = 80;

/// The ports of a host that HTTP may be spoken to; that of HTTP for a host that is no service.
fn proxied_ports(service: Option<&Service>) -> Vec<u16> {
    let is_http = |protocol: Protocol| protocol.is_http() || protocol == Protocol::Auto;
    match service {
        Some(service) => service.ports.iter().filter(|p| is_http(p.protocol)).map(|p| p.number).collect(),
        None => vec![HTTP_PORT],
    }
}

/// A domain with its port, and without where the port need not be written.
fn with_port(domain: &Arc<str>, port: u16) -> Vec<Arc<str>> {
    let mut domains = vec![format!("{domain}:{port}").into()];
    if port == HTTP_PORT {
        domains.push(domain.clone());
    }
    domains
}

/// Whether the bytes of a service have a listener of their own: on its address, where connections arrive that are
/// captured.
pub(crate) fn has_own_listener(service: &Service, captured: bool) -> bool {
    captured && service.ips().next().is_some()
}

/// Whether connections to a listener were addressed to somebody else, and redirected.
pub(crate) fn is_captured(interception: Interception, listener: &ScopeListener) -> bool {
    let redirected = match listener.capture {
        CaptureMode::Default => interception != Interception::None,
        CaptureMode::Iptables => true,
        CaptureMode::None => false,
    };
    redirected && !matches!(listener.bind, Some(Bind::Unix(_)))
}

/// The route table of a listener with a port of its own: that of the port, which listeners on several addresses
/// share, but for UNIX domain sockets.
pub(crate) fn table_of(listener: &ScopeListener, port: u16) -> Arc<str> {
    match &listener.bind {
        Some(Bind::Unix(path)) => names::unix_route(path),
        _ => names::port_route(port),
    }
}
