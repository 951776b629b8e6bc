//! Labels that say where a workload runs.

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
