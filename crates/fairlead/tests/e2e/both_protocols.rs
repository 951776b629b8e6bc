//! A client of the incremental protocol and one of the state of the world are configured alike.

use fairlead_lab::client::Request;
use serde_json::{Map, Value};

use crate::{
    harness::{Egress, Endpoint, Mesh, Proxy, Service, egress_yaml},
    shop,
};

const PORT: u16 = 8080;

/// Something of everything that reaches a client.
const ROUTES: &str = "
- match: [{uri: {prefix: /beta}, headers: {x-user: {exact: jason}}}, {queryParams: {beta: {exact: 'yes'}}}]
  rewrite: {uri: /stable}
  headers: {request: {set: {x-by: route}}, response: {remove: [x-service]}}
  route: [{destination: {host: reviews, subset: v2}}]
- match: [{uri: {exact: /moved}}]
  redirect: {uri: /there, redirectCode: 308}
- match: [{uri: {regex: '/items/[0-9]+'}}]
  timeout: 2s
  retries: {attempts: 1, retryOn: 5xx, perTryTimeout: 1s}
  corsPolicy: {allowOrigins: [{exact: 'https://a.test'}], allowMethods: [GET]}
  route: [{destination: {host: reviews, subset: v3}}]
- match: [{uri: {prefix: /gone}}]
  fault: {abort: {httpStatus: 410, percentage: {value: 100}}}
  route: [{destination: {host: reviews}}]
- mirror: {host: reviews, subset: v3}
  mirrorPercentage: {value: 1}
  route: [{destination: {host: reviews, subset: v1}, weight: 100}, {destination: {host: reviews, subset: v2}, weight: 0}]
";

const POLICY: &str = "{loadBalancer: {consistentHash: {httpHeaderName: x-user}}, outlierDetection: {consecutive5xxErrors: 7}, connectionPool: {http: {http2MaxRequests: 50}}}";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_protocols_configure_an_envoy_alike() {
    let mesh = Mesh::start().await;
    let servers = Endpoint::several("reviews", &["v1", "v2", "v3"], shop::NAMESPACE).await;
    mesh.publish("reviews.yaml", &shop::service(&servers)).await;
    mesh.publish("more.yaml", &more(&servers[0])).await;
    let twins = [twin(&mesh, "delta", false).await, twin(&mesh, "world", true).await];
    let [delta, world] = &twins;
    assert_ne!(protocol_of(&mesh, "delta"), protocol_of(&mesh, "world"));

    // In several steps, so that the incremental client holds the sum of changes.
    assert_alike(delta, world).await;
    mesh.apply("subsets.yaml", &shop::rule(&shop::subsets(POLICY))).await;
    assert_alike(delta, world).await;
    mesh.apply("routes.yaml", &shop::virtual_service("reviews", "[reviews]", ROUTES.trim())).await;
    assert_alike(delta, world).await;
    for (path, user) in PROBES {
        let request = Request::get(path).host("reviews").header("x-user", user);
        let [one, other] = [delta.send(PORT, request.clone()).await, world.send(PORT, request).await];
        assert_eq!((one.status, one.version()), (other.status, other.version()), "{path} by {user}");
        assert_eq!(one.header("location"), other.header("location"));
    }
    mesh.apply("more.yaml", &Service::new("ratings", shop::NAMESPACE).http(PORT).yaml([&servers[1]])).await;
    assert_alike(delta, world).await;
    for proxy in &twins {
        assert_eq!(proxy.get(PORT, "ratings", "/").await.version(), Some("v2"));
        assert_eq!(proxy.get(PORT, "outside.example.com", "/").await.status, 502);
    }
    mesh.apply("routes.yaml", "").await;
    mesh.apply("subsets.yaml", "").await;
    assert_alike(delta, world).await;
    for proxy in &twins {
        proxy.assert_clean().await;
    }
}

