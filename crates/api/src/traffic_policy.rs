//! `TrafficPolicy` and its blocks: load balancing, connection pools, outlier detection, TLS to the service.
//!
//! Spec: <https://istio.io/latest/docs/reference/config/networking/destination-rule/#TrafficPolicy>

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ProtoDuration;

/// Policy of the connections to a service or subset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TrafficPolicy {
    /// How an endpoint is chosen.
    pub load_balancer: Option<LoadBalancerSettings>,
    /// Limits of connections and requests.
    pub connection_pool: Option<ConnectionPoolSettings>,
    /// When an endpoint is ejected.
    pub outlier_detection: Option<OutlierDetection>,
    /// TLS of the connections.
    pub tls: Option<ClientTlsSettings>,
    /// Policies of single ports; each replaces the whole policy for its port.
    pub port_level_settings: Vec<PortTrafficPolicy>,
    /// Tunnel the connections through an HTTP proxy.
    pub tunnel: Option<TunnelSettings>,
    /// Send a PROXY protocol header.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// Limit of concurrent retries.
    pub retry_budget: Option<RetryBudget>,
}

/// Policy of one port.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PortTrafficPolicy {
    /// The port of the service.
    pub port: Option<crate::PortSelector>,
    /// How an endpoint is chosen.
    pub load_balancer: Option<LoadBalancerSettings>,
    /// Limits of connections and requests.
    pub connection_pool: Option<ConnectionPoolSettings>,
    /// When an endpoint is ejected.
    pub outlier_detection: Option<OutlierDetection>,
    /// TLS of the connections.
    pub tls: Option<ClientTlsSettings>,
}

/// How an endpoint is chosen; at most one of `simple`, `consistentHash`, `backendUtilization` is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LoadBalancerSettings {
    /// A policy without settings.
    pub simple: Option<SimpleLb>,
    /// The same endpoint for the same key.
    pub consistent_hash: Option<ConsistentHashLb>,
    /// Weights from the load that endpoints report.
    pub backend_utilization: Option<BackendUtilizationLb>,
    /// Preference of localities.
    pub locality_lb_setting: Option<LocalityLoadBalancerSetting>,
    /// Preference of the caller's own zone.
    pub zone_aware_lb_setting: Option<ZoneAwareLoadBalancerSetting>,
    /// Time in which a new endpoint's share grows. Deprecated: `warmup`.
    pub warmup_duration_secs: Option<ProtoDuration>,
    /// How a new endpoint's share grows.
    pub warmup: Option<WarmupConfiguration>,
}

/// Load-balancing policies without settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SimpleLb {
    /// The default: like [`SimpleLb::LeastRequest`].
    #[default]
    Unspecified,
    /// The deprecated name of [`SimpleLb::LeastRequest`].
    LeastConn,
    /// A random endpoint.
    Random,
    /// The address the caller asked for.
    Passthrough,
    /// One after the other.
    RoundRobin,
    /// The one with fewer requests of two chosen at random.
    LeastRequest,
}

/// The same endpoint for the same key; one key and at most one algorithm is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsistentHashLb {
    /// Key: the value of a header.
    pub http_header_name: Option<String>,
    /// Key: a cookie, which is generated if absent.
    pub http_cookie: Option<HttpCookie>,
    /// Key: the address of the caller.
    pub use_source_ip: Option<bool>,
    /// Key: a query parameter.
    pub http_query_parameter_name: Option<String>,
    /// Algorithm: a ring of hashes.
    pub ring_hash: Option<RingHash>,
    /// Algorithm: Maglev's table.
    pub maglev: Option<MagLev>,
    /// Size of the ring. Deprecated: `ringHash`.
    pub minimum_ring_size: Option<u64>,
}

/// A cookie used as a hash key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["name"]))]
pub struct HttpCookie {
    /// Name of the cookie.
    pub name: String,
    /// Path of the cookie.
    pub path: Option<String>,
    /// Lifetime of a generated cookie; absent means that none is generated, 0 a session cookie.
    pub ttl: Option<ProtoDuration>,
    /// Further attributes of a generated cookie.
    pub attributes: Vec<HttpCookieAttribute>,
}

/// An attribute of a cookie.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["name"]))]
pub struct HttpCookieAttribute {
    /// Name of the attribute.
    pub name: String,
    /// Value of the attribute.
    pub value: Option<String>,
}

