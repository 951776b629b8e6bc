//! How a cluster speaks HTTP: `envoy.extensions.upstreams.http.v3.HttpProtocolOptions`.

use std::time::Duration;

use envoy_types::pb::envoy::{
    config::{
        cluster::v3::Cluster,
        core::v3::{
            self as core, Http1ProtocolOptions, Http2ProtocolOptions, KeepaliveSettings,
            UpstreamHttpProtocolOptions,
        },
    },
    extensions::upstreams::http::v3::{
        HttpProtocolOptions,
        http_protocol_options::{
            AutoHttpConfig, ExplicitHttpConfig, UpstreamProtocolOptions, UseDownstreamHttpConfig,
            explicit_http_config::ProtocolConfig,
        },
    },
};

use crate::{extension, pack_any, wkt::IntoProto};

/// The version of HTTP to the hosts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UpstreamHttp {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2.
    Http2(Http2),
    /// The version that the client spoke.
    UseDownstream(Http2),
    /// The version that ALPN agrees on; needs TLS.
    Auto(Http2),
}

/// Settings of HTTP/2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Http2 {
    /// Maximum number of concurrent requests on a connection. Envoy's default is 1024.
    pub max_concurrent_streams: Option<u32>,
    /// Pings.
    pub keepalive: Option<Http2Keepalive>,
}

/// Pings on an HTTP/2 connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Http2Keepalive {
    /// Time between two pings.
    pub interval: Duration,
    /// Time limit for the reply, after which the connection is closed.
    pub timeout: Duration,
}

/// Settings of all versions. What is `None` is Envoy's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommonHttp {
    /// Closes a connection without requests. Envoy's default is 1 h; zero is never.
    pub idle_timeout: Option<Duration>,
    /// Closes a connection of this age. Envoy's default is never.
    pub max_connection_duration: Option<Duration>,
    /// Maximum number of requests on a connection. Envoy's default is no limit.
    pub max_requests_per_connection: Option<u32>,
}

/// The SNI of a cluster's TLS taken from the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AutoSni {
    /// The server name is the `:authority` of the request.
    pub sni: bool,
    /// The certificate must be for that name.
    pub san_validation: bool,
}

/// The options of a cluster.
pub fn http_protocol_options(http: UpstreamHttp, common: CommonHttp, auto: AutoSni) -> HttpProtocolOptions {
    let version = match http {
        UpstreamHttp::Http1 => explicit(ProtocolConfig::HttpProtocolOptions(Http1ProtocolOptions::default())),
        UpstreamHttp::Http2(settings) => explicit(ProtocolConfig::Http2ProtocolOptions(http2(settings))),
        UpstreamHttp::UseDownstream(settings) => {
            UpstreamProtocolOptions::UseDownstreamProtocolConfig(UseDownstreamHttpConfig {
                http_protocol_options: Some(Http1ProtocolOptions::default()),
                http2_protocol_options: Some(http2(settings)),
                ..Default::default()
            })
        }
        UpstreamHttp::Auto(settings) => UpstreamProtocolOptions::AutoConfig(AutoHttpConfig {
            http2_protocol_options: Some(http2(settings)),
            ..Default::default()
        }),
    };
    HttpProtocolOptions {
        upstream_protocol_options: Some(version),
        common_http_protocol_options: (common != CommonHttp::default()).then(|| common_options(common)),
        upstream_http_protocol_options: (auto != AutoSni::default()).then(|| UpstreamHttpProtocolOptions {
            auto_sni: auto.sni,
            auto_san_validation: auto.san_validation,
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// Gives `cluster` the options.
pub fn set_http_protocol_options(cluster: &mut Cluster, options: &HttpProtocolOptions) {
    cluster
        .typed_extension_protocol_options
        .insert(extension::HTTP_PROTOCOL_OPTIONS.to_owned(), pack_any(options));
}

/// The settings as options of an upstream or of a connection manager.
pub fn common_options(settings: CommonHttp) -> core::HttpProtocolOptions {
    core::HttpProtocolOptions {
        idle_timeout: settings.idle_timeout.map(IntoProto::into_proto),
        max_connection_duration: settings.max_connection_duration.map(IntoProto::into_proto),
        max_requests_per_connection: settings.max_requests_per_connection.map(IntoProto::into_proto),
        ..Default::default()
    }
}

/// The settings as options of an upstream or of a connection manager.
pub fn http2(settings: Http2) -> Http2ProtocolOptions {
    Http2ProtocolOptions {
        max_concurrent_streams: settings.max_concurrent_streams.map(IntoProto::into_proto),
        connection_keepalive: settings.keepalive.map(|keepalive| KeepaliveSettings {
            interval: Some(keepalive.interval.into_proto()),
            timeout: Some(keepalive.timeout.into_proto()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn explicit(config: ProtocolConfig) -> UpstreamProtocolOptions {
    UpstreamProtocolOptions::ExplicitHttpConfig(ExplicitHttpConfig { protocol_config: Some(config) })
}
