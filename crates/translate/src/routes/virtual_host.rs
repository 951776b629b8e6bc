//! One virtual host: gathers what its routes depend on, and decides the routes.

use envoy_types::pb::envoy::config::route::v3::{VirtualHost, virtual_host::TlsRequirementType};
use fairlead_envoy::{fragment, route};
use fairlead_incremental::{Query, Reader, Stratum};
use fairlead_model::{Origin, mesh::ResolvedMesh, routes::RoutesOf, strata};
use fairlead_resource::EncodedResource;

use super::http::{self, VirtualHostInputs};
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
        with_inputs(cx, key, |inputs| fragment::virtual_host(&key.table, virtual_host(inputs)))
    }
}

/// The origins of each route of a host, in their order.
pub(crate) fn origins(cx: &Reader<'_>, key: &VirtualHostKey) -> Vec<Vec<Origin>> {
    with_inputs(cx, key, |inputs| {
        http::routes(inputs).into_iter().map(|(_, maker)| maker.origins(cx)).collect()
    })
}

fn with_inputs<T>(
    cx: &Reader<'_>,
    key: &VirtualHostKey,
    decide: impl FnOnce(&VirtualHostInputs<'_>) -> T,
) -> T {
    let mut route_sets = Vec::with_capacity(key.route_sets.len());
    for at in key.route_sets.iter() {
        route_sets.extend((*cx.get::<RoutesOf>(&at.routes)).clone().map(|set| (at, set)));
    }
    decide(&VirtualHostInputs {
        key,
        route_sets,
        destinations: Destinations::gather(cx, &key.destinations),
        mesh: &cx.get::<ResolvedMesh>(&()),
    })
}

/// The virtual host: the routes of its route sets in order, or one route to its service.
pub(super) fn virtual_host(inputs: &VirtualHostInputs<'_>) -> VirtualHost {
    let key = inputs.key;
    let routes = http::routes(inputs).into_iter().map(|(route, _)| route);
    let mut host = route::virtual_host(&*key.name, key.domains.iter().map(|domain| &**domain), routes);
    host.include_request_attempt_count = true;
    if matches!(key.client, RouteClient::Gateway { https_redirect: true, .. }) {
        host.require_tls = TlsRequirementType::All.into();
    }
    host
}