const PROBES: [(&str, &str); 7] = [
    ("/", "anna"),
    ("/beta/x", "jason"),
    ("/beta/x", "anna"),
    ("/x?beta=yes", "anna"),
    ("/moved", "anna"),
    ("/items/7", "anna"),
    ("/gone", "anna"),
];

/// Other services: another host of the same port, and one from outside.
fn more(server: &Endpoint) -> String {
    let ratings = Service::new("ratings", shop::NAMESPACE).http(PORT).yaml([server]);
    let entry = format!(
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: outside, namespace: shop}}\nspec: {{hosts: [outside.example.com, '*.outside.example.com'], ports: [{{number: {PORT}, name: http, protocol: HTTP}}], resolution: STATIC, endpoints: [{{address: {}}}]}}\n",
        server.address
    );
    format!("{ratings}---\n{entry}")
}

async fn twin(mesh: &Mesh, name: &str, state_of_the_world: bool) -> Proxy {
    let mut starting = mesh.sidecar(name, shop::NAMESPACE);
    let egress = [Egress::http(PORT), Egress::http(8081).hosts(&["./*"]), Egress::tcp(9000)];
    let sidecar = starting.sidecar_yaml("", &egress_yaml(starting.address(), &egress));
    mesh.publish(&format!("sidecar-{name}.yaml"), &sidecar).await;
    if state_of_the_world {
        starting = starting.state_of_the_world();
    }
    starting.start().await
}

fn protocol_of(mesh: &Mesh, name: &str) -> fairlead_xds::Protocol {
    mesh.session(name).expect("it is connected").protocol
}

/// Fails unless both use the same, but for who they are and how it came to them.
async fn assert_alike(one: &Proxy, other: &Proxy) {
    let [one, other] = [configuration(one).await, configuration(other).await];
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (name, value) in &one {
        assert_eq!(value, &other[name], "{name}");
    }
    assert!(
        one.keys().any(|name| name.starts_with("route ")),
        "there is something to compare: {:?}",
        one.keys()
    );
}

/// Every resource that an Envoy uses, by its kind and name.
async fn configuration(proxy: &Proxy) -> Map<String, Value> {
    let dump = proxy.admin().config_dump("include_eds").await.expect("Envoy's administration answers");
    let text = dump.to_string().replace(&proxy.address.to_string(), "ADDRESS");
    let text = text
        .replace(&format!("{}.{}", proxy.name, shop::NAMESPACE), "NAME")
        .replace(&format!("sidecar/{}", proxy.name), "sidecar/NAME");
    let dump: Value = serde_json::from_str(&text).expect("the dump is JSON");
    let mut resources = Map::new();
    for section in dump["configs"].as_array().expect("sections") {
        for (list, kind, pointer) in [
            ("dynamic_active_clusters", "cluster", "/cluster"),
            ("dynamic_listeners", "listener", "/active_state/listener"),
            ("dynamic_route_configs", "route", "/route_config"),
            ("dynamic_endpoint_configs", "endpoints", "/endpoint_config"),
        ] {
            for entry in section[list].as_array().into_iter().flatten() {
                let mut resource = entry.pointer(pointer).cloned().unwrap_or_default();
                let name = resource["name"]
                    .as_str()
                    .or(resource["cluster_name"].as_str())
                    .unwrap_or_default()
                    .to_owned();
                if kind == "route" {
                    forget_virtual_host_names(&mut resource);
                }
                resources.insert(format!("{kind} {name}"), resource);
            }
        }
    }
    resources
}

/// The parts of a table that tell how it was sent: where its virtual hosts come from, and what they are called.
fn forget_virtual_host_names(table: &mut Value) {
    if let Some(fields) = table.as_object_mut() {
        fields.remove("vhds");
    }
    let Some(hosts) = table["virtual_hosts"].as_array_mut() else { return };
    for host in hosts.iter_mut() {
        if let Some(fields) = host.as_object_mut() {
            fields.remove("name");
        }
    }
    hosts.sort_by_key(|host| host["domains"].to_string());
}
