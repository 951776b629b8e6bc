//! A server in a process of its own, so that its memory can be looked at.
//!
//! The process is this test binary again, running the one test that serves.

use std::{
    fs,
    io::{BufRead, BufReader, Lines, Read},
    net::SocketAddr,
    process::{Child as Process, ChildStdin, ChildStdout, Command, Stdio},
};

use crate::world::{Limits, World};

/// Tells the test that serves that it is wanted.
const WORD: &str = "serve-for-transport-rows";

/// The size of one cluster, and of all: what a client is owed that does not read.
pub(crate) const CLUSTERS: usize = 32;
const CLUSTER_BYTES: usize = 64 << 10;

/// The largest request that the server takes.
pub(crate) const MAX_REQUEST_BYTES: usize = 1 << 20;

/// The server; it ends with this value.
pub(crate) struct Child {
    pub(crate) address: SocketAddr,
    process: Process,
    /// The server ends when this is closed.
    _stdin: ChildStdin,
    /// Nobody reads on, but the test harness over there must be able to say that the test takes long.
    _stdout: Lines<BufReader<ChildStdout>>,
}

impl Child {
    pub(crate) fn start() -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", "child::serves", WORD])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdin = process.stdin.take().unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = stdout
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.split_once("serving ")?.1.parse().ok())
            .expect("the server tells its address");
        Self { address, process, _stdin: stdin, _stdout: stdout }
    }

    /// Its memory in KiB: now, and at the most since the last call of [`Child::forget_peak`].
    pub(crate) fn memory(&self) -> (u64, u64) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line of the status");
            line.trim().trim_end_matches(" kB").parse().unwrap()
        };
        (field("VmRSS:"), field("VmHWM:"))
    }

    pub(crate) fn forget_peak(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.process.id()), "5").unwrap();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Gone already, or ended here; either is well.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[test]
#[ignore = "the server of the transport rows, which start it"]
fn serves() {
    if !std::env::args().any(|argument| argument == WORD) {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let world = runtime.block_on(async {
        let mut limits = Limits::default();
        limits.server.max_request_bytes = MAX_REQUEST_BYTES;
        let mut world = World::start(limits).await;
        let content = "x".repeat(CLUSTER_BYTES);
        let clusters: Vec<_> = (0..CLUSTERS).map(|i| format!("c{i}={content}")).collect();
        world.publish(&format!("CDS {} LDS x=1", clusters.join(" ")));
        world
    });
    println!("serving {}", world.address);
    drop(std::io::stdin().read_to_end(&mut Vec::new()));
}
