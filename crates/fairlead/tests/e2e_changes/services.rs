//! Services that are renamed.

use fairlead_lab::client::Request;

use crate::{
    harness::{Endpoint, Mesh, Service},
    pair::{NAMESPACE, Pair},
};

const PORT: u16 = 8080;

/// The routes of the host that clients know.
fn routes(to: &str) -> String {
    format!(
        "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: front, namespace: {NAMESPACE}}}\nspec:\n  hosts: [front]\n  http: [{{route: [{{destination: {{host: {to}}}}}]}}]\n"
    )
}

/// The host that clients know: a Service without servers of its own.
fn front() -> String {
    Service::new("front", NAMESPACE).http(PORT).yaml([])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_is_renamed_together_with_the_routes_to_it() {
    let mesh = Mesh::start().await;
    let servers = Endpoint::several("reviews", &["v1", "v2"], NAMESPACE).await;
    let service = |name: &str, server| Service::new(name, NAMESPACE).http(PORT).yaml([server]);
    mesh.publish("front.yaml", &front()).await;
    mesh.publish("shop.yaml", &(service("reviews", &servers[0]) + &routes("reviews"))).await;
    let pair = Pair::sidecars(&mesh, PORT).await;
    let load = pair.load_http(PORT, &Request::get("/").host("front"));
    let there =
        async || mesh.apply("shop.yaml", &(service("opinions", &servers[1]) + &routes("opinions"))).await;
    let back =
        async || mesh.apply("shop.yaml", &(service("reviews", &servers[0]) + &routes("reviews"))).await;
    let (changes, versions) = load.cross_often(there, back, ("v1", "v2")).await;
    load.end().await.saw(&changes, &versions);
    for (name, proxy) in &pair.proxies {
        let clusters = proxy.admin().get("/clusters").await.unwrap();
        assert!(clusters.contains("reviews.shop") && !clusters.contains("opinions.shop"), "{name}");
    }
    pair.assert_clean().await;
}
