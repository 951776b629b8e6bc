//! Findings about TLS and TCP routes that no port uses, or whose connections other routes take.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use fairlead_config::{Code, ConfigKey, Diagnostics, FieldPath};
use ipnet::IpNet;

use super::{
    context::Context,
    repeated::{self, NamesOf},
    rivals::{MOST_RIVALS, is_seen_wherever},
};
use crate::{
    Host, Protocol,
    gateway::{Gateway, GatewayServer, ServerTls},
    routes::{GatewayRef, L4Match, RouteSet},
};

/// The two lists of routes for connections.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Tls,
    Tcp,
}

/// A port of a service, or a server of a Gateway.
struct Port<'a> {
    place: &'a GatewayRef,
    number: u16,
    /// The objects whose routes are tried first, in order.
    before: Vec<Arc<RouteSet>>,
    /// The names for which other servers of the Gateway terminate TLS, with those servers.
    terminated: BTreeMap<Host, String>,
}

/// One item of `tls` or `tcp`.
struct Route<'a> {
    index: usize,
    matches: &'a [L4Match],
}

pub(super) fn check(set: &RouteSet, context: &Context<'_>, diagnostics: &mut Diagnostics) {
    for sort in [Sort::Tls, Sort::Tcp] {
        let routes = sort.routes(set);
        if routes.is_empty() {
            continue;
        }
        let Some(ports) = ports(set, sort, context) else { continue };
        let list = FieldPath::spec().field(sort.field());
        if ports.is_empty() {
            let message = format!("no port {}, so `{}` routes do not apply", sort.wanted(), sort.field());
            diagnostics.warn(Code::ProtocolMismatch, list, message).help(sort.advice());
            continue;
        }
        if sort == Sort::Tls {
            check_ranges(set, &ports, context, diagnostics);
        }
        for route in &routes {
            check_route(route, &Among { sort, ports: &ports, earlier: &routes }, diagnostics);
        }
    }
}

/// Reports subnets that would need too many server names.
fn check_ranges(routes: &RouteSet, ports: &[Port<'_>], context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let mut seen = BTreeSet::new();
    for port in ports.iter().filter(|port| seen.insert((port.place, port.number))) {
        let conditions = routes.tls.iter().flat_map(|route| &route.matches).filter(|m| port.admits(m));
        let conditions: Vec<&L4Match> = conditions.filter(|m| !m.destination_subnets.is_empty()).collect();
        let ranges = conditions.iter().flat_map(|m| m.destination_subnets.iter().map(IpNet::trunc)).collect();
        let own: BTreeSet<&Host> = conditions.iter().flat_map(|m| &m.sni_hosts).collect();
        if own.is_empty() {
            continue;
        }
        let place = match port.place {
            GatewayRef::Mesh => NamesOf::Mesh(port.number),
            GatewayRef::Gateway(key) => match (context.gateway)(key) {
                Some(gateway) => NamesOf::Gateways(gateway.selector.clone(), port.number),
                None => continue,
            },
        };
        let others = (context.names_at)(place).saturating_sub(own.len());
        repeated::check(&ranges, others, port.number, FieldPath::spec().field("tls"), diagnostics);
    }
}

/// What a route is compared with.
struct Among<'a> {
    sort: Sort,
    ports: &'a [Port<'a>],
    /// The routes of the object.
    earlier: &'a [Route<'a>],
}

fn check_route(route: &Route<'_>, among: &Among<'_>, diagnostics: &mut Diagnostics) {
    let path = FieldPath::spec().field(among.sort.field()).index(route.index);
    if route.matches.is_empty() {
        check_match(&L4Match::default(), route.index, &path, among, diagnostics);
    }
    for (index, condition) in route.matches.iter().enumerate() {
        let path = path.clone().field("match").index(index);
        check_match(condition, route.index, &path, among, diagnostics);
    }
}

fn check_match(
    condition: &L4Match,
    route: usize,
    path: &FieldPath,
    among: &Among<'_>,
    diagnostics: &mut Diagnostics,
) {
    let ports: Vec<&Port<'_>> = among.ports.iter().filter(|port| port.admits(condition)).collect();
    if ports.is_empty() {
        let message = format!("no port that `{}` routes apply to fits the condition", among.sort.field());
        diagnostics.warn(Code::ProtocolMismatch, path.clone(), message).help(among.sort.advice());
        return;
    }
    let mut judge = |name: Option<&Host>, path: FieldPath| {
        let takers: Option<Vec<String>> =
            ports.iter().map(|port| port.taker(condition, name, route, among)).collect();
        if let Some(taker) = takers.and_then(|takers| takers.into_iter().next()) {
            let what = name.map_or_else(|| "its connections are".to_owned(), |name| format!("`{name}` is"));
            diagnostics.warn(Code::ShadowedRoute, path, format!("{what} taken by {taker}"));
        }
    };
    match among.sort {
        Sort::Tcp => judge(None, path.clone()),
        Sort::Tls => {
            for (index, name) in condition.sni_hosts.iter().enumerate() {
                judge(Some(name), path.clone().field("sniHosts").index(index));
            }
        }
    }
}

