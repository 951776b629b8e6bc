//! Hosts, ports and certificates of gateways.

use fairlead_lab::client::{Client, ClientTls, Request};
use fairlead_testkit::certs::{Ca, CertKey};
use http::StatusCode;

use crate::{
    harness::handshake::handshake,
    harness::{Endpoint, Mesh, Proxy, Service, tls_secret, traffic::Traffic},
    pair::{NAMESPACE, Pair},
};

const HOST: &str = "shop.example.com";
const PORT: u16 = 8080;
const NEW_PORT: u16 = 9090;
const SECURE: u16 = 8443;
const FILE: &str = "edge.yaml";

/// One server of a Gateway, but for where it binds.
#[derive(Clone, Copy)]
struct Server {
    port: u16,
    host: &'static str,
    secure: bool,
}

impl Server {
    fn http(port: u16, host: &'static str) -> Self {
        Self { port, host, secure: false }
    }

    fn https(port: u16, host: &'static str) -> Self {
        Self { port, host, secure: true }
    }

    fn yaml(self, bind: &str) -> String {
        let Self { port, host, secure } = self;
        let name = format!("{}-{port}", host.replace('.', "-"));
        let (protocol, tls) =
            if secure { ("HTTPS", ", tls: {mode: SIMPLE, credentialName: edge}") } else { ("HTTP", "") };
        format!(
            "  - {{port: {{number: {port}, name: {name}, protocol: {protocol}}}, bind: {bind}, hosts: [{host}]{tls}}}\n"
        )
    }
}

/// The routes of the host by Gateways of this name, to a service.
fn routes(gateway: &str, to: &str) -> String {
    format!(
        "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: shop, namespace: {NAMESPACE}}}\nspec:\n  hosts: [{HOST}]\n  gateways: [{gateway}-delta, {gateway}-world]\n  http: [{{route: [{{destination: {{host: {to}}}}}]}}]\n"
    )
}

fn secret(identity: &CertKey) -> String {
    tls_secret("edge", NAMESPACE, identity, None)
}

/// Two gateways in front of two services, `old` (v1) and `new` (v2).
struct Edge {
    pair: Pair,
    mesh: Mesh,
    _servers: Vec<Endpoint>,
}

impl Edge {
    async fn open() -> Self {
        let mesh = Mesh::start().await;
        let servers = Endpoint::several("shop", &["v1", "v2"], NAMESPACE).await;
        let service = |name: &str, server| Service::new(name, NAMESPACE).http(80).yaml([server]);
        let services = service("old", &servers[0]) + "---\n" + &service("new", &servers[1]);
        mesh.publish("services.yaml", &services).await;
        let pair = Pair::gateways(&mesh).await;
        Self { pair, mesh, _servers: servers }
    }

    /// A Gateway of this name for each of the two proxies.
    fn gateway(&self, name: &str, servers: &[Server]) -> String {
        let proxies = self.pair.proxies.iter();
        proxies.map(|(side, proxy)| one_gateway(name, side, proxy, servers)).collect()
    }

    async fn apply(&self, yaml: &str) {
        self.mesh.apply(FILE, yaml).await;
        self.mesh.assert_valid(FILE).await;
    }
}

fn one_gateway(name: &str, side: &str, proxy: &Proxy, servers: &[Server]) -> String {
    let bind = proxy.address.to_string();
    let servers: String = servers.iter().map(|server| server.yaml(&bind)).collect();
    format!(
        "---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: {name}-{side}, namespace: {NAMESPACE}}}\nspec:\n  selector: {{app: {side}}}\n  servers:\n{servers}"
    )
}

