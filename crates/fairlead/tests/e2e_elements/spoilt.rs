//! An endpoint that Envoy rejects (LEDS) costs that one endpoint and nothing else.

use std::{collections::BTreeMap, process::Command};

use envoy_types::pb::envoy::config::{
    core::v3::{Address, SocketAddress, address, socket_address::PortSpecifier},
    endpoint::v3::{Endpoint, LbEndpoint, lb_endpoint::HostIdentifier},
};
use fairlead_config::{Code, Subject};
use fairlead_control_plane::core::Fault;
use fairlead_lab::{
    client::{Client, Request},
    deadline::eventually,
};
use fairlead_resource::{
    TypeUrl,
    collection::{Collection, Epoch},
};
use prost::Message as _;
use serde_json::Value;

use crate::{
    crowd::{Crowd, HOST, PORT, Place, places},
    endpoints::hosts,
    harness::{Mesh, Proxy, cluster, mesh::SETTLED_WITHIN, server::FAIRLEAD},
    pair::Pair,
};

/// So many endpoints are sent as resources of their own.
const FROM: usize = 20;
const FILE: &str = "crowd.yaml";
const ORIGIN: &str = "ServiceEntry shop/crowd";

/// The fields that spoil an endpoint when they follow it: a port that breaks a constraint.
///
/// (An address that Envoy cannot read is another matter, see `fairlead_envoy::collection::load_assignment`.)
fn tail() -> Vec<u8> {
    let port_specifier = Some(PortSpecifier::PortValue(70_000));
    let address = SocketAddress { port_specifier, ..SocketAddress::default() };
    let address = Some(Address { address: Some(address::Address::SocketAddress(address)) });
    let host = HostIdentifier::Endpoint(Endpoint { address, ..Endpoint::default() });
    LbEndpoint { host_identifier: Some(host), ..LbEndpoint::default() }.encode_to_vec()
}

struct Stage {
    pair: Pair,
    mesh: Mesh,
    crowd: Crowd,
}

impl Stage {
    fn delta(&self) -> &Proxy {
        &self.pair.proxies[0].1
    }

    /// What the endpoint of a number is called; all are in one locality.
    fn endpoint(&self, number: u16) -> String {
        let collection = Collection::new(Epoch::First, &cluster(PORT, "", HOST), 0);
        format!("{}/{}:{}", collection.prefix(), Crowd::address(number), self.crowd.port())
    }

    async fn spoil(&self, bad: Option<u16>) {
        let fault = bad.map(|number| Fault {
            type_url: TypeUrl::LB_ENDPOINT,
            name: self.endpoint(number).into(),
            tail: tail(),
        });
        self.mesh.control_plane().core().inject(fault.into_iter().collect()).await.unwrap();
    }

    async fn publish(&self, places: &[Place]) {
        self.mesh.publish(FILE, &self.crowd.service(places)).await;
    }

    /// Waits until the Envoy that is sent endpoints has these in use, by the weights of their addresses.
    async fn has(&self, expected: &BTreeMap<String, u32>) {
        eventually("the endpoints", SETTLED_WITHIN, || async {
            let hosts = hosts(self.delta()).await;
            let weight = |said: &str| said.rsplit(' ').next().unwrap().parse::<u32>().unwrap();
            let found: BTreeMap<_, _> =
                hosts.iter().map(|(address, said)| (address.clone(), weight(said))).collect();
            if found == *expected {
                return Ok(());
            }
            Err(format!("{found:?}\nand not {expected:?}\n{}", self.delta().envoy().log()))
        })
        .await
        .unwrap();
    }

    async fn admin(&self, path: &str) -> String {
        let at = self.mesh.control_plane().admin_address();
        Client::new(at).send(&Request::get(path)).await.unwrap().text()
    }

    /// What the Envoy that is sent endpoints has rejected, in the words of `/debug/syncz`.
    async fn held_back(&self) -> Vec<Value> {
        let status: Value = serde_json::from_str(&self.admin("/debug/syncz").await).unwrap();
        let delta = status.as_array().unwrap().iter().find(|proxy| proxy["protocol"] == "delta").unwrap();
        let types = delta["types"].as_array().unwrap().iter();
        types.flat_map(|of| of["heldBack"].as_array().cloned().unwrap_or_default()).collect()
    }

    /// The sum of a metric for LEDS.
    async fn metric(&self, name: &str) -> u64 {
        let start = format!("{name}{{type=\"leds\"}} ");
        let metrics = self.admin("/metrics").await;
        metrics.lines().find_map(|line| line.strip_prefix(&start)?.parse().ok()).unwrap_or_default()
    }

