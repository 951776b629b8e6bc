//! Large requests, large responses, clients that do not read.

use std::time::Duration;

use envoy_types::pb::envoy::service::discovery::v3::DeltaDiscoveryRequest;
use fairlead_resource::TypeUrl;
use fairlead_xds::server::ServerOptions;
use tonic::Code;

use crate::world::{clusters, node, start, url};

#[tokio::test]
async fn oversized_requests_end_the_stream_as_resource_exhausted() {
    let options = ServerOptions { max_request_bytes: 10_000, ..ServerOptions::default() };
    let running = start(clusters(1, 1, 10, b'a'), options).await;
    let mut client = running.delta().await;
    let request = DeltaDiscoveryRequest {
        node: Some(node("a")),
        type_url: url(TypeUrl::CLUSTER_LOAD_ASSIGNMENT),
        resource_names_subscribe: (0..5000).map(|i| format!("name{i}")).collect(),
        ..Default::default()
    };
    client.requests.send(request).unwrap();
    assert_eq!(client.next().await.unwrap_err().code(), Code::ResourceExhausted);
}

#[tokio::test]
async fn requests_beyond_four_mebibytes_are_taken() {
    let running = start(clusters(1, 1, 10, b'a'), ServerOptions::default()).await;
    let mut client = running.delta().await;
    let request = DeltaDiscoveryRequest {
        node: Some(node("a")),
        type_url: url(TypeUrl::CLUSTER_LOAD_ASSIGNMENT),
        resource_names_subscribe: (0..50_000).map(|i| format!("{i:0100}")).collect(),
        ..Default::default()
    };
    client.requests.send(request).unwrap();
    assert_eq!(client.next().await.unwrap().removed_resources.len(), 50_000);
}

#[tokio::test]
async fn large_sets_arrive_whole_in_several_responses() {
    let running = start(clusters(1, 100, 100_000, b'a'), ServerOptions::default()).await;
    let mut client = running.delta().await;
    client.begin(TypeUrl::CLUSTER);
    let mut names = std::collections::BTreeSet::new();
    let mut responses = 0;
    while names.len() < 100 {
        let response = client.next().await.unwrap();
        responses += 1;
        for resource in response.resources {
            assert_eq!(resource.resource.unwrap().value, vec![b'a'; 100_000]);
            assert!(names.insert(resource.name));
        }
    }
    assert_eq!(responses, 3, "10 MB in parts of at most 4 MiB");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_skipped_past_and_then_closed() {
    let options = ServerOptions { stall_timeout: Duration::from_millis(400), ..ServerOptions::default() };
    let running = start(clusters(1, 1000, 20_000, b'a'), options).await;
    let mut client = running.delta().await;
    client.begin(TypeUrl::CLUSTER);
    running
        .until("the first push", |r| r.server.sessions().counters().pushes.get(TypeUrl::CLUSTER) > 0)
        .await;
    // 20 MB exceed what the client's window takes, so nothing is acknowledged and nothing more is queued.
    for revision in 2..6 {
        running.world.view.publish(clusters(revision, 1000, 20_000, b'b'));
    }
    running.until("the stall", |r| r.server.sessions().counters().stalled.get() == 1).await;
    running.until("the end", |r| r.server.sessions().is_empty() && r.world.saw("gone")).await;
    let pushes = running.server.sessions().counters().pushes.get(TypeUrl::CLUSTER);
    assert_eq!(pushes, 5, "the parts of the first publication alone");
    while client.next().await.is_ok() {}
}

#[tokio::test]
async fn connections_wait_while_others_are_owed_too_much() {
    let options = ServerOptions {
        backlog_limit: 1 << 20,
        admission_timeout: Duration::from_millis(300),
        stall_timeout: Duration::from_secs(60),
        ..ServerOptions::default()
    };
    let running = start(clusters(1, 100, 100_000, b'a'), options).await;
    let mut greedy = running.delta().await;
    greedy.begin(TypeUrl::CLUSTER);
    running.until("the backlog", |r| r.server.sessions().backlog_bytes() > 1 << 20).await;

    // The second connection waits, and its stream is refused because nothing is read for too long.
    let (requests, receiver) = tokio::sync::mpsc::unbounded_channel();
    requests
        .send(DeltaDiscoveryRequest {
            node: Some(node("b")),
            type_url: url(TypeUrl::CLUSTER),
            ..Default::default()
        })
        .unwrap();
    let mut second = running.client().await;
    let receiver = tokio_stream::wrappers::UnboundedReceiverStream::new(receiver);
    let opening = tokio::spawn(async move { second.delta_aggregated_resources(receiver).await.map(drop) });
    running.until("somebody waits", |r| r.server.sessions().waiting() == 1).await;
    assert!(!running.world.saw("connect b"));
    let refusal = opening.await.unwrap().unwrap_err();
    assert_eq!(refusal.code(), Code::Unavailable);
    assert_eq!(refusal.metadata().get("grpc-retry-pushback-ms").unwrap(), "1000");

    // Once the backlog is read, there is room for all.
    let mut names = 0;
    while names < 100 {
        let response = greedy.next().await.unwrap();
        names += response.resources.len();
        greedy.ack(&response);
    }
    let mut third = running.delta().await;
    third.begin(TypeUrl::CLUSTER);
    assert!(!third.next().await.unwrap().resources.is_empty());
    assert_eq!(running.server.sessions().waiting(), 0);
}
