//! The listeners of gateways: one for each port, with a filter chain for each TLS server.
//!
//! Mirrors istio pilot/pkg/networking/core/gateway.go.

use envoy_types::pb::envoy::config::{
    core::v3::TrafficDirection,
    listener::v3::{FilterChain, Listener},
};
use fairlead_envoy::{
    IntoProto,
    listener::{
        ChainElement, ListenerBuilder, filter_chain, inspect::tls_inspector, listener, listener_of_chains,
    },
};
use fairlead_incremental::{Collect, Query, Reader, Stratum};
use fairlead_model::{
    ConfigKey, Host,
    gateway::{GatewayListener, GatewayListenerKind, GatewayServer, ResolvedGateway, ServerTls},
    mesh::{Mesh, ResolvedMesh},
    proxy::{ClientAttributes, IpFamilies},
    routes::GatewayRef,
    scope::ScopeKey,
    sidecar::Bind,
    strata,
};
use fairlead_resource::{EncodedResource, ResourceName};
use imbl::OrdSet;

use super::{
    bind_address, bind_name,
    claims::Claims,
    encoded, http,
    ranges::within_ranges,
    second_wildcard,
    tcp::{self, MadeChain},
    wildcard,
};
use crate::{
    maker::Maker,
    metadata, names,
    origins::{MOST_NAMED, ResourceOrigins},
    routes::gateway::{GatewayView, tables_of_listener, terminates_http},
};

mod bound;
mod https;
mod server;

use bound::{BoundRouteSet, bound_route_sets};
use https::{HttpsChains, secrets};
use server::{HANDSHAKE_TIMEOUT, ServerInputs, stat_prefix};

/// One gateway listener.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GatewayListenerKey {
    /// The listener and its servers.
    pub listener: GatewayListener,
    /// What is seen: TCP and TLS routes lead to services.
    pub scope: ScopeKey,
    /// The attributes of the gateway's own workload that TCP and TLS routes may match on.
    pub source: ClientAttributes,
    /// The families that it listens on where it has no address of its own.
    pub families: IpFamilies,
}

/// All listeners of a gateway view, by name.
pub struct GatewayListenerSet;

impl Collect for GatewayListenerSet {
    type Key = GatewayView;
    type Member = GatewayListenerOf;
    type OutKey = ResourceName;
    type OutValue = EncodedResource;
    const NAME: &'static str = "gateway_listeners";
    const STRATUM: Stratum = strata::SET;

    fn members(cx: &Reader<'_>, view: &GatewayView) -> OrdSet<GatewayListenerKey> {
        let key = |listener: &GatewayListener| GatewayListenerKey {
            listener: listener.clone(),
            scope: view.scope.clone(),
            source: view.source.clone(),
            families: view.families,
        };
        view.listeners(cx).listeners.iter().map(key).collect()
    }

    fn entries(
        _: &GatewayListenerKey,
        listener: &Option<EncodedResource>,
    ) -> impl IntoIterator<Item = (ResourceName, EncodedResource)> {
        listener.as_ref().map(EncodedResource::named)
    }
}

/// The listener of a key; `None` where it would have no filter chain.
pub struct GatewayListenerOf;

impl Query for GatewayListenerOf {
    type Key = GatewayListenerKey;
    type Value = Option<EncodedResource>;
    const NAME: &'static str = "gateway_listener";
    const STRATUM: Stratum = strata::RESOURCE;

    fn compute(cx: &Reader<'_>, key: &GatewayListenerKey) -> Self::Value {
        with_listener(cx, key, |listener, mesh| {
            Some(match listener? {
                MadeListener::Whole(listener, _) => encoded(&listener),
                MadeListener::OfElements(head, chains) => {
                    let chains = chains.into_iter().map(|(chain, _)| chain);
                    listener_of_chains(&head, chains, mesh.listener_elements)
                }
            })
        })
    }
}

