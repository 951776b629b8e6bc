//! `DestinationRule` (networking.istio.io): subsets of a service and the policy of connections to it.
//!
//! Spec: <https://istio.io/latest/docs/reference/config/networking/destination-rule/>

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::TrafficPolicy;

/// The spec of a `DestinationRule`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["host"]))]
pub struct DestinationRuleSpec {
    /// Service the rule is for; a name without a dot is completed with the namespace of the object.
    pub host: String,
    /// Policy of the service.
    pub traffic_policy: Option<TrafficPolicy>,
    /// Named parts of the service.
    pub subsets: Vec<Subset>,
    /// Namespaces the object is visible in: names, `.`, `*`.
    pub export_to: Vec<String>,
    /// Workloads of the object's namespace that the rule is limited to.
    pub workload_selector: Option<WorkloadMatchSelector>,
}

/// A part of a service, by labels of its endpoints.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["name"]))]
pub struct Subset {
    /// Name by which routes refer to the subset.
    pub name: String,
    /// Labels an endpoint must carry.
    pub labels: BTreeMap<String, String>,
    /// Policy of the subset; replaces that of the service block by block.
    pub traffic_policy: Option<TrafficPolicy>,
}

/// Workloads by the labels of their pods (`istio.type.v1beta1.WorkloadSelector`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkloadMatchSelector {
    /// Labels a workload must carry.
    pub match_labels: BTreeMap<String, String>,
}
