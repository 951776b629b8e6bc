//! Configuration resolved into the mesh: what the objects mean, independent of Envoy's protobuf messages.
//!
//! One module per kind; each begins with what it reads and produces, and who consumes it. Resolution is a set of
//! queries on `fairlead-incremental`; nothing here knows a proxy, a clock or a socket.
//!
//! | stratum | what is resolved there |
//! |---|---|
//! | [`strata::MESH`] | the mesh's settings, the localities of nodes |
//! | [`strata::OBJECT`] | one object by itself |
//! | [`strata::WORKLOAD`] | Pods and WorkloadEntries as workloads, by object and by address |
//! | [`strata::REGISTRY`] | services across objects; then their endpoints; then lists of services |
//! | [`strata::SCOPE`] | what a namespace, a Sidecar or a gateway can see |
//! | [`strata::BINDING`] | which rule applies to which service in which scope |

pub mod destination_rule;
pub mod diagnostics;
pub mod endpoints;
pub mod gateway;
pub mod host;
pub mod indexes;
pub mod input;
pub mod mesh;
pub mod origin;
pub mod port;
pub mod proxy;
pub mod registry;
pub mod routes;
pub mod scope;
pub mod secret;
pub mod service;
pub mod service_entry;
pub mod sidecar;
pub mod strata;
pub mod virtual_service;
pub mod workload;
pub mod workload_entry;

mod age;
mod host_map;
mod policy;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

// Identity, and a limit of Envoy's: types of specifications do not leave this crate.
pub use fairlead_config::re2::MOST_PROGRAM;
pub use fairlead_config::{ConfigKey, FieldPath, Kind, LabelSet, Namespace, Origin, Timestamp};
pub use host::Host;
pub use policy::*;
pub use port::{Port, Protocol};
pub use service::{Service, ServiceKey};
