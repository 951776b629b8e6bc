//! Endpoints of services, across EndpointSlices, Endpoints, Pods, ServiceEntries and WorkloadEntries.
//!
//! Reads: EndpointSlice, Endpoints, Pod, Node, ServiceEntry, WorkloadEntry · Produces: [`ServiceEndpoints`]
//! Consumed by: `translate::endpoints`, `translate::clusters` (DNS services carry theirs in the cluster)
//! Differs from Istio: a Service with a selector and no EndpointSlice takes its endpoints from the Pods, so that a
//! directory of YAML needs none; a Pod of two families is one endpoint for each address.
//!
//! The endpoints of a Kubernetes Service come from the first of these that exists:
//!
//! 1. its EndpointSlices (label `kubernetes.io/service-name`), all of them together;
//! 2. the Endpoints object of its name;
//! 3. if it has a selector, the Pods of its namespace that the selector selects: `kubectl get svc,pod -o yaml`
//!    is enough.
//!
//! WorkloadEntries that the selector selects are added in each case.

mod collect;
mod headless;
mod query;
mod selected;
mod served;
mod share;
mod slices;

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use fairlead_config::{LabelSet, Origin};

use crate::{
    Host,
    workload::{HOSTNAME_LABEL, NETWORK_LABEL, REGION_LABEL, SUBZONE_LABEL, ZONE_LABEL},
};

pub(crate) use collect::target_port;
pub use headless::{HeadlessAddress, HeadlessAddresses, HeadlessServices, PodAddresses};
pub use query::{EndpointsOf, endpoint_origins};
pub(crate) use served::{HasEndpoints, KnowsWorkloads, SelectsWorkload, Served, ServedOf};
pub use share::{MOST_IN_SUBSETS, MOST_SELECTED, is_beyond_share};

/// The endpoints of one service, by service port number. Sorted, so that equal endpoints compare equal.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceEndpoints {
    /// By the number of the service port.
    pub by_port: BTreeMap<u16, Arc<[Endpoint]>>,
}

/// The fields that define endpoints, by service port, address and port.
pub type EndpointOrigins = BTreeMap<(u16, EndpointAddress, u16), Origin>;

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

impl Endpoint {
    /// The value of a label as subsets and `failoverPriority` see it: from the endpoint's own labels, else from those
    /// that describe its place (region, zone, subzone, node and network).
    ///
    /// Mirrors istio pilot/pkg/serviceregistry/util/label (AugmentLabels).
    pub fn label(&self, key: &str) -> Option<&str> {
        let of_place = || match key {
            REGION_LABEL => Some(&*self.locality.region),
            ZONE_LABEL => Some(&*self.locality.zone),
            SUBZONE_LABEL => Some(&*self.locality.subzone),
            NETWORK_LABEL => Some(&*self.network),
            HOSTNAME_LABEL => self.node.as_deref(),
            _ => None,
        };
        self.labels.get(key).or_else(|| of_place().filter(|value| !value.is_empty()))
    }

    /// Whether the endpoint carries all these labels (see [`Endpoint::label`]).
    pub fn has_labels(&self, labels: &LabelSet) -> bool {
        labels.iter().all(|(key, value)| self.label(key) == Some(value))
    }
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

#[cfg(test)]
mod tests;
