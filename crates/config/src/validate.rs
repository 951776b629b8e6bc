//! Istio's rules for one object, each with the field at fault and what to write instead.
//!
//! One module per kind, and one per concept that several kinds share. Faults that make only a part of an object useless
//! are in [`parts`]. What needs other objects (unknown hosts, subsets, gateways) is checked where they are known, in
//! `fairlead-model`. Spec: Istio's `pkg/config/validation` and the rules in its CRDs.

mod address;
mod combinations;
mod config_map;
mod connection_pool;
mod destination;
mod destination_rule;
mod duration;
mod endpoint_slice;
mod endpoints;
mod export_to;
mod gateway;
mod gateway_names;
mod header;
mod host;
mod http_route;
mod labels;
mod load_balancer;
mod locality;
pub mod parts;
mod pattern;
mod percent;
mod port;
mod secret;
mod service;
mod service_entry;
mod sidecar;
mod tls;
mod traffic_policy;
mod virtual_service;
mod workload_entry;

pub use http_route::grpc_status;
pub use secret::{is_tls_secret, secret_value};
pub use tls::is_cipher_suite;

use crate::{AnyConfig, Diagnostic, Diagnostics};

/// Checks one object. Positions are those of its source.
pub fn validate(object: &AnyConfig) -> Vec<Diagnostic> {
    let mut found = Diagnostics::on_object(object.key());
    match object {
        AnyConfig::VirtualService(config) => virtual_service::check(&config.spec, &mut found),
        AnyConfig::DestinationRule(config) => destination_rule::check(&config.spec, &mut found),
        AnyConfig::Gateway(config) => gateway::check(&config.spec, &mut found),
        AnyConfig::ServiceEntry(config) => service_entry::check(&config.spec, &mut found),
        AnyConfig::Sidecar(config) => sidecar::check(&config.spec, &mut found),
        AnyConfig::WorkloadEntry(config) => workload_entry::check(&config.spec, &mut found),
        AnyConfig::Service(config) => service::check(&config.spec, &mut found),
        AnyConfig::EndpointSlice(config) => endpoint_slice::check(&config.spec, &mut found),
        AnyConfig::Endpoints(config) => endpoints::check(&config.spec, &mut found),
        AnyConfig::Secret(config) => secret::check(&config.spec, &mut found),
        AnyConfig::ConfigMap(config) => config_map::check(&config.key, &config.spec, &mut found),
        AnyConfig::Pod(_) | AnyConfig::Node(_) | AnyConfig::Namespace(_) => {}
    }
    found.located(object.read_from())
}

#[cfg(test)]
mod tests;
