//! What a proxy can see: the services and route sets of its scope, and how they belong together.
//!
//! Reads: Sidecar, Service, ServiceEntry, VirtualService, DestinationRule (hosts and `exportTo` only)
//! Produces: [`EgressScope`], [`HostBinding`], [`ScopedService`] · Consumed by: `translate`
//!
//! A scope holds names, and only as much else as decides which listeners, route tables and hosts there are. It changes
//! when something comes, goes or is renamed, and not when an endpoint, a weight or a policy does. Changes are edited
//! into it.

//! Spec: <https://istio.io/latest/docs/reference/config/networking/sidecar/> Differs from Istio: if several namespaces
//! define a host, namespace and registry decide in every scope, and not age in those of Sidecars; TLS and TCP routes of
//! a route set that names a host are tried before those of one with a wildcard, whichever is older.

mod base;
mod bind;
mod context;
mod egress;
mod http;
mod imports;
mod index;
mod queries;
mod resolve;

use std::{collections::BTreeSet, sync::Arc};

use fairlead_config::{ConfigKey, Namespace};
use imbl::OrdMap;

use crate::{
    Host, Port, Service, ServiceKey,
    destination_rule::RuleKey,
    routes::{HttpClient, RouteSetHeader},
    sidecar::{Bind, CaptureMode, OutboundTrafficPolicy},
};

pub use queries::{Scope, ScopeOf};

/// Identifies a scope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeKey {
    /// The namespace of the proxy, as it is seen (see [`crate::proxy::SeenAs`]).
    pub namespace: Namespace,
    /// What limits the scope.
    pub kind: ScopeKind,
    /// The DestinationRules with a workload selector that select the proxy, sorted; empty for nearly all.
    pub selected_rules: Arc<[ConfigKey]>,
}

/// What limits the scope of a proxy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScopeKind {
    /// Nothing: a sidecar to which no Sidecar applies sees everything exported to its namespace.
    Default,
    /// This Sidecar.
    Sidecar(ConfigKey),
    /// Nothing: a gateway, to which Sidecars never apply.
    Gateway,
}

/// All that a proxy can see outbound.
#[derive(Clone, Debug, PartialEq)]
pub struct EgressScope {
    /// The listeners, in the order of the Sidecar; one without a port for [`ScopeKind::Default`] and gateways.
    pub listeners: Vec<ScopeListener>,
    /// The services of every listener and the destinations of their route sets, one per host, with the rule that
    /// applies.
    pub services: OrdMap<Host, ScopedService>,
    /// Kubernetes `ExternalName` Services that are aliases of a service in the scope: their own host, and the host of
    /// the service. They come with it, whether or not a listener imports them.
    pub aliases: Arc<[(Host, Host)]>,
    /// How traffic to unknown destinations is handled.
    pub outbound_policy: OutboundTrafficPolicy,
}

impl EgressScope {
    /// The only listener, if the scope has a single one without a port.
    pub fn only_listener(&self) -> Option<&ScopeListener> {
        match self.listeners.as_slice() {
            [only] if only.port.is_none() => Some(only),
            _ => None,
        }
    }

    /// The service with this host, or of which this host is an alias.
    pub fn service(&self, host: &Host) -> Option<&ScopedService> {
        let host = match self.aliases.binary_search_by(|(alias, _)| alias.cmp(host)) {
            Ok(at) => &self.aliases[at].1,
            Err(_) => host,
        };
        self.services.get(host)
    }

    /// The service of `host` as a destination.
    pub fn destination(&self, host: &Host) -> DestinationBinding {
        DestinationBinding { host: host.clone(), service: self.service(host).cloned() }
    }

    /// Whether an explicit listener has this port, which is then closed to listeners without a port.
    ///
    /// Mirrors istio pilot/pkg/networking/core/listener.go (buildSidecarOutboundListeners).
    pub fn locks(&self, port: u16) -> bool {
        let locking = |listener: &ScopeListener| {
            let unix = matches!(listener.bind, Some(Bind::Unix(_)));
            listener.port.as_ref().is_some_and(|own| own.number == port && !unix)
        };
        self.listeners.iter().any(locking)
    }
}

/// A service in a scope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopedService {
    /// The service.
    pub service: ServiceKey,
    /// The DestinationRule that applies to it in this scope.
    pub rule: Option<RuleKey>,
}

/// One egress listener of a scope.
#[derive(Clone, Debug, PartialEq)]
pub struct ScopeListener {
    /// Its port; `None`: the ports of the services.
    pub port: Option<Port>,
    /// Whether applications use it as their HTTP proxy: then it serves every HTTP port of its services.
    pub is_proxy: bool,
    /// Its address; `None`: as the capture mode has it.
    pub bind: Option<Bind>,
    /// How it captures.
    pub capture: CaptureMode,
    /// The services that it sees, by host, each with its route sets, and the hosts of route sets that are no service.
    /// Empty for gateways, whose hosts are bound by [`crate::gateway::GatewayHosts`].
    pub hosts: OrdMap<Host, ScopeHost>,
}

/// A host of a scope, with what plans need to know about it.
#[derive(Clone, Debug, PartialEq)]
pub struct ScopeHost {
    /// The service, routes and aliases of the host, by name.
    pub binding: HostBinding,
    /// The service.
    pub service: Option<Arc<Service>>,
    /// The route sets that may own its HTTP routes: those that name it, else those with the most specific wildcard for
    /// it, oldest first. A client gets the routes of the first that has any for it.
    pub http: Arc<[HttpOwner]>,
}

/// A route set that may own the HTTP of a host.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpOwner {
    /// The route set.
    pub header: Arc<RouteSetHeader>,
    /// Its destinations in this scope, by host (each once, sorted).
    pub destinations: Arc<[DestinationBinding]>,
    /// For a host that is no service, the ports on which this route set serves it, sorted: port 80 and those of the
    /// services that it also names. Empty for a service, which has ports of its own.
    pub ports: Arc<[u16]>,
}

impl ScopeHost {
    /// The route set whose HTTP routes a client gets for the host.
    pub fn http_owner(&self, client: &HttpClient<'_>) -> Option<&HttpOwner> {
        let is_served =
            |owner: &&HttpOwner| self.service.is_some() || owner.ports.binary_search(&client.port).is_ok();
        self.http.iter().filter(is_served).find(|owner| owner.header.routes_http(client))
    }

    /// The ports of a host that is no service.
    pub fn alternative_ports(&self) -> BTreeSet<u16> {
        self.http.iter().flat_map(|owner| owner.ports.iter().copied()).collect()
    }
}

/// A host of a scope, whether or not it is a service, in keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostBinding {
    /// The host; a wildcard where a route set or ServiceEntry has one.
    pub host: Host,
    /// The service with this host.
    pub service: Option<ScopedService>,
    /// The route sets whose TLS and TCP routes apply to the service, in the order in which they are tried: those that
    /// name the host before those with a wildcard, oldest first.
    pub l4: Arc<[L4Binding]>,
    /// Kubernetes `ExternalName` Services that are aliases of this host, sorted.
    pub aliases: Arc<[Host]>,
}

/// A route set whose TLS and TCP routes apply to a service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct L4Binding {
    /// The object.
    pub routes: ConfigKey,
    /// Its destinations in this scope, by host (each once, sorted).
    pub destinations: Arc<[DestinationBinding]>,
}

/// A destination host, with its service in a scope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DestinationBinding {
    /// The host as a destination names it.
    pub host: Host,
    /// The service; `None` if the scope has none with that host.
    pub service: Option<ScopedService>,
}

#[cfg(test)]
mod tests;
