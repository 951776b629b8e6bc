//! Surroundings that fail: the disk, the watches of the system, its clock, file descriptors. Each is told clearly,
//! and service goes on.
//!
//! Where a test needs rights that it has not, it says so and passes.

use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use fairlead_lab::deadline::eventually;
use fairlead_resource::TypeUrl;
use fairlead_testkit::{
    ads::Protocol,
    crowd::{Crowd, Profile},
    fake_envoy::{FakeEnvoy, Held, Options},
};
use serde_json::Value;

use crate::harness::server::{Server, swap_link};

const WITHIN: Duration = Duration::from_secs(30);
const FILE: &str = "cart.yaml";
const CLUSTER: &str = "outbound|80||cart.example";

/// A service with one endpoint.
fn cart(address: Ipv4Addr) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: cart, namespace: default}}\nspec:\n  hosts: [cart.example]\n  location: MESH_INTERNAL\n  resolution: STATIC\n  ports: [{{number: 80, name: http, protocol: HTTP}}]\n  endpoints: [{{address: {address}}}]\n"
    )
}

const FIRST: Ipv4Addr = Ipv4Addr::new(10, 1, 1, 1);

fn prepared() -> Server {
    Server::prepared(&[(FILE, &cart(FIRST))])
}

/// A client of a server that is followed through everything.
struct Client {
    envoy: FakeEnvoy,
    last: u8,
}

impl Client {
    async fn of(server: &Server) -> Self {
        let envoy = FakeEnvoy::start(Options::new(server.xds()));
        let client = Self { envoy, last: 1 };
        client.has(FIRST).await;
        client
    }

    async fn has(&self, address: Ipv4Addr) {
        let text = address.to_string();
        let has = |held: &Held| {
            let bytes = held.bytes(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, CLUSTER).unwrap_or_default();
            bytes.windows(text.len()).any(|window| window == text.as_bytes())
        };
        self.envoy.wait_for(&format!("the endpoint {text}"), WITHIN, has).await.unwrap();
    }

    /// A change of a file reaches the client, on the stream of before.
    async fn follows(&mut self, server: &Server) {
        self.last += 1;
        let address = Ipv4Addr::new(10, 1, 1, self.last);
        server.write(FILE, &cart(address));
        self.has(address).await;
        assert_eq!(self.envoy.streams(), 1, "{:?}", self.envoy.last_end());
    }
}

async fn finding(server: &Server, name: &str) -> Value {
    server.finding(name, |finding| finding["name"] == name).await
}

async fn no_findings(server: &Server) {
    eventually("nothing is left to be said", WITHIN, || async {
        let findings = server.json("/debug/diagnosticz").await;
        if findings == Value::Array(Vec::new()) { Ok(()) } else { Err(findings.to_string()) }
    })
    .await
    .unwrap();
}

