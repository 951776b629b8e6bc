//! The queries over VirtualServices: each resolved, and the headers of all.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use fairlead_config::{ConfigKey, Diagnostics};
use fairlead_incremental::{Query, Reader, Stratum};

use super::{GatewayRef, VirtualService, VirtualServiceHeader, resolve};
use crate::{age, input, mesh::ResolvedMesh, strata};

/// A VirtualService, resolved.
#[derive(Debug)]
pub struct ResolvedVirtualService;

impl Query for ResolvedVirtualService {
    type Key = ConfigKey;
    type Value = Option<Arc<VirtualService>>;
    const NAME: &'static str = "resolved virtual service";
    const STRATUM: Stratum = strata::OBJECT;

    fn compute(cx: &Reader<'_>, key: &ConfigKey) -> Self::Value {
        let config = cx.input::<input::VirtualServices>(key)?;
        let mesh = cx.get::<ResolvedMesh>(&());
        let mut ignored = Diagnostics::on_object(key);
        let default_export = &mesh.default_virtual_service_export_to;
        Some(Arc::new(resolve(&config, &mesh.domain, default_export, &mut ignored)))
    }
}

/// The header of a VirtualService.
#[derive(Debug)]
pub struct VirtualServiceHeaderOf;

impl Query for VirtualServiceHeaderOf {
    type Key = ConfigKey;
    type Value = Option<Arc<VirtualServiceHeader>>;
    const NAME: &'static str = "virtual service header";
    const STRATUM: Stratum = strata::HEADER;

    fn compute(cx: &Reader<'_>, key: &ConfigKey) -> Self::Value {
        let service = cx.get::<ResolvedVirtualService>(key);
        service.as_ref().as_ref().map(|service| Arc::new(VirtualServiceHeader::of(service)))
    }
}

/// The headers of all VirtualServices, oldest first.
#[derive(Debug)]
pub struct VirtualServiceHeaders;

impl Query for VirtualServiceHeaders {
    type Key = ();
    type Value = Arc<[Arc<VirtualServiceHeader>]>;
    const NAME: &'static str = "virtual service headers";
    const STRATUM: Stratum = strata::REGISTRY;

    fn compute(cx: &Reader<'_>, (): &()) -> Self::Value {
        let keys = cx.index::<input::All<input::VirtualServices>>(&());
        let headers = keys.iter().filter_map(|key| (*cx.get::<VirtualServiceHeaderOf>(key)).clone());
        let mut headers: Vec<_> = headers.collect();
        headers.sort_by(|a, b| age::compare((a.created, &a.origin), (b.created, &b.origin)));
        headers.into()
    }
}

/// The VirtualServices by where they apply, each list oldest first.
#[derive(Debug)]
struct VirtualServicesByPlace;

impl Query for VirtualServicesByPlace {
    type Key = ();
    type Value = BTreeMap<GatewayRef, Arc<[Arc<VirtualServiceHeader>]>>;
    const NAME: &'static str = "virtual services by gateway";
    const STRATUM: Stratum = strata::REGISTRY_INDEX;

    fn compute(cx: &Reader<'_>, (): &()) -> Self::Value {
        let mut places: BTreeMap<&GatewayRef, Vec<Arc<VirtualServiceHeader>>> = BTreeMap::new();
        let headers = cx.get::<VirtualServiceHeaders>(&());
        for header in headers.iter() {
            for place in &header.gateways {
                places.entry(place).or_default().push(Arc::clone(header));
            }
        }
        places.into_iter().map(|(place, headers)| (place.clone(), headers.into())).collect()
    }
}

/// The VirtualServices that apply in one place, oldest first.
#[derive(Debug)]
pub struct VirtualServicesOf;

impl Query for VirtualServicesOf {
    type Key = GatewayRef;
    type Value = Arc<[Arc<VirtualServiceHeader>]>;
    const NAME: &'static str = "virtual services of a gateway";
    const STRATUM: Stratum = strata::SCOPE;

    fn compute(cx: &Reader<'_>, place: &GatewayRef) -> Self::Value {
        cx.get::<VirtualServicesByPlace>(&()).get(place).cloned().unwrap_or_default()
    }
}

/// The labels of clients that some VirtualService asks for in `sourceLabels`, sorted.
#[derive(Debug)]
pub struct SourceLabels;

impl Query for SourceLabels {
    type Key = ();
    type Value = Arc<[(Arc<str>, Arc<str>)]>;
    const NAME: &'static str = "source labels";
    const STRATUM: Stratum = strata::REGISTRY_INDEX;

    fn compute(cx: &Reader<'_>, (): &()) -> Self::Value {
        let headers = cx.get::<VirtualServiceHeaders>(&());
        let labels: BTreeSet<_> = headers.iter().flat_map(|header| header.source_labels.iter()).collect();
        labels.into_iter().cloned().collect()
    }
}
