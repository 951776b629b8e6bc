//! What an Envoy rejects costs that one resource and nothing else.
//!
//! Four sites differ by number only. One change changes all of them, and what becomes of one of them is spoilt.

use std::collections::BTreeSet;

use fairlead_config::{Code, Subject};
use fairlead_control_plane::core::Fault;
use fairlead_lab::{
    client::{Client, Request},
    deadline::eventually,
};
use fairlead_resource::{TypeUrl, Types};
use fairlead_testkit::certs::{Ca, CertKey};
use rustls::version::{TLS12, TLS13};
use serde_json::Value;

pub(crate) mod spoil;

use crate::{
    harness::{
        Endpoint, Mesh, Proxy, Service,
        claims::Claims,
        handshake::{Seen, handshake_in},
        mesh::SETTLED_WITHIN,
        tls_secret,
    },
    pair::{NAMESPACE, Pair},
};
use spoil::{Wrong, harmless, tail};

const SITES: u16 = 4;
/// The site that is spoilt.
const BAD: u16 = 1;
const HTTP: u16 = 8080;
const HTTPS: u16 = 8440;
const FILE: &str = "sites.yaml";

/// The edition of what one type shows of every site.
#[derive(Clone, Copy, Debug, Default)]
struct Editions([u32; TypeUrl::ENVOY.len()]);

fn place(type_url: TypeUrl) -> usize {
    Types::envoy().place(type_url)
}

impl Editions {
    fn of(&self, type_url: TypeUrl) -> u32 {
        self.0[place(type_url)]
    }

    fn of_mut(&mut self, type_url: TypeUrl) -> &mut u32 {
        &mut self.0[place(type_url)]
    }
}

/// Two gateways in front of the sites.
struct Stage {
    pair: Pair,
    mesh: Mesh,
    /// For each site, the servers of even and of odd editions.
    servers: Vec<Vec<Endpoint>>,
    ca: Ca,
    /// Likewise the certificates.
    certificates: Vec<[CertKey; 2]>,
}

fn host(site: u16) -> String {
    format!("h{site}.example.com")
}

fn secret(site: u16, identity: &CertKey) -> String {
    tls_secret(&format!("c{site}"), NAMESPACE, identity, None)
}

impl Stage {
    async fn open() -> Self {
        let mesh = Mesh::start().await;
        let ca = Ca::new("sites").unwrap();
        let (mut servers, mut certificates) = (Vec::new(), Vec::new());
        for site in 0..SITES {
            servers.push(Endpoint::several(&format!("s{site}"), &["v0", "v1"], NAMESPACE).await);
            certificates.push([ca.server(&[&host(site)]).unwrap(), ca.server(&[&host(site)]).unwrap()]);
        }
        let pair = Pair::gateways(&mesh).await;
        let stage = Self { pair, mesh, servers, ca, certificates };
        stage.apply(Editions::default()).await;
        stage
    }

    async fn apply(&self, editions: Editions) {
        self.mesh.publish(FILE, &(0..SITES).map(|site| self.site(site, editions)).collect::<String>()).await;
        self.mesh.assert_valid(FILE).await;
    }

