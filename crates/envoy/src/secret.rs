//! Secrets that SDS delivers.

use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::{
    CertificateValidationContext, GenericSecret, Secret, TlsCertificate, secret,
};

use crate::data_source::inline_bytes;

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

/// A secret of any use, as credential injectors take it.
pub fn generic_secret(name: impl Into<String>, secret: impl Into<Vec<u8>>) -> Secret {
    let secret = GenericSecret { secret: Some(inline_bytes(secret)), ..Default::default() };
    of(name, secret::Type::GenericSecret(secret))
}

fn of(name: impl Into<String>, secret: secret::Type) -> Secret {
    Secret { name: name.into(), r#type: Some(secret) }
}
