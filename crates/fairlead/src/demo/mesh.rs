//! The mesh of the demo: a bookstore of four services in seven workloads, behind an ingress gateway.
//!
//! ```text
//! client → gateway → bookstore ─┬→ catalog
//!                               ├→ reviews (v1, v2, v3) → ratings (v1, v2)
//!                               └→ quotes.example.com, outside of the mesh
//! ```
//!
//! The kernel redirects nothing, so that no privilege is needed: each workload has its own loopback address, on which
//! its Envoy has two listeners, [`Ports::inbound`] for requests to the application, and [`Ports::service`] for the
//! application's requests to other services.

mod yaml;

use std::net::{Ipv4Addr, SocketAddr};

use fairlead_lab::ports::loopback;

use super::ports::Ports;
pub(super) use yaml::files;

/// The namespace of the bookstore.
pub(super) const NAMESPACE: &str = "shop";
/// The namespace of the gateway and of mesh-wide configuration.
pub(super) const ROOT_NAMESPACE: &str = "istio-system";
/// The host of the service that is not part of the mesh.
pub(super) const EXTERNAL_HOST: &str = "quotes.example.com";

/// Each service with its versions.
const SERVICES: &[(&str, &[&str])] = &[
    ("bookstore", &["v1"]),
    ("catalog", &["v1"]),
    ("reviews", &["v1", "v2", "v3"]),
    ("ratings", &["v1", "v2"]),
];

/// One version of a service: an application and its sidecar.
#[derive(Clone, Debug)]
pub(super) struct Workload {
    /// The service.
    pub(super) service: &'static str,
    /// The version.
    pub(super) version: &'static str,
    /// The address of its sidecar.
    pub(super) address: Ipv4Addr,
    /// The ports of its sidecar.
    pub(super) ports: Ports,
    /// The address of its application.
    pub(super) application: SocketAddr,
}

impl Workload {
    /// Its name, which is also its pod's.
    pub(super) fn name(&self) -> String {
        format!("{}-{}", self.service, self.version)
    }

    /// The address at which its application finds other services.
    pub(super) fn egress(&self) -> SocketAddr {
        (self.address, self.ports.service()).into()
    }
}

/// The addresses of the mesh.
#[derive(Clone, Debug)]
pub(super) struct Mesh {
    /// The workloads.
    pub(super) workloads: Vec<Workload>,
    /// The address of the gateway.
    pub(super) gateway: Ipv4Addr,
    /// The ports, the same on each address.
    pub(super) ports: Ports,
}

impl Mesh {
    /// Allocates unused addresses. Those of the applications are set later.
    pub(super) fn plan(ports: Ports) -> Self {
        let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let workload = |service, version| Workload {
            service,
            version,
            address: loopback(),
            ports,
            application: nowhere,
        };
        let versions = |(service, versions): &(&'static str, &'static [&'static str])| {
            let service = *service;
            versions.iter().map(move |version| workload(service, *version))
        };
        Self { workloads: SERVICES.iter().flat_map(versions).collect(), gateway: loopback(), ports }
    }

    /// The services, in the order in which a request reaches them.
    pub(super) fn services() -> impl Iterator<Item = &'static str> {
        SERVICES.iter().map(|(service, _)| *service)
    }

    /// The cluster of a service in a sidecar.
    pub(super) fn cluster(&self, service: &str) -> String {
        let host = if service == EXTERNAL_HOST {
            service.to_owned()
        } else {
            format!("{service}.{NAMESPACE}.svc.cluster.local")
        };
        format!("outbound|{}||{host}", self.ports.service())
    }

    /// The workloads of a service.
    pub(super) fn of<'a>(&'a self, service: &'a str) -> impl Iterator<Item = &'a Workload> {
        self.workloads.iter().filter(move |workload| workload.service == service)
    }

    /// The address at which clients reach the bookstore.
    pub(super) fn entrance(&self) -> SocketAddr {
        (self.gateway, self.ports.service()).into()
    }
}

#[cfg(test)]
mod tests;
