//! Types of the configuration kinds: Istio's networking kinds, slim views of Kubernetes' core kinds, `MeshConfig`.
//!
//! Every field of Istio's kinds is here, under Istio's names in Rust's case.
//! The core kinds carry only the fields Fairlead reads.
//! There is no behaviour: strict decoding, defaults and validation live in `fairlead-config` and `fairlead-model`.
//!
//! Conventions of the shapes:
//!
//! - an optional scalar, message or member of a `oneof` is an `Option`; a list is a `Vec`; a map is a `BTreeMap`;
//! - a field the API server requires is not an `Option`, and the schema lists it under `required`;
//! - an enum's `Default` is the value Istio assumes when the field is absent;
//! - a duration is a [`ProtoDuration`].

mod config_map;
mod destination_rule;
mod duration;
mod endpoint_slice;
mod endpoints;
mod gateway;
mod mesh_config;
mod namespace;
mod node;
mod pod;
mod secret;
mod service;
mod service_entry;
mod sidecar;
mod traffic_policy;
mod virtual_service;
mod workload_entry;

pub use config_map::*;
pub use destination_rule::*;
pub use duration::*;
pub use endpoint_slice::*;
pub use endpoints::*;
pub use gateway::*;
pub use mesh_config::*;
pub use namespace::*;
pub use node::*;
pub use pod::*;
pub use secret::*;
pub use service::*;
pub use service_entry::*;
pub use sidecar::*;
pub use traffic_policy::*;
pub use virtual_service::*;
pub use workload_entry::*;

#[cfg(test)]
mod tests;
