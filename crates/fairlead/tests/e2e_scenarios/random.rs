//! Random worlds, one after another, served to running Envoys: at no moment is anything of them rejected.
//!
//! Every value is one that may be written. Listeners, tables and assignments come as elements to the clients of delta,
//! and in one piece to those of state of the world.

use std::{fs, path::Path, time::Duration};

use fairlead_lab::{envoy_process::EnvoyProcess, process::Process};
use fairlead_testkit::{
    netns::Pod,
    worlds::{self, Material, Pen},
};
use serde_json::Value;

use crate::{
    play::{admin, serve, start},
    world::World,
};

/// Objects of a world.
const WORLD: usize = 16;
/// How long between two looks at the number of pushes, how many looks show that they have ended, and how many there are
/// at most.
const BETWEEN: Duration = Duration::from_millis(150);
const LOOKS: usize = 3;
const MOST_LOOKS: usize = 200;
/// Elements, whatever there are.
const SETTINGS: &str = "xds: {endpointsAsResourcesFrom: 1, filterChainsAsResourcesFrom: 1}\n";
/// The files that objects name, by what they are called there.
const FILES: &str = "/etc/certs/";

/// Serves this many worlds to a sidecar and a gateway of each protocol, and gives what went wrong.
pub(crate) async fn worlds(count: u64, pods: &mut World) -> Vec<String> {
    let mut faults = Vec::new();
    for kind in ["sidecar", "gateway"] {
        let pod = pods.empty_pod(kind).unwrap();
        let served = Served::start(&pod, kind).await;
        let mut served = match served {
            Ok(served) => served,
            Err(error) => return vec![error],
        };
        let mut before = String::new();
        for number in 0..count {
            let world = served.world(number);
            let told = served.serve(&world).await;
            let shown = |fault| format!("world {number} of the {kind}: {fault}\n{world}\nafter\n{before}");
            faults.extend(told.map(shown));
            before = world;
            if faults.len() > 5 {
                return faults;
            }
        }
    }
    faults
}

/// A control plane and its proxies, in one pod.
struct Served {
    pod: Pod,
    directory: tempfile::TempDir,
    material: Material,
    _control_plane: Process,
    envoys: Vec<Running>,
}

struct Running {
    envoy: EnvoyProcess,
    /// How many rejections are known, and lines of its log.
    known: u64,
    shown: usize,
}

/// What lines of a log tell that is no fault.
const EXPECTED: [&str; 5] = [
    // It finds the part at fault.
    "fairlead-probe",
    // An address goes from one listener to another in one change, which Envoy cannot do at once.
    "has duplicate address",
    // Certificates of a Secret are read by Envoy alone; a wrong one costs its own servers and is named.
    " from <inline>",
    // A secret that stands in for one that does not exist.
    "Failed to load incomplete private key from path: ",
    // Both proxies have the file of one socket.
    "cannot bind '/tmp/",
];

/// Whether a line of a log tells of a fault.
fn is_fault(line: &&str) -> bool {
    line.contains("ejected") && !EXPECTED.iter().any(|words| line.contains(words))
}

impl Served {
    async fn start(pod: &Pod, kind: &str) -> Result<Self, String> {
        let directory = tempfile::Builder::new().prefix("worlds-").tempdir().unwrap();
        fs::create_dir(directory.path().join("config")).unwrap();
        write_files(directory.path());
        fs::write(directory.path().join("settings.yaml"), SETTINGS).unwrap();
        let log = directory.path().join("log");
        let control_plane = serve(pod, directory.path(), &log).await?;
        let mut envoys = Vec::new();
        for protocol in ["delta", "sotw"] {
            let label = if kind == "gateway" { "istio=ingressgateway" } else { "app=a" };
            let arguments =
                ["--type", kind, "--namespace", "zetans", "--protocol", protocol, "--label", label];
            envoys.push(Running { envoy: start(pod, &arguments).await?, known: 0, shown: 0 });
        }
        let material = Material::new().map_err(|error| error.to_string())?;
        Ok(Self { pod: pod.clone(), directory, material, _control_plane: control_plane, envoys })
    }

    /// Waits until nothing more is pushed. Clusters warm for long, as nobody looks up their names here.
    async fn quiet(&self) -> Result<(), String> {
        let (mut before, mut still) = (String::new(), 0);
        for _ in 0..MOST_LOOKS {
            tokio::time::sleep(BETWEEN).await;
            let text = admin(&self.pod, "/debug/syncz")?;
            let proxies: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            let proxies = proxies.as_array().map(Vec::as_slice).unwrap_or_default();
            if proxies.len() != self.envoys.len() {
                return Err(format!("a proxy is gone: {text}"));
            }
            let now = proxies.iter().map(|proxy| proxy["pushes"].to_string()).collect::<Vec<_>>().join(" ");
            still = if now == before { still + 1 } else { 0 };
            if still == LOOKS {
                return Ok(());
            }
            before = now;
        }
        Err("pushes do not end".to_owned())
    }

    /// A world of sound values, as a file.
    fn world(&self, number: u64) -> String {
        let mut pen = Pen::new(number.wrapping_mul(0x9E37_79B9_7F4A_7C14));
        let objects = (0..WORLD).map(|_| self.material.put_into(&worlds::object(&mut pen).to_string()));
        let certificates = format!("{}/", self.directory.path().join("certs").display());
        objects
            .collect::<Vec<_>>()
            .join("\n---\n")
            .replace(FILES, &certificates)
            .replace("/dev/stdout", "/dev/null")
            .replace("/dev/stderr", "/dev/null")
            // Both proxies are in one network, where such a socket can be there once.
            .replace("unix://@", "unix:///tmp/")
    }

    /// Puts a world in the place of the one before; what Envoy rejected of it.
    async fn serve(&mut self, world: &str) -> Option<String> {
        let config = self.directory.path().join("config");
        fs::write(config.join("next"), world).unwrap();
        fs::rename(config.join("next"), config.join("in.yaml")).unwrap();
        if let Err(error) = self.quiet().await {
            return Some(error);
        }
        for Running { envoy, known, shown } in &mut self.envoys {
            let stats = match envoy.admin().stats("update_rejected").await {
                Ok(stats) => stats,
                Err(error) => return Some(format!("{error}\n{}", envoy.log())),
            };
            let count: u64 = stats.values().sum();
            if count > *known {
                *known = count;
                let log = envoy.log();
                let lines: Vec<_> = log.lines().skip(*shown).filter(is_fault).collect();
                *shown = log.lines().count();
                if !lines.is_empty() {
                    return Some(lines[lines.len().saturating_sub(4)..].join("\n"));
                }
            }
        }
        None
    }
}

fn write_files(directory: &Path) {
    let certificates = directory.join("certs");
    fs::create_dir(&certificates).unwrap();
    let ca = fairlead_testkit::certs::Ca::new("worlds").unwrap();
    let server = ca.server(&["example.com"]).unwrap();
    let files = [("ca.pem", ca.certificate()), ("chain.pem", server.certificate), ("key.pem", server.key)];
    for (name, pem) in files {
        fs::write(certificates.join(name), pem).unwrap();
    }
}
