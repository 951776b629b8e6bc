//! Everybody connects at one moment.

use std::time::Instant;

use fairlead_testkit::meshgen::MeshSpec;

use crate::{
    crowds::{Memory, crowd_of, opened, resources, server_of, settled, sidecars, sized},
    report::Report,
};

/// What a server may hold beyond what it needs afterwards: the backlog that it lets itself have, and what a
/// connection costs while it is served.
const BACKLOG_MB: f64 = 64.0;
const CONNECTION_MB: f64 = 0.128;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_clients_is_let_in_by_and_by_and_none_is_refused() {
    let clients = sized(100, 5_000);
    let services = sized(100, 1_000);
    let spec = MeshSpec {
        namespaces: 10,
        services,
        endpoints_per_service: 5,
        virtual_services: services / 5,
        destination_rules: services / 5,
        sidecar_services: sized(50, 100),
        ..MeshSpec::EMPTY
    };
    let mut report = Report::of("storm");
    report.count("clients", clients);
    let server = server_of(&spec).launched().await;
    let memory = Memory::of(&server);
    report.add("rss_without_clients_mb", memory.now());
    let mut crowd = crowd_of(&server);

    // All come, with nothing.
    let began = Instant::now();
    crowd.join_all(sidecars(0..clients, &spec));
    settled(&crowd).await;
    report.add("first_wave_until_quiet_s", began.elapsed().as_secs_f64());
    check(&mut report, "first_wave", &memory, clients);
    let first = crowd.totals();
    report.add("first_wave_sent_mb", crate::crowds::megabytes(first.bytes()));
    report.count("first_wave_streams", first.streams);

    // All lose their streams and come again, with what they have.
    memory.reset_peak();
    let began = Instant::now();
    crowd.reconnect(0..clients, None);
    opened(&crowd, first.streams + clients as u64).await;
    settled(&crowd).await;
    report.add("second_wave_until_quiet_s", began.elapsed().as_secs_f64());
    check(&mut report, "second_wave", &memory, clients);
    let second = crowd.totals() - &first;
    report.count("second_wave_streams", second.streams);
    report.count("second_wave_resources", resources(&second));
    report.add("cpu_s", memory.cpu_seconds());

    let refused = server.metric("fairlead_xds_refused_total").await;
    report.add("refused", refused);
    assert_eq!(refused, 0.0, "{}", server.log());
    assert_eq!(resources(&second), 0, "{}", second.by_type());
    for (wave, totals) in [("first", &first), ("second", &second)] {
        assert_eq!(totals.streams, clients as u64, "{wave} wave: a client has had to try again");
    }
    report.finish();
}

/// No more memory is needed for a moment than the server lets itself have.
fn check(report: &mut Report, wave: &str, memory: &Memory, clients: usize) {
    let (now, peak) = (memory.now(), memory.peak());
    report.add(&format!("{wave}_rss_mb"), now);
    report.add(&format!("{wave}_peak_rss_mb"), peak);
    let most = now + BACKLOG_MB + CONNECTION_MB * clients as f64;
    assert!(peak <= most, "{wave}: {peak:.0} MB at the peak, {now:.0} MB after it");
}
