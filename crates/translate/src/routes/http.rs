//! The HTTP routes of a virtual host.
//!
//! Mirrors istio pilot/pkg/networking/core/route/route.go (BuildHTTPRoutesForVirtualService, translateRoute).

use std::sync::Arc;

use envoy_types::pb::envoy::config::route::v3::{Route, RouteAction, route_action::HashPolicy};
use fairlead_envoy::{
    IntoProto,
    listener::destination_not_in,
    matcher::regex_rewrite,
    route::{
        Action, Body, PathMatch, Upstream, cluster_weight, forward, host_rewrite,
        policy::{hash_policy, max_stream_duration, mirror, retry_policy},
        route, route_match,
    },
};
use fairlead_model::{
    HashKey, LoadBalancer,
    destination_rule::DestinationRule,
    mesh::Mesh,
    routes::{
        Destination, HttpAction, HttpClient, HttpMatch, HttpRoute, RouteAt, RouteSet, RoutesAt,
        WeightedDestination,
    },
    sidecar::OutboundTrafficPolicy,
};

use crate::{
    destination::Destinations,
    filters,
    maker::Maker,
    metadata, names, values,
    view::{OnlyAt, RouteClient, VirtualHostKey},
};

mod headers;
mod matching;
mod redirect;
mod retry;

/// Everything that a virtual host depends on.
pub(super) struct VirtualHostInputs<'a> {
    pub key: &'a VirtualHostKey,
    pub route_sets: Vec<(&'a RoutesAt, Arc<RouteSet>)>,
    pub destinations: Destinations,
    pub mesh: &'a Mesh,
}

/// The routes of a host, each with its maker: those of its route sets, or one to its service.
pub(super) fn routes<'a>(inputs: &'a VirtualHostInputs<'_>) -> Vec<(Route, Maker<'a>)> {
    let Some(only_at) = &inputs.key.only_at else { return own_routes(inputs) };
    let elsewhere = (elsewhere(only_at), of_service(inputs, None));
    let own = if only_at.ips.is_empty() { Vec::new() } else { own_routes(inputs) };
    std::iter::once(elsewhere).chain(own).collect()
}

/// The service of a host, with the rule that applies to its route.
fn of_service<'a>(inputs: &'a VirtualHostInputs<'_>, rule: Option<&'a DestinationRule>) -> Maker<'a> {
    let of = |key| Maker::Service { key, port: inputs.key.port, rule, subset: None };
    inputs.key.service.as_ref().map_or(Maker::Fairlead, of)
}

/// The route of requests not addressed to a Pod of the service: the same as for unknown hosts.
fn elsewhere(only_at: &OnlyAt) -> Route {
    let mut condition = route_match(PathMatch::Prefix("/".to_owned()));
    if !only_at.ips.is_empty() {
        condition.filter_state = vec![destination_not_in(only_at.ips.iter().copied())];
    }
    match only_at.otherwise {
        OutboundTrafficPolicy::AllowAny => {
            let mut action = forward(Upstream::Cluster(names::PASSTHROUGH_CLUSTER.to_owned()));
            set_timeout(&mut action, None);
            route(names::ALLOW_ANY, condition, action.into())
        }
        OutboundTrafficPolicy::RegistryOnly => {
            route(names::BLOCK_ALL, condition, Action::DirectResponse { status: 502, body: None })
        }
    }
}

