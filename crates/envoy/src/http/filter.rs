//! HTTP filters, and their configuration on routes.

use std::time::Duration;

use envoy_types::pb::envoy::{
    config::route::v3::{Route, VirtualHost, weighted_cluster::ClusterWeight},
    extensions::filters::{
        common::fault::v3::{FaultDelay, fault_delay::FaultDelaySecifier},
        http::{
            cors::v3::{Cors, CorsPolicy as ProtoCorsPolicy},
            fault::v3::{FaultAbort, HttpFault, fault_abort::ErrorType},
            grpc_web::v3::GrpcWeb,
            router::v3::Router,
        },
        network::http_connection_manager::v3::{HttpFilter, http_filter::ConfigType},
    },
    r#type::v3::FractionalPercent,
};
use prost::{Message, Name};

use crate::{
    extension,
    matcher::StringMatch,
    pack_any,
    wkt::{IntoProto, runtime_fraction, whole_percent},
};

/// Any HTTP filter.
pub fn http_filter<M: Message + Name>(name: &str, config: &M) -> HttpFilter {
    HttpFilter {
        name: name.to_owned(),
        config_type: Some(ConfigType::TypedConfig(pack_any(config))),
        ..Default::default()
    }
}

/// Forwards requests along their routes; always the last filter.
pub fn router() -> HttpFilter {
    http_filter(extension::ROUTER, &Router::default())
}

/// Answers and annotates cross-origin requests, on routes with a [`cors_policy`].
pub fn cors() -> HttpFilter {
    http_filter(extension::CORS, &Cors {})
}

/// Delays and aborts requests, on routes with an [`http_fault`].
pub fn fault() -> HttpFilter {
    http_filter(extension::FAULT, &HttpFault::default())
}

/// Translates gRPC-Web into gRPC.
pub fn grpc_web() -> HttpFilter {
    http_filter(extension::GRPC_WEB, &GrpcWeb {})
}

/// A route, or another part of a route table, that can configure a filter for its requests.
pub trait PerFilterConfig {
    /// Configures the filter called `name` in the chain.
    fn configure_filter<M: Message + Name>(&mut self, name: &str, config: &M);
}

macro_rules! per_filter_config {
    ($($message:ty),+) => {$(
        impl PerFilterConfig for $message {
            fn configure_filter<M: Message + Name>(&mut self, name: &str, config: &M) {
                self.typed_per_filter_config.insert(name.to_owned(), pack_any(config));
            }
        }
    )+};
}

per_filter_config!(Route, VirtualHost, ClusterWeight);

/// Which cross-origin requests are allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CorsPolicy {
    /// Origins.
    pub allow_origins: Vec<StringMatch>,
    /// Methods. None: the header is not sent.
    pub allow_methods: Vec<String>,
    /// Request headers. None: the header is not sent.
    pub allow_headers: Vec<String>,
    /// Response headers that scripts may see. None: the header is not sent.
    pub expose_headers: Vec<String>,
    /// Time for which a browser may cache the response, in whole seconds.
    pub max_age: Option<Duration>,
    /// Whether requests may carry credentials.
    pub allow_credentials: Option<bool>,
    /// Whether preflights of other origins are forwarded upstream. Envoy's default is yes.
    pub forward_not_matching_preflights: Option<bool>,
}

/// The policy for [`extension::CORS`] on a route, always on.
pub fn cors_policy(policy: CorsPolicy) -> ProtoCorsPolicy {
    ProtoCorsPolicy {
        allow_origin_string_match: policy.allow_origins.into_iter().map(Into::into).collect(),
        allow_methods: policy.allow_methods.join(","),
        allow_headers: policy.allow_headers.join(","),
        expose_headers: policy.expose_headers.join(","),
        max_age: policy.max_age.map(|age| age.as_secs().to_string()).unwrap_or_default(),
        allow_credentials: policy.allow_credentials.map(IntoProto::into_proto),
        filter_enabled: Some(runtime_fraction(whole_percent(100))),
        forward_not_matching_preflights: policy.forward_not_matching_preflights.map(IntoProto::into_proto),
        ..Default::default()
    }
}

/// A delay injected into a share of the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay {
    /// How long.
    pub duration: Duration,
    /// Of which share.
    pub percentage: FractionalPercent,
}

/// A response in place of the upstream's for a share of the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abort {
    /// The answer.
    pub status: AbortStatus,
    /// Of which share.
    pub percentage: FractionalPercent,
}

/// The response to an aborted request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbortStatus {
    /// An HTTP status, 200 to 599.
    Http(u16),
    /// A gRPC status.
    Grpc(u32),
}

/// The faults for [`extension::FAULT`] on a route.
pub fn http_fault(delay: Option<Delay>, abort: Option<Abort>) -> HttpFault {
    HttpFault {
        delay: delay.map(|delay| FaultDelay {
            percentage: Some(delay.percentage),
            fault_delay_secifier: Some(FaultDelaySecifier::FixedDelay(delay.duration.into_proto())),
        }),
        abort: abort.map(|abort| FaultAbort {
            percentage: Some(abort.percentage),
            error_type: Some(match abort.status {
                AbortStatus::Http(status) => ErrorType::HttpStatus(status.into()),
                AbortStatus::Grpc(status) => ErrorType::GrpcStatus(status),
            }),
            ..Default::default()
        }),
        ..Default::default()
    }
}
