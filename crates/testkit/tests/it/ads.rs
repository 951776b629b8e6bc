//! A small ADS server with a ledger: what it sent and what it was told, counted apart from any client.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use envoy_types::pb::{
    envoy::service::discovery::v3::{
        DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse, Resource,
        aggregated_discovery_service_server::{AggregatedDiscoveryService, AggregatedDiscoveryServiceServer},
    },
    google::protobuf::Any,
};
use fairlead_resource::TypeUrl;
use prost::Message;
use tokio::{
    net::TcpListener,
    sync::{broadcast, mpsc},
    task::JoinHandle,
};
use tokio_stream::{
    Stream,
    wrappers::{TcpListenerStream, UnboundedReceiverStream},
};
use tonic::{Request, Response, Status, Streaming};

/// What the server has done, over all streams.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ledger {
    pub(crate) bytes: BTreeMap<TypeUrl, u64>,
    pub(crate) responses: BTreeMap<TypeUrl, u64>,
    pub(crate) resources: BTreeMap<TypeUrl, u64>,
    pub(crate) acks: u64,
    /// The messages of refusals.
    pub(crate) nacks: Vec<String>,
    /// Node ids of all streams, in their order.
    pub(crate) nodes: Vec<String>,
    /// Names with versions that clients said they have.
    pub(crate) listed: u64,
    pub(crate) open: usize,
}

struct World {
    resources: Mutex<BTreeMap<(TypeUrl, String), (String, Any)>>,
    ledger: Mutex<Ledger>,
    pushes: broadcast::Sender<(TypeUrl, String)>,
}

/// The server; it ends with the value.
pub(crate) struct Ads {
    pub(crate) address: SocketAddr,
    world: Arc<World>,
    task: JoinHandle<()>,
}

impl Drop for Ads {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ads {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (pushes, _) = broadcast::channel(1000);
        let world = Arc::new(World { resources: Mutex::default(), ledger: Mutex::default(), pushes });
        let service = AggregatedDiscoveryServiceServer::new(Service(world.clone()));
        let task = tokio::spawn(async move {
            let server = tonic::transport::Server::builder().add_service(service);
            server.serve_with_incoming(TcpListenerStream::new(listener)).await.unwrap();
        });
        Self { address, world, task }
    }

    pub(crate) fn ledger(&self) -> Ledger {
        lock(&self.world.ledger).clone()
    }

    /// Puts a resource into the world, without telling anybody.
    pub(crate) fn put<M: Message>(&self, kind: TypeUrl, name: &str, version: &str, message: &M) {
        let any = Any { type_url: kind.as_str().to_owned(), value: message.encode_to_vec() };
        lock(&self.world.resources).insert((kind, name.to_owned()), (version.to_owned(), any));
    }

    /// Takes a resource out of the world, without telling anybody.
    pub(crate) fn take(&self, kind: TypeUrl, name: &str) {
        lock(&self.world.resources).remove(&(kind, name.to_owned()));
    }

    /// Sends a resource as it is now, or its removal, on every stream.
    pub(crate) fn push(&self, kind: TypeUrl, name: &str) {
        self.world.pushes.send((kind, name.to_owned())).unwrap();
    }
}

struct Service(Arc<World>);

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl AggregatedDiscoveryService for Service {
    type StreamAggregatedResourcesStream = Answers<DiscoveryResponse>;
    type DeltaAggregatedResourcesStream = Answers<DeltaDiscoveryResponse>;

    async fn stream_aggregated_resources(
        &self,
        request: Request<Streaming<DiscoveryRequest>>,
    ) -> Result<Response<Self::StreamAggregatedResourcesStream>, Status> {
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(serve_sotw(self.0.clone(), request.into_inner(), sender));
        Ok(Response::new(Box::pin(UnboundedReceiverStream::new(receiver))))
    }

    async fn delta_aggregated_resources(
        &self,
        request: Request<Streaming<DeltaDiscoveryRequest>>,
    ) -> Result<Response<Self::DeltaAggregatedResourcesStream>, Status> {
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(serve_delta(self.0.clone(), request.into_inner(), sender));
        Ok(Response::new(Box::pin(UnboundedReceiverStream::new(receiver))))
    }
}

