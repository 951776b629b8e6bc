//! What must not break: traffic while the control plane is away or its configuration is wrong, and secrets.

use std::{
    ffi::OsString,
    fs,
    net::{Ipv4Addr, SocketAddr},
    process::Command,
    time::Duration,
};

use fairlead_lab::{
    client::{Client, Request},
    deadline::eventually,
    envoy_process::EnvoyProcess,
    load::{Load, Report},
    ports,
};
use fairlead_testkit::{app::App, certs::Ca};
use http::StatusCode;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::{
    harness::{
        handshake::handshake,
        secret,
        server::{FAIRLEAD, Server, swap_link},
        tls_secret,
    },
    objects::External,
};

const PORT: u16 = 8000;
const HOST: &str = "shop.example.com";
const WITHIN: Duration = Duration::from_secs(20);

/// A sidecar's listener at `address`.
fn sidecar(address: Ipv4Addr) -> String {
    format!(
        "---\napiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {{name: client, namespace: shop}}\nspec:\n  egress:\n  - port: {{number: {PORT}, name: http, protocol: HTTP}}\n    bind: {address}\n    captureMode: NONE\n    hosts: ['*/*']\n"
    )
}

fn shop(app: &App) -> String {
    External::new(HOST, PORT, "HTTP", &[app.address()]).yaml("shop")
}

async fn app(version: &str) -> App {
    App::http("shop", version, (ports::loopback(), 0).into()).await.unwrap()
}

async fn client_of(server: &Server, address: Ipv4Addr) -> EnvoyProcess {
    let ip = address.to_string();
    let arguments = [
        "--name",
        "client",
        "--namespace",
        "shop",
        "--ip",
        &ip,
        "--label",
        "app=client",
        "--interception-mode",
        "none",
    ];
    server.envoy(&arguments).await
}

/// Requests all the while, until the sender goes.
struct Traffic {
    stop: tokio::sync::watch::Sender<bool>,
    task: JoinHandle<Report>,
}

impl Traffic {
    fn start(to: SocketAddr) -> Self {
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let task = tokio::spawn(async move {
            let mut stopped = stopped;
            let mut all = Report::default();
            while !*stopped.borrow_and_update() {
                let part = Load::per_second(100, Duration::from_millis(200));
                let part =
                    part.workers(4).run(|| Client::new(to).keep_alive(), |_| Request::get("/").host(HOST));
                let part = part.await;
                // The first failure is as telling as the sum.
                if part.all_ok().is_err() {
                    return part;
                }
                all = part;
            }
            all
        });
        Self { stop, task }
    }

    /// Ends it; each request was answered 200.
    async fn all_ok(self) {
        self.stop.send_replace(true);
        self.task.await.unwrap().all_ok().unwrap();
    }
}

