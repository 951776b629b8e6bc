//! The listeners of sidecars towards their application.
//!
//! Redirected traffic arrives at `virtualInbound`, which has a filter chain for each port; without interception
//! each port of a Sidecar's `ingress` has a listener of its own. Mirrors istio
//! pilot/pkg/networking/core/listener_inbound.go, without the chains of mutual TLS.

use std::{sync::Arc, time::Duration};

use envoy_types::pb::envoy::config::{
    core::v3::TrafficDirection,
    listener::v3::{FilterChain, Listener},
    route::v3::RouteConfiguration,
};
use fairlead_envoy::{
    IntoProto, address,
    listener::{
        FilterChainBuilder, TransportProtocol, filter_chain,
        inspect::{enabled_only_on_ports, http_inspector, original_dst, original_src},
        listener,
    },
    route::{
        PathMatch, Upstream, forward,
        policy::{Retry, max_stream_duration, retry_policy},
        route, route_configuration, route_match, virtual_host,
    },
};
use fairlead_incremental::{Query, Reader, Stratum};
use fairlead_model::{
    Protocol,
    mesh::{Mesh, ResolvedMesh},
    proxy::{InboundKey, InboundListener, Interception},
    sidecar::Bind,
    strata,
};
use fairlead_resource::EncodedResource;

use super::{PLAINTEXT_HTTP, bind_address, bind_name, encoded, http, second_wildcard, tcp, wildcard};
use crate::{maker::Maker, metadata, names};

/// Mark of connections that Envoy opens from the client's address (istio-iptables).
const TPROXY_MARK: u32 = 1337;
/// Number of retries of a request that the application cannot have seen (Istio's inbound default).
const RESET_BEFORE_REQUEST_RETRIES: u32 = 2;

/// The listeners of an inbound side.
pub struct InboundListeners;

impl Query for InboundListeners {
    type Key = InboundKey;
    type Value = Arc<[EncodedResource]>;
    const NAME: &'static str = "inbound_listeners";
    const STRATUM: Stratum = strata::RESOURCE;

    fn compute(cx: &Reader<'_>, key: &InboundKey) -> Self::Value {
        listeners(key, &cx.get::<ResolvedMesh>(&())).iter().map(|(listener, _)| encoded(listener)).collect()
    }
}

/// The listeners of an inbound side, with the maker of each of their filter chains.
pub(crate) fn listeners<'a>(key: &'a InboundKey, mesh: &Mesh) -> Vec<(Listener, Vec<Maker<'a>>)> {
    let (bound, mut captured): (Vec<_>, Vec<_>) = key.listeners.iter().partition(|l| l.bind.is_some());
    // Connections to the proxy's own port never reach a workload, and Envoy rejects a second chain for that port.
    captured.retain(|listener| listener.port != mesh.inbound_port);
    let mut listeners: Vec<_> =
        bound.into_iter().filter_map(|l| Some(bound_listener(l, l.bind.as_ref()?, mesh))).collect();
    if key.interception != Interception::None {
        listeners.push(virtual_inbound(key, &captured, mesh));
    }
    listeners
}

/// A listener that binds to the port of a Sidecar's ingress.
fn bound_listener<'a>(inbound: &'a InboundListener, bind: &Bind, mesh: &Mesh) -> (Listener, Vec<Maker<'a>>) {
    let chains = chains(inbound, mesh, &filter_chain);
    let makers = vec![Maker::Inbound(inbound, None); chains.len()];
    let mut builder =
        listener(&*names::listener(&bind_name(bind), inbound.port), bind_address(bind, inbound.port))
            .traffic_direction(TrafficDirection::Inbound)
            .filter_chains(chains)
            .metadata(metadata::config(&inbound.origin));
    if inbound.protocol == Protocol::Auto {
        builder = builder
            .listener_filter(http_inspector())
            .listener_filters_timeout(mesh.protocol_detection_timeout, true);
    }
    (builder.build(), makers)
}

