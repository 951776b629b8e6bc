//! The TLS side of a server.

use std::{io, sync::Arc};

use fairlead_lab::pem::{self, CertKey};
use rustls::{ServerConfig, ServerConnection, crypto::ring, server::WebPkiClientVerifier};
use tokio_rustls::TlsAcceptor;

use super::record::TlsSession;

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
            Some(ca) => builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(Arc::new(pem::roots(ca)?), provider)
                    .build()
                    .map_err(io::Error::other)?,
            ),
        };
        let (chain, key) = pem::identity(&self.identity)?;
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
