use std::{io::Read, os::unix::process::ExitStatusExt};

use super::*;

fn sh(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]);
    command
}

fn is_running(id: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn ends(id: u32) -> bool {
    let started = Instant::now();
    while is_running(id) && started.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(INTERVAL);
    }
    !is_running(id)
}

#[test]
fn dropping_ends_the_process_and_its_children() {
    let mut process = Process::spawn(sh("sleep 300 & echo $!; wait").stdout(Stdio::piped())).unwrap();
    let mut line = [0; 32];
    let n = process.child.stdout.as_mut().unwrap().read(&mut line).unwrap();
    let grandchild: u32 = std::str::from_utf8(&line[..n]).unwrap().trim().parse().unwrap();
    assert!(is_running(grandchild));
    let id = process.id();
    drop(process);
    assert!(ends(id));
    assert!(ends(grandchild));
}

#[test]
fn a_process_that_ignores_sigterm_is_killed() {
    let mut process =
        Process::spawn(sh("trap '' TERM; echo ready; while :; do sleep 0.05; done").stdout(Stdio::piped()))
            .unwrap();
    process.child.stdout.as_mut().unwrap().read_exact(&mut [0; 5]).unwrap();
    assert_eq!(process.stop().unwrap().signal(), Some(9));
}

#[test]
fn an_exit_status_is_kept() {
    let mut process = Process::spawn(&mut sh("exit 3")).unwrap();
    let started = Instant::now();
    while process.exited().unwrap().is_none() && started.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(INTERVAL);
    }
    assert_eq!(process.stop().unwrap().code(), Some(3));
}

#[test]
fn the_watchdog_kills_when_its_pipe_closes() {
    let mut child = sh("exec sleep 300").process_group(0).spawn().unwrap();
    let mut watchdog = Watchdog::over(child.id()).unwrap();
    drop(watchdog.0.stdin.take());
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    watchdog.0.wait().unwrap();
}

#[test]
fn a_dismissed_watchdog_kills_nobody() {
    let mut child = sh("exec sleep 300").process_group(0).spawn().unwrap();
    Watchdog::over(child.id()).unwrap().dismiss();
    assert!(child.try_wait().unwrap().is_none());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_watched_directory_vanishes_when_the_pipe_closes() {
    let parent = tempfile::tempdir().unwrap();
    let watched = parent.path().join("a directory");
    std::fs::create_dir_all(watched.join("with/another")).unwrap();
    let mut watchdog = Watchdog::over_directory(&watched).unwrap();
    drop(watchdog.0.stdin.take());
    watchdog.0.wait().unwrap();
    assert!(!watched.exists());
}

#[test]
fn a_dismissed_watchdog_removes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    Watchdog::over_directory(directory.path()).unwrap().dismiss();
    assert!(directory.path().is_dir());
}
