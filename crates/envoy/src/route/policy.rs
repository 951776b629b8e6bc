//! What a route does besides forwarding: retries, timeouts, hashing, mirroring.

use std::time::Duration;

use envoy_types::pb::envoy::{
    config::route::v3::{
        RetryPolicy,
        retry_policy::{
            RetryBackOff, RetryHostPredicate, RetryPriority, retry_host_predicate, retry_priority,
        },
        route_action::{
            HashPolicy, MaxStreamDuration, RequestMirrorPolicy,
            hash_policy::{
                ConnectionProperties, Cookie, CookieAttribute, Header, PolicySpecifier, QueryParameter,
            },
        },
    },
    extensions::retry::{
        host::previous_hosts::v3::PreviousHostsPredicate,
        priority::previous_priorities::v3::PreviousPrioritiesConfig,
    },
    r#type::v3::FractionalPercent,
};

use crate::{
    extension, pack_any,
    wkt::{IntoProto, runtime_fraction},
};

/// When and how a request is retried. `None` is Envoy's default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retry {
    /// Conditions, as Envoy names them.
    pub retry_on: String,
    /// Number of retries. Envoy's default is 1.
    pub num_retries: Option<u32>,
    /// Timeout of one attempt. Envoy's default is the timeout of the request.
    pub per_try_timeout: Option<Duration>,
    /// Statuses to retry, with the condition `retriable-status-codes`.
    pub retriable_status_codes: Vec<u32>,
    /// The back-off before the first retry, and its maximum. Envoy's defaults are 25 ms, and ten times the first.
    pub back_off: Option<(Duration, Option<Duration>)>,
    /// Maximum number of selections to avoid hosts that were tried already. By default Envoy does not avoid them.
    pub avoid_previous_hosts: Option<u32>,
    /// Maximum number of host selections, even without a condition on hosts.
    pub host_selection_attempts: Option<u32>,
    /// Number of attempts after which other priorities are preferred. By default Envoy never does.
    pub avoid_previous_priorities: Option<u16>,
}

/// The retry policy of a route.
pub fn retry_policy(retry: Retry) -> RetryPolicy {
    let attempts = retry.avoid_previous_hosts.or(retry.host_selection_attempts);
    RetryPolicy {
        retry_on: retry.retry_on,
        num_retries: retry.num_retries.map(IntoProto::into_proto),
        per_try_timeout: retry.per_try_timeout.map(IntoProto::into_proto),
        retriable_status_codes: retry.retriable_status_codes,
        retry_back_off: retry.back_off.map(|(base, max)| RetryBackOff {
            base_interval: Some(base.into_proto()),
            max_interval: max.map(IntoProto::into_proto),
        }),
        retry_host_predicate: retry.avoid_previous_hosts.map(|_| previous_hosts()).into_iter().collect(),
        host_selection_retry_max_attempts: attempts.unwrap_or_default().into(),
        retry_priority: retry.avoid_previous_priorities.map(previous_priorities),
        ..Default::default()
    }
}

/// Limits the whole stream. Zero is no limit; a gRPC client's own timeout applies up to `grpc_timeout_header_max`, or
/// without a bound if that is zero.
pub fn max_stream_duration(
    max_stream_duration: Option<Duration>,
    grpc_timeout_header_max: Option<Duration>,
) -> MaxStreamDuration {
    MaxStreamDuration {
        max_stream_duration: max_stream_duration.map(IntoProto::into_proto),
        grpc_timeout_header_max: grpc_timeout_header_max.map(IntoProto::into_proto),
        ..Default::default()
    }
}

/// What consistent hashing hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashOn {
    /// A request header.
    Header(String),
    /// A cookie.
    Cookie(HashCookie),
    /// The address of the client.
    SourceIp,
    /// A query parameter.
    QueryParameter(String),
}

/// A cookie to hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashCookie {
    /// The name.
    pub name: String,
    /// The path, where Envoy sets the cookie.
    pub path: Option<String>,
    /// Lifetime of the cookie that Envoy sets if it is missing; zero is a session cookie. `None`: Envoy sets none.
    pub ttl: Option<Duration>,
    /// Further attributes, where Envoy sets the cookie.
    pub attributes: Vec<(String, String)>,
}

/// A hash policy of a route.
pub fn hash_policy(on: HashOn) -> HashPolicy {
    let specifier = match on {
        HashOn::Header(header_name) => PolicySpecifier::Header(Header { header_name, regex_rewrite: None }),
        HashOn::Cookie(cookie) => PolicySpecifier::Cookie(Cookie {
            name: cookie.name,
            path: cookie.path.unwrap_or_default(),
            ttl: cookie.ttl.map(IntoProto::into_proto),
            attributes: cookie
                .attributes
                .into_iter()
                .map(|(name, value)| CookieAttribute { name, value })
                .collect(),
        }),
        HashOn::SourceIp => PolicySpecifier::ConnectionProperties(ConnectionProperties { source_ip: true }),
        HashOn::QueryParameter(name) => PolicySpecifier::QueryParameter(QueryParameter { name }),
    };
    HashPolicy { terminal: false, policy_specifier: Some(specifier) }
}

/// Sends a copy of a share of the requests to `cluster` and drops the responses. Copies are traced like the request,
/// and have `-shadow` appended to the host (Envoy's defaults).
pub fn mirror(cluster: impl Into<String>, share: FractionalPercent) -> RequestMirrorPolicy {
    RequestMirrorPolicy {
        cluster: cluster.into(),
        runtime_fraction: Some(runtime_fraction(share)),
        ..Default::default()
    }
}

fn previous_hosts() -> RetryHostPredicate {
    RetryHostPredicate {
        name: extension::PREVIOUS_HOSTS.to_owned(),
        config_type: Some(retry_host_predicate::ConfigType::TypedConfig(pack_any(
            &PreviousHostsPredicate {},
        ))),
    }
}

fn previous_priorities(update_frequency: u16) -> RetryPriority {
    let config = PreviousPrioritiesConfig { update_frequency: update_frequency.into() };
    RetryPriority {
        name: extension::PREVIOUS_PRIORITIES.to_owned(),
        config_type: Some(retry_priority::ConfigType::TypedConfig(pack_any(&config))),
    }
}
