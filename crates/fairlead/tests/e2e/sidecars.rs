//! Both sides of a request.

use http::StatusCode;

use crate::harness::{Egress, Endpoint, Mesh, Service};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_goes_through_two_sidecars_to_the_application() {
    let mesh = Mesh::start().await;
    let server = Endpoint::behind_envoy("reviews", "v1", "shop").await;
    mesh.apply("reviews.yaml", &Service::new("reviews", "shop").http(8080).yaml([&server])).await;
    let inbound = mesh.sidecar_of(&server, &[]).await;
    assert_eq!(mesh.findings().await, []);
    let client = mesh.client("client", "shop", &[Egress::http(8080)]).await;

    let answer = client.get(8080, "reviews", "/who").await;
    assert_eq!((answer.status, answer.version()), (StatusCode::OK, Some("v1")), "{}", answer.text());
    assert_eq!(server.app.count("/who"), 1);
    assert!(inbound.stat(&format!("listener.{}_9080.downstream_cx_total", server.address)).await > 0);
    client.assert_clean().await;
    inbound.assert_clean().await;
}