async fn serve_delta(
    world: Arc<World>,
    mut requests: Streaming<DeltaDiscoveryRequest>,
    answers: mpsc::UnboundedSender<Result<DeltaDiscoveryResponse, Status>>,
) {
    let mut pushes = world.pushes.subscribe();
    lock(&world.ledger).open += 1;
    let mut nonce = 0;
    let mut send = |kind: TypeUrl, names: &[String]| {
        nonce += 1;
        let response = world.delta(kind, names, &nonce.to_string());
        world.note(kind, response.encoded_len(), response.resources.len());
        // A client that is gone is what some of the tests are about.
        let _gone = answers.send(Ok(response));
    };
    loop {
        tokio::select! {
            request = requests.message() => {
                let Ok(Some(request)) = request else { break };
                let kind = TypeUrl::parse(&request.type_url).unwrap();
                let answers = !request.response_nonce.is_empty();
                let error = request.error_detail.map(|status| status.message);
                world.heard(request.node.map(|node| node.id), answers, error);
                lock(&world.ledger).listed += request.initial_resource_versions.len() as u64;
                let wildcard = request.resource_names_subscribe.is_empty();
                if wildcard && !answers && request.initial_resource_versions.is_empty() {
                    send(kind, &world.names(kind));
                } else if !wildcard {
                    send(kind, &request.resource_names_subscribe);
                }
            }
            Ok((kind, name)) = pushes.recv() => send(kind, &[name]),
        }
    }
    lock(&world.ledger).open -= 1;
}

async fn serve_sotw(
    world: Arc<World>,
    mut requests: Streaming<DiscoveryRequest>,
    answers: mpsc::UnboundedSender<Result<DiscoveryResponse, Status>>,
) {
    let mut pushes = world.pushes.subscribe();
    lock(&world.ledger).open += 1;
    let mut nonce = 0;
    let mut asked: BTreeMap<TypeUrl, Vec<String>> = BTreeMap::new();
    let mut send = |kind: TypeUrl, names: &[String]| {
        nonce += 1;
        let response = world.sotw(kind, names, &nonce.to_string());
        world.note(kind, response.encoded_len(), response.resources.len());
        // As above.
        let _gone = answers.send(Ok(response));
    };
    loop {
        tokio::select! {
            request = requests.message() => {
                let Ok(Some(request)) = request else { break };
                let kind = TypeUrl::parse(&request.type_url).unwrap();
                let error = request.error_detail.map(|status| status.message);
                let mut names = request.resource_names;
                names.sort();
                // The same names again answer a response; others are a subscription.
                let answers = asked.get(&kind) == Some(&names);
                world.heard(request.node.map(|node| node.id), answers, error);
                if !answers {
                    asked.insert(kind, names.clone());
                    send(kind, &if names.is_empty() { world.names(kind) } else { names });
                }
            }
            Ok((kind, _)) = pushes.recv() => send(kind, &world.names(kind)),
        }
    }
    lock(&world.ledger).open -= 1;
}

impl World {
    fn names(&self, kind: TypeUrl) -> Vec<String> {
        lock(&self.resources).keys().filter(|(of, _)| *of == kind).map(|(_, name)| name.clone()).collect()
    }

    fn delta(&self, kind: TypeUrl, names: &[String], nonce: &str) -> DeltaDiscoveryResponse {
        let mut response = DeltaDiscoveryResponse {
            type_url: kind.as_str().to_owned(),
            nonce: nonce.to_owned(),
            ..DeltaDiscoveryResponse::default()
        };
        let resources = lock(&self.resources);
        let of_collection = |glob: &String| -> Vec<String> {
            let Some(prefix) = glob.strip_suffix('*') else { return vec![glob.clone()] };
            let names = resources.keys().filter(|(of, name)| *of == kind && name.starts_with(prefix));
            names.map(|(_, name)| name.clone()).collect()
        };
        for name in &names.iter().flat_map(of_collection).collect::<Vec<_>>() {
            match resources.get(&(kind, name.clone())) {
                None => response.removed_resources.push(name.clone()),
                Some((version, any)) => response.resources.push(Resource {
                    name: name.clone(),
                    version: version.clone(),
                    resource: Some(any.clone()),
                    ..Resource::default()
                }),
            }
        }
        response
    }

    fn sotw(&self, kind: TypeUrl, names: &[String], nonce: &str) -> DiscoveryResponse {
        let resources = lock(&self.resources);
        let of_name = |name: &String| resources.get(&(kind, name.clone())).map(|(_, any)| any.clone());
        DiscoveryResponse {
            version_info: format!("v{nonce}"),
            type_url: kind.as_str().to_owned(),
            nonce: nonce.to_owned(),
            resources: names.iter().filter_map(of_name).collect(),
            ..DiscoveryResponse::default()
        }
    }

    fn note(&self, kind: TypeUrl, size: usize, resources: usize) {
        let mut ledger = lock(&self.ledger);
        // Five bytes before each message.
        *ledger.bytes.entry(kind).or_default() += size as u64 + 5;
        *ledger.responses.entry(kind).or_default() += 1;
        *ledger.resources.entry(kind).or_default() += resources as u64;
    }

    fn heard(&self, node: Option<String>, answers: bool, error: Option<String>) {
        let mut ledger = lock(&self.ledger);
        ledger.nodes.extend(node);
        ledger.acks += u64::from(answers && error.is_none());
        ledger.nacks.extend(error);
    }
}
