//! The decisions behind the route tables of a sidecar: which hosts a table has, and under which domains.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use fairlead_model::{
    Port, Protocol, Service,
    endpoints::PodAddresses,
    proxy::Interception,
    routes::{GatewayRef, HttpClient},
    scope::{DestinationBinding, EgressScope, HttpOwner, Scope, ScopeHost, ScopeListener},
    service::Registry,
    sidecar::{Bind, CaptureMode, OutboundTrafficPolicy},
};
use imbl::OrdSet;

use super::{
    domains::{ClaimedDomains, HostNames, domains, has_bare_name},
    plan::{CatchAll, Table},
};
use crate::{
    names,
    view::{OnlyAt, RouteClient, RouteView, VirtualHostKey},
};

/// Everything that route tables are planned from.
pub(super) struct Planner<'a> {
    pub(super) view: &'a RouteView,
    pub(super) scope: &'a Arc<Scope>,
    /// Where the Pods of headless services are.
    pub(super) pods: &'a PodAddresses,
}

impl Planner<'_> {
    /// The table of a listener that serves every HTTP port of the services, each port under its own domains.
    ///
    /// A name without a port means port 80, as in requests to a proxy; on a socket, which has no port, it means the
    /// first port of a service that lacks port 80. Mirrors istio pilot/pkg/networking/core/httproute.go
    /// (buildSidecarOutboundVirtualHosts for `http_proxy`).
    pub(super) fn proxy_table(
        &self,
        table: &Arc<str>,
        listeners: &[ScopeListener],
        by_socket: bool,
    ) -> Table {
        let mut hosts = OrdSet::new();
        let mut claimed = ClaimedDomains::default();
        for host in listeners.iter().flat_map(in_order) {
            let domains = self.domains(host);
            let ports = proxied_ports(host);
            let first = ports.first().copied().filter(|_| by_socket && !ports.contains(&HTTP_PORT));
            for port in ports.into_iter().filter(|port| self.is_served(host, *port)) {
                let bare = port == first.unwrap_or(HTTP_PORT);
                let free: Arc<[Arc<str>]> = domains
                    .iter()
                    .flat_map(|domain| with_port(domain, port, bare))
                    .filter(|domain| claimed.claim(domain))
                    .collect();
                if !free.is_empty() {
                    hosts.insert(self.host_key(table, port, host, free));
                }
            }
        }
        let unknown = listeners.first().map_or(CatchAll::BlockAll, |listener| self.unknown(listener));
        Table { hosts, catch_all: if claimed.has("*") { CatchAll::None } else { unknown }, by_port: true }
    }

    /// The ports of a service whose tables are shared with other services. Ports of explicit listeners are taken.
    pub(super) fn shared_ports(&self, host: &ScopeHost, listener: &ScopeListener) -> BTreeSet<u16> {
        let Some(service) = &host.service else { return BTreeSet::new() };
        let own = has_own_listener(service, self.view.interception, listener);
        let is_shared = |port: &&Port| port.protocol.is_http() || port.protocol == Protocol::Auto && !own;
        let shared = service.ports.iter().filter(is_shared).map(|port| port.number);
        shared.filter(|port| !self.scope.locks(*port)).collect()
    }

    /// The ports of a service that have a table of their own, with its name; not those of explicit listeners.
    pub(super) fn sniffed_tables(&self, host: &ScopeHost, listener: &ScopeListener) -> Vec<(u16, Arc<str>)> {
        let Some(service) = &host.service else { return Vec::new() };
        let own = has_own_listener(service, self.view.interception, listener);
        let has_address = |port: &Port| {
            service.ips().next().is_some() || self.pods.of(&service.key, port.number).next().is_some()
        };
        let is_sniffed = |port: &&Port| {
            port.protocol == Protocol::Auto && own && has_address(port) && !self.scope.locks(port.number)
        };
        let name = |port: &Port| (port.number, names::sniffed_route(&host.binding.host, port.number));
        service.ports.iter().filter(is_sniffed).map(name).collect()
    }

    /// The table of an explicit listener: all HTTP services of its port.
    pub(super) fn port_table(&self, table: &Arc<str>, port: u16, listener: &ScopeListener) -> Table {
        let mut hosts = OrdSet::new();
        let mut claimed = ClaimedDomains::default();
        for host in in_order(listener).filter(|host| self.is_in_table(host, port, listener)) {
            hosts.extend(self.entry(table, port, host, listener, &mut claimed));
        }
        Table {
            catch_all: if claimed.has("*") { CatchAll::None } else { self.unknown(listener) },
            hosts,
            by_port: false,
        }
    }

    /// A host in the table of a port, under the domains that no earlier host has; `None` if none is left.
    pub(super) fn entry(
        &self,
        table: &Arc<str>,
        port: u16,
        host: &ScopeHost,
        listener: &ScopeListener,
        claimed: &mut ClaimedDomains,
    ) -> Option<VirtualHostKey> {
        let domains = self.domains_of_port(host, port, listener).into_iter();
        let free: Arc<[Arc<str>]> = domains.filter(|domain| claimed.claim(domain)).collect();
        (!free.is_empty()).then(|| self.host_key_at(table, port, host, free, listener))
    }

    /// Whether a host belongs in the table of a port, provided that a domain is left for it.
    pub(super) fn is_in_table(&self, host: &ScopeHost, port: u16, listener: &ScopeListener) -> bool {
        match &host.service {
            Some(service) => self.serves_http(service, port, listener),
            None => self.is_served(host, port),
        }
    }

    /// Whether a host has other names or other routes for clients of this view than for those of the base.
    pub(super) fn differs_from_base(&self, host: &ScopeHost) -> bool {
        let mut names = std::iter::once(&host.binding.host).chain(host.binding.aliases.iter());
        names.any(|name| has_bare_name(name, &self.view.dns_domain))
            || host.http.iter().any(|owner| owner.header.asks_source)
    }

    /// Whether a host is a service, or has routes for this client.
    fn is_served(&self, host: &ScopeHost, port: u16) -> bool {
        host.service.is_some() || self.http_owner(host, port).is_some()
    }

    /// The route set whose routes apply to this client for a host.
    fn http_owner<'h>(&self, host: &'h ScopeHost, port: u16) -> Option<&'h HttpOwner> {
        let (place, source) = (Some(&GatewayRef::Mesh), Some(&self.view.source));
        host.http_owner(&HttpClient { port, place, source })
    }

    /// The table of one service port whose protocol is detected: every request is for that service.
    pub(super) fn sniffed_table(&self, table: &Arc<str>, port: u16, host: &ScopeHost) -> Table {
        Table::of_host(self.host_key(table, port, host, Arc::new(["*".into()])))
    }

    fn host_key(
        &self,
        table: &Arc<str>,
        port: u16,
        host: &ScopeHost,
        domains: Arc<[Arc<str>]>,
    ) -> VirtualHostKey {
        let binding = &host.binding;
        let owner = self.http_owner(host, port);
        let asks_source = owner.is_some_and(|owner| owner.header.asks_source);
        let has_large = owner.is_some_and(|owner| owner.header.has_large_expressions);
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
            route_sets: owner.iter().map(|o| o.header.routes_at(port, &GatewayRef::Mesh)).collect(),
            destinations: owner.map_or_else(|| own.into_iter().collect(), |owner| owner.destinations.clone()),
            client: RouteClient::Sidecar(asks_source.then(|| self.view.source.clone())),
            only_at: None,
            sizes_expressions: has_large && !self.view.takes_large_expressions,
        }
    }

    /// The same in a table of several hosts, where a headless service accepts requests to its Pods only.
    fn host_key_at(
        &self,
        table: &Arc<str>,
        port: u16,
        host: &ScopeHost,
        domains: Arc<[Arc<str>]>,
        listener: &ScopeListener,
    ) -> VirtualHostKey {
        let headless = host.service.as_ref().filter(|service| service.headless && self.captured(listener));
        let only_at = headless.map(|service| OnlyAt {
            ips: self.pods.of(&service.key, port).collect(),
            otherwise: self.scope.outbound_policy,
        });
        VirtualHostKey { only_at, ..self.host_key(table, port, host, domains) }
    }

    /// What happens to requests for unknown hosts. A connection that was not redirected was addressed to the proxy
    /// itself, so it cannot be passed on.
    pub(super) fn unknown(&self, listener: &ScopeListener) -> CatchAll {
        match self.scope.outbound_policy {
            OutboundTrafficPolicy::AllowAny if self.captured(listener) => CatchAll::AllowAny,
            _ => CatchAll::BlockAll,
        }
    }

    fn captured(&self, listener: &ScopeListener) -> bool {
        is_captured(self.view.interception, listener)
    }

    /// Whether the table of `port` has a virtual host for the service.
    fn serves_http(&self, service: &Service, port: u16, listener: &ScopeListener) -> bool {
        let own = has_own_listener(service, self.view.interception, listener);
        service.port(port).is_some_and(|p| p.protocol.is_http() || p.protocol == Protocol::Auto && !own)
    }

    /// The domains under which a host is known in the table of a port: its names and addresses and, if it is headless,
    /// those of its Pods.
    fn domains_of_port(&self, host: &ScopeHost, port: u16, listener: &ScopeListener) -> Vec<Arc<str>> {
        let headless = host.service.as_ref().filter(|service| service.headless && self.captured(listener));
        let pods = headless.into_iter().flat_map(|service| self.pods.of(&service.key, port));
        self.domains_at(host, pods)
    }

    /// The domains under which a host is known on all ports.
    fn domains(&self, host: &ScopeHost) -> Vec<Arc<str>> {
        self.domains_at(host, std::iter::empty())
    }

    fn domains_at(&self, host: &ScopeHost, pods: impl Iterator<Item = IpAddr>) -> Vec<Arc<str>> {
        let own = host.service.iter().flat_map(|service| service.ips());
        let addresses: Vec<IpAddr> = own.chain(pods).collect();
        let names = HostNames {
            host: &host.binding.host,
            aliases: &host.binding.aliases,
            addresses: &addresses,
            headless: host.service.as_ref().is_some_and(|service| service.headless),
        };
        domains(&names, &self.view.dns_domain)
    }
}

