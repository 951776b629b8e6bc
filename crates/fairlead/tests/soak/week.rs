//! A week in minutes: changes all the time, clients that come and go, and nothing that is left of it.

use std::time::{Duration, Instant};

use fairlead_lab::deadline::eventually;
use fairlead_testkit::meshgen::MeshSpec;

use crate::{
    crowds::{Memory, WITHIN, crowd_of, is_full, published, server_of, settled, sidecars, sized},
    harness::server::Server,
    report::Report,
};

/// Endpoint changes in a second, each of a file of its own.
const CHANGES: usize = 200;
/// In how many portions.
const TICKS: usize = 10;
/// After so many changes without a client that comes or goes, nothing is kept any more for who has gone.
const FORGET: usize = 12;
/// Growth that is none: what an allocator holds between two moments.
const NOISE_MB: f64 = 12.0;

/// How long: `FAIRLEAD_SOAK_SECONDS`, 600 in a full run.
fn duration() -> Duration {
    let seconds = std::env::var_os("FAIRLEAD_SOAK_SECONDS").map(|text| {
        let text = text.to_str().expect("FAIRLEAD_SOAK_SECONDS is a number");
        text.parse().expect("FAIRLEAD_SOAK_SECONDS is a number")
    });
    Duration::from_secs(seconds.unwrap_or(sized(20, 600)))
}

struct Churn<'a> {
    server: &'a Server,
    spec: MeshSpec,
    /// The next endpoint change, and the next change of a rule.
    endpoints: usize,
    rules: usize,
}

impl Churn<'_> {
    /// One more or one less endpoint of the next service.
    fn endpoint(&mut self) {
        let (i, round) = (self.endpoints % self.spec.services, self.endpoints / self.spec.services);
        let endpoints = self.spec.endpoints_per_service + (round + 1) % 2;
        self.server.write(&format!("endpoints-{i}.yaml"), &self.spec.endpoints_with(i, endpoints));
        self.endpoints += 1;
    }

    /// Another pool size of the next rule.
    fn rule(&mut self) {
        let i = self.rules % self.spec.destination_rules;
        let connections = 100 + u32::try_from(self.rules / self.spec.destination_rules % 7).unwrap() + 1;
        self.server.write(&format!("destinationrule-{i}.yaml"), &self.spec.destination_rule(i, connections));
        self.rules += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_week_of_changes_leaves_no_memory_and_the_state_of_a_cold_start() {
    let clients = sized(20, 200);
    let services = sized(100, 1_000);
    let spec = MeshSpec {
        namespaces: 10,
        services,
        endpoints_per_service: 5,
        virtual_services: services / 5,
        destination_rules: services / 5,
        sidecar_services: sized(20, 100),
        ..MeshSpec::EMPTY
    };
    let mut report = Report::of("week");
    let server = server_of(&spec).launched().await;
    let memory = Memory::of(&server);
    let mut crowd = crowd_of(&server);
    crowd.join_all(sidecars(0..clients, &spec));
    settled(&crowd).await;

    let mut churn = Churn { server: &server, spec, endpoints: 0, rules: 0 };
    let (began, length) = (Instant::now(), duration());
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / u32::try_from(TICKS).unwrap());
    let mut samples: Vec<(f64, f64)> = Vec::new();
    let mut tick = 0;
    while began.elapsed() < length {
        ticks.tick().await;
        (0..CHANGES / TICKS).for_each(|_| churn.endpoint());
        if tick % TICKS == 0 {
            churn.rule();
            // A tenth of the clients go, and those that went before come back.
            let second = tick / TICKS;
            let tenth = |n: usize| (n % 10) * clients / 10..(n % 10 + 1) * clients / 10;
            crowd.disconnect(tenth(second));
            if second > 0 {
                crowd.reconnect(tenth(second - 1), None);
            }
            samples.push((memory.now(), server.metric("fairlead_engine_nodes").await));
        }
        tick += 1;
    }
    let took = began.elapsed().as_secs_f64();
    crowd.reconnect(0..clients, None);
    settled(&crowd).await;
    for _ in 0..FORGET {
        churn.rule();
        let revision = server.metric("fairlead_revision").await;
        eventually("the next revision", WITHIN, || async {
            let now = server.metric("fairlead_revision").await;
            if now > revision { Ok(()) } else { Err(format!("{now}")) }
        })
        .await
        .unwrap();
    }
    settled(&crowd).await;
    let (changed, rules) = (churn.endpoints, churn.rules);
    let nodes = server.metric("fairlead_engine_nodes").await;
    report.add("seconds", took);
    report.count("endpoint_changes", changed);
    report.count("rule_changes", rules);
    report.count("streams", crowd.totals().streams);
    report.add("sent_mb", crate::crowds::megabytes(crowd.totals().bytes()));
    report.add("cpu_s", memory.cpu_seconds());

    // The first third is for what is there in the beginning to be touched once.
    let late = &samples[samples.len() / 3..];
    let middle = late[..late.len() / 2].iter().map(|(rss, _)| *rss).fold(0.0, f64::max);
    let end = late[late.len() / 2..].iter().map(|(rss, _)| *rss).fold(0.0, f64::max);
    report.add("rss_first_mb", samples[0].0);
    report.add("rss_most_second_third_mb", middle);
    report.add("rss_most_last_third_mb", end);
    report.add("rss_end_mb", memory.now());
    report.add("engine_nodes_most", late.iter().map(|(_, nodes)| *nodes).fold(0.0, f64::max));
    report.add("engine_nodes_end", nodes);

    let cold = cold_start(&server).await;
    let mut crowd_of_cold = crowd_of(&cold);
    crowd_of_cold.join_all(sidecars(0..clients, &spec));
    settled(&crowd_of_cold).await;
    let cold_nodes = cold.metric("fairlead_engine_nodes").await;
    report.add("engine_nodes_cold", cold_nodes);
    report.add("rss_cold_mb", Memory::of(&cold).now());
    report.finish();
    for client in 0..spec.namespaces {
        let (warm, cold) = (published(&server, client, &spec).await, published(&cold, client, &spec).await);
        assert!(warm.as_object().is_some_and(|types| !types.is_empty()), "{warm}");
        assert!(warm == cold, "client {client} has not what a cold start gives");
    }
    assert!(nodes <= cold_nodes, "{nodes} nodes of the engine, {cold_nodes} after a cold start");
    // In a short run a third is a few samples, and how they fall depends on what else the machine does.
    let bounded = end <= middle * 1.05 + NOISE_MB;
    assert!(bounded || !is_full(), "memory has grown from {middle:.0} to {end:.0} MB");
}

/// A server of its own with the same files.
async fn cold_start(server: &Server) -> Server {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(server.config()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        files.push((name, std::fs::read_to_string(entry.path()).unwrap()));
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(name, yaml)| (name.as_str(), yaml.as_str())).collect();
    Server::prepared(&files).levels("warn").launched().await
}
