//! Resolves MeshConfig (ConfigMap `istio`, key `mesh`, in the root namespace) over the defaults.
//!
//! Reads: ConfigMap, [`Settings`] · Produces: [`Mesh`] · Consumed by: nearly everything
//! Spec: https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/

use std::{sync::Arc, time::Duration};

use fairlead_config::Namespace;

use crate::{
    LocalityLb, TcpKeepalive,
    destination_rule::PolicyBlocks,
    service::Visibility,
    sidecar::OutboundTrafficPolicy,
    virtual_service::Retries,
};

/// Settings of the control plane itself that translation needs; set once, before the first revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The DNS domain of Kubernetes Services. Default `cluster.local`.
    pub domain: Arc<str>,
    /// The id of the cluster. Default `Kubernetes`.
    pub cluster: Arc<str>,
    /// The namespace whose configuration applies to the whole mesh. Default `istio-system`.
    pub root_namespace: Namespace,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            domain: "cluster.local".into(),
            cluster: "Kubernetes".into(),
            root_namespace: Namespace::from("istio-system"),
        }
    }
}

/// What holds for the whole mesh. Defaults are Istio's (pkg/config/mesh/mesh.go).
#[derive(Clone, Debug, PartialEq)]
pub struct Mesh {
    /// The DNS domain of Kubernetes Services.
    pub domain: Arc<str>,
    /// The id of the cluster.
    pub cluster: Arc<str>,
    /// `rootNamespace`.
    pub root_namespace: Namespace,
    /// `trustDomain`. Default `cluster.local`.
    pub trust_domain: Arc<str>,
    /// `connectTimeout`. Default 10 s.
    pub connect_timeout: Duration,
    /// `dnsRefreshRate`. Default 60 s.
    pub dns_refresh_rate: Duration,
    /// `protocolDetectionTimeout`. Default 0: no time limit.
    pub protocol_detection_timeout: Duration,
    /// `outboundTrafficPolicy.mode`. Default `ALLOW_ANY`.
    pub outbound_policy: OutboundTrafficPolicy,
    /// `inboundTrafficPolicy.mode` is `LOCALHOST`. Default false (`PASSTHROUGH`).
    pub inbound_localhost: bool,
    /// `proxyListenPort`. Default 15001.
    pub outbound_port: u16,
    /// `proxyInboundListenPort`. Default 15006.
    pub inbound_port: u16,
    /// `proxyHttpPort`; `None`: no explicit HTTP proxy listener.
    pub http_proxy_port: Option<u16>,
    /// `tcpKeepalive`.
    pub tcp_keepalive: Option<TcpKeepalive>,
    /// `localityLbSetting`. Default: enabled, nothing else.
    pub locality_lb: LocalityLb,
    /// `defaultHttpRetryPolicy`; `None`: Istio's built-in one.
    pub default_retries: Option<Retries>,
    /// `defaultTrafficPolicy`: fills blocks that no DestinationRule gives.
    pub default_policy: PolicyBlocks,
    /// `accessLogFile`; `None`: no access log.
    pub access_log_file: Option<Arc<str>>,
    /// `accessLogEncoding` is `JSON`. Default false (text).
    pub access_log_json: bool,
    /// `accessLogFormat`; `None`: Istio's format.
    pub access_log_format: Option<Arc<str>>,
    /// `defaultServiceExportTo`. Default `*`.
    pub default_service_export_to: Visibility,
    /// `defaultVirtualServiceExportTo`. Default `*`.
    pub default_virtual_service_export_to: Visibility,
    /// `defaultDestinationRuleExportTo`. Default `*`.
    pub default_destination_rule_export_to: Visibility,
}
