//! A TLS handshake that tells what the server presented.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use fairlead_lab::deadline::eventually;
use fairlead_testkit::certs::CertKey;
use rustls::{
    ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long a handshake may take.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(5);
/// How long it may take until a certificate is presented.
const PRESENTED_WITHIN: Duration = Duration::from_secs(30);

/// What a server presented.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Its certificate, without those that it is issued by.
    pub(crate) leaf: CertificateDer<'static>,
    /// The version that was agreed.
    pub(crate) version: ProtocolVersion,
}

impl Seen {
    /// Whether the certificate is this one.
    pub(crate) fn is(&self, identity: &CertKey) -> bool {
        CertificateDer::from_pem_slice(identity.certificate.as_bytes()).is_ok_and(|leaf| leaf == self.leaf)
    }
}

/// Shakes hands as a client that asks for `name` and trusts `ca` (PEM), in any version.
pub(crate) async fn handshake(to: SocketAddr, name: &str, ca: &str) -> io::Result<Seen> {
    handshake_in(to, name, ca, rustls::DEFAULT_VERSIONS).await
}

/// As [`handshake`], in one of these versions.
pub(crate) async fn handshake_in(
    to: SocketAddr,
    name: &str,
    ca: &str,
    versions: &[&'static SupportedProtocolVersion],
) -> io::Result<Seen> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(ca.as_bytes()) {
        roots.add(root.map_err(io::Error::other)?).map_err(io::Error::other)?;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
    let exchange = async {
        let stream = TcpStream::connect(to).await?;
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    };
    let stream = tokio::time::timeout(HANDSHAKE_WITHIN, exchange).await.map_err(io::Error::other)??;
    let session = stream.get_ref().1;
    let leaf = session.peer_certificates().and_then(|chain| chain.first()).cloned();
    match (leaf, session.protocol_version()) {
        (Some(leaf), Some(version)) => Ok(Seen { leaf: leaf.into_owned(), version }),
        _ => Err(io::Error::other("a handshake without a certificate")),
    }
}

/// Waits until a client that asks for `name` is shown this certificate, or refused if there is none.
pub(crate) async fn presents(to: SocketAddr, name: &str, ca: &str, expected: Option<&CertKey>) {
    eventually(name, PRESENTED_WITHIN, || async {
        match (handshake(to, name, ca).await, expected) {
            (Ok(seen), Some(identity)) if seen.is(identity) => Ok(()),
            (Err(_), None) => Ok(()),
            (seen, _) => Err(format!("{seen:?}")),
        }
    })
    .await
    .unwrap();
}
