//! The queries over route sets: each resolved, and the headers of all.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use fairlead_config::{ConfigKey, Kind};
use fairlead_incremental::{Query, Reader, Stratum};

use super::{GatewayRef, RouteSet, RouteSetHeader};
use crate::{age, input, mesh::ResolvedMesh, strata, virtual_service};

/// The routes of an object; its kind decides which front end resolves it.
#[derive(Debug)]
pub struct RoutesOf;

impl Query for RoutesOf {
    type Key = ConfigKey;
    type Value = Option<Arc<RouteSet>>;
    const NAME: &'static str = "routes of object";
    const STRATUM: Stratum = strata::OBJECT;

    fn compute(cx: &Reader<'_>, key: &ConfigKey) -> Self::Value {
        let mesh = cx.get::<ResolvedMesh>(&());
        let routes = match key.kind {
            Kind::VirtualService => {
                let config = cx.input::<input::VirtualServices>(key)?;
                virtual_service::resolve(&config, &mesh.domain, &mesh.default_virtual_service_export_to)
            }
            Kind::DestinationRule
            | Kind::Gateway
            | Kind::ServiceEntry
            | Kind::Sidecar
            | Kind::WorkloadEntry
            | Kind::Service
            | Kind::EndpointSlice
            | Kind::Endpoints
            | Kind::Pod
            | Kind::Node
            | Kind::Namespace
            | Kind::Secret
            | Kind::ConfigMap => return None,
        };
        Some(Arc::new(routes))
    }
}

/// The header of a route set.
#[derive(Debug)]
pub struct RouteSetHeaderOf;

impl Query for RouteSetHeaderOf {
    type Key = ConfigKey;
    type Value = Option<Arc<RouteSetHeader>>;
    const NAME: &'static str = "header of routes";
    const STRATUM: Stratum = strata::HEADER;

    fn compute(cx: &Reader<'_>, key: &ConfigKey) -> Self::Value {
        let routes = cx.get::<RoutesOf>(key);
        routes.as_ref().as_ref().map(|routes| Arc::new(RouteSetHeader::of(routes)))
    }
}

/// The headers of all route sets, oldest first.
#[derive(Debug)]
pub struct RouteSetHeaders;

impl Query for RouteSetHeaders {
    type Key = ();
    type Value = Arc<[Arc<RouteSetHeader>]>;
    const NAME: &'static str = "headers of routes";
    const STRATUM: Stratum = strata::REGISTRY;

    fn compute(cx: &Reader<'_>, (): &()) -> Self::Value {
        let keys = cx.index::<input::All<input::VirtualServices>>(&());
        let headers = keys.iter().filter_map(|key| (*cx.get::<RouteSetHeaderOf>(key)).clone());
        let mut headers: Vec<_> = headers.collect();
        headers.sort_by(|a, b| age::compare((a.created, &a.origin), (b.created, &b.origin)));
        headers.into()
    }
}

/// The route sets by where they apply, each list oldest first.
#[derive(Debug)]
struct RouteSetsByPlace;

impl Query for RouteSetsByPlace {
    type Key = ();
    type Value = BTreeMap<GatewayRef, Arc<[Arc<RouteSetHeader>]>>;
    const NAME: &'static str = "routes by gateway";
    const STRATUM: Stratum = strata::REGISTRY_INDEX;

    fn compute(cx: &Reader<'_>, (): &()) -> Self::Value {
        let mut places: BTreeMap<&GatewayRef, Vec<Arc<RouteSetHeader>>> = BTreeMap::new();
        let headers = cx.get::<RouteSetHeaders>(&());
        for header in headers.iter() {
            for place in &header.gateways {
                places.entry(place).or_default().push(Arc::clone(header));
            }
        }
        places.into_iter().map(|(place, headers)| (place.clone(), headers.into())).collect()
    }
}

/// The route sets that apply in one place, oldest first.
#[derive(Debug)]
pub struct RouteSetsAt;

impl Query for RouteSetsAt {
    type Key = GatewayRef;
    type Value = Arc<[Arc<RouteSetHeader>]>;
    const NAME: &'static str = "routes of a gateway";
    const STRATUM: Stratum = strata::SCOPE;

    fn compute(cx: &Reader<'_>, place: &GatewayRef) -> Self::Value {
        cx.get::<RouteSetsByPlace>(&()).get(place).cloned().unwrap_or_default()
    }
}

/// The labels that some route set matches in `sourceLabels`, sorted.
#[derive(Debug)]
pub struct SourceLabels;

impl Query for SourceLabels {
    type Key = ();
    type Value = Arc<[(Arc<str>, Arc<str>)]>;
    const NAME: &'static str = "source labels";
    const STRATUM: Stratum = strata::REGISTRY_INDEX;

    fn compute(cx: &Reader<'_>, (): &()) -> Self::Value {
        let headers = cx.get::<RouteSetHeaders>(&());
        let labels: BTreeSet<_> = headers.iter().flat_map(|header| header.source_labels.iter()).collect();
        labels.into_iter().cloned().collect()
    }
}
