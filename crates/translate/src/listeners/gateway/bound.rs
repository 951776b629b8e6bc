//! The route sets whose TCP and TLS routes apply to a server of a Gateway.

use std::sync::Arc;

use fairlead_incremental::Reader;
use fairlead_model::{
    ConfigKey, Host,
    gateway::{GatewayServer, bound_hosts},
    routes::{GatewayRef, RouteSet, RouteSetHeader, RouteSetsAt, RoutesOf},
    scope::{DestinationBinding, ScopeKey, ScopeOf},
};

use crate::destination::Destinations;

/// A route set that is bound to a server.
pub(super) struct BoundRouteSet {
    /// The names of the server that it may use: its hosts, within those that the server offers to its namespace.
    pub hosts: Vec<Host>,
    pub routes: Arc<RouteSet>,
    pub destinations: Destinations,
}

/// The route sets that name the Gateway, share a host with the server and are visible to the proxy: private ones first,
/// then those exported to the proxy's namespace by name, each oldest first.
pub(super) fn bound_route_sets(
    cx: &Reader<'_>,
    gateway: &ConfigKey,
    server: &GatewayServer,
    scope: &ScopeKey,
) -> Vec<BoundRouteSet> {
    let egress = cx.get::<ScopeOf>(scope);
    let all = cx.get::<RouteSetsAt>(&GatewayRef::Gateway(gateway.clone()));
    let visible = all.iter().filter(|header| header.has_l4 && header.export_to.allows(&scope.namespace));
    let mut visible: Vec<_> = visible.collect();
    visible.sort_by_key(|header| header.nearness(&scope.namespace));
    let bound = |header: &Arc<RouteSetHeader>| {
        let hosts: Vec<Host> = bound_hosts(server, header).collect();
        if hosts.is_empty() {
            return None;
        }
        let routes = (*cx.get::<RoutesOf>(&header.origin)).clone()?;
        let bindings: Vec<DestinationBinding> =
            header.destinations.iter().map(|host| egress.destination(host)).collect();
        Some(BoundRouteSet { hosts, routes, destinations: Destinations::gather(cx, &bindings) })
    };
    visible.into_iter().filter_map(bound).collect()
}
