//! What scopes need of a VirtualService: all of it but the routes.

use std::{collections::BTreeSet, sync::Arc};

use fairlead_config::{ConfigKey, LabelSet, Namespace, Timestamp};

use super::{
    ClientMatch, Destination, GatewayRef, HttpAction, HttpClient, HttpClients, HttpRoute, RoutesAt,
    VirtualService,
};
use crate::{Host, service::Visibility};

/// Where a VirtualService applies and what it refers to. It stays equal when weights, matches or any other part
/// of a route changes.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about one object")]
pub struct VirtualServiceHeader {
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
    /// The labels that its `sourceLabels` ask for, each once, sorted.
    pub source_labels: Arc<[(Arc<str>, Arc<str>)]>,
    /// Whether its `http` routes ask about the client (`sourceLabels`, `sourceNamespace`).
    pub asks_source: bool,
    /// Whether they ask about the Gateway (`match.gateways`).
    pub asks_gateway: bool,
    /// Whether they ask about the port (`match.port`).
    pub asks_port: bool,
    /// Whether they compare with, or replace, large expressions.
    pub has_large_expressions: bool,
    /// Whether it has `http` routes.
    pub has_http: bool,
    /// The clients that some `http` route is for.
    pub http_clients: HttpClients,
    /// Whether it has `tls` or `tcp` routes.
    pub has_l4: bool,
    /// Whether it has `tcp` routes.
    pub has_tcp: bool,
    /// The names that its `tls` routes ask for, each once, sorted.
    pub sni_hosts: Arc<[Host]>,
}

impl VirtualServiceHeader {
    /// The header of a VirtualService.
    pub fn of(service: &VirtualService) -> Self {
        let asks = |of_client: &dyn Fn(&ClientMatch) -> bool| {
            service.http.iter().flat_map(|route| &route.matches).any(|condition| of_client(&condition.client))
        };
        Self {
            origin: service.origin.clone(),
            created: service.created,
            export_to: service.export_to.clone(),
            hosts: service.hosts.clone(),
            gateways: service.gateways.clone(),
            destinations: destination_hosts(service),
            source_labels: source_labels(service),
            asks_source: asks(&ClientMatch::asks_source),
            asks_gateway: asks(&|client| !client.gateways.is_empty()),
            asks_port: asks(&|client| client.port.is_some()),
            has_large_expressions: service.http.iter().any(HttpRoute::has_large_expressions),
            has_http: !service.http.is_empty(),
            http_clients: HttpClients::of(&service.http),
            has_l4: !(service.tls.is_empty() && service.tcp.is_empty()),
            has_tcp: !service.tcp.is_empty(),
            sni_hosts: sni_hosts(service),
        }
    }

    /// Whether it applies to sidecars.
    pub fn in_mesh(&self) -> bool {
        self.gateways.contains(&GatewayRef::Mesh)
    }

    /// Whether it has an HTTP route for a client: to others it says nothing, and hides nothing from them.
    pub fn routes_http(&self, client: &HttpClient<'_>) -> bool {
        self.http_clients.include(client)
    }

    /// Its HTTP routes at a port and place, of which no more is named than the routes ask about.
    pub fn routes_at(&self, port: u16, place: &GatewayRef) -> RoutesAt {
        RoutesAt {
            virtual_service: self.origin.clone(),
            port,
            place: self.asks_gateway.then(|| place.clone()),
        }
    }

    /// Which of the VirtualServices that `client` sees come first: its own private ones, then those that name
    /// it, then public ones.
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

/// Each destination of a VirtualService, mirrors included, in the order of the routes.
pub fn destinations(service: &VirtualService) -> impl Iterator<Item = &Destination> {
    let http = service.http.iter().flat_map(|route| {
        let list = match &route.action {
            HttpAction::Route { destinations, .. } => destinations.as_slice(),
            HttpAction::Redirect(_) | HttpAction::DirectResponse { .. } => &[],
        };
        let mirrors = route.mirrors.iter().map(|mirror| &mirror.destination);
        list.iter().map(|weighted| &weighted.destination).chain(mirrors)
    });
    let tls = service.tls.iter().flat_map(|route| &route.destinations);
    let tcp = service.tcp.iter().flat_map(|route| &route.destinations);
    http.chain(tls.chain(tcp).map(|(destination, _)| destination))
}

fn destination_hosts(service: &VirtualService) -> Arc<[Host]> {
    let hosts: BTreeSet<&Host> = destinations(service).map(|destination| &destination.host).collect();
    hosts.into_iter().cloned().collect()
}

fn sni_hosts(service: &VirtualService) -> Arc<[Host]> {
    let matches = service.tls.iter().flat_map(|route| &route.matches);
    let hosts: BTreeSet<&Host> = matches.flat_map(|condition| &condition.sni_hosts).collect();
    hosts.into_iter().cloned().collect()
}

fn source_labels(service: &VirtualService) -> Arc<[(Arc<str>, Arc<str>)]> {
    let http = service.http.iter().flat_map(|route| &route.matches).map(|m| &m.client.source_labels);
    let l4 = service.tls.iter().flat_map(|route| &route.matches);
    let l4 = l4.chain(service.tcp.iter().flat_map(|route| &route.matches)).map(|m| &m.source_labels);
    let labels: BTreeSet<(&str, &str)> = http.chain(l4).flat_map(LabelSet::iter).collect();
    labels.into_iter().map(|(key, value)| (key.into(), value.into())).collect()
}
