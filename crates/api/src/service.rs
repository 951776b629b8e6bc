//! `Service` (core/v1): a name, ports and the pods behind them.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The spec of a `Service`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceSpec {
    /// How the service is reached.
    #[serde(rename = "type")]
    pub service_type: ServiceType,
    /// Virtual address; `None` for a headless service.
    #[serde(rename = "clusterIP")]
    pub cluster_ip: Option<String>,
    /// Virtual addresses of both families.
    #[serde(rename = "clusterIPs")]
    pub cluster_ips: Vec<String>,
    /// Ports of the service.
    pub ports: Vec<ServicePort>,
    /// Labels of the pods behind the service.
    pub selector: BTreeMap<String, String>,
    /// Name that an `ExternalName` service stands for.
    pub external_name: Option<String>,
    /// Whether pods count before they are ready.
    pub publish_not_ready_addresses: bool,
    /// Whether callers stay on their node.
    pub internal_traffic_policy: Option<InternalTrafficPolicy>,
    /// `PreferClose`, `PreferSameZone` or `PreferSameNode`.
    pub traffic_distribution: Option<String>,
}

/// How a service is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ServiceType {
    /// By a virtual address inside the cluster.
    #[default]
    ClusterIP,
    /// By a port of each node as well.
    NodePort,
    /// By a load balancer as well.
    LoadBalancer,
    /// By another name.
    ExternalName,
}

/// Which endpoints a caller inside the cluster gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum InternalTrafficPolicy {
    /// All.
    #[default]
    Cluster,
    /// Those on the caller's node.
    Local,
}

/// A port of a service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["port"]))]
pub struct ServicePort {
    /// Name of the port.
    pub name: Option<String>,
    /// Protocol of the port.
    pub protocol: Protocol,
    /// Number of the port.
    pub port: u32,
    /// Port of the pods; `port` by default.
    pub target_port: Option<IntOrString>,
    /// Application protocol of the port; wins over the prefix of its name.
    pub app_protocol: Option<String>,
}

/// Transport protocols.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

/// A port by number or by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum IntOrString {
    /// The number of a port.
    Int(u32),
    /// The name of a port of the pod.
    String(String),
}

impl Default for IntOrString {
    fn default() -> Self {
        Self::Int(0)
    }
}

impl JsonSchema for IntOrString {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "IntOrString".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "x-kubernetes-int-or-string": true })
    }
}
