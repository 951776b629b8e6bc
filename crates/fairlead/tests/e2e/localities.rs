//! `localityLbSetting` of a DestinationRule, for a client in `eu/a`.

use fairlead_lab::{client::Request, load::within};

use crate::services::{Bazaar, OPEN, service_entry};

const HOST: &str = "near.example.com";

/// A host with tea near the client and coffee far away, and a DestinationRule with this policy.
async fn near_and_far(bazaar: &Bazaar, policy: &str) {
    let spec = format!(
        "hosts: [{HOST}], resolution: STATIC, endpoints: [{{address: {}, locality: eu/a}}, {{address: {}, locality: us/b}}]",
        bazaar.tea.address, bazaar.coffee.address
    );
    let rule = format!(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: near, namespace: shop}}\nspec: {{host: {HOST}, trafficPolicy: {policy}}}\n"
    );
    bazaar.case(&format!("{}---\n{rule}", service_entry("near", "shop", &spec))).await;
}

/// How many of so many requests go far away.
async fn far(bazaar: &Bazaar, requests: u64) -> u64 {
    let report = bazaar.client.load(OPEN, requests, |_| Request::get("/").host(HOST)).await;
    report.all_ok().unwrap();
    report.by_service("coffee")
}

pub(crate) async fn nearness_counts_for_nothing_without_outlier_detection(bazaar: &Bazaar) {
    near_and_far(bazaar, "{loadBalancer: {simple: ROUND_ROBIN}}").await;
    assert!((58..=62).contains(&far(bazaar, 120).await));
}

pub(crate) async fn the_near_are_preferred_with_outlier_detection(bazaar: &Bazaar) {
    near_and_far(bazaar, "{outlierDetection: {consecutive5xxErrors: 5}}").await;
    assert_eq!(far(bazaar, 60).await, 0);
    // Switched off, it counts for nothing again.
    let off = "{outlierDetection: {consecutive5xxErrors: 5}, loadBalancer: {simple: ROUND_ROBIN, localityLbSetting: {enabled: false}}}";
    near_and_far(bazaar, off).await;
    assert!((58..=62).contains(&far(bazaar, 120).await));
}

pub(crate) async fn shares_are_distributed_by_locality(bazaar: &Bazaar) {
    let policy = "{outlierDetection: {consecutive5xxErrors: 5}, loadBalancer: {localityLbSetting: {distribute: [{from: eu/*, to: {'eu/*': 80, 'us/*': 20}}]}}}";
    near_and_far(bazaar, policy).await;
    within(0.2, 500, far(bazaar, 500).await, 4.0).unwrap();
    bazaar.mesh.remove("case.yaml").await;
}
