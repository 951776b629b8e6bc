//! The steps of the README, word for word, to the first request through one's own Envoy.
//!
//! They are taken in a network namespace, as they name the usual ports. What is built before them is this build's
//! binary and the Envoy that other tests use; `make` is only asked whether it knows its targets.

use std::{
    fs::{self, File},
    path::Path,
    process::Stdio,
    time::Duration,
};

use fairlead_lab::{deadline::eventually, envoy_binary, process::Process};
use fairlead_testkit::{
    netns::{Fabric, Pod, available},
    repository,
};

/// How long a step may take that waits for another.
const WITHIN: Duration = Duration::from_secs(60);

/// What the request at the end is answered.
const ANSWER: &str = "hello\n";

/// The commands of the `sh` blocks in a section of a page, in order. A text for `cat` belongs to its command.
fn commands(page: &str, section: &str) -> Vec<String> {
    let (_, page) = page.split_once(&format!("\n## {section}\n")).expect("the section is there");
    let section = page.split("\n## ").next().unwrap();
    let (mut commands, mut in_block, mut in_text) = (Vec::<String>::new(), false, false);
    for line in section.lines() {
        if line.starts_with("```") {
            in_block = line == "```sh";
        } else if in_text {
            let command = commands.last_mut().unwrap();
            *command = format!("{command}\n{line}");
            in_text = line != "END";
        } else if in_block {
            in_text = line.ends_with("<<'END'");
            commands.push(line.to_owned());
        }
    }
    commands
}

/// Whether a command goes on until somebody ends it, so that the next one needs another terminal.
fn goes_on(command: &str) -> bool {
    ["fairlead serve ", "envoy -c ", "http.server "].iter().any(|part| command.contains(part))
}

/// Whether a command says what the README lets one expect.
fn is_as_told(page: &str, command: &str, said: &str) -> bool {
    match command {
        _ if command.contains(" proxy-config ") => page.contains(&format!("```text\n{said}```\n")),
        _ if command.starts_with("curl ") => said == ANSWER,
        _ if command.ends_with(" proxy-status") => {
            said.contains("proxy-1.default") && said.contains("SYNCED")
        }
        _ if command.contains(" analyze ") => said.contains("nothing to report"),
        _ => true,
    }
}

/// Someone who has a fresh clone, and takes the steps.
struct Reader {
    pod: Pod,
    clone: tempfile::TempDir,
    /// What goes on in other terminals.
    terminals: Vec<Process>,
    makefile: String,
    page: String,
}

impl Reader {
    fn new(pod: Pod, page: &str) -> Self {
        let clone = tempfile::tempdir().unwrap();
        let built = |from: &Path, to: &str| {
            let to = clone.path().join(to);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(from.canonicalize().unwrap(), to).unwrap();
        };
        built(Path::new(env!("CARGO_BIN_EXE_fairlead")), "target/release/fairlead");
        built(&envoy_binary::find().unwrap(), "target/envoy/envoy");
        let makefile = fs::read_to_string(repository::root().join("Makefile")).unwrap();
        Self { pod, clone, terminals: Vec::new(), makefile, page: page.to_owned() }
    }

    async fn takes(&mut self, step: &str) {
        if let Some(target) = step.strip_prefix("make ") {
            assert!(self.makefile.contains(&format!("\n{target}: ")), "{step}");
        } else if goes_on(step) {
            self.starts(step);
        } else {
            // A reader is slower than what goes on in other terminals, and tries again.
            let said = eventually(step, WITHIN, || async {
                let said = self.runs(step)?;
                if is_as_told(&self.page, step, &said) { Ok(()) } else { Err(said) }
            });
            said.await.unwrap_or_else(|error| panic!("{error}\n{}", self.logs()));
        }
    }

    fn starts(&mut self, step: &str) {
        let log = File::create(self.clone.path().join(format!("terminal-{}", self.terminals.len()))).unwrap();
        let mut command = self.pod.command("sh");
        command.args(["-c", &format!("exec {step}")]).current_dir(self.clone.path());
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.terminals.push(Process::spawn(&mut command).unwrap());
    }

    fn runs(&self, step: &str) -> Result<String, String> {
        let mut command = self.pod.command("sh");
        command.args(["-c", step]).current_dir(self.clone.path()).stdin(Stdio::null());
        let output = command.output().unwrap();
        let (said, complained) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if output.status.success() {
            Ok(said.into_owned())
        } else {
            Err(format!("{}: {said}{complained}", output.status))
        }
    }

    fn logs(&self) -> String {
        let log = |n| fs::read_to_string(self.clone.path().join(format!("terminal-{n}"))).unwrap_or_default();
        (0..self.terminals.len()).map(log).collect::<Vec<_>>().join("\n--\n")
    }
}

#[tokio::test]
async fn the_steps_of_the_readme_end_with_a_request_through_ones_own_envoy() {
    if let Err(why) = available() {
        return eprintln!("{why}");
    }
    let page = fs::read_to_string(repository::root().join("README.md")).unwrap();
    let steps = commands(&page, "Five minutes");
    let mut fabric = Fabric::new().unwrap();
    let mut reader = Reader::new(fabric.pod("reader").unwrap(), &page);
    for step in &steps {
        reader.takes(step).await;
    }
    assert_eq!(reader.terminals.len(), 3, "a server, an Envoy, and something that answers: {steps:?}");
    for step in ["analyze", "proxy-status", "curl", "proxy-config route"] {
        assert!(steps.iter().any(|taken| taken.contains(step)), "{step}: {steps:?}");
    }
    // What is only told in a sentence.
    let told = "curl -i http://127.0.0.1:8080/private";
    assert!(page.contains(&format!("`{told}` gets a 403")));
    let answer = reader.runs(told).unwrap();
    assert!(answer.contains("403"), "{answer}");
}
