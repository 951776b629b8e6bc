//! TLS to clients and to hosts.

use envoy_types::pb::envoy::{
    config::core::v3::{DataSource, TransportSocket},
    extensions::transport_sockets::{
        raw_buffer::v3::RawBuffer,
        tls::v3::{
            CertificateValidationContext, CommonTlsContext, DownstreamTlsContext, SdsSecretConfig,
            SubjectAltNameMatcher, TlsCertificate, TlsParameters, UpstreamTlsContext,
            common_tls_context::{CombinedCertificateValidationContext, ValidationContextType},
        },
    },
};

pub use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::{
    subject_alt_name_matcher::SanType, tls_parameters::TlsProtocol,
};

use crate::{
    config_source,
    extension::{self, transport_socket},
    matcher::StringMatch,
    wkt::IntoProto,
};

/// Settings of both sides of TLS.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CommonTls {
    /// The certificates shown to the peer.
    pub certificates: Vec<Certificate>,
    /// How the peer's certificate is verified.
    pub validation: Validation,
    /// Application protocols, the preferred one first.
    pub alpn_protocols: Vec<String>,
    /// Versions and ciphers.
    pub parameters: TlsSettings,
}

/// A certificate with its key.
#[derive(Clone, Debug, PartialEq)]
pub enum Certificate {
    /// A secret of this name, by SDS over ADS.
    Sds(String),
    /// Inline content or files; files are not reloaded when they change.
    Source {
        /// The certificate and its intermediates, PEM.
        chain: DataSource,
        /// The private key, PEM.
        private_key: DataSource,
    },
}

/// How the peer's certificate is verified.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Validation {
    /// Not at all.
    #[default]
    None,
    /// By a secret of this name, by SDS over ADS, and by one of these names in the certificate, if there are any.
    Sds(String, Vec<SubjectAltNameMatcher>),
    /// By a context at hand, see [`validation_context`].
    Context(Box<CertificateValidationContext>),
}

/// Versions and ciphers. `None` or empty is Envoy's default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// Envoy's default is TLS 1.2 on both sides.
    pub min_version: Option<TlsProtocol>,
    /// Envoy's default is TLS 1.3 for servers and TLS 1.2 for clients; [`upstream_tls_context`] makes it TLS 1.3.
    pub max_version: Option<TlsProtocol>,
    /// Ciphers of TLS 1.2 and below, as BoringSSL calls them.
    pub cipher_suites: Vec<String>,
    /// Curves for the key exchange.
    pub ecdh_curves: Vec<String>,
}

/// TLS to the hosts of a cluster, up to TLS 1.3 unless limited. Without `sni` none is sent.
pub fn upstream_tls_context(common: CommonTls, sni: Option<String>) -> UpstreamTlsContext {
    let mut common = common;
    common.parameters.max_version.get_or_insert(TlsProtocol::TlSv13);
    UpstreamTlsContext {
        common_tls_context: Some(common_tls_context(common)),
        sni: sni.unwrap_or_default(),
        ..Default::default()
    }
}

/// TLS to clients; `require_client_certificate` makes it mutual.
pub fn downstream_tls_context(common: CommonTls, require_client_certificate: bool) -> DownstreamTlsContext {
    DownstreamTlsContext {
        common_tls_context: Some(common_tls_context(common)),
        require_client_certificate: Some(require_client_certificate.into_proto()),
        ..Default::default()
    }
}

/// TLS as the transport socket of a cluster.
pub fn upstream_tls(context: &UpstreamTlsContext) -> TransportSocket {
    transport_socket(extension::TLS, context)
}

/// TLS as the transport socket of a filter chain.
pub fn downstream_tls(context: &DownstreamTlsContext) -> TransportSocket {
    transport_socket(extension::TLS, context)
}

/// No TLS, explicitly.
pub fn raw_buffer() -> TransportSocket {
    transport_socket(extension::RAW_BUFFER, &RawBuffer {})
}

/// A secret by SDS over ADS, waiting for it without a timeout: a listener or a cluster without its secret is of no use,
/// and gets no traffic while it warms.
pub fn sds(name: impl Into<String>) -> SdsSecretConfig {
    SdsSecretConfig { name: name.into(), sds_config: Some(config_source::ads_without_timeout()) }
}

/// Checks certificates against `trusted_ca`, and one of `names`, or any.
///
/// Authorities are required: without them Envoy 1.40 verifies nothing, even with `system_root_certs`, which it accepts
/// and ignores (measured: it accepts a self-signed certificate).
pub fn validation_context(
    trusted_ca: DataSource,
    names: impl IntoIterator<Item = SubjectAltNameMatcher>,
) -> CertificateValidationContext {
    CertificateValidationContext {
        trusted_ca: Some(trusted_ca),
        match_typed_subject_alt_names: names.into_iter().collect(),
        ..Default::default()
    }
}

/// A name that a certificate may have.
pub fn subject_alt_name(kind: SanType, matches: StringMatch) -> SubjectAltNameMatcher {
    SubjectAltNameMatcher {
        san_type: kind.into(),
        matcher: Some(matches.into()),
        ..SubjectAltNameMatcher::default()
    }
}

fn common_tls_context(common: CommonTls) -> CommonTlsContext {
    let CommonTls { certificates, validation, alpn_protocols, parameters } = common;
    let mut context = CommonTlsContext {
        alpn_protocols,
        tls_params: tls_parameters(parameters),
        validation_context_type: validation_context_type(validation),
        ..Default::default()
    };
    for certificate in certificates {
        match certificate {
            Certificate::Sds(name) => context.tls_certificate_sds_secret_configs.push(sds(name)),
            Certificate::Source { chain, private_key } => context.tls_certificates.push(TlsCertificate {
                certificate_chain: Some(chain),
                private_key: Some(private_key),
                ..Default::default()
            }),
        }
    }
    context
}

fn validation_context_type(validation: Validation) -> Option<ValidationContextType> {
    match validation {
        Validation::None => None,
        Validation::Sds(name, names) if names.is_empty() => {
            Some(ValidationContextType::ValidationContextSdsSecretConfig(sds(name)))
        }
        Validation::Sds(name, names) => {
            let default =
                CertificateValidationContext { match_typed_subject_alt_names: names, ..Default::default() };
            Some(ValidationContextType::CombinedValidationContext(CombinedCertificateValidationContext {
                default_validation_context: Some(default),
                validation_context_sds_secret_config: Some(sds(name)),
                ..Default::default()
            }))
        }
        Validation::Context(context) => Some(ValidationContextType::ValidationContext(*context)),
    }
}

fn tls_parameters(settings: TlsSettings) -> Option<TlsParameters> {
    let version = |version: Option<TlsProtocol>| version.unwrap_or(TlsProtocol::TlsAuto).into();
    (settings != TlsSettings::default()).then(|| TlsParameters {
        tls_minimum_protocol_version: version(settings.min_version),
        tls_maximum_protocol_version: version(settings.max_version),
        cipher_suites: settings.cipher_suites,
        ecdh_curves: settings.ecdh_curves,
        ..Default::default()
    })
}
