//! Envoy's admin interface, typed as far as tests need it.

use std::{collections::BTreeMap, fmt::Write as _, io, path::PathBuf, time::Duration};

use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::Full;
use serde_json::Value;
use tokio::net::{TcpStream, UnixStream};

use crate::wire;

const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// An admin interface that did not answer as it should.
#[derive(Debug, thiserror::Error)]
#[error("admin {method} {path}: {problem}")]
pub struct AdminError {
    /// The method of the request.
    pub method: Method,
    /// The path of the request, with the query.
    pub path: String,
    /// What was wrong.
    pub problem: AdminProblem,
}

/// What was wrong with an answer of the admin interface.
#[derive(Debug, thiserror::Error)]
pub enum AdminProblem {
    /// It cannot be reached.
    #[error("connect: {0}")]
    Connect(#[from] io::Error),
    /// The exchange broke off.
    #[error("exchange: {0}")]
    Exchange(#[from] hyper::Error),
    /// The request cannot be encoded.
    #[error("request: {0}")]
    Request(#[from] http::Error),
    /// No answer within ten seconds.
    #[error("no answer")]
    Silent,
    /// An answer other than 200.
    #[error("{0}: {1}")]
    Status(StatusCode, String),
    /// An answer that is not what the path is documented to give.
    #[error("unexpected answer: {0}")]
    Unexpected(String),
}

/// A client of one Envoy's admin interface. Each request has a connection of its own.
#[derive(Clone, Debug)]
pub struct Admin {
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    UnixSocket(PathBuf),
    /// Envoy writes the address into this file when it listens.
    AnnouncedIn(PathBuf),
}

impl Admin {
    /// The admin interface on a unix socket.
    pub fn on_unix_socket(path: PathBuf) -> Self {
        Self { place: Place::UnixSocket(path) }
    }

    /// The admin interface whose address Envoy writes into a file (`--admin-address-path`).
    pub fn announced_in(path: PathBuf) -> Self {
        Self { place: Place::AnnouncedIn(path) }
    }

    /// The body of `GET path`.
    ///
    /// # Errors
    /// If it cannot be reached or does not answer with 200.
    pub async fn get(&self, path: &str) -> Result<String, AdminError> {
        self.request(Method::GET, path).await
    }

    /// The body of `POST path`: `/drain_listeners`, `/logging?level=debug`, `/quitquitquit`, ...
    ///
    /// # Errors
    /// If it cannot be reached or does not answer with 200.
    pub async fn post(&self, path: &str) -> Result<String, AdminError> {
        self.request(Method::POST, path).await
    }

    /// The counters and gauges whose name contains a match of the regular expression `filter`, by name.
    ///
    /// # Errors
    /// If the interface does not answer as documented.
    pub async fn stats(&self, filter: &str) -> Result<BTreeMap<String, u64>, AdminError> {
        let path = format!("/stats?format=json&filter={}", escape(filter));
        let answer = self.json(&path).await?;
        let Some(stats) = answer["stats"].as_array() else {
            return Err(unexpected(&path, &answer));
        };
        // Entries without a name and a number are histograms and text readouts.
        Ok(stats
            .iter()
            .filter_map(|s| Some((s["name"].as_str()?.to_owned(), s["value"].as_u64()?)))
            .collect())
    }

    /// The value of one counter or gauge; 0 if Envoy has not made it yet.
    ///
    /// # Errors
    /// If the interface does not answer as documented.
    pub async fn stat(&self, name: &str) -> Result<u64, AdminError> {
        let pattern: String = name.chars().flat_map(escape_pattern).collect();
        Ok(self.stats(&format!("^{pattern}$")).await?.get(name).copied().unwrap_or(0))
    }

    /// `/config_dump` with `query`, such as `include_eds` or `resource=dynamic_listeners`.
    ///
    /// # Errors
    /// If the interface does not answer as documented.
    pub async fn config_dump(&self, query: &str) -> Result<Value, AdminError> {
        self.json(&format!("/config_dump?{query}")).await
    }

    /// `/clusters`: per cluster its hosts and their state.
    ///
    /// # Errors
    /// If the interface does not answer as documented.
    pub async fn clusters(&self) -> Result<Value, AdminError> {
        self.json("/clusters?format=json").await
    }

    /// The addresses (`ip:port`) of each cluster's hosts, in order.
    ///
    /// # Errors
    /// If the interface does not answer as documented.
    pub async fn hosts(&self) -> Result<BTreeMap<String, Vec<String>>, AdminError> {
        let answer = self.clusters().await?;
        let entries = |value: &Value| value.as_array().cloned().unwrap_or_default();
        Ok(entries(&answer["cluster_statuses"])
            .iter()
            .map(|cluster| {
                let mut hosts: Vec<_> = entries(&cluster["host_statuses"]).iter().map(address).collect();
                hosts.sort();
                (cluster["name"].as_str().unwrap_or_default().to_owned(), hosts)
            })
            .collect())
    }

    /// `/certs`: the certificates in use, with serial numbers and days until they expire.
    ///
    /// # Errors
    /// If the interface does not answer as documented.
    pub async fn certs(&self) -> Result<Value, AdminError> {
        self.json("/certs").await
    }

    /// `/listeners`: the listeners that are active, by name and address.
    ///
    /// # Errors
    /// If the interface does not answer as documented.
    pub async fn listeners(&self) -> Result<Value, AdminError> {
        self.json("/listeners?format=json").await
    }

    /// Whether Envoy serves: `/ready` is LIVE and its workers are started. The error says what is missing.
    pub(super) async fn serves(&self) -> Result<(), String> {
        let ready = self.get("/ready").await.map_err(|error| error.to_string())?;
        if ready.trim() != "LIVE" {
            return Err(format!("/ready says {}", ready.trim()));
        }
        match self.stat("listener_manager.workers_started").await {
            Ok(1) => Ok(()),
            Ok(n) => {
                Err(format!("listener_manager.workers_started is {n}: a listener or cluster is warming"))
            }
            Err(error) => Err(error.to_string()),
        }
    }

    async fn json(&self, path: &str) -> Result<Value, AdminError> {
        let text = self.get(path).await?;
        serde_json::from_str(&text).map_err(|_| unexpected(path, &Value::String(text)))
    }

    async fn request(&self, method: Method, path: &str) -> Result<String, AdminError> {
        let answer = match tokio::time::timeout(ANSWER_WITHIN, self.exchange(&method, path)).await {
            Ok(answer) => answer,
            Err(_) => Err(AdminProblem::Silent),
        };
        answer.map_err(|problem| AdminError { method, path: path.to_owned(), problem })
    }

    async fn exchange(&self, method: &Method, path: &str) -> Result<String, AdminProblem> {
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("host", "admin")
            .body(Full::new(Bytes::new()))?;
        let answer = match &self.place {
            Place::UnixSocket(socket) => wire::exchange(UnixStream::connect(socket).await?, request).await?,
            Place::AnnouncedIn(file) => {
                let address = std::fs::read_to_string(file)?;
                if address.starts_with('/') {
                    wire::exchange(UnixStream::connect(address).await?, request).await?
                } else {
                    wire::exchange(TcpStream::connect(address).await?, request).await?
                }
            }
        };
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        if answer.status() == StatusCode::OK {
            Ok(text)
        } else {
            Err(AdminProblem::Status(answer.status(), text))
        }
    }
}

fn address(host: &Value) -> String {
    let socket = &host["address"]["socket_address"];
    match (socket["address"].as_str(), socket["port_value"].as_u64()) {
        (Some(ip), Some(port)) => format!("{ip}:{port}"),
        _ => host["address"].to_string(),
    }
}

fn unexpected(path: &str, answer: &Value) -> AdminError {
    let mut text = answer.to_string();
    text.truncate(text.char_indices().nth(300).map_or(text.len(), |(i, _)| i));
    AdminError { method: Method::GET, path: path.to_owned(), problem: AdminProblem::Unexpected(text) }
}

fn escape(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "%{byte:02X}").expect("writing to a String does not fail");
        }
        escaped
    })
}

/// `c` escaped for a regular expression.
fn escape_pattern(c: char) -> impl Iterator<Item = char> {
    let special = r"\.+*?()|[]{}^$".contains(c);
    special.then_some('\\').into_iter().chain([c])
}
