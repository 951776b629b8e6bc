//! `Pod` (core/v1): where a workload runs, its identity and its addresses.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Protocol;

/// A `Pod`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Pod {
    /// What was asked for.
    pub spec: PodSpec,
    /// What is.
    pub status: PodStatus,
}

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PodSpec {
    /// Node the pod runs on.
    pub node_name: Option<String>,
    /// Service account of the pod; `default` if absent.
    pub service_account_name: Option<String>,
    /// Host name of the pod.
    pub hostname: Option<String>,
    /// Headless service that gives the pod a DNS name.
    pub subdomain: Option<String>,
    /// Whether the pod shares the address of its node.
    pub host_network: bool,
    /// Containers of the pod.
    pub containers: Vec<Container>,
}

/// A container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Container {
    /// Name of the container.
    pub name: String,
    /// Ports of the container.
    pub ports: Vec<ContainerPort>,
}

/// A port of a container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["containerPort"]))]
pub struct ContainerPort {
    /// Name of the port, to which `targetPort` of a Service may refer.
    pub name: Option<String>,
    /// Number of the port.
    pub container_port: u32,
    /// Protocol of the port.
    pub protocol: Protocol,
}

/// What is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PodStatus {
    /// Phase of the pod's life: `Pending`, `Running`, `Succeeded`, `Failed`, `Unknown`.
    pub phase: Option<String>,
    /// Address of the pod.
    #[serde(rename = "podIP")]
    pub pod_ip: Option<String>,
    /// Addresses of both families.
    #[serde(rename = "podIPs")]
    pub pod_ips: Vec<PodIp>,
    /// Conditions of the pod.
    pub conditions: Vec<PodCondition>,
}

/// An address of a pod.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PodIp {
    /// The address.
    pub ip: String,
}

/// A condition of a pod.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PodCondition {
    /// Name of the condition; `Ready` is the one of interest.
    #[serde(rename = "type")]
    pub condition_type: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
}
