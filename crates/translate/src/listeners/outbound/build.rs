//! One outbound listener from its key.

use std::sync::Arc;

use envoy_types::pb::envoy::config::{
    core::v3::TrafficDirection,
    listener::v3::{FilterChain, Listener},
};
use fairlead_envoy::listener::{
    FilterChainBuilder, TransportProtocol, filter_chain,
    inspect::{http_inspector, tls_inspector},
    listener, remember_destination,
};
use fairlead_incremental::{Query, Reader, Stratum};
use fairlead_model::{
    Protocol, TrafficPolicy,
    destination_rule::MergedRule,
    mesh::{Mesh, ResolvedMesh},
    routes::{GatewayRef, RouteSet, RoutesOf},
    sidecar::{Bind, OutboundTrafficPolicy},
    strata,
};
use fairlead_resource::EncodedResource;
use ipnet::IpNet;

use super::{Addressed, OutboundListenerKey, TcpService};
use crate::{
    clusters::outbound::policy,
    destination::Destinations,
    listeners::{
        bind_address, bind_name,
        claims::{Claims, cidrs, takes_all},
        encoded, http,
        ranges::within_ranges,
        second_wildcard,
        tcp::{self, L4Client, L4Routes},
        wildcard,
    },
    names,
};

/// What the HTTP inspector calls plaintext HTTP.
const PLAINTEXT_HTTP: [&str; 2] = ["http/1.1", "h2c"];

/// The listener of a key.
pub struct OutboundListener;

impl Query for OutboundListener {
    type Key = OutboundListenerKey;
    type Value = EncodedResource;
    const NAME: &'static str = "outbound_listener";
    const STRATUM: Stratum = strata::RESOURCE;

    fn compute(cx: &Reader<'_>, key: &OutboundListenerKey) -> EncodedResource {
        let mut inputs = Inputs { key, services: Vec::new(), mesh: &cx.get::<ResolvedMesh>(&()) };
        for service in key.tcp.iter() {
            let own_rule = service.host.service.as_ref().and_then(|s| s.rule.as_ref());
            let routes = service.host.l4.iter().filter_map(|binding| {
                let routes = (*cx.get::<RoutesOf>(&binding.routes)).clone()?;
                Some((routes, Destinations::gather(cx, &binding.destinations)))
            });
            inputs.services.push(TcpInputs {
                service,
                routes: routes.collect(),
                policy: own_rule
                    .and_then(|rule| (*cx.get::<MergedRule>(rule)).clone())
                    .map(|rule| policy(Some(&rule), service.port.number, None, inputs.mesh)),
            });
        }
        encoded(&outbound_listener(&inputs))
    }
}

struct Inputs<'a> {
    key: &'a OutboundListenerKey,
    services: Vec<TcpInputs<'a>>,
    mesh: &'a Mesh,
}

struct TcpInputs<'a> {
    service: &'a TcpService,
    /// The route sets whose TLS and TCP routes the service has, in order, and where they lead.
    routes: Vec<(Arc<RouteSet>, Destinations)>,
    policy: Option<TrafficPolicy>,
}

fn outbound_listener(inputs: &Inputs<'_>) -> Listener {
    let key = inputs.key;
    let chains = Chains::of(inputs);
    let mut builder =
        listener(&*names::listener(&bind_name(&key.bind), key.port), bind_address(&key.bind, key.port))
            .traffic_direction(TrafficDirection::Outbound)
            .bind_to_port(key.bind_to_port);
    for address in key.more.iter().map(|bind| bind_address(bind, key.port)) {
        builder = builder.additional_address(address);
    }
    if let Some(address) = second_wildcard(&key.bind, key.families, key.port) {
        builder = builder.additional_address(address);
    }
    if chains.needs_sni {
        builder = builder.listener_filter(tls_inspector());
    }
    if chains.needs_http {
        builder = builder.listener_filter(http_inspector());
    }
    if chains.needs_sni || chains.needs_http {
        builder = builder.listener_filters_timeout(inputs.mesh.protocol_detection_timeout, true);
    }
    builder = builder.filter_chains(chains.matched);
    match chains.rest {
        Some(chain) => builder.default_filter_chain(chain),
        None => builder,
    }
    .build()
}

/// The filter chains of a listener.
#[derive(Default)]
struct Chains {
    matched: Vec<FilterChain>,
    /// For connections that no chain takes.
    rest: Option<FilterChain>,
    needs_sni: bool,
    needs_http: bool,
    /// The ranges of services whose protocol is detected, with their chains for bytes.
    sniffed: Vec<(Vec<IpNet>, FilterChainBuilder)>,
    /// Whether all services so far speak TLS, so that waiting for a client's first bytes holds up nobody.
    only_tls: bool,
}

