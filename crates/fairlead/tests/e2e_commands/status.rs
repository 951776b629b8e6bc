//! `proxy-status` and `proxy-config` beside a control plane and an Envoy.

use std::{
    net::{IpAddr, Ipv4Addr},
    process::{Command, Output, Stdio},
    time::Duration,
};

use fairlead_lab::{
    client::{Client, Request},
    deadline::eventually,
    envoy_process::{EnvoyOptions, EnvoyProcess},
    ports,
};
use fairlead_testkit::app::Script;
use http::StatusCode;

use crate::harness::{
    Endpoint, Service,
    server::{FAIRLEAD, Server, bootstrap},
};

const WITHIN: Duration = Duration::from_secs(30);
const PORT: u16 = 8080;

/// The answer of a command: exit code, standard output and standard error.
fn ask(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output: Output = Command::new(FAIRLEAD).args(arguments).stdin(Stdio::null()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// The cells of the rows of a table; they have no two spaces.
fn rows(table: &str) -> Vec<Vec<&str>> {
    table
        .lines()
        .map(|line| line.split("   ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
        .collect()
}

/// A server of a Gateway at each of these addresses, and a route to the service.
fn gateway(binds: &[&str]) -> String {
    let server = |(number, bind): (usize, &&str)| {
        format!(
            "  - {{port: {{number: {PORT}, name: http-{number}, protocol: HTTP}}, bind: {bind}, hosts: [\"*\"]}}\n"
        )
    };
    let servers: String = binds.iter().enumerate().map(server).collect();
    format!(
        "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: edge, namespace: shop}}\nspec:\n  \
         selector: {{app: edge}}\n  servers:\n{servers}---\napiVersion: networking.istio.io/v1\nkind: VirtualService\n\
         metadata: {{name: edge, namespace: shop}}\nspec:\n  hosts: [\"*\"]\n  gateways: [edge]\n  http: [{{route: \
         [{{destination: {{host: cart}}}}]}}]\n---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\n\
         metadata: {{name: cart, namespace: shop}}\nspec:\n  host: cart\n  trafficPolicy: {{outlierDetection: \
         {{consecutive5xxErrors: 1, interval: 1s, baseEjectionTime: 300s, maxEjectionPercent: 50}}}}\n"
    )
}

/// A gateway in front of a service with two endpoints, one of which fails.
struct Stage {
    server: Server,
    _envoy: EnvoyProcess,
    /// Where the gateway listens.
    address: String,
    good: Endpoint,
    bad: Endpoint,
    /// The addresses of the administrations, as flags take them.
    control_plane: String,
    envoy_admin: String,
}

impl Stage {
    async fn open() -> Self {
        let good = Endpoint::bare("cart", "v1", "shop").await;
        let bad = Endpoint::bare("cart", "v2", "shop").await;
        bad.app.script("/", Script::echo().status(StatusCode::SERVICE_UNAVAILABLE));
        let address = ports::loopback().to_string();
        let service = Service::new("cart", "shop").http(80).yaml([&good, &bad]);
        // No machine has the second address (RFC 5737).
        let edge = gateway(&[&address, "192.0.2.1"]);
        let server = Server::start(&[("cart.yaml", &service), ("edge.yaml", &edge)]).await;
        let admin = ports::free_port(IpAddr::V4(Ipv4Addr::LOCALHOST)).unwrap();
        let arguments =
            ["--type", "gateway", "--name", "edge-1", "--namespace", "shop", "--label", "app=edge"];
        let text = bootstrap(&server.xds().to_string(), &[&arguments[..], &["--ip", &address]].concat());
        let mut text: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        text["admin"] = serde_json::json!({
            "address": { "socket_address": { "address": "127.0.0.1", "port_value": admin.port() } },
        });
        let log_level = "warning".to_owned();
        let options = EnvoyOptions { log_level, ready_within: WITHIN, ..EnvoyOptions::default() };
        let envoy = EnvoyProcess::start(&text.to_string(), &options).await.unwrap();
        let control_plane = format!("http://{}/", server.admin());
        Self { server, _envoy: envoy, address, good, bad, control_plane, envoy_admin: admin.to_string() }
    }

    /// Asks the control plane.
    fn ask(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        ask(&[arguments, &["--server", &self.control_plane]].concat())
    }
}

/// The first and the last cell of each row.
fn ends(table: &str) -> Vec<(&str, &str)> {
    rows(table).into_iter().skip(1).map(|row| (row[0], *row.last().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_envoy_rejects_is_an_error_from_the_first_answer_on() {
    let stage = Stage::open().await;
    let mut seen = Vec::new();
    eventually("the listener is rejected", WITHIN, || {
        let (_, out, _) = stage.ask(&["ps"]);
        let shown = rows(&out).get(1).and_then(|row| row.get(3)).map(|cell| (*cell).to_owned());
        let rejected = out.contains("REJECTED");
        seen.push((shown.clone(), rejected));
        async move { if rejected && shown.as_deref() == Some("ERROR") { Ok(()) } else { Err(out) } }
    })
    .await
    .unwrap();
    assert!(!seen.contains(&(Some("SYNCED".to_owned()), true)), "{seen:?}");
    let (_, out, error) = stage.ask(&["pc", "listener", "edge-1"]);
    assert_eq!(ends(&out), [(&*stage.address, "-"), ("192.0.2.1", "rejected")], "{out}{error}");
    let (_, out, error) = stage.ask(&["pc", "all", "edge-1"]);
    let headers: Vec<_> = out.split("\n\n").map(|table| rows(table)[0][0]).collect();
    assert_eq!(headers, ["ADDRESSES", "NAME", "SERVICE FQDN", "ENDPOINT"], "{out}{error}");
    let (_, out, _) = stage.ask(&["pc", "all", "edge-1", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["listeners"].as_array().map(Vec::len), Some(2), "{out}");
    let (_, out, error) = ask(&["pc", "listener", "--envoy-admin", &stage.envoy_admin]);
    // Envoy forgets what it has rejected with the next listeners that it accepts.
    assert_eq!(ends(&out), [(&*stage.address, "active")], "{out}{error}");

    stage.server.write("edge.yaml", &gateway(&[&stage.address]));
    stage.server.in_sync(1).await;
    let (_, out, _) = stage.ask(&["ps"]);
    assert!(!out.contains("ERROR") && !out.contains("REJECTED"), "{out}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_is_named_as_for_istioctl() {
    let stage = Stage::open().await;
    for name in [&["edge-1"][..], &["pod/edge-1"], &["edge-1", "-n", "shop"], &["edge-1.shop", "-o", "short"]]
    {
        let (code, out, error) = stage.ask(&[&["ps"], name].concat());
        assert_eq!(code, Some(0), "{name:?}: {error}");
        assert_eq!(rows(&out)[1][..2], ["edge-1.shop", "Kubernetes"], "{out}");
        for command in [&["pc", "cluster"][..], &["explain"]] {
            let (code, _, error) = stage.ask(&[command, name].concat());
            assert_eq!(code, Some(0), "{command:?} {name:?}: {error}");
        }
    }
    for command in [&["ps"][..], &["pc", "listener"], &["explain"]] {
        let (code, out, error) = stage.ask(&[command, &["edge-2.shop"]].concat());
        assert_eq!((code, out.as_str()), (Some(2), ""), "{command:?}");
        assert!(error.contains("did you mean `edge-1.shop`?"), "{command:?}: {error}");
    }
    let (code, out, error) = stage.ask(&["ps", "-n", "nowhere", "--no-headers"]);
    assert_eq!((code, out.as_str()), (Some(0), ""));
    assert!(error.contains("no proxy of namespace `nowhere` is connected"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_versions_of_the_server_and_its_proxies_are_told_where_one_answers() {
    let stage = Stage::open().await;
    stage.server.connected(1).await;
    let (code, out, error) = stage.ask(&["version", "-o", "json"]);
    assert_eq!(code, Some(0), "{error}");
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["serverVersion"], json["clientVersion"], "{json}");
    assert_eq!(json["serverVersion"]["version"], env!("CARGO_PKG_VERSION"), "{json}");
    assert_eq!(json["proxies"], serde_json::json!({ "1.40.0": 1 }), "{json}");
    let (_, out, _) = stage.ask(&["version"]);
    let titles: Vec<_> =
        out.lines().filter_map(|line| line.split_once(": ")).map(|(title, _)| title).collect();
    assert_eq!(titles, ["client version", "server version", "data plane version"], "{out}");
    let (code, out, _) = ask(&["version", "--client"]);
    assert!(code == Some(0) && out.lines().count() == 1, "{out}");
    let nowhere = ports::free_port(IpAddr::V4(Ipv4Addr::LOCALHOST)).unwrap().to_string();
    let (code, out, error) = ask(&["version", "--server", &nowhere]);
    // Its own version is told nevertheless.
    assert!(code == Some(3) && out.starts_with("client version: "), "{out}");
    assert!(error.contains("is `fairlead serve` running"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ejected_endpoint_is_told_from_what_is_configured() {
    let stage = Stage::open().await;
    let client = Client::new((stage.address.parse::<IpAddr>().unwrap(), PORT).into());
    eventually("an endpoint is ejected", WITHIN, || async {
        let _ = client.send(&Request::get("/").host("any")).await;
        let (_, out, error) = ask(&["pc", "endpoint", "--envoy-admin", &stage.envoy_admin, "--port", "9080"]);
        let table = rows(&out);
        let of = |endpoint: &Endpoint| {
            let row = table.iter().find(|row| row[0] == format!("{}:9080", endpoint.address))?;
            Some((row[1], row[2]))
        };
        let expected = (Some(("HEALTHY", "OK")), Some(("UNHEALTHY", "FAILED")));
        if table[0][1..3] == ["STATE", "OUTLIER CHECK"] && (of(&stage.good), of(&stage.bad)) == expected {
            Ok(())
        } else {
            Err(format!("{out}{error}"))
        }
    })
    .await
    .unwrap();
    // The control plane goes on to call it healthy, and says of what it speaks.
    let (_, out, _) = stage.ask(&["pc", "endpoint", "edge-1.shop"]);
    let table = rows(&out);
    assert_eq!(table[0][..3], ["ENDPOINT", "CONFIGURED HEALTH", "OUTLIER DETECTION"]);
    assert!(table[1..].iter().all(|row| row[1..3] == ["HEALTHY", "on"]), "{out}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_rule_shows_its_own_line_and_a_rejection_names_its_field() {
    let stage = Stage::open().await;
    let is_rejection = |finding: &serde_json::Value| finding["name"] == "rejected-by-proxy";
    let finding = stage.server.finding("the second server is rejected", is_rejection).await;
    let place = ["kind", "object", "path", "line", "column"].map(|part| finding[part].to_string());
    assert_eq!(place, ["\"Gateway\"", "\"edge\"", "\"spec.servers[1]\"", "8", "5"], "{finding}");

    let (_, out, _) = stage.ask(&["ps"]);
    assert!(out.contains("Gateway shop/edge spec.servers[1] ") && out.contains("edge.yaml:8:5"), "{out}");

    let one = "  http: [{route: [{destination: {host: cart}}]}]\n";
    let several = "  http:\n  - match:\n    - uri: {prefix: /a}\n    - uri: {prefix: /b}\n    route: [{destination: {host: cart}}]\n  \
                   - directResponse: {status: 404}\n";
    let yaml = gateway(&[&stage.address]);
    assert!(yaml.contains(one), "{yaml}");
    stage.server.write("edge.yaml", &yaml.replace(one, several));
    stage.server.in_sync(1).await;
    let sources = |command: &str| {
        let (_, out, error) = stage.ask(&["pc", command, "edge-1"]);
        let column = rows(&out)[0].iter().position(|title| *title == "SOURCE").unwrap();
        let of = |row: &Vec<&str>| row[column].replace(&format!("{}/", stage.server.config().display()), "");
        assert!(rows(&out).len() > 1, "{out}{error}");
        rows(&out)[1..].iter().map(of).collect::<Vec<_>>()
    };
    let rule = |field: &str, place: &str| format!("shop/edge spec.http{field} edge.yaml:{place}");
    assert_eq!(
        sources("route"),
        [rule("[0].match[0]", "17:7"), rule("[0].match[1]", "18:7"), rule("[1]", "20:5")]
    );
    assert_eq!(sources("listener"), ["shop/edge spec.servers[0] edge.yaml:7:5"]);
    let [cluster, ..] = &sources("cluster")[..] else { panic!("no cluster") };
    assert_eq!(cluster, "Fairlead", "BlackHoleCluster");
    assert!(
        sources("cluster")[1].contains("shop/cart spec.trafficPolicy edge.yaml:27:"),
        "{:?}",
        sources("cluster")
    );
    assert!(
        sources("endpoint").iter().all(|source| source.contains("endpoints[")),
        "{:?}",
        sources("endpoint")
    );
    let (_, json, _) = stage.ask(&["pc", "route", "edge-1", "-o", "json"]);
    assert!(json.contains("\"field\": \"spec.http[0].match[1]\""), "{json}");
}
