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
    Protocol,
    destination_rule::{DestinationRule, MergedRule},
    mesh::{Mesh, ResolvedMesh},
    routes::{GatewayRef, RouteSet, RoutesOf},
    sidecar::{Bind, OutboundTrafficPolicy},
    strata,
};
use fairlead_resource::EncodedResource;
use ipnet::IpNet;

use super::key::{Addressed, OutboundListenerKey, TcpService};
use crate::{
    destination::Destinations,
    discovery::policy,
    listeners::{
        PLAINTEXT_HTTP, bind_address, bind_name,
        claims::{Claims, cidrs, takes_all},
        encoded, http,
        ranges::within_ranges,
        second_wildcard,
        tcp::{self, L4Client, L4Routes, MadeChain},
        wildcard,
    },
    maker::Maker,
    names,
};

/// The listener of a key.
pub struct OutboundListener;

impl Query for OutboundListener {
    type Key = OutboundListenerKey;
    type Value = EncodedResource;
    const NAME: &'static str = "outbound_listener";
    const STRATUM: Stratum = strata::RESOURCE;

    fn compute(cx: &Reader<'_>, key: &OutboundListenerKey) -> EncodedResource {
        with_listener(cx, key, |listener, _| encoded(&listener))
    }
}

/// Makes the listener of a key, with the maker of each of its filter chains.
pub(crate) fn with_listener<T>(
    cx: &Reader<'_>,
    key: &OutboundListenerKey,
    then: impl FnOnce(Listener, Vec<Maker<'_>>) -> T,
) -> T {
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
            rule: own_rule.and_then(|rule| (*cx.get::<MergedRule>(rule)).clone()),
        });
    }
    let (listener, makers) = outbound_listener(&inputs);
    then(listener, makers)
}

struct Inputs<'a> {
    key: &'a OutboundListenerKey,
    services: Vec<TcpInputs<'a>>,
    mesh: &'a Mesh,
}

struct TcpInputs<'a> {
    service: &'a TcpService,
    /// The route sets whose TLS and TCP routes apply to the service, in order, and where they lead.
    routes: Vec<(Arc<RouteSet>, Destinations)>,
    rule: Option<Arc<DestinationRule>>,
}

impl TcpInputs<'_> {
    fn maker(&self) -> Maker<'_> {
        let TcpService { host, port, .. } = self.service;
        let of = |key| Maker::Service { key, port: port.number, rule: self.rule.as_deref(), subset: None };
        host.service.as_ref().map_or(Maker::Fairlead, |scoped| of(&scoped.service))
    }
}

fn outbound_listener<'a>(inputs: &'a Inputs<'_>) -> (Listener, Vec<Maker<'a>>) {
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
    let (matched, mut makers): (Vec<_>, Vec<_>) = chains.matched.into_iter().unzip();
    builder = builder.filter_chains(matched);
    if let Some((chain, maker)) = chains.rest {
        builder = builder.default_filter_chain(chain);
        makers.push(maker);
    }
    (builder.build(), makers)
}

/// The filter chains of a listener.
#[derive(Default)]
struct Chains<'a> {
    matched: Vec<MadeChain<'a>>,
    /// The chain for connections that no other matches.
    rest: Option<MadeChain<'a>>,
    needs_sni: bool,
    needs_http: bool,
    /// The ranges of services whose protocol is detected, with their chains for bytes.
    sniffed: Vec<(Vec<IpNet>, FilterChainBuilder, Maker<'a>)>,
    /// Whether all services so far speak TLS, whose clients speak first, so that waiting for their bytes delays nobody.
    only_tls: bool,
}

