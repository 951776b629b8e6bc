//! The mesh of everyday: services, subsets, weights, gateways.

use fairlead_resource::TypeUrl;
use serde_json::json;

use crate::mesh::{Mesh, domains, gateway, sidecar};

const BOOKSTORE: &str = "
apiVersion: v1
kind: Service
metadata: {name: reviews, namespace: shop}
spec:
  clusterIP: 10.96.0.1
  selector: {app: reviews}
  ports: [{name: http, port: 9080, targetPort: 8080}]
---
apiVersion: v1
kind: Pod
metadata: {name: reviews-v1, namespace: shop, labels: {app: reviews, version: v1}}
spec: {containers: [{name: app}]}
status: {podIP: 10.0.0.1, phase: Running, conditions: [{type: Ready, status: 'True'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: reviews-v2, namespace: shop, labels: {app: reviews, version: v2}}
spec: {containers: [{name: app}]}
status: {podIP: 10.0.0.2, phase: Running, conditions: [{type: Ready, status: 'True'}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews, namespace: shop}
spec:
  host: reviews
  subsets:
  - {name: v1, labels: {version: v1}}
  - {name: v2, labels: {version: v2}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews, namespace: shop}
spec:
  hosts: [reviews]
  http:
  - route:
    - {destination: {host: reviews, subset: v1}, weight: 90}
    - {destination: {host: reviews, subset: v2}, weight: 10}
";

#[test]
fn a_canary_is_two_weighted_clusters() {
    let mut mesh = Mesh::of(BOOKSTORE);
    let client = sidecar("client", "shop", "10.0.0.9");
    assert_eq!(
        mesh.names(&client, TypeUrl::CLUSTER),
        [
            "BlackHoleCluster",
            "InboundPassthroughCluster",
            "PassthroughCluster",
            "outbound|9080|v1|reviews.shop.svc.cluster.local",
            "outbound|9080|v2|reviews.shop.svc.cluster.local",
            "outbound|9080||reviews.shop.svc.cluster.local",
        ]
    );
    assert_eq!(mesh.names(&client, TypeUrl::LISTENER), ["0.0.0.0_9080", "virtualInbound", "virtualOutbound"]);
    let table = mesh.resource(&client, TypeUrl::ROUTE_CONFIGURATION, "9080");
    assert_eq!(
        domains(&table)["reviews.shop.svc.cluster.local:9080"],
        [
            "reviews.shop.svc.cluster.local",
            "reviews.shop.svc.cluster.local.",
            "reviews",
            "reviews.shop.svc",
            "reviews.shop",
            "10.96.0.1"
        ]
    );
    let clusters = &table["virtual_hosts"][0]["routes"][0]["route"]["weighted_clusters"]["clusters"];
    assert_eq!(
        clusters,
        &json!([
            {"name": "outbound|9080|v1|reviews.shop.svc.cluster.local", "weight": 90},
            {"name": "outbound|9080|v2|reviews.shop.svc.cluster.local", "weight": 10},
        ])
    );
    let endpoints = mesh.resource(
        &client,
        TypeUrl::CLUSTER_LOAD_ASSIGNMENT,
        "outbound|9080|v2|reviews.shop.svc.cluster.local",
    );
    let address = &endpoints["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"];
    assert_eq!(address, &json!({"address": "10.0.0.2", "port_value": 8080}));
}

#[test]
fn the_workload_has_a_chain_for_its_port() {
    let mut mesh = Mesh::of(BOOKSTORE);
    let listener =
        mesh.resource(&sidecar("reviews", "shop", "10.0.0.1"), TypeUrl::LISTENER, "virtualInbound");
    let ports: Vec<_> = listener["filter_chains"]
        .as_array()
        .unwrap()
        .iter()
        .map(|chain| chain["filter_chain_match"]["destination_port"].as_u64().unwrap())
        .collect();
    assert_eq!(ports, [15006, 8080]);
}

#[test]
fn a_gateway_routes_the_hosts_of_its_virtual_services() {
    let mut mesh = Mesh::of(&format!(
        "{BOOKSTORE}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: web, namespace: shop}}
spec:
  selector: {{istio: ingressgateway}}
  servers:
  - {{port: {{number: 8080, name: http, protocol: HTTP}}, hosts: ['*.example.com']}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: web, namespace: shop}}
spec:
  hosts: [shop.example.com]
  gateways: [web]
  http:
  - match: [{{uri: {{prefix: /reviews}}}}]
    route: [{{destination: {{host: reviews, subset: v1}}}}]
"
    ));
    let gateway = gateway("shop");
    assert_eq!(mesh.names(&gateway, TypeUrl::LISTENER), ["0.0.0.0_8080"]);
    let table = mesh.resource(&gateway, TypeUrl::ROUTE_CONFIGURATION, "http.8080");
    assert_eq!(domains(&table)["shop.example.com:8080"], ["shop.example.com"]);
    assert_eq!(
        table["virtual_hosts"][0]["routes"][0]["route"]["cluster"],
        "outbound|9080|v1|reviews.shop.svc.cluster.local"
    );
}