fn get() -> Request {
    Request::get("/").host(HOST)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_moves_from_one_gateway_to_another_on_the_same_port() {
    let edge = Edge::open().await;
    let (a, b) = (Server::http(PORT, "a.example.com"), Server::http(PORT, "b.example.com"));
    let shop = Server::http(PORT, HOST);
    let before = edge.gateway("first", &[a, shop]) + &edge.gateway("second", &[b]) + &routes("first", "old");
    let after = edge.gateway("first", &[a]) + &edge.gateway("second", &[b, shop]) + &routes("second", "new");
    edge.apply(&before).await;
    let load = edge.pair.load_http(PORT, &get());
    let (there, back) = (async || edge.apply(&after).await, async || edge.apply(&before).await);
    let (changes, versions) = load.cross_often(there, back, ("v1", "v2")).await;
    load.end().await.saw(&changes, &versions);
    edge.pair.assert_clean().await;
}

/// What is promised where a host moves to another proxy: it is served by the new one before the old one lets go of
/// it, if it is added there first. Clients move in between, by DNS or a load balancer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_moves_from_one_proxy_to_another() {
    let edge = Edge::open().await;
    let [(from, old), (to, new)] = &edge.pair.proxies;
    let [shop, other] = [Server::http(PORT, HOST), Server::http(PORT, "other.example.com")];
    let served = |servers: [&[Server]; 2]| {
        one_gateway("edge", from, old, servers[0])
            + &one_gateway("edge", to, new, servers[1])
            + &routes("edge", "old")
    };
    edge.apply(&served([&[shop], &[other]])).await;
    let at_old = Traffic::start(|| Client::new(old.at(PORT)), &get());
    at_old.crosses(edge.apply(&served([&[shop], &[shop, other]]))).await;
    let at_new = Traffic::start(|| Client::new(new.at(PORT)), &get());
    at_new.crosses(async { at_old.end().await.none_failed(from) }).await;
    at_new.crosses(edge.apply(&served([&[other], &[shop, other]]))).await;
    at_new.end().await.none_failed(to);
    assert_eq!(old.send(PORT, get()).await.status, StatusCode::NOT_FOUND, "the old one has let go");
    edge.pair.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_is_added_and_the_old_one_removed_when_clients_have_moved() {
    let edge = Edge::open().await;
    let [old, new] = [Server::http(PORT, HOST), Server::http(NEW_PORT, HOST)];
    edge.apply(&(edge.gateway("edge", &[old]) + &routes("edge", "old"))).await;
    let at_old = edge.pair.load_http(PORT, &get());
    let added = at_old.cross(edge.apply(&(edge.gateway("edge", &[old, new]) + &routes("edge", "new")))).await;
    let at_new = edge.pair.load_http(NEW_PORT, &get());
    at_new.cross(async { at_old.end().await.saw(&[added], &["v1", "v2"]) }).await;
    at_new.cross(edge.apply(&(edge.gateway("edge", &[new]) + &routes("edge", "new")))).await;
    at_new.end().await;
    for (name, proxy) in &edge.pair.proxies {
        assert!(proxy.http(PORT).send(&get()).await.is_err(), "{name} still listens at the old port");
    }
    edge.pair.assert_clean().await;
}

/// What is promised where the port changes in one step: the new port serves before the old one is closed, and what
/// is under way on the old one is finished. A client that tries the new port where the old one is closed loses
/// nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_is_replaced_in_one_change_under_clients_that_follow() {
    let edge = Edge::open().await;
    let [old, new] = [Server::http(PORT, HOST), Server::http(NEW_PORT, HOST)];
    edge.apply(&(edge.gateway("edge", &[old]) + &routes("edge", "old"))).await;
    // Fresh connections tell when the old port is closed; kept ones stay with it until they are drained.
    let follow = |proxy: &Proxy| vec![Client::new(proxy.at(PORT)), Client::new(proxy.at(NEW_PORT))];
    let load = edge.pair.load(follow, &get());
    let there = async || edge.apply(&(edge.gateway("edge", &[new]) + &routes("edge", "new"))).await;
    let back = async || edge.apply(&(edge.gateway("edge", &[old]) + &routes("edge", "old"))).await;
    let (changes, versions) = load.cross_often(there, back, ("v1", "v2")).await;
    load.end().await.saw_fresh(&changes, &versions);
    for (name, proxy) in &edge.pair.proxies {
        assert!(
            proxy.http(NEW_PORT).send(&get()).await.is_err(),
            "{name} still listens at the port that it left"
        );
    }
    edge.pair.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_swapped() {
    let edge = Edge::open().await;
    let ca = Ca::new("edge").unwrap();
    let [first, second] = [ca.server(&[HOST]).unwrap(), ca.server(&[HOST]).unwrap()];
    let server = Server::https(SECURE, HOST);
    edge.apply(&(edge.gateway("edge", &[server]) + &routes("edge", "old") + &secret(&first))).await;
    let shows = async |identity: &CertKey| {
        for (name, proxy) in &edge.pair.proxies {
            let seen = handshake(proxy.at(SECURE), HOST, &ca.certificate()).await.unwrap();
            assert!(seen.is(identity), "{name} presents another certificate");
        }
    };
    shows(&first).await;
    let tls = ClientTls::new(HOST, ca.certificate());
    let load = edge.pair.load(|proxy| vec![Client::new(proxy.at(SECURE)).tls(tls.clone())], &get());
    // The routes change with it, so that the answers show when it is in use.
    let swapped = edge.gateway("edge", &[server]) + &routes("edge", "new") + &secret(&second);
    let change = load
        .cross(async {
            edge.apply(&swapped).await;
            shows(&second).await;
        })
        .await;
    load.end().await.saw(&[change], &["v1", "v2"]);
    edge.pair.assert_clean().await;
}