/// The routes of the host itself.
fn own_routes<'a>(inputs: &'a VirtualHostInputs<'_>) -> Vec<(Route, Maker<'a>)> {
    if inputs.route_sets.is_empty() {
        return default_route(inputs).into_iter().collect();
    }
    let mut routes: Vec<(Route, Maker<'_>, TakesAll)> = Vec::new();
    for (at, set) in &inputs.route_sets {
        routes_of(set, at, inputs, &mut routes);
    }
    if let RouteClient::Gateway { .. } = inputs.key.client {
        // Several route sets may share a gateway's host: catch-all routes go after all others.
        routes.sort_by_key(|(_, _, takes_all)| *takes_all);
    }
    routes.into_iter().map(|(route, maker, _)| (route, maker)).collect()
}

/// Whether the condition of a route matches every request.
type TakesAll = bool;

/// Adds the routes of one route set, up to the first that matches everything.
fn routes_of<'a>(
    set: &'a RouteSet,
    at: &RoutesAt,
    inputs: &VirtualHostInputs<'_>,
    routes: &mut Vec<(Route, Maker<'a>, TakesAll)>,
) {
    let config = metadata::config_path(&set.origin);
    let source = inputs.key.client.source();
    let client = HttpClient { port: at.port, place: at.place.as_ref(), source };
    for http in &set.http {
        let always = [HttpMatch::default()];
        let matches = if http.matches.is_empty() { &always[..] } else { &http.matches };
        for condition in matches.iter().filter(|m| m.client.includes(&client)) {
            let mut route = translate(http, condition, at.port, inputs);
            route.metadata = Some(metadata::config_at(config.clone()));
            let written = (!http.matches.is_empty()).then_some(condition.index);
            let maker = Maker::Route(set, RouteAt::Http(http.index, written));
            let last = matching::is_catch_all(&route);
            if let HttpAction::Redirect(redirect) = &http.action
                && let Some(port) = redirect::replaced_port(redirect, inputs.key.client.is_tls())
            {
                let mut with_port = route.clone();
                redirect::for_hosts_with_a_port(&mut with_port, port, inputs.key.client.is_tls());
                routes.push((with_port, maker, last));
            }
            routes.push((route, maker, last));
            if last {
                return;
            }
        }
    }
}

/// The route of a host without a route set.
fn default_route<'a>(inputs: &'a VirtualHostInputs<'_>) -> Option<(Route, Maker<'a>)> {
    let key = inputs.key;
    let host = key.service.as_ref()?.host.clone();
    let destination = Destination { host, subset: None, port: Some(key.port) };
    let hash_policy = hash_policies([&destination].into_iter(), key.port, inputs);
    let mut action = forward(Upstream::Cluster(cluster(&destination, key.port, inputs)));
    set_timeout(&mut action, None);
    action.retry_policy = retry::policy(None, inputs.mesh, !hash_policy.is_empty()).map(retry_policy);
    let rule = inputs.destinations.rule(&destination.host).filter(|_| !hash_policy.is_empty());
    action.hash_policy = hash_policy;
    let everything = route_match(PathMatch::Prefix("/".to_owned()));
    Some((route(names::DEFAULT_ROUTE, everything, action.into()), of_service(inputs, rule)))
}

/// The name of the route for a condition.
fn name(http: &HttpRoute, condition: &HttpMatch) -> String {
    if condition.name.is_empty() {
        http.name.to_string()
    } else {
        format!("{}.{}", http.name, condition.name)
    }
}

fn translate(http: &HttpRoute, condition: &HttpMatch, port: u16, inputs: &VirtualHostInputs<'_>) -> Route {
    let action = match &http.action {
        HttpAction::Route { .. } => Action::Forward(Box::new(forwarding(http, port, inputs))),
        HttpAction::Redirect(redirect) => {
            Action::Redirect(redirect::redirect(redirect, port, inputs.key.client.is_tls()))
        }
        HttpAction::DirectResponse { status, body } => {
            Action::DirectResponse { status: *status, body: response_body(body) }
        }
    };
    let mut route =
        route(name(http, condition), matching::condition(condition, inputs.key.sizes_expressions), action);
    headers::apply(&mut route, &http.headers);
    if let HttpAction::Route { destinations, .. } = &http.action
        && let [only] = &destinations[..]
    {
        headers::apply(&mut route, &only.headers);
    }
    let of_route = filters::RouteInputs { route: http, sizes_expressions: inputs.key.sizes_expressions };
    filters::on_route(&of_route, &mut route);
    route
}

