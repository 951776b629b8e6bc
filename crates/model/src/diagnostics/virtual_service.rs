//! Findings about a VirtualService among other objects.

use std::sync::Arc;

use fairlead_config::{Code, ConfigKey, Diagnostics, FieldPath, Namespace, Severity, path};

use super::{
    context::Context,
    destinations::{self, Missing},
    l4,
    rivals::{SharedHosts, is_seen_wherever, routes_clients_of_others, serves_wherever, takes_all},
    shadow,
};
use crate::{
    Host, Protocol, age,
    gateway::{Gateway, GatewayServer},
    registry::ServiceSummary,
    routes::{GatewayRef, HttpMatch, RouteSet, RouteSetHeader},
};

pub(super) fn check(routes: &RouteSet, context: &Context<'_>, diagnostics: &mut Diagnostics) {
    destinations::check(&context.written, routes, &context.known, diagnostics);
    l4::check(routes, context, diagnostics);
    check_http_servers(routes, context, diagnostics);
    check_gateways_of_matches(routes, diagnostics);
    shadow::check_own(routes, context, diagnostics);
    if routes.gateways.contains(&GatewayRef::Mesh) {
        check_mesh(routes, context, diagnostics);
    }
    check_gateways(routes, context, diagnostics);
}

/// Reports conditions on gateways that the object does not name: a condition narrows the object's gateways and adds
/// none.
fn check_gateways_of_matches(routes: &RouteSet, diagnostics: &mut Diagnostics) {
    for route in &routes.http {
        let is_elsewhere = |condition: &HttpMatch| {
            let places = &condition.client.gateways;
            !places.is_empty() && !places.iter().any(|place| routes.gateways.contains(place))
        };
        if route.matches.iter().any(is_elsewhere) {
            let message = "a condition names only gateways that the object does not, so it never holds";
            let finding = diagnostics.warn(Code::NoEffect, path!("http"[route.index]."match"), message);
            finding.help("name the gateway in `gateways` of the object too (`mesh` for sidecars)");
        }
    }
}

fn check_mesh(set: &RouteSet, context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let shared = (context.shared)(&GatewayRef::Mesh);
    let (mut unknown, mut has_service) = (Vec::new(), false);
    for host in &set.hosts {
        let (path, _) = context.written.host(host);
        if let Some(owner) = shared.get(host).and_then(|claims| owner_before(set, claims)) {
            let has_more = !(set.tls.is_empty() && set.tcp.is_empty());
            let what = if has_more { "`http` routes here have" } else { "this object has" };
            let reason = age::reason(owner.created, set.created);
            let message =
                format!("{} {reason} and owns `{host}` in the mesh; {what} no effect on it", owner.origin);
            diagnostics.warn(Code::DuplicateHost, path.clone(), message);
        }
        if host.is_wildcard() {
            let covers = (context.covers_service)(host);
            has_service |= covers;
            if host.as_str() != "*" && !covers {
                unknown.push((host, Missing::Unknown));
            }
            continue;
        }
        match context.known.service(host, &set.origin.namespace) {
            Ok(found) => {
                has_service = true;
                check_protocol(set, &found, diagnostics);
                check_foreign(set, path, &found, diagnostics);
            }
            Err(missing) => unknown.push((host, missing)),
        }
    }
    // Beside the host of a service they are other names for it and work on its ports.
    for (host, missing) in unknown.into_iter().filter(|_| !has_service) {
        unknown_mesh_host(set, host, &missing, context, diagnostics);
    }
}

/// Reports a host that is no service: its routes silently work on one port only.
fn unknown_mesh_host(
    set: &RouteSet,
    host: &Host,
    missing: &Missing,
    context: &Context<'_>,
    diagnostics: &mut Diagnostics,
) {
    let effect = if set.http.is_empty() { "have no effect" } else { "take effect on port 80 only" };
    let (path, text) = context.written.host(host);
    let (code, reason, help) = context.known.explain(missing, (host, text), &set.origin.namespace);
    let message = format!("{reason}: in the mesh its routes {effect}");
    let severity = if set.gateways.len() > 1 { Severity::Info } else { Severity::Warning };
    let help = help.unwrap_or_else(|| "a ServiceEntry for the host makes its ports known".to_owned());
    diagnostics.add(severity, code, path, message).help(help);
}

