//! A server with a generated mesh and a crowd of clients, at the size of this run.

use std::{ops::Range, time::Duration};

use fairlead_lab::deadline::eventually;
use fairlead_resource::TypeUrl;
use fairlead_testkit::{
    ads::Protocol,
    crowd::{Crowd, Profile, Totals},
    meshgen::MeshSpec,
    proc::ProcessStats,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;

use crate::harness::server::Server;

/// How long anything may take on a machine that is busy with other things.
pub(crate) const WITHIN: Duration = Duration::from_secs(300);
/// Without a response for so long, clients have everything.
pub(crate) const QUIET: Duration = Duration::from_millis(1500);

/// Whether this is `make soak`.
pub(crate) fn is_full() -> bool {
    std::env::var_os("FAIRLEAD_SOAK").is_some_and(|value| value == "full")
}

/// A number for the short run, and one for the full one.
pub(crate) fn sized<T>(short: T, full: T) -> T {
    if is_full() { full } else { short }
}

/// A server that is yet to be launched, with a mesh.
pub(crate) fn server_of(spec: &MeshSpec) -> Server {
    let files = spec.files();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, yaml)| (name.as_str(), yaml.as_str())).collect();
    Server::prepared(&files).levels("warn")
}

/// An empty crowd for a server, with as many open files as the system lets this process have.
pub(crate) fn crowd_of(server: &Server) -> Crowd {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    Crowd::new(server.xds())
}

/// Sidecars of the Pods of a mesh, so that most have a view of their own; they come back half a second after the end
/// of a stream.
pub(crate) fn sidecars(clients: Range<usize>, spec: &MeshSpec) -> impl Iterator<Item = Profile> {
    clients.map(move |i| Profile {
        reconnect_after: Some(Duration::from_millis(500)),
        ..Profile::pod(i, spec, Protocol::Delta)
    })
}

/// Waits until every client of a crowd is connected, has everything, and is sent nothing more.
pub(crate) async fn settled(crowd: &Crowd) {
    let all = crowd.len() as u64;
    eventually("every client is connected", WITHIN, || async {
        let connected = crowd.totals().connected;
        if connected == all { Ok(()) } else { Err(format!("{connected} of {all}")) }
    })
    .await
    .unwrap();
    crowd.wait_in_sync(WITHIN).await.unwrap();
    crowd.wait_quiet(QUIET, WITHIN).await.unwrap();
}

/// Waits until a crowd has opened so many streams: what it is told to do takes it a moment.
pub(crate) async fn opened(crowd: &Crowd, streams: u64) {
    eventually("every client has a new stream", WITHIN, || async {
        let opened = crowd.totals().streams;
        if opened >= streams { Ok(()) } else { Err(format!("{opened} of {streams}")) }
    })
    .await
    .unwrap();
}

/// Every resource of a client of a crowd, with its content, as the server publishes it.
pub(crate) async fn published(server: &Server, client: usize, spec: &MeshSpec) -> Value {
    let profile = sidecars(client..client + 1, spec).next().expect("there is one");
    let dump = server.json(&format!("/debug/config_dump?proxy={}", profile.node.id)).await;
    // Two servers with the same files have them in directories of their own.
    let resources = dump["resources"].to_string().replace(&server.config().display().to_string(), "");
    serde_json::from_str(&resources).unwrap()
}

/// How many resources were received.
pub(crate) fn resources(totals: &Totals) -> u64 {
    TypeUrl::ENVOY.into_iter().map(|type_url| totals.resources_of(type_url)).sum()
}

/// What a process takes, in MB.
pub(crate) struct Memory(ProcessStats);

impl Memory {
    pub(crate) fn of(server: &Server) -> Self {
        Self(ProcessStats::of(server.id()))
    }

    pub(crate) fn now(&self) -> f64 {
        megabytes(self.0.rss().unwrap())
    }

    pub(crate) fn peak(&self) -> f64 {
        megabytes(self.0.peak_rss().unwrap())
    }

    pub(crate) fn reset_peak(&self) {
        self.0.reset_peak().unwrap();
    }

    pub(crate) fn cpu_seconds(&self) -> f64 {
        self.0.cpu().unwrap().as_secs_f64()
    }
}

pub(crate) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
