//! Hosts of one route table: one that Envoy rejects, and one that takes every domain.

use std::collections::BTreeSet;

use fairlead_config::Code;
use fairlead_control_plane::core::Fault;
use fairlead_lab::{
    client::{Client, Request},
    deadline::eventually,
};
use fairlead_resource::TypeUrl;
use http::StatusCode;

use crate::{
    faults::spoil::{Wrong, tail},
    harness::{Endpoint, Mesh, Service, mesh::SETTLED_WITHIN},
    pair::{NAMESPACE, Pair},
};

const PORT: u16 = 8080;
const FILE: &str = "edge.yaml";
const HOSTS: usize = 60;
/// The host that is spoilt.
const BAD: usize = 23;

/// A Gateway for each of the two proxies that takes every host.
fn gateways(pair: &Pair) -> String {
    let one = |(side, bind): (&str, _)| {
        format!(
            "---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: g{side}, namespace: {NAMESPACE}}}\nspec:\n  selector: {{app: {side}}}\n  servers:\n  - {{port: {{number: {PORT}, name: http, protocol: HTTP}}, bind: {bind}, hosts: [\"*\"]}}\n"
        )
    };
    pair.proxies.iter().map(|(side, proxy)| one((side, proxy.address))).collect()
}

fn routes(name: &str, host: &str, to: &str) -> String {
    format!(
        "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: {name}, namespace: {NAMESPACE}}}\nspec:\n  hosts: [\"{host}\"]\n  gateways: [gdelta, gworld]\n  http: [{{route: [{{destination: {{host: {to}}}}}]}}]\n"
    )
}

/// Two gateways in front of two services, `one` (v1) and `two` (v2).
async fn open() -> (Mesh, Vec<Endpoint>, Pair) {
    let mesh = Mesh::start().await;
    let servers = Endpoint::several("shop", &["v1", "v2"], NAMESPACE).await;
    let service = |name: &str, server| Service::new(name, NAMESPACE).http(80).yaml([server]);
    mesh.publish("services.yaml", &(service("one", &servers[0]) + "---\n" + &service("two", &servers[1])))
        .await;
    let pair = Pair::gateways(&mesh).await;
    (mesh, servers, pair)
}

/// Waits until both proxies answer for a host with this status.
async fn answer(pair: &Pair, host: &str, status: StatusCode) {
    for (name, proxy) in &pair.proxies {
        eventually(&format!("{name} answers for {host} with {status}"), SETTLED_WITHIN, || async {
            let answered = Client::new(proxy.at(PORT)).send(&Request::get("/").host(host)).await;
            let found = answered.map(|answer| answer.status).map_err(|error| error.to_string());
            if found == Ok(status) { Ok(()) } else { Err(format!("{found:?}\n{}", proxy.envoy().log())) }
        })
        .await
        .unwrap();
    }
}

/// The parent of the table had a catch-all of its own when no host took every domain, and came before the removal of
/// the host that did: "Only a single wildcard domain is permitted".
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_takes_every_domain_comes_and_goes() {
    let (mesh, _servers, pair) = open().await;
    let all = gateways(&pair) + &routes("all", "*", "two");
    let shop = routes("shop", "shop.example.com", "one");
    mesh.apply(FILE, &(all.clone() + &shop)).await;
    answer(&pair, "other.example.com", StatusCode::OK).await;
    let load = pair.load_http(PORT, &Request::get("/").host("shop.example.com"));
    for _ in 0..3 {
        load.cross(mesh.apply(FILE, &(gateways(&pair) + &shop))).await;
        answer(&pair, "other.example.com", StatusCode::NOT_FOUND).await;
        load.cross(mesh.apply(FILE, &(all.clone() + &shop))).await;
        answer(&pair, "other.example.com", StatusCode::OK).await;
    }
    load.end().await;
    // As the only host of the table.
    for (objects, status) in
        [(&all, StatusCode::OK), (&gateways(&pair), StatusCode::NOT_FOUND), (&all, StatusCode::OK)]
    {
        mesh.apply(FILE, objects).await;
        answer(&pair, "other.example.com", status).await;
    }
    pair.assert_clean().await;
    let metrics = mesh.control_plane().metrics();
    let mut nacks = metrics.lines().filter(|line| line.starts_with("fairlead_xds_nacks_total"));
    assert!(nacks.all(|line| line.ends_with(" 0")), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_host_of_many_leaves_fresh_proxies_the_others() {
    let (mesh, _servers, pair) = open().await;
    let host = |number: usize| format!("h{number}.example.com");
    let fault = |address| Fault {
        type_url: TypeUrl::VIRTUAL_HOST,
        name: format!("http.{PORT}.{address}/{}:{PORT}", host(BAD)).into(),
        tail: tail(TypeUrl::VIRTUAL_HOST, Wrong::Meaning),
    };
    let faults = pair.proxies.iter().map(|(_, proxy)| fault(proxy.address)).collect();
    mesh.control_plane().core().inject(faults).await.unwrap();
    let objects: String =
        (0..HOSTS).map(|number| routes(&format!("v{number}"), &host(number), "one")).collect();
    mesh.publish(FILE, &(gateways(&pair) + &objects)).await;

    for number in (0..HOSTS).filter(|number| *number != BAD) {
        answer(&pair, &host(number), StatusCode::OK).await;
    }
    answer(&pair, &host(BAD), StatusCode::NOT_FOUND).await;
    eventually("the object at fault is named, and no other", SETTLED_WITHIN, || async {
        let findings = mesh.findings().await;
        let rejected = findings.iter().filter(|finding| finding.code == Code::RejectedByProxy);
        let named: BTreeSet<String> = rejected.map(|finding| finding.on.to_string()).collect();
        let [one] = &named.into_iter().collect::<Vec<_>>()[..] else { return Err(format!("{findings:?}")) };
        if one.ends_with(&format!("VirtualService {NAMESPACE}/v{BAD}")) { Ok(()) } else { Err(one.clone()) }
    })
    .await
    .unwrap();

    // What comes later is no concern of it, and neither is its own correction.
    mesh.publish(FILE, &(gateways(&pair) + &objects + &routes("more", "more.example.com", "two"))).await;
    answer(&pair, "more.example.com", StatusCode::OK).await;
    mesh.control_plane().core().inject(Vec::new()).await.unwrap();
    mesh.publish(FILE, &(gateways(&pair) + &objects)).await;
    answer(&pair, "more.example.com", StatusCode::NOT_FOUND).await;
    answer(&pair, &host(BAD), StatusCode::OK).await;
}
