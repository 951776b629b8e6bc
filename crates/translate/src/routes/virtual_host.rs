//! One virtual host: gathers what its routes depend on, and decides the routes.

use std::sync::Arc;

use bytes::Bytes;
use envoy_types::pb::envoy::config::route::v3::{VirtualHost, virtual_host::TlsRequirementType};
use fairlead_envoy::{Template, encode, fragment};
use fairlead_incremental::{Query, Reader, Stratum};
use fairlead_model::{
    mesh::{Mesh, ResolvedMesh},
    routes::{RouteSet, RoutesAt, RoutesOf},
    strata,
};
use fairlead_resource::EncodedResource;

use super::http::{
    self,
    plain::{PlainRoute, PlainShape},
};
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
        let https_redirect = matches!(key.client, RouteClient::Gateway { https_redirect: true, .. });
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
            plain_route: &|shape| cx.get::<PlainRoute>(shape),
            rest: cx.get::<Rest>(&https_redirect),
        };
        fragment::virtual_host(&key.table, &key.name, &virtual_host(&inputs))
    }
}

/// What a virtual host has beside its name, its domains and its routes, with a redirect to HTTPS and without.
struct Rest;

impl Query for Rest {
    type Key = bool;
    type Value = Bytes;
    const NAME: &'static str = "virtual_host_rest";
    const STRATUM: Stratum = strata::TEMPLATE;

    fn compute(_: &Reader<'_>, https_redirect: &bool) -> Bytes {
        let mut rest = VirtualHost { include_request_attempt_count: true, ..VirtualHost::default() };
        if *https_redirect {
            rest.require_tls = TlsRequirementType::All.into();
        }
        encode(&rest)
    }
}

/// All that a virtual host is decided by.
pub(super) struct VirtualHostInputs<'a> {
    pub key: &'a VirtualHostKey,
    pub route_sets: Vec<(&'a RoutesAt, Arc<RouteSet>)>,
    pub destinations: Destinations,
    pub mesh: &'a Mesh,
    /// The templates of routes that only forward.
    pub plain_route: &'a dyn Fn(&PlainShape) -> Arc<Template>,
    /// What follows the routes.
    pub rest: Arc<Bytes>,
}

/// The virtual host but for its name: the routes of its route sets in order, or one route to its service.
pub(super) fn virtual_host(inputs: &VirtualHostInputs<'_>) -> Bytes {
    let key = inputs.key;
    let domains = key.domains.iter().map(|domain| &**domain);
    let routes = http::routes(inputs);
    fragment::virtual_host_body(domains, routes.iter().map(|route| &route.bytes[..]), &inputs.rest)
}
