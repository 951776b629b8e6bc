//! The part of a route set that scopes need: all but the routes.

use std::{collections::BTreeSet, sync::Arc};

use fairlead_config::{ConfigKey, LabelSet, Namespace, Timestamp};

use super::{
    ClientMatch, Destination, GatewayRef, HttpAction, HttpClient, HttpClients, HttpRoute, RouteSet, RoutesAt,
};
use crate::{Host, service::Visibility};

/// Where a route set applies and what it refers to. It does not change with weights, matches or other parts of a route.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about one object")]
pub struct RouteSetHeader {
    /// The object.
    pub origin: ConfigKey,
    /// Its creation time.
    pub created: Option<Timestamp>,
    /// Who may use it.
    pub export_to: Visibility,
    /// Its hosts.
    pub hosts: Vec<Host>,
    /// Where it applies.
    pub gateways: Vec<GatewayRef>,
    /// The hosts of its destinations and mirrors, each once, sorted.
    pub destinations: Arc<[Host]>,
    /// The labels in its `sourceLabels`, each once, sorted.
    pub source_labels: Arc<[(Arc<str>, Arc<str>)]>,
    /// Whether its `http` routes match on the client (`sourceLabels`, `sourceNamespace`).
    pub asks_source: bool,
    /// Whether they match on the Gateway (`match.gateways`).
    pub asks_gateway: bool,
    /// Whether they match on the port (`match.port`).
    pub asks_port: bool,
    /// Whether they use large regular expressions.
    pub has_large_expressions: bool,
    /// Whether it has `http` routes.
    pub has_http: bool,
    /// The clients that some `http` route applies to.
    pub http_clients: HttpClients,
    /// Whether it has `tls` or `tcp` routes.
    pub has_l4: bool,
    /// Whether it has `tcp` routes.
    pub has_tcp: bool,
    /// The server names in its `tls` routes, each once, sorted.
    pub sni_hosts: Arc<[Host]>,
}

impl RouteSetHeader {
    /// The header of a route set.
    pub fn of(routes: &RouteSet) -> Self {
        let asks = |of_client: &dyn Fn(&ClientMatch) -> bool| {
            routes.http.iter().flat_map(|route| &route.matches).any(|condition| of_client(&condition.client))
        };
        Self {
            origin: routes.origin.clone(),
            created: routes.created,
            export_to: routes.export_to.clone(),
            hosts: routes.hosts.clone(),
            gateways: routes.gateways.clone(),
            destinations: destination_hosts(routes),
            source_labels: source_labels(routes),
            asks_source: asks(&ClientMatch::asks_source),
            asks_gateway: asks(&|client| !client.gateways.is_empty()),
            asks_port: asks(&|client| client.port.is_some()),
            has_large_expressions: routes.http.iter().any(HttpRoute::has_large_expressions),
            has_http: !routes.http.is_empty(),
            http_clients: HttpClients::of(&routes.http),
            has_l4: !(routes.tls.is_empty() && routes.tcp.is_empty()),
            has_tcp: !routes.tcp.is_empty(),
            sni_hosts: sni_hosts(routes),
        }
    }

    /// Whether it applies to sidecars.
    pub fn in_mesh(&self) -> bool {
        self.gateways.contains(&GatewayRef::Mesh)
    }

    /// Whether one of its hosts is a wildcard.
    pub fn has_wildcard(&self) -> bool {
        self.hosts.iter().any(Host::is_wildcard)
    }

    /// Whether it has an HTTP route for a client. From other clients it hides nothing.
    pub fn routes_http(&self, client: &HttpClient<'_>) -> bool {
        self.http_clients.include(client)
    }

    /// Its HTTP routes at a port and place, keeping only what the routes match on.
    pub fn routes_at(&self, port: u16, place: &GatewayRef) -> RoutesAt {
        RoutesAt { routes: self.origin.clone(), port, place: self.asks_gateway.then(|| place.clone()) }
    }

    /// The rank of the route set for `client`: its own private ones first, then those exported to it by name, then
    /// public ones.
    ///
    /// Mirrors istio pilot/pkg/model/push_context.go (VirtualServicesForGateway).
    pub fn nearness(&self, client: &Namespace) -> u8 {
        match &self.export_to {
            Visibility::Public => 2,
            _ if self.origin.namespace == *client => 0,
            _ => 1,
        }
    }
}

/// Each destination of a route set, mirrors included, in the order of the routes.
pub fn destinations(routes: &RouteSet) -> impl Iterator<Item = &Destination> {
    let http = routes.http.iter().flat_map(|route| {
        let list = match &route.action {
            HttpAction::Route { destinations, .. } => destinations.as_slice(),
            HttpAction::Redirect(_) | HttpAction::DirectResponse { .. } => &[],
        };
        let mirrors = route.mirrors.iter().map(|mirror| &mirror.destination);
        list.iter().map(|weighted| &weighted.destination).chain(mirrors)
    });
    let tls = routes.tls.iter().flat_map(|route| &route.destinations);
    let tcp = routes.tcp.iter().flat_map(|route| &route.destinations);
    http.chain(tls.chain(tcp).map(|(destination, _)| destination))
}

fn destination_hosts(routes: &RouteSet) -> Arc<[Host]> {
    let hosts: BTreeSet<&Host> = destinations(routes).map(|destination| &destination.host).collect();
    hosts.into_iter().cloned().collect()
}

fn sni_hosts(routes: &RouteSet) -> Arc<[Host]> {
    let matches = routes.tls.iter().flat_map(|route| &route.matches);
    let hosts: BTreeSet<&Host> = matches.flat_map(|condition| &condition.sni_hosts).collect();
    hosts.into_iter().cloned().collect()
}

fn source_labels(routes: &RouteSet) -> Arc<[(Arc<str>, Arc<str>)]> {
    let http = routes.http.iter().flat_map(|route| &route.matches).map(|m| &m.client.source_labels);
    let l4 = routes.tls.iter().flat_map(|route| &route.matches);
    let l4 = l4.chain(routes.tcp.iter().flat_map(|route| &route.matches)).map(|m| &m.source_labels);
    let labels: BTreeSet<(&str, &str)> = http.chain(l4).flat_map(LabelSet::iter).collect();
    labels.into_iter().map(|(key, value)| (key.into(), value.into())).collect()
}
