//! A Gateway as a whole: servers, their hosts and TLS.

use std::sync::Arc;

use fairlead_config::{
    Code, Config, Diagnostics, FieldPath, LabelSet, Namespace,
    api::{self, GatewaySpec, ServerTlsMode, TlsProtocol},
    is_cipher_suite, path,
};

use super::{
    ClientCa, ClientValidation, DownstreamTls, Gateway, GatewayServer, ServerHost, ServerTls, TlsVersion,
    is_socket,
};
use crate::{CertificateSource, Host, Protocol};

/// Resolves the names of `config` and drops, with a finding, what is not usable.
pub fn resolve(config: &Config<GatewaySpec>, diagnostics: &mut Diagnostics) -> Gateway {
    let spec = &config.spec;
    let server = |(index, spec)| server(index, spec, &config.key.namespace, diagnostics);
    Gateway {
        origin: config.key.clone(),
        created: config.created,
        selector: LabelSet::from(&spec.selector),
        servers: spec.servers.iter().enumerate().filter_map(server).collect(),
    }
}

fn server(
    index: usize,
    spec: &api::Server,
    own: &Namespace,
    diagnostics: &mut Diagnostics,
) -> Option<GatewayServer> {
    let bind = text(spec.bind.as_deref());
    // A UNIX domain socket has no port.
    let is_port = |number: &u16| *number > 0 || is_socket(bind.as_deref());
    let Some(port) = u16::try_from(spec.port.number).ok().filter(is_port) else {
        let message = format!("`{}` is not a port", spec.port.number);
        diagnostics.error(Code::BadPort, path!("servers"[index]."port"."number"), message);
        return None;
    };
    // Without a protocol there are bytes. Mirrors istio pilot/pkg/networking/core/gateway.go
    // (buildGatewayTCPBasedFilterChains).
    let named = if spec.port.protocol.is_empty() { "TCP" } else { &spec.port.protocol };
    let Some(protocol) = Protocol::parse(named).filter(|known| *known != Protocol::Udp) else {
        let message = format!("`{}` is not a protocol of a gateway", spec.port.protocol);
        diagnostics.error(Code::UnknownProtocol, path!("servers"[index]."port"."protocol"), message);
        return None;
    };
    let tls = server_tls(index, protocol, spec.tls.as_ref(), diagnostics)?;
    // Plaintext HTTP tells hosts apart by their names, of which more forms are possible.
    let by_server_name = matches!(tls, ServerTls::Terminate(_) | ServerTls::Passthrough);
    let mut hosts: Vec<ServerHost> = Vec::with_capacity(spec.hosts.len());
    for (at, host) in spec.hosts.iter().enumerate() {
        let Some(host) = server_host(host, own) else { continue };
        if !by_server_name || host.host.is_server_name(&path!("servers"[index]."hosts"[at]), diagnostics) {
            hosts.push(host);
        }
    }
    if hosts.is_empty() {
        diagnostics.error(Code::BadHost, path!("servers"[index]."hosts"), "the server has no host");
        return None;
    }
    Some(GatewayServer {
        index,
        name: spec.name.as_deref().unwrap_or_default().into(),
        port,
        port_name: spec.port.name.as_str().into(),
        protocol,
        bind,
        hosts,
        tls,
    })
}

/// `host`, `namespace/host`, `./host` or `*/host`.
fn server_host(text: &str, own: &Namespace) -> Option<ServerHost> {
    let (namespace, host) = match text.split_once('/') {
        None => (None, text),
        Some(("*", host)) => (None, host),
        Some((".", host)) => (Some(own.clone()), host),
        Some((namespace, host)) => (Some(Namespace::from(namespace)), host),
    };
    (!host.is_empty()).then(|| ServerHost { namespace, host: Host::new(host) })
}

