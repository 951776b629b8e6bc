//! The HTTP filters of proxies: one file for each, and the one table that says in which order requests pass them.
//!
//! A file says what its filter adds to the chain of a connection manager and to a route. Nothing else names a filter:
//! listeners ask for [`chain`], routes for [`on_route`].

use envoy_types::pb::envoy::{
    config::route::v3::Route, extensions::filters::network::http_connection_manager::v3::HttpFilter,
};
use fairlead_model::{Protocol, routes::HttpRoute};

mod cors;
mod fault;
mod grpc_web;
mod router;

/// In the order in which a request passes them.
///
/// Mirrors istio pilot/pkg/networking/core/listener_builder.go (buildHTTPConnectionManager).
const ORDER: [&dyn Filter; 4] = [&grpc_web::GrpcWeb, &fault::Fault, &cors::Cors, &router::Router];

/// What decides about the filters of a connection manager.
pub(crate) struct ChainInputs {
    /// The protocol that the port declares.
    pub(crate) protocol: Protocol,
}

/// What decides about what filters do on a route.
pub(crate) struct RouteInputs<'a> {
    pub(crate) route: &'a HttpRoute,
    /// Whether large expressions have to say how large they are.
    pub(crate) sizes_expressions: bool,
}

trait Filter {
    /// The filter in the chain; `None` where it is not needed.
    fn in_chain(&self, inputs: &ChainInputs) -> Option<HttpFilter>;

    /// Adds to a route what the filter does on it.
    fn on_route(&self, _inputs: &RouteInputs<'_>, _route: &mut Route) {}
}

/// The filters of a connection manager.
pub(crate) fn chain(inputs: &ChainInputs) -> impl Iterator<Item = HttpFilter> {
    ORDER.iter().filter_map(|filter| filter.in_chain(inputs))
}

/// Adds to a route what the filters do on it.
pub(crate) fn on_route(inputs: &RouteInputs<'_>, route: &mut Route) {
    for filter in ORDER {
        filter.on_route(inputs, route);
    }
}
