//! The form of a scenario's files.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use fairlead_testkit::repository;
use serde::Deserialize;

/// One scenario.
pub(crate) struct Scenario {
    /// The name of its directory.
    pub(crate) name: String,
    /// The objects, as YAML. `${POD_IP}` stands for the address of the proxy's workload.
    pub(crate) objects: String,
    /// The objects that there were before, in `before.yaml`: the proxy has them when these come.
    pub(crate) before: Option<String>,
    /// What is expected of them.
    pub(crate) file: File,
}

/// `requests.yaml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct File {
    /// What is right, and by which documentation.
    pub(crate) why: String,
    /// Which proxy the requests meet.
    #[serde(default)]
    pub(crate) proxy: Proxy,
    /// The proxy's namespace: `default`, or `istio-system` for a gateway, if there is none.
    pub(crate) namespace: Option<String>,
    /// The labels of its workload: `app: client`, or `istio: ingressgateway` for a gateway, if there are none.
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
    /// The variants of the protocol that it is played with.
    #[serde(default = "delta")]
    pub(crate) protocols: Vec<String>,
    /// The requests.
    #[serde(default)]
    pub(crate) requests: Vec<Request>,
    /// The codes that `fairlead analyze` must report. No other error may be there.
    #[serde(default)]
    pub(crate) findings: Vec<String>,
    /// Codes that it must not report.
    #[serde(default)]
    pub(crate) no_findings: Vec<String>,
    /// Whether Envoy may reject something.
    #[serde(default)]
    pub(crate) rejected: bool,
}

/// Which proxy the requests meet.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Proxy {
    /// The sidecar of the caller: its connections are intercepted.
    #[default]
    Sidecar,
    /// A gateway that is called at its own address.
    Gateway,
    /// The sidecar of the workload that is called, by a caller without one.
    Inbound,
}

/// One request and what becomes of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Request {
    /// `<address>:<port>`; without an address, that of the proxy's workload.
    pub(crate) to: String,
    /// The `Host` header; the address if there is none.
    pub(crate) host: Option<String>,
    /// The server name of TLS; empty for TLS without one. Plaintext if there is none.
    pub(crate) tls: Option<String>,
    /// Bytes instead of HTTP: `true` or `client` sends a line and reads one, `server` only reads one.
    pub(crate) tcp: Option<Tcp>,
    /// The path; or a whole URL, as a proxy is asked.
    #[serde(default = "root")]
    pub(crate) path: String,
    /// The method.
    pub(crate) method: Option<String>,
    /// Headers.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// What becomes of it.
    pub(crate) expect: Expect,
}

/// Who speaks first in plain TCP.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(untagged)]
pub(crate) enum Tcp {
    /// As the flag says.
    Flag(bool),
    /// One of the two.
    First(First),
}

/// Who speaks first.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(crate) enum First {
    /// The client sends a line.
    Client,
    /// The server greets.
    Server,
}

/// What becomes of a request.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Expect {
    /// The status, whoever answers.
    Status(u16),
    /// Who answers, with 200; or `closed`.
    Who(String),
    /// More than that.
    Answer(Answer),
}

/// An answer in detail; what is not named may be anything.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Answer {
    /// Who answers.
    pub(crate) from: Option<String>,
    /// The status.
    pub(crate) status: Option<u16>,
    /// The header `location`.
    pub(crate) location: Option<String>,
    /// Headers of the answer.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// The path that the server saw.
    pub(crate) path: Option<String>,
    /// The authority that the server saw.
    pub(crate) authority: Option<String>,
    /// Headers that the server saw.
    #[serde(default)]
    pub(crate) received: BTreeMap<String, String>,
    /// Part of the body.
    pub(crate) body: Option<String>,
}

fn delta() -> Vec<String> {
    vec!["delta".to_owned()]
}

fn root() -> String {
    "/".to_owned()
}

/// All scenarios, or those that the environment chooses by `SCENARIO`, in the order of their names.
#[expect(clippy::disallowed_methods, reason = "SCENARIO is how a developer chooses")]
pub(crate) fn chosen() -> Vec<Scenario> {
    let part = std::env::var("SCENARIO").unwrap_or_default();
    let mut directories: Vec<PathBuf> = fs::read_dir(repository::root().join("tests/scenarios"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir() && path.file_name().is_some_and(|n| n.to_string_lossy().contains(&part)))
        .collect();
    directories.sort();
    directories.iter().map(|directory| read(directory)).collect()
}

fn read(directory: &Path) -> Scenario {
    let text = |file: &str| {
        let path = directory.join(file);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let (objects, requests) = (text("in.yaml"), text("requests.yaml"));
    let file =
        serde_saphyr::from_str(&requests).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let before = directory.join("before.yaml").exists().then(|| text("before.yaml"));
    Scenario { name: directory.file_name().unwrap().to_string_lossy().into_owned(), objects, before, file }
}
