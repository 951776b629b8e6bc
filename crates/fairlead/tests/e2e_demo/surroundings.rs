//! What the demo finds around it: an Envoy or none, ports that somebody has, a terminal.

use std::{
    fs,
    io::Read as _,
    os::fd::OwnedFd,
    path::Path,
    process::{Command, Output, Stdio},
};

use fairlead_lab::{deadline::eventually, envoy_binary, process::Process};
use fairlead_testkit::{
    netns::{Fabric, Pod, available},
    repository,
};
use rustix::{
    fs::{Mode, OFlags, open},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use super::RUNNING_WITHIN;

const FAIRLEAD: &str = env!("CARGO_BIN_EXE_fairlead");

/// A demo without steps that knows of no Envoy but by its arguments, its working directory and its PATH.
fn demo(here: &Path, path: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(FAIRLEAD);
    command.args(["demo", "--no-steps"]).args(arguments).current_dir(here);
    command.env_remove("FAIRLEAD_ENVOY").env("PATH", path).env("TMPDIR", here);
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

#[test]
fn without_an_envoy_the_demo_says_how_to_get_one() {
    let here = tempfile::tempdir().unwrap();
    let output = demo(here.path(), "/nowhere", &[]);
    assert_eq!(output.status.code(), Some(1));
    for hint in ["no Envoy found", "tests/tools/fetch-envoy.sh", "--envoy", "FAIRLEAD_ENVOY"] {
        assert!(said(&output).contains(hint), "{hint}: {}", said(&output));
    }
    let output = demo(here.path(), "/nowhere", &["--envoy", "/nowhere/envoy"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("--envoy names `/nowhere/envoy`"), "{}", said(&output));
    let command =
        Command::new(FAIRLEAD).arg("demo").env("FAIRLEAD_ENVOY", "/nowhere/envoy").output().unwrap();
    assert!(said(&command).contains("FAIRLEAD_ENVOY names `/nowhere/envoy`"), "{}", said(&command));
}

#[test]
fn an_envoy_is_found_by_flag_on_the_path_and_in_the_checkout_around_the_working_directory() {
    let envoy = envoy_binary::find().unwrap().canonicalize().unwrap();
    let link = |to: &Path| {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(&envoy, to).unwrap();
    };
    let here = tempfile::tempdir().unwrap();
    let output = demo(here.path(), "/bin:/usr/bin", &["--envoy", envoy.to_str().unwrap()]);
    assert!(output.status.success(), "by flag: {}", said(&output));
    link(&here.path().join("bin/envoy"));
    let path = format!("{}:/bin:/usr/bin", here.path().join("bin").display());
    let output = demo(here.path(), &path, &[]);
    assert!(output.status.success(), "on the PATH: {}", said(&output));
    let checkout = tempfile::tempdir().unwrap();
    link(&checkout.path().join("target/envoy/envoy"));
    let below = checkout.path().join("tests/tools");
    fs::create_dir_all(&below).unwrap();
    fs::write(below.join("fetch-envoy.sh"), "").unwrap();
    let output = demo(&below, "/bin:/usr/bin", &[]);
    assert!(output.status.success(), "in the checkout: {}", said(&output));
}

#[test]
fn the_place_where_it_was_built_is_not_in_the_binary() {
    // As `repository::root` has it, which is for tests.
    let repository = repository::root().as_os_str().as_encoded_bytes();
    let binary = fs::read(FAIRLEAD).unwrap();
    assert!(!binary.windows(repository.len()).any(|window| window == repository));
}

/// Something that listens at an address of a pod.
fn listener(pod: &Pod, address: &str, port: u16) -> Process {
    let script = format!(
        "import socket, sys, time
family = socket.AF_INET6 if ':' in '{address}' else socket.AF_INET
listener = socket.create_server(('{address}', {port}), family=family, dualstack_ipv6=':' in '{address}')
print('listening')
sys.stdout.flush()
time.sleep(600)"
    );
    let mut command = pod.command("python3");
    let (ours, theirs) = std::io::pipe().unwrap();
    command.args(["-c", &script]).stdin(Stdio::null()).stdout(theirs);
    let process = Process::spawn(&mut command).unwrap();
    drop(command);
    let mut said = [0; 10];
    (&ours).read_exact(&mut said).expect("it listens");
    process
}

#[test]
fn a_port_that_is_taken_is_named_before_anything_starts() {
    if let Err(why) = available() {
        return eprintln!("{why}");
    }
    let mut fabric = Fabric::new().unwrap();
    let pod = fabric.pod("demo").unwrap();
    let here = tempfile::tempdir().unwrap();
    let demo = |arguments: &[&str]| {
        let mut command = pod.command(FAIRLEAD);
        command
            .args(["demo", "--no-steps"])
            .args(arguments)
            .current_dir(here.path())
            .env("TMPDIR", here.path());
        command.env("FAIRLEAD_ENVOY", envoy_binary::find().unwrap()).output().unwrap()
    };
    for (address, port) in [("0.0.0.0", 8080), ("::", 15_014)] {
        let _listener = listener(&pod, address, port);
        let output = demo(&[]);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert_eq!(output.stdout, b"", "nothing has begun");
        assert_eq!(fs::read_dir(here.path()).unwrap().count(), 0, "nothing was made");
        let told = said(&output);
        assert!(told.contains(&format!("port {port} is taken")), "{told}");
        assert!(told.contains("--shift-ports 1000"), "{told}");
        let shifted = demo(&["--shift-ports", "1000"]);
        assert!(shifted.status.success(), "{}", said(&shifted));
    }
    // The demo has addresses of its own.
    let _listener = listener(&pod, "127.0.0.1", 8080);
    let output = demo(&[]);
    assert!(output.status.success(), "{}", said(&output));
}

/// Runs the demo on a terminal with so many columns; what it says, without colours.
async fn on_a_terminal(columns: u16) -> String {
    let here = tempfile::tempdir().unwrap();
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let theirs = open(
        ptsname(&ours, Vec::new()).unwrap(),
        OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .unwrap();
    tcsetwinsize(&ours, Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let mut command = Command::new(FAIRLEAD);
    command
        .args(["demo", "--no-steps"])
        .current_dir(here.path())
        .env("TMPDIR", here.path())
        .env("NO_COLOR", "1");
    command.env("FAIRLEAD_ENVOY", envoy_binary::find().unwrap());
    command.stdin(Stdio::null()).stdout(theirs).stderr(Stdio::null());
    let mut demo = Process::spawn(&mut command).unwrap();
    // The last end of the terminal that is not the demo's.
    drop(command);
    let reading = std::thread::spawn(move || read_terminal(ours));
    eventually("the end of the demo", RUNNING_WITHIN, || {
        let status = demo.exited().unwrap();
        async move { status.ok_or("it runs") }
    })
    .await
    .unwrap();
    reading.join().unwrap()
}

/// Reads until nobody has the terminal open any more, which is an error of reading.
fn read_terminal(terminal: OwnedFd) -> String {
    let (mut terminal, mut said) = (fs::File::from(terminal), Vec::new());
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = terminal.read(&mut buffer) {
        said.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8(said).unwrap()
}

#[tokio::test]
async fn no_line_is_wider_than_the_terminal_but_commands_and_paths() {
    let said = on_a_terminal(48).await;
    assert!(said.contains("bookstore-v1"), "{said}");
    let is_whole = |line: &str| line.starts_with("    ") || !line.trim().contains(' ');
    let wide: Vec<_> = said.lines().filter(|line| line.chars().count() > 48 && !is_whole(line)).collect();
    assert_eq!(wide, Vec::<&str>::new());
    assert!(said.lines().any(|line| line.chars().count() > 38), "lines are as long as they may be:\n{said}");
}
