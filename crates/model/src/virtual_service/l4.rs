//! The `tls` and `tcp` lists of a VirtualService.

use std::net::IpAddr;

use fairlead_config::{
    Code, Diagnostics, FieldPath, LabelSet, Namespace,
    api::{self, RouteDestination},
    path,
};
use ipnet::IpNet;

use super::{Names, gateways};
use crate::{
    Host,
    routes::{Destination, L4Match, TcpRoute, TlsRoute},
};

pub(super) fn tls_routes(
    routes: &[api::TlsRoute],
    names: &Names<'_>,
    diagnostics: &mut Diagnostics,
) -> Vec<TlsRoute> {
    let mut resolved = Vec::with_capacity(routes.len());
    for (index, route) in routes.iter().enumerate() {
        let matches: Vec<L4Match> = (route.matches.iter().enumerate())
            .filter_map(|(at, m)| tls_match(m, names, &path!("tls"[index]."match"[at]), diagnostics))
            .collect();
        if matches.is_empty() {
            diagnostics.error(Code::BadMatch, path!("tls"[index]."match"), "no match of the route is usable");
            continue;
        }
        let path = path!("tls"[index]."route");
        if let Some(destinations) = destinations(&route.route, names, &path, diagnostics) {
            resolved.push(TlsRoute { index, matches, destinations });
        }
    }
    resolved
}

pub(super) fn tcp_routes(
    routes: &[api::TcpRoute],
    names: &Names<'_>,
    diagnostics: &mut Diagnostics,
) -> Vec<TcpRoute> {
    let mut resolved = Vec::with_capacity(routes.len());
    for (index, route) in routes.iter().enumerate() {
        let matches: Vec<L4Match> = route.matches.iter().filter_map(|m| tcp_match(m, names)).collect();
        // Without this, a route whose every condition is unusable would take all connections.
        if matches.is_empty() && !route.matches.is_empty() {
            diagnostics.error(Code::BadMatch, path!("tcp"[index]."match"), "no match of the route is usable");
            continue;
        }
        let path = path!("tcp"[index]."route");
        if let Some(destinations) = destinations(&route.route, names, &path, diagnostics) {
            resolved.push(TcpRoute { index, matches, destinations });
        }
    }
    resolved
}

fn tls_match(
    spec: &api::TlsMatchAttributes,
    names: &Names<'_>,
    path: &FieldPath,
    diagnostics: &mut Diagnostics,
) -> Option<L4Match> {
    let mut sni_hosts = Vec::with_capacity(spec.sni_hosts.len());
    for (at, host) in spec.sni_hosts.iter().enumerate().filter(|(_, host)| !host.is_empty()) {
        let host = Host::new(host);
        if host.is_server_name(&path.clone().field("sniHosts").index(at), diagnostics) {
            sni_hosts.push(host);
        }
    }
    if sni_hosts.is_empty() {
        return None;
    }
    Some(L4Match {
        sni_hosts,
        destination_subnets: subnets(&spec.destination_subnets)?,
        port: port(spec.port)?,
        source_labels: LabelSet::from(&spec.source_labels),
        source_namespace: namespace(spec.source_namespace.as_deref()),
        gateways: gateways(&spec.gateways, names.namespace),
    })
}

fn tcp_match(spec: &api::L4MatchAttributes, names: &Names<'_>) -> Option<L4Match> {
    Some(L4Match {
        sni_hosts: Vec::new(),
        destination_subnets: subnets(&spec.destination_subnets)?,
        port: port(spec.port)?,
        source_labels: LabelSet::from(&spec.source_labels),
        source_namespace: namespace(spec.source_namespace.as_deref()),
        gateways: gateways(&spec.gateways, names.namespace),
    })
}

/// Addresses and subnets; `None` where one is neither.
fn subnets(list: &[String]) -> Option<Vec<IpNet>> {
    list.iter()
        .map(|text| match text.parse::<IpNet>() {
            Ok(net) => Some(net.trunc()),
            Err(_) => text.parse::<IpAddr>().ok().map(IpNet::from),
        })
        .collect()
}

/// The port of a match; the outer `None`: it is no port.
#[allow(clippy::option_option)] // "not given" and "not usable" differ
pub(super) fn port(number: Option<u32>) -> Option<Option<u16>> {
    match number {
        None | Some(0) => Some(None),
        Some(number) => u16::try_from(number).ok().map(Some),
    }
}

pub(super) fn namespace(text: Option<&str>) -> Option<Namespace> {
    text.filter(|text| !text.is_empty()).map(Namespace::from)
}

/// The destinations with their weights; `None`, with a finding, where none is left.
fn destinations(
    list: &[RouteDestination],
    names: &Names<'_>,
    path: &FieldPath,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<(Destination, u32)>> {
    let weighted = list.iter().map(|item| (&item.destination, item.weight, ()));
    let kept = weighted_destinations(weighted, names, path, diagnostics)?;
    Some(kept.into_iter().map(|(destination, weight, ())| (destination, weight)).collect())
}

/// Resolves weighted destinations: the weight of a single one is ignored, several lose those of weight 0.
///
/// `None`, with a finding, where none is left. Mirrors istio pilot/pkg/networking/core/route/route.go
/// (applyHTTPRouteDestination).
pub(super) fn weighted_destinations<'a, T>(
    list: impl ExactSizeIterator<Item = (&'a api::Destination, Option<i32>, T)>,
    names: &Names<'_>,
    path: &FieldPath,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<(Destination, u32, T)>> {
    let single = list.len() == 1;
    let mut kept = Vec::with_capacity(list.len());
    for (index, (spec, weight, rest)) in list.enumerate() {
        let Some(destination) = names.destination(spec) else {
            let message = format!("the destination `{}` is not usable", spec.host);
            diagnostics.error(Code::BadHost, path.clone().index(index).field("destination"), message);
            continue;
        };
        let weight = if single { 1 } else { u32::try_from(weight.unwrap_or(0)).unwrap_or(0) };
        if weight > 0 {
            kept.push((destination, weight, rest));
        }
    }
    if kept.is_empty() {
        diagnostics.error(Code::BadWeight, path.clone(), "no destination of the route gets any traffic");
        return None;
    }
    Some(kept)
}
