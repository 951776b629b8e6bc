//! SIGKILL and restart under many clients.

use std::time::Instant;

use fairlead_lab::deadline::eventually;
use fairlead_testkit::meshgen::MeshSpec;

use crate::{
    crowds::{Memory, WITHIN, crowd_of, published, resources, server_of, settled, sidecars, sized},
    report::Report,
};

/// What a client may be sent that has everything: answers without resources.
const EMPTY_ANSWERS: u64 = 512;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_that_returns_publishes_the_same_and_sends_nothing_again() {
    let clients = sized(60, 2_000);
    let services = sized(60, 1_000);
    let spec = MeshSpec {
        namespaces: 10,
        services,
        endpoints_per_service: 5,
        virtual_services: services / 5,
        destination_rules: services / 5,
        sidecar_services: sized(20, 100),
        ..MeshSpec::EMPTY
    };
    let mut report = Report::of("restart");
    let mut server = server_of(&spec).launched().await;
    let mut crowd = crowd_of(&server);
    crowd.join_all(sidecars(0..clients, &spec));
    settled(&crowd).await;
    let before = crowd.totals();
    let content = published(&server, 0, &spec).await;
    report.count("clients", clients);
    report.add("first_sync_sent_mb", crate::crowds::megabytes(before.bytes()));
    report.add("rss_before_mb", Memory::of(&server).now());

    server.kill();
    eventually("every client has lost its server", WITHIN, || async {
        let connected = crowd.totals().connected;
        if connected == 0 { Ok(()) } else { Err(format!("{connected} are connected")) }
    })
    .await
    .unwrap();
    let began = Instant::now();
    server.launch();
    server.ready().await;
    report.add("restart_until_ready_s", began.elapsed().as_secs_f64());
    settled(&crowd).await;
    report.add("restart_until_quiet_s", began.elapsed().as_secs_f64());
    let spent = crowd.totals() - &before;
    report.count("resources_sent_again", resources(&spent));
    report.count("bytes_sent_again", spent.bytes());
    report.count("streams", spent.streams);
    report.count("refused", server.metric("fairlead_xds_refused_total").await as u64);
    report.add("rss_after_mb", Memory::of(&server).now());
    report.add("peak_rss_after_mb", Memory::of(&server).peak());
    report.add("cpu_after_s", Memory::of(&server).cpu_seconds());

    assert_eq!(published(&server, 0, &spec).await, content, "another content or version");
    let most = EMPTY_ANSWERS * u64::try_from(clients).unwrap();
    assert!(spent.bytes() <= most, "{} bytes: {}", spent.bytes(), spent.by_type());
    assert_eq!(resources(&spent), 0, "{}", spent.by_type());
    assert_eq!(server.metric("fairlead_xds_refused_total").await, 0.0);
    report.finish();
}
