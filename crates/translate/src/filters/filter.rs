//! What an HTTP filter says of itself.

use envoy_types::pb::envoy::{
    config::route::v3::Route, extensions::filters::network::http_connection_manager::v3::HttpFilter,
};
use fairlead_model::{Protocol, routes::HttpRoute};

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

/// One HTTP filter.
pub(super) trait Filter {
    /// The filter in the chain; `None` where it is not needed.
    fn in_chain(&self, inputs: &ChainInputs) -> Option<HttpFilter>;

    /// Adds to a route what the filter does on it.
    fn on_route(&self, _inputs: &RouteInputs<'_>, _route: &mut Route) {}
}
