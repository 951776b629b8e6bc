//! `VirtualService` (networking.istio.io): how requests to a host are matched, changed and forwarded.
//!
//! Spec: <https://istio.io/latest/docs/reference/config/networking/virtual-service/>

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ProtoDuration;

/// The spec of a `VirtualService`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct VirtualServiceSpec {
    /// Hosts the routes apply to: names, wildcards or IP addresses.
    pub hosts: Vec<String>,
    /// Gateways (`namespace/name`) the routes apply to; `mesh` stands for all sidecars and is the default.
    pub gateways: Vec<String>,
    /// Routes of HTTP traffic, first match wins.
    pub http: Vec<HttpRoute>,
    /// Routes of TLS traffic that is not terminated, by SNI.
    pub tls: Vec<TlsRoute>,
    /// Routes of opaque TCP traffic.
    pub tcp: Vec<TcpRoute>,
    /// Namespaces the object is visible in: names, `.`, `*`.
    pub export_to: Vec<String>,
}

/// One HTTP rule: conditions and what to do with the requests that satisfy them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRoute {
    /// Name of the rule, in access logs and statistics.
    pub name: Option<String>,
    /// Conditions: any one item must hold, all of its members together. Empty matches everything.
    #[serde(rename = "match")]
    pub matches: Vec<HttpMatchRequest>,
    /// Weighted destinations.
    pub route: Vec<HttpRouteDestination>,
    /// Answer with a redirect instead of forwarding.
    pub redirect: Option<HttpRedirect>,
    /// Answer with a fixed response instead of forwarding.
    pub direct_response: Option<HttpDirectResponse>,
    /// Take the routes of another VirtualService.
    pub delegate: Option<Delegate>,
    /// Change path or authority before forwarding.
    pub rewrite: Option<HttpRewrite>,
    /// Time limit of the whole request; absent means none.
    pub timeout: Option<ProtoDuration>,
    /// Retry policy.
    pub retries: Option<HttpRetry>,
    /// Faults to inject.
    pub fault: Option<HttpFaultInjection>,
    /// Destination that gets a copy of each request.
    pub mirror: Option<Destination>,
    /// Destinations that get copies of requests.
    pub mirrors: Vec<HttpMirrorPolicy>,
    /// Share of requests to mirror, in whole percent. Deprecated: `mirrorPercentage`.
    pub mirror_percent: Option<u32>,
    /// The deprecated spelling `mirror_percent`.
    #[serde(rename = "mirror_percent")]
    pub mirror_percent_snake_case: Option<u32>,
    /// Share of requests to mirror.
    pub mirror_percentage: Option<Percent>,
    /// Cross-origin policy.
    pub cors_policy: Option<CorsPolicy>,
    /// Changes of request and response headers.
    pub headers: Option<Headers>,
}

/// Conditions on an HTTP request; all that are set must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpMatchRequest {
    /// Name of the match; appended to the name of the rule.
    pub name: Option<String>,
    /// Path of the request.
    pub uri: Option<StringMatch>,
    /// Scheme of the request.
    pub scheme: Option<StringMatch>,
    /// Method of the request.
    pub method: Option<StringMatch>,
    /// Authority (`Host`) of the request.
    pub authority: Option<StringMatch>,
    /// Headers by name. An empty match means that the header is present.
    pub headers: BTreeMap<String, StringMatch>,
    /// Port the request was sent to.
    pub port: Option<u32>,
    /// Labels of the calling workload.
    pub source_labels: BTreeMap<String, String>,
    /// Gateways the match is limited to; replaces `gateways` of the spec.
    pub gateways: Vec<String>,
    /// Query parameters by name. An empty match means that the parameter is present.
    pub query_params: BTreeMap<String, StringMatch>,
    /// Compare the path without regard to case; `exact` and `prefix` only.
    pub ignore_uri_case: bool,
    /// Headers that must not match.
    pub without_headers: BTreeMap<String, StringMatch>,
    /// Namespace of the calling workload.
    pub source_namespace: Option<String>,
    /// Prefix of statistics for the route.
    pub stat_prefix: Option<String>,
}

