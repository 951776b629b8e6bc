//! The listeners of gateways: one for each port, with a filter chain for each TLS server.
//!
//! Mirrors istio pilot/pkg/networking/core/gateway.go.

use std::{sync::Arc, time::Duration};

use envoy_types::pb::envoy::config::{
    core::v3::{TrafficDirection, TransportSocket},
    listener::v3::FilterChain,
};
use fairlead_envoy::{
    EncodedResource, IntoProto, ResourceName, data_source,
    listener::{
        ChainElement, ChainSecrets, ListenerBuilder, filter_chain, inspect::tls_inspector, listener,
        listener_of_chains,
    },
    tls::{
        Certificate, CommonTls, TlsSettings, TlsVersion as EnvoyTlsVersion, Validation, downstream_tls,
        downstream_tls_context, validation_context,
    },
};
use fairlead_incremental::{Collect, Query, Reader, Stratum};
use fairlead_model::{
    CertificateSource, ConfigKey, Host,
    gateway::{
        ClientCa, ClientValidation, DownstreamTls, Gateway, GatewayListener, GatewayListenerKind,
        GatewayListeners, GatewayListenersKey, GatewayServer, MergedGateways, ResolvedGateway, ServerTls,
        TlsVersion,
    },
    mesh::{Mesh, ResolvedMesh},
    proxy::IpFamilies,
    scope::ScopeKey,
    sidecar::Bind,
    strata,
    virtual_service::GatewayRef,
};
use imbl::OrdSet;

use super::{
    bind_address, bind_name,
    claims::Claims,
    encoded, http, second_wildcard,
    tcp::{self, L4Client, L4Routes},
    wildcard,
};
use crate::{
    clusters::alt_name,
    metadata, names,
    routes::gateway::{GatewayView, tables_of_listener, terminates_http},
};

mod bound;

use bound::{BoundVirtualService, bound_virtual_services};

/// How long a client may take for the TLS handshake (Istio's default).
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(15);

/// The merged listeners of a view.
pub(crate) fn merged(cx: &Reader<'_>, view: &GatewayView) -> Arc<MergedGateways> {
    cx.get::<GatewayListeners>(&GatewayListenersKey {
        gateways: view.gateways.clone(),
        ports: view.ports.clone(),
        privileged: view.privileged,
    })
}

/// One gateway listener.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GatewayListenerKey {
    /// The listener and its servers.
    pub listener: GatewayListener,
    /// What is seen: TCP and TLS routes lead to services.
    pub scope: ScopeKey,
    /// The families that it listens on where it has no address of its own.
    pub families: IpFamilies,
}

/// The keys of a view's listeners.
struct GatewayListenerPlan;

impl Query for GatewayListenerPlan {
    type Key = GatewayView;
    type Value = OrdSet<GatewayListenerKey>;
    const NAME: &'static str = "gateway_listener_plan";
    const STRATUM: Stratum = strata::PLAN;

    fn compute(cx: &Reader<'_>, view: &GatewayView) -> Self::Value {
        let key = |listener: &GatewayListener| GatewayListenerKey {
            listener: listener.clone(),
            scope: view.scope.clone(),
            families: view.families,
        };
        merged(cx, view).listeners.iter().map(key).collect()
    }
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
        (*cx.get::<GatewayListenerPlan>(view)).clone()
    }

    fn entries(
        _: &GatewayListenerKey,
        listener: &Option<EncodedResource>,
        emit: &mut dyn FnMut(ResourceName, EncodedResource),
    ) {
        if let Some(listener) = listener {
            emit(listener.name.clone(), listener.clone());
        }
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
        let mut servers = Vec::new();
        for server in key.listener.servers.iter() {
            let Some(gateway) = (*cx.get::<ResolvedGateway>(&server.gateway)).clone() else { continue };
            let Some(found) = gateway.servers.iter().find(|s| s.index == server.index).cloned() else {
                continue;
            };
            let bound = if needs_l4_routes(&found) {
                bound_virtual_services(cx, &server.gateway, &found, &key.scope)
            } else {
                Vec::new()
            };
            let gateways = [GatewayRef::Gateway(server.gateway.clone())];
            servers.push(ServerInputs { gateway, gateways, server: found, bound });
        }
        let mesh = cx.get::<ResolvedMesh>(&());
        gateway_listener(&key.listener, key.families, &servers, &mesh)
    }
}

/// A server and the VirtualServices whose TCP and TLS routes apply to it.
struct ServerInputs {
    gateway: Arc<Gateway>,
    /// The same, as VirtualServices name it.
    gateways: [GatewayRef; 1],
    server: GatewayServer,
    bound: Vec<BoundVirtualService>,
}