/// The hosts of a listener, in the order in which they claim domains.
fn in_order(listener: &ScopeListener) -> impl Iterator<Item = &ScopeHost> {
    let those = |rank| listener.hosts.values().filter(move |host| self::rank(host) == rank);
    those(Rank::Named).chain(those(Rank::Kubernetes)).chain(those(Rank::External))
}

/// The rank of a host among those that claim domains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// A name in a route set that is not a service, but may be the alias of one.
    Named,
    /// A Kubernetes Service.
    Kubernetes,
    /// A ServiceEntry. Its author chooses the host freely: called `a.ns`, it must not take the short name of a
    /// Service.
    External,
}

pub(super) fn rank(host: &ScopeHost) -> Rank {
    match host.service.as_ref().map(|service| service.registry) {
        None => Rank::Named,
        Some(Registry::Kubernetes) => Rank::Kubernetes,
        Some(Registry::External) => Rank::External,
    }
}

/// Default port of HTTP, which need not be written.
const HTTP_PORT: u16 = 80;

/// The HTTP ports of a host.
fn proxied_ports(host: &ScopeHost) -> BTreeSet<u16> {
    let is_http = |protocol: Protocol| protocol.is_http() || protocol == Protocol::Auto;
    match &host.service {
        Some(service) => service.ports.iter().filter(|p| is_http(p.protocol)).map(|p| p.number).collect(),
        None => host.alternative_ports(),
    }
}

