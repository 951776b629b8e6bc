//! `Sidecar` (networking.istio.io): what a workload's proxy accepts and what it can reach.
//!
//! Spec: <https://istio.io/latest/docs/reference/config/networking/sidecar/>

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ConnectionPoolSettings, Destination, ServerTlsSettings};

/// The spec of a `Sidecar`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SidecarSpec {
    /// Workloads the object applies to; all of the namespace if absent.
    pub workload_selector: Option<WorkloadSelector>,
    /// Listeners for traffic to the workload; derived from Services if empty.
    pub ingress: Vec<IstioIngressListener>,
    /// Listeners for traffic from the workload, and the hosts it can reach.
    pub egress: Vec<IstioEgressListener>,
    /// Limits of connections to the workload.
    pub inbound_connection_pool: Option<ConnectionPoolSettings>,
    /// What happens to traffic to unknown hosts.
    pub outbound_traffic_policy: Option<OutboundTrafficPolicy>,
}

/// Workloads by the labels of their pods.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkloadSelector {
    /// Labels a workload must carry.
    pub labels: BTreeMap<String, String>,
}

/// A listener for traffic to the workload.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["port"]))]
pub struct IstioIngressListener {
    /// The port.
    pub port: SidecarPort,
    /// Address to listen on.
    pub bind: Option<String>,
    /// How traffic reaches the listener.
    pub capture_mode: Option<CaptureMode>,
    /// Where the application listens: `127.0.0.1:port`, `0.0.0.0:port`, `[::1]:port`, `[::]:port` or `unix:///path`.
    pub default_endpoint: Option<String>,
    /// TLS of the listener.
    pub tls: Option<ServerTlsSettings>,
    /// Limits of connections to this listener.
    pub connection_pool: Option<ConnectionPoolSettings>,
}

/// A listener for traffic from the workload.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["hosts"]))]
pub struct IstioEgressListener {
    /// The port; all ports of the hosts if absent.
    pub port: Option<SidecarPort>,
    /// Address or Unix socket to listen on.
    pub bind: Option<String>,
    /// How traffic reaches the listener.
    pub capture_mode: Option<CaptureMode>,
    /// Hosts that can be reached: `namespace/host`, with `*`, `.` and `~`.
    pub hosts: Vec<String>,
}

/// A port of a listener (`istio.networking.v1alpha3.SidecarPort`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SidecarPort {
    /// Number of the port.
    pub number: Option<u32>,
    /// `HTTP`, `HTTPS`, `GRPC`, `HTTP2`, `MONGO`, `TCP`, `TLS`.
    pub protocol: Option<String>,
    /// Name of the port.
    pub name: Option<String>,
    /// Unused by Istio.
    pub target_port: Option<u32>,
}

/// How traffic reaches a listener.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CaptureMode {
    /// As the proxy is configured.
    #[default]
    Default,
    /// Redirected by packet filter rules.
    Iptables,
    /// Sent to the listener's own port.
    None,
}

/// What happens to traffic to unknown hosts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct OutboundTrafficPolicy {
    /// Whether it is forwarded.
    pub mode: Option<OutboundTrafficPolicyMode>,
    /// Service that unknown traffic is sent to.
    pub egress_proxy: Option<Destination>,
}

/// Whether traffic to unknown hosts is forwarded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OutboundTrafficPolicyMode {
    /// Only known hosts can be reached. The value of an `outboundTrafficPolicy` block without a mode.
    #[default]
    RegistryOnly,
    /// Unknown traffic is forwarded as it is.
    AllowAny,
}
