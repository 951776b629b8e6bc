//! The services of an object, of either registry.

use std::sync::Arc;

use fairlead_config::ConfigKey;
use fairlead_incremental::{Query, Reader, Stratum};

use super::{Registry, Service, kubernetes::resolve};
use crate::{
    input::{ServiceEntries, Services},
    mesh::ResolvedMesh,
    service_entry, strata,
};

/// The services that one Service or ServiceEntry defines: one for each host, in the order of the object.
#[derive(Debug)]
pub struct ServicesOf;

impl Query for ServicesOf {
    type Key = ConfigKey;
    type Value = Arc<[Arc<Service>]>;
    const NAME: &'static str = "services of object";
    const STRATUM: Stratum = strata::OBJECT;

    fn compute(cx: &Reader<'_>, key: &ConfigKey) -> Self::Value {
        let mesh = cx.get::<ResolvedMesh>(&());
        let services = match Registry::of(key.kind) {
            Some(Registry::Kubernetes) => {
                let object = cx.input::<Services>(key);
                object.and_then(|object| resolve(&object, &mesh)).into_iter().collect()
            }
            Some(Registry::External) => {
                let object = cx.input::<ServiceEntries>(key);
                object.map(|object| service_entry::resolve(&object, &mesh)).unwrap_or_default()
            }
            None => Vec::new(),
        };
        services.into_iter().map(Arc::new).collect()
    }
}
