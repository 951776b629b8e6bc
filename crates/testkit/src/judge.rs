//! Asks a real Envoy about many listeners and clusters at once: which of them does it refuse, and why?
//!
//! They reach one short-lived Envoy by files, as LDS and CDS, so that each is judged by itself; `--mode validate`
//! ends at the first that is wrong. A thousand listeners take about a second. No port is bound.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use fairlead_lab::{
    deadline::eventually,
    envoy_process::{AdminPlace, EnvoyError, EnvoyOptions, EnvoyProcess},
};
use fairlead_resource::TypeUrl;
use serde_json::{Value, json};

/// Maximum time for Envoy to read all of it.
const WITHIN: Duration = Duration::from_secs(120);

/// The resources to judge. Names are unique among the listeners, and among the clusters.
#[derive(Clone, Debug, Default)]
pub struct Case {
    /// Listeners as JSON. Their addresses are replaced, and they do not bind.
    pub listeners: Vec<Value>,
    /// Clusters as JSON.
    pub clusters: Vec<Value>,
    /// Secrets that they name, as JSON.
    pub secrets: Vec<Value>,
}

/// The reasons for which resources were refused, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Listeners that Envoy refused.
    pub listeners: BTreeMap<String, String>,
    /// Clusters that Envoy refused.
    pub clusters: BTreeMap<String, String>,
    /// Lines of its log that speak of deprecated features.
    pub deprecations: Vec<String>,
}

/// Judges a case.
///
/// # Errors
///
/// If Envoy cannot be started or ends: it crashed, or a secret is not one.
pub fn judge(case: &Case) -> Result<Verdict, EnvoyError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| EnvoyError::Io { what: "start a runtime".to_owned(), source })?;
    runtime.block_on(ask(case))
}

async fn ask(case: &Case) -> Result<Verdict, EnvoyError> {
    let files = tempfile::tempdir().map_err(io("make a directory"))?;
    let listeners =
        case.listeners.iter().enumerate().map(|(index, json)| unbound(json.clone(), index)).collect();
    write(&files.path().join("lds.json"), &typed(listeners, TypeUrl::LISTENER))?;
    write(&files.path().join("cds.json"), &typed(case.clusters.clone(), TypeUrl::CLUSTER))?;
    let options = EnvoyOptions {
        admin: AdminPlace::UnixSocket,
        log_level: "warning".to_owned(),
        ..EnvoyOptions::default()
    };
    let mut envoy = EnvoyProcess::launch(&bootstrap(files.path(), &case.secrets).to_string(), &options)?;
    let admin = envoy.admin().clone();
    let admin = &admin;
    let waited = eventually("envoy has read all", WITHIN, || {
        let ended = envoy.exited();
        async move {
            if let Ok(Some(status)) = ended {
                return Ok(Some(status));
            }
            let stats = admin.stats(READ).await.map_err(|error| error.to_string())?;
            let read = |api: &str| stats.iter().any(|(name, value)| name.contains(api) && *value > 0);
            if read("lds.") && read("cds.") { Ok(None) } else { Err(format!("{stats:?}")) }
        }
    })
    .await;
    match waited {
        Ok(None) => {}
        Ok(Some(status)) => return Err(EnvoyError::Ended { status, log: envoy.log() }),
        Err(source) => return Err(EnvoyError::NotReady { source, log: envoy.log() }),
    }
    let log = envoy.log();
    let mut verdict = Verdict { deprecations: envoy.deprecation_warnings(), ..Verdict::default() };
    let dump = admin.config_dump("resource=dynamic_listeners").await?;
    for listener in items(&dump["configs"]) {
        let error = &listener["error_state"];
        if let Some(name) = error["failed_configuration"]["name"].as_str() {
            let why = error["details"].as_str().unwrap_or_default();
            verdict.listeners.insert(name.to_owned(), why.to_owned());
        }
    }
    verdict.clusters = refused_clusters(&log, &case.clusters);
    Ok(verdict)
}

/// The counters that say that an update was read.
const READ: &str = "^(listener_manager.lds|cluster_manager.cds)\\.update_(success|rejected|failure)$";

fn bootstrap(files: &Path, secrets: &[Value]) -> Value {
    let source =
        |name: &str| json!({"path_config_source": {"path": files.join(name)}, "resource_api_version": "V3"});
    json!({
        "node": {"id": "judge", "cluster": "judge"},
        "layered_runtime": {"layers": [
            {"name": "static", "static_layer": {"re2.max_program_size.error_level": 32768}},
        ]},
        "static_resources": {"secrets": secrets},
        "dynamic_resources": {"lds_config": source("lds.json"), "cds_config": source("cds.json")},
    })
}

/// A listener at an address of its own that it does not bind. Its further addresses go with the first.
fn unbound(mut listener: Value, index: usize) -> Value {
    let (high, low) = (index / 250, index % 250);
    let address = format!("127.{}.{}.{}", 1 + high / 250, high % 250, 1 + low);
    listener["address"] = json!({"socket_address": {"address": address, "port_value": 10_000}});
    listener["bind_to_port"] = json!(false);
    if let Some(listener) = listener.as_object_mut() {
        listener.remove("additional_addresses");
        // Envoy 1.40 exits if a transparent listener has no socket.
        listener.remove("transparent");
    }
    listener
}

fn typed(resources: Vec<Value>, message: TypeUrl) -> Value {
    let one = |mut json: Value| {
        json["@type"] = message.as_str().into();
        json
    };
    json!({"resources": resources.into_iter().map(one).collect::<Vec<_>>()})
}

/// Envoy says in one line of its log which clusters it refused: `Error adding/updating cluster(s) a: why, b: why`.
fn refused_clusters(log: &str, clusters: &[Value]) -> BTreeMap<String, String> {
    let Some((_, said)) = log.split_once("Error adding/updating cluster(s) ") else { return BTreeMap::new() };
    let said = said.lines().next().unwrap_or_default();
    let names = clusters.iter().filter_map(|cluster| cluster["name"].as_str());
    names
        .filter_map(|name| {
            let (_, why) = format!(", {said}")
                .split_once(&format!(", {name}: "))
                .map(|(a, b)| (a.to_owned(), b.to_owned()))?;
            Some((name.to_owned(), why))
        })
        .collect()
}

fn items(json: &Value) -> &[Value] {
    json.as_array().map_or(&[], Vec::as_slice)
}

fn write(path: &Path, json: &Value) -> Result<(), EnvoyError> {
    fs::write(path, json.to_string()).map_err(io("write resources"))
}

fn io(what: &'static str) -> impl FnOnce(std::io::Error) -> EnvoyError {
    move |source| EnvoyError::Io { what: what.to_owned(), source }
}
