//! A whole control plane on loopback, with a client that behaves as Envoy does.

mod sources;

use std::{path::Path, sync::Arc, time::Duration};

use fairlead_lab::client::{Client, Request};
use fairlead_resource::TypeUrl;
use fairlead_testkit::{
    ads::node,
    certs,
    fake_envoy::{FakeEnvoy, Options},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::ControlPlane;
use crate::{settings::Settings, telemetry::LogLevels};

const PATIENCE: Duration = Duration::from_secs(20);

const MESH: &str = "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: cart, namespace: shop}
spec:
  hosts: [cart.example]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 10.1.1.1}]
";

const GATEWAY: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec:
  selector: {istio: edge}
  servers:
  - port: {number: 8443, name: https, protocol: HTTPS}
    hosts: ['*']
    tls: {mode: SIMPLE, credentialName: edge-cert}
";

const EDGE: &str = "router~127.0.0.1~edge-1.shop~shop.svc.cluster.local";

struct Running {
    control_plane: ControlPlane,
    directory: TempDir,
}

impl Running {
    async fn start(files: &[(&str, &str)], log: Option<Arc<dyn LogLevels>>) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        for (name, content) in files {
            write(directory.path(), name, content);
        }
        let mut settings = Settings::default();
        settings.source.config_dir = Some(directory.path().to_owned());
        settings.xds.bind.set_port(0);
        settings.admin.bind.set_port(0);
        let control_plane = ControlPlane::start(&settings, log).await.expect("it starts");
        tokio::time::timeout(PATIENCE, control_plane.ready()).await.expect("in time").expect("no failure");
        Self { control_plane, directory }
    }

    fn envoy(&self, id: &str, labels: &Value) -> FakeEnvoy {
        let mut options = Options::new(self.control_plane.xds_address());
        options.node = node(id, "test", &json!({ "LABELS": labels }));
        FakeEnvoy::start(options)
    }

    async fn get(&self, path: &str) -> (u16, String) {
        self.ask(&Request::get(path)).await
    }

    async fn ask(&self, request: &Request) -> (u16, String) {
        let answer = Client::new(self.control_plane.admin_address()).send(request).await.expect("an answer");
        (answer.status.as_u16(), answer.text())
    }

    async fn json(&self, path: &str) -> Value {
        let (status, body) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).expect("JSON")
    }
}