    /// The objects of one site.
    fn site(&self, site: u16, editions: Editions) -> String {
        let odd = |type_url| usize::from(editions.of(type_url) % 2 == 1);
        let server = &self.servers[usize::from(site)][odd(TypeUrl::CLUSTER_LOAD_ASSIGNMENT)];
        let mut yaml =
            "---\n".to_owned() + &Service::new(&format!("s{site}"), NAMESPACE).http(80).yaml([server]);
        yaml += &format!(
            "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: d{site}, namespace: {NAMESPACE}}}\nspec:\n  host: s{site}\n  trafficPolicy: {{connectionPool: {{tcp: {{maxConnections: {}}}}}}}\n",
            100 + editions.of(TypeUrl::CLUSTER)
        );
        let newest = ["TLSV1_2", "TLSV1_3"][odd(TypeUrl::LISTENER)];
        for (side, proxy) in &self.pair.proxies {
            let at = |port: u16, name: &str, protocol: &str, tls: &str| {
                let (bind, port) = (proxy.address, port + site);
                format!(
                    "  - {{port: {{number: {port}, name: {name}, protocol: {protocol}}}, bind: {bind}, hosts: [{}]{tls}}}\n",
                    host(site)
                )
            };
            let tls =
                format!(", tls: {{mode: SIMPLE, credentialName: c{site}, maxProtocolVersion: {newest}}}");
            yaml += &format!(
                "---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: g{side}{site}, namespace: {NAMESPACE}}}\nspec:\n  selector: {{app: {side}}}\n  servers:\n{}{}",
                at(HTTP, "http", "HTTP", ""),
                at(HTTPS, "https", "HTTPS", &tls)
            );
        }
        yaml += &format!(
            "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: v{site}, namespace: {NAMESPACE}}}\nspec:\n  hosts: [{}]\n  gateways: [gdelta{site}, gworld{site}]\n  http: [{{route: [{{destination: {{host: s{site}}}}}], headers: {{response: {{set: {{x-edition: \"{}\"}}}}}}}}]\n",
            host(site),
            editions.of(TypeUrl::VIRTUAL_HOST)
        );
        yaml + &secret(site, &self.certificates[usize::from(site)][odd(TypeUrl::SECRET)])
    }

    /// What a proxy uses of one site, of what a type shows: as [`Stage::shown`].
    async fn uses(&self, proxy: &Proxy, type_url: TypeUrl, site: u16) -> String {
        let ask = async || proxy.get(HTTP + site, &host(site), "/").await;
        match type_url {
            TypeUrl::CLUSTER => {
                let clusters = proxy.admin().get("/clusters").await.unwrap();
                let start = format!(
                    "outbound|80||s{site}.{NAMESPACE}.svc.cluster.local::default_priority::max_connections::"
                );
                clusters.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_default().to_owned()
            }
            TypeUrl::CLUSTER_LOAD_ASSIGNMENT => ask().await.version().unwrap_or_default().to_owned(),
            TypeUrl::LISTENER | TypeUrl::SECRET => {
                let seen = self.shake(proxy, site).await;
                let second = match type_url {
                    TypeUrl::LISTENER => seen.version == rustls::ProtocolVersion::TLSv1_3,
                    _ => seen.is(&self.certificates[usize::from(site)][1]),
                };
                u32::from(second).to_string()
            }
            TypeUrl::ROUTE_CONFIGURATION => {
                let tables = proxy.admin().config_dump("resource=dynamic_route_configs").await.unwrap();
                let name = format!("http.{}.{}", HTTP + site, proxy.address);
                let tables = tables["configs"].as_array().cloned().unwrap_or_default();
                let table = tables.iter().find(|table| table["route_config"]["name"] == name.as_str());
                let marked = table.is_some_and(|table| {
                    table["route_config"]["most_specific_header_mutations_wins"] == Value::Bool(true)
                });
                u32::from(marked).to_string()
            }
            _ => ask().await.header("x-edition").unwrap_or_default().to_owned(),
        }
    }

    async fn shake(&self, proxy: &Proxy, site: u16) -> Seen {
        let at = proxy.at(HTTPS + site);
        handshake_in(at, &host(site), &self.ca.certificate(), &[&TLS12, &TLS13]).await.unwrap()
    }

    /// What an edition shows.
    fn shown(type_url: TypeUrl, edition: u32) -> String {
        match type_url {
            TypeUrl::CLUSTER => (100 + edition).to_string(),
            TypeUrl::CLUSTER_LOAD_ASSIGNMENT => format!("v{}", edition % 2),
            TypeUrl::VIRTUAL_HOST => edition.to_string(),
            _ => (edition % 2).to_string(),
        }
    }

    /// Waits until both proxies show these editions of the bad site and of the others.
    async fn become_of(&self, type_url: TypeUrl, bad: u32, others: u32) {
        for (name, proxy) in &self.pair.proxies {
            for site in 0..SITES {
                let wanted = Self::shown(type_url, if site == BAD { bad } else { others });
                eventually(&format!("{name} uses {wanted} of site {site}"), SETTLED_WITHIN, || async {
                    let found = self.uses(proxy, type_url, site).await;
                    if found == wanted { Ok(()) } else { Err(format!("{found}\n{}", proxy.envoy().log())) }
                })
                .await
                .unwrap();
            }
        }
    }

