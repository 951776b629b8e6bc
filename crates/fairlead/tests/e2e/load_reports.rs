//! A real Envoy reports its load to the control plane (LRS).

use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::{
    harness::{Egress, Endpoint, Mesh, Service, cluster, egress_yaml},
    shop,
};

const PORT: u16 = 8080;

/// How long the counts may take, at a report each second.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_envoy_reports_what_it_sent_to_each_cluster() {
    let mesh = Mesh::start_with(|settings| {
        settings.xds.load_report_interval.0 = Duration::from_secs(1);
    })
    .await;
    let server = Endpoint::bare("ratings", "v1", shop::NAMESPACE).await;
    let service = Service::new("ratings", shop::NAMESPACE).http(PORT);
    mesh.publish("ratings.yaml", &service.yaml([&server])).await;
    let starting = mesh.sidecar("reporter", shop::NAMESPACE).reporting_load();
    let sidecar = starting.sidecar_yaml("", &egress_yaml(starting.address(), &[Egress::http(PORT)]));
    mesh.publish("sidecar-reporter.yaml", &sidecar).await;
    let client = starting.start().await;
    let loads = mesh.control_plane().sessions().loads();
    let name = cluster(PORT, "", &service.host());
    // Envoy counts from the report after the cluster came, so how many requests that takes is its own affair.
    let counted = timeout(PATIENCE, async {
        loop {
            assert_eq!(client.get(PORT, "ratings", "/").await.status, 200);
            let found = loads.snapshot().into_iter().find(|((cluster, _), _)| *cluster == name);
            match found {
                Some((_, load)) if load.successful >= 7 => return load,
                _ => sleep(Duration::from_millis(20)).await,
            }
        }
    });
    let load =
        counted.await.unwrap_or_else(|_| panic!("nothing is reported of {name}: {:?}", loads.snapshot()));
    assert_eq!(load.errors, 0);
    // Envoy reads the two counts one after the other while a request may be under way, at the first report and at
    // the last: each may leave one request in one of them only.
    assert!(load.issued + 2 >= load.successful, "{load:?}");
    assert_eq!(loads.clients(), 1);
    client.assert_clean().await;
}