fn write(directory: &Path, name: &str, content: &str) {
    std::fs::write(directory.join(name), content).expect("a file can be written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_is_served_and_an_edit_reaches_the_proxy() {
    let running = Running::start(&[("mesh.yaml", MESH)], None).await;
    let envoy = running.envoy("sidecar~10.9.9.9~web-1.shop~shop.svc.cluster.local", &json!({ "app": "web" }));
    let cluster = "outbound|80||cart.example";
    let has_cluster =
        |held: &fairlead_testkit::fake_envoy::Held| held.has(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, cluster);
    envoy.wait_for("endpoints", PATIENCE, has_cluster).await.expect("endpoints come");

    let proxies = running.json("/debug/syncz").await;
    assert_eq!(proxies[0]["proxy"], "sidecar~10.9.9.9~web-1.shop~shop.svc.cluster.local");
    let objects = running.json("/debug/configz").await;
    assert_eq!((&objects[0]["name"], &objects[0]["line"]), (&json!("cart"), &json!(2)));

    let dump = running.json("/debug/config_dump?proxy=web-1.shop").await;
    let resource = |of_type: &str, name: &str| {
        let all = dump["resources"][of_type].as_array().expect("resources");
        all.iter().find(|one| one["name"] == name).cloned().expect("it is dumped")
    };
    let is_from = |origins: &Value, field: &str| {
        let [only] = &origins.as_array().expect("origins")[..] else { panic!("{origins}") };
        assert_eq!(
            (&only["kind"], &only["namespace"], &only["object"]),
            (&json!("ServiceEntry"), &json!("shop"), &json!("cart"))
        );
        assert_eq!(only["field"], field);
        let (_, place) =
            only["source"].as_str().and_then(|source| source.split_once("mesh.yaml:")).expect("a place");
        place.split(':').map(|number| number.parse().expect("a number")).collect::<Vec<u32>>()
    };
    is_from(&resource("CDS", cluster)["origins"], "spec.ports[0]");
    let endpoints = resource("EDS", cluster);
    let place = is_from(&endpoints["parts"][0]["origins"], "spec.endpoints[0]");
    assert!(place.len() == 2 && place[0] > 2, "{place:?}");
    is_from(&resource("RDS", "80")["parts"][0]["origins"], "spec.ports[0]");
    assert_eq!(resource("CDS", "PassthroughCluster")["origins"], json!([]));

    write(running.directory.path(), "mesh.yaml", &MESH.replace("cart.example", "basket.example"));
    let renamed = "outbound|80||basket.example";
    envoy
        .wait_for("the edit", PATIENCE, |held| {
            held.has(TypeUrl::CLUSTER, renamed) && !held.has(TypeUrl::CLUSTER, cluster)
        })
        .await
        .expect("the edit arrives");

    let explained =
        running.json("/debug/explain?proxy=web-1.shop&resource=outbound%7C80%7C%7Cbasket.example").await;
    is_from(&explained["resources"][0]["origins"], "spec.ports[0]");
    assert!(explained["computedFrom"].as_array().is_some_and(|lines| lines.len() > 3), "{explained}");
    running.control_plane.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_key_appears_in_no_dump() {
    let made = certs::Ca::new("test").and_then(|ca| ca.server(&["edge.example"])).expect("a certificate");
    let (chain, key) = (made.certificate, made.key);
    // A line of the key's base64 is the canary; the dump of bytes would have it encoded once more.
    let canary = key.lines().nth(1).expect("a key has lines").to_owned();
    let indented = |pem: &str| pem.replace('\n', "\n    ");
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: edge-cert, namespace: shop}}\nstringData:\n  tls.crt: |\n    {}\n  tls.key: |\n    {}\n",
        indented(chain.trim_end()),
        indented(key.trim_end())
    );
    let running = Running::start(&[("gateway.yaml", GATEWAY), ("secret.yaml", &secret)], None).await;
    let envoy = running.envoy(EDGE, &json!({ "istio": "edge" }));
    envoy
        .wait_for("the secret", PATIENCE, |held| held.has(TypeUrl::SECRET, "kubernetes://edge-cert"))
        .await
        .expect("the gateway gets its certificate");

    let dump = running.json("/debug/config_dump?proxy=edge-1.shop").await;
    let served = &dump["resources"]["SDS"][0]["resource"]["tls_certificate"];
    assert!(served["certificate_chain"].is_object(), "the certificate is shown: {dump}");
    let list = running.json("/debug/list").await;
    let mut paths: Vec<_> =
        list.as_array().expect("a list").iter().filter_map(|e| e["path"].as_str()).collect();
    paths.extend(["/debug/config_dump?proxy=edge-1.shop", "/debug/explain?proxy=edge-1.shop"]);
    let encoded = base64_of(key.as_bytes());
    for path in paths {
        let (_, body) = running.get(&path.replace(['<', '>'], "")).await;
        assert!(!body.contains(&canary), "{path} shows the key");
        assert!(!body.contains(&encoded[8..72]), "{path} shows the key, encoded");
    }
    let shown = running
        .control_plane
        .core()
        .inspect(|core| format!("{:?}", core.objects().iter().collect::<Vec<_>>()));
    assert!(!shown.await.expect("the core lives").contains(&canary));
    running.control_plane.shut_down().await;
}

