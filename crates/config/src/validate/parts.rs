//! Faults that make only a part of an object useless, mostly ones for which stock Envoy refuses a whole route table or
//! listener.
//!
//! The object is passed on unchanged. Resolution leaves out the smallest part with the fault, which these functions
//! determine; `unusable_parts` reports it with the same functions.

mod condition;
mod gateway;
mod headers;
mod rewrite;
mod server_name;
mod service_entry;
mod virtual_service;

use crate::{AnyConfig, Diagnostic, Diagnostics};

pub use condition::{is_condition, is_origin};
pub use gateway::{ClientAuthority, ServerCertificate, client_authority, server_certificate};
pub use headers::{ChangedHeader, changed_headers};
pub use rewrite::{can_redirect, can_rewrite};
pub use server_name::is_server_name;

/// The parts of an object without errors that are left out. Positions are those of its source.
pub(crate) fn unusable_parts(object: &AnyConfig) -> Vec<Diagnostic> {
    let mut found = Diagnostics::on_object(object.key());
    match object {
        AnyConfig::VirtualService(config) => virtual_service::check(&config.spec, &mut found),
        AnyConfig::Gateway(config) => gateway::check(&config.spec, &mut found),
        AnyConfig::ServiceEntry(config) => service_entry::check(&config.spec, &mut found),
        // What is wrong with these costs the object, or the field (`Kind::costs`).
        AnyConfig::DestinationRule(_)
        | AnyConfig::Sidecar(_)
        | AnyConfig::WorkloadEntry(_)
        | AnyConfig::Service(_)
        | AnyConfig::EndpointSlice(_)
        | AnyConfig::Endpoints(_)
        | AnyConfig::Pod(_)
        | AnyConfig::Node(_)
        | AnyConfig::Namespace(_)
        | AnyConfig::Secret(_)
        | AnyConfig::ConfigMap(_) => {}
    }
    found.located(object.read_from())
}

#[cfg(test)]
mod tests;
