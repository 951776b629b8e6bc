//! Filter chains that proxy bytes: to one cluster or several by weight, chosen by SNI or by address.
//!
//! Mirrors istio pilot/pkg/networking/core/{tls.go,networkfilter.go}.

use envoy_types::pb::envoy::config::listener::v3::{Filter, FilterChain};
use fairlead_envoy::{
    IntoProto,
    listener::filter_chain,
    tcp::{TcpUpstream, source_ip_hash, tcp_proxy, tcp_proxy_filter},
};
use fairlead_model::{
    HashKey, Host, LoadBalancer, TrafficPolicy,
    mesh::Mesh,
    proxy::ClientAttributes,
    routes::{Destination, GatewayRef, L4Match, RouteAt, RouteSet, TcpRoute, TlsRoute},
};
use ipnet::IpNet;

use super::claims::{Claims, cidrs};
use crate::{access_log, destination::Destinations, maker::Maker, metadata};

/// A filter chain, with its maker.
pub(super) type MadeChain<'a> = (FilterChain, Maker<'a>);

/// The client, as far as conditions on connections can be decided here.
pub(super) struct L4Client<'a> {
    /// The port of the listener: compared with `match.port`, and the default port of destinations.
    pub port: u16,
    /// Where the routes apply: `mesh`, or the Gateways of a listener.
    pub gateways: &'a [GatewayRef],
    /// The labels and namespace of the proxy's workload.
    pub source: &'a ClientAttributes,
}

impl L4Client<'_> {
    /// Whether the parts of a condition that can be decided here hold. Mirrors istio pilot/pkg/networking/core/tls.go
    /// (matchTLS); in addition, `sourceLabels` and `sourceNamespace` apply to a gateway's own labels and namespace.
    fn admits(&self, condition: &L4Match) -> bool {
        let here = |gateways: &[GatewayRef]| gateways.iter().any(|g| self.gateways.contains(g));
        condition.port.is_none_or(|port| port == self.port)
            && (condition.gateways.is_empty() || here(&condition.gateways))
            && self.source.labels.contains_all(&condition.source_labels)
            && condition.source_namespace.as_ref().is_none_or(|n| *n == self.source.namespace)
    }
}

/// The TCP proxy to one cluster, with the idle timeout of its policy.
pub(super) fn to_cluster(cluster: &str, policy: Option<&TrafficPolicy>, mesh: &Mesh) -> Filter {
    proxy(cluster, TcpUpstream::Cluster(cluster.to_owned()), policy, mesh)
}

/// The TCP and TLS routes of a route set, and everything that their proxies depend on.
pub(super) struct L4Routes<'a> {
    pub set: &'a RouteSet,
    pub destinations: &'a Destinations,
    pub client: L4Client<'a>,
    pub mesh: &'a Mesh,
}

impl L4Routes<'_> {
    /// Whether a TLS route is for a name of this host.
    pub(super) fn ask_for(&self, host: &Host) -> bool {
        let matches = self.set.tls.iter().flat_map(|route| &route.matches);
        let mut names = matches.filter(|m| self.client.admits(m)).flat_map(|m| &m.sni_hosts);
        names.any(|name| name.overlaps(host))
    }

    /// The TCP proxy to the destinations of a route.
    fn proxy(&self, routes: &[(Destination, u32)]) -> Filter {
        let Self { set, destinations, mesh, .. } = self;
        let port = self.client.port;
        if let [(only, _)] = routes {
            let policy = destinations.policy(only, port, mesh);
            return to_cluster(&destinations.cluster(only, port), policy.as_ref(), mesh);
        }
        let stat_prefix = format!("{}.{}", set.origin.name, set.origin.namespace);
        let weighted = routes.iter().map(|(d, weight)| (destinations.cluster(d, port), *weight)).collect();
        proxy(&stat_prefix, TcpUpstream::Weighted(weighted), None, mesh)
    }
}

