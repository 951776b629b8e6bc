//! Services of the mesh, from Kubernetes Services and from ServiceEntries alike.
//!
//! Reads: Service, ServiceEntry, MeshConfig · Produces: [`Service`] Consumed by: [`crate::registry`],
//! `translate::clusters`, `translate::routes`, `translate::listeners` Spec:
//! <https://kubernetes.io/docs/concepts/services-networking/service/> Differs from Istio: SCTP ports are left out, as
//! UDP ports are; `type: NodePort` and `LoadBalancer` add nothing to a Service, since there is no second network to
//! enter through them.
//!
//! This module has the types and Kubernetes Services; ServiceEntries are in [`crate::service_entry`].

mod kubernetes;
mod queries;
mod visibility;

use std::{net::IpAddr, sync::Arc};

use fairlead_config::{ConfigKey, Kind, LabelSet, Namespace, Timestamp};
use ipnet::IpNet;

use crate::{Host, Port};

pub(crate) use kubernetes::{EXPORT_TO, TRAFFIC_DISTRIBUTION};
pub(crate) use kubernetes::{
    addresses as kubernetes_addresses, is_headless, kubernetes_name, port_index, ports as kubernetes_ports,
};
pub use kubernetes::{kubernetes_host, resolve};
pub use queries::ServicesOf;

/// A service within the namespace that defines it. The same host may be defined in several namespaces; a scope
/// picks one of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceKey {
    /// The host; first, so that services sort by host.
    pub host: Host,
    /// The namespace that defines the service.
    pub namespace: Namespace,
}

/// A host with ports, and the way to find its endpoints.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one field of the object, independent of the others"
)]
pub struct Service {
    /// Host and namespace.
    pub key: ServiceKey,
    /// The object that defines it (the oldest, where several ServiceEntries of a namespace share the host).
    pub origin: ConfigKey,
    /// Its creation time, which decides precedence: the oldest wins.
    pub created: Option<Timestamp>,
    /// Where the definition comes from.
    pub registry: Registry,
    /// How endpoints are found.
    pub resolution: Resolution,
    /// Whether the service is outside the mesh (ServiceEntry `location: MESH_EXTERNAL`).
    pub external: bool,
    /// Cluster IPs, or the addresses of a ServiceEntry.
    pub addresses: Vec<ServiceAddress>,
    /// The ports, by number; UDP ports are left out.
    pub ports: Vec<Port>,
    /// Who may use the service.
    pub export_to: Visibility,
    /// Whether this is a headless Kubernetes Service (`clusterIP: None`).
    pub headless: bool,
    /// The Pods (and WorkloadEntries) that are its endpoints; `None` where endpoints are listed or not ours.
    pub selector: Option<LabelSet>,
    /// SANs that a server of this service presents (ServiceEntry `subjectAltNames`).
    pub subject_alt_names: Vec<Arc<str>>,
    /// Whether endpoints that are not ready count (`publishNotReadyAddresses`).
    pub publish_not_ready: bool,
    /// Whether only endpoints on the client's node count (`internalTrafficPolicy: Local`).
    pub node_local: bool,
    /// Preference among endpoints (`trafficDistribution`), where given.
    pub traffic_distribution: Option<TrafficDistribution>,
}

/// The registry that a service comes from. Kubernetes wins where a scope sees a host in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Registry {
    /// A Kubernetes Service.
    Kubernetes,
    /// A ServiceEntry.
    External,
}

impl Registry {
    /// The registry in which objects of `kind` define services; `None` if they define none.
    pub(crate) const fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Service => Some(Self::Kubernetes),
            Kind::ServiceEntry => Some(Self::External),
            Kind::VirtualService
            | Kind::DestinationRule
            | Kind::Gateway
            | Kind::Sidecar
            | Kind::WorkloadEntry
            | Kind::EndpointSlice
            | Kind::Endpoints
            | Kind::Pod
            | Kind::Node
            | Kind::Namespace
            | Kind::Secret
            | Kind::ConfigMap => None,
        }
    }
}

/// How the endpoints of a service are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The registry knows the addresses; sent by EDS.
    Registry,
    /// The original destination of the connection (ServiceEntry `NONE`, headless Services).
    OriginalDestination,
    /// Each name is resolved and all its addresses are used (ServiceEntry `DNS`).
    StrictDns,
    /// Each name is resolved and one address is used (ServiceEntry `DNS_ROUND_ROBIN`).
    LogicalDns,
    /// Another service under a second name (Kubernetes `ExternalName`): no cluster or listener of its own.
    Alias(Host),
}

/// An address that clients connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceAddress {
    /// One address.
    Ip(IpAddr),
    /// A range; connections are told apart by their original destination.
    Range(IpNet),
}

/// Who may use an object (`exportTo`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Every namespace (`*`).
    Public,
    /// These namespaces; `.` is resolved to the object's own.
    Namespaces(Vec<Namespace>),
    /// Nobody (`~`).
    None,
}

/// A Service's `trafficDistribution`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrafficDistribution {
    /// `PreferClose` and `PreferSameZone`: network, region, zone, subzone.
    PreferSameZone,
    /// `PreferSameNode`: the same, and the host name last.
    PreferSameNode,
}

/// The precedence of services that claim the same connections: the least wins.
pub type Precedence<'a> = (Registry, Option<Timestamp>, &'a ServiceKey);

/// Kubernetes Services come first, since the author of a ServiceEntry chooses its addresses freely; then the oldest.
/// Services of unknown age count as the oldest, as everywhere.
pub(crate) fn precedence(registry: Registry, created: Option<Timestamp>, key: &ServiceKey) -> Precedence<'_> {
    (registry, created, key)
}

impl Service {
    /// Its precedence among services that claim the same connections.
    pub fn precedence(&self) -> Precedence<'_> {
        precedence(self.registry, self.created, &self.key)
    }

    /// The port with this number.
    pub fn port(&self, number: u16) -> Option<&Port> {
        self.ports.iter().find(|p| p.number == number)
    }

    /// The host that it is an alias of, if any.
    pub fn alias_of(&self) -> Option<&Host> {
        match &self.resolution {
            Resolution::Alias(host) => Some(host),
            _ => None,
        }
    }

    /// The single addresses, without ranges.
    pub fn ips(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.addresses.iter().filter_map(|a| match a {
            ServiceAddress::Ip(ip) => Some(*ip),
            ServiceAddress::Range(_) => None,
        })
    }
}

#[cfg(test)]
mod tests;
