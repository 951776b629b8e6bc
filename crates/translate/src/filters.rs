//! The HTTP filters of proxies: one file for each, and one table of the order in which requests pass them.
//!
//! A file says what its filter adds to the chain of a connection manager and to a route. Nothing else names a filter:
//! listeners ask for [`chain`], routes for [`on_route`].

use envoy_types::pb::envoy::{
    config::route::v3::Route, extensions::filters::network::http_connection_manager::v3::HttpFilter,
};

mod cors;
mod fault;
mod filter;
mod grpc_web;
mod router;

use filter::Filter;
pub(crate) use filter::{ChainInputs, RouteInputs};

/// In the order in which a request passes them.
///
/// Mirrors istio pilot/pkg/networking/core/listener_builder.go (buildHTTPConnectionManager).
const ORDER: [&dyn Filter; 4] = [&grpc_web::GrpcWeb, &fault::Fault, &cors::Cors, &router::Router];

/// The filters of a connection manager.
pub(crate) fn chain(inputs: &ChainInputs) -> impl Iterator<Item = HttpFilter> {
    ORDER.iter().filter_map(|filter| filter.in_chain(inputs))
}

/// Adds to a route what each filter does there.
pub(crate) fn on_route(inputs: &RouteInputs<'_>, route: &mut Route) {
    for filter in ORDER {
        filter.on_route(inputs, route);
    }
}