impl Port<'_> {
    fn admits(&self, condition: &L4Match) -> bool {
        condition.port.is_none_or(|port| port == self.number)
            && (condition.gateways.is_empty() || condition.gateways.contains(self.place))
    }

    /// The route that takes all of another's connections: an earlier one of its object, or one of an object that is
    /// tried first.
    fn taker(
        &self,
        condition: &L4Match,
        name: Option<&Host>,
        route: usize,
        among: &Among<'_>,
    ) -> Option<String> {
        if let Some(server) = name.and_then(|name| self.terminated.get(name)) {
            return Some(server.clone());
        }
        let takes_from = |earlier: &Route<'_>| {
            let always = L4Match::default();
            let mut matches = earlier.matches.iter().chain(earlier.matches.is_empty().then_some(&always));
            matches.any(|one| self.admits(one) && takes(one, condition, name))
        };
        let sort = among.sort;
        for rival in &self.before {
            if let Some(route) = sort.routes(rival).iter().find(|route| takes_from(route)) {
                let (list, index) = (sort.field(), route.index);
                return Some(format!("{list}[{index}] of {}, which comes first", rival.origin));
            }
        }
        let mut own = among.earlier.iter().take_while(|earlier| earlier.index < route);
        own.find(|earlier| takes_from(earlier)).map(|earlier| format!("{}[{}]", sort.field(), earlier.index))
    }
}

/// Whether `first` takes every connection to a port (with this server name) that `second` matches.
fn takes(first: &L4Match, second: &L4Match, name: Option<&Host>) -> bool {
    let is_named = name.is_none_or(|name| first.sni_hosts.contains(name));
    let of_client = second.source_labels.contains_all(&first.source_labels)
        && first.source_namespace.as_ref().is_none_or(|n| second.source_namespace.as_ref() == Some(n));
    let (outer, inner) = (&first.destination_subnets, &second.destination_subnets);
    let subnets = if outer.is_empty() {
        // Of two filter chains for one name, Envoy takes the one with the narrower range.
        name.is_none() || inner.is_empty()
    } else {
        !inner.is_empty() && inner.iter().all(|subnet| outer.contains(subnet))
    };
    is_named && of_client && subnets
}

impl Sort {
    fn field(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Tcp => "tcp",
        }
    }

    fn wanted(self) -> &'static str {
        match self {
            Self::Tls => {
                "of its services is TLS or HTTPS, and no server of its Gateways has the mode PASSTHROUGH"
            }
            Self::Tcp => "of its services is TCP, and no server of its Gateways proxies bytes",
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::Tls => {
                "declare a port's protocol as TLS or HTTPS, by its name or `appProtocol`; use `tcp` routes for others"
            }
            Self::Tcp => {
                "`tcp` routes are for TCP ports and ports without a protocol; use `tls` routes for TLS"
            }
        }
    }

    fn routes(self, set: &RouteSet) -> Vec<Route<'_>> {
        match self {
            Self::Tls => {
                set.tls.iter().map(|route| Route { index: route.index, matches: &route.matches }).collect()
            }
            Self::Tcp => {
                set.tcp.iter().map(|route| Route { index: route.index, matches: &route.matches }).collect()
            }
        }
    }

    fn fits(self, protocol: Protocol) -> bool {
        match self {
            Self::Tls => protocol.is_tls(),
            Self::Tcp => protocol == Protocol::Auto || (protocol.is_tcp() && !protocol.is_tls()),
        }
    }

    fn fits_server(self, server: &GatewayServer) -> bool {
        match self {
            Self::Tls => server.tls == ServerTls::Passthrough,
            Self::Tcp => !server.is_http() && !matches!(server.tls, ServerTls::Passthrough),
        }
    }
}

