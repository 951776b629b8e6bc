//! The TLS side of a client.

use std::{io, sync::Arc};

use rustls::{ClientConfig, crypto::ring, pki_types::ServerName};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::pem::{self, CertKey};

/// What a TLS client requests, trusts and presents.
#[derive(Clone, Debug)]
pub struct ClientTls {
    /// The server name that it sends, which the server's certificate must carry.
    pub server_name: String,
    /// The authority that it trusts, as PEM.
    pub ca: String,
    /// The certificate that it presents, if any.
    pub identity: Option<CertKey>,
    /// The protocols that it offers; those of its HTTP version if empty.
    pub alpn: Vec<String>,
}

impl ClientTls {
    /// A client that asks for `server_name`, trusts `ca` (PEM) and presents no certificate.
    pub fn new(server_name: &str, ca: String) -> Self {
        Self { server_name: server_name.to_owned(), ca, identity: None, alpn: Vec::new() }
    }

    /// Presents `identity`.
    #[must_use]
    pub fn identity(mut self, identity: CertKey) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Performs the handshake over `stream`, and offers `usual` if no other protocols are chosen.
    pub(super) async fn handshake(&self, stream: TcpStream, usual: &str) -> io::Result<TlsStream<TcpStream>> {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(pem::roots(&self.ca)?);
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let (chain, key) = pem::identity(identity)?;
                builder.with_client_auth_cert(chain, key).map_err(io::Error::other)?
            }
        };
        config.alpn_protocols = if self.alpn.is_empty() {
            vec![usual.into()]
        } else {
            self.alpn.iter().map(|name| name.clone().into_bytes()).collect()
        };
        let name = ServerName::try_from(self.server_name.clone()).map_err(io::Error::other)?;
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}
