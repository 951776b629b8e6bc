//! The binary as a user runs it: what it prints, and its exit codes.

mod examples;

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

const GOOD: &str = "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: cart, namespace: shop}
spec:
  hosts: [cart.example]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 10.1.1.1}]
";

const DOUBTFUL: &str = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart, namespace: shop}
spec:
  hosts: [cart.example]
  http:
  - route:
    - destination: {host: cart.example, subset: v3}
";

const WRONG: &str = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: wrong, namespace: shop}
spec:
  hosts: [cart.example]
  htttp: []
";

fn fairlead(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fairlead"));
    command.args(arguments).stdin(Stdio::null()).output().expect("the binary runs")
}

fn mesh(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (name, content) in files {
        std::fs::write(directory.path().join(name), content).expect("a file can be written");
    }
    directory
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Exit code and standard output.
fn outcome(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn analyze_ends_as_its_findings_and_threshold_say() {
    let good = mesh(&[("a.yaml", GOOD)]);
    let (code, out) = outcome(&fairlead(&["analyze", text(good.path())]));
    assert_eq!((code, out.as_str()), (Some(0), "nothing to report about 1 object\n"));

    let doubtful = mesh(&[("a.yaml", GOOD), ("b.yaml", DOUBTFUL)]);
    let (code, out) = outcome(&fairlead(&["analyze", text(doubtful.path())]));
    assert_eq!(code, Some(1), "{out}");
    assert!(
        out.starts_with(
            "warning[FL0302 unknown-subset] VirtualService shop/cart spec.http[0].route[0].destination.subset"
        ),
        "{out}"
    );
    assert!(out.contains("b.yaml:9:"), "{out}");
    let lenient = fairlead(&["analyze", text(doubtful.path()), "--failure-threshold", "error"]);
    assert_eq!(lenient.status.code(), Some(0));

    let wrong = mesh(&[("a.yaml", GOOD), ("c.yaml", WRONG)]);
    let (code, out) =
        outcome(&fairlead(&["analyze", text(wrong.path()), "--failure-threshold", "error", "-o", "json"]));
    assert_eq!(code, Some(1));
    let findings: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((&findings[0]["code"], &findings[0]["line"]), (&"FL0101".into(), &7.into()), "{findings}");
}

#[test]
fn a_field_that_costs_only_itself_is_found_at_its_own_line() {
    let rule = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata:\n  name: cart\n  labels:\n    \
                version: 1.10\nspec:\n  host: cart.example\n  subsetss: []\n";
    let mesh = mesh(&[("a.yaml", GOOD), ("b.yaml", rule)]);
    let (_, out) = outcome(&fairlead(&["analyze", text(mesh.path())]));
    assert!(out.contains("metadata.labels[version] (") && out.contains("b.yaml:6:14)"), "{out}");
    assert!(out.contains("spec.subsetss (") && out.contains("b.yaml:9:3)"), "{out}");
}

#[test]
fn a_policy_that_is_not_enforced_fails_the_analysis() {
    let policy =
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: deny-all}\nspec: {}\n";
    let mesh = mesh(&[("a.yaml", GOOD), ("b.yaml", policy)]);
    let (code, out) = outcome(&fairlead(&["analyze", text(mesh.path())]));
    assert_eq!(code, Some(1), "{out}");
    assert!(out.starts_with("warning[FL0116 not-enforced]") && out.contains("default/deny-all"), "{out}");
}

/// What `fairlead` answers to a text on its standard input.
fn fairlead_given(arguments: &[&str], given: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fairlead"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary runs");
    // What has failed already reads nothing.
    let _ = child.stdin.take().expect("it is piped").write_all(given.as_bytes());
    child.wait_with_output().expect("it ends")
}

