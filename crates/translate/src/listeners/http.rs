//! HTTP connection managers.
//!
//! Mirrors istio pilot/pkg/networking/core/listener_builder.go (buildHTTPConnectionManager).

use std::time::Duration;

use envoy_types::pb::envoy::{
    config::{listener::v3::Filter, route::v3::RouteConfiguration},
    extensions::filters::network::http_connection_manager::v3::http_connection_manager::{
        ForwardClientCertDetails, SetCurrentClientCertDetails,
    },
};
use fairlead_envoy::{
    IntoProto,
    http::{HttpConnectionManagerBuilder, ManagerTemplate, Routes, http_connection_manager},
};
use fairlead_model::{Protocol, mesh::Mesh};

use crate::{
    access_log,
    filters::{self, ChainInputs},
};

/// Value of the `server` header of responses (Istio's).
const SERVER_NAME: &str = "istio-envoy";

/// The manager of a sidecar's outbound listener.
pub(super) fn outbound(stat_prefix: &str, table: &str, protocol: Protocol, mesh: &Mesh) -> Filter {
    common(stat_prefix, Routes::Rds(table.to_owned()), mesh)
        .use_remote_address(false)
        .filters(filters::chain(&ChainInputs { protocol }))
        .build_filter()
}

/// The manager of a sidecar's inbound port. The application is told the client's certificate.
pub(super) fn inbound(
    stat_prefix: &str,
    table: RouteConfiguration,
    protocol: Protocol,
    mesh: &Mesh,
) -> Filter {
    common(stat_prefix, Routes::Inline(Box::new(table)), mesh)
        .use_remote_address(false)
        .forward_client_cert(ForwardClientCertDetails::AppendForward, Some(client_cert_details()))
        .filters(filters::chain(&ChainInputs { protocol }))
        .build_filter()
}

/// The manager of a gateway's servers: the edge of the mesh.
pub(super) fn gateway(stat_prefix: &str, table: &str, protocol: Protocol, mesh: &Mesh) -> Filter {
    at_the_edge(stat_prefix, table, protocol, mesh).build_filter()
}

/// A template of [`gateway`] for many servers, each with a table of its own.
pub(super) fn gateway_template(protocol: Protocol, mesh: &Mesh) -> ManagerTemplate {
    at_the_edge("-", "", protocol, mesh).build_template()
}

fn at_the_edge(
    stat_prefix: &str,
    table: &str,
    protocol: Protocol,
    mesh: &Mesh,
) -> HttpConnectionManagerBuilder {
    common(stat_prefix, Routes::Rds(table.to_owned()), mesh)
        .use_remote_address(true)
        .forward_client_cert(ForwardClientCertDetails::SanitizeSet, Some(client_cert_details()))
        .filters(filters::chain(&ChainInputs { protocol }))
}

fn common(stat_prefix: &str, routes: Routes, mesh: &Mesh) -> HttpConnectionManagerBuilder {
    let manager = http_connection_manager(stat_prefix, routes)
        .upgrade("websocket")
        .stream_idle_timeout(Duration::ZERO)
        .normalize_path(true)
        .proxy_100_continue()
        .server_name(SERVER_NAME);
    match access_log::access_log(mesh) {
        Some(log) => manager.access_log(log),
        None => manager,
    }
}

fn client_cert_details() -> SetCurrentClientCertDetails {
    SetCurrentClientCertDetails {
        subject: Some(true.into_proto()),
        dns: true,
        uri: true,
        ..SetCurrentClientCertDetails::default()
    }
}
