//! A server with one view, and clients of it.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use envoy_types::pb::envoy::{
    config::core::v3::Node as ProtoNode,
    service::discovery::v3::{
        DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
        aggregated_discovery_service_client::AggregatedDiscoveryServiceClient,
    },
};
use fairlead_resource::{EncodedResource, ResourceSet, TypeUrl};
use fairlead_xds::{
    NackReport, Node, Publication, SessionOptions,
    server::{
        Ack, Connection, ConnectionId, Endpoint, Peer, Resolver, ServeError, Server, ServerOptions, View,
    },
};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Status, Streaming, transport::Channel};

/// How long anything may take before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// An owner with one view for everybody.
pub(crate) struct World {
    pub(crate) view: Arc<View>,
    pub(crate) events: Mutex<Vec<String>>,
}

struct Guard(Arc<World>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.note("gone".into());
    }
}

impl World {
    fn note(&self, event: String) {
        self.events.lock().unwrap().push(event);
    }

    pub(crate) fn saw(&self, event: &str) -> bool {
        self.events.lock().unwrap().iter().any(|e| e == event)
    }
}

/// The resolver that tests install.
pub(crate) struct Owner(pub(crate) Arc<World>);

impl Resolver for Owner {
    async fn connect(&self, _id: ConnectionId, node: &Node, peer: &Peer) -> Result<Connection, Status> {
        if node.id == "stranger" {
            return Err(Status::permission_denied("strangers are not served"));
        }
        assert!(peer.address.is_some());
        self.0.note(format!("connect {}", node.id));
        Ok(Connection::new(self.0.view.clone(), SessionOptions::default(), Guard(self.0.clone())))
    }

    fn on_nack(&self, _id: ConnectionId, report: &NackReport) {
        self.0.note(format!("nack {} {}", report.type_url, report.resources[0].name));
    }

    fn on_ack(&self, ack: &Ack) {
        self.0.note(format!("ack {} {}", ack.type_url, ack.revision));
    }
}

pub(crate) struct Running {
    pub(crate) server: Server<Owner>,
    pub(crate) world: Arc<World>,
    pub(crate) address: std::net::SocketAddr,
    pub(crate) stop: Option<oneshot::Sender<()>>,
    pub(crate) serving: JoinHandle<Result<(), ServeError>>,
}

pub(crate) async fn start(publication: Publication, options: ServerOptions) -> Running {
    start_at([127, 0, 0, 1].into(), publication, options).await
}

/// A server at an address of this machine.
pub(crate) async fn start_at(ip: IpAddr, publication: Publication, options: ServerOptions) -> Running {
    let world = Arc::new(World { view: Arc::new(View::new(publication)), events: Mutex::default() });
    let server = Server::new(Arc::new(Owner(world.clone())), options);
    let listener = TcpListener::bind((ip, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let clone = server.clone();
    let serving = tokio::spawn(async move {
        clone.serve(Endpoint::plain(listener), async move { drop(stopped.await) }).await
    });
    Running { server, world, address, stop: Some(stop), serving }
}

impl Running {
    pub(crate) async fn client(&self) -> AggregatedDiscoveryServiceClient<Channel> {
        AggregatedDiscoveryServiceClient::connect(format!("http://{}", self.address)).await.unwrap()
    }

    pub(crate) async fn delta(&self) -> Delta {
        let (requests, receiver) = mpsc::unbounded_channel();
        let mut client = self.client().await.max_decoding_message_size(usize::MAX);
        let stream = client.delta_aggregated_resources(UnboundedReceiverStream::new(receiver));
        let responses = stream.await.unwrap().into_inner();
        Delta { requests, responses }
    }

    pub(crate) async fn sotw(&self) -> Sotw {
        let (requests, receiver) = mpsc::unbounded_channel();
        let mut client = self.client().await.max_decoding_message_size(usize::MAX);
        let stream = client.stream_aggregated_resources(UnboundedReceiverStream::new(receiver));
        let responses = stream.await.unwrap().into_inner();
        Sotw { requests, responses }
    }

    /// Waits until something holds, or fails.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let wait = async {
            while !holds(self) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let events = || self.world.events.lock().unwrap().clone();
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{what}: {:?}", events()));
    }
}

pub(crate) struct Delta {
    pub(crate) requests: mpsc::UnboundedSender<DeltaDiscoveryRequest>,
    pub(crate) responses: Streaming<DeltaDiscoveryResponse>,
}

impl Delta {
    pub(crate) fn begin(&self, type_url: TypeUrl) {
        let request =
            DeltaDiscoveryRequest { node: Some(node("a")), type_url: url(type_url), ..Default::default() };
        self.requests.send(request).unwrap();
    }

    pub(crate) async fn next(&mut self) -> Result<DeltaDiscoveryResponse, Status> {
        let response = tokio::time::timeout(PATIENCE, self.responses.message()).await.unwrap();
        response.and_then(|r| r.ok_or_else(|| Status::ok("ended")))
    }

    pub(crate) fn ack(&self, response: &DeltaDiscoveryResponse) {
        let request = DeltaDiscoveryRequest {
            type_url: response.type_url.clone(),
            response_nonce: response.nonce.clone(),
            ..Default::default()
        };
        self.requests.send(request).unwrap();
    }
}

pub(crate) struct Sotw {
    pub(crate) requests: mpsc::UnboundedSender<DiscoveryRequest>,
    pub(crate) responses: Streaming<DiscoveryResponse>,
}

impl Sotw {
    pub(crate) async fn next(&mut self) -> Result<DiscoveryResponse, Status> {
        let response = tokio::time::timeout(PATIENCE, self.responses.message()).await.unwrap();
        response.and_then(|r| r.ok_or_else(|| Status::ok("ended")))
    }
}

pub(crate) fn node(id: &str) -> ProtoNode {
    ProtoNode { id: id.into(), ..Default::default() }
}

pub(crate) fn url(type_url: TypeUrl) -> String {
    type_url.as_str().into()
}

/// `count` clusters of `bytes` bytes each.
pub(crate) fn clusters(revision: u64, count: usize, bytes: usize, fill: u8) -> Publication {
    let set: ResourceSet = (0..count)
        .map(|i| EncodedResource::whole(format!("c{i}"), vec![fill; bytes]))
        .map(|r| (r.name.clone(), r))
        .collect();
    Publication::new(revision).with(TypeUrl::CLUSTER, set)
}
