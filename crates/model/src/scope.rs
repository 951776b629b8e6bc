//! What a proxy can see: the services and route sets of its scope, and which goes with which.
//!
//! Reads: Sidecar, Service, ServiceEntry, VirtualService, DestinationRule (hosts and `exportTo` only)
//! Produces: [`EgressScope`], [`HostBinding`], [`ScopedService`] · Consumed by: `translate`
//!
//! A scope names things, and holds no more of them than what decides which listeners, route tables and hosts there
//! are, so that it changes when something comes, goes or is renamed, and not when an endpoint, a weight or a policy
//! changes. What comes or goes is edited into it.

//! Spec: <https://istio.io/latest/docs/reference/config/networking/sidecar/>
//! Differs from Istio: where several namespaces define a host, the choice is by namespace and registry in every
//! scope, and not by age in those of Sidecars; of TLS and TCP routes for one host, those of a route set that
//! names the host are tried before those of one with a wildcard, whichever is older.

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

/// Who looks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeKey {
    /// The namespace of the proxy, as it is seen (see [`crate::proxy::SeenAs`]).
    pub namespace: Namespace,
    /// What narrows the view.
    pub kind: ScopeKind,
    /// The DestinationRules with a workload selector that select the proxy, sorted; empty for nearly all.
    pub selected_rules: Arc<[ConfigKey]>,
}

/// What narrows the view of a proxy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScopeKind {
    /// Nothing: a sidecar to which no Sidecar applies sees all that is exported to its namespace.
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
    /// Every service of every listener and every destination of their route sets, by host, one per host,
    /// with the rule that applies.
    pub services: OrdMap<Host, ScopedService>,
    /// Kubernetes `ExternalName` Services that are second names of a service here, by their own host, with the
    /// host of that service. They come with it, whether or not a listener imports them.
    pub aliases: Arc<[(Host, Host)]>,
    /// What happens with unknown destinations.
    pub outbound_policy: OutboundTrafficPolicy,
}

impl EgressScope {
    /// The listener of a scope that has one, without a port.
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

    /// What `host` is as a destination.
    pub fn destination(&self, host: &Host) -> DestinationBinding {
        DestinationBinding { host: host.clone(), service: self.service(host).cloned() }
    }

    /// Whether a listener of its own has this port, which is then closed to the listeners without a port.
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
    /// The services that it sees, by host, and the route sets that go with each; and the hosts of
    /// route sets that are no service. Empty for gateways, whose hosts are bound by
    /// [`crate::gateway::GatewayHosts`].
    pub hosts: OrdMap<Host, ScopeHost>,
}

/// A host of a scope, and what plans need to know of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ScopeHost {
    /// What goes with it, by name.
    pub binding: HostBinding,
    /// The service.
    pub service: Option<Arc<Service>>,
    /// The route sets whose `http` routes it may have: those that name it, else those that name the most
    /// specific wildcard for it, oldest first. A client has the routes of the first that has any for it.
    pub http: Arc<[HttpOwner]>,
}

/// A route set that may own the HTTP of a host.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpOwner {
    /// The route set.
    pub header: Arc<RouteSetHeader>,
    /// What its destinations are in this scope, by host (each once, sorted).
    pub destinations: Arc<[DestinationBinding]>,
    /// Where the host is no service: the ports on which this route set has it served, sorted. Those are that of
    /// HTTP and those of the services that it names too. Empty for a service, which has ports of its own.
    pub ports: Arc<[u16]>,
}

impl ScopeHost {
    /// The route set whose HTTP routes a client has for the host.
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

/// A host of a scope, a service or not, as keys name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostBinding {
    /// The host; a wildcard where a route set or ServiceEntry has one.
    pub host: Host,
    /// The service with this host.
    pub service: Option<ScopedService>,
    /// The route sets whose TLS and TCP routes the service has, in the order in which they are tried: those that
    /// name the host before those with a wildcard, and the oldest first.
    pub l4: Arc<[L4Binding]>,
    /// Kubernetes `ExternalName` Services that are second names of this host, sorted.
    pub aliases: Arc<[Host]>,
}

/// A route set whose TLS and TCP routes a service has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct L4Binding {
    /// The object.
    pub routes: ConfigKey,
    /// What its destinations are in this scope, by host (each once, sorted).
    pub destinations: Arc<[DestinationBinding]>,
}

/// What a destination host is in a scope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DestinationBinding {
    /// The host as a destination names it.
    pub host: Host,
    /// The service; `None` where the scope has none of that host.
    pub service: Option<ScopedService>,
}

#[cfg(test)]
mod tests;