impl ServerInputs {
    fn routes<'a>(&'a self, bound: &'a BoundVirtualService, mesh: &'a Mesh) -> L4Routes<'a> {
        L4Routes {
            service: &bound.virtual_service,
            destinations: &bound.destinations,
            client: L4Client { port: self.server.port, gateways: &self.gateways, source: None },
            mesh,
        }
    }
}

/// Whether connections of the server are proxied as bytes.
fn needs_l4_routes(server: &GatewayServer) -> bool {
    match server.tls {
        ServerTls::Passthrough => true,
        ServerTls::Terminate(_) => !terminates_http(server.protocol),
        ServerTls::None | ServerTls::HttpsRedirect => !server.protocol.is_http(),
    }
}

fn gateway_listener(
    key: &GatewayListener,
    families: IpFamilies,
    servers: &[ServerInputs],
    mesh: &Mesh,
) -> Option<EncodedResource> {
    let own_bind = key.bind.as_deref().and_then(|bind| bind.parse().ok());
    let bind = Bind::Ip(own_bind.unwrap_or_else(|| wildcard(families)));
    let name = names::listener(&bind_name(&bind), key.port);
    let mut claims = Claims::default();
    let chains: Vec<FilterChain> = match key.kind {
        GatewayListenerKind::Http => vec![http_chain(key, servers.first()?, None, mesh)?],
        GatewayListenerKind::Tcp => {
            servers.iter().flat_map(|inputs| tcp_chains(inputs, &mut claims, mesh)).collect()
        }
        GatewayListenerKind::Tls => {
            let head = head(key, &name, &bind, families, servers).build();
            let of_server = |inputs| chain_elements(key, &name, inputs, &mut claims, mesh);
            let chains: Vec<ChainElement> = servers.iter().flat_map(of_server).collect();
            let listener = || listener_of_chains(&head, chains.clone(), mesh.listener_elements);
            return (!chains.is_empty()).then(listener);
        }
    };
    let listener = || head(key, &name, &bind, families, servers).filter_chains(chains.clone()).build();
    (!chains.is_empty()).then(|| encoded(&listener()))
}

