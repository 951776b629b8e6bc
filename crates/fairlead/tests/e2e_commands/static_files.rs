//! `render --static`: an Envoy serves the file, and takes that of every golden scenario.

use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use fairlead_lab::{
    client::{Client, ClientTls, Request},
    envoy_process::{EnvoyOptions, EnvoyProcess, validate},
    ports,
};
use fairlead_testkit::certs::Ca;
use serde_json::Value;

use crate::harness::{Endpoint, Service, server::FAIRLEAD, tls_secret};

/// What `fairlead render --static` prints, and what it says beside that.
fn render(input: &Path, arguments: &[&str]) -> (String, String) {
    let mut command = Command::new(FAIRLEAD);
    command.arg("render").arg(input).args(["--static", "--admin-port", "0"]);
    let output = command.args(arguments).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.stdout.is_empty(), "{}: {said}", output.status);
    (String::from_utf8(output.stdout).unwrap(), said)
}

/// An Envoy with this file, which speaks to nobody else.
async fn envoy(file: &str) -> EnvoyProcess {
    validate(file).await.unwrap();
    let options = EnvoyOptions {
        log_level: "warning".to_owned(),
        ready_within: Duration::from_secs(30),
        ..EnvoyOptions::default()
    };
    EnvoyProcess::start(file, &options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_and_a_sidecar_serve_requests_from_a_file() {
    let endpoint = Endpoint::bare("cart", "v1", "shop").await;
    let (edge, client) = (ports::loopback(), ports::loopback());
    let ca = Ca::new("test").unwrap();
    let identity = ca.server(&["cart.example.com"]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let objects = [
        Service::new("cart", "shop").http(8080).yaml([&endpoint]),
        tls_secret("cart-tls", "shop", &identity, None),
        format!(
            "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: edge, namespace: shop}}\nspec:\n  \
             selector: {{app: edge}}\n  servers:\n  - port: {{number: 8443, name: https, protocol: HTTPS}}\n    \
             bind: {edge}\n    hosts: [cart.example.com]\n    tls: {{mode: SIMPLE, credentialName: cart-tls}}\n  \
             - port: {{number: 9443, name: https-none, protocol: HTTPS}}\n    bind: {edge}\n    hosts: [none.example.com]\n    \
             tls: {{mode: SIMPLE, credentialName: none}}\n"
        ),
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: edge, namespace: shop}\nspec:\n  \
         hosts: [cart.example.com]\n  gateways: [edge]\n  http: [{route: [{destination: {host: cart}}]}]\n"
            .to_owned(),
        format!(
            "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {{name: client, namespace: shop}}\nspec:\n  \
             workloadSelector: {{labels: {{app: client}}}}\n  egress:\n  - port: {{number: 8080, name: http, protocol: HTTP}}\n    \
             bind: {client}\n    captureMode: NONE\n    hosts: ['*/*']\n"
        ),
    ];
    fs::write(directory.path().join("objects.yaml"), objects.join("\n---\n")).unwrap();

    let ip = edge.to_string();
    let arguments = ["--type", "gateway", "--namespace", "shop", "--label", "app=edge", "--ip", &ip];
    let (file, said) = render(directory.path(), &arguments);
    assert!(
        said.contains("listener `") && said.contains("is left out: there is no secret `kubernetes://none`"),
        "{said}"
    );
    let gateway = envoy(&file).await;
    let tls = ClientTls::new("cart.example.com", ca.certificate());
    let https = Client::new((IpAddr::from(edge), 8443).into()).tls(tls);
    let answer = https.send(&Request::get("/").host("cart.example.com")).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.service()), (200, Some("cart")));
    assert_eq!(gateway.deprecation_warnings(), Vec::<String>::new());

    let ip = client.to_string();
    let arguments =
        ["--namespace", "shop", "--label", "app=client", "--ip", &ip, "--interception-mode", "none"];
    let sidecar = envoy(&render(directory.path(), &arguments).0).await;
    let http = Client::new((IpAddr::from(client), 8080).into());
    let answer = http.send(&Request::get("/").host("cart.shop")).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.service()), (200, Some("cart")));
    assert_eq!(sidecar.deprecation_warnings(), Vec::<String>::new());
}

