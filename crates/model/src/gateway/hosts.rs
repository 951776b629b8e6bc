//! The virtual hosts of a gateway's route table: server hosts and route set hosts, intersected.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use fairlead_config::{ConfigKey, Namespace};

use super::{GatewayHost, GatewayServer, ServerTls};
use crate::{
    Host,
    proxy::ClientAttributes,
    routes::{GatewayRef, HttpClient, RouteSetHeader, RoutesAt},
    scope::{DestinationBinding, EgressScope},
};

/// A server of a table, with the route sets that are bound to its Gateway, oldest first.
#[derive(Clone, Debug)]
pub struct BoundServer<'a> {
    /// The server's Gateway.
    pub gateway: &'a ConfigKey,
    /// The server.
    pub server: &'a GatewayServer,
    /// The route sets bound to the Gateway.
    pub route_sets: &'a [Arc<RouteSetHeader>],
}

/// The virtual hosts of a table, by host, for the gateway proxy `client`.
///
/// All route sets of a host are in its list, in the order of their routes. Conditions on the Gateway and the port are
/// evaluated for each server, since the servers of a table may belong to several. A server that redirects to HTTPS has
/// a virtual host for each of its hosts, with or without a route set. Mirrors istio
/// pilot/pkg/networking/core/gateway.go (buildGatewayHTTPRouteConfig).
pub fn gateway_hosts(
    servers: &[BoundServer<'_>],
    client: &ClientAttributes,
    scope: &EgressScope,
) -> Vec<GatewayHost> {
    let mut found: BTreeMap<Host, Found<'_>> = BTreeMap::new();
    for bound in servers {
        let redirect = bound.server.tls == ServerTls::HttpsRedirect;
        let place = GatewayRef::Gateway(bound.gateway.clone());
        let asker = HttpClient { port: bound.server.port, place: Some(&place), source: Some(client) };
        let mut visible: Vec<&RouteSetHeader> = bound
            .route_sets
            .iter()
            .map(Arc::as_ref)
            .filter(|header| header.export_to.allows(&client.namespace))
            // A route set without a route for this server does not hide a wider one that has some.
            .filter(|header| header.routes_http(&asker))
            .collect();
        visible.sort_by_key(|header| header.nearness(&client.namespace));
        for header in visible {
            for host in bound_hosts(bound.server, header) {
                let found = found.entry(host).or_default();
                found.https_redirect |= redirect;
                found.add(header, header.routes_at(bound.server.port, &place));
            }
        }
        if redirect {
            for host in &bound.server.hosts {
                found.entry(host.host.clone()).or_default().https_redirect = true;
            }
        }
    }
    let host = |(host, found): (Host, Found<'_>)| GatewayHost {
        host,
        destinations: destinations(&found.headers, scope),
        asks_source: found.headers.iter().any(|header| header.asks_source),
        has_large_expressions: found.headers.iter().any(|header| header.has_large_expressions),
        route_sets: found.routes.into(),
        https_redirect: found.https_redirect,
    };
    found.into_iter().map(host).collect()
}

#[derive(Default)]
struct Found<'a> {
    headers: Vec<&'a RouteSetHeader>,
    routes: Vec<RoutesAt>,
    /// The entries of `routes`, reduced to what makes them differ.
    known: BTreeSet<RoutesAt>,
    https_redirect: bool,
}

impl<'a> Found<'a> {
    /// Adds the routes of a route set, unless it has the same ones already.
    fn add(&mut self, header: &'a RouteSetHeader, routes: RoutesAt) {
        // Without a condition on the port, the first server's routes take all that another's would.
        let differing = RoutesAt { port: if header.asks_port { routes.port } else { 0 }, ..routes.clone() };
        if self.known.insert(differing) {
            self.headers.push(header);
            self.routes.push(routes);
        }
    }
}

/// The hosts under which a server serves a route set; none if its namespace may not bind.
pub fn bound_hosts<'a>(
    server: &'a GatewayServer,
    header: &'a RouteSetHeader,
) -> impl Iterator<Item = Host> + 'a {
    let may_bind = |namespace: &Option<Namespace>| {
        namespace.as_ref().is_none_or(|namespace| *namespace == header.origin.namespace)
    };
    let of_server = server.hosts.iter().filter(move |host| may_bind(&host.namespace));
    of_server.flat_map(|of_server| {
        header.hosts.iter().filter_map(|of_service| of_server.host.intersection(of_service))
    })
}

fn destinations(headers: &[&RouteSetHeader], scope: &EgressScope) -> Arc<[DestinationBinding]> {
    let mut hosts: Vec<&Host> = headers.iter().flat_map(|header| header.destinations.iter()).collect();
    hosts.sort();
    hosts.dedup();
    hosts.into_iter().map(|host| scope.destination(host)).collect()
}
