//! Workloads: what runs at an address, from Pods and WorkloadEntries.
//!
//! Reads: Pod, WorkloadEntry, Node, Namespace (the network of the root namespace) · Produces: [`Workload`]
//! Consumed by: [`crate::endpoints`], [`crate::registry`], [`crate::proxy`]
//! Differs from Istio: a Pod without a `Ready` condition counts as ready while it is running or says nothing of
//! its phase, so that written Pods work; a kubelet always gives the condition.
//!
//! A [`Workload`] holds nothing else of its Pod, so a change of the rest of the Pod stops here.

mod pod;

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use fairlead_config::{ConfigKey, Kind, LabelSet};
use fairlead_incremental::{Query, Reader, Stratum};

use crate::{
    endpoints::{EndpointAddress, Health, Locality},
    input::{Namespaces, Nodes, PodAddress, Pods, PodsAt, WorkloadEntries, WorkloadEntriesAt},
    mesh::ResolvedMesh,
    strata, workload_entry,
};

pub(crate) use pod::{addresses as pod_addresses, has_ended as pod_has_ended};

/// The label of a Pod, WorkloadEntry or Namespace that names its network.
pub const NETWORK_LABEL: &str = "topology.istio.io/network";
/// The label of a workload that overrides the locality of its node; `.` stands for `/`.
pub const LOCALITY_LABEL: &str = "istio-locality";
/// The label that holds a region.
pub const REGION_LABEL: &str = "topology.kubernetes.io/region";
/// The label that holds a zone.
pub const ZONE_LABEL: &str = "topology.kubernetes.io/zone";
/// The label that holds a subzone.
pub const SUBZONE_LABEL: &str = "topology.istio.io/subzone";
/// The label that holds the name of a node.
pub const HOSTNAME_LABEL: &str = "kubernetes.io/hostname";

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

/// The locality of a node, by its labels; unknown for a node that is not known.
#[derive(Debug)]
pub struct NodeLocality;

impl Query for NodeLocality {
    type Key = Arc<str>;
    type Value = Locality;
    const NAME: &'static str = "node locality";
    const STRATUM: Stratum = strata::MESH;

    fn compute(cx: &Reader<'_>, name: &Arc<str>) -> Locality {
        let node = cx.input::<Nodes>(&ConfigKey::new(Kind::Node, "", name.clone()));
        node.map(|node| node_locality(&node.labels)).unwrap_or_default()
    }
}

/// The network of the cluster: label `topology.istio.io/network` of the root namespace, else empty.
#[derive(Debug)]
pub struct ClusterNetwork;

impl Query for ClusterNetwork {
    type Key = ();
    type Value = Arc<str>;
    const NAME: &'static str = "cluster network";
    const STRATUM: Stratum = strata::OBJECT;

    fn compute(cx: &Reader<'_>, (): &()) -> Arc<str> {
        let mesh = cx.get::<ResolvedMesh>(&());
        let key = ConfigKey::new(Kind::Namespace, "", mesh.root_namespace.as_str());
        let root = cx.input::<Namespaces>(&key);
        root.and_then(|root| root.labels.get(NETWORK_LABEL).map(Arc::from)).unwrap_or_default()
    }
}

/// The workload of a Pod or WorkloadEntry; `None` where there is none, and for a Pod that has ended.
#[derive(Debug)]
pub struct WorkloadOf;

impl Query for WorkloadOf {
    type Key = ConfigKey;
    type Value = Option<Arc<Workload>>;
    const NAME: &'static str = "workload";
    const STRATUM: Stratum = strata::WORKLOAD;

    fn compute(cx: &Reader<'_>, key: &ConfigKey) -> Self::Value {
        if key.kind == Kind::WorkloadEntry {
            let entry = cx.input::<WorkloadEntries>(key)?;
            return Some(Arc::new(workload_entry::resolve(&entry)));
        }
        let pod = cx.input::<Pods>(key)?;
        if pod::has_ended(&pod.spec) {
            return None;
        }
        let node = pod.spec.spec.node_name.as_deref().map(Arc::from);
        let locality = node.as_ref().map(|node| cx.get::<NodeLocality>(node));
        let network = cx.get::<ClusterNetwork>(&());
        Some(Arc::new(pod::resolve(&pod, node, locality.as_deref(), &network)))
    }
}

/// The Pod or WorkloadEntry with an address.
///
/// A Pod with an address of its own comes first, then a WorkloadEntry. Pods with the address of their node
/// count where there is one only, since the address does not tell them apart.
#[derive(Debug)]
pub struct WorkloadAt;

impl Query for WorkloadAt {
    type Key = IpAddr;
    type Value = Option<Arc<Workload>>;
    const NAME: &'static str = "workload by address";
    const STRATUM: Stratum = strata::WORKLOAD_BY_ADDRESS;

    fn compute(cx: &Reader<'_>, ip: &IpAddr) -> Self::Value {
        let all = |keys: imbl::OrdSet<ConfigKey>| {
            keys.iter().filter_map(|key| (*cx.get::<WorkloadOf>(key)).clone()).collect::<Vec<_>>()
        };
        let own = all(cx.index::<PodsAt>(&PodAddress { ip: *ip, of_node: false }));
        if let Some(pod) = healthiest(own) {
            return Some(pod);
        }
        if let Some(entry) = healthiest(all(cx.index::<WorkloadEntriesAt>(ip))) {
            return Some(entry);
        }
        let mut shared = all(cx.index::<PodsAt>(&PodAddress { ip: *ip, of_node: true }));
        if shared.len() == 1 { shared.pop() } else { None }
    }
}

/// The first of the healthiest: an address that was given to a new Pod may still be that of one which is going.
fn healthiest(workloads: Vec<Arc<Workload>>) -> Option<Arc<Workload>> {
    workloads.into_iter().min_by_key(|workload| workload.health)
}

/// The locality that labels of a node tell. Mirrors istio pilot/pkg/serviceregistry/kube/controller (getPodLocality).
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

/// The locality that the label `istio-locality` of a workload gives, where it has one.
pub fn labelled_locality(labels: &LabelSet) -> Option<Locality> {
    let text = labels.get(LOCALITY_LABEL).filter(|text| !text.is_empty())?;
    // A label's value cannot hold a slash, so dots separate the parts, unless the label comes from elsewhere.
    Some(if text.contains('/') { Locality::parse(text) } else { Locality::parse(&text.replace('.', "/")) })
}

#[cfg(test)]
mod tests;