/// Settings of the hash ring.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RingHash {
    /// Minimum number of entries; 1024 by default.
    pub minimum_ring_size: Option<u64>,
}

/// Settings of Maglev.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct MagLev {
    /// Number of entries, a prime; 65537 by default.
    pub table_size: Option<u64>,
}

/// Weights from the load that endpoints report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BackendUtilizationLb {
    /// Weight of errors as load, in percent.
    pub error_utilization_penalty_percent: Option<u32>,
    /// Reported metrics that count as load.
    pub metric_names_for_computing_utilization: Vec<String>,
    /// Time for which a weight stays valid without a report.
    pub weight_expiration_period: Option<ProtoDuration>,
    /// Time for which reports must arrive before a weight is used.
    pub weight_stabilization_period: Option<ProtoDuration>,
    /// Interval at which weights are computed.
    pub weight_update_period: Option<ProtoDuration>,
}

/// Preference of localities; at most one of `distribute`, `failover`, `failoverPriority` is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LocalityLoadBalancerSetting {
    /// Shares of traffic by the caller's locality.
    pub distribute: Vec<LocalityDistribute>,
    /// Where traffic goes when a region has no healthy endpoint.
    pub failover: Vec<LocalityFailover>,
    /// Labels whose agreement with the caller's decides the priority of an endpoint.
    pub failover_priority: Vec<String>,
    /// Whether the preference applies; true by default.
    pub enabled: Option<bool>,
}

/// Shares of the traffic of one locality.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LocalityDistribute {
    /// The caller's locality: `region/zone/subzone`, with `*`.
    pub from: Option<String>,
    /// Shares by locality, in percent; their sum is 100.
    pub to: BTreeMap<String, u32>,
}

/// Where the traffic of a region goes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LocalityFailover {
    /// The failing region.
    pub from: Option<String>,
    /// The region that takes over.
    pub to: Option<String>,
}

/// Preference of the caller's own zone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ZoneAwareLoadBalancerSetting {
    /// Whether the preference applies.
    pub enabled: Option<bool>,
    /// Where traffic goes when a region has no healthy endpoint.
    pub failover: Vec<LocalityFailover>,
    /// Labels whose agreement with the caller's decides the priority of an endpoint.
    pub failover_priority: Vec<String>,
    /// Number of endpoints below which zones are ignored.
    pub min_cluster_size: Option<u32>,
}

/// How the share of a new endpoint grows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["duration"]))]
pub struct WarmupConfiguration {
    /// Time until the full share.
    pub duration: ProtoDuration,
    /// Share at the start, in percent; 10 by default.
    pub minimum_percent: Option<f64>,
    /// Steepness of the curve; 1 by default.
    pub aggression: Option<f64>,
}

/// Limits of connections and requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ConnectionPoolSettings {
    /// Limits of connections.
    pub tcp: Option<TcpSettings>,
    /// Limits of HTTP requests.
    pub http: Option<HttpSettings>,
}

/// Limits of connections.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TcpSettings {
    /// Maximum number of connections to the service; 0 means no limit.
    pub max_connections: Option<i32>,
    /// Time limit of connecting; 10s by default.
    pub connect_timeout: Option<ProtoDuration>,
    /// Keepalive probes of the kernel.
    pub tcp_keepalive: Option<TcpKeepalive>,
    /// Maximum lifetime of a connection.
    pub max_connection_duration: Option<ProtoDuration>,
    /// Time without traffic after which a connection is closed.
    pub idle_timeout: Option<ProtoDuration>,
}

/// Keepalive probes of the kernel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TcpKeepalive {
    /// Number of unanswered probes after which the connection counts as dead.
    pub probes: Option<u32>,
    /// Idle time before the first probe.
    pub time: Option<ProtoDuration>,
    /// Time between probes.
    pub interval: Option<ProtoDuration>,
}

/// Limits of HTTP requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpSettings {
    /// Maximum number of requests that wait for a connection; 0 means no limit.
    pub http1_max_pending_requests: Option<i32>,
    /// Maximum number of concurrent requests, of HTTP/1 as well; 0 means no limit.
    pub http2_max_requests: Option<i32>,
    /// Maximum number of requests over one connection; 0 means no limit.
    pub max_requests_per_connection: Option<i32>,
    /// Maximum number of concurrent retries; 0 means no limit.
    pub max_retries: Option<i32>,
    /// Time without requests after which a connection is closed.
    pub idle_timeout: Option<ProtoDuration>,
    /// Whether HTTP/1.1 is upgraded to HTTP/2.
    pub h2_upgrade_policy: Option<H2UpgradePolicy>,
    /// Use the protocol of the caller.
    pub use_client_protocol: Option<bool>,
    /// Maximum number of concurrent streams of one HTTP/2 connection.
    pub max_concurrent_streams: Option<i32>,
    /// Pings over HTTP/2 connections.
    pub http2_keep_alive: Option<Http2KeepAlive>,
}