/// A domain with its port and, where `bare`, without.
fn with_port(domain: &Arc<str>, port: u16, bare: bool) -> Vec<Arc<str>> {
    let mut domains = vec![format!("{domain}:{port}").into()];
    if bare {
        domains.push(domain.clone());
    }
    domains
}

/// Whether a listener with a port of its own serves every port of its services: an HTTP proxy, and a UNIX domain
/// socket, which has no port.
pub(crate) fn serves_every_port(listener: &ScopeListener) -> bool {
    let has_no_number = || listener.port.as_ref().is_some_and(|port| port.number == 0);
    listener.is_proxy || (is_socket(listener) && has_no_number())
}

pub(super) fn is_socket(listener: &ScopeListener) -> bool {
    matches!(listener.bind, Some(Bind::Unix(_)))
}

/// Whether the TCP of a service has a listener of its own: on its address or, if it is headless, on those of its Pods.
/// Only where connections are captured, and no Sidecar says where they arrive.
pub(crate) fn has_own_listener(
    service: &Service,
    interception: Interception,
    listener: &ScopeListener,
) -> bool {
    let is_implied = listener.port.is_none() && listener.bind.is_none();
    is_implied && is_captured(interception, listener) && (service.headless || service.ips().next().is_some())
}

/// Whether connections to a listener were addressed to another destination and redirected.
pub(crate) fn is_captured(interception: Interception, listener: &ScopeListener) -> bool {
    let redirected = match listener.capture {
        CaptureMode::Default => interception != Interception::None,
        CaptureMode::Iptables => true,
        CaptureMode::None => false,
    };
    redirected && !is_socket(listener)
}

/// The route table of a listener with a port of its own: that of the port for the first of them, or the one without an
/// address. Others of the port, and UNIX domain sockets, have one by their address.
pub(crate) fn table_of(listener: &ScopeListener, scope: &EgressScope, port: u16) -> Arc<str> {
    if let Some(Bind::Unix(path)) = &listener.bind {
        return names::unix_route(path);
    }
    let takes_http = |p: &Port| p.number == port && (p.protocol.is_http() || p.protocol == Protocol::Auto);
    let of_port = |other: &&ScopeListener| !is_socket(other) && other.port.as_ref().is_some_and(takes_http);
    let mut all = scope.listeners.iter().filter(of_port);
    let first = all.clone().find(|other| other.bind.is_none()).or_else(|| all.next());
    match &listener.bind {
        Some(Bind::Ip(ip)) if first.is_some_and(|first| first.bind != listener.bind) => {
            names::bound_route(port, *ip)
        }
        _ => names::port_route(port),
    }
}