/// The listener that redirected connections arrive at.
fn virtual_inbound<'a>(
    key: &InboundKey,
    captured: &[&'a InboundListener],
    mesh: &Mesh,
) -> (Listener, Vec<Maker<'a>>) {
    let any = wildcard(key.families);
    let port = mesh.inbound_port;
    let mut builder = listener(names::VIRTUAL_INBOUND, address::address(any.to_string(), port))
        .traffic_direction(TrafficDirection::Inbound)
        .listener_filter(original_dst());
    if key.interception == Interception::Tproxy {
        builder = builder.transparent().listener_filter(original_src(TPROXY_MARK));
    }
    let sniffed: Vec<u16> =
        captured.iter().filter(|l| l.protocol == Protocol::Auto).map(|l| l.port).collect();
    if !sniffed.is_empty() {
        builder = builder
            .listener_filter(enabled_only_on_ports(http_inspector(), &sniffed))
            .listener_filters_timeout(mesh.protocol_detection_timeout, true);
    }
    if let Some(second) = second_wildcard(&Bind::Ip(any), key.families, port) {
        builder = builder.additional_address(second);
    }
    // A connection to the listener's own port would come back for ever.
    builder = builder.filter_chain(
        filter_chain()
            .name("virtualInbound-blackhole")
            .destination_port(port)
            .filter(tcp::to_cluster(names::BLACK_HOLE_CLUSTER, None, mesh))
            .build(),
    );
    let mut makers = vec![Maker::Fairlead];
    for inbound in captured {
        let chains = chains(inbound, mesh, &|| filter_chain().destination_port(inbound.port));
        makers.extend(chains.iter().map(|_| Maker::Inbound(inbound, None)));
        builder = builder.filter_chains(chains);
    }
    makers.push(Maker::Fairlead);
    let listener = builder
        .default_filter_chain(
            filter_chain()
                .name("virtualInbound")
                .filter(tcp::to_cluster(names::INBOUND_PASSTHROUGH_CLUSTER, None, mesh))
                .build(),
        )
        .build();
    (listener, makers)
}

/// The chains of one port: HTTP, bytes, or both where the protocol is detected.
fn chains(inbound: &InboundListener, mesh: &Mesh, base: &dyn Fn() -> FilterChainBuilder) -> Vec<FilterChain> {
    let cluster = names::inbound_cluster(inbound.port);
    let bytes = |chain: FilterChainBuilder| {
        chain.name(&*cluster).filter(tcp::to_cluster(&cluster, None, mesh)).build()
    };
    let http = |chain: FilterChainBuilder, name: &str| {
        let stat_prefix = format!("inbound_0.0.0.0_{}", inbound.port);
        let table = inbound_table(inbound.port, inbound.protocol);
        chain.name(name).filter(http::inbound(&stat_prefix, table, inbound.protocol, mesh)).build()
    };
    if inbound.protocol == Protocol::Auto {
        // Envoy looks for the transport before the application protocol, and does not look again without it: a chain
        // that did not name the transport would get nothing. Nothing inspects TLS here, so TLS is bytes as well.
        let raw = || base().transport_protocol(TransportProtocol::RawBuffer);
        vec![http(raw().application_protocols(PLAINTEXT_HTTP), &format!("{cluster}http")), bytes(raw())]
    } else if inbound.protocol.is_http() {
        vec![http(base(), &cluster)]
    } else {
        vec![bytes(base())]
    }
}

/// Every request goes to the application, without a timeout: timeouts are up to the client.
fn inbound_table(port: u16, protocol: Protocol) -> RouteConfiguration {
    let cluster = names::inbound_cluster(port);
    let mut action = forward(Upstream::Cluster(cluster.to_string()));
    action.timeout = Some(Duration::ZERO.into_proto());
    action.max_stream_duration = Some(max_stream_duration(Some(Duration::ZERO), Some(Duration::ZERO)));
    if protocol != Protocol::Grpc {
        action.retry_policy = Some(retry_policy(Retry {
            retry_on: "reset-before-request".to_owned(),
            num_retries: Some(RESET_BEFORE_REQUEST_RETRIES),
            ..Retry::default()
        }));
    }
    let everything = route_match(PathMatch::Prefix("/".to_owned()));
    let route = route(names::DEFAULT_ROUTE, everything, action.into());
    let host = virtual_host(names::inbound_virtual_host(port), ["*"], [route]);
    RouteConfiguration {
        validate_clusters: Some(false.into_proto()),
        ..route_configuration(&*cluster, [host])
    }
}