/// A listener but for its chains.
fn head(
    key: &GatewayListener,
    name: &str,
    bind: &Bind,
    families: IpFamilies,
    servers: &[ServerInputs],
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

/// The chain of HTTP servers: all plaintext ones of a listener, or one that terminates TLS.
fn http_chain(
    key: &GatewayListener,
    inputs: &ServerInputs,
    tls: Option<&DownstreamTls>,
    mesh: &Mesh,
) -> Option<FilterChain> {
    let server = &inputs.server;
    let listener = match tls {
        None => key.clone(),
        Some(_) => GatewayListener { servers: only(inputs), ..key.clone() },
    };
    let table = tables_of_listener(&listener, &mut |_: &ConfigKey| Some(inputs.gateway.clone()))
        .into_iter()
        .next()?;
    let stat_prefix = if server.name.is_empty() {
        format!("outbound_{}", names::listener(key.bind.as_deref().unwrap_or("0.0.0.0"), key.port))
    } else {
        server.name.to_string()
    };
    let chain = filter_chain().filter(http::gateway(&stat_prefix, &table.name, server.protocol, mesh));
    Some(match tls {
        None => chain.build(),
        Some(tls) => chain
            .transport_socket(transport_socket(tls, &["h2", "http/1.1"]))
            .transport_socket_connect_timeout(HANDSHAKE_TIMEOUT)
            .metadata(metadata::config(&inputs.gateway.origin))
            .build(),
    })
}

fn only(inputs: &ServerInputs) -> Arc<[fairlead_model::gateway::ServerRef]> {
    Arc::new([fairlead_model::gateway::ServerRef {
        gateway: inputs.gateway.origin.clone(),
        index: inputs.server.index,
    }])
}

/// The chains of a TLS server, each named after the first of its hosts: no other chain of the listener has that one.
fn chain_elements(
    key: &GatewayListener,
    listener: &str,
    inputs: &ServerInputs,
    claims: &mut Claims,
    mesh: &Mesh,
) -> Vec<ChainElement> {
    let element = |mut chain: FilterChain| {
        let conditions = chain.filter_chain_match.clone().unwrap_or_default();
        if conditions.prefix_ranges.is_empty() {
            let host = conditions.server_names.iter().min().map_or("*", String::as_str);
            chain.name = names::gateway_chain(listener, host);
        }
        ChainElement::new(&chain, secrets(&inputs.server))
    };
    tls_chains(key, inputs, claims, mesh).into_iter().map(element).collect()
}

/// What a server is sent by SDS.
fn secrets(server: &GatewayServer) -> ChainSecrets {
    let mut secrets = ChainSecrets::default();
    if let ServerTls::Terminate(tls) = &server.tls {
        if let CertificateSource::Secret(name) = &tls.certificate {
            secrets.certificates.push(names::credential(name).to_string());
        }
        if let ClientValidation::Required(ClientCa::Secret(name))
        | ClientValidation::Optional(ClientCa::Secret(name)) = &tls.client
        {
            secrets.authorities.push(names::credential_ca(name).to_string());
        }
    }
    secrets
}

/// The chains of a TLS server.
fn tls_chains(
    key: &GatewayListener,
    inputs: &ServerInputs,
    claims: &mut Claims,
    mesh: &Mesh,
) -> Vec<FilterChain> {
    let server = &inputs.server;
    let hosts = hosts(server);
    match &server.tls {
        ServerTls::Terminate(tls) => {
            let free: Vec<Host> = hosts.into_iter().filter(|host| claims.server_name(host, &[])).collect();
            if free.is_empty() {
                return Vec::new();
            }
            let chain = if terminates_http(server.protocol) {
                http_chain(key, inputs, Some(tls), mesh)
            } else {
                // What is within TLS has no address of its own to be told apart by.
                let chain = tcp_chains(inputs, &mut Claims::default(), mesh).into_iter().next();
                chain.map(|chain| FilterChain {
                    transport_socket: Some(transport_socket(tls, &[])),
                    transport_socket_connect_timeout: Some(HANDSHAKE_TIMEOUT.into_proto()),
                    ..chain
                })
            };
            let narrowed = |mut chain: FilterChain| {
                let names = tcp::server_names(&free);
                if !names.is_empty() {
                    chain.filter_chain_match.get_or_insert_default().server_names = names;
                }
                chain
            };
            chain.map(narrowed).into_iter().collect()
        }
        ServerTls::Passthrough => {
            let chains_of = |bound: &BoundVirtualService| {
                tcp::tls_chains(&inputs.routes(bound, mesh), Some(&hosts), &[], claims)
            };
            inputs.bound.iter().flat_map(chains_of).collect()
        }
        ServerTls::None | ServerTls::HttpsRedirect => Vec::new(),
    }
}

/// The chains of a server whose bytes are proxied, by the TCP routes of its VirtualServices.
fn tcp_chains(inputs: &ServerInputs, claims: &mut Claims, mesh: &Mesh) -> Vec<FilterChain> {
    let chains_of = |bound: &BoundVirtualService| tcp::tcp_chains(&inputs.routes(bound, mesh), &[], claims).0;
    inputs.bound.iter().flat_map(chains_of).collect()
}

fn hosts(server: &GatewayServer) -> Vec<Host> {
    server.hosts.iter().map(|h| h.host.clone()).collect()
}

/// The TLS of a server.
fn transport_socket(tls: &DownstreamTls, alpn: &[&str]) -> TransportSocket {
    let certificate = match &tls.certificate {
        CertificateSource::Secret(name) => Certificate::Sds(names::credential(name).to_string()),
        CertificateSource::Files { certificate, key } => Certificate::Source {
            chain: data_source::file(&**certificate),
            private_key: data_source::file(&**key),
        },
    };
    let (validation, required) = match &tls.client {
        ClientValidation::None => (Validation::None, false),
        ClientValidation::Required(ca) => (client_validation(ca, tls), true),
        ClientValidation::Optional(ca) => (client_validation(ca, tls), false),
    };
    let common = CommonTls {
        certificates: vec![certificate],
        validation,
        alpn_protocols: alpn.iter().map(ToString::to_string).collect(),
        parameters: TlsSettings {
            min_version: Some(version(tls.min_version)),
            max_version: Some(version(tls.max_version)),
            cipher_suites: tls.cipher_suites.iter().map(ToString::to_string).collect(),
            ecdh_curves: Vec::new(),
        },
    };
    downstream_tls(&downstream_tls_context(common, required))
}

fn client_validation(ca: &ClientCa, tls: &DownstreamTls) -> Validation {
    let names: Vec<_> = tls.subject_alt_names.iter().map(|name| alt_name(name)).collect();
    match ca {
        ClientCa::File(path) => {
            Validation::Context(Box::new(validation_context(data_source::file(&**path), names)))
        }
        ClientCa::Secret(name) if names.is_empty() => Validation::Sds(names::credential_ca(name).to_string()),
        ClientCa::Secret(name) => Validation::SdsAndNames(names::credential_ca(name).to_string(), names),
    }
}

fn version(version: TlsVersion) -> EnvoyTlsVersion {
    match version {
        TlsVersion::Tls10 => EnvoyTlsVersion::V1_0,
        TlsVersion::Tls11 => EnvoyTlsVersion::V1_1,
        TlsVersion::Tls12 => EnvoyTlsVersion::V1_2,
        TlsVersion::Tls13 => EnvoyTlsVersion::V1_3,
    }
}
