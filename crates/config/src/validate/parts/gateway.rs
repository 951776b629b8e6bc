//! Servers of a `Gateway`, and what is left out of them.

use fairlead_api::{GatewaySpec, Server, ServerTlsMode, ServerTlsSettings};

use crate::{Code, Diagnostics, FieldPath, path};

use super::{super::port, server_name};

/// The source of a server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerCertificate<'a> {
    /// The Secret of this name.
    Secret(&'a str),
    /// Files beside the proxy.
    Files {
        /// That of the certificate.
        certificate: &'a str,
        /// That of its key.
        key: &'a str,
    },
}

/// The source of the authority that verifies client certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuthority<'a> {
    /// The Secret of this name.
    Secret(&'a str),
    /// A file beside the proxy.
    File(&'a str),
}

/// The first certificate that is named: of two, for RSA and ECDSA, one is served.
pub fn server_certificate(tls: &ServerTlsSettings) -> Option<ServerCertificate<'_>> {
    let files = |certificate, key| {
        Some(ServerCertificate::Files { certificate: text(certificate)?, key: text(key)? })
    };
    credential(tls)
        .map(ServerCertificate::Secret)
        .or_else(|| files(tls.server_certificate.as_deref(), tls.private_key.as_deref()))
        .or_else(|| {
            tls.tls_certificates
                .iter()
                .find_map(|pair| files(pair.server_certificate.as_deref(), pair.private_key.as_deref()))
        })
}

/// The first authority that is named.
pub fn client_authority(tls: &ServerTlsSettings) -> Option<ClientAuthority<'_>> {
    let named = text(tls.ca_cert_credential_name.as_deref()).or_else(|| credential(tls));
    named.map(ClientAuthority::Secret).or_else(|| {
        let of_pairs = || tls.tls_certificates.iter().find_map(|pair| text(pair.ca_certificates.as_deref()));
        text(tls.ca_certificates.as_deref()).or_else(of_pairs).map(ClientAuthority::File)
    })
}

fn credential(tls: &ServerTlsSettings) -> Option<&str> {
    text(tls.credential_name.as_deref()).or_else(|| text(tls.credential_names.first().map(String::as_str)))
}

fn text(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

pub(super) fn check(spec: &GatewaySpec, found: &mut Diagnostics) {
    for (index, server) in spec.servers.iter().enumerate() {
        check_server(server, &path!("servers"[index]), found);
    }
}

/// Reports the parts of a server that are left out, or why the whole server is.
fn check_server(server: &Server, path: &FieldPath, found: &mut Diagnostics) {
    let protocol = &server.port.protocol;
    if protocol.eq_ignore_ascii_case("UDP") {
        let text = format!("`{protocol}` is not a protocol of a gateway");
        found.error(Code::UnknownProtocol, path.clone().field("port").field("protocol"), text);
        return;
    }
    // Plaintext HTTP distinguishes hosts by the authority, which allows more forms.
    let Some(tls) = server.tls.as_ref().filter(|_| !port::is_http(protocol)) else { return };
    if !check_tls(tls, &path.clone().field("tls"), found) {
        return;
    }
    let path = path.clone().field("hosts");
    let mut has_hosts = false;
    for (at, host) in server.hosts.iter().enumerate() {
        let name = host.split_once('/').map_or(host.as_str(), |(_, name)| name);
        has_hosts |= server_name::check(name, path.clone().index(at), found);
    }
    if !has_hosts {
        found.error(Code::BadHost, path, "the server has no host");
    }
}

/// Whether a server can be served as written: it never falls back to weaker settings.
fn check_tls(tls: &ServerTlsSettings, path: &FieldPath, found: &mut Diagnostics) -> bool {
    let why = match tls.mode.unwrap_or_default() {
        ServerTlsMode::Passthrough => return true,
        // Another finding reports these, as every value without effect.
        ServerTlsMode::AutoPassthrough | ServerTlsMode::IstioMutual => return false,
        _ if server_certificate(tls).is_none() => {
            "the server has no certificate: neither credentialName nor files are given"
        }
        ServerTlsMode::Mutual | ServerTlsMode::OptionalMutual if client_authority(tls).is_none() => {
            "clients cannot be verified: there is no certificate authority for them"
        }
        ServerTlsMode::Simple | ServerTlsMode::Mutual | ServerTlsMode::OptionalMutual => return true,
    };
    found.error(Code::MissingCredential, path.clone(), why);
    false
}
