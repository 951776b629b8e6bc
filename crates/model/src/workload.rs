//! Workloads: what runs at an address, from Pods and WorkloadEntries.
//!
//! Reads: Pod, WorkloadEntry, Node, Namespace (the network of the root namespace) · Produces: [`Workload`] Consumed by:
//! [`crate::endpoints`], [`crate::registry`], [`crate::proxy`] Differs from Istio: a Pod without a `Ready` condition
//! counts as ready while it is running or has no phase, so that handwritten Pods work; a kubelet always sets the
//! condition.
//!
//! A [`Workload`] holds nothing else of its Pod, so other changes of the Pod stop here.

mod labels;
mod pod;
mod queries;

use std::{collections::BTreeMap, sync::Arc};

use fairlead_config::{ConfigKey, FieldPath, Kind, LabelSet, Origin, path};

use crate::endpoints::{EndpointAddress, Health, Locality};

pub use labels::{HOSTNAME_LABEL, LOCALITY_LABEL, NETWORK_LABEL, REGION_LABEL, SUBZONE_LABEL, ZONE_LABEL};
pub(crate) use pod::{addresses as pod_addresses, has_ended as pod_has_ended};
pub use queries::{ClusterNetwork, NodeLocality, WorkloadAt, WorkloadOf};

/// One Pod or WorkloadEntry.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// The object.
    pub origin: ConfigKey,
    /// Its addresses; none for a Pod without an IP.
    pub addresses: Vec<EndpointAddress>,
    /// Its labels.
    pub labels: LabelSet,
    /// Region, zone and subzone: of the `istio-locality` label, of the node, or of the WorkloadEntry.
    pub locality: Locality,
    /// The network; empty for the default one.
    pub network: Arc<str>,
    /// Ports by name: named container ports, or the `ports` of a WorkloadEntry.
    pub ports: BTreeMap<Arc<str>, u16>,
    /// Relative weight as an endpoint, at least 1.
    pub weight: u32,
    /// Whether it may be used.
    pub health: Health,
    /// The node, where known.
    pub node: Option<Arc<str>>,
    /// The service account, where known.
    pub service_account: Option<Arc<str>>,
}

impl Workload {
    /// The field with its address as an endpoint.
    pub(crate) fn endpoint_origin(&self) -> Origin {
        let is_pod = self.origin.kind == Kind::Pod;
        Origin::new(&self.origin, if is_pod { FieldPath::root().field("status") } else { path!("address") })
    }
}

/// The locality in the labels of a node. Mirrors istio pilot/pkg/serviceregistry/kube/controller (getPodLocality).
pub fn node_locality(labels: &LabelSet) -> Locality {
    let label = |key: &str, deprecated: &str| {
        labels.get(key).or_else(|| labels.get(deprecated)).map(Arc::from).unwrap_or_default()
    };
    Locality {
        region: label(REGION_LABEL, "failure-domain.beta.kubernetes.io/region"),
        zone: label(ZONE_LABEL, "failure-domain.beta.kubernetes.io/zone"),
        subzone: labels.get(SUBZONE_LABEL).map(Arc::from).unwrap_or_default(),
    }
}

/// The locality in the label `istio-locality` of a workload, if it has one.
pub fn labelled_locality(labels: &LabelSet) -> Option<Locality> {
    let text = labels.get(LOCALITY_LABEL).filter(|text| !text.is_empty())?;
    // The value of a Kubernetes label cannot contain a slash, so dots separate the parts; other labels may use slashes.
    Some(if text.contains('/') { Locality::parse(text) } else { Locality::parse(&text.replace('.', "/")) })
}

#[cfg(test)]
mod tests;