    /// The resources of a site in what either proxy is sent.
    fn resources(&self, type_url: TypeUrl, site: u16) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for (_, proxy) in &self.pair.proxies {
            names.insert(match type_url {
                TypeUrl::CLUSTER | TypeUrl::CLUSTER_LOAD_ASSIGNMENT => {
                    format!("outbound|80||s{site}.{NAMESPACE}.svc.cluster.local")
                }
                TypeUrl::LISTENER => format!("{}_{}", proxy.address, HTTPS + site),
                TypeUrl::ROUTE_CONFIGURATION => format!("http.{}.{}", HTTP + site, proxy.address),
                TypeUrl::VIRTUAL_HOST => {
                    format!("http.{0}.{1}/{2}:{0}", HTTP + site, proxy.address, host(site))
                }
                _ => format!("kubernetes://c{site}"),
            });
        }
        names
    }

    async fn inject(&self, faults: Vec<Fault>) {
        self.mesh.control_plane().core().inject(faults).await.unwrap();
    }

    /// Each answer of the administration about what is rejected.
    async fn admin(&self, path: &str) -> String {
        let at = self.mesh.control_plane().admin_address();
        Client::new(at).send(&Request::get(path)).await.unwrap().text()
    }

    /// The value of a metric of a type; 0 if there is none.
    fn metric(&self, name: &str, type_url: TypeUrl) -> u64 {
        let metrics = self.mesh.control_plane().metrics();
        let start = format!("{name}{{type=\"{}\"}} ", type_url.short().to_lowercase());
        metrics.lines().find_map(|line| line.strip_prefix(&start)?.parse().ok()).unwrap_or_default()
    }
}

/// What a spoilt resource of a type was made from.
fn origin(type_url: TypeUrl) -> String {
    match type_url {
        TypeUrl::CLUSTER => format!("DestinationRule {NAMESPACE}/d{BAD}"),
        TypeUrl::CLUSTER_LOAD_ASSIGNMENT => format!("Service {NAMESPACE}/s{BAD}"),
        TypeUrl::LISTENER => format!("Gateway {NAMESPACE}/gdelta{BAD}"),
        TypeUrl::SECRET => format!("Secret {NAMESPACE}/c{BAD}"),
        _ => format!("VirtualService {NAMESPACE}/v{BAD}"),
    }
}

/// How many responses both proxies together reject: the one with all, and the one with what is at fault alone, where
/// Envoy does not tell that already. Secrets are sent alone from the beginning. That a listener, or a table in one
/// piece, is at fault and none of its parts, further ones tell.
fn most_nacks(type_url: TypeUrl, wrong: Wrong) -> u64 {
    let is_told = wrong == Wrong::Constraint || matches!(type_url, TypeUrl::CLUSTER | TypeUrl::LISTENER);
    match type_url {
        TypeUrl::LISTENER => 6,
        TypeUrl::ROUTE_CONFIGURATION => {
            if is_told {
                3
            } else {
                5
            }
        }
        _ if is_told || type_url == TypeUrl::SECRET => 2,
        // A host is a part of its table to one of them.
        TypeUrl::VIRTUAL_HOST => 2,
        _ => 4,
    }
}