fn proxy(stat_prefix: &str, upstream: TcpUpstream, policy: Option<&TrafficPolicy>, mesh: &Mesh) -> Filter {
    let mut proxy = tcp_proxy(stat_prefix, upstream);
    proxy.access_log = access_log::access_log(mesh).into_iter().collect();
    if let Some(policy) = policy {
        let pool = &policy.connection_pool;
        if hashes_source_ip(policy) {
            proxy.hash_policy = vec![source_ip_hash()];
        }
        proxy.idle_timeout = pool.tcp_idle_timeout.map(IntoProto::into_proto);
        proxy.max_downstream_connection_duration = pool.max_connection_duration.map(IntoProto::into_proto);
    }
    tcp_proxy_filter(&proxy)
}

/// Whether a policy hashes by the client's address, the only hash key that a connection has.
fn hashes_source_ip(policy: &TrafficPolicy) -> bool {
    matches!(&policy.load_balancer, Some(LoadBalancer::ConsistentHash(hash)) if hash.key == HashKey::SourceIp)
}

/// The chains of TLS routes: one for each condition with server names that no earlier chain has. `within` narrows the
/// names to those of a gateway's server.
pub(super) fn tls_chains<'a>(
    routes: &L4Routes<'a>,
    within: Option<&[Host]>,
    ranges: &[IpNet],
    claims: &mut Claims,
) -> Vec<MadeChain<'a>> {
    let mut chains = Vec::new();
    for TlsRoute { index, matches, destinations } in &routes.set.tls {
        for condition in matches.iter().filter(|m| routes.client.admits(m)) {
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
                // Neither valid as a server name nor needed: an SNI host is never one and lies within a host of its
                // route set, so another of the names covers it.
                .filter(|name| !name.is_partial_wildcard())
                .collect();
            for (names, ranges) in claims.server_names(&names, ranges) {
                let chain = filter_chain()
                    .server_names(server_names(&names))
                    .prefix_ranges(cidrs(&ranges))
                    .filter(routes.proxy(destinations))
                    .metadata(metadata::config(&routes.set.origin))
                    .build();
                chains.push((chain, Maker::Route(routes.set, RouteAt::Tls(*index, condition.index))));
            }
        }
    }
    chains
}

/// The chains of TCP routes for connections that no earlier chain matches, up to the first route that matches every
/// connection; `true` if there is one.
pub(super) fn tcp_chains<'a>(
    routes: &L4Routes<'a>,
    ranges: &[IpNet],
    claims: &mut Claims,
) -> (Vec<MadeChain<'a>>, bool) {
    let mut chains = Vec::new();
    for TcpRoute { index, matches, destinations } in &routes.set.tcp {
        let chain = |condition: Option<&L4Match>, ranges: Vec<IpNet>| {
            let chain = filter_chain()
                .prefix_ranges(cidrs(&ranges))
                .filter(routes.proxy(destinations))
                .metadata(metadata::config(&routes.set.origin))
                .build();
            let written = condition.map(|condition| condition.index);
            (chain, Maker::Route(routes.set, RouteAt::Tcp(*index, written)))
        };
        let admitted: Vec<&L4Match> = matches.iter().filter(|m| routes.client.admits(m)).collect();
        // The first condition without an address matches all remaining connections.
        let takes_rest = admitted.iter().find(|m| m.destination_subnets.is_empty()).copied();
        if matches.is_empty() || takes_rest.is_some() {
            chains.extend(claims.free(ranges).map(|ranges| chain(takes_rest, ranges)));
            return (chains, true);
        }
        let of = |m: &&L4Match| Some(chain(Some(m), claims.free(&m.destination_subnets)?));
        chains.extend(admitted.iter().filter_map(of));
    }
    (chains, false)
}

/// Names as Envoy matches them; `*`, which is every name, becomes no condition.
pub(super) fn server_names(hosts: &[Host]) -> Vec<String> {
    if hosts.iter().any(|h| h.as_str() == "*") {
        return Vec::new();
    }
    hosts.iter().map(|h| h.as_str().to_owned()).collect()
}
