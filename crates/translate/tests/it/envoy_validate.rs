//! Every golden output is accepted by stock Envoy: as static resources, in `--mode validate`.

use std::{path::Path, process::Command};

use fairlead_lab::envoy_binary;
use fairlead_resource::TypeUrl;
use fairlead_testkit::{certs::Ca, judge::Case};
use fairlead_translate::publication::Sets;
use serde_json::{Map, Value, json};

use crate::{
    closure,
    golden_scenarios::scenarios,
    json_walk::{all, edit_objects, items, text},
};

#[test]
fn golden_scenarios_are_accepted_by_envoy() {
    let envoy = envoy_binary::find().expect("stock Envoy is there");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let files = Files::write(directory.path());
    let mut refused = Vec::new();
    for scenario in scenarios() {
        let path = directory.path().join(format!("{}.json", scenario.name.replace('/', "-")));
        std::fs::write(&path, bootstrap(&scenario.sets, &files).to_string())
            .expect("the bootstrap is written");
        let output = Command::new(&envoy)
            .args(["--mode", "validate", "--disable-hot-restart", "--concurrency", "1", "-l", "warn", "-c"])
            .arg(&path)
            .output()
            .expect("Envoy starts");
        let log = String::from_utf8_lossy(&output.stderr);
        let warnings: Vec<&str> = log.lines().filter(|line| line.contains("eprecat")).collect();
        if !output.status.success() || !warnings.is_empty() {
            refused.push(format!("{}: {log}", scenario.name));
        }
    }
    assert!(refused.is_empty(), "{} refused:\n{}", refused.len(), refused.join("\n"));
}

/// Certificates in the place of those that configuration names.
pub(crate) struct Files {
    ca: String,
    chain: String,
    key: String,
}

impl Files {
    pub(crate) fn write(directory: &Path) -> Self {
        let ca = Ca::new("test").expect("an authority");
        let server = ca.server(&["example.com"]).expect("a certificate");
        let write = |name: &str, pem: &str| {
            let path = directory.join(name);
            std::fs::write(&path, pem).expect("a certificate is written");
            path.display().to_string()
        };
        Self {
            ca: write("ca.pem", &ca.certificate()),
            chain: write("chain.pem", &server.certificate),
            key: write("key.pem", &server.key),
        }
    }
}

/// The resources as a bootstrap without a control plane.
fn bootstrap(sets: &Sets, files: &Files) -> Value {
    let Case { listeners, clusters, secrets } = resources(sets, files, "");
    json!({
        "node": {"id": "golden", "cluster": "golden"},
        "static_resources": {"clusters": clusters, "listeners": listeners, "secrets": secrets},
    })
}

/// The resources as they are without a control plane: each with what it refers to inside. Their names begin with
/// `prefix`.
pub(crate) fn resources(sets: &Sets, files: &Files, prefix: &str) -> Case {
    let assignments = all(&sets.load_assignments, TypeUrl::CLUSTER_LOAD_ASSIGNMENT);
    let tables = all(&sets.route_tables, TypeUrl::ROUTE_CONFIGURATION);
    let mut clusters = all(&sets.clusters, TypeUrl::CLUSTER);
    let mut listeners = all(&sets.listeners, TypeUrl::LISTENER);
    let mut secrets = all(&sets.secrets, TypeUrl::SECRET);
    secrets.extend(missing_secrets(sets));
    for cluster in &mut clusters {
        inline_endpoints(cluster, &assignments);
        if !prefix.is_empty() {
            // Listeners need not wait for names that nobody can look up.
            cluster["wait_for_warm_on_init"] = json!(false);
        }
    }
    for json in clusters.iter_mut().chain(&mut listeners).chain(&mut secrets) {
        edit_objects(json, &mut |object| {
            inline_routes(object, &tables, prefix.is_empty());
            if object.remove("sds_config").is_some() {
                rename(object, prefix);
            }
            replace_certificates(object, files);
        });
        rename(json.as_object_mut().expect("a resource is an object"), prefix);
    }
    Case { listeners, clusters, secrets }
}

fn rename(object: &mut Map<String, Value>, prefix: &str) {
    let name = format!("{prefix}{}", object.get("name").map(text).unwrap_or_default());
    object.insert("name".into(), name.into());
}

/// Stands in for the secrets that are not sent, for which Envoy would wait: as certificate and as authorities, as
/// Envoy keeps these apart.
fn missing_secrets(sets: &Sets) -> Vec<Value> {
    let missing = closure::missing(sets);
    let names = missing.iter().filter_map(|what| what.strip_prefix("secret "));
    let both = |name: &str| {
        let certificate = json!({"certificate_chain": {}, "private_key": {}});
        [
            json!({"name": name, "tls_certificate": certificate}),
            json!({"name": name, "validation_context": {"trusted_ca": {}}}),
        ]
    };
    names.flat_map(both).collect()
}

fn inline_endpoints(cluster: &mut Value, assignments: &[Value]) {
    if cluster["type"] != "EDS" {
        return;
    }
    let name = text(&cluster["name"]).to_owned();
    let assignment = assignments.iter().find(|a| a["cluster_name"] == name.as_str());
    let object = cluster.as_object_mut().expect("a cluster is an object");
    object.remove("eds_cluster_config");
    object.insert("type".into(), "STATIC".into());
    object.insert("load_assignment".into(), assignment.expect("EDS clusters have endpoints").clone());
}

fn inline_routes(object: &mut Map<String, Value>, tables: &[Value], validate_clusters: bool) {
    let Some(rds) = object.remove("rds") else { return };
    let table = tables.iter().find(|table| table["name"] == rds["route_config_name"]);
    let mut table = table.expect("route tables are there").clone();
    if !validate_clusters {
        table["validate_clusters"] = json!(false);
    }
    object.insert("route_config".into(), table);
}

/// Puts certificates that exist in the place of those that configuration names or invents.
fn replace_certificates(object: &mut Map<String, Value>, files: &Files) {
    let certificates =
        [("trusted_ca", &files.ca), ("certificate_chain", &files.chain), ("private_key", &files.key)];
    for (field, file) in certificates {
        // Envoy refuses a file without a name, whatever files there are.
        if let Some(source) = object.get_mut(field).filter(|source| source["filename"] != "") {
            *source = json!({"filename": file});
        }
    }
}

#[test]
fn envoy_refuses_what_it_should_so_that_acceptance_means_something() {
    let envoy = envoy_binary::find().expect("stock Envoy is there");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let files = Files::write(directory.path());
    let canary = scenarios().into_iter().find(|s| s.name == "virtual-service/canary").expect("it is there");
    let mut broken = bootstrap(&canary.sets, &files);
    let clusters = broken["static_resources"]["clusters"].as_array_mut().expect("a list");
    let again = items(&Value::Array(clusters.clone()))[0].clone();
    clusters.push(again);
    let path = directory.path().join("broken.json");
    std::fs::write(&path, broken.to_string()).expect("the bootstrap is written");
    let output = Command::new(&envoy)
        .args(["--mode", "validate", "--disable-hot-restart", "-c"])
        .arg(&path)
        .output()
        .expect("Envoy starts");
    assert!(!output.status.success(), "two clusters of one name are refused");
}
