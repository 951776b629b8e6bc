//! `MeshConfig`: settings of the whole mesh.
//!
//! Spec: <https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/>
//! The defaults named here are Istio's; crate `fairlead-model` applies them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    ConnectionPoolSettings, H2UpgradePolicy, HttpRetry, LocalityLoadBalancerSetting, OutlierDetection,
    ProtoDuration, TcpKeepalive,
};

/// Settings of the whole mesh.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MeshConfig {
    /// Port of the outbound listener; 15001 by default.
    pub proxy_listen_port: Option<u32>,
    /// Port of the inbound listener; 15006 by default.
    pub proxy_inbound_listen_port: Option<u32>,
    /// Port of an HTTP proxy listener; none by default.
    pub proxy_http_port: Option<u32>,
    /// Time limit of connecting; 10s by default.
    pub connect_timeout: Option<ProtoDuration>,
    /// Time to wait for the first bytes, which show the protocol; 0s, which disables the limit, by default.
    pub protocol_detection_timeout: Option<ProtoDuration>,
    /// Keepalive probes of connections to services.
    pub tcp_keepalive: Option<TcpKeepalive>,
    /// Interval at which names are looked up after a failure; 60s by default.
    pub dns_refresh_rate: Option<ProtoDuration>,
    /// What happens to traffic to unknown hosts; `ALLOW_ANY` by default.
    pub outbound_traffic_policy: Option<MeshOutboundTrafficPolicy>,
    /// What happens to traffic to ports no Service names; `PASSTHROUGH` by default.
    pub inbound_traffic_policy: Option<MeshInboundTrafficPolicy>,
    /// Use mutual TLS between workloads of the mesh automatically; true by default.
    pub enable_auto_mtls: Option<bool>,
    /// Trust domain of identities; `cluster.local` by default.
    pub trust_domain: Option<String>,
    /// Further trust domains that count as the same.
    pub trust_domain_aliases: Vec<String>,
    /// Namespace whose objects apply to the whole mesh; `istio-system` by default.
    pub root_namespace: Option<String>,
    /// Preference of localities; enabled by default.
    pub locality_lb_setting: Option<LocalityLoadBalancerSetting>,
    /// Retry policy of routes without one.
    pub default_http_retry_policy: Option<HttpRetry>,
    /// Policy blocks of services whose DestinationRule leaves them out.
    pub default_traffic_policy: Option<MeshTrafficPolicy>,
    /// Whether HTTP/1.1 to services is upgraded to HTTP/2; no by default.
    pub h2_upgrade_policy: Option<H2UpgradePolicy>,
    /// File of the access log; empty, which turns it off, by default.
    pub access_log_file: Option<String>,
    /// Format of access log lines.
    pub access_log_format: Option<String>,
    /// Encoding of access log lines; `TEXT` by default.
    pub access_log_encoding: Option<AccessLogEncoding>,
    /// Whether requests are traced; true by default.
    pub enable_tracing: Option<bool>,
    /// Visibility of Services without their own; `*` by default.
    pub default_service_export_to: Vec<String>,
    /// Visibility of VirtualServices without their own; `*` by default.
    pub default_virtual_service_export_to: Vec<String>,
    /// Visibility of DestinationRules without their own; `*` by default.
    pub default_destination_rule_export_to: Vec<String>,
    /// Service of the ingress gateway; `istio-ingressgateway` by default.
    pub ingress_service: Option<String>,
    /// Class of Ingress objects that are read; `istio` by default.
    pub ingress_class: Option<String>,
    /// Selector of the ingress gateway; `ingressgateway` by default.
    pub ingress_selector: Option<String>,
    /// Which Ingress objects are read; `STRICT` by default.
    pub ingress_controller_mode: Option<IngressControllerMode>,
    /// Serve the statistics of the proxy and of the application together; true by default.
    pub enable_prometheus_merge: Option<bool>,
    /// Verify server certificates with the system's authorities if a DestinationRule names none.
    pub verify_certificate_at_client: Option<bool>,
    /// Rewrite of paths before they are matched.
    pub path_normalization: Option<PathNormalization>,
    /// Lowest version of TLS between workloads of the mesh.
    #[serde(rename = "meshMTLS")]
    pub mesh_mtls: Option<MeshTls>,
    /// Lowest version of TLS elsewhere.
    pub tls_defaults: Option<MeshTls>,
    /// Namespaces that are read, by their labels; all by default.
    pub discovery_selectors: Vec<LabelSelector>,
    /// Settings of the proxies.
    pub default_config: Option<ProxyConfig>,
}

/// What happens to traffic to unknown hosts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MeshOutboundTrafficPolicy {
    /// Whether it is forwarded.
    pub mode: Option<MeshOutboundTrafficPolicyMode>,
}