/// Whether a command runs here; if not, the test has nothing to say.
fn can(what: &str, wrapper: &[&str]) -> bool {
    let mut command = Command::new(wrapper[0]);
    command.args(&wrapper[1..]).arg("true").stdin(Stdio::null()).stdout(Stdio::null());
    let output = command.stderr(Stdio::piped()).output();
    let problem = match output {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    eprintln!("skipped, as {what} is not possible here: {problem}");
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_takes_the_log_and_half_a_file_and_nothing_else() {
    let server = prepared().logs_to(Path::new("/dev/full")).levels("trace").launched().await;
    let mut client = Client::of(&server).await;
    client.follows(&server).await;
    // What is left of an edit for which there was no room.
    let whole = cart(Ipv4Addr::new(10, 1, 1, 99));
    let half = whole.find("resolution").unwrap() + 4;
    server.write(FILE, &whole[..half]);
    let found = server.finding("half a file", |finding| finding["severity"] == "error").await;
    assert!(found["file"].as_str().is_some_and(|file| file.ends_with(FILE)), "{found}");
    finding(&server, "last-good-kept").await;
    client.follows(&server).await;
    no_findings(&server).await;
    server.in_sync(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_is_mounted_read_only_is_followed() {
    let server = prepared();
    let config = server.config();
    let script = "mount --bind -o ro \"$0\" \"$0\" && ! touch \"$0/x\" 2>/dev/null && exec \"$@\"";
    let config = config.to_str().unwrap();
    let wrapper = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, config];
    if !can("a read-only mount", &wrapper) {
        return;
    }
    let server = server.wrapped(wrapper).launched().await;
    let mut client = Client::of(&server).await;
    client.follows(&server).await;
    no_findings(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_be_read_keeps_its_objects_and_is_named() {
    let server = prepared().launched().await;
    let mut client = Client::of(&server).await;
    // A link to itself cannot be read by anybody; permissions do not keep root out.
    let file = server.config().join(FILE);
    swap_link(&file, &file);
    let found = finding(&server, "unreadable-file").await;
    assert!(found["file"].as_str().is_some_and(|file| file.ends_with(FILE)), "{found}");
    finding(&server, "last-good-kept").await;
    let (held, removed) =
        (client.envoy.held(|held| held.has(TypeUrl::CLUSTER, CLUSTER)), client.envoy.responses());
    assert!(held && removed.iter().all(|response| response.removed.is_empty()), "{removed:?}");
    client.follows(&server).await;
    no_findings(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_cannot_be_watched_is_polled_and_that_is_said() {
    let script = "echo 0 > /proc/sys/user/max_inotify_instances && exec \"$@\"";
    let wrapper = ["unshare", "--user", "--map-root-user", "sh", "-c", script, "sh"];
    if !can("a limit of watches", &wrapper) {
        return;
    }
    let server = prepared().wrapped(wrapper).launched().await;
    let mut client = Client::of(&server).await;
    let found = finding(&server, "polling-fallback").await;
    assert!(found["help"].as_str().is_some_and(|help| help.contains("fs.inotify")), "{found}");
    assert!(server.log().contains("directory cannot be watched and is polled"), "{}", server.log());
    client.follows(&server).await;
    client.follows(&server).await;
}

/// Makes the wall clock of a process run before or behind by the seconds in a file.
const CLOCK: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    const char *name = getenv("CLOCK_STEP");
    if (result == 0 && clock == CLOCK_REALTIME && name) {
        FILE *file = fopen(name, "r");
        long step = 0;
        if (file) {
            if (fscanf(file, "%ld", &step) == 1) now->tv_sec += step;
            fclose(file);
        }
    }
    return result;
}
"#;

/// Compiles [`CLOCK`]; none if there is no compiler.
fn stepping_clock(directory: &Path) -> Option<PathBuf> {
    let (source, library) = (directory.join("clock.c"), directory.join("clock.so"));
    fs::write(&source, CLOCK).unwrap();
    let mut command = Command::new("cc");
    command.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).arg("-ldl").stdin(Stdio::null());
    match command.output() {
        Ok(output) if output.status.success() => Some(library),
        other => {
            eprintln!("skipped, as there is no C compiler: {other:?}");
            None
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_delays_and_ends_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let Some(library) = stepping_clock(directory.path()) else { return };
    let step = directory.path().join("step");
    fs::write(&step, "0").unwrap();
    let set = |name: &str, value: &Path| format!("{name}={}", value.display());
    let wrapper = ["env".to_owned(), set("LD_PRELOAD", &library), set("CLOCK_STEP", &step)];
    let server = prepared().wrapped(wrapper).launched().await;
    let mut client = Client::of(&server).await;
    for seconds in ["86400", "-86400", "3600", "0"] {
        fs::write(&step, seconds).unwrap();
        client.follows(&server).await;
        server.in_sync(1).await;
    }
    no_findings(&server).await;
    // The clock was really set: the log, which shows the time, goes back and forth.
    let days: std::collections::BTreeSet<String> =
        server.log().lines().filter_map(|line| line.split_once('T').map(|(day, _)| day.to_owned())).collect();
    assert!(days.len() >= 3, "{days:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_files_are_left_to_the_directory_however_many_connect() {
    const FILES: usize = 64;
    let script = format!("ulimit -n {FILES} && exec \"$@\"");
    let server = prepared().wrapped(["sh", "-c", &script, "sh"]).launched().await;
    assert!(server.log().contains("allows fewer connections"), "{}", server.log());
    let mut client = Client::of(&server).await;
    let mut crowd = Crowd::new(server.xds());
    crowd.join_all((0..2 * FILES).map(|i| Profile::sidecar(i, "default", Protocol::Delta)));
    let full = eventually("as many as the limit allows", WITHIN, || async {
        let connected = server.metric("pilot_xds").await;
        if connected >= 16.0 { Ok(()) } else { Err(connected) }
    });
    full.await.unwrap();
    // Whoever is in is served what the directory says now, while the others wait.
    client.follows(&server).await;
    crowd.disconnect(0..2 * FILES);
    crowd.reconnect(0..FILES / 4, None);
    crowd.wait_in_sync_of(0..FILES / 4, WITHIN).await.unwrap();
    no_findings(&server).await;
    assert!(!server.log().contains("no file descriptor is left"), "{}", server.log());
}
