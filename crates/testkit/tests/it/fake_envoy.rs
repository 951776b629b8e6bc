//! The fake Envoy against a scripted ADS server.

use std::{net::SocketAddr, pin::Pin, time::Duration};

use envoy_types::pb::{
    envoy::{
        config::{
            cluster::v3::{
                Cluster,
                cluster::{ClusterDiscoveryType, EdsClusterConfig},
            },
            core::v3::{AggregatedConfigSource, ConfigSource, config_source::ConfigSourceSpecifier},
            endpoint::v3::ClusterLoadAssignment,
        },
        service::discovery::v3::{
            DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse, Resource,
            aggregated_discovery_service_server::{
                AggregatedDiscoveryService, AggregatedDiscoveryServiceServer,
            },
        },
    },
    google::protobuf::Any,
};
use fairlead_lab::deadline::eventually;
use fairlead_resource::TypeUrl;
use fairlead_testkit::{
    ads::Protocol,
    fake_envoy::{FakeEnvoy, Options},
};
use prost::Message;
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};
use tokio_stream::{
    Stream,
    wrappers::{TcpListenerStream, UnboundedReceiverStream},
};
use tonic::{Request, Response, Status, Streaming};

const WITHIN: Duration = Duration::from_secs(10);

/// A stream of the server, in the hands of the test.
enum Seen {
    Delta(Streaming<DeltaDiscoveryRequest>, mpsc::UnboundedSender<Result<DeltaDiscoveryResponse, Status>>),
    Sotw(Streaming<DiscoveryRequest>, mpsc::UnboundedSender<Result<DiscoveryResponse, Status>>),
}

struct Ads(mpsc::UnboundedSender<Seen>);

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl AggregatedDiscoveryService for Ads {
    type StreamAggregatedResourcesStream = Answers<DiscoveryResponse>;
    type DeltaAggregatedResourcesStream = Answers<DeltaDiscoveryResponse>;

    async fn stream_aggregated_resources(
        &self,
        request: Request<Streaming<DiscoveryRequest>>,
    ) -> Result<Response<Self::StreamAggregatedResourcesStream>, Status> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.0.send(Seen::Sotw(request.into_inner(), sender)).unwrap();
        Ok(Response::new(Box::pin(UnboundedReceiverStream::new(receiver))))
    }

    async fn delta_aggregated_resources(
        &self,
        request: Request<Streaming<DeltaDiscoveryRequest>>,
    ) -> Result<Response<Self::DeltaAggregatedResourcesStream>, Status> {
        assert_eq!(request.metadata().get("authorization").unwrap(), "Bearer t");
        let (sender, receiver) = mpsc::unbounded_channel();
        self.0.send(Seen::Delta(request.into_inner(), sender)).unwrap();
        Ok(Response::new(Box::pin(UnboundedReceiverStream::new(receiver))))
    }
}

struct Server {
    address: SocketAddr,
    streams: mpsc::UnboundedReceiver<Seen>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, streams) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            tonic::transport::Server::builder()
                .http2_keepalive_interval(Some(Duration::from_millis(100)))
                .http2_keepalive_timeout(Some(Duration::from_millis(200)))
                .add_service(AggregatedDiscoveryServiceServer::new(Ads(sender)))
                .serve_with_incoming(TcpListenerStream::new(listener))
                .await
                .unwrap();
        });
        Self { address, streams, task }
    }

    async fn delta(
        &mut self,
    ) -> (Streaming<DeltaDiscoveryRequest>, mpsc::UnboundedSender<Result<DeltaDiscoveryResponse, Status>>)
    {
        match tokio::time::timeout(WITHIN, self.streams.recv()).await.unwrap().unwrap() {
            Seen::Delta(requests, answers) => (requests, answers),
            Seen::Sotw(..) => panic!("a delta client opened a state-of-the-world stream"),
        }
    }

    fn options(&self) -> Options {
        let mut options = Options::new(self.address);
        options.metadata.push(("authorization".to_owned(), "Bearer t".to_owned()));
        options
    }
}

async fn next<T>(requests: &mut Streaming<T>) -> T {
    tokio::time::timeout(WITHIN, requests.message()).await.unwrap().unwrap().unwrap()
}

fn cluster(name: &str) -> Cluster {
    let ads = ConfigSource {
        config_source_specifier: Some(ConfigSourceSpecifier::Ads(AggregatedConfigSource {})),
        ..ConfigSource::default()
    };
    Cluster {
        name: name.to_owned(),
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(3)),
        eds_cluster_config: Some(EdsClusterConfig { eds_config: Some(ads), service_name: String::new() }),
        ..Cluster::default()
    }
}

fn assignment(name: &str) -> ClusterLoadAssignment {
    ClusterLoadAssignment { cluster_name: name.to_owned(), ..ClusterLoadAssignment::default() }
}