/// Whether traffic to unknown hosts is forwarded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MeshOutboundTrafficPolicyMode {
    /// Only known hosts can be reached. The value of a block without a mode.
    #[default]
    RegistryOnly,
    /// Unknown traffic is forwarded as it is.
    AllowAny,
    /// Unknown HTTP traffic is forwarded to the host of each request.
    AllowAnyDynamicDns,
}

/// What happens to traffic to ports no Service names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MeshInboundTrafficPolicy {
    /// Where it goes.
    pub mode: Option<MeshInboundTrafficPolicyMode>,
}

/// Where traffic to ports no Service names goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MeshInboundTrafficPolicyMode {
    /// To the address it was sent to.
    #[default]
    Passthrough,
    /// To the loopback address.
    Localhost,
}

/// Policy blocks of services whose DestinationRule leaves them out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MeshTrafficPolicy {
    /// Limits of connections and requests.
    pub connection_pool: Option<ConnectionPoolSettings>,
    /// When an endpoint is ejected.
    pub outlier_detection: Option<OutlierDetection>,
}

/// Encodings of access log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AccessLogEncoding {
    /// Text.
    #[default]
    Text,
    /// JSON.
    Json,
}

/// Which Ingress objects are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum IngressControllerMode {
    /// Like [`IngressControllerMode::Strict`].
    #[default]
    Unspecified,
    /// None.
    Off,
    /// Those with the class or without any.
    Default,
    /// Those with the class.
    Strict,
}

/// Rewrite of paths before they are matched.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PathNormalization {
    /// How much is rewritten.
    pub normalization: Option<NormalizationType>,
}

/// How much of a path is rewritten before it is matched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NormalizationType {
    /// Like [`NormalizationType::Base`].
    #[default]
    Default,
    /// Nothing.
    None,
    /// RFC 3986.
    Base,
    /// RFC 3986, and runs of slashes are merged.
    MergeSlashes,
    /// The same, and escaped slashes are decoded.
    DecodeAndMergeSlashes,
}

/// TLS settings of the mesh.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MeshTls {
    /// Lowest version: `TLS_AUTO`, `TLSV1_2` or `TLSV1_3`.
    pub min_protocol_version: Option<String>,
    /// Curves of the key exchange.
    pub ecdh_curves: Vec<String>,
    /// Cipher suites by OpenSSL's names.
    pub cipher_suites: Vec<String>,
}

/// A Kubernetes label selector.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    /// Labels that must be present.
    pub match_labels: BTreeMap<String, String>,
    /// Further conditions; all must hold.
    pub match_expressions: Vec<LabelSelectorRequirement>,
}

/// A condition on one label.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["key", "operator"]))]
pub struct LabelSelectorRequirement {
    /// Key of the label.
    pub key: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: String,
    /// Values for `In` and `NotIn`.
    pub values: Vec<String>,
}

/// Settings of the proxies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ProxyConfig {
    /// Number of worker threads; 0 means one for each core.
    pub concurrency: Option<i32>,
    /// Time to drain existing connections when a listener changes; 45s by default.
    pub drain_duration: Option<ProtoDuration>,
    /// Time to drain existing connections when the proxy stops; 5s by default.
    pub termination_drain_duration: Option<ProtoDuration>,
    /// Address of the control plane.
    pub discovery_address: Option<String>,
    /// Port of Envoy's admin interface; 15000 by default.
    pub proxy_admin_port: Option<i32>,
    /// Port of the status endpoint; 15020 by default.
    pub status_port: Option<i32>,
    /// Maximum number of bytes of a name in statistics; 189 by default.
    pub stat_name_length: Option<i32>,
    /// Expressions that are added to the names of statistics Envoy keeps.
    pub proxy_stats_matcher: Option<ProxyStatsMatcher>,
    /// Headers the gateways trust and set.
    pub gateway_topology: Option<Topology>,
    /// Further key-value pairs of the proxy's node metadata.
    pub proxy_metadata: BTreeMap<String, String>,
    /// Hold the application until the proxy is ready.
    pub hold_application_until_proxy_starts: Option<bool>,
}

/// Which statistics Envoy keeps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ProxyStatsMatcher {
    /// By prefix.
    pub inclusion_prefixes: Vec<String>,
    /// By suffix.
    pub inclusion_suffixes: Vec<String>,
    /// By RE2 expression.
    pub inclusion_regexps: Vec<String>,
}

/// Headers that gateways trust and set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Topology {
    /// Trusted proxies in front of the gateways; 0 by default.
    pub num_trusted_proxies: Option<u32>,
    /// How `x-forwarded-client-cert` is treated.
    pub forward_client_cert_details: Option<String>,
}
