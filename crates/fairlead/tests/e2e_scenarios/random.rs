//! Random worlds, one after another, served to running Envoys: at no moment is anything of them rejected.
//!
//! Every value is one that may be written. Listeners, tables and assignments come as elements to the clients of delta,
//! and in one piece to those of state of the world.

use std::{fs, path::Path, time::Duration};

use fairlead_testkit::{
    deadline::eventually,
    envoy_process::EnvoyProcess,
    netns::Pod,
    process::Process,
    worlds::{self, Material, Pen},
};
use serde_json::Value;

use crate::{
    play::{admin, serve, start},
    world::Place,
};

/// Objects of a world.
const WORLD: usize = 16;
const WITHIN: Duration = Duration::from_secs(60);
/// Elements, whatever there are.
const SETTINGS: &str = "xds: {endpointsAsResourcesFrom: 1, filterChainsAsResourcesFrom: 1}\n";
/// The files that objects name, by what they are called there.
const FILES: &str = "/etc/certs/";

/// Serves this many worlds to a sidecar and a gateway of each protocol, and gives what went wrong.
pub(crate) async fn worlds(count: u64, place: &Place) -> Vec<String> {
    let mut faults = Vec::new();
    let (sidecar, gateway) =
        (Served::start(&place.workload, "sidecar").await, Served::start(&place.gateway, "gateway").await);
    for served in [sidecar, gateway] {
        let mut served = match served {
            Ok(served) => served,
            Err(error) => return vec![error],
        };
        let mut before = String::new();
        for number in 0..count {
            let world = served.world(number);
            let told = served.serve(&world).await;
            faults.extend(told.map(|fault| format!("world {number}: {fault}\n{world}\nafter\n{before}")));
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
    /// With the number of rejections that are known.
    envoys: Vec<(EnvoyProcess, u64)>,
}

impl Served {
    async fn start(pod: &Pod, kind: &str) -> Result<Self, String> {
        let directory = tempfile::Builder::new().prefix("worlds-").tempdir().unwrap();
        fs::create_dir(directory.path().join("config")).unwrap();
        write_files(directory.path());
        fs::write(directory.path().join("settings.yaml"), SETTINGS).unwrap();
        // Any address can be listened on.
        for family in ["ipv4", "ipv6"] {
            let setting = format!("net.{family}.ip_nonlocal_bind=1");
            pod.output("sysctl", &["-q", "-w", &setting]).map_err(|error| error.to_string())?;
        }
        let log = directory.path().join("log");
        let control_plane = serve(pod, directory.path(), &log).await?;
        let mut envoys = Vec::new();
        for protocol in ["delta", "sotw"] {
            let label = if kind == "gateway" { "istio=ingressgateway" } else { "app=a" };
            let arguments =
                ["--type", kind, "--namespace", "zetans", "--protocol", protocol, "--label", label];
            envoys.push((start(pod, &arguments).await?, 0));
        }
        let material = Material::new().map_err(|error| error.to_string())?;
        Ok(Self { pod: pod.clone(), directory, material, _control_plane: control_plane, envoys })
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
    }

    /// Puts a world in the place of the one before; what Envoy rejected of it.
    async fn serve(&mut self, world: &str) -> Option<String> {
        let config = self.directory.path().join("config");
        fs::write(config.join("next"), world).unwrap();
        fs::rename(config.join("next"), config.join("in.yaml")).unwrap();
        // The file is seen, and what came of it is on its way.
        tokio::time::sleep(Duration::from_millis(400)).await;
        let settled = eventually("all proxies in sync", WITHIN, || async {
            let text = admin(&self.pod, "/debug/syncz")?;
            let proxies: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            let proxies = proxies.as_array().map(Vec::as_slice).unwrap_or_default();
            let is_done = |proxy: &Value| proxy["synced"] == true || is_refused(proxy);
            if proxies.len() == 2 && proxies.iter().all(is_done) { Ok(()) } else { Err(text) }
        });
        if let Err(error) = settled.await {
            return Some(error.to_string());
        }
        for (envoy, known) in &mut self.envoys {
            let stats = match envoy.admin().stats("update_rejected").await {
                Ok(stats) => stats,
                Err(error) => return Some(format!("{error}\n{}", envoy.log())),
            };
            let count: u64 = stats.iter().map(|(_, count)| *count).sum();
            if count > *known {
                *known = count;
                let log = envoy.log();
                // A probe is what finds the part at fault.
                let is_told = |line: &&str| line.contains("ejected") && !line.contains("fairlead-probe");
                let lines: Vec<_> = log.lines().filter(is_told).collect();
                return Some(lines[lines.len().saturating_sub(4)..].join("\n"));
            }
        }
        None
    }
}

/// Whether something is held back from a proxy that has rejected it.
fn is_refused(proxy: &Value) -> bool {
    let types = proxy["types"].as_array().map(Vec::as_slice).unwrap_or_default();
    types.iter().any(|one| one["heldBack"].as_array().is_some_and(|held| !held.is_empty()))
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