/// Whether connections are upgraded to HTTP/2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum H2UpgradePolicy {
    /// As the mesh is configured.
    #[default]
    Default,
    /// No.
    DoNotUpgrade,
    /// Yes.
    Upgrade,
}

/// Pings over HTTP/2 connections.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Http2KeepAlive {
    /// Time between pings.
    pub interval: Option<ProtoDuration>,
    /// Time to wait for the reply.
    pub timeout: Option<ProtoDuration>,
}

/// When an endpoint is ejected. An empty block switches ejection on with Envoy's defaults.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct OutlierDetection {
    /// Number of consecutive errors. Deprecated: `consecutiveGatewayErrors`, `consecutive5xxErrors`.
    pub consecutive_errors: Option<i32>,
    /// Count failures to connect apart from errors of the endpoint.
    pub split_external_local_origin_errors: Option<bool>,
    /// Number of consecutive failures to connect that ejects.
    pub consecutive_local_origin_failures: Option<u32>,
    /// Number of consecutive gateway errors (502, 503, 504) that ejects; 0 disables.
    pub consecutive_gateway_errors: Option<u32>,
    /// Number of consecutive 5xx errors that ejects; 0 disables.
    #[serde(rename = "consecutive5xxErrors")]
    pub consecutive_5xx_errors: Option<u32>,
    /// Time between analyses; 10s by default.
    pub interval: Option<ProtoDuration>,
    /// Minimum duration of an ejection; 30s by default.
    pub base_ejection_time: Option<ProtoDuration>,
    /// Maximum percentage of endpoints ejected at once; 10 by default.
    pub max_ejection_percent: Option<i32>,
    /// Percentage of healthy endpoints below which ejection is ignored; 0 by default.
    pub min_health_percent: Option<i32>,
    /// Status codes that count as errors.
    pub outlier_detection_http_error_codes: Vec<i64>,
}

/// TLS of the connections to a service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientTlsSettings {
    /// Whether and how TLS is used.
    pub mode: Option<ClientTlsMode>,
    /// File of the client certificate.
    pub client_certificate: Option<String>,
    /// File of the client's key.
    pub private_key: Option<String>,
    /// File of the certificates the server is verified with.
    pub ca_certificates: Option<String>,
    /// Secret that holds certificates and key.
    pub credential_name: Option<String>,
    /// Names the server's certificate may carry.
    pub subject_alt_names: Vec<String>,
    /// Server name sent in the handshake.
    pub sni: Option<String>,
    /// Accept any server certificate.
    pub insecure_skip_verify: Option<bool>,
    /// File of revoked certificates.
    pub ca_crl: Option<String>,
}

/// Whether and how connections use TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ClientTlsMode {
    /// No TLS.
    #[default]
    Disable,
    /// TLS without a client certificate.
    Simple,
    /// TLS with the client certificate given here.
    Mutual,
    /// TLS with the workload's own certificate.
    IstioMutual,
}

/// A tunnel through an HTTP proxy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["targetHost", "targetPort"]))]
pub struct TunnelSettings {
    /// `CONNECT` (default) or `POST`.
    pub protocol: Option<String>,
    /// Host the proxy connects to.
    pub target_host: String,
    /// Port the proxy connects to.
    pub target_port: u32,
}

/// A PROXY protocol header.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ProxyProtocol {
    /// Version of the header.
    pub version: Option<ProxyProtocolVersion>,
}

/// Versions of the PROXY protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProxyProtocolVersion {
    /// The text form.
    #[default]
    V1,
    /// The binary form.
    V2,
}

/// Limit of concurrent retries relative to requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RetryBudget {
    /// Retries relative to requests, in percent; 20 by default.
    pub percent: Option<f64>,
    /// Retries that are always allowed; 3 by default.
    pub min_retry_concurrency: Option<u32>,
    /// Time over which requests are counted.
    pub budget_interval: Option<ProtoDuration>,
}
