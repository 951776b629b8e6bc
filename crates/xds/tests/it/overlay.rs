//! What belongs to one connection: two Envoys under one view, each with a certificate of its own.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use envoy_types::pb::envoy::extensions::filters::network::echo::v3::Echo;
use fairlead_envoy::{
    address::pipe,
    encode,
    listener::{filter_chain, listener, network_filter},
    secret::tls_certificate,
    tls::{Certificate, CommonTls, downstream_tls, downstream_tls_context},
};
use fairlead_lab::{
    deadline::eventually,
    envoy_process::{EnvoyOptions, EnvoyProcess},
    pem,
};
use fairlead_resource::{EncodedResource, TypeUrl};
use fairlead_testkit::certs::{Ca, CertKey};
use fairlead_xds::{
    NackReport, Node, Overlay, Publication, SessionOptions,
    server::{Ack, Connection, ConnectionId, Endpoint, Peer, Resolver, Server, ServerOptions, View},
};
use rustls::{
    ClientConfig,
    pki_types::{CertificateDer, ServerName},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, UnixStream},
    sync::watch,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::Status;

use crate::{example::bootstrap, world::PATIENCE};

/// The secret's name, the same for all.
const IDENTITY: &str = "identity";

/// Serves everybody one view, and each node a certificate of its own.
struct Owner {
    view: Arc<View>,
    certificates: Mutex<BTreeMap<String, watch::Sender<Arc<Overlay>>>>,
}

impl Owner {
    /// Gives a node this certificate, instead of the one that it had.
    fn give(&self, node: &str, identity: &CertKey) {
        let (chain, key) = (identity.certificate.as_str(), identity.key.as_str());
        let secret = encode(&tls_certificate(IDENTITY, chain, key)).to_vec();
        let overlay = Arc::new(Overlay::new().with(TypeUrl::SECRET, IDENTITY, secret));
        let mut certificates = self.certificates.lock().unwrap();
        certificates.entry(node.to_owned()).or_default().send_replace(overlay);
    }
}

impl Resolver for Owner {
    async fn connect(&self, _: ConnectionId, node: &Node, _: &Peer) -> Result<Connection, Status> {
        let own = self.certificates.lock().unwrap()[&*node.id].subscribe();
        Ok(Connection::new(self.view.clone(), SessionOptions::default(), ()).with_overlay(own))
    }

    fn on_nack(&self, _: ConnectionId, report: &NackReport) {
        panic!("{report:?}");
    }

    fn on_ack(&self, _: &Ack) {}
}

/// A listener on a socket in the working directory, which shows the certificate and gives back what it is sent.
fn publication() -> Publication {
    let common =
        CommonTls { certificates: vec![Certificate::Sds(IDENTITY.to_owned())], ..CommonTls::default() };
    let tls = downstream_tls(&downstream_tls_context(common, false));
    let echo = network_filter("envoy.filters.network.echo", &Echo {});
    let chain = filter_chain().filter(echo).transport_socket(tls).build();
    let message = encode(&listener("in", pipe("in.sock")).filter_chain(chain).build());
    let resource = EncodedResource::whole("in", message);
    Publication::new(1).with(TypeUrl::LISTENER, [(resource.name.clone(), resource)].into_iter().collect())
}

/// An Envoy, and where its listener is.
struct Proxy {
    envoy: EnvoyProcess,
    directory: tempfile::TempDir,
}

impl Proxy {
    async fn start(node: &str, xds: u16) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut chdir = std::ffi::OsString::from("--chdir=");
        chdir.push(directory.path());
        let options = EnvoyOptions { wrapper: vec!["env".into(), chdir], ..EnvoyOptions::default() };
        let bootstrap = bootstrap(xds).replace("id: a,", &format!("id: {node},"));
        Self { envoy: EnvoyProcess::start(&bootstrap, &options).await.unwrap(), directory }
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("in.sock")
    }

    /// Waits until new connections are shown this certificate.
    async fn shows(&self, ca: &Ca, identity: &CertKey) -> TlsStream<UnixStream> {
        let expected = pem::identity(identity).unwrap().0;
        let shown = eventually("the certificate", PATIENCE, || async {
            let connection = connect(&self.socket(), ca).await.map_err(|error| error.to_string())?;
            if presented(&connection) == expected { Ok(connection) } else { Err("another".to_owned()) }
        });
        shown.await.unwrap()
    }
}

async fn connect(socket: &Path, ca: &Ca) -> std::io::Result<TlsStream<UnixStream>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(std::io::Error::other)?
        .with_root_certificates(pem::roots(&ca.certificate())?)
        .with_no_client_auth();
    let name = ServerName::try_from("proxy.example").map_err(std::io::Error::other)?;
    TlsConnector::from(Arc::new(config)).connect(name, UnixStream::connect(socket).await?).await
}

fn presented(connection: &TlsStream<UnixStream>) -> Vec<CertificateDer<'static>> {
    connection.get_ref().1.peer_certificates().unwrap_or_default().to_vec()
}

async fn echoes(connection: &mut TlsStream<UnixStream>) {
    connection.write_all(b"hello").await.unwrap();
    let mut answer = [0; 5];
    tokio::time::timeout(PATIENCE, connection.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_envoys_have_certificates_of_their_own_under_one_name_and_take_new_ones() {
    let ca = Ca::new("authority").unwrap();
    let [of_a, of_b, next_of_a] = [(); 3].map(|()| ca.server(&["proxy.example"]).unwrap());
    let view = Arc::new(View::new(publication()));
    let owner = Arc::new(Owner { view, certificates: Mutex::default() });
    owner.give("a", &of_a);
    owner.give("b", &of_b);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let xds = listener.local_addr().unwrap().port();
    let server = Server::new(owner.clone(), ServerOptions::default());
    let serving = server.clone();
    let serving =
        tokio::spawn(async move { serving.serve(Endpoint::plain(listener), std::future::pending()).await });

    let (a, b) = (Proxy::start("a", xds).await, Proxy::start("b", xds).await);
    let mut before = a.shows(&ca, &of_a).await;
    let other = b.shows(&ca, &of_b).await;
    owner.give("a", &next_of_a);
    let mut after = a.shows(&ca, &next_of_a).await;
    echoes(&mut before).await;
    echoes(&mut after).await;

    drop(b.shows(&ca, &of_b).await);
    drop(other);
    for proxy in [&a, &b] {
        let admin = proxy.envoy.admin();
        assert_eq!(admin.stat("listener_manager.listener_modified").await.unwrap(), 0);
        assert_eq!(admin.stat("listener_manager.lds.update_success").await.unwrap(), 1);
    }
    let shown = format!("{:?}", server.sessions().snapshot());
    assert!(shown.contains("SDS"), "{shown}");
    for secret in [&of_a, &of_b, &next_of_a] {
        assert!(!secret.key.lines().any(|line| shown.contains(line)), "{shown}");
    }
    serving.abort();
}