async fn version_becomes(at: SocketAddr, version: &str) {
    eventually(&format!("{version} answers"), WITHIN, || async {
        let answer = Client::new(at).send(&Request::get("/").host(HOST)).await;
        let answer = answer.map_err(|failure| failure.to_string())?;
        match answer.version() {
            Some(found) if found == version => Ok(()),
            found => Err(format!("{} {found:?}", answer.status)),
        }
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_control_plane_fails_no_request_and_drains_no_listener() {
    let (v1, v2) = (app("v1").await, app("v2").await);
    let address = ports::loopback();
    let at = SocketAddr::from((address, PORT));
    let mut server = Server::start(&[("sidecar.yaml", &sidecar(address)), ("shop.yaml", &shop(&v1))]).await;
    let envoy = client_of(&server, address).await;
    version_becomes(at, "v1").await;
    server.in_sync(1).await;
    let updates = async || {
        let stats = envoy.admin().stats("^(listener_manager|cluster_manager\\.cds)").await.unwrap();
        let of = |name: &str| stats.get(name).copied().unwrap_or(0);
        (
            of("listener_manager.lds.update_success"),
            of("listener_manager.listener_modified"),
            of("cluster_manager.cds.update_success"),
        )
    };
    let before = updates().await;
    let traffic = Traffic::start(at);
    server.kill();
    // What changed meanwhile is what the new one serves.
    server.write("shop.yaml", &shop(&v2));
    let disconnected = eventually("the stream is gone", WITHIN, || async {
        match envoy.admin().stat("control_plane.connected_state").await {
            Ok(0) => Ok(()),
            Ok(state) => Err(format!("connected_state {state}")),
            Err(error) => Err(error.to_string()),
        }
    });
    disconnected.await.unwrap();
    assert_eq!(Client::new(at).send(&Request::get("/").host(HOST)).await.unwrap().version(), Some("v1"));
    server.launch();
    server.ready().await;
    version_becomes(at, "v2").await;
    server.in_sync(1).await;
    traffic.all_ok().await;
    let after = updates().await;
    assert!(after.0 <= before.0 + 1, "{before:?} {after:?}");
    assert_eq!(after.1, before.1, "a listener was drained");
    assert!(after.2 <= before.2 + 1, "{before:?} {after:?}");
    assert_eq!(envoy.admin().stat("listener_manager.total_listeners_draining").await.unwrap(), 0);
}

/// A broken edit: what is written, and what a finding about it says.
struct BrokenEdit {
    what: &'static str,
    text: fn(&str) -> String,
    /// What stands at the place of the finding.
    at: &'static str,
    says: &'static str,
}

/// A rule with a mistake, in the place of a good one.
const BROKEN: [BrokenEdit; 4] = [
    BrokenEdit {
        what: "a file that is no YAML",
        text: |good| good.replace("kind: DestinationRule", "kind: DestinationRule\n\tbroken"),
        at: "DestinationRule",
        says: "tab",
    },
    BrokenEdit {
        what: "a wrong enum",
        text: |good| good.replace("ROUND_ROBIN", "ROUNT_ROBIN"),
        at: "ROUNT_ROBIN",
        says: "ROUND_ROBIN",
    },
    BrokenEdit {
        what: "an unknown field",
        text: |good| good.replace("subsets:", "subsetss:"),
        at: "subsetss",
        says: "subsets",
    },
    BrokenEdit {
        what: "a misplaced type",
        text: |good| good.replace("maxConnections: 100", "maxConnections: many"),
        at: "many",
        says: "",
    },
];

fn rule() -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: shop, namespace: shop}}\nspec:\n  host: {HOST}\n  trafficPolicy:\n    loadBalancer: {{simple: ROUND_ROBIN}}\n    connectionPool: {{tcp: {{maxConnections: 100}}}}\n  subsets:\n  - {{name: v1, labels: {{version: v1}}}}\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_edits_change_no_traffic_and_are_found_by_line_and_column() {
    let v1 = app("v1").await;
    let address = ports::loopback();
    let at = SocketAddr::from((address, PORT));
    let good = rule();
    let files = [("sidecar.yaml", sidecar(address)), ("shop.yaml", shop(&v1)), ("rule.yaml", good.clone())];
    let server = Server::start(&files.each_ref().map(|(file, text)| (*file, text.as_str()))).await;
    let _envoy = client_of(&server, address).await;
    version_becomes(at, "v1").await;
    let traffic = Traffic::start(at);
    for BrokenEdit { what, text, at: needle, says } in BROKEN {
        let broken = text(&good);
        server.write("rule.yaml", &broken);
        let (line, text) = broken
            .lines()
            .enumerate()
            .find(|(_, line)| line.contains(needle))
            .expect("the mistake is in the text");
        let column = text.find(needle).expect("it is in the line") + 1;
        // Beside the mistake it is said that the version of before stays in use.
        let is_mistake = |finding: &Value| {
            finding["severity"] != "info"
                && finding["file"].as_str().is_some_and(|file| file.ends_with("rule.yaml"))
        };
        let finding = server.finding(what, is_mistake).await;
        assert_eq!(finding["line"], line + 1, "{what}: {finding}");
        assert_eq!(finding["column"], column, "{what}: {finding}");
        assert!(finding.to_string().contains(says), "{what}: {finding}");
        server.write("rule.yaml", &good);
        eventually("the finding is gone", WITHIN, || async {
            let findings = server.json("/debug/diagnosticz").await;
            if findings.to_string().contains("rule.yaml") { Err(findings.to_string()) } else { Ok(()) }
        })
        .await
        .unwrap();
    }
    traffic.all_ok().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_is_swapped_as_a_whole_is_followed() {
    let (v1, v2) = (app("v1").await, app("v2").await);
    let address = ports::loopback();
    let at = SocketAddr::from((address, PORT));
    let server = Server::start(&[("sidecar.yaml", &sidecar(address))]).await;
    // As the kubelet does it: files are links into `..data`, which is a link that is swapped.
    let edition = |name: &str, app: &App| {
        let directory = server.config().join(name);
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("shop.yaml"), shop(app)).unwrap();
        directory
    };
    let first = edition("..1", &v1);
    swap_link(&server.config().join("..data"), first.file_name().unwrap().as_ref());
    std::os::unix::fs::symlink("..data/shop.yaml", server.config().join("shop.yaml")).unwrap();
    let _envoy = client_of(&server, address).await;
    version_becomes(at, "v1").await;
    let traffic = Traffic::start(at);
    let second = edition("..2", &v2);
    swap_link(&server.config().join("..data"), second.file_name().unwrap().as_ref());
    fs::remove_dir_all(first).unwrap();
    version_becomes(at, "v2").await;
    // The directory itself goes and comes back.
    let away = server.beside("away");
    fs::rename(server.config(), &away).unwrap();
    fs::remove_file(away.join("shop.yaml")).unwrap();
    fs::write(away.join("shop.yaml"), shop(&v1)).unwrap();
    fs::rename(&away, server.config()).unwrap();
    version_becomes(at, "v1").await;
    traffic.all_ok().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_keys_are_shown_nowhere() {
    let ca = Ca::new("edge").unwrap();
    let identity = ca.server(&["edge.example.com"]).unwrap();
    let broken = "canary-of-a-broken-secret-7f3a9c";
    let address = ports::loopback();
    let gateway = format!(
        "---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: edge, namespace: shop}}\nspec:\n  selector: {{app: edge}}\n  servers:\n  - {{port: {{number: 8443, name: https, protocol: HTTPS}}, bind: {address}, hosts: [edge.example.com], tls: {{mode: SIMPLE, credentialName: edge}}}}\n  - {{port: {{number: 8443, name: https-2, protocol: HTTPS}}, bind: {address}, hosts: [broken.example.com], tls: {{mode: SIMPLE, credentialName: broken}}}}\n"
    );
    let secrets = tls_secret("edge", "shop", &identity, None)
        + &secret("broken", "shop", &[("tls.crt", &identity.certificate), ("tls.key", broken)])
        + &format!(
            "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: ill, namespace: shop}}\ndata: {{tls.key: '{broken}!', other: [{broken}]}}\n"
        );
    let server = Server::logging("trace", &[("gateway.yaml", &gateway), ("secrets.yaml", &secrets)]).await;
    let arguments = ["--type", "gateway", "--name", "edge", "--namespace", "shop", "--label", "app=edge"];
    let envoy = server.envoy(&[&arguments[..], &["--ip", &address.to_string()]].concat()).await;
    // The key is really served: the gateway's handshake needs it.
    let at = SocketAddr::from((address, 8443));
    let authority = ca.certificate();
    let seen =
        eventually("the gateway has its key", WITHIN, || handshake(at, "edge.example.com", &authority));
    assert!(seen.await.unwrap().is(&identity));

    let mut canaries = vec![broken.to_owned()];
    canaries.extend(identity.key.lines().filter(|line| !line.starts_with("-----")).map(str::to_owned));
    let is_hidden = |place: &str, text: &str| {
        for canary in &canaries {
            assert!(!text.contains(canary), "{place} shows key material");
        }
    };
    let id = server.json("/debug/syncz").await[0]["proxy"].as_str().unwrap().to_owned();
    let mut paths = vec!["/metrics".to_owned(), "/version".to_owned(), "/ready".to_owned()];
    for endpoint in server.json("/debug/list").await.as_array().unwrap() {
        let path = endpoint["path"].as_str().unwrap();
        paths.push(path.replace("<id>", &id).replace("<name>", "kubernetes://edge"));
    }
    assert!(paths.iter().any(|path| path.contains("config_dump?proxy=router~")), "{paths:?}");
    for path in &paths {
        let (status, text) = server.get(path).await.unwrap();
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        is_hidden(path, &text);
    }
    let dump = server.json(&format!("/debug/config_dump?proxy={id}")).await;
    assert!(dump["resources"]["SDS"].as_array().is_some_and(|secrets| !secrets.is_empty()), "{dump}");
    is_hidden("the log", &server.log());
    let config = server.config().into_os_string();
    for form in ["yaml", "json"] {
        let mut render: Vec<OsString> = vec!["render".into(), config.clone()];
        render.extend(
            ["--type", "gateway", "--namespace", "shop", "--label", "app=edge", "-o", form].map(Into::into),
        );
        let output = Command::new(FAIRLEAD).args(&render).output().unwrap();
        let rendered = String::from_utf8_lossy(&output.stdout);
        let complained = String::from_utf8_lossy(&output.stderr);
        // The Secret that cannot be read is an error; the rest is rendered all the same.
        assert_eq!(output.status.code(), Some(1), "{complained}");
        assert!(rendered.contains("kubernetes://edge"), "{rendered}");
        is_hidden("render", &rendered);
        is_hidden("what render complains of", &complained);
    }
    assert_eq!(envoy.deprecation_warnings(), Vec::<String>::new());
}