/// Whose resources a golden scenario shows, as flags.
fn flags(scenario: &Path) -> Vec<String> {
    let text = fs::read_to_string(scenario.join("proxy.yaml")).unwrap_or_default();
    let proxy: Value = if text.is_empty() { Value::Null } else { serde_saphyr::from_str(&text).unwrap() };
    let mut flags = Vec::new();
    let mut flag = |name: &str, value: &Value| {
        if let Some(value) = value.as_str() {
            flags.extend([format!("--{name}"), value.to_lowercase()]);
        }
    };
    for (name, field) in [
        ("type", "kind"),
        ("namespace", "namespace"),
        ("interception-mode", "interception"),
        ("locality", "locality"),
        ("network", "network"),
        ("node-name", "node"),
    ] {
        flag(name, &proxy[field]);
    }
    let default = Value::from(vec!["10.1.0.9"]);
    let addresses = proxy["addresses"].as_array().or(default.as_array()).unwrap();
    for address in addresses {
        flag("ip", address);
    }
    for (key, value) in proxy["labels"].as_object().into_iter().flatten() {
        flags.extend(["--label".to_owned(), format!("{key}={}", value.as_str().unwrap())]);
    }
    if proxy["privileged"] == false {
        flags.push("--unprivileged".to_owned());
    }
    flags
}

/// The certificates of scenarios are texts like any other; Envoy wants some that are.
fn with_certificates(json: &mut Value, files: &[(&str, PathBuf)]) {
    match json {
        Value::Object(object) => {
            for (field, file) in files {
                if let Some(source) = object.get_mut(*field) {
                    *source = serde_json::json!({ "filename": file });
                }
            }
            object.values_mut().for_each(|value| with_certificates(value, files));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| with_certificates(item, files)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_file_of_every_golden_scenario_is_taken_by_envoy() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
    let entries =
        |path: &Path| fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let kinds = entries(&golden).into_iter().filter(|path| path.is_dir());
    let mut scenarios: Vec<_> =
        kinds.flat_map(|kind| entries(&kind)).filter(|path| path.join("in.yaml").exists()).collect();
    // Of a mesh without an object there is nothing to print.
    scenarios.retain(|path| fs::read_to_string(path.join("in.yaml")).unwrap().contains("apiVersion"));
    scenarios.sort();
    assert!(scenarios.len() > 50, "{} scenarios", scenarios.len());
    let directory = tempfile::tempdir().unwrap();
    let ca = Ca::new("test").unwrap();
    let identity = ca.server(&["example.com"]).unwrap();
    let files = [
        ("trusted_ca", ca.certificate()),
        ("certificate_chain", identity.certificate),
        ("private_key", identity.key),
    ]
    .map(|(field, pem)| {
        let path = directory.path().join(field);
        fs::write(&path, pem).unwrap();
        (field, path)
    });
    let mut refused = Vec::new();
    let mut listeners = 0;
    for scenario in scenarios {
        let flags = flags(&scenario);
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let (text, _) = render(&scenario.join("in.yaml"), &[&["--output", "json"], &flags[..]].concat());
        let mut file: Value = serde_json::from_str(&text).unwrap();
        listeners += file["static_resources"]["listeners"].as_array().map_or(0, Vec::len);
        with_certificates(&mut file, &files);
        if let Err(error) = validate(&file.to_string()).await {
            refused.push(format!("{}: {error}", scenario.display()));
        }
    }
    assert!(refused.is_empty(), "{} refused:\n{}", refused.len(), refused.join("\n"));
    assert!(listeners > 100, "{listeners} listeners");
}
