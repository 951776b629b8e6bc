//! The stream ends, elements change meanwhile, and the Envoy comes back to the same control plane.

use std::{fmt::Write as _, ops::Range, time::Instant};

use fairlead_lab::{
    client::{Client, ClientTls, Request},
    deadline::eventually,
};
use fairlead_testkit::certs::{Ca, CertKey};

use crate::{
    cable::Cable,
    crowd::{Crowd, HOST, PORT, places},
    endpoints::hosts,
    harness::{
        Egress, Mesh, Proxy, egress_yaml, handshake, mesh::SETTLED_WITHIN, tls_secret, traffic::Traffic,
    },
    pair::{NAMESPACE, Pair},
};

/// So many endpoints are sent as resources of their own.
const FROM: usize = 20;
const SECURE: u16 = 8443;
/// Enough servers for a listener in pieces.
const SERVERS: usize = 40;
const STEADY: usize = 0;

/// Whether the session of an Envoy is another one than `before`, and knows what is published.
pub(crate) async fn came_back(mesh: &Mesh, proxy: &Proxy, before: Instant) {
    eventually(&format!("{} is back", proxy.name), SETTLED_WITHIN, || async {
        match mesh.session(&proxy.name) {
            Some(session) if session.since > before => Ok(()),
            session => Err(format!("{:?}", session.map(|session| session.since))),
        }
    })
    .await
    .unwrap();
    mesh.settled().await;
}

pub(crate) async fn is_cut_off(proxy: &Proxy) {
    proxy.stat_becomes("control_plane.connected_state", 0).await;
}

/// The routes of the service, which mark answers with an edition.
fn routes(edition: u16) -> String {
    format!(
        "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: crowd, namespace: {NAMESPACE}}}\nspec:\n  hosts: [{HOST}]\n  http: [{{route: [{{destination: {{host: {HOST}}}}}], headers: {{response: {{set: {{x-edition: \"{edition}\"}}}}}}}}]\n"
    )
}

async fn pair(mesh: &Mesh, cable: &Cable) -> Pair {
    let mut proxies = Vec::new();
    for (name, whole) in [("delta", false), ("world", true)] {
        let mut starting = mesh.sidecar(name, NAMESPACE).through(cable.address());
        if whole {
            starting = starting.state_of_the_world();
        }
        let yaml = starting.sidecar_yaml("", &egress_yaml(starting.address(), &[Egress::http(PORT)]));
        mesh.publish(&format!("sidecar-{name}.yaml"), &yaml).await;
        proxies.push((name, starting.start().await));
    }
    Pair { proxies: proxies.try_into().unwrap_or_else(|_| unreachable!("there are two")) }
}

/// Two sidecars that reach the control plane through a cable, and the service that they use.
struct Stage {
    pair: Pair,
    cable: Cable,
    mesh: Mesh,
    crowd: Crowd,
}

impl Stage {
    async fn open() -> Self {
        let mesh = Mesh::start_with(|settings| settings.xds.endpoints_as_resources_from = FROM).await;
        let (crowd, cable) = (Crowd::start().await, Cable::to(mesh.control_plane().xds_address()).await);
        mesh.publish("crowd.yaml", &(crowd.service(&places(0..60, "eu/a")) + &routes(0))).await;
        let pair = pair(&mesh, &cable).await;
        Self { pair, cable, mesh, crowd }
    }

    /// Changes endpoints and routes while the stream is cut, and before that `sooner`: then what was changed may be
    /// under way when it is.
    async fn cut(&self, numbers: &Range<u16>, locality: &'static str, edition: u16, sooner: bool) {
        let yaml = self.crowd.service(&places(numbers.clone(), locality)) + &routes(edition);
        let began = Instant::now();
        if sooner {
            self.mesh.publish("crowd.yaml", &yaml).await;
        }
        self.cable.cut();
        for (_, proxy) in &self.pair.proxies {
            is_cut_off(proxy).await;
        }
        self.mesh.publish("crowd.yaml", &yaml).await;
        self.cable.mend();
        for (_, proxy) in &self.pair.proxies {
            came_back(&self.mesh, proxy, began).await;
        }
    }

