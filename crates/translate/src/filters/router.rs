//! Forwards requests along their routes: the last filter of every chain.

use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::HttpFilter;
use fairlead_envoy::http::filter::router;

use super::filter::{ChainInputs, Filter};

pub(super) struct Router;

impl Filter for Router {
    fn in_chain(&self, _: &ChainInputs) -> Option<HttpFilter> {
        Some(router())
    }
}