/// The action of a route that leads to services.
fn forwarding(http: &HttpRoute, port: u16, inputs: &VirtualHostInputs<'_>) -> RouteAction {
    let HttpAction::Route { destinations, rewrite } = &http.action else { return RouteAction::default() };
    let authority =
        rewrite.authority.as_deref().or_else(|| headers::authority(&http.headers)).or_else(|| {
            match &destinations[..] {
                [only] => headers::authority(&only.headers),
                _ => None,
            }
        });
    let mut action = forward(upstream(destinations, authority.is_some(), port, inputs));
    if let Some((pattern, substitution)) = &rewrite.uri_regex {
        action.regex_rewrite =
            Some(regex_rewrite(values::regex(pattern, inputs.key.sizes_expressions), &**substitution));
    } else if let Some(uri) = &rewrite.uri {
        action.prefix_rewrite = uri.to_string();
    }
    action.host_rewrite_specifier = authority.map(host_rewrite);
    set_timeout(&mut action, http.timeout);
    action.hash_policy = hash_policies(destinations.iter().map(|d| &d.destination), port, inputs);
    action.retry_policy =
        retry::policy(http.retries.as_ref(), inputs.mesh, !action.hash_policy.is_empty()).map(retry_policy);
    action.request_mirror_policies = http
        .mirrors
        .iter()
        .map(|m| {
            let mut policy = mirror(cluster(&m.destination, port, inputs), values::percent(m.percent));
            policy.trace_sampled = Some(false.into_proto());
            policy.disable_shadow_host_suffix_append = true;
            policy
        })
        .collect();
    action
}

/// One cluster, or several by weight. A destination's own authority counts where the route sets none.
fn upstream(
    destinations: &[WeightedDestination],
    authority_given: bool,
    port: u16,
    inputs: &VirtualHostInputs<'_>,
) -> Upstream {
    if let [only] = destinations {
        return Upstream::Cluster(cluster(&only.destination, port, inputs));
    }
    let weighted = destinations.iter().map(|d| {
        let mut weight = cluster_weight(cluster(&d.destination, port, inputs), d.weight);
        headers::apply_to_cluster(&mut weight, &d.headers, authority_given);
        weight
    });
    Upstream::Weighted(weighted.collect())
}

fn cluster(destination: &Destination, port: u16, inputs: &VirtualHostInputs<'_>) -> String {
    inputs.destinations.cluster(destination, port)
}

/// The hash policies that the rules of the destinations ask for.
fn hash_policies<'a>(
    destinations: impl Iterator<Item = &'a Destination>,
    port: u16,
    inputs: &VirtualHostInputs<'_>,
) -> Vec<HashPolicy> {
    let mut keys: Vec<HashKey> = Vec::new();
    for destination in destinations {
        let policy = inputs.destinations.policy(destination, port, inputs.mesh);
        if let Some(LoadBalancer::ConsistentHash(hash)) = policy.and_then(|p| p.load_balancer)
            && !keys.contains(&hash.key)
        {
            keys.push(hash.key);
        }
    }
    keys.iter().map(|key| hash_policy(values::hash_on(key))).collect()
}

/// A route without a timeout honours the deadlines of gRPC clients.
///
/// With a timeout it does not: Envoy ignores `timeout` if `max_stream_duration` is set at all (router.cc,
/// `finalTimeout`), and does not log the end of such a stream as an upstream timeout.
fn set_timeout(action: &mut RouteAction, timeout: Option<std::time::Duration>) {
    let timeout = timeout.unwrap_or_default();
    action.timeout = Some(timeout.into_proto());
    action.max_stream_duration = timeout.is_zero().then(|| max_stream_duration(None, Some(timeout)));
}

/// The body as a string if it is UTF-8, so that dumps are readable.
fn response_body(body: &Arc<[u8]>) -> Option<Body> {
    if body.is_empty() {
        return None;
    }
    Some(match std::str::from_utf8(body) {
        Ok(text) => Body::Text(text.to_owned()),
        Err(_) => Body::Bytes(body.to_vec()),
    })
}
