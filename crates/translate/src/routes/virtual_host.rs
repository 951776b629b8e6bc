//! One virtual host: gathers what its routes depend on, and decides the routes.

use std::sync::Arc;

use envoy_types::pb::envoy::config::route::v3::{VirtualHost, virtual_host::TlsRequirementType};
use fairlead_envoy::{fragment, route};
use fairlead_incremental::{Query, Reader, Stratum};
use fairlead_model::{
    mesh::{Mesh, ResolvedMesh},
    routes::{RouteSet, RoutesAt, RoutesOf},
    strata,
};
use fairlead_resource::EncodedResource;

use super::http;
use crate::{
    destination::Destinations,
    view::{RouteClient, VirtualHostKey},
};

/// The virtual host of a key, as an element of its table.
pub struct VirtualHostOf;

impl Query for VirtualHostOf {
    type Key = VirtualHostKey;
    type Value = EncodedResource;
    const NAME: &'static str = "virtual_host";
    const STRATUM: Stratum = strata::RESOURCE;

    fn compute(cx: &Reader<'_>, key: &VirtualHostKey) -> EncodedResource {
        let inputs = VirtualHostInputs {
            key,
            route_sets: key
                .route_sets
                .iter()
                .filter_map(|routes| {
                    let set = (*cx.get::<RoutesOf>(&routes.routes)).clone()?;
                    Some((routes, set))
                })
                .collect(),
            destinations: Destinations::gather(cx, &key.destinations),
            mesh: &cx.get::<ResolvedMesh>(&()),
        };
        fragment::virtual_host(&key.table, virtual_host(&inputs))
    }
}

/// All that a virtual host is decided by.
pub(super) struct VirtualHostInputs<'a> {
    pub key: &'a VirtualHostKey,
    pub route_sets: Vec<(&'a RoutesAt, Arc<RouteSet>)>,
    pub destinations: Destinations,
    pub mesh: &'a Mesh,
}

/// The virtual host: the routes of its route sets in order, or one route to its service.
pub(super) fn virtual_host(inputs: &VirtualHostInputs<'_>) -> VirtualHost {
    let key = inputs.key;
    let mut host =
        route::virtual_host(&*key.name, key.domains.iter().map(|domain| &**domain), http::routes(inputs));
    host.include_request_attempt_count = true;
    if matches!(key.client, RouteClient::Gateway { https_redirect: true, .. }) {
        host.require_tls = TlsRequirementType::All.into();
    }
    host
}
