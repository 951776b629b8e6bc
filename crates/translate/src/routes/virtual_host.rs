//! One virtual host: gathers what its routes depend on, and decides the routes.

use std::sync::Arc;

use envoy_types::pb::envoy::config::route::v3::{VirtualHost, virtual_host::TlsRequirementType};
use fairlead_envoy::{Element, fragment};
use fairlead_incremental::{Query, Reader, Stratum};
use fairlead_model::{
    mesh::{Mesh, ResolvedMesh},
    strata,
    virtual_service::{ResolvedVirtualService, VirtualService},
};

use super::http;
use crate::{
    destination::Destinations,
    view::{RouteClient, VirtualHostKey},
};

/// The virtual host of a key, as an element of its table.
pub struct VirtualHostOf;

impl Query for VirtualHostOf {
    type Key = VirtualHostKey;
    type Value = Element;
    const NAME: &'static str = "virtual_host";
    const STRATUM: Stratum = strata::RESOURCE;

    fn compute(cx: &Reader<'_>, key: &VirtualHostKey) -> Element {
        let inputs = VirtualHostInputs {
            key,
            virtual_services: key
                .virtual_services
                .iter()
                .filter_map(|key| (*cx.get::<ResolvedVirtualService>(key)).clone())
                .collect(),
            destinations: Destinations::gather(cx, &key.destinations),
            mesh: &cx.get::<ResolvedMesh>(&()),
        };
        fragment::virtual_host_element(&key.table, &key.name, &virtual_host(&inputs))
    }
}

/// All that a virtual host is decided by.
pub(super) struct VirtualHostInputs<'a> {
    pub key: &'a VirtualHostKey,
    pub virtual_services: Vec<Arc<VirtualService>>,
    pub destinations: Destinations,
    pub mesh: &'a Mesh,
}

/// The virtual host: the routes of its VirtualServices in order, or one route to its service.
pub(super) fn virtual_host(inputs: &VirtualHostInputs<'_>) -> VirtualHost {
    let key = inputs.key;
    let mut host = VirtualHost {
        domains: key.domains.iter().map(ToString::to_string).collect(),
        routes: http::routes(inputs),
        include_request_attempt_count: true,
        ..VirtualHost::default()
    };
    if let RouteClient::Gateway { https_redirect: true, .. } = key.client {
        host.require_tls = TlsRequirementType::All.into();
    }
    host
}