/// Base64 as protobuf's JSON writes bytes.
fn base64_of(bytes: &[u8]) -> String {
    let value = envoy_types::pb::google::protobuf::BytesValue { value: bytes.to_vec() };
    let json =
        fairlead_envoy::json::to_json("google.protobuf.BytesValue", &prost::Message::encode_to_vec(&value));
    json.expect("a known type").as_str().expect("a text").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_not_understood_is_told_why() {
    let running = Running::start(&[("mesh.yaml", MESH)], None).await;
    let envoy = running.envoy("waypoint~10.9.9.9~web-1.shop~shop.svc", &json!({}));
    let refused = async {
        while envoy.last_end().is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.expect("the stream ends");
    let end = envoy.last_end().expect("an end");
    assert!(end.contains("node type `waypoint` is not served"), "{end}");
    running.control_plane.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_questions_are_answered_with_what_to_ask() {
    let running = Running::start(&[("mesh.yaml", MESH)], None).await;
    for (path, status, hint) in [
        ("/nonsense", 404, "/debug lists"),
        ("/debug/config_dump", 400, "?proxy=<id>"),
        ("/debug/config_dump?proxy=nobody", 404, "no proxy `nobody` is connected"),
        ("/debug/log", 501, "not set up"),
    ] {
        let (answered, body) = running.get(path).await;
        assert_eq!(answered, status, "{path}: {body}");
        assert!(body.contains(hint), "{path}: {body}");
    }
    assert_eq!(running.get("/ready").await.0, 200);
    assert_eq!(running.get("/healthz").await.0, 200);
    let (_, metrics) = running.get("/metrics").await;
    assert!(metrics.contains("\npilot_xds_pushes{type=\"cds\"} "), "{metrics}");
    assert!(metrics.contains("\nfairlead_objects{kind=\"ServiceEntry\"} 1\n"), "{metrics}");
    running.control_plane.shut_down().await;
}

/// The value of a series in the metrics.
fn metric(metrics: &str, series: &str) -> f64 {
    let line = metrics.lines().find(|line| line.rsplit_once(' ').is_some_and(|(name, _)| name == series));
    let value = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
    value.unwrap_or_else(|| panic!("{series} is missing:\n{metrics}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dashboard_asks_for_moves_with_sessions_and_edits() {
    let running = Running::start(&[("mesh.yaml", MESH)], None).await;
    let (_, before) = running.get("/metrics").await;
    for series in ["pilot_xds_push_time_count{type=\"cds\"}", "pilot_xds_config_size_bytes_sum{type=\"cds\"}"]
    {
        assert!(metric(&before, series).abs() < f64::EPSILON, "{series}");
    }
    let envoy = running.envoy("sidecar~10.9.9.9~web-1.shop~shop.svc.cluster.local", &json!({ "app": "web" }));
    let has = |name: &'static str| {
        move |held: &fairlead_testkit::fake_envoy::Held| held.has(TypeUrl::CLUSTER, name)
    };
    envoy.wait_for("clusters", PATIENCE, has("outbound|80||cart.example")).await.expect("clusters come");
    let has_listener =
        |held: &fairlead_testkit::fake_envoy::Held| held.has(TypeUrl::LISTENER, "virtualOutbound");
    envoy.wait_for("listeners", PATIENCE, has_listener).await.expect("listeners come");
    let (_, connected) = running.get("/metrics").await;
    for of_type in ["cds", "lds"] {
        let series = |name: &str| metric(&connected, &format!("{name}{{type=\"{of_type}\"}}"));
        let pushes = series("pilot_xds_pushes");
        assert!(pushes >= 1.0, "{of_type}: {connected}");
        assert!((series("pilot_xds_push_time_count") - pushes).abs() < f64::EPSILON, "{connected}");
        assert!((series("pilot_xds_config_size_bytes_count") - pushes).abs() < f64::EPSILON, "{connected}");
        let bytes = series("fairlead_xds_bytes_total");
        assert!((series("pilot_xds_config_size_bytes_sum") - bytes).abs() < f64::EPSILON, "{connected}");
        assert!(series("pilot_xds_push_time_sum") > 0.0, "{connected}");
    }
    assert!(!connected.contains("10.9.9.9"), "no label names a proxy: {connected}");

    write(running.directory.path(), "mesh.yaml", &MESH.replace("cart.example", "basket.example"));
    envoy.wait_for("the edit", PATIENCE, has("outbound|80||basket.example")).await.expect("the edit comes");
    let (_, edited) = running.get("/metrics").await;
    for series in ["pilot_push_triggers{type=\"service\"}", "pilot_xds_push_time_count{type=\"cds\"}"] {
        assert!(metric(&edited, series) > metric(&connected, series), "{series}: {edited}");
    }
    let config = "pilot_push_triggers{type=\"config\"}";
    assert!((metric(&edited, config) - metric(&connected, config)).abs() < f64::EPSILON, "{edited}");
    let asked =
        Request::get("/metrics").header("accept", "application/openmetrics-text;version=1.0.0,*/*;q=0.1");
    let (_, open) = running.ask(&asked).await;
    assert!(open.ends_with("# EOF\n") && !edited.contains("# EOF"), "{open}");
    running.control_plane.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_virtual_host_counts_as_routes_too() {
    let running = Running::start(&[("mesh.yaml", MESH)], None).await;
    let mut options = Options::new(running.control_plane.xds_address());
    options.node = node("sidecar~10.9.9.9~web-1.shop~shop.svc.cluster.local", "test", &json!({}));
    let refused = TypeUrl::VIRTUAL_HOST.as_str();
    options.judge = Some(Arc::new(move |response| (response.type_url == refused).then(|| "no".to_owned())));
    let _envoy = FakeEnvoy::start(options);
    let counted = fairlead_lab::deadline::eventually("the rejection", PATIENCE, || async {
        let (_, metrics) = running.get("/metrics").await;
        let rejects = metric(&metrics, "pilot_total_xds_rejects{type=\"vhds\"}");
        if rejects >= 1.0 { Ok(metrics) } else { Err("none is counted") }
    });
    let metrics = counted.await.expect("virtual hosts are sent");
    assert!(metric(&metrics, "pilot_xds_rds_reject") >= 1.0, "{metrics}");
    assert!(metric(&metrics, "pilot_xds_cds_reject").abs() < f64::EPSILON, "{metrics}");
    running.control_plane.shut_down().await;
}

/// A request as browsers make them.
fn browsed(path: &str) -> Request {
    let accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    Request::get(path).header("accept", accept).host("localhost:15014")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_names_each_endpoint_and_each_answers() {
    let levels: Arc<dyn LogLevels> = Arc::new(Levels(std::sync::Mutex::new("info".to_owned())));
    let running = Running::start(&[("mesh.yaml", MESH)], Some(levels)).await;
    let envoy = running.envoy("sidecar~10.9.9.9~web-1.shop~shop.svc.cluster.local", &json!({ "app": "web" }));
    envoy
        .wait_for("clusters", PATIENCE, |held| held.has(TypeUrl::CLUSTER, "outbound|80||cart.example"))
        .await
        .expect("clusters come");
    let list = running.json("/debug").await;
    assert_eq!(list, running.json("/debug/list").await);
    let listed = list.as_array().expect("a list");
    assert!(listed.len() >= 15, "{list}");
    for entry in listed {
        let path =
            entry["path"].as_str().expect("a path").to_owned() + entry["query"].as_str().unwrap_or_default();
        let path = path
            .replace("<id>", "web-1.shop")
            .replace("<kind>", "ServiceEntry")
            .replace("<namespace>", "shop");
        let path = path.replace("<name>", "outbound%7C80%7C%7Ccart.example");
        let (status, body) = running.get(&path).await;
        assert_eq!(status, 200, "{path}: {body}");
        assert!(entry["shows"].as_str().is_some_and(|shows| shows.len() > 5), "{entry}");
    }
    running.control_plane.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_gets_a_page_whose_links_lead_somewhere() {
    let running = Running::start(&[("mesh.yaml", MESH)], None).await;
    let id = "sidecar~10.9.9.9~<b>web&1</b>.shop~shop.svc.cluster.local";
    let envoy = running.envoy(id, &json!({ "app": "web" }));
    envoy
        .wait_for("clusters", PATIENCE, |held| held.has(TypeUrl::CLUSTER, "outbound|80||cart.example"))
        .await
        .expect("clusters come");
    let client = Client::new(running.control_plane.admin_address());
    let answer = client.send(&browsed("/debug")).await.expect("an answer");
    let header = |name: &str| answer.headers.get(name).map(|value| value.to_str().expect("text").to_owned());
    assert_eq!(header("content-type").as_deref(), Some("text/html; charset=utf-8"));
    assert!(header("content-security-policy").is_some_and(|policy| policy.contains("default-src 'none'")));
    let page = answer.text();
    assert!(!page.contains("<b>"), "{page}");
    for external in ["http://", "https://", "<script", "<link", "<img", "style="] {
        assert!(!page.contains(external), "{external}: {page}");
    }
    let links: Vec<_> = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(
        links.iter().any(|link| link.contains("config_dump?proxy=sidecar~10.9.9.9~%3Cb%3E")),
        "{links:?}"
    );
    for link in links {
        let (status, body) = running.ask(&browsed(link)).await;
        // There is no log to show in a test.
        let expected = if link == "/debug/log" { 501 } else { 200 };
        assert_eq!(status, expected, "{link}: {body}");
    }
    let foreign = Request::get("/debug").host("evil.example").header("accept", "text/html");
    assert_eq!(running.ask(&foreign).await.0, 403);
    running.control_plane.shut_down().await;
}

struct Levels(std::sync::Mutex<String>);

impl LogLevels for Levels {
    fn levels(&self) -> String {
        self.0.lock().expect("no panic").clone()
    }

    fn set_levels(&self, levels: &str) -> Result<(), String> {
        if levels == "nonsense" {
            return Err("no level".to_owned());
        }
        levels.clone_into(&mut self.0.lock().expect("no panic"));
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_levels_of_the_log_change_at_run_time() {
    let levels: Arc<dyn LogLevels> = Arc::new(Levels(std::sync::Mutex::new("info".to_owned())));
    let running = Running::start(&[], Some(levels.clone())).await;
    let put = |level: &str| Request::new(axum::http::Method::PUT, &format!("/debug/log?level={level}"));
    assert_eq!(running.json("/debug/log").await["level"], "info");
    assert_eq!(running.ask(&put("debug")).await.0, 200);
    assert_eq!(levels.levels(), "debug");
    assert_eq!(running.ask(&put("nonsense")).await.0, 400);
    assert_eq!(levels.levels(), "debug");
    running.control_plane.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_address_is_an_error_that_names_the_setting() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut settings = Settings::default();
    settings.source.config_dir = Some(std::env::temp_dir());
    settings.xds.bind = taken.local_addr().expect("an address");
    settings.admin.bind.set_port(0);
    let error = ControlPlane::start(&settings, None).await.err().expect("the address is taken").to_string();
    assert_eq!(error, format!("bind xds.bind to {}", settings.xds.bind));
}
