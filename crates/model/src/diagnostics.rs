//! Findings about objects in relation to others: dangling references, conflicts, surprises.
//!
//! Reads: VirtualService, DestinationRule, Gateway, Sidecar, Service, ServiceEntry, Secret, and what those refer to
//! Produces: `Diagnostic` · Consumed by: `fairlead-control-plane` (status, metrics), `fairlead analyze`
//! Spec: <https://istio.io/latest/docs/reference/config/analysis/> · Differs from Istio: codes of its own.
//!
//! Findings about a single object are `fairlead-config`'s.

mod claims;
mod context;
mod credentials;
mod destination_rule;
mod destinations;
mod gateway;
mod l4;
mod lookups;
mod meeting;
mod mtls;
mod namespaces;
mod near;
mod queries;
mod repeated;
mod repeated_services;
mod rivals;
mod secret;
mod selectors;
mod served;
mod service;
mod shadow;
mod sidecar;
mod virtual_service;
mod written;

pub use claims::{ServiceEntriesAtPlace, ServicesAtPlace};
pub use lookups::{ServicesBySelector, VirtualServicesByName};
pub use queries::{AllDiagnostics, DiagnosticsOf};
pub use repeated::MOST_REPEATED;
pub use secret::{SecretsNamed, TlsSecrets};

#[cfg(test)]
mod tests;
