//! Subsets come and go, in one change and in several, in either order.

use fairlead_config::Code;
use fairlead_lab::{client::Request, deadline::eventually};

use crate::{
    harness::{Endpoint, Mesh, Service, mesh::SETTLED_WITHIN},
    pair::{Loads, NAMESPACE, Pair},
};

const PORT: u16 = 8080;
const FILE: &str = "routing.yaml";

struct Stage {
    pair: Pair,
    mesh: Mesh,
    _servers: Vec<Endpoint>,
}

/// The DestinationRule of `reviews` with these versions as subsets.
fn rule(versions: &[&str]) -> String {
    let subset = |version: &&str| format!("{{name: {version}, labels: {{version: {version}}}}}");
    let subsets = versions.iter().map(subset).collect::<Vec<_>>().join(", ");
    format!(
        "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: reviews, namespace: {NAMESPACE}}}\nspec:\n  host: reviews\n  subsets: [{subsets}]\n"
    )
}

/// A VirtualService that sends everything to one subset.
fn route(subset: &str) -> String {
    format!(
        "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: reviews, namespace: {NAMESPACE}}}\nspec:\n  hosts: [reviews]\n  http: [{{route: [{{destination: {{host: reviews, subset: {subset}}}}}]}}]\n"
    )
}

impl Stage {
    /// Everything goes to `v1`, the only subset.
    async fn open() -> Self {
        let mesh = Mesh::start().await;
        let servers = Endpoint::several("reviews", &["v1", "v2"], NAMESPACE).await;
        mesh.publish("reviews.yaml", &Service::new("reviews", NAMESPACE).http(PORT).yaml(&servers)).await;
        mesh.publish(FILE, &(rule(&["v1"]) + &route("v1"))).await;
        let pair = Pair::sidecars(&mesh, PORT).await;
        Self { pair, mesh, _servers: servers }
    }

    fn load(&self) -> Loads {
        self.pair.load_http(PORT, &Request::get("/").host("reviews"))
    }

    async fn apply(&self, yaml: &str) {
        self.mesh.apply(FILE, yaml).await;
    }

    /// Waits until a finding about a file has this code.
    async fn finds(&self, code: Code) {
        eventually(&format!("{code}"), SETTLED_WITHIN, || async {
            let findings = self.mesh.findings().await;
            if findings.iter().any(|finding| finding.code == code) {
                Ok(())
            } else {
                Err(format!("{findings:?}"))
            }
        })
        .await
        .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subset_is_added_and_used_in_one_change_and_left_and_removed_in_one() {
    let stage = Stage::open().await;
    let load = stage.load();
    let there = async || stage.apply(&(rule(&["v2"]) + &route("v2"))).await;
    let back = async || stage.apply(&(rule(&["v1"]) + &route("v1"))).await;
    let (changes, versions) = load.cross_often(there, back, ("v1", "v2")).await;
    load.end().await.saw(&changes, &versions);
    for (name, proxy) in &stage.pair.proxies {
        let clusters = proxy.admin().get("/clusters").await.unwrap();
        assert!(!clusters.contains("|v2|"), "{name} still has the cluster of the subset");
    }
    assert_eq!(stage.mesh.findings().await, []);
    stage.pair.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subset_that_is_removed_while_it_is_routed_to_serves_until_it_is_left() {
    let stage = Stage::open().await;
    stage.apply(&(rule(&["v1", "v2"]) + &route("v1"))).await;
    let load = stage.load();
    // The rule first, and the routes later.
    let removed = load.cross(stage.apply(&(rule(&["v2"]) + &route("v1")))).await;
    stage.finds(Code::SubsetKept).await;
    let left = load.cross(stage.apply(&(rule(&["v2"]) + &route("v2")))).await;
    load.end().await.saw(&[removed, left], &["v1", "v1", "v2"]);
    assert_eq!(stage.mesh.findings().await, [], "nothing is left to be said");
    stage.pair.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn routes_that_come_before_their_subset_wait_for_it() {
    let stage = Stage::open().await;
    let load = stage.load();
    // The routes first, and the rule later.
    let early = load.cross(stage.apply(&(rule(&["v1"]) + &route("v2")))).await;
    stage.finds(Code::RoutesHeldBack).await;
    let defined = load.cross(stage.apply(&(rule(&["v1", "v2"]) + &route("v2")))).await;
    load.end().await.saw(&[early, defined], &["v1", "v1", "v2"]);
    assert_eq!(stage.mesh.findings().await, [], "nothing is left to be said");
    stage.pair.assert_clean().await;
}