impl Chains {
    fn of(inputs: &Inputs<'_>) -> Self {
        let key = inputs.key;
        let mut result = Self { only_tls: true, ..Self::default() };
        let mut claims = Claims::new(key.families);
        for service in &inputs.services {
            result.add_service(service, &mut claims, inputs.mesh);
        }
        // What is redirected may be meant for an unknown host: at an address that stands for many, and at the address
        // of a service of which routes take some server names only.
        let stands_for_many = key.bind == Bind::Ip(wildcard(key.families));
        let own = || key.tcp.iter().any(|service| service.addressed == Addressed::Own);
        if result.rest.is_none() && !key.bind_to_port && (stands_for_many || own()) {
            result.rest = Some(unknown(key.unknown, inputs.mesh));
        }
        if let Some((table, protocol)) = &key.http {
            let stat_prefix = format!("outbound_{}", names::listener(&bind_name(&key.bind), key.port));
            let manager = http::outbound(&stat_prefix, table, *protocol, inputs.mesh);
            let filters = key.by_address.then(remember_destination).into_iter().chain([manager]);
            if result.rest.is_some() || !result.matched.is_empty() {
                // HTTP is told apart from everything else.
                result.needs_http = true;
                let chain = filter_chain()
                    .transport_protocol(TransportProtocol::RawBuffer)
                    .application_protocols(PLAINTEXT_HTTP)
                    .filters(filters);
                // Envoy looks for the address first and for the transport then, and does not go back: what is told
                // apart within ranges has chains of these ranges, and bytes one that names the transport too.
                for (ranges, bytes) in std::mem::take(&mut result.sniffed) {
                    let http = chain.clone().prefix_ranges(cidrs(&ranges));
                    let bytes = bytes.transport_protocol(TransportProtocol::RawBuffer);
                    result.matched.extend([http.build(), bytes.build()]);
                }
                result.matched.insert(0, chain.build());
            } else {
                result.matched.push(filter_chain().filters(filters).build());
            }
        }
        if result.matched.is_empty() && result.rest.is_some() && !stands_for_many {
            // The only service of an address takes every connection.
            result.matched.extend(result.rest.take());
        }
        let matched = within_ranges(std::mem::take(&mut result.matched));
        result.matched = matched.into_iter().map(|(_, chain)| chain).collect();
        result
    }

    /// The chains of one service: those of its TLS routes where the port speaks TLS, else those of its TCP routes; or
    /// one chain to its cluster.
    fn add_service(&mut self, inputs: &TcpInputs<'_>, claims: &mut Claims, mesh: &Mesh) {
        let TcpInputs { service, routes, .. } = inputs;
        let ranges = service.addressed.ranges();
        let mut takes_all = false;
        let routes = routes.iter().filter_map(|routes| Some((routes, service.source.as_ref()?)));
        for ((set, destinations), source) in routes {
            let client = L4Client { port: service.port.number, gateways: &[GatewayRef::Mesh], source };
            let routes = L4Routes { set, destinations, client, mesh };
            if service.port.protocol.is_tls() {
                let chains = tcp::tls_chains(&routes, None, ranges, claims);
                takes_all |= match service.addressed {
                    // What asks for other names only leaves the service its own.
                    Addressed::Shared(_) => routes.ask_for(&service.host.host),
                    Addressed::Own | Addressed::Pods(_) => !chains.is_empty(),
                };
                self.needs_sni |= !chains.is_empty();
                self.matched.extend(chains);
            } else if !takes_all {
                let (chains, all) = tcp::tcp_chains(&routes, ranges, claims);
                takes_all = all;
                for chain in chains {
                    self.add(chain);
                }
            }
        }
        if !takes_all {
            self.add_default(inputs, claims, mesh);
        }
        self.only_tls &= service.port.protocol.is_tls();
    }

    /// The chain to the service's own cluster.
    fn add_default(&mut self, inputs: &TcpInputs<'_>, claims: &mut Claims, mesh: &Mesh) {
        let service = inputs.service;
        let host = &service.host.host;
        let ranges = service.addressed.ranges();
        let cluster = names::outbound_cluster(service.port.number, "", host);
        let chain = filter_chain().filter(tcp::to_cluster(&cluster, inputs.policy.as_ref(), mesh));
        // On an address that is shared, TLS services are told apart by the name that clients ask for.
        // Mirrors istio pilot/pkg/networking/core/tls.go (buildSidecarOutboundTLSFilterChainOpts).
        let is_tls = service.port.protocol.is_tls();
        if let Addressed::Pods(pods) = &service.addressed {
            // A chain for each: Envoy closes the connections of one that has changed.
            for pod in pods.iter().filter_map(|pod| claims.free(&[*pod])) {
                self.add_bytes(service, pod, chain.clone());
            }
            return;
        }
        if service.addressed == Addressed::Own || !is_tls {
            if let Some(ranges) = claims.free(ranges) {
                self.add_bytes(service, ranges, chain);
                return;
            }
            // The address is an older service's as well; clients of that are not kept waiting.
            if !(is_tls && self.only_tls) {
                return;
            }
        }
        for (names, ranges) in claims.server_names(std::slice::from_ref(host), ranges) {
            self.needs_sni = true;
            let chain = chain.clone().server_names(tcp::server_names(&names));
            self.matched.push(chain.prefix_ranges(cidrs(&ranges)).build());
        }
    }

    /// Adds the chain of a service to its cluster.
    fn add_bytes(&mut self, service: &TcpService, ranges: Vec<IpNet>, chain: FilterChainBuilder) {
        let chain = chain.prefix_ranges(cidrs(&ranges));
        self.add(chain.clone().build());
        if service.port.protocol == Protocol::Auto && !ranges.is_empty() {
            self.sniffed.push((ranges, chain));
        }
    }

    /// Adds a chain; the one that takes every connection comes after all others.
    fn add(&mut self, chain: FilterChain) {
        if !takes_all(&chain) {
            self.matched.push(chain);
        } else if self.rest.is_none() {
            self.rest = Some(chain);
        }
    }
}

/// The chain for connections to unknown hosts.
pub(super) fn unknown(policy: OutboundTrafficPolicy, mesh: &Mesh) -> FilterChain {
    let (name, cluster) = match policy {
        OutboundTrafficPolicy::AllowAny => ("PassthroughFilterChain", names::PASSTHROUGH_CLUSTER),
        OutboundTrafficPolicy::RegistryOnly => ("BlackHoleFilterChain", names::BLACK_HOLE_CLUSTER),
    };
    filter_chain().name(name).filter(tcp::to_cluster(cluster, None, mesh)).build()
}
