//! Gateways with many TLS servers: one Envoy is sent their filter chains one by one (FCDS), the other whole listeners.

use std::{collections::BTreeMap, fmt::Write as _};

use fairlead_lab::{
    client::{Client, ClientTls, Request},
    deadline::eventually,
};
use fairlead_testkit::certs::{Ca, CertKey};

use crate::{
    harness::{Endpoint, Mesh, Proxy, Service, handshake::handshake, mesh::SETTLED_WITHIN, tls_secret},
    pair::{Loads, NAMESPACE, Pair},
};

const SECURE: u16 = 8443;
const FILE: &str = "edge.yaml";
/// The servers beside those that a test is about: enough for a listener in pieces.
const OTHERS: usize = 40;
/// A server that no change touches.
const STEADY: &str = "steady.example.com";
const SHOP: &str = "shop.example.com";
/// What a client asks for that sends no server name.
const NO_NAME: &str = "192.0.2.1";

/// One TLS server of a Gateway.
#[derive(Clone, Debug)]
struct Server {
    name: String,
    hosts: Vec<&'static str>,
    tls: String,
}

fn server(name: &str, hosts: &[&'static str], credential: &str) -> Server {
    let tls = format!("mode: SIMPLE, credentialName: {credential}");
    Server { name: name.to_owned(), hosts: hosts.to_vec(), tls }
}

/// The Gateways of a name, one for each proxy, with these servers.
fn gateway(pair: &Pair, name: &str, servers: &[Server]) -> String {
    let mut yaml = String::new();
    for (side, proxy) in &pair.proxies {
        let line = writeln!(
            yaml,
            "---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: {name}-{side}, namespace: {NAMESPACE}}}\nspec:\n  selector: {{app: {side}}}\n  servers:"
        );
        line.expect("writing to a String does not fail");
        for Server { name, hosts, tls } in servers {
            let hosts: Vec<String> = hosts.iter().map(|host| format!("'{host}'")).collect();
            let line = writeln!(
                yaml,
                "  - {{name: {name}, port: {{number: {SECURE}, name: {name}, protocol: HTTPS}}, bind: {}, hosts: [{}], tls: {{{tls}}}}}",
                proxy.address,
                hosts.join(", ")
            );
            line.expect("writing to a String does not fail");
        }
    }
    yaml
}

/// A Gateway with servers that nothing is asked of.
fn others(pair: &Pair) -> String {
    let host = |number: usize| -> &'static str { format!("other-{number}.example.org").leak() };
    let servers: Vec<_> =
        (0..OTHERS).map(|number| server(&format!("other-{number}"), &[host(number)], "steady")).collect();
    gateway(pair, "others", &servers)
}

fn secret(name: &str, identity: &CertKey) -> String {
    tls_secret(name, NAMESPACE, identity, None)
}

/// The routes of a host by Gateways of this name.
fn routes(name: &str, host: &str, gateway: &str, to: &str) -> String {
    format!(
        "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: {name}, namespace: {NAMESPACE}}}\nspec:\n  hosts: ['{host}']\n  gateways: [{gateway}-delta, {gateway}-world]\n  http: [{{route: [{{destination: {{host: {to}}}}}]}}]\n"
    )
}

/// Two gateways with a steady server and many others, in front of two services, `old` (v1) and `new` (v2).
struct Edge {
    pair: Pair,
    ca: Ca,
    fixed: String,
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
        let ca = Ca::new("edge").unwrap();
        let fixed = others(&pair)
            + &gateway(&pair, "steady", &[server("steady", &[STEADY], "steady")])
            + &routes("steady", STEADY, "steady", "old")
            + &secret("steady", &ca.server(&[STEADY]).unwrap())
            + &["first", "second"].map(|name| secret(name, &ca.server(&[SHOP]).unwrap())).concat();
        Self { pair, ca, fixed, mesh, _servers: servers }
    }

    async fn apply(&self, yaml: &str) {
        self.mesh.apply(FILE, &format!("{}{yaml}", self.fixed)).await;
        self.mesh.assert_valid(FILE).await;
    }

    fn gateway(&self, name: &str, servers: &[Server]) -> String {
        gateway(&self.pair, name, servers)
    }

    /// A load on a host of both.
    fn load(&self, host: &str) -> Loads {
        let tls = ClientTls::new(host, self.ca.certificate());
        let clients = |proxy: &Proxy| vec![Client::new(proxy.at(SECURE)).tls(tls.clone())];
        self.pair.load(clients, &Request::get("/").host(host))
    }

    /// One is sent chains, the other is not.
    async fn assert_forms(&self) {
        for (name, proxy) in &self.pair.proxies {
            let chains = proxy.admin().stats("^filter_chain_manager\\..*update_success$").await.unwrap();
            assert_eq!(chains.is_empty(), *name == "world", "{name}: {chains:?}");
        }
    }

    /// No connection of a server has been asked to go.
    async fn assert_not_drained(&self, server: &str) {
        for (name, proxy) in &self.pair.proxies {
            assert_eq!(proxy.stat(&format!("http.{server}.downstream_cx_drain_close")).await, 0, "{name}");
        }
    }

    /// Makes a change and takes it back, again and again, under a load on the shop and one on a steady server. New
    /// connections of the shop show the change; kept ones may stay with what is drained.
    async fn crosses(&self, before: &str, after: &str) {
        self.apply(before).await;
        let (shop, steady) = (self.load(SHOP), self.load(STEADY));
        let (there, back) = (async || self.apply(after).await, async || self.apply(before).await);
        let (changes, versions) = shop.cross_often(there, back, ("v1", "v2")).await;
        shop.end().await.saw_fresh(&changes, &versions);
        steady.end().await;
        self.assert_forms().await;
        self.assert_not_drained("steady").await;
        for (name, proxy) in &self.pair.proxies {
            assert!(proxy.stat("http.steady.downstream_rq_2xx").await > 0, "{name}: its name is another one");
        }
        self.pair.assert_clean().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_changed_and_no_other_one_is_drained() {
    let edge = Edge::open().await;
    let of = |credential: &str, to: &str| {
        edge.gateway("edge", &[server("shop", &[SHOP], credential)]) + &routes("shop", SHOP, "edge", to)
    };
    // Another certificate, by another secret: the chain, its listener and the secret.
    edge.crosses(&of("first", "old"), &of("second", "new")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_moves_from_one_server_to_the_wildcard_of_another() {
    let edge = Edge::open().await;
    let wildcard = edge.gateway("wild", &[server("wild", &["*.example.com"], "second")])
        + &routes("wild", "*.example.com", "wild", "new");
    let own = edge.gateway("own", &[server("shop", &[SHOP], "first")]) + &routes("own", SHOP, "own", "old");
    edge.crosses(&format!("{wildcard}{own}"), &wildcard).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_one_of_many_servers_is_swapped() {
    let edge = Edge::open().await;
    let of = |identity: &CertKey, to: &str| {
        edge.gateway("edge", &[server("shop", &[SHOP], "own")])
            + &routes("shop", SHOP, "edge", to)
            + &secret("own", identity)
    };
    let [first, second] = [edge.ca.server(&[SHOP]).unwrap(), edge.ca.server(&[SHOP]).unwrap()];
    edge.crosses(&of(&first, "old"), &of(&second, "new")).await;
}

/// The listener goes from one form to the other where its servers become many or few.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_grows_until_its_chains_come_one_by_one_and_shrinks_again() {
    let mut edge = Edge::open().await;
    let many = std::mem::take(&mut edge.fixed);
    edge.fixed = many.replace(&others(&edge.pair), "");
    let shop =
        |to| edge.gateway("edge", &[server("shop", &[SHOP], "first")]) + &routes("shop", SHOP, "edge", to);
    let (few, many) = (shop("old"), shop("new") + &others(&edge.pair));
    edge.apply(&few).await;
    let load = edge.load(SHOP);
    let (there, back) = (async || edge.apply(&many).await, async || edge.apply(&few).await);
    let (changes, versions) = load.cross_often(there, back, ("v1", "v2")).await;
    load.end().await.saw(&changes, &versions);
    edge.assert_forms().await;
    edge.pair.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_file_that_is_missing_costs_its_own_server() {
    let edge = Edge::open().await;
    let bad = server("bad", &["bad.example.com"], "first");
    let refused = Server {
        tls: "mode: SIMPLE, serverCertificate: /nowhere/c, privateKey: /nowhere/k".into(),
        ..bad.clone()
    };
    // Both secrets stay in use.
    let also = [
        server("first", &["first.example.com"], "first"),
        server("second", &["second.example.com"], "second"),
    ];
    let of = |bad: &Server, credential: &str, to| {
        let servers = [&also[..], &[bad.clone(), server("shop", &[SHOP], credential)]].concat();
        edge.gateway("edge", &servers) + &routes("shop", SHOP, "edge", to)
    };
    edge.apply(&of(&bad, "first", "old")).await;
    let ([(_, delta), _], load) = (&edge.pair.proxies, edge.load(SHOP));
    let change = load.cross(edge.apply(&of(&refused, "second", "new"))).await;
    load.end().await.saw(&[change], &["v1", "v2"]);
    let session = edge.mesh.session("delta").unwrap();
    let rejected = session.types.iter().map(|status| (status.type_url.short(), status.rejected));
    let rejected: Vec<_> = rejected.filter(|(_, count)| *count > 0).collect();
    assert_eq!(rejected, [("SDS", 1)]);
    assert_eq!(delta.stat("listener_manager.lds.update_rejected").await, 0);
    edge.assert_not_drained("steady").await;
    // The one at fault has nothing to present.
    let nothing = handshake(delta.at(SECURE), "bad.example.com", &edge.ca.certificate()).await;
    assert!(
        nothing.is_err_and(|error| !error.to_string().contains("certificate")),
        "it presents a certificate"
    );
}

/// The servers of the table, with what they are asked for by.
const TABLE: [(&str, &[&str]); 5] = [
    ("exact", &["a.shop.example.com"]),
    ("several", &["b.shop.example.com", "*.deep.b.shop.example.com"]),
    ("wildcard", &["*.shop.example.com"]),
    ("wide", &["*.example.com"]),
    ("any", &["*"]),
];

/// Server names, and who answers to them; `any` is not always there.
const ASKED: [(&str, &str); 14] = [
    ("a.shop.example.com", "exact"),
    ("A.Shop.Example.COM", "exact"),
    ("b.shop.example.com", "several"),
    ("x.deep.b.shop.example.com", "several"),
    ("y.x.deep.b.shop.example.com", "several"),
    ("deep.b.shop.example.com", "wildcard"),
    ("c.shop.example.com", "wildcard"),
    ("x.a.shop.example.com", "wildcard"),
    ("shop.example.com", "wide"),
    ("other.example.com", "wide"),
    ("example.com", "any"),
    ("badshop.example.org", "any"),
    ("localhost", "any"),
    (NO_NAME, "any"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_are_picked_alike_in_both_forms() {
    let edge = Edge::open().await;
    let names: Vec<&str> = ASKED.iter().map(|(asked, _)| *asked).collect();
    let identities: BTreeMap<&str, CertKey> =
        TABLE.iter().map(|(server, _)| (*server, edge.ca.server(&names).unwrap())).collect();
    let secrets: String = identities.iter().map(|(name, identity)| secret(name, identity)).collect();
    for with_any in [true, false] {
        let table = TABLE.iter().filter(|(name, _)| with_any || *name != "any");
        let servers: Vec<_> = table.map(|(name, hosts)| server(name, hosts, name)).collect();
        edge.apply(&(edge.gateway("edge", &servers) + &secrets)).await;
        for (proxy_name, proxy) in &edge.pair.proxies {
            for (asked, expected) in ASKED {
                let answered = async || {
                    let seen = handshake(proxy.at(SECURE), asked, &edge.ca.certificate()).await.ok();
                    let seen = seen.as_ref();
                    let who = seen.map(|seen| identities.iter().find(|(_, identity)| seen.is(identity)));
                    who.map(|found| found.map_or("somebody else", |(name, _)| *name))
                };
                let expected = (with_any || expected != "any").then_some(expected);
                // Secrets are sent after the listeners.
                let picked = eventually("the server", SETTLED_WITHIN, || async {
                    let answered = answered().await;
                    if answered == expected { Ok(()) } else { Err(format!("{answered:?}")) }
                });
                picked
                    .await
                    .unwrap_or_else(|error| panic!("{proxy_name}: {asked} is for {expected:?}: {error}"));
            }
        }
        edge.assert_forms().await;
    }
    edge.pair.assert_clean().await;
}