/// Spoils what a change makes of one site, and corrects it by the next change.
async fn spoils(stage: &Stage, editions: &mut Editions, type_url: TypeUrl, wrong: Wrong) {
    // Nothing that a user writes changes a table but not its hosts; the other tables are changed here too.
    let trigger = if type_url == TypeUrl::ROUTE_CONFIGURATION { TypeUrl::VIRTUAL_HOST } else { type_url };
    let before = editions.of(type_url);
    let mut faults = Vec::new();
    for site in 0..SITES {
        let tail = match type_url {
            _ if site == BAD => tail(type_url, wrong),
            TypeUrl::ROUTE_CONFIGURATION => harmless(),
            _ => continue,
        };
        let names = stage.resources(type_url, site).into_iter();
        faults.extend(names.map(|name| Fault { type_url, name: name.into(), tail: tail.clone() }));
    }
    // As many contents are spoilt as there are names, but for a table with its host, which is both.
    let names = stage.resources(type_url, BAD);
    let nacks = stage.metric("fairlead_xds_nacks_total", type_url);

    stage.inject(faults).await;
    *editions.of_mut(trigger) += 1;
    if type_url == TypeUrl::ROUTE_CONFIGURATION {
        *editions.of_mut(type_url) = 1;
    }
    stage.apply(*editions).await;
    stage.become_of(type_url, before, editions.of(type_url)).await;
    assert_named(stage, type_url, &names).await;
    let nacks = stage.metric("fairlead_xds_nacks_total", type_url) - nacks;
    eprintln!("    {type_url} {wrong:?}: {nacks} NACKs");
    assert!(nacks <= most_nacks(type_url, wrong), "{nacks} responses were rejected");

    stage.inject(Vec::new()).await;
    *editions.of_mut(trigger) += 1;
    *editions.of_mut(TypeUrl::ROUTE_CONFIGURATION) = 0;
    stage.apply(*editions).await;
    let now = editions.of(type_url);
    stage.become_of(type_url, now, now).await;
    eventually("nothing is left to be said", SETTLED_WITHIN, || async {
        let findings = stage.mesh.findings().await;
        if findings.is_empty() { Ok(()) } else { Err(format!("{findings:?}")) }
    })
    .await
    .unwrap();
    assert!(!stage.admin("/debug/syncz").await.contains("heldBack"));
    assert!(stage.admin("/metrics").await.contains("fairlead_quarantined_resources 0"));
}

/// The object at fault is named by a finding and in the status of both proxies, and counted.
async fn assert_named(stage: &Stage, type_url: TypeUrl, names: &BTreeSet<String>) {
    let origin = origin(type_url);
    eventually("the object at fault is found", SETTLED_WITHIN, || async {
        let findings = stage.mesh.findings().await;
        let is_found = findings.iter().any(|finding| {
            finding.code == Code::RejectedByProxy
                && matches!(&finding.on, Subject::Object(key) if key.to_string() == origin)
        });
        let others = findings.iter().filter(|finding| !finding.on.to_string().ends_with(&BAD.to_string()));
        match others.count() {
            0 if is_found => Ok(()),
            _ => Err(format!("{findings:?}")),
        }
    })
    .await
    .unwrap();
    let status: Value = serde_json::from_str(&stage.admin("/debug/syncz").await).unwrap();
    for proxy in status.as_array().unwrap() {
        let types = proxy["types"].as_array().unwrap().iter();
        let held_back: Vec<_> =
            types.flat_map(|of| of["heldBack"].as_array().into_iter().flatten()).collect();
        let [held_back] = held_back[..] else { panic!("{held_back:?} {proxy}") };
        let name = held_back["resource"].as_str().unwrap();
        // To a client of the state of the world a host is a part of its table.
        let is_named = names.iter().any(|known| known == name || known.starts_with(&format!("{name}/")));
        assert!(is_named, "{held_back} {names:?}");
        let mut objects = held_back["objects"].as_array().unwrap().iter().filter_map(Value::as_str);
        // Each of the two has its own Gateway.
        assert!(objects.any(|object| object == origin || object.starts_with("Gateway ")), "{held_back}");
        assert!(held_back["message"].as_str().is_some_and(|message| !message.is_empty()), "{held_back}");
    }
    assert!(!stage.admin("/metrics").await.contains("fairlead_quarantined_resources 0"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_envoy_rejects_costs_that_one_resource_and_names_its_object() {
    let stage = Stage::open().await;
    let mut editions = Editions::default();
    let mut claims = Claims::default();
    for type_url in [
        TypeUrl::CLUSTER,
        TypeUrl::CLUSTER_LOAD_ASSIGNMENT,
        TypeUrl::LISTENER,
        TypeUrl::ROUTE_CONFIGURATION,
        TypeUrl::VIRTUAL_HOST,
        TypeUrl::SECRET,
    ] {
        for wrong in [Wrong::Constraint, Wrong::Meaning] {
            claims
                .check(
                    &format!("{type_url} {wrong:?}"),
                    Box::pin(spoils(&stage, &mut editions, type_url, wrong)),
                )
                .await;
        }
    }
    claims.hold();
    for (name, proxy) in &stage.pair.proxies {
        assert_eq!(proxy.envoy().deprecation_warnings(), Vec::<String>::new(), "{name}");
    }
}
