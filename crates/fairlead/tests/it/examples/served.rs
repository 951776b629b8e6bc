//! Examples of what only a server says, about a change.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use super::page;

/// What is done to the directory of a server that is ready.
type Edit = fn(&Path);

/// The code, the page's paragraph, and the edit that leads to it.
pub(super) const EXAMPLES: &[(&str, &str, Edit)] = &[
    ("FL0016", "Example: a typo in a VirtualService that was valid before.", typo),
    (
        "FL0330",
        "Example: the subset `v1` is removed from the DestinationRule, and the VirtualService still sends 10% of the requests there.",
        remove_the_subset,
    ),
    (
        "FL0331",
        "Example: a VirtualService sends requests to the subset `v2`, and the DestinationRule that defines it comes a minute later.",
        route_to_v2,
    ),
];

const FOUND_WITHIN: Duration = Duration::from_secs(30);

#[test]
fn a_server_says_what_only_it_can_know() {
    let page = page();
    for (code, sentence, edit) in EXAMPLES {
        assert_eq!(
            page.get(*code).map(String::as_str),
            Some(*sentence),
            "{code}: the page has another example"
        );
        let directory = tempfile::tempdir().expect("a temporary directory");
        write(directory.path(), "rule.yaml", &rule(&["v1"]));
        write(directory.path(), "routes.yaml", &routes("v1"));
        let server = Server::start(directory.path());
        server.wait_for("the first configuration is ready");
        edit(directory.path());
        server.wait_for(code);
    }
}

/// A server, until this is dropped, and its log.
struct Server {
    process: Child,
    log: Receiver<String>,
}

impl Server {
    fn start(directory: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fairlead"));
        command.args(["serve", "--xds-bind", "127.0.0.1:0", "--admin-bind", "127.0.0.1:0"]);
        command.args(["--config-dir", crate::text(directory)]).stderr(Stdio::piped());
        let mut process = command.spawn().expect("the binary runs");
        let lines = BufReader::new(process.stderr.take().expect("it is piped")).lines();
        let (sender, log) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                // Nobody listens any more.
                let _ = sender.send(line);
            }
        });
        Self { process, log }
    }

    fn wait_for(&self, what: &str) {
        let deadline = Instant::now() + FOUND_WITHIN;
        let mut read = Vec::new();
        while let Ok(line) = self.log.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            read.push(line);
            if read.last().is_some_and(|line| line.contains(what)) {
                return;
            }
        }
        panic!("no {what:?} in the log:\n{}", read.join("\n"));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn write(directory: &Path, name: &str, text: &str) {
    std::fs::write(directory.join(name), text).expect("a file can be written");
}

fn rule(versions: &[&str]) -> String {
    let subset = |version: &&str| format!("{{name: {version}, labels: {{version: {version}}}}}");
    let subsets = versions.iter().map(subset).collect::<Vec<_>>().join(", ");
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: cart}\nspec: {clusterIP: 10.96.0.1, ports: [{name: http, port: 80}]}\n---\n";
    format!(
        "{service}apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: cart}}\nspec:\n  host: cart\n  subsets: [{subsets}]\n"
    )
}

fn routes(subset: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: cart}}\nspec:\n  hosts: [cart]\n  http:\n  - route:\n    - {{destination: {{host: cart}}, weight: 90}}\n    - {{destination: {{host: cart, subset: {subset}}}, weight: 10}}\n"
    )
}

fn typo(directory: &Path) {
    write(directory, "routes.yaml", &routes("v1").replace("http:", "htttp:"));
}

fn remove_the_subset(directory: &Path) {
    write(directory, "rule.yaml", &rule(&["v0"]));
}

fn route_to_v2(directory: &Path) {
    write(directory, "routes.yaml", &routes("v2"));
}
