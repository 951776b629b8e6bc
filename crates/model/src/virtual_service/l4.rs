//! The `tls` and `tcp` lists of a VirtualService.

use std::net::IpAddr;

use fairlead_config::{
    LabelSet, Namespace,
    api::{self, RouteDestination},
    parts,
};
use ipnet::IpNet;

use super::names::{Names, gateways, port};
use crate::{
    Host,
    routes::{Destination, L4Match, TcpRoute, TlsRoute},
};

/// The usable routes: those with a usable match.
pub(super) fn tls_routes(routes: &[api::TlsRoute], names: &Names<'_>) -> Vec<TlsRoute> {
    let resolve = |(index, route): (usize, &api::TlsRoute)| {
        let all = route.matches.iter().enumerate();
        let matches: Vec<_> = all.filter_map(|(index, spec)| tls_match(index, spec, names)).collect();
        let destinations = destinations(&route.route, names);
        (!matches.is_empty()).then_some(TlsRoute { index, matches, destinations })
    };
    routes.iter().enumerate().filter_map(resolve).collect()
}

pub(super) fn tcp_routes(routes: &[api::TcpRoute], names: &Names<'_>) -> Vec<TcpRoute> {
    let resolve = |(index, route): (usize, &api::TcpRoute)| TcpRoute {
        index,
        matches: route
            .matches
            .iter()
            .enumerate()
            .map(|(index, spec)| tcp_match(index, spec, names))
            .collect(),
        destinations: destinations(&route.route, names),
    };
    routes.iter().enumerate().map(resolve).collect()
}

/// A `match[]` item; `None` if none of its hosts can be a server name.
fn tls_match(index: usize, spec: &api::TlsMatchAttributes, names: &Names<'_>) -> Option<L4Match> {
    let names_of_servers = spec.sni_hosts.iter().filter(|host| parts::is_server_name(host));
    let sni_hosts: Vec<_> = names_of_servers.map(|host| Host::new(host)).collect();
    (!sni_hosts.is_empty()).then(|| L4Match {
        index,
        sni_hosts,
        destination_subnets: subnets(&spec.destination_subnets),
        port: spec.port.map(port),
        source_labels: LabelSet::from(&spec.source_labels),
        source_namespace: namespace(spec.source_namespace.as_deref()),
        gateways: gateways(&spec.gateways, names.namespace),
    })
}

fn tcp_match(index: usize, spec: &api::L4MatchAttributes, names: &Names<'_>) -> L4Match {
    L4Match {
        index,
        sni_hosts: Vec::new(),
        destination_subnets: subnets(&spec.destination_subnets),
        port: spec.port.map(port),
        source_labels: LabelSet::from(&spec.source_labels),
        source_namespace: namespace(spec.source_namespace.as_deref()),
        gateways: gateways(&spec.gateways, names.namespace),
    }
}

/// Addresses and subnets.
fn subnets(list: &[String]) -> Vec<IpNet> {
    let subnet = |text: &String| {
        let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        net.expect("validation refuses what is neither an address nor a subnet").trunc()
    };
    list.iter().map(subnet).collect()
}

pub(super) fn namespace(text: Option<&str>) -> Option<Namespace> {
    text.filter(|text| !text.is_empty()).map(Namespace::from)
}

/// The destinations with their weights.
fn destinations(list: &[RouteDestination], names: &Names<'_>) -> Vec<(Destination, u32)> {
    let weighted = list.iter().map(|item| (&item.destination, item.weight, ()));
    weighted_destinations(weighted, names).map(|(destination, weight, ())| (destination, weight)).collect()
}

/// Resolves weighted destinations. The weight of a single one is ignored; of several, those of weight 0 are left out.
/// At least one remains: validation refuses weights that add up to 0.
///
/// Mirrors istio pilot/pkg/networking/core/route/route.go (applyHTTPRouteDestination).
pub(super) fn weighted_destinations<'a, T>(
    list: impl ExactSizeIterator<Item = (&'a api::Destination, Option<i32>, T)>,
    names: &Names<'_>,
) -> impl Iterator<Item = (Destination, u32, T)> {
    let single = list.len() == 1;
    let with_weight = list.map(move |(spec, weight, rest)| {
        let weight = u32::try_from(weight.unwrap_or(0)).expect("validation refuses negative weights");
        (spec, if single { 1 } else { weight }, rest)
    });
    let kept = with_weight.filter(|(_, weight, _)| *weight > 0);
    kept.map(|(spec, weight, rest)| (names.destination(spec), weight, rest))
}