/// The ports that the routes may apply to; `None` if a host or Gateway is unknown, which other findings report.
fn ports<'a>(routes: &'a RouteSet, sort: Sort, context: &Context<'_>) -> Option<Vec<Port<'a>>> {
    let mut ports = Vec::new();
    for place in &routes.gateways {
        match place {
            GatewayRef::Mesh => {
                let mut known = false;
                for host in &routes.hosts {
                    let Ok(target) = context.known.service(host, &routes.origin.namespace) else {
                        if host.is_wildcard() {
                            return None;
                        }
                        continue;
                    };
                    known = true;
                    let fitting = || target.ports.iter().filter(|port| sort.fits(port.protocol));
                    let before = rivals_in_mesh(routes, host, context);
                    ports.extend(fitting().map(|port| Port {
                        place,
                        number: port.number,
                        before: before.clone(),
                        terminated: BTreeMap::new(),
                    }));
                }
                if !known {
                    return None;
                }
            }
            GatewayRef::Gateway(key) => {
                let gateway = (context.gateway)(key)?;
                ports.extend(of_gateway(routes, sort, place, &gateway, context));
            }
        }
    }
    Some(ports)
}

/// The older objects with the same host. Objects with a wildcard are tried later.
fn rivals_in_mesh(routes: &RouteSet, host: &Host, context: &Context<'_>) -> Vec<Arc<RouteSet>> {
    let shared = (context.shared)(&GatewayRef::Mesh);
    let claims = shared.get(host).into_iter().flatten();
    let older = claims.take_while(|claim| claim.origin != routes.origin).filter(|claim| claim.has_l4);
    let older: Vec<ConfigKey> = older.take(MOST_RIVALS).map(|claim| claim.origin.clone()).collect();
    resolved(&older, routes, context).collect()
}

fn of_gateway<'a>(
    routes: &RouteSet,
    sort: Sort,
    place: &'a GatewayRef,
    gateway: &Gateway,
    context: &Context<'_>,
) -> Vec<Port<'a>> {
    let fitting = gateway.servers.iter().filter(|server| sort.fits_server(server) && binds(routes, server));
    let fitting: Vec<&GatewayServer> = fitting.collect();
    if fitting.is_empty() {
        return Vec::new();
    }
    let claims = (context.l4_claims)(place);
    let mut seen = BTreeSet::new();
    let names = routes.tls.iter().flat_map(|route| &route.matches).flat_map(|m| &m.sni_hosts);
    let claimants: Vec<&ConfigKey> = match sort {
        Sort::Tcp => claims.tcp.iter().take_while(|key| **key != routes.origin).collect(),
        Sort::Tls => names
            .filter_map(|name| claims.names.get(name))
            .flat_map(|keys| keys.iter().take_while(|key| **key != routes.origin))
            .filter(|key| seen.insert(*key))
            .take(MOST_RIVALS)
            .collect(),
    };
    let before: Vec<_> = resolved(claimants, routes, context).collect();
    let port = |server: &GatewayServer| Port {
        place,
        number: server.port,
        before: before.iter().filter(|rival| binds(rival, server)).cloned().collect(),
        terminated: match sort {
            Sort::Tls => terminated(routes, gateway, server.port, context),
            Sort::Tcp => BTreeMap::new(),
        },
    };
    fitting.into_iter().map(port).collect()
}

/// The names that a VirtualService matches but servers of a port terminate, on its Gateway or one that shares its
/// proxies.
fn terminated(
    routes: &RouteSet,
    gateway: &Gateway,
    port: u16,
    context: &Context<'_>,
) -> BTreeMap<Host, String> {
    let names: BTreeSet<&Host> =
        routes.tls.iter().flat_map(|route| &route.matches).flat_map(|m| &m.sni_hosts).collect();
    let taken = names.into_iter().filter_map(|name| {
        let server = (context.terminated)(&gateway.selector, port, name)?;
        let what = format!("servers[{}] of {}, which terminates TLS", server.index, server.gateway);
        Some((name.clone(), what))
    });
    taken.collect()
}

/// Whether a server serves a host of a VirtualService.
pub(super) fn binds(routes: &RouteSet, server: &GatewayServer) -> bool {
    let may_bind = |namespace: &Option<_>| namespace.as_ref().is_none_or(|n| *n == routes.origin.namespace);
    let mut hosts = server.hosts.iter().filter(|host| may_bind(&host.namespace));
    hosts.any(|of_server| routes.hosts.iter().any(|host| of_server.host.overlaps(host)))
}

/// Those of `keys` that are tried wherever `routes` is.
fn resolved<'a>(
    keys: impl IntoIterator<Item = &'a ConfigKey>,
    routes: &RouteSet,
    context: &Context<'_>,
) -> impl Iterator<Item = Arc<RouteSet>> {
    let found = keys.into_iter().filter_map(|key| (context.virtual_service)(key));
    found.filter(|rival| is_seen_wherever((&rival.export_to, &rival.origin), routes))
}
