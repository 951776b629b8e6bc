//! `ServiceEntry` (networking.istio.io): services that Kubernetes does not know.
//!
//! Spec: <https://istio.io/latest/docs/reference/config/networking/service-entry/>

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{WorkloadEntrySpec, WorkloadSelector};

/// The spec of a `ServiceEntry`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["hosts"]))]
pub struct ServiceEntrySpec {
    /// Hosts of the service.
    pub hosts: Vec<String>,
    /// Virtual addresses or subnets of the service.
    pub addresses: Vec<String>,
    /// Ports of the service.
    pub ports: Vec<ServiceEntryPort>,
    /// Whether the service belongs to the mesh.
    pub location: Option<Location>,
    /// How endpoints are found.
    pub resolution: Option<Resolution>,
    /// Endpoints of the service.
    pub endpoints: Vec<WorkloadEntrySpec>,
    /// WorkloadEntries and pods that are the endpoints.
    pub workload_selector: Option<WorkloadSelector>,
    /// Namespaces the object is visible in: names, `.`, `*`.
    pub export_to: Vec<String>,
    /// Names the server's certificate may carry.
    pub subject_alt_names: Vec<String>,
}

/// A port of a service (`istio.networking.v1alpha3.ServicePort`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["number", "name"]))]
pub struct ServiceEntryPort {
    /// Number of the port.
    pub number: u32,
    /// `HTTP`, `HTTPS`, `GRPC`, `HTTP2`, `MONGO`, `TCP`, `TLS`; detected if absent.
    pub protocol: Option<String>,
    /// Name of the port.
    pub name: String,
    /// Port of the endpoints; `number` by default.
    pub target_port: Option<u32>,
}

/// Whether a service belongs to the mesh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Location {
    /// No: mutual TLS is never assumed.
    #[default]
    MeshExternal,
    /// Yes.
    MeshInternal,
}

/// How the endpoints of a service are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Resolution {
    /// The address the caller asked for.
    #[default]
    None,
    /// The endpoints given.
    Static,
    /// All addresses of the names given.
    Dns,
    /// The first address of the name given, looked up for each connection.
    DnsRoundRobin,
    /// The host of each request.
    DynamicDns,
}
