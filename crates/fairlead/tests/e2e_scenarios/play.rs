//! Plays one scenario: `fairlead analyze`, then a server, a proxy and the requests.

use std::{collections::BTreeMap, fs, path::Path, process::Command, process::Stdio, time::Duration};

use fairlead_lab::{
    deadline::eventually,
    envoy_process::{AdminPlace, EnvoyOptions, EnvoyProcess},
    process::Process,
};
use fairlead_testkit::netns::Pod;
use serde_json::Value;

use crate::{
    harness::server::{FAIRLEAD, bootstrap},
    request,
    scenario::{File, Proxy, Request, Scenario},
    world::Place,
};

const XDS: &str = "127.0.0.1:15010";
const ADMIN: &str = "127.0.0.1:15014";
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How long a request may get another answer than the right one. It is right at once; a busy machine is allowed for.
const RIGHT_WITHIN: Duration = Duration::from_secs(5);

/// Plays it with each of its protocols, and gives what went wrong.
pub(crate) async fn play(scenario: &Scenario, place: &Place) -> Vec<String> {
    let pod = match scenario.file.proxy {
        Proxy::Gateway => &place.gateway,
        Proxy::Sidecar | Proxy::Inbound => &place.workload,
    };
    let directory = tempfile::Builder::new().prefix("scenario-").tempdir().unwrap();
    let write = |objects: &str| {
        let objects = objects.replace("${POD_IP}", &pod.ip().to_string());
        fs::write(directory.path().join("config/in.yaml"), objects).unwrap();
    };
    fs::create_dir(directory.path().join("config")).unwrap();
    write(&scenario.objects);
    let mut faults = analyze(&scenario.file, directory.path());
    for protocol in &scenario.file.protocols {
        if let Some(before) = &scenario.before {
            write(before);
        }
        let change = || {
            if scenario.before.is_some() {
                write(&scenario.objects);
            }
        };
        let played = requests(&scenario.file, protocol, (place, pod), directory.path(), change).await;
        faults.extend(played.into_iter().map(|fault| format!("{protocol}: {fault}")));
    }
    faults
}

/// What `fairlead analyze` says that it should not, and what it leaves out.
fn analyze(file: &File, directory: &Path) -> Vec<String> {
    let mut command = Command::new(FAIRLEAD);
    command.arg("analyze").arg(directory.join("config")).args(["--output", "json"]);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let Ok(Value::Array(findings)) = serde_json::from_str(&text) else {
        return vec![format!("analyze: {text}{}", String::from_utf8_lossy(&output.stderr))];
    };
    let code = |finding: &Value| finding["code"].as_str().unwrap_or_default().to_owned();
    let missing = file.findings.iter().filter(|wanted| !findings.iter().any(|found| code(found) == **wanted));
    let mut faults: Vec<_> = missing.map(|wanted| format!("analyze: {wanted} is not reported")).collect();
    let unwanted = findings.iter().filter(|found| {
        let code = code(found);
        file.no_findings.contains(&code) || found["severity"] == "error" && !file.findings.contains(&code)
    });
    faults.extend(unwanted.map(|found| format!("analyze: {found}")));
    faults
}

/// Serves the directory to a proxy, changes it once the proxy has it, and sends the requests.
async fn requests(
    file: &File,
    protocol: &str,
    (place, pod): (&Place, &Pod),
    directory: &Path,
    change: impl Fn(),
) -> Vec<String> {
    if file.requests.is_empty() {
        return Vec::new();
    }
    let log = directory.join(format!("log-{protocol}"));
    let control_plane = match serve(pod, directory, &log).await {
        Ok(process) => process,
        Err(error) => return vec![format!("{error}\n{}", fs::read_to_string(&log).unwrap_or_default())],
    };
    let envoy = match proxy(file, protocol, pod).await {
        Ok(envoy) => envoy,
        Err(error) => return vec![error],
    };
    let mut faults = Vec::new();
    if let Err(error) = in_sync(file, pod, &envoy).await {
        faults.push(error);
    }
    change();
    let from = if file.proxy == Proxy::Sidecar { pod } else { &place.caller };
    for request in &file.requests {
        if let Err(fault) = becomes_right(request, from, pod).await {
            faults.push(fault);
        }
    }
    faults.extend(complaints(file, &envoy).await);
    drop(envoy);
    drop(control_plane);
    faults
}

