//! Proxies: their attributes that may influence resources, and what applies to them.
//!
//! Reads: Sidecar, Gateway, Service, Pod, VirtualService (`sourceLabels` in use), and which namespaces objects are in or
//! name · Produces: [`ProxyBinding`]
//! Consumed by: `translate::publication`
//!
//! [`ProxyKey`] holds what a node says about itself. Only [`ProxyBinding`] is computed from it; all translation works
//! on narrow parts of the binding, which similar proxies share.

//! Differs from Istio: without interception, an ingress listener without `bind` binds to the instance's address.

mod client;
mod inbound;
mod namespace;
mod place;
mod queries;

use std::{net::IpAddr, sync::Arc};

use fairlead_config::{ConfigKey, LabelSet, Namespace};

use crate::{
    Host,
    destination_rule::RuleKey,
    endpoints::Locality,
    gateway::GatewayListenersKey,
    port::Protocol,
    scope::ScopeKey,
    sidecar::{Bind, DefaultEndpoint},
};

pub use client::ClientAttributes;
pub use inbound::{InboundInputs, ServicePort, inbound_listeners};
pub use namespace::{ByConcerned, Concerning, SeenAs};
pub use place::{NodeMatters, PlaceAsked, PlacedServices, PlacedServicesOf, ServicesByPlace};
pub use queries::BindingOf;

/// Ports of every sidecar besides those of interception: readiness and metrics.
pub const RESERVED_PORTS: [u16; 2] = [15021, 15090];

/// What a node says about itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProxyKey {
    /// Sidecar or gateway.
    pub kind: ProxyKind,
    /// Its namespace.
    pub namespace: Namespace,
    /// Labels of its workload.
    pub labels: LabelSet,
    /// Its addresses, sorted.
    pub addresses: Arc<[IpAddr]>,
    /// The id of its cluster.
    pub cluster: Arc<str>,
    /// Its network; empty for the default one.
    pub network: Arc<str>,
    /// The locality that the node claims; that of its Pod or Kubernetes node wins where known.
    pub locality: Locality,
    /// The Kubernetes node that it runs on; empty where unknown.
    pub node: Arc<str>,
    /// How traffic reaches it.
    pub interception: Interception,
    /// The DNS domain of the node id (`default.svc.cluster.local`).
    pub dns_domain: Arc<str>,
    /// Whether it may bind ports below 1024 (node metadata `UNPRIVILEGED_POD` is not `true`).
    pub privileged: bool,
    /// Whether its bootstrap lets it accept large regular expressions; by default Envoy accepts only small ones.
    pub takes_large_expressions: bool,
}

/// The kind of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProxyKind {
    /// Beside one workload.
    Sidecar,
    /// A gateway (node type `router`).
    Gateway,
}

/// How traffic reaches a proxy (`INTERCEPTION_MODE`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Interception {
    /// Redirected by the kernel, with the destination address rewritten.
    #[default]
    Redirect,
    /// Redirected by the kernel, transparently.
    Tproxy,
    /// Not at all: applications talk to the proxy's ports.
    None,
}

/// IP families of a proxy's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IpFamilies {
    /// IPv4 only; also where nothing is known.
    V4,
    /// IPv6 only.
    V6,
    /// Both.
    Dual,
}

/// What applies to a proxy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProxyBinding {
    /// What it can see.
    pub scope: ScopeKey,
    /// Its attributes that outbound routes may match on.
    pub source: ClientAttributes,
    /// Its place, which decides the order of endpoints.
    pub place: Place,
    /// The IP families that it can use.
    pub families: IpFamilies,
    /// How traffic reaches it.
    pub interception: Interception,
    /// Its inbound side; `None` for a gateway.
    pub inbound: Option<InboundKey>,
    /// The Gateways that select it, oldest first; empty for a sidecar.
    pub gateways: Arc<[ConfigKey]>,
    /// Of a gateway: the target ports of its own Services, as pairs of service port and target port, sorted.
    pub gateway_ports: Arc<[(u16, u16)]>,
    /// Whether it may bind ports below 1024.
    pub privileged: bool,
}

impl ProxyBinding {
    /// The key of a gateway's listeners.
    pub fn gateway_listeners(&self) -> GatewayListenersKey {
        GatewayListenersKey {
            gateways: self.gateways.clone(),
            ports: self.gateway_ports.clone(),
            privileged: self.privileged,
        }
    }
}

impl IpFamilies {
    /// The families of these addresses.
    pub fn of(addresses: &[IpAddr]) -> Self {
        match (addresses.iter().any(IpAddr::is_ipv4), addresses.iter().any(IpAddr::is_ipv6)) {
            (true, true) => Self::Dual,
            (false, true) => Self::V6,
            (_, false) => Self::V4,
        }
    }
}

/// Where a client is, as far as load balancing depends on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Region, zone and subzone.
    pub locality: Locality,
    /// The network.
    pub network: Arc<str>,
    /// The node, if a Service in scope prefers endpoints on the same node; else empty.
    pub node: Arc<str>,
    /// The labels of the client that `failoverPriority` settings name.
    pub labels: LabelSet,
}

/// The inbound side of a workload. Replicas of a workload share it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InboundKey {
    /// How traffic reaches it.
    pub interception: Interception,
    /// The families that it listens on.
    pub families: IpFamilies,
    /// Its listeners, by port.
    pub listeners: Arc<[InboundListener]>,
}

/// One inbound port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InboundListener {
    /// The port that traffic arrives at (the target port of the service).
    pub port: u16,
    /// What is spoken.
    pub protocol: Protocol,
    /// The host and port of the service, for names and statistics; a Sidecar's ingress has none.
    pub service: Option<(Host, u16)>,
    /// The object that asked for it: a Service, a ServiceEntry or a Sidecar.
    pub origin: ConfigKey,
    /// Where the listener binds to; `None`: it is a filter chain of `virtualInbound`.
    pub bind: Option<Bind>,
    /// Where the application is; `None`: at the original destination.
    pub endpoint: Option<DefaultEndpoint>,
    /// The DestinationRule whose connection pool limits it.
    pub rule: Option<RuleKey>,
}

#[cfg(test)]
mod tests;
