//! Endpoints of services, across EndpointSlices, Endpoints, Pods, ServiceEntries and WorkloadEntries.
//!
//! Reads: EndpointSlice, Endpoints, Pod, Node, ServiceEntry, WorkloadEntry · Produces: [`ServiceEndpoints`]
//! Consumed by: `translate::endpoints`, `translate::clusters` (DNS services carry theirs in the cluster)

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use fairlead_config::LabelSet;

use crate::Host;

/// The endpoints of one service, by service port number. Sorted, so that equal endpoints compare equal.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceEndpoints {
    /// By the number of the service port.
    pub by_port: BTreeMap<u16, Arc<[Endpoint]>>,
}

/// One endpoint of one service port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// Where it is.
    pub address: EndpointAddress,
    /// The port at the endpoint; 0 for a UNIX domain socket.
    pub port: u16,
    /// Labels of the Pod or WorkloadEntry, by which subsets select.
    pub labels: LabelSet,
    /// Region, zone and subzone.
    pub locality: Locality,
    /// The network that the address belongs to; empty for the default one.
    pub network: Arc<str>,
    /// Relative weight, at least 1. Default 1.
    pub weight: u32,
    /// Whether it may be used.
    pub health: Health,
    /// The node that it runs on, where known.
    pub node: Option<Arc<str>>,
    /// The service account, where known.
    pub service_account: Option<Arc<str>>,
}

/// The address of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndpointAddress {
    /// An IP address.
    Ip(IpAddr),
    /// A DNS name (DNS resolutions only).
    Dns(Host),
    /// A UNIX domain socket.
    Unix(Arc<str>),
}

/// Whether an endpoint may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Health {
    /// Ready, and not terminating.
    Healthy,
    /// Not ready; left out of load assignments unless the service publishes such endpoints.
    Unhealthy,
    /// Terminating but still serving.
    Draining,
}

/// Region, zone and subzone; empty parts are unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Locality {
    /// `topology.kubernetes.io/region`.
    pub region: Arc<str>,
    /// `topology.kubernetes.io/zone`.
    pub zone: Arc<str>,
    /// `topology.istio.io/subzone`.
    pub subzone: Arc<str>,
}

impl Locality {
    /// Reads `region/zone/subzone` (Istio's form; later parts may be missing).
    pub fn parse(text: &str) -> Self {
        let mut parts = text.split('/').map(Arc::from);
        let mut next = || parts.next().unwrap_or_default();
        Self { region: next(), zone: next(), subzone: next() }
    }
}
