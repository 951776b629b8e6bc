//! A client for the admin interface of a control plane or of Envoy.

use std::time::Duration;

use anyhow::{Context as _, bail};
use fairlead_control_plane::admin::encoded;
use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, body::Bytes, header::HOST};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::exit::{Unreachable, Usage};

/// Maximum wait for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Hint for when a control plane does not answer.
const HINT: &str = "is `fairlead serve` running, and is --server its administration address?";

/// The option for the admin address of a control plane.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Server {
    /// The admin address of the control plane, which is asked over plain HTTP.
    #[arg(long, value_name = "HOST:PORT", value_parser = server_address, default_value = "127.0.0.1:15014")]
    pub(crate) server: String,
}

/// Parses the admin address of a control plane.
pub(crate) fn server_address(text: &str) -> Result<String, String> {
    address(text, 15014)
}

/// Parses the admin address of an Envoy.
pub(crate) fn envoy_address(text: &str) -> Result<String, String> {
    address(text, 15000)
}

/// `host:port` from a text that may be a URL, or lack the port or the host.
fn address(text: &str, port: u16) -> Result<String, String> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    if !scheme.eq_ignore_ascii_case("http") {
        return Err(format!("it is asked over plain HTTP: write http://{rest}"));
    }
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if let Some((place, path)) = rest.split_once('/') {
        return Err(format!("there is no `/{path}` at an address: write {place}"));
    }
    let (host, port) = match rest.rsplit_once(':') {
        // The colon belongs to an IPv6 address.
        _ if rest.ends_with(']') => (rest, port),
        None => (rest, port),
        Some((host, _)) if host.contains(':') && !host.starts_with('[') => {
            return Err(format!("an IPv6 address stands in brackets: write [{rest}]:{port}"));
        }
        Some((host, text)) => {
            let port = text.parse().ok().filter(|port| *port != 0);
            (host, port.ok_or_else(|| format!("`{text}` is no port: it is a number up to 65535"))?)
        }
    };
    Ok(format!("{}:{port}", if host.is_empty() { "127.0.0.1" } else { host }))
}

impl Server {
    /// The JSON at a path. Parameters are encoded here.
    pub(crate) fn get(&self, path: &str, parameters: &[(&str, &str)]) -> anyhow::Result<Value> {
        get(&self.server, path, parameters, HINT)
    }
}

/// The version of a control plane.
pub(crate) fn version(server: &str, patience: Option<Duration>) -> anyhow::Result<Value> {
    get_within(patience.unwrap_or(PATIENCE), server, "/version", &[], HINT)
}

/// The proxies of a control plane.
pub(crate) fn proxies(server: &str, patience: Duration) -> anyhow::Result<Value> {
    get_within(patience, server, "/debug/syncz", &[], HINT)
}

/// The JSON at a path of a server.
pub(crate) fn get(
    server: &str,
    path: &str,
    parameters: &[(&str, &str)],
    hint: &'static str,
) -> anyhow::Result<Value> {
    get_within(PATIENCE, server, path, parameters, hint)
}

fn get_within(
    patience: Duration,
    server: &str,
    path: &str,
    parameters: &[(&str, &str)],
    hint: &'static str,
) -> anyhow::Result<Value> {
    let query: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer =
        runtime.block_on(async { tokio::time::timeout(patience, fetch(server, &target, hint)).await });
    let (status, body) =
        answer.with_context(|| format!("no answer from http://{server}{target} within {patience:?}"))??;
    let json: Value = serde_json::from_slice(&body)
        .with_context(|| format!("http://{server}{target} answers {status} and no JSON"))?;
    if status != 200 {
        let message = json["error"].as_str().unwrap_or("without a reason");
        if status == 404 || status == 400 {
            bail!(Usage(message.to_owned()));
        }
        bail!("http://{server}{target} answers {status}: {message}");
    }
    Ok(json)
}

async fn fetch(server: &str, target: &str, hint: &'static str) -> anyhow::Result<(u16, Bytes)> {
    let unreachable = || Unreachable { url: format!("http://{server}"), hint };
    let stream = TcpStream::connect(server).await.with_context(unreachable)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // The connection is polled alongside the request, and ends with it.
    let exchange = async {
        let request = Request::get(target).header(HOST, server).body(Empty::<Bytes>::new())?;
        let response = sender.send_request(request).await.with_context(unreachable)?;
        let status = response.status().as_u16();
        anyhow::Ok((status, response.into_body().collect().await?.to_bytes()))
    };
    tokio::pin!(exchange, connection);
    tokio::select! {
        answer = &mut exchange => answer,
        ended = &mut connection => {
            ended.with_context(unreachable)?;
            exchange.await
        }
    }
}

#[cfg(test)]
mod tests;
