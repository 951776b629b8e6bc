//! What a change of one of 2,000 endpoints costs an Envoy, by either way.

use std::fs;

use crate::{
    crowd::{Crowd, PORT, places},
    endpoints::hosts,
    harness::{Egress, Mesh, Proxy},
};

const ENDPOINTS: u16 = 2000;
const CHANGES: u16 = 100;

/// The time that a process has computed, in clock ticks, and its memory in kB.
fn used(proxy: &Proxy) -> (u64, u64) {
    let id = proxy.envoy().id();
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    (ticks, rss.trim().trim_end_matches(" kB").parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures: nothing that it finds is right or wrong"]
async fn one_of_many_endpoints_changes() {
    for alone in [false, true] {
        let mesh = Mesh::start_with(|settings| settings.xds.endpoints_as_resources = alone).await;
        let crowd = Crowd::start().await;
        mesh.publish("crowd.yaml", &crowd.service(&places(0..ENDPOINTS, "eu/a"))).await;
        let client = mesh.client("client", "shop", &[Egress::http(PORT)]).await;
        let (before, _) = used(&client);
        let bytes = client.stat("cluster.xds-grpc.upstream_cx_rx_bytes_total").await;
        for change in 1..=CHANGES {
            mesh.apply("crowd.yaml", &crowd.service(&places(change..ENDPOINTS + change, "eu/a"))).await;
        }
        let received = client.stat("cluster.xds-grpc.upstream_cx_rx_bytes_total").await - bytes;
        let (after, memory) = used(&client);
        assert_eq!(hosts(&client).await.len(), usize::from(ENDPOINTS));
        eprintln!(
            "    as resources {alone}: {} ticks and {received} bytes for {CHANGES} changes, {memory} kB resident",
            after - before
        );
    }
}
