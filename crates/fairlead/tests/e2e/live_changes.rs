//! Changes while requests are under way, and changes that an Envoy refuses.

use std::time::Duration;

use fairlead_config::Code;
use fairlead_lab::{client::Client, deadline::eventually, load::Load};

use crate::{
    harness::{Egress, egress_yaml},
    shop::{PORT, Shop, V1, V2, get, rule, subsets},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_edit_costs_a_request() {
    let shop = Shop::open().await;
    shop.routes(&format!("- route: {V1}\n")).await;
    let address = shop.client.at(PORT);
    let load = tokio::spawn(async move {
        tokio::join!(
            Load::per_second(120, LOADED).run(|| Client::new(address).keep_alive(), |_| get("/")),
            Load::per_second(20, LOADED).run(|| Client::new(address), |_| get("/")),
        )
    });
    let mut rounds = 0;
    while !load.is_finished() {
        round(&shop, rounds).await;
        rounds += 1;
    }
    assert!(rounds > 1, "edits were made while requests were");
    let (kept, fresh) = load.await.unwrap();
    for report in [&kept, &fresh] {
        report.all_ok().unwrap_or_else(|report| panic!("{rounds} rounds of edits: {report}"));
    }
    for version in ["v1", "v2", "v3"] {
        assert!(kept.by_version(version) > 0, "every version has been in use: {kept}");
    }
    shop.client.assert_clean().await;
}

/// How long requests are made while edits are.
const LOADED: Duration = Duration::from_secs(4);

/// Edits of each sort; each is in use before the next.
async fn round(shop: &Shop, number: usize) {
    // Weights.
    shop.routes("- route: [{destination: {host: reviews, subset: v1}, weight: 50}, {destination: {host: reviews, subset: v3}, weight: 50}]").await;
    // A subset and a route to it at once; then both go at once.
    let green = format!("{}- {{name: green{number}, labels: {{version: v2}}}}\n", subsets(""));
    let route = format!("- route: [{{destination: {{host: reviews, subset: green{number}}}}}]");
    let both =
        format!("{}---\n{}", rule(&green), crate::shop::virtual_service("reviews", "[reviews]", &route));
    shop.mesh.publish("routes.yaml", "").await;
    shop.mesh.apply("subsets.yaml", &both).await;
    shop.mesh.apply("subsets.yaml", &rule(&subsets(""))).await;
    // Endpoints go and come.
    shop.endpoints(2).await;
    shop.endpoints(3).await;
    // The settings of a cluster, which makes Envoy build it anew.
    shop.policy(&format!("{{connectionPool: {{tcp: {{connectTimeout: {}s}}}}}}", number + 2)).await;
    shop.routes(&format!("- route: {V2}\n")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_envoy_refuses_harms_nothing_else() {
    let shop = Shop::open().await;
    shop.routes(&format!("- route: {V1}\n")).await;
    let sidecar = |egress: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {{name: client, namespace: shop}}\nspec:\n  workloadSelector: {{labels: {{app: client}}}}\n{egress}"
        )
    };
    let here = |ports: &[u16]| {
        let egress: Vec<_> = ports.iter().map(|port| Egress::http(*port)).collect();
        egress_yaml(shop.client.address, &egress)
    };
    // Addresses of TEST-NET-1 belong to no machine, so Envoy cannot listen there.
    let nowhere = "  - port: {number: 8090, name: http, protocol: HTTP}\n    bind: 192.0.2.1\n    captureMode: NONE\n    hosts: ['*/*']\n";
    let file = "sidecar-client.yaml";

    shop.mesh.publish(file, &sidecar(&format!("{}{nowhere}", here(&[PORT, 8091])))).await;
    eventually("a finding about the Sidecar", Duration::from_secs(20), || async {
        let findings = shop.mesh.findings().await;
        let found = findings.iter().find(|finding| finding.code == Code::RejectedByProxy).cloned();
        found.ok_or_else(|| format!("{findings:?}")).and_then(|finding| {
            let names_it =
                finding.message.contains("192.0.2.1") && format!("{:?}", finding.on).contains("\"client\"");
            if names_it { Ok(()) } else { Err(format!("{finding:?}")) }
        })
    })
    .await
    .unwrap();
    shop.mesh.settled().await;
    let rejected: usize =
        shop.mesh.session("client").unwrap().types.iter().map(|status| status.rejected).sum();
    assert_eq!(rejected, 1, "one content of one listener");

    // What came with it is in use, and so is what comes after it.
    assert_eq!(shop.client.get(8091, "reviews.shop:8080", "/").await.status, 502, "nothing is at this port");
    assert_eq!(shop.get("/").await.version(), Some("v1"));
    shop.routes(&format!("- route: {V2}\n")).await;
    assert_eq!(shop.get("/").await.version(), Some("v2"));
    let before = shop.client.stat("listener_manager.lds.update_rejected").await;
    shop.mesh.publish(file, &sidecar(&format!("{}{nowhere}", here(&[PORT, 8091, 8092])))).await;
    eventually("a listener beside the rejected one", Duration::from_secs(20), || async {
        shop.client.http(8092).send(&get("/")).await.map(drop)
    })
    .await
    .unwrap();
    assert_eq!(
        shop.client.stat("listener_manager.lds.update_rejected").await,
        before,
        "it is not sent again"
    );

    // Once corrected, nothing is left of it.
    shop.mesh.apply(file, &sidecar(&here(&[PORT]))).await;
    assert_eq!(shop.mesh.findings().await, []);
    let session = shop.mesh.session("client").unwrap();
    assert!(session.types.iter().all(|status| status.in_sync), "{:?}", session.types);
    assert_eq!(shop.get("/").await.version(), Some("v2"));
    assert!(shop.client.http(8092).send(&get("/")).await.is_err(), "its listener is gone");
}
