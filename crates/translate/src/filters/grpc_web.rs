//! Translates gRPC-Web into gRPC, on ports that declare it.

use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::HttpFilter;
use fairlead_envoy::http::filter::grpc_web;
use fairlead_model::Protocol;

use super::filter::{ChainInputs, Filter};

pub(super) struct GrpcWeb;

impl Filter for GrpcWeb {
    fn in_chain(&self, inputs: &ChainInputs) -> Option<HttpFilter> {
        (inputs.protocol == Protocol::GrpcWeb).then(grpc_web)
    }
}
