//! Secrets that SDS delivers.

use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::{
    CertificateValidationContext, Secret, TlsCertificate, secret,
};

use crate::data_source::{self, inline_bytes};

/// A certificate chain and its private key, both PEM.
pub fn tls_certificate(
    name: impl Into<String>,
    certificate_chain: impl Into<Vec<u8>>,
    private_key: impl Into<Vec<u8>>,
) -> Secret {
    of(
        name,
        secret::Type::TlsCertificate(TlsCertificate {
            certificate_chain: Some(inline_bytes(certificate_chain)),
            private_key: Some(inline_bytes(private_key)),
            ..Default::default()
        }),
    )
}

/// Roots to trust, PEM, and a revocation list, PEM.
pub fn validation_context(
    name: impl Into<String>,
    trusted_ca: impl Into<Vec<u8>>,
    crl: Option<Vec<u8>>,
) -> Secret {
    of(
        name,
        secret::Type::ValidationContext(CertificateValidationContext {
            trusted_ca: Some(inline_bytes(trusted_ca)),
            crl: crl.map(inline_bytes),
            ..Default::default()
        }),
    )
}

/// A certificate chain and its private key in files of the proxy, which are read again when they are replaced.
pub fn certificate_in_files(
    name: impl Into<String>,
    certificate_chain: impl Into<String>,
    private_key: impl Into<String>,
) -> Secret {
    of(
        name,
        secret::Type::TlsCertificate(TlsCertificate {
            certificate_chain: Some(data_source::file(certificate_chain)),
            private_key: Some(data_source::file(private_key)),
            ..Default::default()
        }),
    )
}

/// Roots to trust in a file of the proxy, which is read again when it is replaced.
pub fn authorities_in_file(name: impl Into<String>, trusted_ca: impl Into<String>) -> Secret {
    of(
        name,
        secret::Type::ValidationContext(CertificateValidationContext {
            trusted_ca: Some(data_source::file(trusted_ca)),
            ..Default::default()
        }),
    )
}

fn of(name: impl Into<String>, secret: secret::Type) -> Secret {
    Secret { name: name.into(), r#type: Some(secret) }
}
