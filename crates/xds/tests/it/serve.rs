//! What a client sees of a server, and its owner.

use envoy_types::pb::{
    envoy::service::discovery::v3::{DeltaDiscoveryRequest, DiscoveryRequest},
    google::rpc::Status as RpcStatus,
};
use fairlead_resource::TypeUrl;
use fairlead_xds::server::ServerOptions;
use tonic::Code;

use crate::world::{PATIENCE, clusters, node, start, url};

#[tokio::test]
async fn delta_clients_get_what_is_published_and_then_what_changes() {
    let running = start(clusters(1, 3, 10, b'a'), ServerOptions::default()).await;
    let mut client = running.delta().await;
    client.begin(TypeUrl::CLUSTER);
    let first = client.next().await.unwrap();
    assert_eq!(first.resources.len(), 3);
    client.ack(&first);
    running.until("the ACK", |r| r.world.saw("ack CDS 1")).await;

    running.world.view.publish(clusters(2, 4, 10, b'a'));
    let second = client.next().await.unwrap();
    assert_eq!(second.resources.iter().map(|r| &*r.name).collect::<Vec<_>>(), ["c3"]);
    assert_eq!(second.resources[0].resource.as_ref().unwrap().value, vec![b'a'; 10]);
    client.ack(&second);
    running.until("the ACK", |r| r.world.saw("ack CDS 2")).await;

    let status = running.server.sessions().snapshot();
    assert_eq!(status.len(), 1);
    assert_eq!((status[0].pushes, status[0].revision, &*status[0].node.id), (2, 2, "a"));
    assert!(status[0].types[0].in_sync);
    assert_eq!(running.server.sessions().counters().pushes.get(TypeUrl::CLUSTER), 2);
}

#[tokio::test]
async fn state_of_the_world_clients_get_everything_each_time() {
    let running = start(clusters(1, 2, 10, b'a'), ServerOptions::default()).await;
    let mut client = running.sotw().await;
    let mut request =
        DiscoveryRequest { node: Some(node("a")), type_url: url(TypeUrl::CLUSTER), ..Default::default() };
    client.requests.send(request.clone()).unwrap();
    let first = client.next().await.unwrap();
    assert_eq!(first.resources.len(), 2);
    request.node = None;
    request.response_nonce = first.nonce;
    request.version_info = first.version_info;
    client.requests.send(request).unwrap();
    running.until("the ACK", |r| r.world.saw("ack CDS 1")).await;
    running.world.view.publish(clusters(2, 3, 10, b'a'));
    assert_eq!(client.next().await.unwrap().resources.len(), 3);
}

#[tokio::test]
async fn a_rejection_reaches_the_owner_and_no_other_client() {
    let running = start(clusters(1, 1, 10, b'a'), ServerOptions::default()).await;
    let mut client = running.delta().await;
    client.begin(TypeUrl::CLUSTER);
    let first = client.next().await.unwrap();
    let nack = DeltaDiscoveryRequest {
        type_url: first.type_url,
        response_nonce: first.nonce,
        error_detail: Some(RpcStatus { code: 13, message: "no good".into(), ..Default::default() }),
        ..Default::default()
    };
    client.requests.send(nack).unwrap();
    running.until("the NACK", |r| r.world.saw("nack CDS c0")).await;

    let mut other = running.delta().await;
    other.begin(TypeUrl::CLUSTER);
    assert_eq!(
        other.next().await.unwrap().resources.len(),
        1,
        "what one client refuses may be its own fault"
    );
}

#[tokio::test]
async fn a_stream_without_node_is_refused() {
    let running = start(clusters(1, 1, 10, b'a'), ServerOptions::default()).await;
    let mut client = running.delta().await;
    let request = DeltaDiscoveryRequest { type_url: url(TypeUrl::CLUSTER), ..Default::default() };
    client.requests.send(request).unwrap();
    assert_eq!(client.next().await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn the_owner_may_refuse() {
    let running = start(clusters(1, 1, 10, b'a'), ServerOptions::default()).await;
    let mut client = running.delta().await;
    let request = DeltaDiscoveryRequest { node: Some(node("stranger")), ..Default::default() };
    client.requests.send(request).unwrap();
    assert_eq!(client.next().await.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(running.server.sessions().counters().refused.get(), 1);
}

#[tokio::test]
async fn half_close_ends_the_stream_well_and_drops_the_guard() {
    let running = start(clusters(1, 1, 10, b'a'), ServerOptions::default()).await;
    let mut client = running.delta().await;
    client.begin(TypeUrl::CLUSTER);
    client.next().await.unwrap();
    drop(client.requests);
    let ended = tokio::time::timeout(PATIENCE, client.responses.message()).await.unwrap();
    assert!(ended.unwrap().is_none());
    running.until("the guard", |r| r.world.saw("gone")).await;
    assert!(running.server.sessions().is_empty());
}

#[tokio::test]
async fn a_reset_stream_is_forgotten() {
    let running = start(clusters(1, 100, 100_000, b'a'), ServerOptions::default()).await;
    let mut client = running.delta().await;
    client.begin(TypeUrl::CLUSTER);
    client.next().await.unwrap();
    drop(client);
    running.until("the guard", |r| r.world.saw("gone") && r.server.sessions().is_empty()).await;
}

#[tokio::test]
async fn two_streams_of_one_node_are_two_connections() {
    let running = start(clusters(1, 1, 10, b'a'), ServerOptions::default()).await;
    let mut first = running.delta().await;
    let mut second = running.delta().await;
    first.begin(TypeUrl::CLUSTER);
    second.begin(TypeUrl::CLUSTER);
    first.next().await.unwrap();
    second.next().await.unwrap();
    assert_eq!(running.server.sessions().len(), 2);
}

#[tokio::test]
async fn draining_ends_streams_and_then_the_server() {
    let mut running = start(clusters(1, 1, 10, b'a'), ServerOptions::default()).await;
    let mut client = running.delta().await;
    client.begin(TypeUrl::CLUSTER);
    client.next().await.unwrap();
    running.stop.take().unwrap().send(()).unwrap();
    let ended = client.next().await.unwrap_err();
    assert_eq!((ended.code(), ended.message()), (Code::Unavailable, "the control plane is shutting down"));
    tokio::time::timeout(PATIENCE, running.serving).await.unwrap().unwrap().unwrap();
    tokio::time::timeout(PATIENCE, running.server.ended()).await.unwrap();
}