/// A listener, with the maker of each of its filter chains.
pub(crate) enum MadeListener<'a> {
    Whole(Listener, Vec<Maker<'a>>),
    /// A listener whose chains may be resources of their own, without and beside them.
    OfElements(Listener, Vec<(ChainElement, Maker<'a>)>),
}

/// The origins of the listener of a key, under its name.
pub(crate) fn origins(cx: &Reader<'_>, key: &GatewayListenerKey) -> Option<(ResourceName, ResourceOrigins)> {
    with_listener(cx, key, |listener, _| {
        let (head, origins) = match listener? {
            MadeListener::Whole(listener, makers) => {
                let of_chains = makers.into_iter().map(|maker| maker.origins(cx));
                let origins = ResourceOrigins::of_listener(&listener, of_chains);
                (listener, origins)
            }
            MadeListener::OfElements(head, chains) => {
                let of_chain =
                    |(chain, maker): (ChainElement, Maker<'_>)| (chain.name().clone(), maker.origins(cx));
                let parts = chains.into_iter().map(of_chain).collect();
                (head, ResourceOrigins { parts, ..ResourceOrigins::default() })
            }
        };
        let servers = key.listener.servers.iter().take(MOST_NAMED);
        let own = Maker::Servers(&servers.cloned().collect::<Vec<_>>()).origins(cx);
        Some((head.name.as_str().into(), ResourceOrigins { own, ..origins }))
    })
}

/// Makes the listener of a key; `None` where it would have no filter chain.
pub(crate) fn with_listener<T>(
    cx: &Reader<'_>,
    key: &GatewayListenerKey,
    then: impl FnOnce(Option<MadeListener<'_>>, &Mesh) -> T,
) -> T {
    let mut servers = Vec::new();
    for server in key.listener.servers.iter() {
        let Some(gateway) = (*cx.get::<ResolvedGateway>(&server.gateway)).clone() else { continue };
        let Some(found) = gateway.servers.iter().find(|s| s.index == server.index).cloned() else {
            continue;
        };
        let bound = if needs_l4_routes(&found) {
            bound_route_sets(cx, &server.gateway, &found, &key.scope)
        } else {
            Vec::new()
        };
        let gateways = [GatewayRef::Gateway(server.gateway.clone())];
        let (reference, source) = (std::slice::from_ref(server), &key.source);
        servers.push(ServerInputs { reference, gateway, gateways, server: found, bound, source });
    }
    let mesh = cx.get::<ResolvedMesh>(&());
    then(gateway_listener(&key.listener, key.families, &servers, &mesh), &mesh)
}

/// Whether connections of the server are proxied as bytes.
fn needs_l4_routes(server: &GatewayServer) -> bool {
    match server.tls {
        ServerTls::Passthrough => true,
        ServerTls::Terminate(_) => !terminates_http(server.protocol),
        ServerTls::None | ServerTls::HttpsRedirect => !server.protocol.is_http(),
    }
}

fn gateway_listener<'a>(
    key: &'a GatewayListener,
    families: IpFamilies,
    servers: &'a [ServerInputs<'_>],
    mesh: &'a Mesh,
) -> Option<MadeListener<'a>> {
    let own_bind = key.bind.as_deref().and_then(Bind::parse);
    let bind = own_bind.unwrap_or_else(|| Bind::Ip(wildcard(families)));
    let name = match &bind {
        Bind::Unix(path) => names::unix_route(path),
        Bind::Ip(_) => names::listener(&bind_name(&bind), key.port),
    };
    let mut claims = Claims::new(families);
    let chains: Vec<MadeChain<'_>> = match key.kind {
        GatewayListenerKind::Http => {
            vec![(http_chain(key, servers.first()?, mesh)?, Maker::Servers(&key.servers))]
        }
        GatewayListenerKind::Tcp => {
            servers.iter().flat_map(|inputs| tcp_chains(inputs, &mut claims, mesh)).collect()
        }
        GatewayListenerKind::Tls => {
            let head = head(key, &name, &bind, families, servers).build();
            let https = HttpsChains::new(key, &name, mesh);
            let of_server = |inputs| chain_elements(&https, inputs, &mut claims, mesh);
            // The names of a server that terminates TLS belong to it alone: no route of a passthrough server matches
            // them.
            let (passing, terminating): (Vec<_>, Vec<_>) =
                servers.iter().partition(|inputs| inputs.server.tls == ServerTls::Passthrough);
            let chains = terminating.into_iter().chain(passing).flat_map(of_server).collect();
            let chains = within_each_others_ranges(chains);
            return (!chains.is_empty()).then_some(MadeListener::OfElements(head, chains));
        }
    };
    if chains.is_empty() {
        return None;
    }
    let (chains, makers): (Vec<_>, Vec<_>) = chains.into_iter().unzip();
    let listener = head(key, &name, &bind, families, servers).filter_chains(chains).build();
    Some(MadeListener::Whole(listener, makers))
}

/// The chains of a listener, with those that connections to the ranges of others need.
fn within_each_others_ranges(elements: Vec<MadeElement<'_>>) -> Vec<MadeElement<'_>> {
    if elements.iter().all(|(element, _)| element.is_by_server_name()) {
        return elements;
    }
    let chains = within_ranges(elements.iter().map(|(element, _)| element.chain()).collect());
    let of = |(at, chain): (usize, FilterChain)| {
        let (element, maker) = &elements[at];
        (ChainElement::new(&chain, element.secrets().clone()), *maker)
    };
    chains.into_iter().map(of).collect()
}

/// A filter chain that may be a resource of its own, with its maker.
type MadeElement<'a> = (ChainElement, Maker<'a>);