    async fn assert_followed(&self, numbers: &Range<u16>, edition: u16) {
        let addresses: Vec<String> = numbers.clone().map(|n| Crowd::address(n).to_string()).collect();
        for (name, proxy) in &self.pair.proxies {
            let hosts = hosts(proxy).await;
            assert_eq!(hosts.len(), addresses.len(), "{name}: {hosts:?} of {numbers:?}");
            assert!(addresses.iter().all(|address| hosts.contains_key(address)), "{name}: {hosts:?}");
            let answer = proxy.get(PORT, HOST, "/").await;
            assert_eq!(answer.header("x-edition"), Some(&*edition.to_string()), "{name}");
        }
        let [(_, delta), (_, world)] = &self.pair.proxies;
        assert_eq!(hosts(delta).await, hosts(world).await, "edition {edition}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoints_and_hosts_that_changed_while_the_stream_was_cut_are_followed() {
    let stage = Stage::open().await;
    let load = stage.pair.load_http(PORT, &Request::get("/").host(HOST));
    // One more and one less; many others; in another place; too few for resources of their own, and enough again.
    let states: [(Range<u16>, &str); 5] =
        [(1..61, "eu/a"), (50..90, "eu/a"), (50..90, "us/b"), (80..90, "us/b"), (0..60, "us/b")];
    let mut edition = 0;
    for (numbers, locality) in states {
        for sooner in [false, true] {
            edition += 1;
            let numbers = numbers.start..numbers.end + u16::from(sooner);
            load.cross(Box::pin(stage.cut(&numbers, locality, edition, sooner))).await;
            stage.assert_followed(&numbers, edition).await;
        }
    }
    load.end().await;
    stage.pair.assert_clean().await;
}

fn server_name(number: usize) -> String {
    format!("server-{number}.example.com")
}

/// A Gateway of servers that present the secrets given, and a route of all to the service.
fn gateway(proxy: &Proxy, servers: &[(usize, &str)]) -> String {
    let mut yaml = format!(
        "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: all, namespace: {NAMESPACE}}}\nspec:\n  hosts: ['*']\n  gateways: [edge]\n  http: [{{route: [{{destination: {{host: {HOST}}}}}]}}]\n---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: edge, namespace: {NAMESPACE}}}\nspec:\n  selector: {{app: edge}}\n  servers:\n"
    );
    for (number, credential) in servers {
        writeln!(
            yaml,
            "  - {{name: server-{number}, port: {{number: {SECURE}, name: server-{number}, protocol: HTTPS}}, bind: {}, hosts: [{}], tls: {{mode: SIMPLE, credentialName: {credential}}}}}",
            proxy.address,
            server_name(*number)
        )
        .unwrap();
    }
    yaml
}

fn secret(name: &str, identity: &CertKey) -> String {
    tls_secret(name, NAMESPACE, identity, None)
}

/// What is presented to a client that asks for a server, if anything.
async fn presents(proxy: &Proxy, number: usize, ca: &Ca, expected: Option<&CertKey>) {
    handshake::presents(proxy.at(SECURE), &server_name(number), &ca.certificate(), expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filter_chains_that_changed_while_the_stream_was_cut_are_followed() {
    let mesh = Mesh::start().await;
    let (crowd, ca) = (Crowd::start().await, Ca::new("edge").unwrap());
    let cable = Cable::to(mesh.control_plane().xds_address()).await;
    let names: Vec<String> = (0..SERVERS + 4).map(server_name).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let [first, second] = [ca.server(&names).unwrap(), ca.server(&names).unwrap()];
    let fixed =
        crowd.service(&places(0..3, "eu/a")) + "\n" + &secret("first", &first) + &secret("second", &second);
    let proxy = mesh.gateway("edge", NAMESPACE).through(cable.address()).start().await;
    let mut servers: Vec<_> = (0..SERVERS).map(|number| (number, "first")).collect();
    mesh.apply("edge.yaml", &(fixed.clone() + &gateway(&proxy, &servers))).await;
    presents(&proxy, STEADY, &ca, Some(&first)).await;
    presents(&proxy, SERVERS - 1, &ca, Some(&first)).await;
    let tls = ClientTls::new(&server_name(STEADY), ca.certificate());
    let load = Traffic::start(
        || Client::new(proxy.at(SECURE)).tls(tls.clone()),
        &Request::get("/").host(&server_name(STEADY)),
    );
    for round in 0..4 {
        // One changed, one gone, one new.
        let (changed, gone, new) = (1, 10 + round, SERVERS + round);
        servers.retain(|(number, _)| *number != gone);
        servers.push((new, "second"));
        let (now, before) = if round % 2 == 0 { ("second", &second) } else { ("first", &first) };
        servers.iter_mut().filter(|(number, _)| *number == changed).for_each(|server| server.1 = now);
        let yaml = fixed.clone() + &gateway(&proxy, &servers);
        let began = Instant::now();
        let cut = Box::pin(async {
            if round % 2 == 1 {
                // It may be under way when the stream ends.
                mesh.publish("edge.yaml", &yaml).await;
            }
            cable.cut();
            is_cut_off(&proxy).await;
            mesh.publish("edge.yaml", &yaml).await;
            cable.mend();
            came_back(&mesh, &proxy, began).await;
        });
        load.crosses(cut).await;
        presents(&proxy, changed, &ca, Some(before)).await;
        presents(&proxy, gone, &ca, None).await;
        presents(&proxy, new, &ca, Some(&second)).await;
    }
    load.end().await.none_failed("the steady server");
    let chains = proxy.admin().stats("^filter_chain_manager\\..*update_success$").await.unwrap();
    assert!(!chains.is_empty(), "its filter chains come one by one");
    assert_eq!(proxy.stat("listener_manager.total_listeners_draining").await, 0);
    proxy.assert_clean().await;
}
