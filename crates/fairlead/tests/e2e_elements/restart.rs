//! The control plane goes and comes back while endpoints change.

use std::{sync::Arc, time::Duration};

use fairlead_lab::{
    client::{Client, Request},
    deadline::eventually,
    ports,
};

use crate::{
    crowd::{Crowd, HOST, PORT, places},
    harness::traffic::Traffic,
    server::Server,
};

const WITHIN: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoints_that_changed_while_the_control_plane_was_away_are_followed() {
    let crowd = Arc::new(Crowd::start().await);
    let address = ports::loopback();
    let sidecar = format!(
        "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {{name: client, namespace: shop}}\nspec:\n  egress:\n  - port: {{number: {PORT}, name: http, protocol: HTTP}}\n    bind: {address}\n    captureMode: NONE\n    hosts: ['*/*']\n"
    );
    let service = |numbers| crowd.service(&places(numbers, "eu/a"));
    let mut server = Server::start(&[("sidecar.yaml", &sidecar), ("crowd.yaml", &service(0..150))]).await;
    let ip = address.to_string();
    let envoy = server
        .envoy(&["--name", "client", "--namespace", "shop", "--ip", &ip, "--interception-mode", "none"])
        .await;
    server.in_sync(1).await;
    let at = (address, PORT).into();
    let cluster = crate::harness::cluster(PORT, "", HOST);
    let members = async |count: u64| {
        let stat = format!("cluster.{cluster}.membership_total");
        eventually("the endpoints", WITHIN, || async {
            match envoy.admin().stat(&stat).await {
                Ok(now) if now == count => Ok(()),
                other => Err(format!("{other:?}, not {count}")),
            }
        })
        .await
        .unwrap();
    };
    members(150).await;
    let traffic = Traffic::start(|| Client::new(at), &Request::get("/").host(HOST));
    for (before, after) in [(0..148, 2..149), (0..151, 0..120), (0..99, 3..160), (0..150, 0..150)] {
        traffic
            .crosses(Box::pin(async {
                server.write("crowd.yaml", &service(before.clone()));
                server.kill();
                server.write("crowd.yaml", &service(after.clone()));
                server.launch();
                server.ready().await;
                server.in_sync(1).await;
                members(u64::try_from(after.len()).unwrap()).await;
                // And what comes after is followed as well.
                server.write("crowd.yaml", &service(0..155));
                members(155).await;
            }))
            .await;
    }
    traffic.end().await.none_failed("the client");
}
