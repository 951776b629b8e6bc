//! The workload of an object, and at an address.

use std::{net::IpAddr, sync::Arc};

use fairlead_config::{ConfigKey, Kind};
use fairlead_incremental::{Query, Reader, Stratum};

use super::{NETWORK_LABEL, Workload, node_locality, pod};
use crate::{
    endpoints::Locality,
    input::{Namespaces, Nodes, PodAddress, Pods, PodsAt, WorkloadEntries, WorkloadEntriesAt},
    mesh::ResolvedMesh,
    strata, workload_entry,
};

/// The locality of a node, by its labels; empty for an unknown node.
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
/// A Pod with an address of its own comes first, then a WorkloadEntry. A Pod with the address of its node counts only
/// if it is the only one, since the address does not tell such Pods apart.
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

/// The first of the healthiest: a terminating Pod may still have an address that a new Pod got.
fn healthiest(workloads: Vec<Arc<Workload>>) -> Option<Arc<Workload>> {
    workloads.into_iter().min_by_key(|workload| workload.health)
}
