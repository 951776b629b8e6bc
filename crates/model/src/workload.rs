//! Workloads: what runs at an address, from Pods and WorkloadEntries.
//!
//! Reads: Pod, WorkloadEntry, Node · Produces: [`Workload`]
//! Consumed by: [`crate::endpoints`], [`crate::proxy`]

use std::{collections::BTreeMap, sync::Arc};

use fairlead_config::{ConfigKey, LabelSet};

use crate::endpoints::{EndpointAddress, Health, Locality};

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