#[test]
fn analyze_takes_files_directories_and_standard_input_together() {
    let first = mesh(&[("a.yaml", GOOD)]);
    let second = mesh(&[("b.yaml", DOUBTFUL), ("b.txt", WRONG)]);
    let (good, doubtful) = (first.path().join("a.yaml"), second.path().join("b.yaml"));
    // Either is silent about what only the other has.
    let alone = outcome(&fairlead(&["analyze", text(&good)]));
    assert_eq!(alone, (Some(0), "nothing to report about 1 object\n".to_owned()));
    let (code, out) = outcome(&fairlead(&["analyze", text(&good), text(second.path())]));
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("FL0302") && out.contains(&format!("({}:9:", text(&doubtful))), "{out}");
    assert!(out.ends_with("about 2 objects\n"), "{out}");
    // A file is read whatever it is called, and once however often it is reached.
    let (_, out) = outcome(&fairlead(&["analyze", text(&second.path().join("b.txt"))]));
    assert!(out.contains("FL0101") && out.contains("b.txt:7:"), "{out}");
    let link = first.path().join("again.yaml");
    std::os::unix::fs::symlink(&good, &link).expect("a link");
    let (code, out) =
        outcome(&fairlead(&["analyze", text(first.path()), text(&link), text(&good), text(&doubtful)]));
    assert!(code == Some(1) && out.ends_with("0 errors, 1 warning, 0 notes about 2 objects\n"), "{out}");

    let (code, out) = outcome(&fairlead_given(&["analyze", "-", text(&good)], DOUBTFUL));
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("FL0302") && out.contains("(<stdin>:9:"), "{out}");
    let output = fairlead_given(&["render", "-", "--namespace", "shop", "--only", "endpoint"], GOOD);
    assert!(outcome(&output).1.contains("cluster_name: outbound|80||cart.example"));
}

#[test]
fn nothing_to_look_at_is_a_warning() {
    let empty = mesh(&[("a.txt", GOOD), (".hidden.yaml", GOOD), ("comment.yaml", "# nothing\n")]);
    let (code, out) = outcome(&fairlead(&["analyze", text(empty.path())]));
    assert_eq!(code, Some(1), "{out}");
    assert!(out.starts_with("warning[FL0021 nothing-there] ") && out.contains("no object is in it"), "{out}");
    assert!(out.ends_with("0 errors, 1 warning, 0 notes about 0 objects\n"), "{out}");
    let lenient = fairlead(&["analyze", text(empty.path()), "--failure-threshold", "error"]);
    assert_eq!(lenient.status.code(), Some(0));
    let (code, out) = outcome(&fairlead_given(&["analyze", "-"], ""));
    assert!(code == Some(1) && out.contains("FL0021 nothing-there] <stdin>: no object"), "{out}");
    // One of two that is empty is named; something that is not read is something.
    let good = mesh(&[("a.yaml", GOOD)]);
    let (_, out) = outcome(&fairlead(&["analyze", text(good.path()), text(empty.path())]));
    assert!(
        out.contains(text(empty.path())) && out.ends_with("1 warning, 0 notes about 1 object\n"),
        "{out}"
    );
    let other = mesh(&[("a.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n")]);
    let (code, out) = outcome(&fairlead(&["analyze", text(other.path())]));
    assert!(code == Some(0) && !out.contains("FL0021"), "{out}");
}

#[test]
fn a_path_that_is_not_there_is_wrong_usage() {
    for command in ["analyze", "render"] {
        let output = fairlead(&[command, "/nonexistent/directory"]);
        assert_eq!(output.status.code(), Some(2), "{command}");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains("/nonexistent/directory"), "{error}");
    }
}

#[test]
fn a_server_that_is_not_there_is_unreachable() {
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|l| l.local_addr())
        .expect("a free port")
        .to_string();
    for command in [vec!["ps"], vec!["pc", "route", "web.shop"], vec!["explain", "web.shop"]] {
        let arguments: Vec<_> = command.iter().copied().chain(["--server", &nowhere]).collect();
        let output = fairlead(&arguments);
        assert_eq!(output.status.code(), Some(3), "{command:?}");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains("is `fairlead serve` running"), "{error}");
    }
}

#[test]
fn render_prints_what_a_proxy_would_be_sent() {
    let good = mesh(&[("a.yaml", GOOD)]);
    let (code, out) =
        outcome(&fairlead(&["render", text(good.path()), "--namespace", "shop", "--only", "endpoint"]));
    assert_eq!(code, Some(0));
    assert!(out.contains("cluster_name: outbound|80||cart.example"), "{out}");
    assert!(out.contains("address: 10.1.1.1"), "{out}");
    assert!(!out.contains("CDS:"), "{out}");
}

