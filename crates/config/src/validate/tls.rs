//! TLS settings of clients (`DestinationRule`) and of servers (`Gateway`, `Sidecar`).

use fairlead_api::{ClientTlsMode, ClientTlsSettings, ServerTlsMode, ServerTlsSettings, TlsProtocol};

use crate::{Code, Diagnostics, FieldPath, printable::shown};

/// Cipher suites that Envoy knows, by OpenSSL's names.
const CIPHER_SUITES: &[&str] = &[
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA",
    "ECDHE-RSA-AES256-SHA",
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
    "AES128-SHA",
    "AES256-SHA",
    "DES-CBC3-SHA",
];

/// Maximum size of a server name in bytes (`UpstreamTlsContext.sni` of Envoy's API).
const MOST_SNI_BYTES: usize = 255;

/// Whether Envoy has a cipher suite of this name; others are left out, as in Istio.
pub fn is_cipher_suite(name: &str) -> bool {
    CIPHER_SUITES.contains(&name)
}

/// Checks the TLS settings of connections to a service.
pub(super) fn client(settings: &ClientTlsSettings, path: &FieldPath, found: &mut Diagnostics) {
    let at = |field: &'static str| path.clone().field(field);
    let files = [
        ("clientCertificate", &settings.client_certificate),
        ("privateKey", &settings.private_key),
        ("caCertificates", &settings.ca_certificates),
    ];
    let set_files: Vec<_> =
        files.iter().filter(|(_, file)| has(file.as_deref())).map(|(name, _)| *name).collect();
    let by_name = has(settings.credential_name.as_deref());
    match settings.mode.unwrap_or_default() {
        ClientTlsMode::Disable => {
            if by_name || !set_files.is_empty() || settings.sni.is_some() {
                let text = "the settings have no effect: the mode is DISABLE";
                found.warn(Code::NoEffect, path.clone(), text).help("write mode: SIMPLE or MUTUAL");
            }
        }
        ClientTlsMode::IstioMutual => {
            if by_name || !set_files.is_empty() {
                let text = "ISTIO_MUTUAL uses the workload's own certificate; no other may be given";
                found
                    .error(Code::MutuallyExclusive, path.clone(), text)
                    .help("write mode: MUTUAL, or remove them");
            }
        }
        ClientTlsMode::Simple | ClientTlsMode::Mutual if by_name => {
            credential_excludes(&set_files, path, found);
        }
        ClientTlsMode::Simple => {
            for field in set_files.iter().filter(|field| **field != "caCertificates") {
                let text = format!("`{field}` has no effect: the mode is SIMPLE");
                found.warn(Code::NoEffect, at(field), text).help("write mode: MUTUAL to send a certificate");
            }
        }
        ClientTlsMode::Mutual => {
            for field in ["clientCertificate", "privateKey"] {
                if !set_files.contains(&field) {
                    let text = format!("the mode MUTUAL needs `{field}`");
                    found
                        .error(Code::MissingCredential, path.clone(), text)
                        .help("write it, or `credentialName`");
                }
            }
        }
    }
    if settings.insecure_skip_verify == Some(true) {
        for (field, set) in [
            ("caCertificates", has(settings.ca_certificates.as_deref())),
            ("subjectAltNames", !settings.subject_alt_names.is_empty()),
        ] {
            if set {
                let text = format!("`{field}` and `insecureSkipVerify` exclude each other");
                found.error(Code::MutuallyExclusive, at(field), text).help("remove `insecureSkipVerify`");
            }
        }
    }
    if settings.sni.as_ref().is_some_and(|sni| sni.len() > MOST_SNI_BYTES) {
        let text = format!("the server name has more than {MOST_SNI_BYTES} bytes; it is left out");
        found.error(Code::BadTls, at("sni"), text);
    }
    names(&settings.subject_alt_names, &at("subjectAltNames"), found);
}

fn has(text: Option<&str>) -> bool {
    text.is_some_and(|text| !text.is_empty())
}

