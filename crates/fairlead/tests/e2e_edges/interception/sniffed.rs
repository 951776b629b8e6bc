//! What comes in at ports of which nothing says what they speak, from a pod that has no sidecar.

use super::*;

/// Each must pass the cluster of its port: what is passed through by the listener's default chain looks the same to
/// clients, and is seen by no statistic and held by no limit of the port.
pub(super) async fn all_that_is_not_http_reaches_an_inbound_port_without_protocol(cluster: &Cluster) {
    let ip = cluster.b.ip().to_string();
    let http = format!("http://{ip}:{SILENT_HTTP}/");
    let call = || curl(&cluster.outside, &[&http]).unwrap();
    let (answer, requests) = growth(&cluster.sidecar_b, &inbound(SILENT_HTTP, "rq_completed"), call).await;
    is_answered(&answer, "b", "127.0.0.6");
    assert_eq!(requests, 1, "not taken for HTTP");
    let call = || line(&cluster.outside, &ip, SILENT_ECHO).unwrap();
    let (answer, connections) = growth(&cluster.sidecar_b, &inbound(SILENT_ECHO, "cx_total"), call).await;
    assert_eq!((answer.as_str(), connections), ("hello", 1), "bytes");
    let tls = format!("https://{ip}:{SILENT_TLS}/");
    let call = || curl(&cluster.outside, &["--insecure", &tls]).unwrap();
    let (answer, connections) = growth(&cluster.sidecar_b, &inbound(SILENT_TLS, "cx_total"), call).await;
    is_answered(&answer, "b", "127.0.0.6");
    assert_eq!(connections, 1, "TLS");
}

/// Without a time limit, which is the default, Envoy waits for the client for ever.
pub(super) async fn bytes_of_which_the_servers_come_first_reach_it_once_detection_times_out(
    cluster: &Cluster,
) {
    let limit = "protocolDetectionTimeout: 300ms";
    cluster.apply("mesh.yaml", &mesh("ALLOW_ANY").replace("mesh: |\n", &format!("mesh: |\n    {limit}\n")));
    let ip = cluster.b.ip().to_string();
    let read = format!("exec 3<>/dev/tcp/{ip}/{SILENT_GREETING}; head -n 1 <&3");
    let greeted = eventually("the greeting", WITHIN, || async {
        let listen = || cluster.outside.output("timeout", &["2", "bash", "-c", &read]);
        match growth(&cluster.sidecar_b, &inbound(SILENT_GREETING, "cx_total"), listen).await {
            (Ok(said), 1) if said == "b greets\n" => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    greeted.await.unwrap();
    cluster.apply("mesh.yaml", &mesh("ALLOW_ANY"));
}

/// A statistic of the cluster of a port.
fn inbound(port: u16, stat: &str) -> String {
    format!("cluster.inbound|{port}||.upstream_{stat}")
}