impl<'a> Chains<'a> {
    fn of(inputs: &'a Inputs<'_>) -> Self {
        let key = inputs.key;
        let mut result = Self { only_tls: true, ..Self::default() };
        let mut claims = Claims::new(key.families);
        for service in &inputs.services {
            result.add_service(service, &mut claims, inputs.mesh);
        }
        // Redirected connections may be meant for an unknown host: at an address that stands for many, and at the
        // address of a service whose routes match only some server names.
        let stands_for_many = key.bind == Bind::Ip(wildcard(key.families));
        let own = || key.tcp.iter().any(|service| service.addressed == Addressed::Own);
        if result.rest.is_none() && !key.bind_to_port && (stands_for_many || own()) {
            result.rest = Some((unknown(key.unknown, inputs.mesh), Maker::Fairlead));
        }
        if let Some((table, protocol)) = &key.http {
            let stat_prefix = format!("outbound_{}", names::listener(&bind_name(&key.bind), key.port));
            let manager = http::outbound(&stat_prefix, table, *protocol, inputs.mesh);
            let filters = key.by_address.then(remember_destination).into_iter().chain([manager]);
            // Detected protocols at an address of its own belong to the service that has it.
            let own = inputs.services.first().filter(|first| first.service.addressed == Addressed::Own);
            let maker = own.map_or(Maker::SharedHttp, TcpInputs::maker);
            if result.rest.is_some() || !result.matched.is_empty() {
                // HTTP is distinguished from everything else.
                result.needs_http = true;
                let chain = filter_chain()
                    .transport_protocol(TransportProtocol::RawBuffer)
                    .application_protocols(PLAINTEXT_HTTP)
                    .filters(filters);
                // Envoy looks for the address first and for the transport then, and does not go back: detection within
                // ranges needs chains of these ranges, and the one for bytes names the transport too.
                for (ranges, bytes, of_bytes) in std::mem::take(&mut result.sniffed) {
                    let http = chain.clone().prefix_ranges(cidrs(&ranges));
                    let bytes = bytes.transport_protocol(TransportProtocol::RawBuffer);
                    result.matched.extend([(http.build(), of_bytes), (bytes.build(), of_bytes)]);
                }
                result.matched.insert(0, (chain.build(), maker));
            } else {
                result.matched.push((filter_chain().filters(filters).build(), maker));
            }
        }
        if result.matched.is_empty() && result.rest.is_some() && !stands_for_many {
            // The only service of an address takes every connection.
            result.matched.extend(result.rest.take());
        }
        let (matched, makers): (Vec<_>, Vec<_>) = std::mem::take(&mut result.matched).into_iter().unzip();
        result.matched = within_ranges(matched).into_iter().map(|(at, chain)| (chain, makers[at])).collect();
        result
    }

    /// The chains of one service: those of its TLS routes where the port speaks TLS, else those of its TCP routes; or
    /// one chain to its cluster.
    fn add_service(&mut self, inputs: &'a TcpInputs<'_>, claims: &mut Claims, mesh: &'a Mesh) {
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
                    // Routes for other names only leave the service its own.
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
    fn add_default(&mut self, inputs: &'a TcpInputs<'_>, claims: &mut Claims, mesh: &Mesh) {
        let (service, maker) = (inputs.service, inputs.maker());
        let host = &service.host.host;
        let ranges = service.addressed.ranges();
        let cluster = names::outbound_cluster(service.port.number, "", host);
        let policy = inputs.rule.as_deref().map(|rule| policy(Some(rule), service.port.number, None, mesh));
        let chain = filter_chain().filter(tcp::to_cluster(&cluster, policy.as_ref(), mesh));
        // On a shared address, TLS services are distinguished by the server name that clients send. Mirrors istio
        // pilot/pkg/networking/core/tls.go (buildSidecarOutboundTLSFilterChainOpts).
        let is_tls = service.port.protocol.is_tls();
        if let Addressed::Pods(pods) = &service.addressed {
            // A chain for each: Envoy closes the connections of a chain that has changed.
            for pod in pods.iter().filter_map(|pod| claims.free(&[*pod])) {
                self.add_bytes(service, pod, chain.clone(), maker);
            }
            return;
        }
        if service.addressed == Addressed::Own || !is_tls {
            if let Some(ranges) = claims.free(ranges) {
                self.add_bytes(service, ranges, chain, maker);
                return;
            }
            // The address belongs to an older service as well, whose clients must not be kept waiting.
            if !(is_tls && self.only_tls) {
                return;
            }
        }
        for (names, ranges) in claims.server_names(std::slice::from_ref(host), ranges) {
            self.needs_sni = true;
            let chain = chain.clone().server_names(tcp::server_names(&names));
            self.matched.push((chain.prefix_ranges(cidrs(&ranges)).build(), maker));
        }
    }

    /// Adds the chain of a service to its cluster.
    fn add_bytes(
        &mut self,
        service: &TcpService,
        ranges: Vec<IpNet>,
        chain: FilterChainBuilder,
        maker: Maker<'a>,
    ) {
        let chain = chain.prefix_ranges(cidrs(&ranges));
        self.add((chain.clone().build(), maker));
        if service.port.protocol == Protocol::Auto && !ranges.is_empty() {
            self.sniffed.push((ranges, chain, maker));
        }
    }

    /// Adds a chain; the one that matches every connection comes after all others.
    fn add(&mut self, chain: MadeChain<'a>) {
        if !takes_all(&chain.0) {
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