/// Reports routes for a service of another namespace. As in Istio they are allowed; the author of the service is told
/// as well.
fn check_foreign(set: &RouteSet, path: FieldPath, target: &ServiceSummary, diagnostics: &mut Diagnostics) {
    if routes_clients_of_others(&set.origin.namespace, &set.export_to, &target.key.namespace) {
        let (host, namespace) = (&target.key.host, &target.key.namespace);
        let message =
            format!("`{host}` is a service of namespace {namespace}: its clients are routed by this object");
        let finding = diagnostics.info(Code::ForeignRoutes, path, message);
        finding.help("`exportTo: [.]` keeps the routes to clients of this object's namespace");
    }
}

fn check_protocol(set: &RouteSet, target: &ServiceSummary, diagnostics: &mut Diagnostics) {
    let takes_http = |protocol: Protocol| protocol.is_http() || protocol == Protocol::Auto;
    if set.http.is_empty()
        || target.ports.is_empty()
        || target.ports.iter().any(|port| takes_http(port.protocol))
    {
        return;
    }
    let host = &target.key.host;
    let message = format!("no port of `{host}` is HTTP, so `http` routes do not apply to it");
    let finding = diagnostics.warn(Code::ProtocolMismatch, path!("http"), message);
    finding.help("use `tls` or `tcp` routes, or declare the port's protocol by its name or `appProtocol`");
}

/// The older route set that owns a host of `set` wherever `set` would.
fn owner_before<'a>(set: &RouteSet, claims: &'a [Arc<RouteSetHeader>]) -> Option<&'a RouteSetHeader> {
    if set.http.is_empty() {
        return None;
    }
    let older = claims.iter().take_while(|claim| claim.origin != set.origin);
    let mut owners = older
        // A route set for some clients only leaves the others to the next.
        .filter(|owner| owner.http_clients.are_all())
        .filter(|owner| is_seen_wherever((&owner.export_to, &owner.origin), set));
    owners.next().map(Arc::as_ref)
}

/// Checks whether the object's Gateways serve its hosts.
fn check_gateways(routes: &RouteSet, context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let mut gateways = Vec::new();
    let mut are_known = true;
    for place in &routes.gateways {
        let GatewayRef::Gateway(key) = place else { continue };
        if let Some(gateway) = (context.gateway)(key) {
            gateways.push((place, gateway));
        } else {
            are_known = false;
            unknown_gateway(place, key, context, diagnostics);
        }
    }
    let serves = |gateway: &Gateway, host: &Host| serves(gateway, host, &routes.origin.namespace);
    let is_unserved = |host: &&Host| !gateways.iter().any(|(_, gateway)| serves(gateway, host));
    let in_mesh = routes.gateways.contains(&GatewayRef::Mesh);
    let is_elsewhere = in_mesh || routes.hosts.iter().any(|host| !is_unserved(&host));
    let mut judged = 0;
    for (place, gateway) in &gateways {
        let shared = (context.shared)(place);
        let own: Vec<&Host> = routes.hosts.iter().filter(|host| serves(gateway, host)).collect();
        if own.is_empty() && is_elsewhere {
            let message = format!("no server of {} serves a host of this object", gateway.origin);
            let finding = diagnostics.warn(Code::HostOutsideGateway, context.written.gateway(place), message);
            finding.help(hosts_of(gateway));
        }
        for host in own {
            check_shadowed(routes, host, &shared, gateway, context, diagnostics);
            if shared.contains_key(host) {
                shadow::check_others(routes, host, (place, gateway), &mut judged, context, diagnostics);
            }
        }
    }
    // In the mesh a host may be meant for sidecars alone, or for the unknown Gateway.
    let is_complete = are_known && !gateways.is_empty() && !in_mesh;
    for host in routes.hosts.iter().filter(is_unserved).filter(|_| is_complete) {
        let (message, help) = match gateways.as_slice() {
            [(_, only)] => (
                format!("no server of {} serves `{host}` for the namespace of this object", only.origin),
                hosts_of(only),
            ),
            _ => (
                format!("no server of its Gateways serves `{host}` for the namespace of this object"),
                "add the host to a server of one of them, or correct it".to_owned(),
            ),
        };
        diagnostics.warn(Code::HostOutsideGateway, context.written.host(host).0, message).help(help);
    }
}

