//! Clients that hardly read, beside those that do.

use std::time::{Duration, Instant};

use fairlead_lab::deadline::eventually;
use fairlead_resource::TypeUrl;
use fairlead_testkit::{
    ads::Protocol,
    crowd::{Awaited, Crowd, Profile},
    meshgen::MeshSpec,
};

use crate::{
    crowds::{Memory, WITHIN, crowd_of, is_full, server_of, settled, sidecars},
    harness::server::Server,
    report::Report,
};

/// How long a client may take to read one response; the default is five minutes.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// How much a slow one reads in a second: its first response would take it half an hour.
const SLOW: u64 = 512;
/// What a slow one may cost: a chunk, and what the connection holds.
const SLOW_MB: f64 = 0.256;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_readers_hold_up_nobody_cost_little_and_are_disconnected_in_time() {
    if !is_full() {
        // What the buffers of the system do not take in is too much for a short run; `fairlead-xds` tests the stall.
        eprintln!("skipped: only `make soak` runs it");
        return;
    }
    let (good, slow) = (1_000, 100);
    // The good ones see little of it, and the slow ones everything: more than the system's buffers take in.
    let services = 10_000;
    let spec = MeshSpec {
        namespaces: 10,
        services,
        endpoints_per_service: 2,
        pods: false,
        destination_rules: services,
        sidecar_services: 20,
        ..MeshSpec::EMPTY
    };
    let mut report = Report::of("slow-readers");
    report.count("good_clients", good);
    report.count("slow_clients", slow);
    let settings = format!("xds: {{sendTimeout: {}s}}", SEND_TIMEOUT.as_secs());
    let server = server_of(&spec).settings(&settings).launched().await;
    let memory = Memory::of(&server);
    let mut crowd = crowd_of(&server);
    crowd.join_all(sidecars(0..good, &spec));
    // The view of the slow ones costs what it costs, however they read.
    let wide = |client| Profile::sidecar(client, "elsewhere", Protocol::Delta);
    crowd.join_all([wide(good)]);
    settled(&crowd).await;
    let slow_ones = good + 1..good + 1 + slow;
    let rounds = 20;
    let alone = latencies(&server, &crowd, &spec, good, rounds).await;
    let before = memory.now();
    memory.reset_peak();

    let began = Instant::now();
    crowd.join_all(slow_ones.clone().map(|i| Profile { bytes_per_second: SLOW, ..wide(i) }));
    eventually("the slow ones are connected", WITHIN, || async {
        let connected = crowd.totals_of(slow_ones.clone()).streams;
        if connected == slow as u64 { Ok(()) } else { Err(format!("{connected} of {slow}")) }
    })
    .await
    .unwrap();
    let beside = latencies(&server, &crowd, &spec, good, rounds).await;
    let (during, peak) = (memory.now(), memory.peak());
    eventually("the slow ones are disconnected", WITHIN, || async {
        let closed = server.metric("pilot_xds_write_timeout").await;
        if closed >= slow as f64 { Ok(()) } else { Err(format!("{closed} of {slow}")) }
    })
    .await
    .unwrap();
    report.add("slow_closed_within_s", began.elapsed().as_secs_f64());
    report.add("send_timeout_s", SEND_TIMEOUT.as_secs_f64());
    for (name, times) in [("alone", &alone), ("beside_slow", &beside)] {
        report.add(&format!("{name}_median_ms"), at(times, 0.5));
        report.add(&format!("{name}_p99_ms"), at(times, 0.99));
    }
    report.add("median_ratio", at(&beside, 0.5) / at(&alone, 0.5));
    report.add("p99_ratio", at(&beside, 0.99) / at(&alone, 0.99));
    report.add("rss_alone_mb", before);
    report.add("rss_beside_slow_mb", during);
    report.add("peak_rss_mb", peak);

    assert!(began.elapsed() >= SEND_TIMEOUT, "they were not given their time");
    let most = before + SLOW_MB * slow as f64 + 64.0;
    assert!(peak <= most, "{peak:.0} MB at the peak, {before:.0} MB before");
    assert_eq!(crowd.totals_of(0..good).streams, good as u64, "a good one was disconnected");
    report.finish();
}

/// How long changes of endpoints take to each of the good clients, in ms, sorted. All of them get each.
async fn latencies(server: &Server, crowd: &Crowd, spec: &MeshSpec, good: usize, rounds: usize) -> Vec<f64> {
    let mut all = Vec::new();
    for round in 0..rounds {
        let watch = crowd.watch(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, None, Awaited::Change);
        let began = crowd.clock();
        let endpoints = spec.endpoints_per_service + 1 + round % 2;
        // One service of each namespace, so that each client is sent one change.
        for i in 0..spec.namespaces {
            server.write(&format!("endpoints-{i}.yaml"), &spec.endpoints_with(i, endpoints));
        }
        eventually("every good client has the change", WITHIN, || async {
            let have = (0..good).filter(|client| watch.time_of(*client).is_some()).count();
            if have == good { Ok(()) } else { Err(format!("{have} of {good}")) }
        })
        .await
        .unwrap();
        let times = (0..good).filter_map(|client| watch.time_of(client));
        all.extend(times.map(|time| time.saturating_sub(began).as_secs_f64() * 1e3));
    }
    all.sort_by(f64::total_cmp);
    all
}

fn at(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share) as usize]
}