/// How a string is compared; at most one member is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct StringMatch {
    /// Equal to this string.
    pub exact: Option<String>,
    /// Begins with this string.
    pub prefix: Option<String>,
    /// Matches this RE2 expression as a whole.
    pub regex: Option<String>,
}

/// A weighted destination of HTTP traffic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["destination"]))]
pub struct HttpRouteDestination {
    /// Where the request goes.
    pub destination: Destination,
    /// Share of requests relative to the sum of weights.
    pub weight: Option<i32>,
    /// Changes of headers for this destination only.
    pub headers: Option<Headers>,
}

/// A service, optionally a subset of it and a port.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["host"]))]
pub struct Destination {
    /// Name of the service; a name without a dot is completed with the namespace of the object.
    pub host: String,
    /// Name of a subset that a DestinationRule defines.
    pub subset: Option<String>,
    /// Port of the service; may be left out if the service has one port.
    pub port: Option<PortSelector>,
}

/// A port by its number.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PortSelector {
    /// Number of the port.
    pub number: Option<u32>,
}

/// Header changes of requests and of responses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Headers {
    /// Changes before the request is forwarded.
    pub request: Option<HeaderOperations>,
    /// Changes before the response is returned.
    pub response: Option<HeaderOperations>,
}

/// Header changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HeaderOperations {
    /// Overwrite these headers.
    pub set: BTreeMap<String, String>,
    /// Append to these headers.
    pub add: BTreeMap<String, String>,
    /// Remove these headers.
    pub remove: Vec<String>,
}

/// A redirect response.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRedirect {
    /// Replaces the whole path.
    pub uri: Option<String>,
    /// Replaces the matched prefix of the path.
    pub prefix_rewrite: Option<String>,
    /// Replaces the authority.
    pub authority: Option<String>,
    /// Replaces the port.
    pub port: Option<u32>,
    /// Derives the port instead of naming it.
    pub derive_port: Option<RedirectPortSelection>,
    /// Replaces the scheme.
    pub scheme: Option<String>,
    /// Status of the response; 301 by default.
    pub redirect_code: Option<u32>,
}

/// How the port of a redirect is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RedirectPortSelection {
    /// 80 for HTTP, 443 for HTTPS.
    #[default]
    FromProtocolDefault,
    /// The port of the request.
    FromRequestPort,
}

/// A fixed response.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["status"]))]
pub struct HttpDirectResponse {
    /// Status of the response.
    pub status: u32,
    /// Body of the response.
    pub body: Option<HttpBody>,
}

/// A body; at most one member is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpBody {
    /// The body as a string.
    pub string: Option<String>,
    /// The body as base64.
    pub bytes: Option<String>,
}

/// Another VirtualService whose routes are used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Delegate {
    /// Name of the VirtualService.
    pub name: Option<String>,
    /// Its namespace; that of the referring object by default.
    pub namespace: Option<String>,
}

/// Changes of path and authority.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRewrite {
    /// Replaces the matched prefix, or the whole path of an exact match.
    pub uri: Option<String>,
    /// Replaces the authority.
    pub authority: Option<String>,
    /// Rewrites the path by an expression.
    pub uri_regex_rewrite: Option<RegexRewrite>,
}

/// A rewrite by an RE2 expression.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RegexRewrite {
    /// The expression whose match is replaced.
    #[serde(rename = "match")]
    pub pattern: Option<String>,
    /// The replacement; `\1` stands for the first group.
    pub rewrite: Option<String>,
}

/// When and how often a request is retried.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRetry {
    /// Number of retries; 0 or absent turns retries off.
    pub attempts: Option<i32>,
    /// Time limit of each attempt.
    pub per_try_timeout: Option<ProtoDuration>,
    /// Conditions and status codes, separated by commas.
    pub retry_on: Option<String>,
    /// Let a retry go to other localities.
    pub retry_remote_localities: Option<bool>,
    /// Let a retry avoid hosts that were tried before; true by default.
    pub retry_ignore_previous_hosts: Option<bool>,
    /// Base interval of the exponential back-off; 25ms by default.
    pub backoff: Option<ProtoDuration>,
}

/// Faults to inject into requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpFaultInjection {
    /// Delays.
    pub delay: Option<FaultDelay>,
    /// Aborted requests.
    pub abort: Option<FaultAbort>,
}