fn any<M: Message>(kind: TypeUrl, message: &M) -> Any {
    Any { type_url: kind.as_str().to_owned(), value: message.encode_to_vec() }
}

fn delta<M: Message>(kind: TypeUrl, nonce: &str, resources: &[(&str, M)]) -> DeltaDiscoveryResponse {
    let resource = |(name, message): &(&str, M)| Resource {
        name: (*name).to_owned(),
        version: format!("v{nonce}"),
        resource: Some(any(kind, message)),
        ..Resource::default()
    };
    DeltaDiscoveryResponse {
        type_url: kind.as_str().to_owned(),
        nonce: nonce.to_owned(),
        resources: resources.iter().map(resource).collect(),
        ..DeltaDiscoveryResponse::default()
    }
}

#[tokio::test]
async fn a_delta_client_subscribes_acknowledges_and_lists_what_it_has_on_reconnect() {
    let mut server = Server::start().await;
    let envoy = FakeEnvoy::start(server.options());
    let (mut requests, answers) = server.delta().await;
    let first = next(&mut requests).await;
    assert_eq!(first.type_url, TypeUrl::CLUSTER.as_str());
    assert!(first.resource_names_subscribe.is_empty());
    assert_eq!(first.node.unwrap().id, "sidecar~10.0.0.1~a.default~default.svc.cluster.local");

    let clusters = delta(TypeUrl::CLUSTER, "1", &[("a", cluster("a"))]);
    let size = clusters.encoded_len() + 5;
    answers.send(Ok(clusters)).unwrap();
    let eds = next(&mut requests).await;
    assert_eq!((eds.type_url.as_str(), eds.node), (TypeUrl::CLUSTER_LOAD_ASSIGNMENT.as_str(), None));
    assert_eq!((eds.resource_names_subscribe, eds.response_nonce.as_str()), (vec!["a".to_owned()], ""));
    answers.send(Ok(delta(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, "2", &[("a", assignment("a"))]))).unwrap();
    let nonces = [next(&mut requests).await.response_nonce, next(&mut requests).await.response_nonce];
    assert_eq!(nonces, ["2", "1"]);
    assert_eq!(next(&mut requests).await.type_url, TypeUrl::LISTENER.as_str());

    envoy
        .wait_for("endpoints", WITHIN, |held| held.has(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, "a"))
        .await
        .unwrap();
    envoy.wait_quiet(Duration::from_millis(30), WITHIN).await.unwrap();
    let responses = envoy.responses();
    assert_eq!(responses.len(), 2);
    assert_eq!((responses[0].names(), responses[0].bytes, responses[0].stream), (vec!["a"], size, 1));
    assert_eq!(envoy.held(|held| held.get::<Cluster>(TypeUrl::CLUSTER, "a").unwrap()), cluster("a"));
    assert_eq!(
        envoy.held(|held| held.version(TypeUrl::CLUSTER, "a").map(str::to_owned)).as_deref(),
        Some("v1")
    );
    assert_eq!(envoy.answers(), 2);

    envoy.disconnect();
    envoy.wait_connected(false, WITHIN).await.unwrap();
    envoy.reconnect();
    let (mut requests, _answers) = server.delta().await;
    let first = next(&mut requests).await;
    assert!(first.node.is_some());
    assert_eq!(first.initial_resource_versions["a"], "v1");
    let eds = next(&mut requests).await;
    assert_eq!(
        (eds.resource_names_subscribe.as_slice(), &eds.initial_resource_versions["a"]),
        (["a".to_owned()].as_slice(), &"v2".to_owned())
    );
}

#[tokio::test]
async fn a_refused_response_is_not_taken_and_says_why() {
    let mut server = Server::start().await;
    let options =
        server.options().refuse(|response| response.names().contains(&"bad").then(|| "no good".to_owned()));
    let envoy = FakeEnvoy::start(options);
    let (mut requests, answers) = server.delta().await;
    next(&mut requests).await;
    answers.send(Ok(delta(TypeUrl::CLUSTER, "1", &[("bad", cluster("bad"))]))).unwrap();
    let refusal = next(&mut requests).await;
    assert_eq!(
        (refusal.response_nonce.as_str(), refusal.error_detail.unwrap().message.as_str()),
        ("1", "no good")
    );
    assert!(!envoy.held(|held| held.has(TypeUrl::CLUSTER, "bad")));
    assert_eq!(envoy.responses()[0].refused.as_deref(), Some("no good"));
}

