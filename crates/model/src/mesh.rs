//! Resolves MeshConfig (ConfigMap `istio`, key `mesh`, in the root namespace) over the defaults.
//!
//! Reads: ConfigMap, [`Settings`] · Produces: [`Mesh`], diagnostics · Consumed by: nearly everything Spec:
//! <https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/> Differs from Istio: `rootNamespace` of the
//! MeshConfig is ignored in favour of the control plane's own setting, which decides where to look for the MeshConfig;
//! an invalid value leaves the default in place.

mod queries;
mod resolve;
mod settings;

use std::{sync::Arc, time::Duration};

use fairlead_config::{ConfigKey, Kind, Namespace};

use crate::{
    LocalityLb, TcpKeepalive, destination_rule::PolicyBlocks, routes::Retries, service::Visibility,
    sidecar::OutboundTrafficPolicy,
};

pub use queries::{MeshDiagnostics, ResolvedMesh};
pub use resolve::resolve;
pub use settings::Settings;

/// Mesh-wide configuration. Defaults are Istio's (pkg/config/mesh/mesh.go).
#[derive(Clone, Debug, PartialEq)]
pub struct Mesh {
    /// The DNS domain of Kubernetes Services.
    pub domain: Arc<str>,
    /// The id of the cluster.
    pub cluster: Arc<str>,
    /// `rootNamespace`.
    pub root_namespace: Namespace,
    /// Minimum number of endpoints in a load assignment that makes each locality's a resource of its own.
    pub assignment_elements: usize,
    /// Minimum number of filter chains of a gateway's listener that makes each a resource of its own.
    pub listener_elements: usize,
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
    /// `accessLogEncoding` and `accessLogFormat`. Default: Istio's line of text.
    pub access_log_format: AccessLogFormat,
    /// `defaultServiceExportTo`. Default `*`.
    pub default_service_export_to: Visibility,
    /// `defaultVirtualServiceExportTo`. Default `*`.
    pub default_virtual_service_export_to: Visibility,
    /// `defaultDestinationRuleExportTo`. Default `*`.
    pub default_destination_rule_export_to: Visibility,
}

/// The form of the entries of access logs.
#[derive(Clone, Debug, PartialEq)]
pub enum AccessLogFormat {
    /// Lines of text, with their line break; `None`: Istio's line.
    Text(Option<Arc<str>>),
    /// JSON objects; `None`: Istio's fields.
    Json(Option<Arc<serde_json::Map<String, serde_json::Value>>>),
}

impl Mesh {
    /// The ConfigMap that its MeshConfig is read from.
    pub fn config_map(&self) -> ConfigKey {
        config_map(&self.root_namespace)
    }

    /// The mesh without a MeshConfig.
    pub fn new(settings: &Settings) -> Self {
        Self {
            domain: Arc::clone(&settings.domain),
            cluster: Arc::clone(&settings.cluster),
            root_namespace: settings.root_namespace.clone(),
            assignment_elements: settings.assignment_elements,
            listener_elements: settings.listener_elements,
            trust_domain: "cluster.local".into(),
            connect_timeout: Duration::from_secs(10),
            dns_refresh_rate: Duration::from_secs(60),
            protocol_detection_timeout: Duration::ZERO,
            outbound_policy: OutboundTrafficPolicy::AllowAny,
            inbound_localhost: false,
            outbound_port: 15001,
            inbound_port: 15006,
            http_proxy_port: None,
            tcp_keepalive: None,
            locality_lb: LocalityLb { enabled: true, ..LocalityLb::default() },
            default_retries: None,
            default_policy: PolicyBlocks::default(),
            access_log_file: None,
            access_log_format: AccessLogFormat::Text(None),
            default_service_export_to: Visibility::Public,
            default_virtual_service_export_to: Visibility::Public,
            default_destination_rule_export_to: Visibility::Public,
        }
    }
}

/// The ConfigMap that holds the MeshConfig.
fn config_map(root: &Namespace) -> ConfigKey {
    ConfigKey::new(Kind::ConfigMap, root.clone(), "istio")
}

#[cfg(test)]
mod tests;
