//! Filter chains that proxy bytes: to one cluster or several by weight, chosen by SNI or by address.
//!
//! Mirrors istio pilot/pkg/networking/core/{tls.go,networkfilter.go}.

use std::collections::BTreeSet;

use envoy_types::pb::envoy::config::{
    core::v3::CidrRange,
    listener::v3::{Filter, FilterChain},
};
use fairlead_envoy::{
    IntoProto,
    address::cidr_range,
    listener::filter_chain,
    tcp::{TcpUpstream, tcp_proxy, tcp_proxy_filter},
};
use fairlead_model::{
    ConnectionPool, Host,
    mesh::Mesh,
    virtual_service::{Destination, GatewayRef, L4Match, TcpRoute, TlsRoute, VirtualService},
};
use ipnet::IpNet;

use crate::{access_log, destination::Destinations, metadata};

/// Who asks, as far as a condition on a connection can be decided here.
pub(super) struct L4Client<'a> {
    /// The port of the listener, which `match.port` is compared with and which destinations default to.
    pub port: u16,
    /// Where the routes apply: `mesh`, or the Gateways of a listener.
    pub gateways: &'a [GatewayRef],
    /// The client's labels and namespace; `None` for a gateway.
    pub source: Option<&'a fairlead_model::proxy::Source>,
}

impl L4Client<'_> {
    fn admits(&self, condition: &L4Match) -> bool {
        if condition.port.is_some_and(|port| port != self.port) {
            return false;
        }
        if !condition.gateways.is_empty() {
            return condition.gateways.iter().any(|g| self.gateways.contains(g));
        }
        match self.source {
            Some(source) => {
                source.labels.contains_all(&condition.source_labels)
                    && condition.source_namespace.as_ref().is_none_or(|n| *n == source.namespace)
            }
            None => condition.source_labels.is_empty() && condition.source_namespace.is_none(),
        }
    }
}

/// The TCP proxy to one cluster, closed as its policy says.
pub(super) fn to_cluster(cluster: &str, pool: Option<&ConnectionPool>, mesh: &Mesh) -> Filter {
    proxy(cluster, TcpUpstream::Cluster(cluster.to_owned()), pool, mesh)
}

/// The TCP proxy to the destinations of a route.
pub(super) fn to_destinations(
    service: &VirtualService,
    routes: &[(Destination, u32)],
    destinations: &Destinations,
    port: u16,
    mesh: &Mesh,
) -> Filter {
    if let [(only, _)] = routes {
        let pool = destinations.policy(only, port, mesh).map(|p| p.connection_pool);
        return to_cluster(&destinations.cluster(only, port), pool.as_ref(), mesh);
    }
    let stat_prefix = format!("{}.{}", service.origin.name, service.origin.namespace);
    let weighted = routes.iter().map(|(d, weight)| (destinations.cluster(d, port), *weight)).collect();
    proxy(&stat_prefix, TcpUpstream::Weighted(weighted), None, mesh)
}

fn proxy(stat_prefix: &str, upstream: TcpUpstream, pool: Option<&ConnectionPool>, mesh: &Mesh) -> Filter {
    let mut proxy = tcp_proxy(stat_prefix, upstream);
    proxy.access_log = access_log::access_log(mesh).into_iter().collect();
    if let Some(pool) = pool {
        proxy.idle_timeout = pool.tcp_idle_timeout.map(IntoProto::into_proto);
        proxy.max_downstream_connection_duration = pool.max_connection_duration.map(IntoProto::into_proto);
    }
    tcp_proxy_filter(&proxy)
}

/// The chains of TLS routes: one for each condition that names server names which no earlier chain has.
/// `within` narrows the names to those of a gateway's server.
pub(super) fn tls_chains(
    service: &VirtualService,
    destinations: &Destinations,
    client: &L4Client<'_>,
    within: Option<&[Host]>,
    ranges: &[IpNet],
    claimed: &mut BTreeSet<(Host, Vec<IpNet>)>,
    mesh: &Mesh,
) -> Vec<FilterChain> {
    let mut chains = Vec::new();
    for TlsRoute { matches, destinations: routes, .. } in &service.tls {
        for condition in matches.iter().filter(|m| client.admits(m)) {
            let ranges = if condition.destination_subnets.is_empty() {
                ranges
            } else {
                &condition.destination_subnets
            };
            let names: Vec<Host> = condition
                .sni_hosts
                .iter()
                .flat_map(|host| match within {
                    Some(hosts) => hosts.iter().filter_map(|h| h.intersection(host)).collect(),
                    None => vec![host.clone()],
                })
                .filter(|host| claimed.insert((host.clone(), ranges.to_vec())))
                .collect();
            if names.is_empty() {
                continue;
            }
            chains.push(
                filter_chain()
                    .server_names(server_names(&names))
                    .prefix_ranges(cidrs(ranges))
                    .filter(to_destinations(service, routes, destinations, client.port, mesh))
                    .metadata(metadata::config(&service.origin))
                    .build(),
            );
        }
    }
    chains
}

/// The chains of TCP routes, up to the first that takes every connection; `true` where there is such a one.
pub(super) fn tcp_chains(
    service: &VirtualService,
    destinations: &Destinations,
    client: &L4Client<'_>,
    ranges: &[IpNet],
    mesh: &Mesh,
) -> (Vec<FilterChain>, bool) {
    let mut chains = Vec::new();
    for TcpRoute { matches, destinations: routes, .. } in &service.tcp {
        let chain = |ranges: &[IpNet]| {
            filter_chain()
                .prefix_ranges(cidrs(ranges))
                .filter(to_destinations(service, routes, destinations, client.port, mesh))
                .metadata(metadata::config(&service.origin))
                .build()
        };
        let admitted: Vec<&L4Match> = matches.iter().filter(|m| client.admits(m)).collect();
        // The first condition that asks for no address takes the rest of the connections.
        if matches.is_empty() || admitted.iter().any(|m| m.destination_subnets.is_empty()) {
            chains.push(chain(ranges));
            return (chains, true);
        }
        chains.extend(admitted.iter().map(|m| chain(&m.destination_subnets)));
    }
    (chains, false)
}

/// Names as Envoy matches them; `*` is every name, which is no condition.
pub(super) fn server_names(hosts: &[Host]) -> Vec<String> {
    if hosts.iter().any(|h| h.as_str() == "*") {
        return Vec::new();
    }
    hosts.iter().map(|h| h.as_str().to_owned()).collect()
}

pub(super) fn cidrs(ranges: &[IpNet]) -> impl Iterator<Item = CidrRange> {
    ranges.iter().map(|range| cidr_range(range.addr(), range.prefix_len()))
}