#[tokio::test]
async fn a_client_that_delays_its_answers_still_subscribes_at_once() {
    let mut server = Server::start().await;
    let _envoy = FakeEnvoy::start(Options { ack_delay: Duration::from_millis(100), ..server.options() });
    let (mut requests, answers) = server.delta().await;
    next(&mut requests).await;
    let begin = std::time::Instant::now();
    answers.send(Ok(delta(TypeUrl::CLUSTER, "1", &[("a", cluster("a"))]))).unwrap();
    assert_eq!(next(&mut requests).await.resource_names_subscribe, ["a"]);
    answers.send(Ok(delta(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, "2", &[("a", assignment("a"))]))).unwrap();
    assert_eq!(next(&mut requests).await.type_url, TypeUrl::LISTENER.as_str());
    assert_eq!(next(&mut requests).await.response_nonce, "2");
    assert!(begin.elapsed() >= Duration::from_millis(100));
}

#[tokio::test]
async fn a_client_that_stops_reading_leaves_responses_on_the_stream() {
    let mut server = Server::start().await;
    let envoy = FakeEnvoy::start(server.options());
    let (mut requests, answers) = server.delta().await;
    next(&mut requests).await;
    answers.send(Ok(delta::<Cluster>(TypeUrl::CLUSTER, "1", &[]))).unwrap();
    envoy.wait_responses(1, WITHIN).await.unwrap();
    envoy.stop_reading();
    answers.send(Ok(delta::<Cluster>(TypeUrl::CLUSTER, "2", &[]))).unwrap();
    envoy.wait_responses(2, Duration::from_millis(100)).await.unwrap_err();
    envoy.resume_reading();
    envoy.wait_responses(2, WITHIN).await.unwrap();
}

#[tokio::test]
async fn a_client_that_vanished_is_noticed_by_keepalive_only() {
    let mut server = Server::start().await;
    let envoy = FakeEnvoy::start(server.options());
    let (mut requests, _answers) = server.delta().await;
    next(&mut requests).await;
    // Longer than keepalive allows: a living client answers the pings.
    tokio::time::timeout(Duration::from_millis(600), requests.message()).await.unwrap_err();
    envoy.vanish();
    let end = tokio::time::timeout(WITHIN, requests.message()).await.unwrap();
    assert!(!matches!(end, Ok(Some(_))), "{end:?}");
    assert!(envoy.is_connected());
}

#[tokio::test]
async fn a_client_comes_back_by_itself_if_told_so() {
    let mut server = Server::start().await;
    let options = Options { reconnect_after: Some(Duration::from_millis(20)), ..server.options() };
    let envoy = FakeEnvoy::start(options);
    let (mut requests, answers) = server.delta().await;
    next(&mut requests).await;
    answers.send(Err(Status::unavailable("rebalance"))).unwrap();
    let (mut requests, _answers) = server.delta().await;
    next(&mut requests).await;
    eventually("second stream", WITHIN, || async {
        if envoy.streams() == 2 { Ok(()) } else { Err(envoy.streams()) }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_state_of_the_world_client_names_all_it_wants_with_version_and_nonce() {
    let mut server = Server::start().await;
    let envoy = FakeEnvoy::start(server.options().protocol(Protocol::Sotw));
    let Some(Seen::Sotw(mut requests, answers)) = server.streams.recv().await else {
        panic!("wrong protocol")
    };
    next(&mut requests).await;
    let answer = |kind: TypeUrl, version: &str, nonce: &str, resources: Vec<Any>| {
        let response = DiscoveryResponse {
            version_info: version.to_owned(),
            type_url: kind.as_str().to_owned(),
            nonce: nonce.to_owned(),
            resources,
            ..DiscoveryResponse::default()
        };
        answers.send(Ok(response)).unwrap();
    };
    let both = vec![any(TypeUrl::CLUSTER, &cluster("a")), any(TypeUrl::CLUSTER, &cluster("b"))];
    answer(TypeUrl::CLUSTER, "c1", "n1", both);
    let eds = next(&mut requests).await;
    assert_eq!((eds.resource_names, eds.version_info.as_str()), (vec!["a".to_owned(), "b".to_owned()], ""));
    let both = ["a", "b"].map(|name| any(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, &assignment(name)));
    answer(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, "e1", "n2", both.to_vec());
    let eds = next(&mut requests).await;
    assert_eq!(
        (eds.version_info.as_str(), eds.response_nonce.as_str(), eds.resource_names.len()),
        ("e1", "n2", 2)
    );
    let cds = next(&mut requests).await;
    assert_eq!((cds.version_info.as_str(), cds.response_nonce.as_str()), ("c1", "n1"));
    assert_eq!(envoy.responses()[0].names(), ["a", "b"]);
    answer(TypeUrl::CLUSTER, "c2", "n3", vec![any(TypeUrl::CLUSTER, &cluster("b"))]);
    envoy.wait_for("removal", WITHIN, |held| held.names(TypeUrl::CLUSTER) == ["b"]).await.unwrap();
}