    fn proxy_status(&self) -> String {
        let admin = self.mesh.control_plane().admin_address();
        let output =
            Command::new(FAIRLEAD).args(["proxy-status", "--server", &admin.to_string()]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The endpoint is named wherever somebody may look.
    async fn assert_named(&self, bad: u16) {
        let name = self.endpoint(bad);
        eventually("the object at fault is found", SETTLED_WITHIN, || async {
            let findings = self.mesh.findings().await;
            let found = findings.iter().any(|finding| {
                finding.code == Code::RejectedByProxy
                    && matches!(&finding.on, Subject::Object(key) if key.to_string() == ORIGIN)
            });
            if found { Ok(()) } else { Err(format!("{findings:?}")) }
        })
        .await
        .unwrap();
        let held_back = self.held_back().await;
        let [one] = &held_back[..] else { panic!("{held_back:?}") };
        assert_eq!(one["resource"], *name, "{one}");
        assert!(one["objects"].as_array().unwrap().iter().any(|object| object == ORIGIN), "{one}");
        assert!(one["message"].as_str().is_some_and(|message| !message.is_empty()), "{one}");
        assert!(!self.admin("/metrics").await.contains("fairlead_quarantined_resources 0"));
        let status = self.proxy_status();
        assert!(status.contains(&name) && status.contains("ERROR"), "{status}");
    }

    async fn assert_forgotten(&self) {
        eventually("nothing is left to be said", SETTLED_WITHIN, || async {
            let findings = self.mesh.findings().await;
            if findings.is_empty() { Ok(()) } else { Err(format!("{findings:?}")) }
        })
        .await
        .unwrap();
        assert_eq!(self.held_back().await, Vec::<Value>::new());
        assert!(self.admin("/metrics").await.contains("fairlead_quarantined_resources 0"));
    }
}

fn weights(places: &[Place]) -> BTreeMap<String, u32> {
    places.iter().map(|place| (Crowd::address(place.number).to_string(), place.weight)).collect()
}

/// Endpoints up to a number, the fourth and the bad one of a weight.
fn up_to(end: u16, bad: u16, weight: u32) -> Vec<Place> {
    let mut places = places(0..end, "eu/a");
    for place in places.iter_mut().filter(|place| place.number == 4 || place.number == bad) {
        place.weight = weight;
    }
    places
}

/// Spoils an endpoint that is new, or one that is there already, and repairs it.
async fn spoils(stage: &Stage, bad: u16) {
    let before = up_to(30, bad, 1);
    stage.publish(&before).await;
    stage.has(&weights(&before)).await;
    let nacks = stage.metric("fairlead_xds_nacks_total").await;

    // Beside the bad one several come and one changes.
    stage.spoil(Some(bad)).await;
    let after = up_to(34, bad, 2);
    stage.publish(&after).await;
    let kept = weights(&before).get(&Crowd::address(bad).to_string()).copied();
    let without_bad = |places: &[Place]| {
        let mut weights = weights(places);
        match kept {
            Some(kept) => weights.insert(Crowd::address(bad).to_string(), kept),
            None => weights.remove(&Crowd::address(bad).to_string()),
        };
        weights
    };
    stage.has(&without_bad(&after)).await;
    stage.assert_named(bad).await;
    // The response as a whole, and the endpoint alone.
    let rejected = stage.metric("fairlead_xds_nacks_total").await - nacks;
    assert_eq!(rejected, 2, "responses were rejected");

    // Later changes are no concern of it: more come, one changes, some go.
    for places in [up_to(40, bad, 2), up_to(40, bad, 2)[1..].to_vec(), up_to(36, bad, 2)] {
        stage.publish(&places).await;
        stage.has(&without_bad(&places)).await;
    }
    assert_eq!(stage.metric("fairlead_xds_nacks_total").await - nacks, rejected, "it was sent again");
    assert_eq!(stage.held_back().await.len(), 1);

    stage.spoil(None).await;
    let repaired = up_to(37, bad, 3);
    stage.publish(&repaired).await;
    stage.has(&weights(&repaired)).await;
    stage.mesh.settled().await;
    let [(_, delta), (_, world)] = &stage.pair.proxies;
    assert_eq!(hosts(delta).await, hosts(world).await);
    stage.assert_forgotten().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_envoy_rejects_keeps_no_other_one_from_changing() {
    let mesh = Mesh::start_with(|settings| settings.xds.endpoints_as_resources_from = FROM).await;
    let crowd = Crowd::start().await;
    mesh.publish(FILE, &crowd.service(&places(0..30, "eu/a"))).await;
    let pair = Pair::sidecars(&mesh, PORT).await;
    let stage = Stage { pair, mesh, crowd };
    let load = stage.pair.load_http(PORT, &Request::get("/").host(HOST));
    for bad in [31, 7] {
        load.cross(Box::pin(spoils(&stage, bad))).await;
    }
    load.end().await;
    for (_, proxy) in &stage.pair.proxies {
        proxy.assert_clean().await;
    }
}
