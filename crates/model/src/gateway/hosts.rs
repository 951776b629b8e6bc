//! The virtual hosts of a gateway's route table: server hosts and VirtualService hosts, intersected.

use std::{collections::BTreeMap, sync::Arc};

use fairlead_config::Namespace;

use super::{GatewayHost, GatewayServer, ServerTls};
use crate::{
    Host,
    scope::{DestinationBinding, EgressScope},
    virtual_service::VirtualServiceHeader,
};

/// A server of a table, with the VirtualServices that are bound to its Gateway, oldest first.
#[derive(Clone, Debug)]
pub struct BoundServer<'a> {
    /// The server.
    pub server: &'a GatewayServer,
    /// What is bound to its Gateway.
    pub virtual_services: &'a [Arc<VirtualServiceHeader>],
}

/// The virtual hosts of a table, by host. `client` is the namespace of the gateway proxy.
///
/// VirtualServices of the same host are all in its list, in the order in which their routes follow. A server that
/// redirects to HTTPS has a virtual host for each of its hosts, with or without a VirtualService.
/// Mirrors istio pilot/pkg/networking/core/gateway.go (buildGatewayHTTPRouteConfig).
pub fn gateway_hosts(
    servers: &[BoundServer<'_>],
    client: &Namespace,
    scope: &EgressScope,
) -> Vec<GatewayHost> {
    let mut found: BTreeMap<Host, Found<'_>> = BTreeMap::new();
    for bound in servers {
        let redirect = bound.server.tls == ServerTls::HttpsRedirect;
        let mut visible: Vec<&VirtualServiceHeader> = bound
            .virtual_services
            .iter()
            .map(Arc::as_ref)
            // One without HTTP routes has nothing to say about a host, and hides no wider one that has.
            .filter(|header| header.has_http && header.export_to.allows(client))
            .collect();
        visible.sort_by_key(|header| header.nearness(client));
        for header in visible {
            for host in bound_hosts(bound.server, header) {
                let found = found.entry(host).or_default();
                found.https_redirect |= redirect;
                if !found.headers.iter().any(|known| known.origin == header.origin) {
                    found.headers.push(header);
                }
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
        virtual_services: found.headers.iter().map(|header| header.origin.clone()).collect(),
        destinations: destinations(&found.headers, scope),
        https_redirect: found.https_redirect,
    };
    found.into_iter().map(host).collect()
}

#[derive(Default)]
struct Found<'a> {
    headers: Vec<&'a VirtualServiceHeader>,
    https_redirect: bool,
}

/// The hosts under which a server serves a VirtualService; none where it is of a namespace that may not bind.
pub fn bound_hosts<'a>(
    server: &'a GatewayServer,
    header: &'a VirtualServiceHeader,
) -> impl Iterator<Item = Host> + 'a {
    let may_bind = |namespace: &Option<Namespace>| {
        namespace.as_ref().is_none_or(|namespace| *namespace == header.origin.namespace)
    };
    let of_server = server.hosts.iter().filter(move |host| may_bind(&host.namespace));
    of_server.flat_map(|of_server| {
        header.hosts.iter().filter_map(|of_service| of_server.host.intersection(of_service))
    })
}

fn destinations(headers: &[&VirtualServiceHeader], scope: &EgressScope) -> Arc<[DestinationBinding]> {
    let mut hosts: Vec<&Host> = headers.iter().flat_map(|header| header.destinations.iter()).collect();
    hosts.sort();
    hosts.dedup();
    hosts.into_iter().map(|host| scope.destination(host)).collect()
}
