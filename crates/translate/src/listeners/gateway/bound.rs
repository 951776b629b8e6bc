//! The VirtualServices whose TCP and TLS routes apply to a server of a Gateway.

use std::sync::Arc;

use fairlead_incremental::Reader;
use fairlead_model::{
    ConfigKey,
    gateway::{GatewayServer, bound_hosts},
    scope::{DestinationBinding, ScopeKey, ScopeOf},
    virtual_service::{GatewayRef, ResolvedVirtualService, VirtualService, VirtualServicesOf},
};

use crate::destination::Destinations;

/// A VirtualService that is bound to a server.
pub(super) struct BoundVirtualService {
    pub virtual_service: Arc<VirtualService>,
    pub destinations: Destinations,
}

/// The VirtualServices that name the Gateway, share a host with the server and are visible to the proxy, oldest
/// first.
pub(super) fn bound_virtual_services(
    cx: &Reader<'_>,
    gateway: &ConfigKey,
    server: &GatewayServer,
    scope: &ScopeKey,
) -> Vec<BoundVirtualService> {
    let egress = cx.get::<ScopeOf>(scope);
    cx.get::<VirtualServicesOf>(&GatewayRef::Gateway(gateway.clone()))
        .iter()
        .filter(|header| header.export_to.allows(&scope.namespace))
        .filter(|header| bound_hosts(server, header).next().is_some())
        .filter_map(|header| {
            let virtual_service = (*cx.get::<ResolvedVirtualService>(&header.origin)).clone()?;
            let bindings: Vec<DestinationBinding> =
                header.destinations.iter().map(|host| egress.destination(host)).collect();
            Some(BoundVirtualService { virtual_service, destinations: Destinations::gather(cx, &bindings) })
        })
        .collect()
}