fn credential_excludes(set_files: &[&'static str], path: &FieldPath, found: &mut Diagnostics) {
    for field in set_files {
        let text = format!("`{field}` and `credentialName` exclude each other");
        found.error(Code::MutuallyExclusive, path.clone().field(*field), text).help("keep `credentialName`");
    }
}

fn names(names: &[String], path: &FieldPath, found: &mut Diagnostics) {
    for (index, name) in names.iter().enumerate() {
        if name.is_empty() {
            found.error(Code::BadTls, path.clone().index(index), "a subject alternative name is empty");
        }
    }
}

/// Checks the TLS settings of a server whose port carries TLS.
pub(super) fn server(settings: &ServerTlsSettings, path: &FieldPath, found: &mut Diagnostics) {
    let at = |field: &'static str| path.clone().field(field);
    let mode = settings.mode.unwrap_or_default();
    match mode {
        ServerTlsMode::Passthrough | ServerTlsMode::AutoPassthrough => {
            if has_certificate(settings) {
                let text = "the certificate is not used: TLS is passed through";
                let diagnostic = found.warn(Code::NoEffect, path.clone(), text);
                diagnostic.help(if settings.mode.is_none() {
                    "write mode: SIMPLE; without a mode TLS is passed through"
                } else {
                    "write mode: SIMPLE to terminate TLS"
                });
            }
        }
        ServerTlsMode::IstioMutual => {
            if has_certificate(settings) {
                let text = "ISTIO_MUTUAL uses the workload's own certificate; no other may be given";
                found
                    .error(Code::MutuallyExclusive, path.clone(), text)
                    .help("write mode: MUTUAL, or remove them");
            }
        }
        ServerTlsMode::Simple => needs_certificate(settings, path, found),
        ServerTlsMode::Mutual | ServerTlsMode::OptionalMutual => {
            needs_certificate(settings, path, found);
            let by_secret = has(settings.credential_name.as_deref())
                || !settings.credential_names.is_empty()
                || has(settings.ca_cert_credential_name.as_deref());
            let by_file = has(settings.ca_certificates.as_deref()) || !settings.tls_certificates.is_empty();
            if !by_secret && !by_file {
                let text = "clients cannot be verified: there is no `caCertificates`";
                found
                    .error(Code::MissingCredential, path.clone(), text)
                    .help("write it, or `credentialName`");
            }
        }
    }
    exclusive_certificates(settings, path, found);
    if let (Some(least), Some(most)) = (settings.min_protocol_version, settings.max_protocol_version)
        && most != TlsProtocol::TlsAuto
        && rank(least) > rank(most)
    {
        let text = "the lowest version of TLS is higher than the highest";
        found.error(Code::BadTls, at("minProtocolVersion"), text);
    }
    for (index, suite) in settings.cipher_suites.iter().enumerate() {
        if !is_cipher_suite(suite) {
            let text = format!("`{}` is not a cipher suite and is ignored", shown(suite));
            let help = format!("the cipher suites are {}", CIPHER_SUITES.join(", "));
            found.warn(Code::BadTls, at("cipherSuites").index(index), text).help(help);
        }
    }
    names(&settings.subject_alt_names, &at("subjectAltNames"), found);
}

fn rank(version: TlsProtocol) -> u8 {
    match version {
        TlsProtocol::TlsAuto => 0,
        TlsProtocol::TlsV10 => 1,
        TlsProtocol::TlsV11 => 2,
        TlsProtocol::TlsV12 => 3,
        TlsProtocol::TlsV13 => 4,
    }
}

fn has_certificate(settings: &ServerTlsSettings) -> bool {
    has(settings.credential_name.as_deref())
        || has(settings.server_certificate.as_deref())
        || has(settings.private_key.as_deref())
        || !settings.credential_names.is_empty()
        || !settings.tls_certificates.is_empty()
}

fn needs_certificate(settings: &ServerTlsSettings, path: &FieldPath, found: &mut Diagnostics) {
    let by_secret = has(settings.credential_name.as_deref()) || !settings.credential_names.is_empty();
    if by_secret || !settings.tls_certificates.is_empty() {
        return;
    }
    let files = [("serverCertificate", &settings.server_certificate), ("privateKey", &settings.private_key)];
    let missing: Vec<_> =
        files.iter().filter(|(_, file)| !has(file.as_deref())).map(|(name, _)| *name).collect();
    match missing.as_slice() {
        [] => {}
        [one] => {
            let text = format!("`{one}` is absent");
            found.error(Code::MissingCredential, path.clone(), text).help("write it, or `credentialName`");
        }
        _ => {
            let text = "the server has no certificate";
            let help =
                "write `credentialName` with the name of a Secret, or `serverCertificate` and `privateKey`";
            found.error(Code::MissingCredential, path.clone(), text).help(help);
        }
    }
}

fn exclusive_certificates(settings: &ServerTlsSettings, path: &FieldPath, found: &mut Diagnostics) {
    let ways = [
        ("credentialName", has(settings.credential_name.as_deref())),
        ("credentialNames", !settings.credential_names.is_empty()),
        ("tlsCertificates", !settings.tls_certificates.is_empty()),
        ("serverCertificate", has(settings.server_certificate.as_deref())),
    ];
    let set: Vec<_> = ways.iter().filter(|(_, set)| *set).map(|(name, _)| *name).collect();
    if let [first, .., last] = set.as_slice() {
        let text = format!("`{first}` and `{last}` exclude each other");
        found.error(Code::MutuallyExclusive, path.clone().field(*last), text).help("keep one of them");
    }
    for (field, count) in [
        ("credentialNames", settings.credential_names.len()),
        ("tlsCertificates", settings.tls_certificates.len()),
    ] {
        if count > 2 {
            let text = format!("`{field}` has at most two items, one for RSA and one for ECDSA");
            found.error(Code::BadTls, path.clone().field(field), text);
        }
    }
}
