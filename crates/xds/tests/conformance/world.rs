//! A server with two views, one for the node `b` and one for everybody else.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use fairlead_resource::{EncodedResource, TypeUrl};
use fairlead_xds::{
    NackReport, Node, Publication, SessionOptions,
    server::{Ack, Connection, ConnectionId, Endpoint, Peer, Resolver, Server, ServerOptions, View},
};
use tokio::{net::TcpListener, sync::oneshot};
use tonic::Status;

use crate::script::sets;

/// How long anything may take before a row fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The type and name of the resource by which a client sees how far the server is.
pub(crate) const PROBE: (TypeUrl, &str) = (TypeUrl::LB_ENDPOINT, "probe");

/// What a script may set before its server starts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limits {
    pub(crate) session: SessionOptions,
    pub(crate) server: ServerOptions,
}

/// The owner: lets everybody in but the node `stranger`.
struct Owner {
    main: Arc<View>,
    other: Arc<View>,
    options: SessionOptions,
}

impl Resolver for Owner {
    async fn connect(&self, _id: ConnectionId, node: &Node, _peer: &Peer) -> Result<Connection, Status> {
        match node.id.as_str() {
            "stranger" => Err(Status::permission_denied("strangers are not served")),
            "b" => Ok(Connection::new(self.other.clone(), self.options.clone(), ())),
            _ => Ok(Connection::new(self.main.clone(), self.options.clone(), ())),
        }
    }

    fn on_nack(&self, _id: ConnectionId, _report: &NackReport) {}

    fn on_ack(&self, _ack: &Ack) {}
}

/// A running server.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    view: Arc<View>,
    pub(crate) revision: u64,
    stop: Option<oneshot::Sender<()>>,
}

impl World {
    /// Starts a server that publishes nothing but the probe, and to `b` cluster `other`.
    pub(crate) async fn start(limits: Limits) -> Self {
        let view = Arc::new(View::new(publication(0, "")));
        let other = Arc::new(View::new(publication(0, "CDS other=1")));
        let owner = Owner { main: view.clone(), other, options: limits.session };
        let server = Server::new(Arc::new(owner), limits.server);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(async move {
            server.serve(Endpoint::plain(listener), async move { drop(stopped.await) }).await.unwrap();
        });
        Self { address, view, revision: 0, stop: Some(stop) }
    }

    /// Publishes a set in place of the last one; the probe changes each time.
    pub(crate) fn publish(&mut self, resources: &str) {
        self.revision += 1;
        self.view.publish(publication(self.revision, resources));
    }

    /// Begins to drain.
    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
    }
}

fn publication(revision: u64, text: &str) -> Publication {
    let mut sets = sets(text);
    let probe = EncodedResource::whole(PROBE.1, format!("{}={revision}", PROBE.1));
    sets.entry(PROBE.0).or_default().insert(probe.name.clone(), probe);
    sets.into_iter().fold(Publication::new(revision), |p, (type_url, set)| p.with(type_url, set))
}