/// The TLS of a server; `None`, with a finding, where it cannot be served as it is asked for: a server never
/// falls back to less than it says.
fn server_tls(
    index: usize,
    protocol: Protocol,
    spec: Option<&api::ServerTlsSettings>,
    diagnostics: &mut Diagnostics,
) -> Option<ServerTls> {
    let path = path!("servers"[index]."tls");
    match spec {
        // Plaintext HTTP looks at the redirect only. Mirrors istio pkg/config/gateway (IsTLSServer).
        Some(spec) if protocol.is_http() && spec.https_redirect => Some(ServerTls::HttpsRedirect),
        _ if protocol.is_http() => Some(ServerTls::None),
        None if protocol.is_tls() => {
            diagnostics.error(Code::TlsMismatch, path, "a server for TLS needs `tls`");
            None
        }
        None => Some(ServerTls::None),
        Some(spec) => match spec.mode.unwrap_or_default() {
            ServerTlsMode::Passthrough => Some(ServerTls::Passthrough),
            ServerTlsMode::Simple | ServerTlsMode::Mutual | ServerTlsMode::OptionalMutual => {
                terminate(spec, &path, diagnostics).map(ServerTls::Terminate)
            }
            mode @ (ServerTlsMode::AutoPassthrough | ServerTlsMode::IstioMutual) => {
                let word =
                    if mode == ServerTlsMode::IstioMutual { "ISTIO_MUTUAL" } else { "AUTO_PASSTHROUGH" };
                let message = format!("the mode {word} is not served; the server is left out");
                diagnostics.warn(Code::ValueNotTranslated, path.field("mode"), message);
                None
            }
        },
    }
}

fn terminate(
    spec: &api::ServerTlsSettings,
    path: &FieldPath,
    diagnostics: &mut Diagnostics,
) -> Option<DownstreamTls> {
    let Some(certificate) = certificate(spec) else {
        let message = "the server has no certificate: neither credentialName nor files are given";
        diagnostics.error(Code::MissingCredential, path.clone(), message);
        return None;
    };
    let client = match spec.mode.unwrap_or_default() {
        ServerTlsMode::Mutual => client_ca(spec).map(ClientValidation::Required),
        ServerTlsMode::OptionalMutual => client_ca(spec).map(ClientValidation::Optional),
        _ => Some(ClientValidation::None),
    };
    let Some(client) = client else {
        let message = "clients cannot be verified: there is no certificate authority for them";
        diagnostics.error(Code::MissingCredential, path.clone(), message);
        return None;
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

/// The suites that Envoy has, each once: it would reject a listener for another one. If there are none, its own.
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

/// The first certificate that is named: of two, for RSA and ECDSA, one is served.
fn certificate(spec: &api::ServerTlsSettings) -> Option<CertificateSource> {
    if let Some(name) = credential(spec) {
        return Some(CertificateSource::Secret(name));
    }
    let files = |certificate: Option<&str>, key: Option<&str>| {
        Some(CertificateSource::Files { certificate: text(certificate)?, key: text(key)? })
    };
    let pairs = || spec.tls_certificates.iter();
    files(spec.server_certificate.as_deref(), spec.private_key.as_deref()).or_else(|| {
        pairs().find_map(|pair| files(pair.server_certificate.as_deref(), pair.private_key.as_deref()))
    })
}

fn credential(spec: &api::ServerTlsSettings) -> Option<Arc<str>> {
    text(spec.credential_name.as_deref()).or_else(|| text(spec.credential_names.first().map(String::as_str)))
}

fn client_ca(spec: &api::ServerTlsSettings) -> Option<ClientCa> {
    let named = text(spec.ca_cert_credential_name.as_deref()).or_else(|| credential(spec));
    let files = || {
        let of_pairs = spec.tls_certificates.iter().find_map(|pair| text(pair.ca_certificates.as_deref()));
        text(spec.ca_certificates.as_deref()).or(of_pairs).map(ClientCa::File)
    };
    named.map(ClientCa::Secret).or_else(files)
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