#[test]
fn render_says_on_standard_error_what_is_wrong() {
    let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let wrong = mesh(&[("a.yaml", GOOD), ("b.yaml", WRONG), ("c.yaml", "kind: [")]);
    let output = fairlead(&["render", text(wrong.path()), "--namespace", "shop", "--only", "endpoint"]);
    let (code, out) = outcome(&output);
    assert_eq!(code, Some(1));
    assert!(out.contains("cluster_name: outbound|80||cart.example"), "what is right is printed: {out}");
    let errors = said(&output);
    assert!(errors.contains("error[FL0101") && errors.contains("b.yaml:7:"), "{errors}");
    assert!(errors.contains("c.yaml:1:"), "{errors}");

    let broken = mesh(&[("a.yaml", "kind: [")]);
    let output = fairlead(&["render", text(broken.path())]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("a.yaml:1:"), "{}", said(&output));

    let empty = mesh(&[("a.txt", GOOD)]);
    for is_static in [&[][..], &["--static"]] {
        let output = fairlead(&[&["render", text(empty.path())], is_static].concat());
        assert_eq!(outcome(&output), (Some(2), String::new()));
        assert!(said(&output).contains("there is no object in /"), "{}", said(&output));
    }
    let output = fairlead(&["render", text(wrong.path()), "--type", "gateway", "--static"]);
    assert!(said(&output).contains("has no listener: no Gateway selects it"), "{}", said(&output));
    let doubtful = mesh(&[("a.yaml", GOOD), ("b.yaml", DOUBTFUL)]);
    let output = fairlead(&["render", text(doubtful.path())]);
    assert_eq!((output.status.code(), said(&output)), (Some(0), String::new()), "a warning is for analyze");
}

#[test]
fn settings_are_printed_with_the_flags_over_them() {
    let (code, out) =
        outcome(&fairlead(&["serve", "--print-config", "--config-dir", "x", "--domain", "mesh.test"]));
    assert_eq!(code, Some(0));
    assert!(out.contains("configDir: x\n") && out.contains("domain: mesh.test\n"), "{out}");
}

#[test]
fn settings_that_cannot_be_used_are_wrong_usage() {
    let good = mesh(&[("a.yaml", GOOD)]);
    let settings =
        mesh(&[("levels.yaml", "log: {level: inof}\n"), ("bind.yaml", "xds: {bind: \":15010\"}\n")]);
    let (levels, bind) = (settings.path().join("levels.yaml"), settings.path().join("bind.yaml"));
    for (arguments, expected) in [
        (&["--config-dir", "/nonexistent"][..], "open `/nonexistent`"),
        (&["--config-dir", text(&good.path().join("a.yaml"))], "is not a directory"),
        (&["--config", "/nonexistent.yaml"], "cannot read /nonexistent.yaml"),
        (&["--config-dir", text(good.path()), "--log-level", "inof"], "did you mean `info`?"),
        (
            &["--config-dir", text(good.path()), "--config", text(&levels)],
            "levels.yaml:1:14: log.level: `inof`",
        ),
        (
            &["--config-dir", text(good.path()), "--config", text(&bind)],
            "write 127.0.0.1:15010 for this machine",
        ),
        (&["--config-dir", text(good.path()), "--admin-bind", ":1"], "write 127.0.0.1:1 for this machine"),
    ] {
        let places = ["--xds-bind", "localhost:0", "--admin-bind", "localhost:0"];
        let places = if arguments.contains(&"--admin-bind") { &places[..2] } else { &places[..] };
        let places = if arguments.contains(&text(&bind)) { &[] } else { places };
        let output = fairlead(&[&["serve"], arguments, places].concat());
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
}

#[test]
fn serve_ends_well_after_a_signal() {
    let good = mesh(&[("a.yaml", GOOD)]);
    let mut serve = Command::new(env!("CARGO_BIN_EXE_fairlead"))
        .args(["serve", "--xds-bind", "127.0.0.1:0", "--admin-bind", "127.0.0.1:0", "--log-format", "json"])
        .args(["--config-dir", text(good.path())])
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut log = BufReader::new(serve.stderr.take().expect("it is piped")).lines();
    let ready =
        log.by_ref().map_while(Result::ok).find(|line| line.contains("the first configuration is ready"));
    let line: serde_json::Value = serde_json::from_str(&ready.expect("it becomes ready")).expect("JSON");
    assert_eq!(line["objects"], 1);
    let killed = Command::new("kill").args(["-TERM", &serve.id().to_string()]).status().expect("kill runs");
    assert!(killed.success());
    assert!(log.map_while(Result::ok).any(|line| line.contains("shutting down")));
    assert_eq!(serve.wait().expect("it ends").code(), Some(0));
}

#[test]
fn what_is_refused_is_not_called_absent() {
    const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: {name: reviews, namespace: shop}
spec: {clusterIP: 10.96.0.1, ports: [{name: http, port: '80'}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews, namespace: shop}
spec: {hosts: [reviews], http: [{route: [{destination: {host: reviews}}]}]}
";
    let directory = mesh(&[("a.yaml", SERVICE)]);
    let (code, out) = outcome(&fairlead(&["analyze", text(directory.path())]));
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("FL0109"), "the Service is refused: {out}");
    assert!(out.contains("no service has the host `reviews.shop.svc.cluster.local`"), "{out}");
    assert!(out.contains("Service shop/reviews is refused for its errors"), "{out}");
}