/// A listener without its chains.
fn head(
    key: &GatewayListener,
    name: &str,
    bind: &Bind,
    families: IpFamilies,
    servers: &[ServerInputs<'_>],
) -> ListenerBuilder {
    let mut builder =
        listener(name, bind_address(bind, key.port)).traffic_direction(TrafficDirection::Outbound);
    if let Some(first) = servers.first() {
        builder = builder.metadata(metadata::config(&first.gateway.origin));
    }
    if key.kind == GatewayListenerKind::Tls {
        builder = builder.listener_filter(tls_inspector());
    }
    match second_wildcard(bind, families, key.port) {
        Some(address) => builder.additional_address(address),
        None => builder,
    }
}

/// The chain of all plaintext HTTP servers of a listener.
fn http_chain(key: &GatewayListener, first: &ServerInputs<'_>, mesh: &Mesh) -> Option<FilterChain> {
    let table =
        tables_of_listener(key, &mut |_: &ConfigKey| Some(first.gateway.clone())).into_iter().next()?;
    let server = &first.server;
    let prefix = if server.name.is_empty() { stat_prefix(key) } else { server.name.to_string() };
    let manager = http::gateway(&prefix, &table.name, first.server.protocol, mesh);
    Some(filter_chain().filter(manager).build())
}

/// The chains of a TLS server, each named after the first of its hosts: no other chain of the listener has that one.
fn chain_elements<'a>(
    https: &HttpsChains<'_>,
    inputs: &'a ServerInputs<'_>,
    claims: &mut Claims,
    mesh: &'a Mesh,
) -> Vec<MadeElement<'a>> {
    if let ServerTls::Terminate(tls) = &inputs.server.tls
        && terminates_http(inputs.server.protocol)
    {
        let free = free_hosts(&inputs.server, claims);
        let maker = Maker::Servers(inputs.reference);
        return (!free.is_empty()).then(|| (https.chain(inputs, tls, &free), maker)).into_iter().collect();
    }
    let listener = https.listener;
    let element = |(mut chain, maker): MadeChain<'a>| {
        let conditions = chain.filter_chain_match.clone().unwrap_or_default();
        if conditions.prefix_ranges.is_empty() {
            let host = conditions.server_names.iter().min().map_or("*", String::as_str);
            chain.name = names::gateway_chain(listener, host);
        }
        (ChainElement::new(&chain, secrets(&inputs.server)), maker)
    };
    byte_chains(inputs, claims, mesh).into_iter().map(element).collect()
}

/// Claims the hosts of a server that no chain has claimed yet, and returns them.
fn free_hosts(server: &GatewayServer, claims: &mut Claims) -> Vec<Host> {
    claims.server_names(&hosts(server), &[]).into_iter().flat_map(|(names, _)| names).collect()
}

/// The chains of a TLS server that proxies bytes.
fn byte_chains<'a>(inputs: &'a ServerInputs<'_>, claims: &mut Claims, mesh: &'a Mesh) -> Vec<MadeChain<'a>> {
    let server = &inputs.server;
    match &server.tls {
        ServerTls::Terminate(tls) => {
            let free = free_hosts(server, claims);
            if free.is_empty() {
                return Vec::new();
            }
            // The names belong to this server alone, so within them all addresses are free.
            let chains = tcp_chains(inputs, &mut Claims::new(IpFamilies::Dual), mesh);
            let narrowed = |(chain, maker): MadeChain<'a>| {
                let mut chain = FilterChain {
                    transport_socket: Some(https::transport_socket(tls, &[])),
                    transport_socket_connect_timeout: Some(HANDSHAKE_TIMEOUT.into_proto()),
                    ..chain
                };
                let names = tcp::server_names(&free);
                if !names.is_empty() {
                    chain.filter_chain_match.get_or_insert_default().server_names = names;
                }
                (chain, maker)
            };
            chains.into_iter().map(narrowed).collect()
        }
        ServerTls::Passthrough => {
            let chains_of = |bound: &'a BoundRouteSet| {
                tcp::tls_chains(&inputs.routes(bound, mesh), Some(&bound.hosts), &[], claims)
            };
            inputs.bound.iter().flat_map(chains_of).collect()
        }
        ServerTls::None | ServerTls::HttpsRedirect => Vec::new(),
    }
}

/// The chains of a server whose bytes are proxied, by the TCP routes of its route sets.
fn tcp_chains<'a>(inputs: &'a ServerInputs<'_>, claims: &mut Claims, mesh: &'a Mesh) -> Vec<MadeChain<'a>> {
    let chains_of = |bound: &'a BoundRouteSet| tcp::tcp_chains(&inputs.routes(bound, mesh), &[], claims).0;
    inputs.bound.iter().flat_map(chains_of).collect()
}

fn hosts(server: &GatewayServer) -> Vec<Host> {
    server.hosts.iter().map(|h| h.host.clone()).collect()
}
