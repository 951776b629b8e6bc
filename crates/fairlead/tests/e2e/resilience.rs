//! `connectionPool` and `outlierDetection` of a DestinationRule.

use std::time::Duration;

use fairlead_lab::{client::Request, ports};
use fairlead_testkit::app::{Echo, Script};
use futures_util::future::join_all;
use http::StatusCode;

use crate::{
    harness::{APP_PORT, claims::claims, cluster},
    shop::{HOST, OTHER_PORT, PORT, Shop, V1, V2, get, rule, virtual_service},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_are_spared_as_rules_say() {
    let shop = Shop::open().await;
    claims!(&shop;
        requests_beyond_the_queue_are_refused,
        requests_beyond_the_limit_are_refused,
        connections_carry_so_many_requests,
        idle_connections_are_closed,
        requests_are_upgraded_to_http2,
        the_protocol_of_the_client_is_kept,
        the_settings_of_a_port_replace_the_rest,
        a_subset_overrides_what_it_names_and_inherits_the_rest,
        a_failing_server_is_left_out_and_comes_back,
        gateway_errors_are_counted_apart,
        a_refused_connection_is_tried_elsewhere,
    );
    shop.client.assert_clean().await;
}

/// Sends `count` requests at once, and counts those with `status`.
async fn at_once(shop: &Shop, count: usize, request: &Request) -> (usize, usize) {
    let client = shop.client.http(PORT);
    let answers = join_all((0..count).map(|_| client.send(request))).await;
    let statuses: Vec<_> = answers.into_iter().map(|answer| answer.expect("an answer").status).collect();
    let count = |status| statuses.iter().filter(|s| **s == status).count();
    let counts = (count(StatusCode::OK), count(StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!(counts.0 + counts.1, statuses.len(), "{statuses:?}");
    counts
}

async fn to_v1_without_retries(shop: &Shop) {
    shop.routes(&format!("- retries: {{attempts: 0}}\n  route: {V1}\n")).await;
}

async fn requests_beyond_the_queue_are_refused(shop: &Shop) {
    shop.policy("{connectionPool: {tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}}}").await;
    to_v1_without_retries(shop).await;
    // The one connection is there: a request that waits for it to open would count as pending.
    assert_eq!(shop.get("/").await.status, StatusCode::OK);
    let counter = |name| {
        let cluster = cluster(PORT, "v1", HOST);
        async move { shop.client.cluster_stat(&cluster, name).await }
    };
    let before = counter("upstream_rq_pending_overflow").await;
    shop.reset();
    shop.servers[0].app.script("/", Script::echo().delay(Duration::from_millis(800)));
    let (served, refused) = at_once(shop, 10, &get("/queue")).await;
    assert_eq!((served, refused), (2, 8), "one is served, one waits");
    assert_eq!(counter("upstream_rq_pending_overflow").await - before, 8);
    assert_eq!(shop.counts("/queue"), [2, 0, 0]);
    shop.reset();
}

async fn requests_beyond_the_limit_are_refused(shop: &Shop) {
    shop.policy("{connectionPool: {http: {http2MaxRequests: 3}}}").await;
    to_v1_without_retries(shop).await;
    shop.reset();
    shop.servers[0].app.script("/", Script::echo().delay(Duration::from_millis(800)));
    assert_eq!(at_once(shop, 10, &get("/limit")).await, (3, 7));
    assert_eq!(shop.counts("/limit"), [3, 0, 0]);
    shop.reset();
}

/// How many connections `requests` requests, one after the other, make to each server.
async fn connections(shop: &Shop, port: u16, requests: u64) -> Vec<u64> {
    let now = || shop.servers.iter().map(|server| server.app.connections()).collect::<Vec<_>>();
    let before = now();
    let client = shop.client.http(port).keep_alive();
    for _ in 0..requests {
        assert_eq!(client.send(&get("/")).await.expect("an answer").status, StatusCode::OK);
    }
    now().iter().zip(before).map(|(now, before)| now - before).collect()
}

async fn connections_carry_so_many_requests(shop: &Shop) {
    for (policy, expected) in [
        ("{connectionPool: {http: {maxRequestsPerConnection: 2}}}", 5),
        ("{connectionPool: {http: {maxRequestsPerConnection: 1}}}", 10),
        ("", 1),
    ] {
        shop.policy(policy).await;
        shop.routes(&format!("- route: {V1}\n")).await;
        assert_eq!(connections(shop, PORT, 10).await, [expected, 0, 0], "{policy}");
    }
}

async fn idle_connections_are_closed(shop: &Shop) {
    shop.policy("{connectionPool: {http: {idleTimeout: 200ms}}}").await;
    shop.routes(&format!("- route: {V1}\n")).await;
    let stat = format!("cluster.{}.upstream_cx_idle_timeout", cluster(PORT, "v1", HOST));
    let before = shop.client.stat(&stat).await;
    assert_eq!(connections(shop, PORT, 1).await, [1, 0, 0]);
    shop.client.stat_becomes(&stat, before + 1).await;
    assert_eq!(connections(shop, PORT, 1).await, [1, 0, 0], "the old one is gone");
}

async fn requests_are_upgraded_to_http2(shop: &Shop) {
    for (policy, protocol) in [
        ("", "HTTP/1.1"),
        ("{connectionPool: {http: {h2UpgradePolicy: UPGRADE}}}", "HTTP/2.0"),
        ("{connectionPool: {http: {h2UpgradePolicy: DO_NOT_UPGRADE}}}", "HTTP/1.1"),
    ] {
        shop.policy(policy).await;
        assert_eq!(shop.get("/").await.json::<Echo>().unwrap().protocol, protocol, "{policy}");
    }
}

async fn the_protocol_of_the_client_is_kept(shop: &Shop) {
    shop.policy("{connectionPool: {http: {useClientProtocol: true}}}").await;
    let [one, two] = [shop.client.http(PORT), shop.client.http(PORT).http2()];
    assert_eq!(one.send(&get("/")).await.unwrap().json::<Echo>().unwrap().protocol, "HTTP/1.1");
    assert_eq!(two.send(&get("/")).await.unwrap().json::<Echo>().unwrap().protocol, "HTTP/2.0");
}

async fn the_settings_of_a_port_replace_the_rest(shop: &Shop) {
    let policy = format!(
        "{{connectionPool: {{http: {{maxRequestsPerConnection: 1}}}}, portLevelSettings: [{{port: {{number: {OTHER_PORT}}}, loadBalancer: {{simple: ROUND_ROBIN}}}}]}}"
    );
    shop.policy(&policy).await;
    shop.routes(&format!("- route: {V1}\n")).await;
    assert_eq!(connections(shop, PORT, 6).await, [6, 0, 0]);
    assert_eq!(
        connections(shop, OTHER_PORT, 6).await,
        [1, 0, 0],
        "the pool of the top level is not inherited"
    );
}

async fn a_subset_overrides_what_it_names_and_inherits_the_rest(shop: &Shop) {
    let spec = "trafficPolicy: {connectionPool: {http: {maxRequestsPerConnection: 1}}}\nsubsets:\n- name: v1\n  labels: {version: v1}\n  trafficPolicy: {loadBalancer: {simple: RANDOM}}\n- name: v2\n  labels: {version: v2}\n  trafficPolicy: {connectionPool: {http: {maxRequestsPerConnection: 3}}}\n";
    shop.mesh.publish("subsets.yaml", &rule(spec)).await;
    shop.routes(&format!("- route: {V1}\n")).await;
    assert_eq!(connections(shop, PORT, 6).await, [6, 0, 0], "v1 says nothing of connections");
    shop.routes(&format!("- route: {V2}\n")).await;
    assert_eq!(connections(shop, PORT, 6).await, [0, 2, 0]);
}

/// Routes to all versions by turns, with an outlier detection.
async fn by_turns(shop: &Shop, outlier_detection: &str) {
    let policy = format!("{{loadBalancer: {{simple: ROUND_ROBIN}}, outlierDetection: {outlier_detection}}}");
    shop.policy(&policy).await;
    shop.routes("- retries: {attempts: 0}\n  route: [{destination: {host: reviews}}]").await;
    shop.reset();
}

fn ejected() -> String {
    format!("cluster.{}.outlier_detection.ejections_active", cluster(PORT, "", HOST))
}

async fn a_failing_server_is_left_out_and_comes_back(shop: &Shop) {
    by_turns(
        shop,
        "{consecutive5xxErrors: 3, interval: 100ms, baseEjectionTime: 2s, maxEjectionPercent: 50}",
    )
    .await;
    shop.servers[0].app.script("/", Script::echo().status(StatusCode::INTERNAL_SERVER_ERROR));
    let client = shop.client.http(PORT).keep_alive();
    // By turns three of nine are its, but Envoy may begin anew once after a change.
    for _ in 0..15 {
        client.send(&get("/")).await.expect("an answer");
    }
    assert_eq!(shop.counts("/")[0], 3, "three errors in turn are allowed");
    assert_eq!(shop.client.stat(&ejected()).await, 1);
    let report = shop.client.load(PORT, 60, |_| get("/")).await;
    report.all_ok().unwrap();
    assert_eq!(report.by_version("v1"), 0, "{report}");

    shop.reset();
    shop.client.stat_becomes(&ejected(), 0).await;
    let report = shop.client.load(PORT, 60, |_| get("/")).await;
    report.all_ok().unwrap();
    assert!((18..=22).contains(&report.by_version("v1")), "{report}");
}

async fn gateway_errors_are_counted_apart(shop: &Shop) {
    by_turns(shop, "{consecutive5xxErrors: 0, consecutiveGatewayErrors: 2, interval: 100ms, baseEjectionTime: 30s, maxEjectionPercent: 50}").await;
    let fails = |status| shop.servers[0].app.script("/", Script::echo().status(status));
    fails(StatusCode::INTERNAL_SERVER_ERROR);
    let report = shop.client.load(PORT, 30, |_| get("/")).await;
    assert!(report.status(StatusCode::INTERNAL_SERVER_ERROR) >= 9, "500 is no error of a gateway: {report}");
    assert_eq!(shop.client.stat(&ejected()).await, 0);
    fails(StatusCode::BAD_GATEWAY);
    let report = shop.client.load(PORT, 60, |_| get("/")).await;
    // Requests under way when it is left out fail too.
    assert!((2..=5).contains(&report.status(StatusCode::BAD_GATEWAY)), "{report}");
    assert_eq!(shop.client.stat(&ejected()).await, 1);
    shop.reset();
}

async fn a_refused_connection_is_tried_elsewhere(shop: &Shop) {
    // Nothing listens at the second address.
    let entry = format!(
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: half, namespace: shop}}\nspec: {{hosts: [half.example.com], ports: [{{number: {PORT}, name: http, protocol: HTTP, targetPort: {APP_PORT}}}], resolution: STATIC, endpoints: [{{address: {}}}, {{address: {}}}]}}\n",
        shop.servers[0].address,
        ports::loopback()
    );
    let balance = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: half, namespace: shop}\nspec: {host: half.example.com, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}\n";
    let half = || Request::get("/").host("half.example.com");
    let ask = || async {
        let client = shop.client.http(PORT);
        let answers =
            join_all((0..10).map(|_| async { client.send(&half()).await.expect("an answer").status })).await;
        answers.iter().filter(|status| **status == StatusCode::OK).count()
    };
    shop.mesh.apply("half.yaml", &format!("{entry}---\n{balance}")).await;
    shop.mesh.assert_valid("half.yaml").await;
    let retries = format!("cluster.{}.upstream_rq_retry", cluster(PORT, "", "half.example.com"));
    assert_eq!(ask().await, 10, "two more tries are the default");
    assert!(shop.client.stat(&retries).await >= 4, "half of the first tries are refused");

    let routes = virtual_service(
        "half",
        "[half.example.com]",
        "- retries: {attempts: 0}\n  route: [{destination: {host: half.example.com}}]",
    );
    shop.mesh.apply("half.yaml", &format!("{entry}---\n{balance}---\n{routes}")).await;
    let served = ask().await;
    assert!((4..=6).contains(&served), "without retries half are served: {served} of 10");
    shop.mesh.remove("half.yaml").await;
}
