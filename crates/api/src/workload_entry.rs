//! `WorkloadEntry` (networking.istio.io): a workload outside Kubernetes; also an endpoint of a `ServiceEntry`.
//!
//! Spec: <https://istio.io/latest/docs/reference/config/networking/workload-entry/>

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The spec of a `WorkloadEntry`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkloadEntrySpec {
    /// IP address, DNS name or `unix:///path`; may be left out if `network` is set.
    pub address: Option<String>,
    /// Ports of the workload by the name of the service's port.
    pub ports: BTreeMap<String, u32>,
    /// Labels of the workload.
    pub labels: BTreeMap<String, String>,
    /// Network the workload belongs to.
    pub network: Option<String>,
    /// `region/zone/subzone`.
    pub locality: Option<String>,
    /// Share of traffic relative to the other endpoints; 1 by default.
    pub weight: Option<u32>,
    /// Service account of the workload.
    pub service_account: Option<String>,
}