/// A delay before a request is forwarded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct FaultDelay {
    /// Share of requests in whole percent. Deprecated: `percentage`.
    pub percent: Option<i32>,
    /// Length of the delay.
    pub fixed_delay: Option<ProtoDuration>,
    /// Mean of an exponentially distributed delay.
    pub exponential_delay: Option<ProtoDuration>,
    /// Share of requests.
    pub percentage: Option<Percent>,
}

/// An error instead of forwarding.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct FaultAbort {
    /// HTTP status of the response.
    pub http_status: Option<i32>,
    /// gRPC status by its name.
    pub grpc_status: Option<String>,
    /// HTTP/2 error by its name.
    pub http2_error: Option<String>,
    /// Share of requests.
    pub percentage: Option<Percent>,
}

/// A share between 0 and 100.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Percent {
    /// The share in percent.
    pub value: Option<f64>,
}

/// A destination that gets a share of copies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["destination"]))]
pub struct HttpMirrorPolicy {
    /// Where copies go.
    pub destination: Destination,
    /// Share of requests; all by default.
    pub percentage: Option<Percent>,
}

/// Cross-origin resource sharing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CorsPolicy {
    /// Allowed origins as exact strings. Deprecated: `allowOrigins`.
    pub allow_origin: Vec<String>,
    /// Allowed origins.
    pub allow_origins: Vec<StringMatch>,
    /// Allowed methods.
    pub allow_methods: Vec<String>,
    /// Headers a request may carry.
    pub allow_headers: Vec<String>,
    /// Headers a script may read.
    pub expose_headers: Vec<String>,
    /// Time for which the response to a preflight may be cached.
    pub max_age: Option<ProtoDuration>,
    /// Whether a request may carry credentials.
    pub allow_credentials: Option<bool>,
    /// What happens to preflights of other origins.
    pub unmatched_preflights: Option<UnmatchedPreflights>,
}

/// What happens to a preflight request that matches no allowed origin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum UnmatchedPreflights {
    /// Like [`UnmatchedPreflights::Forward`].
    #[default]
    Unspecified,
    /// It is forwarded to the destination.
    Forward,
    /// It is answered without cross-origin headers.
    Ignore,
}

/// One rule for TLS traffic that is passed through.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["match"]))]
pub struct TlsRoute {
    /// Conditions: any one item must hold.
    #[serde(rename = "match")]
    pub matches: Vec<TlsMatchAttributes>,
    /// Weighted destinations.
    pub route: Vec<RouteDestination>,
}

/// Conditions on a TLS connection; all that are set must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["sniHosts"]))]
pub struct TlsMatchAttributes {
    /// Server names, with wildcards.
    pub sni_hosts: Vec<String>,
    /// Destination addresses or subnets.
    pub destination_subnets: Vec<String>,
    /// Port the connection was made to.
    pub port: Option<u32>,
    /// Labels of the calling workload.
    pub source_labels: BTreeMap<String, String>,
    /// Gateways the match is limited to.
    pub gateways: Vec<String>,
    /// Namespace of the calling workload.
    pub source_namespace: Option<String>,
}

/// One rule for opaque TCP traffic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TcpRoute {
    /// Conditions: any one item must hold. Empty matches everything.
    #[serde(rename = "match")]
    pub matches: Vec<L4MatchAttributes>,
    /// Weighted destinations.
    pub route: Vec<RouteDestination>,
}

/// Conditions on a TCP connection; all that are set must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct L4MatchAttributes {
    /// Destination addresses or subnets.
    pub destination_subnets: Vec<String>,
    /// Port the connection was made to.
    pub port: Option<u32>,
    /// Source address or subnet. Istio does not implement it.
    pub source_subnet: Option<String>,
    /// Labels of the calling workload.
    pub source_labels: BTreeMap<String, String>,
    /// Gateways the match is limited to.
    pub gateways: Vec<String>,
    /// Namespace of the calling workload.
    pub source_namespace: Option<String>,
}

/// A weighted destination of TCP or TLS traffic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["destination"]))]
pub struct RouteDestination {
    /// Where the connection goes.
    pub destination: Destination,
    /// Share of connections relative to the sum of weights.
    pub weight: Option<i32>,
}
