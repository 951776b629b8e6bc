//! Cross-origin requests (`http[].corsPolicy`): in every chain, and configured by routes.

use envoy_types::pb::envoy::{
    config::route::v3::Route, extensions::filters::network::http_connection_manager::v3::HttpFilter,
};
use fairlead_envoy::{
    extension::CORS,
    http::filter::{CorsPolicy as EnvoyCors, PerFilterConfig, cors, cors_policy},
    matcher::StringMatch as EnvoyMatch,
};
use fairlead_model::routes::CorsPolicy;

use super::filter::{ChainInputs, Filter, RouteInputs};
use crate::values::string_match;

pub(super) struct Cors;

impl Filter for Cors {
    fn in_chain(&self, _: &ChainInputs) -> Option<HttpFilter> {
        Some(cors())
    }

    fn on_route(&self, inputs: &RouteInputs<'_>, route: &mut Route) {
        if let Some(policy) = &inputs.route.cors {
            route.configure_filter(CORS, &cors_policy(envoy_policy(policy, inputs.sizes_expressions)));
        }
    }
}

fn envoy_policy(policy: &CorsPolicy, sized: bool) -> EnvoyCors {
    let texts = |list: &[std::sync::Arc<str>]| list.iter().map(ToString::to_string).collect();
    EnvoyCors {
        allow_origins: policy
            .allow_origins
            .iter()
            .map(|origin| string_match(origin, sized).unwrap_or(EnvoyMatch::Regex(".*".into())))
            .collect(),
        allow_methods: texts(&policy.allow_methods),
        allow_headers: texts(&policy.allow_headers),
        expose_headers: texts(&policy.expose_headers),
        max_age: policy.max_age,
        allow_credentials: policy.allow_credentials,
        forward_not_matching_preflights: Some(policy.forward_unmatched_preflights),
    }
}
