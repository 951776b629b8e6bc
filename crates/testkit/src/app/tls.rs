//! The TLS side of a server.

use std::{io, sync::Arc};

use rustls::{
    RootCertStore, ServerConfig, ServerConnection,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use tokio_rustls::TlsAcceptor;

use super::TlsSession;
use crate::certs::CertKey;

/// What a TLS server presents and demands.
#[derive(Clone, Debug)]
pub struct ServerTls {
    /// Its certificate and key.
    pub identity: CertKey,
    /// The authority that clients' certificates must come from, as PEM; no client certificate is asked for if
    /// `None`.
    pub client_ca: Option<String>,
    /// The protocols that it speaks, best first.
    pub alpn: Vec<String>,
}

impl ServerTls {
    /// A server that asks for no client certificate and speaks HTTP/2 and HTTP/1.1.
    pub fn simple(identity: CertKey) -> Self {
        Self { identity, client_ca: None, alpn: vec!["h2".to_owned(), "http/1.1".to_owned()] }
    }

    /// A server that demands a certificate issued by `client_ca` (PEM).
    pub fn mutual(identity: CertKey, client_ca: String) -> Self {
        Self { client_ca: Some(client_ca), ..Self::simple(identity) }
    }

    pub(super) fn acceptor(&self) -> io::Result<TlsAcceptor> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(pem) => builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots(pem)?), provider)
                    .build()
                    .map_err(io::Error::other)?,
            ),
        };
        let (chain, key) = identity(&self.identity)?;
        let mut config = builder.with_single_cert(chain, key).map_err(io::Error::other)?;
        config.alpn_protocols = self.alpn.iter().map(|name| name.clone().into_bytes()).collect();
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

pub(super) fn session(connection: &ServerConnection) -> TlsSession {
    TlsSession {
        sni: connection.server_name().map(str::to_owned),
        alpn: connection.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
        client_certificate: connection.peer_certificates().and_then(|c| c.first()).map(|c| c.to_vec()),
    }
}

/// The chain and key in `pem`, for rustls.
pub(crate) fn identity(pem: &CertKey) -> io::Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let chain = CertificateDer::pem_slice_iter(pem.certificate.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(io::Error::other)?;
    let key = PrivateKeyDer::from_pem_slice(pem.key.as_bytes()).map_err(io::Error::other)?;
    Ok((chain, key))
}

/// The authorities in `pem`, for rustls.
pub(crate) fn roots(pem: &str) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
    }
    Ok(roots)
}
