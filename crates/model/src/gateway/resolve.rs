//! A Gateway as a whole: servers, their hosts and TLS.

use std::sync::Arc;

use fairlead_config::{
    Config, LabelSet, Namespace,
    api::{self, GatewaySpec, ServerTlsMode, TlsProtocol},
    is_cipher_suite,
    parts::{self, ClientAuthority, ServerCertificate},
};

use super::{
    ClientCa, ClientValidation, DownstreamTls, Gateway, GatewayServer, ServerHost, ServerTls, TlsVersion,
};
use crate::{CertificateSource, Host, Protocol};

/// Resolves the names of `config`, without the servers and hosts that are left out.
///
/// The specification is valid: `config::validate::gateway` refuses a Gateway with an error. Useless parts, which
/// `config::parts` reports, are left out here.
pub fn resolve(config: &Config<GatewaySpec>) -> Gateway {
    let spec = &config.spec;
    let server = |(index, spec)| server(index, spec, &config.key.namespace);
    Gateway {
        origin: config.key.clone(),
        created: config.created,
        selector: LabelSet::from(&spec.selector),
        servers: spec.servers.iter().enumerate().filter_map(server).collect(),
    }
}

fn server(index: usize, spec: &api::Server, own: &Namespace) -> Option<GatewayServer> {
    // A port without a protocol is opaque TCP. Mirrors istio pilot/pkg/networking/core/gateway.go
    // (buildGatewayTCPBasedFilterChains).
    let named = if spec.port.protocol.is_empty() { "TCP" } else { &spec.port.protocol };
    let protocol = Protocol::parse(named).expect("validation refuses what is no protocol");
    if protocol == Protocol::Udp {
        return None;
    }
    let tls = server_tls(protocol, spec.tls.as_ref())?;
    // Plaintext HTTP matches the `Host` header, which allows more forms than a server name.
    let by_server_name = matches!(tls, ServerTls::Terminate(_) | ServerTls::Passthrough);
    let mut hosts: Vec<_> = spec.hosts.iter().map(|host| server_host(host, own)).collect();
    hosts.retain(|host| !by_server_name || !host.host.is_partial_wildcard());
    if hosts.is_empty() {
        return None;
    }
    Some(GatewayServer {
        index,
        name: spec.name.as_deref().unwrap_or_default().into(),
        // The port of a UNIX domain socket may be 0.
        port: u16::try_from(spec.port.number).expect("validation refuses what is no port"),
        port_name: spec.port.name.as_str().into(),
        protocol,
        bind: text(spec.bind.as_deref()),
        hosts,
        tls,
    })
}

/// `host`, `namespace/host`, `./host` or `*/host`.
fn server_host(text: &str, own: &Namespace) -> ServerHost {
    let (namespace, host) = match text.split_once('/') {
        None => (None, text),
        Some(("*", host)) => (None, host),
        Some((".", host)) => (Some(own.clone()), host),
        Some((namespace, host)) => (Some(Namespace::from(namespace)), host),
    };
    ServerHost { namespace, host: Host::new(host) }
}

/// The TLS of a server; `None` if it cannot be served as written: a server never falls back to weaker settings.
fn server_tls(protocol: Protocol, spec: Option<&api::ServerTlsSettings>) -> Option<ServerTls> {
    match spec {
        // For plaintext HTTP only the redirect counts. Mirrors istio pkg/config/gateway (IsTLSServer).
        Some(spec) if protocol.is_http() && spec.https_redirect => Some(ServerTls::HttpsRedirect),
        _ if protocol.is_http() => Some(ServerTls::None),
        // Validation refuses a server for TLS without `tls`.
        None => Some(ServerTls::None),
        Some(spec) => match spec.mode.unwrap_or_default() {
            ServerTlsMode::Passthrough => Some(ServerTls::Passthrough),
            ServerTlsMode::Simple | ServerTlsMode::Mutual | ServerTlsMode::OptionalMutual => {
                terminate(spec).map(ServerTls::Terminate)
            }
            ServerTlsMode::AutoPassthrough | ServerTlsMode::IstioMutual => None,
        },
    }
}

fn terminate(spec: &api::ServerTlsSettings) -> Option<DownstreamTls> {
    let certificate = match parts::server_certificate(spec)? {
        ServerCertificate::Secret(name) => CertificateSource::Secret(name.into()),
        ServerCertificate::Files { certificate, key } => {
            CertificateSource::Files { certificate: certificate.into(), key: key.into() }
        }
    };
    let authority = || {
        Some(match parts::client_authority(spec)? {
            ClientAuthority::Secret(name) => ClientCa::Secret(name.into()),
            ClientAuthority::File(path) => ClientCa::File(path.into()),
        })
    };
    let client = match spec.mode.unwrap_or_default() {
        ServerTlsMode::Mutual => ClientValidation::Required(authority()?),
        ServerTlsMode::OptionalMutual => ClientValidation::Optional(authority()?),
        _ => ClientValidation::None,
    };
    Some(DownstreamTls {
        certificate,
        client,
        min_version: version(spec.min_protocol_version).unwrap_or(TlsVersion::Tls12),
        max_version: version(spec.max_protocol_version).unwrap_or(TlsVersion::Tls13),
        cipher_suites: cipher_suites(&spec.cipher_suites),
        subject_alt_names: spec.subject_alt_names.iter().map(|name| name.as_str().into()).collect(),
    })
}

/// The cipher suites that Envoy supports, each once: it rejects a listener with any other. If none is left, Envoy's
/// defaults.
///
/// Mirrors istio pilot/pkg/networking/core/listener.go (filterCipherSuites).
fn cipher_suites(names: &[String]) -> Vec<Arc<str>> {
    let mut suites: Vec<Arc<str>> = Vec::new();
    for name in names.iter().filter(|name| is_cipher_suite(name)) {
        if !suites.iter().any(|suite| **suite == **name) {
            suites.push(name.as_str().into());
        }
    }
    suites
}

fn version(spec: Option<TlsProtocol>) -> Option<TlsVersion> {
    match spec? {
        TlsProtocol::TlsAuto => None,
        TlsProtocol::TlsV10 => Some(TlsVersion::Tls10),
        TlsProtocol::TlsV11 => Some(TlsVersion::Tls11),
        TlsProtocol::TlsV12 => Some(TlsVersion::Tls12),
        TlsProtocol::TlsV13 => Some(TlsVersion::Tls13),
    }
}

fn text(text: Option<&str>) -> Option<Arc<str>> {
    text.filter(|text| !text.is_empty()).map(Into::into)
}
