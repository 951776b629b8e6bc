//! `fairlead demo` and the steps of the README as a user takes them: each ends well, and nothing stays behind.

#![expect(clippy::unwrap_used, reason = "all of this is test code, its helper functions too")]

mod next;
mod readme;
mod surroundings;

use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use fairlead_lab::{deadline::eventually, envoy_binary, process::Process};
use rustix::process::Signal;

/// How long the whole demo may take. It takes half a minute on two idle cores.
const DEMO_WITHIN: Duration = Duration::from_secs(240);
/// How long it may take until all Envoys run, on a busy machine.
const RUNNING_WITHIN: Duration = Duration::from_secs(90);
/// How long what a killed demo has started may outlive it.
const GONE_WITHIN: Duration = Duration::from_secs(20);
/// How long the end may take.
const ENDED_WITHIN: Duration = Duration::from_secs(20);

/// A demo whose temporary files are all in one directory.
struct Demo {
    process: Process,
    temporary: tempfile::TempDir,
}

impl Demo {
    fn start(arguments: &[&str]) -> Self {
        Self::start_at(None, arguments)
    }

    /// Starts it in the directory in which another one was started.
    fn start_in(other: &Self, arguments: &[&str]) -> Self {
        Self::start_at(Some(other.here()), arguments)
    }

    fn start_at(here: Option<&Path>, arguments: &[&str]) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        fs::create_dir(temporary.path().join("tmp")).unwrap();
        let output = File::create(temporary.path().join("output")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_fairlead"));
        command.arg("demo").args(arguments);
        command.env("TMPDIR", temporary.path().join("tmp"));
        command.env("FAIRLEAD_ENVOY", envoy_binary::find().expect("an Envoy"));
        command.current_dir(here.unwrap_or(temporary.path()));
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        Self { process: Process::spawn(&mut command).unwrap(), temporary }
    }

    /// The directory that it was started in.
    fn here(&self) -> &Path {
        self.temporary.path()
    }

    fn output(&self) -> String {
        fs::read_to_string(self.temporary.path().join("output")).unwrap()
    }

    /// Waits for the end; the exit code.
    async fn ended(&mut self, within: Duration) -> Option<i32> {
        let Self { process, temporary } = self;
        let status = eventually("the end of the demo", within, || {
            let status = process.exited();
            async move { status.map_err(|error| error.to_string())?.ok_or_else(|| "it runs".to_owned()) }
        });
        let output = || fs::read_to_string(temporary.path().join("output")).unwrap();
        status.await.unwrap_or_else(|error| panic!("{error}\n{}", output())).code()
    }

    /// Waits until it says `text`.
    async fn said(&mut self, text: &str, within: Duration) {
        let found = eventually(text, within, || {
            let said = self.output();
            let ended = self.process.exited();
            async move {
                match ended {
                    _ if said.contains(text) => Ok(()),
                    Ok(Some(status)) => panic!("{status}\n{said}"),
                    _ => Err(said),
                }
            }
        });
        found.await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Fails if a file or a process of the demo is still there a moment after its end.
    async fn left_nothing(&self) {
        let tmp = self.temporary.path().join("tmp");
        let gone = eventually("nothing is left", GONE_WITHIN, || {
            let files = fs::read_dir(&tmp).unwrap().map(|entry| entry.unwrap().path().display().to_string());
            let left: Vec<_> = files.chain(processes_naming(&tmp)).collect();
            async move { if left.is_empty() { Ok(()) } else { Err(left.join("\n")) } }
        });
        gone.await.unwrap_or_else(|error| panic!("{error}\n{}", self.output()));
    }
}

/// The command lines of the processes that name a path.
fn processes_naming(path: &Path) -> Vec<String> {
    let path = path.to_str().unwrap();
    let command_line = |entry: fs::DirEntry| fs::read(entry.path().join("cmdline")).ok();
    let all = fs::read_dir("/proc").unwrap().filter_map(|entry| command_line(entry.unwrap()));
    all.map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " "))
        .filter(|line| line.contains(path))
        .collect()
}

#[tokio::test]
async fn every_step_of_the_demo_ends_well() {
    let mut demo = Demo::start(&[]);
    let code = demo.ended(DEMO_WITHIN).await;
    let output = demo.output();
    assert_eq!(code, Some(0), "{output}");
    assert!(output.contains("13 of 13 steps ✓"), "{output}");
    assert!(!output.contains('✗'), "{output}");
    assert!(!output.contains('\x1b'), "colours without a terminal:\n{output}");
    demo.left_nothing().await;
}

#[tokio::test]
async fn a_kept_demo_runs_until_it_is_interrupted_and_leaves_its_directory() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("mesh");
    let mut demo = Demo::start(&["--keep", "--no-steps", "--dir", directory.to_str().unwrap()]);
    demo.said("The mesh keeps running", RUNNING_WITHIN).await;
    demo.process.signal(Signal::INT).unwrap();
    assert_eq!(demo.ended(ENDED_WITHIN).await, Some(0), "{}", demo.output());
    demo.left_nothing().await;
    assert!(directory.join("gateway.yaml").is_file());
}

#[tokio::test]
async fn a_demo_that_gets_a_signal_ends_in_order_and_leaves_nothing() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let mut demo = Demo::start(&[]);
        demo.said("starting", RUNNING_WITHIN).await;
        demo.process.signal(signal).unwrap();
        assert_eq!(demo.ended(ENDED_WITHIN).await, Some(code), "{signal:?}: {}", demo.output());
        demo.left_nothing().await;
    }
}

#[tokio::test]
async fn a_demo_that_is_killed_leaves_nothing() {
    let mut demo = Demo::start(&["--keep", "--no-steps"]);
    demo.said("The mesh keeps running", RUNNING_WITHIN).await;
    let tmp = demo.temporary.path().join("tmp");
    assert!(
        processes_naming(&tmp).len() >= 8,
        "the Envoys are known by their files: {:?}",
        processes_naming(&tmp)
    );
    // The one process, not its group: as `kill -9` does, and the kernel when memory is short.
    let id = rustix::process::Pid::from_raw(demo.process.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(id, Signal::KILL).unwrap();
    assert_eq!(demo.ended(ENDED_WITHIN).await, None, "{}", demo.output());
    demo.left_nothing().await;
}

#[tokio::test]
async fn a_directory_with_files_is_not_taken() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("mine.yaml"), "").unwrap();
    let mut demo = Demo::start(&["--dir", directory.path().to_str().unwrap()]);
    assert_eq!(demo.ended(ENDED_WITHIN).await, Some(2), "{}", demo.output());
    assert!(demo.output().contains("is not empty"), "{}", demo.output());
    demo.left_nothing().await;
}
