//! What an HTTP filter adds to chains and routes.

use envoy_types::pb::envoy::{
    config::route::v3::Route, extensions::filters::network::http_connection_manager::v3::HttpFilter,
};
use fairlead_model::{Protocol, routes::HttpRoute};

/// Everything that the filters of a connection manager depend on.
pub(crate) struct ChainInputs {
    /// The protocol that the port declares.
    pub(crate) protocol: Protocol,
}

/// Everything that a filter's part of a route depends on.
pub(crate) struct RouteInputs<'a> {
    pub(crate) route: &'a HttpRoute,
    /// Whether large regular expressions must carry their maximum program size.
    pub(crate) sizes_expressions: bool,
}

/// One HTTP filter.
pub(super) trait Filter {
    /// The filter in the chain; `None` where it is not needed.
    fn in_chain(&self, inputs: &ChainInputs) -> Option<HttpFilter>;

    /// Adds to a route what the filter does there.
    fn on_route(&self, _inputs: &RouteInputs<'_>, _route: &mut Route) {}
}