/// Starts a control plane in a pod; with `settings.yaml`, if there is one.
pub(crate) async fn serve(pod: &Pod, directory: &Path, log: &Path) -> Result<Process, String> {
    let mut command = pod.command(FAIRLEAD);
    command.arg("serve").arg("--config-dir").arg(directory.join("config"));
    command.args(["--xds-bind", XDS, "--admin-bind", ADMIN]);
    let settings = directory.join("settings.yaml");
    if settings.exists() {
        command.arg("--config").arg(settings);
    }
    let log = fs::File::create(log).map_err(|error| error.to_string())?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let process = Process::spawn(&mut command).map_err(|error| error.to_string())?;
    let ready = eventually("the control plane", READY_WITHIN, || async { admin(pod, "/ready") }).await;
    ready.map(|_| process).map_err(|error| error.to_string())
}

pub(crate) fn admin(pod: &Pod, path: &str) -> Result<String, String> {
    let url = format!("http://{ADMIN}{path}");
    pod.output("curl", &["--silent", "--fail", "--max-time", "5", &url]).map_err(|error| error.to_string())
}

async fn proxy(file: &File, protocol: &str, pod: &Pod) -> Result<EnvoyProcess, String> {
    let gateway = file.proxy == Proxy::Gateway;
    let usual = if gateway { ("istio", "ingressgateway") } else { ("app", "client") };
    let mut labels = file.labels.clone();
    if labels.is_empty() {
        labels = BTreeMap::from([(usual.0.to_owned(), usual.1.to_owned())]);
    }
    let namespace = file.namespace.as_deref().unwrap_or(if gateway { "istio-system" } else { "default" });
    let mut arguments = vec!["--type".to_owned(), if gateway { "gateway" } else { "sidecar" }.to_owned()];
    arguments.extend(["--namespace", namespace, "--protocol", protocol].map(str::to_owned));
    for (key, value) in labels {
        arguments.extend(["--label".to_owned(), format!("{key}={value}")]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    start(pod, &arguments).await
}

/// Starts a proxy in a pod.
pub(crate) async fn start(pod: &Pod, arguments: &[&str]) -> Result<EnvoyProcess, String> {
    let (ip, ipv6) = (pod.ip().to_string(), pod.ipv6().to_string());
    let arguments = [arguments, &["--ip", &ip, "--ip", &ipv6]].concat();
    let options = EnvoyOptions {
        wrapper: pod.proxy_wrapper(),
        other_user: true,
        admin: AdminPlace::UnixSocket,
        log_level: "warning".to_owned(),
        ready_within: READY_WITHIN,
        ..EnvoyOptions::default()
    };
    EnvoyProcess::start(&bootstrap(XDS, &arguments), &options).await.map_err(|error| error.to_string())
}

/// Waits until the proxy has what is published for it, and uses it.
async fn in_sync(file: &File, pod: &Pod, envoy: &EnvoyProcess) -> Result<(), String> {
    let synced = eventually("the proxy in sync", READY_WITHIN, || async {
        let text = admin(pod, "/debug/syncz")?;
        let proxies: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let [proxy] = proxies.as_array().map(Vec::as_slice).unwrap_or_default() else { return Err(text) };
        if !file.rejected && proxy["synced"] != true {
            return Err(text);
        }
        for stat in ["listener_manager.total_listeners_warming", "cluster_manager.warming_clusters"] {
            let warming = envoy.admin().stat(stat).await.map_err(|error| error.to_string())?;
            if warming > 0 && !file.rejected {
                return Err(format!("{stat}: {warming}"));
            }
        }
        Ok(())
    });
    synced.await.map_err(|error| error.to_string())
}

async fn becomes_right(request: &Request, from: &Pod, workload: &Pod) -> Result<(), String> {
    let what = format!("{request:?}");
    let right = eventually(&what, RIGHT_WITHIN, || async {
        let answer = tokio::task::block_in_place(|| request::send(request, from, workload));
        answer.matches(&request.expect)
    });
    right.await.map_err(|error| format!("{} -> {}", describe(request), error.last))
}

fn describe(request: &Request) -> String {
    let host = request.host.as_deref().map(|host| format!(" host {host}")).unwrap_or_default();
    let tls = request.tls.as_deref().map(|name| format!(" tls `{name}`")).unwrap_or_default();
    let tcp = if request.tcp.is_some() { " tcp" } else { "" };
    format!("{}{host}{tls}{tcp} {}", request.to, request.path)
}

/// What Envoy has rejected or warned about.
async fn complaints(file: &File, envoy: &EnvoyProcess) -> Vec<String> {
    let mut faults = Vec::new();
    match envoy.admin().stats("update_rejected").await {
        Err(error) => faults.push(error.to_string()),
        Ok(_) if file.rejected => {}
        Ok(stats) => {
            let rejected = stats.iter().filter(|(_, count)| **count > 0);
            faults.extend(rejected.map(|(name, count)| format!("{name}: {count}\n{}", envoy.log())));
        }
    }
    faults.extend(envoy.deprecation_warnings());
    faults
}
