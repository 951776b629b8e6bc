//! The endpoints of a service with many of them (LEDS), beside an Envoy that is sent them in one piece.

use std::collections::BTreeMap;

use fairlead_lab::client::Request;

use crate::{
    crowd::{Crowd, HOST, PORT, Place, places, rule},
    harness::{Mesh, Proxy, cluster},
    pair::{NAMESPACE, Pair},
};

/// So many endpoints are sent as resources of their own.
const FROM: usize = 20;

async fn mesh() -> Mesh {
    Mesh::start_with(|settings| settings.xds.endpoints_as_resources_from = FROM).await
}

/// The endpoints of the service in use, with their locality, weight and priority.
pub(crate) async fn hosts(proxy: &Proxy) -> BTreeMap<String, String> {
    let clusters = proxy.admin().clusters().await;
    let clusters = clusters.unwrap_or_else(|error| panic!("{error}\n{}", proxy.envoy().log()));
    let name = cluster(PORT, "", HOST);
    let of = clusters["cluster_statuses"].as_array().unwrap().iter().find(|c| c["name"] == *name);
    let hosts = of.map(|cluster| cluster["host_statuses"].clone()).unwrap_or_default();
    hosts
        .as_array()
        .into_iter()
        .flatten()
        .map(|host| {
            let address = host["address"]["socket_address"]["address"].as_str().unwrap().to_owned();
            (address, format!("{} {} {}", host["locality"], host["priority"], host["weight"]))
        })
        .collect()
}

/// How often the Envoy has been sent the assignment, and endpoints of it.
async fn updates(proxy: &Proxy) -> (u64, u64) {
    let name = cluster(PORT, "", HOST);
    let whole = proxy.cluster_stat(&name, "update_success").await;
    (whole, proxy.cluster_stat(&name, "leds.update_success").await)
}

fn with(mut places: Vec<Place>, more: Vec<Place>) -> Vec<Place> {
    places.extend(more);
    places
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoints_change_one_by_one_and_in_every_other_way() {
    let (mesh, crowd) = (mesh().await, Crowd::start().await);
    let one = places(0..30, "eu/a");
    mesh.publish("crowd.yaml", &crowd.service(&one)).await;
    let pair = Pair::sidecars(&mesh, PORT).await;
    let [(_, delta), (_, world)] = &pair.proxies;
    let load = pair.load_http(PORT, &Request::get("/").host(HOST));

    // One more, one less, one heavier: the assignment is not sent again.
    let (assigned, _) = updates(delta).await;
    let mut heavier = places(1..31, "eu/a");
    heavier[3].weight = 7;
    for (what, places) in
        [("one more", places(0..31, "eu/a")), ("one less", places(1..31, "eu/a")), ("heavier", heavier)]
    {
        let (_, before) = updates(delta).await;
        load.cross(mesh.apply("crowd.yaml", &crowd.service(&places))).await;
        assert_eq!(hosts(delta).await.len(), places.len(), "{what}");
        assert_eq!(hosts(delta).await, hosts(world).await, "{what}");
        assert_eq!(updates(delta).await, (assigned, before + 1), "{what}");
    }

    let two = with(places(0..30, "eu/a"), places(30..60, "eu/b"));
    let moved = with(places(0..15, "eu/a"), places(15..60, "eu/b"));
    let elsewhere = places(100..140, "us/c");
    let failover = rule("{outlierDetection: {consecutive5xxErrors: 5, maxEjectionPercent: 10}}");
    let pool = rule("{connectionPool: {http: {http2MaxRequests: 1000}}}");
    let shares = rule(
        "{loadBalancer: {localityLbSetting: {distribute: [{from: eu/*, to: {'eu/a': 80, 'eu/b': 20}}]}}}",
    );
    let changes: [(&str, String); 11] = [
        ("a locality comes", crowd.service(&two)),
        ("endpoints move", crowd.service(&moved)),
        ("the cluster changes", crowd.service(&moved) + &pool),
        ("priorities come", crowd.service(&moved) + &failover),
        ("weights count", crowd.service(&moved) + &shares),
        ("weights count no more", crowd.service(&moved)),
        ("a locality goes", crowd.service(&places(15..60, "eu/b"))),
        ("below the threshold", crowd.service(&places(15..25, "eu/b"))),
        ("above it again", crowd.service(&two)),
        ("all others", crowd.service(&elsewhere)),
        ("only one is left", crowd.service(&places(7..8, ""))),
    ];
    for _ in 0..2 {
        for (what, yaml) in &changes {
            load.cross(mesh.apply("crowd.yaml", yaml)).await;
            let (by_delta, by_world) = (hosts(delta).await, hosts(world).await);
            assert_eq!(by_delta, by_world, "{what}");
            assert!(!by_delta.is_empty(), "{what}");
        }
    }
    load.end().await;
    pair.assert_clean().await;
    assert_eq!(NAMESPACE, "shop", "the service is in the namespace of its clients");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_comes_goes_and_comes_back() {
    let (mesh, crowd) = (mesh().await, Crowd::start().await);
    mesh.publish("crowd.yaml", "").await;
    let pair = Pair::sidecars(&mesh, PORT).await;
    for numbers in [0..30, 5..35, 0..25] {
        mesh.apply("crowd.yaml", &crowd.service(&places(numbers, "eu/a"))).await;
        for (name, proxy) in &pair.proxies {
            assert_eq!(proxy.get(PORT, HOST, "/").await.status.as_u16(), 200, "{name}");
        }
        mesh.remove("crowd.yaml").await;
        for (name, proxy) in &pair.proxies {
            assert_ne!(proxy.get(PORT, HOST, "/").await.status.as_u16(), 200, "{name}");
        }
    }
    pair.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_setting_turns_it_off() {
    let mesh = Mesh::start_with(|settings| settings.xds.endpoints_as_resources = false).await;
    let crowd = Crowd::start().await;
    mesh.publish("crowd.yaml", &crowd.service(&places(0..200, "eu/a"))).await;
    let pair = Pair::sidecars(&mesh, PORT).await;
    let [(_, delta), _] = &pair.proxies;
    assert_eq!((hosts(delta).await.len(), updates(delta).await), (200, (1, 0)));
}
