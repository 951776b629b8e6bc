//! What the objects of one author cost, and how long the change of another waits for them.
//!
//! Each case is what an author can write into a file or two: many objects that meet at one place.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use fairlead_lab::deadline::eventually;
use fairlead_resource::TypeUrl;
use fairlead_testkit::{
    ads::Protocol,
    crowd::{Crowd, Profile},
    meshgen::MeshSpec,
};

use crate::{
    crowds::{Memory, WITHIN, crowd_of, server_of, settled, sized},
    harness::server::Server,
    report::Report,
};

/// Objects of one author, which meet at one place.
struct Case {
    name: &'static str,
    /// How many there are.
    count: usize,
    object: fn(usize) -> String,
    /// What they all need, and how often.
    others: usize,
    other: fn(usize) -> String,
    /// The most memory that they may take, in MB.
    most: f64,
}

/// Objects, as one file.
fn file(objects: impl Iterator<Item = String>) -> String {
    objects.fold(String::new(), |mut all, object| {
        let _ = writeln!(all, "---\n{object}");
        all
    })
}

fn istio(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "{{apiVersion: networking.istio.io/v1, kind: {kind}, metadata: {{name: {name}, namespace: ns-1}}, spec: {{{spec}}}}}"
    )
}

fn service(name: &str, namespace: &str, ip: &str, selector: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Service, metadata: {{name: {name}, namespace: {namespace}}}, spec: {{clusterIP: {ip}, {selector}ports: [{{name: http, port: 80}}]}}}}"
    )
}

fn none(_: usize) -> String {
    unreachable!("there are none")
}

fn cases() -> [Case; 5] {
    [
        Case {
            name: "one-address",
            count: sized(200, 4_000),
            object: |i| {
                istio(
                    "ServiceEntry",
                    &format!("e{i}"),
                    &format!(
                        "hosts: [e{i}.test], addresses: [10.77.0.1], ports: [{{number: 9000, name: tcp}}], resolution: STATIC, endpoints: [{{address: 10.78.0.1}}]"
                    ),
                )
            },
            others: 0,
            other: none,
            most: sized(200.0, 400.0),
        },
        Case {
            name: "one-selector",
            count: sized(200, 4_000),
            object: |i| {
                service(
                    &format!("s{i}"),
                    "ns-1",
                    &format!("10.79.{}.{}", i / 250, i % 250),
                    "selector: {app: one}, ",
                )
            },
            others: 1,
            other: |_| {
                "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: ns-1, labels: {app: one}}, status: {podIP: 10.78.0.1, phase: Running, conditions: [{type: Ready, status: 'True'}]}}".to_owned()
            },
            most: sized(200.0, 400.0),
        },
        Case {
            name: "one-selector-many-workloads",
            count: sized(100, 2_000),
            object: |i| {
                istio(
                    "ServiceEntry",
                    &format!("e{i}"),
                    &format!(
                        "hosts: [e{i}.test], addresses: [10.77.{}.{}], ports: [{{number: 80, name: http}}], resolution: STATIC, workloadSelector: {{labels: {{app: one}}}}",
                        i / 250,
                        i % 250
                    ),
                )
            },
            others: sized(100, 2_000),
            other: |i| {
                istio(
                    "WorkloadEntry",
                    &format!("w{i}"),
                    &format!("address: 10.78.{}.{}, labels: {{app: one}}", i / 250, i % 250),
                )
            },
            most: sized(200.0, 700.0),
        },
        Case {
            name: "one-gateway-port",
            count: sized(200, 4_000),
            object: |i| {
                istio(
                    "Gateway",
                    &format!("g{i}"),
                    &format!(
                        "selector: {{istio: ingressgateway}}, servers: [{{port: {{number: 80, name: http, protocol: HTTP}}, hosts: [g{i}.test]}}]"
                    ),
                )
            },
            others: 0,
            other: none,
            most: sized(200.0, 400.0),
        },
        Case {
            name: "expressions",
            count: sized(20, 1_000),
            object: |i| {
                istio(
                    "VirtualService",
                    &format!("v{i}"),
                    &format!(
                        "hosts: [v{i}.test], http: [{{match: [{{uri: {{regex: '/{i}(a|b|[^c-e]{{1,50}})*{}'}}}}], route: [{{destination: {{host: svc-0.ns-0.svc.cluster.local}}}}]}}]",
                        "(x?[a-z]{1,9}|y)".repeat(55)
                    ),
                )
            },
            others: 0,
            other: none,
            most: sized(200.0, 400.0),
        },
    ]
}

/// Another author writes a Service, and waits until a client has it.
async fn bystander(server: &Server, crowd: &Crowd, name: &str) -> Duration {
    let began = Instant::now();
    server.write(&format!("{name}.yaml"), &service(name, "ns-0", "10.99.0.1", ""));
    let cluster = format!("outbound|80||{name}.ns-0.svc.cluster.local");
    eventually("the change of another", WITHIN, || async {
        if crowd.holds(0, TypeUrl::CLUSTER, &cluster) { Ok(()) } else { Err(crowd.lacks(0)) }
    })
    .await
    .unwrap();
    let waited = began.elapsed();
    std::fs::remove_file(server.config().join(format!("{name}.yaml"))).unwrap();
    waited
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_author_writes_has_bounds_and_the_change_of_another_comes_through() {
    for case in cases() {
        let mut report = Report::of(case.name);
        let spec = MeshSpec { namespaces: 2, services: 20, endpoints_per_service: 2, ..MeshSpec::EMPTY };
        let server = server_of(&spec).launched().await;
        let memory = Memory::of(&server);
        let mut crowd = crowd_of(&server);
        crowd.join(Profile::sidecar(0, "ns-0", Protocol::Delta));
        crowd.join(Profile::gateway(1, "ns-0", "ingressgateway", Protocol::Delta));
        settled(&crowd).await;
        let before = memory.now();
        let cpu = memory.cpu_seconds();
        report.add("alone_s", bystander(&server, &crowd, "alone").await.as_secs_f64());

        server.write("others.yaml", &file((0..case.others).map(case.other)));
        server.write("many.yaml", &file((0..case.count).map(case.object)));
        // The server has begun to read.
        tokio::time::sleep(Duration::from_millis(200)).await;
        report.add("beside_s", bystander(&server, &crowd, "beside").await.as_secs_f64());
        settled(&crowd).await;
        report.add("cpu_s", memory.cpu_seconds() - cpu);
        let cpu = memory.cpu_seconds();
        server.write("one-more.yaml", &file(std::iter::once((case.object)(case.count))));
        tokio::time::sleep(Duration::from_millis(50)).await;
        report.add("after_one_more_s", bystander(&server, &crowd, "after").await.as_secs_f64());
        settled(&crowd).await;
        report.add("one_more_cpu_s", memory.cpu_seconds() - cpu);
        report.add("rss_before_mb", before);
        report.add("peak_rss_mb", memory.peak());
        report.finish();
        assert!(memory.peak() < before + case.most, "{}: {} MB, {before} before", case.name, memory.peak());
    }
}
