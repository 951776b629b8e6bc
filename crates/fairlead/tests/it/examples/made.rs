//! Examples that are no files of the repository: too large for it, or no files at all.

use std::{fmt::Write as _, fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use super::{codes, codes_of, page};

/// Makes an example in a directory.
type Make = fn(&Path);

/// The code, the page's paragraph, and what makes it.
pub(super) const EXAMPLES: &[(&str, &str, Make)] = &[
    ("FL0001", "Example: a file without read permission for the user Fairlead runs as.", unreadable),
    ("FL0006", "Example: a file with all manifests of a large cluster in one document.", all_manifests),
    ("FL0008", "Example: a `List` of a hundred thousand objects.", many_objects),
    ("FL0018", "Example: `configuration/all`, a link to `/`.", link),
    ("FL0019", "Example: a directory into which logs are written.", logs),
    ("FL0020", "Example: a `List` of thousands of objects with the same misspelt field.", many_misspelt),
    ("FL0216", "Example: a whole page with pictures under `body:`.", page_with_pictures),
    ("FL0245", "Example: a ServiceEntry with 1,000 hosts, 100 ports and 1,000 endpoints.", combinations),
    (
        "FL0334",
        "Example: a `tls` match with 300 `destinationSubnets` on a port with 1,000 server names.",
        ranges_and_names,
    ),
    (
        "FL0335",
        "Example: 1,000 ServiceEntries with `workloadSelector: {labels: {app: db}}`, beside 1,000 WorkloadEntries with that label.",
        services_of_the_same_workloads,
    ),
];

#[test]
fn each_example_that_is_made_has_its_code_in_the_answer() {
    let page = page();
    let mut wrong = Vec::new();
    for (code, sentence, make) in EXAMPLES {
        assert_eq!(
            page.get(*code).map(String::as_str),
            Some(*sentence),
            "{code}: the page has another example"
        );
        let directory = tempfile::tempdir().expect("a temporary directory");
        make(directory.path());
        let found = if *code == "FL0001" {
            codes_of(&unprivileged(directory.path()), directory.path())
        } else {
            codes(directory.path())
        };
        if !found.contains(*code) {
            wrong.push(format!("{code} is not in the answer: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `fairlead analyze` without the power to read everything: in a user namespace not even root has it.
fn unprivileged(directory: &Path) -> std::process::Output {
    let arguments = ["analyze", crate::text(directory), "--output", "json"];
    let possible = Command::new("unshare").args(["--user", "true"]).status();
    if !possible.is_ok_and(|status| status.success()) {
        return crate::fairlead(&arguments);
    }
    let mut command = Command::new("unshare");
    command.args(["--user", env!("CARGO_BIN_EXE_fairlead")]).args(arguments);
    command.output().expect("it ran before")
}

fn write(path: impl AsRef<Path>, text: impl AsRef<[u8]>) {
    fs::write(path, text).expect("a file can be written");
}

fn unreadable(directory: &Path) {
    let file = directory.join("a.yaml");
    write(&file, "{}");
    fs::set_permissions(file, fs::Permissions::from_mode(0o000)).expect("permissions can be set");
}

/// A list of so many objects, each made from its number.
fn list(count: usize, object: impl Fn(usize) -> String) -> String {
    let mut text = "apiVersion: v1\nkind: List\nitems:\n".to_owned();
    for number in 0..count {
        writeln!(text, "- {}", object(number)).expect("a text takes everything");
    }
    text
}

fn all_manifests(directory: &Path) {
    let note = "x".repeat(1000);
    let object = |number| {
        format!(
            "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: c{number}, annotations: {{note: {note}}}}}}}"
        )
    };
    write(directory.join("cluster.yaml"), list(8500, object));
}

fn many_objects(directory: &Path) {
    write(
        directory.join("list.yaml"),
        list(100_000, |number| format!("{{apiVersion: v1, kind: Pod, metadata: {{name: p{number}}}}}")),
    );
}

fn link(directory: &Path) {
    std::os::unix::fs::symlink("/", directory.join("all")).expect("a link can be made");
}

/// More than a directory may hold, although nobody writes a gibibyte of logs for a test: sparse files.
fn logs(directory: &Path) {
    for number in 0..20 {
        let file =
            fs::File::create(directory.join(format!("log-{number:02}.json"))).expect("a file can be made");
        file.set_len(64 << 20).expect("a sparse file");
    }
}

fn many_misspelt(directory: &Path) {
    let object = |number| {
        format!(
            "{{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {{name: d{number}}}, spec: {{host: cart, subsetss: []}}}}"
        )
    };
    write(directory.join("list.yaml"), list(3000, object));
}

fn page_with_pictures(directory: &Path) {
    let text = format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: page}}\nspec:\n  hosts: [cart]\n  http:\n  - directResponse:\n      status: 200\n      body:\n        string: \"<img src=data:{}>\"\n",
        "A".repeat(1 << 20)
    );
    write(directory.join("page.yaml"), text);
}

fn joined(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(", ")
}

fn combinations(directory: &Path) {
    let hosts = joined(1000, |number| format!("h{number}.example.com"));
    let ports =
        joined(100, |number| format!("{{number: {}, name: http-{number}, protocol: HTTP}}", 8000 + number));
    let endpoints = joined(1000, |number| format!("{{address: 10.1.{}.{}}}", number / 250, 1 + number % 250));
    let text = format!(
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: many}}\nspec:\n  hosts: [{hosts}]\n  ports: [{ports}]\n  resolution: STATIC\n  endpoints: [{endpoints}]\n"
    );
    write(directory.join("many.yaml"), text);
}

fn ranges_and_names(directory: &Path) {
    let names = joined(1000, |number| format!("n{number}.example.com"));
    let subnets = joined(300, |number| format!("10.{}.{}.0/24", 1 + number / 250, number % 250));
    let text = format!(
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: names}}\nspec:\n  hosts: [{names}]\n  ports: [{{number: 443, name: tls, protocol: TLS}}]\n  resolution: DNS\n---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: ranges}}\nspec:\n  hosts: [n0.example.com]\n  tls:\n  - match: [{{port: 443, sniHosts: [n0.example.com], destinationSubnets: [{subnets}]}}]\n    route: [{{destination: {{host: n1.example.com}}}}]\n"
    );
    write(directory.join("ranges.yaml"), text);
}

fn services_of_the_same_workloads(directory: &Path) {
    let service = |number| {
        format!(
            "{{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {{name: s{number}}}, spec: {{hosts: [s{number}.example.com], ports: [{{number: 80, name: http, protocol: HTTP}}], resolution: STATIC, location: MESH_INTERNAL, workloadSelector: {{labels: {{app: db}}}}}}}}"
        )
    };
    let workload = |number| {
        format!(
            "{{apiVersion: networking.istio.io/v1, kind: WorkloadEntry, metadata: {{name: w{number}}}, spec: {{address: 10.1.{}.{}, labels: {{app: db}}}}}}",
            number / 250,
            1 + number % 250
        )
    };
    write(directory.join("services.yaml"), list(1000, service));
    write(directory.join("workloads.yaml"), list(1000, workload));
}