fn unknown_gateway(
    place: &GatewayRef,
    key: &ConfigKey,
    context: &Context<'_>,
    diagnostics: &mut Diagnostics,
) {
    let path = context.written.gateway(place);
    let name = format!("{}/{}", key.namespace, key.name);
    if (context.is_refused)(key) {
        let message =
            format!("the Gateway `{name}` is refused for its errors, so the routes do not apply there");
        diagnostics.warn(Code::UnknownGateway, path, message).help("correct the Gateway");
        return;
    }
    let finding = diagnostics.warn(Code::UnknownGateway, path, format!("there is no Gateway `{name}`"));
    if let Some(near) = (context.near_gateway)(key) {
        finding.help(near);
    }
}

/// Whether a Gateway serves a host for VirtualServices of a namespace.
fn serves(gateway: &Gateway, host: &Host, namespace: &Namespace) -> bool {
    gateway.servers.iter().flat_map(|server| &server.hosts).any(|of_server| {
        let may_bind = of_server.namespace.as_ref().is_none_or(|name| name == namespace);
        may_bind && of_server.host.overlaps(host)
    })
}

/// Maximum number of a Gateway's hosts that are named.
const MOST_HOSTS: usize = 3;

/// The hosts of a Gateway, as text.
fn hosts_of(gateway: &Gateway) -> String {
    let mut hosts: Vec<String> = Vec::new();
    for of_server in gateway.servers.iter().flat_map(|server| &server.hosts) {
        let text = match &of_server.namespace {
            Some(namespace) => format!("`{}` for namespace `{namespace}`", of_server.host),
            None => format!("`{}`", of_server.host),
        };
        if !hosts.contains(&text) {
            hosts.push(text);
        }
    }
    let more = hosts.len().saturating_sub(MOST_HOSTS);
    hosts.truncate(MOST_HOSTS);
    match (hosts.is_empty(), more) {
        (true, _) => "it has no server that is used".to_owned(),
        (false, 0) => format!("it has {}", hosts.join(", ")),
        (false, _) => format!("it has {} and {more} more", hosts.join(", ")),
    }
}

/// Reports `http` routes if no server speaks HTTP. Another finding covers hosts that no server has.
fn check_http_servers(set: &RouteSet, context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let mut bound = Vec::new();
    for place in &set.gateways {
        let GatewayRef::Gateway(key) = place else { return };
        let Some(gateway) = (context.gateway)(key) else { return };
        let servers = gateway.servers.iter().filter(|server| l4::binds(set, server));
        bound.extend(servers.map(GatewayServer::is_http));
    }
    if set.http.is_empty() || bound.is_empty() || bound.contains(&true) {
        return;
    }
    let message = "no server of its Gateways speaks HTTP for these hosts, so `http` routes do not apply";
    let finding = diagnostics.warn(Code::ProtocolMismatch, path!("http"), message);
    finding.help("use `tls` routes for a server with the mode PASSTHROUGH, `tcp` routes for one of TCP");
}

/// Reports a catch-all behind an older object's: on a gateway they are tried last, oldest first, and the first takes
/// everything.
fn check_shadowed(
    routes: &RouteSet,
    host: &Host,
    shared: &SharedHosts,
    gateway: &Gateway,
    context: &Context<'_>,
    diagnostics: &mut Diagnostics,
) {
    let Some(route) = routes.http.iter().find(|route| takes_all(&route.matches)) else { return };
    let older = shared.get(host).into_iter().flatten().take_while(|claim| claim.origin != routes.origin);
    let is_served =
        |claim: &ConfigKey| serves_wherever(gateway, host, &claim.namespace, &routes.origin.namespace);
    let mut shadowing = older.filter(|claim| is_served(&claim.origin) && (context.takes_all)(&claim.origin));
    if let Some(owner) = shadowing.next() {
        let reason = age::reason(owner.created, routes.created);
        let message =
            format!("{} {reason} and takes every request for `{host}` that no condition takes", owner.origin);
        diagnostics.warn(Code::ShadowedRoute, path!("http"[route.index]), message);
    }
}
