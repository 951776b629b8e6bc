//! From a request to its answer.

use std::{collections::BTreeMap, convert::Infallible, net::SocketAddr, sync::Arc, time::Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;

use super::{
    record::{Echo, RequestRecord, TlsSession},
    script::Script,
    shared::Shared,
};

/// The body of an answer.
type Body = http_body_util::combinators::BoxBody<Bytes, Infallible>;

/// Why a request gets no answer: the connection is closed, or the stream reset.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    #[error("dropped by script")]
    Dropped,
    #[error("read request: {0}")]
    Read(#[from] hyper::Error),
    #[error("build answer: {0}")]
    Build(#[from] http::Error),
    #[error("print echo: {0}")]
    Print(#[from] serde_json::Error),
}

pub(super) async fn answer(
    mut request: Request<Incoming>,
    peer: SocketAddr,
    session: Option<TlsSession>,
    shared: Arc<Shared>,
) -> Result<Response<Body>, NoAnswer> {
    let upgrade = request.headers().get(header::UPGRADE).cloned();
    let upgraded = upgrade.is_some().then(|| hyper::upgrade::on(&mut request));
    let echo = echo(&request, peer, &shared);
    let body = request.into_body().collect().await?.to_bytes();
    let script = {
        let mut state = shared.state();
        state.requests.push(RequestRecord {
            at: Instant::now(),
            echo: echo.clone(),
            body: body.clone(),
            session,
        });
        let matching = state.scripts.iter().filter(|(prefix, _)| echo.path.starts_with(prefix.as_str()));
        matching.max_by_key(|(prefix, _)| prefix.len()).map(|(_, script)| script.clone()).unwrap_or_default()
    };
    tokio::time::sleep(script.delay).await;
    if script.drops {
        return Err(NoAnswer::Dropped);
    }
    let status = script.next_status();
    if let (Some(name), Some(upgraded), StatusCode::OK) = (upgrade, upgraded, status) {
        return switch_protocols(&name, upgraded);
    }
    if echo.headers.get("content-type").is_some_and(|kind| kind.starts_with("application/grpc")) {
        return grpc(&echo, &script, status, body);
    }
    let (kind, text) = match &script.body {
        Some(text) => ("text/plain", Bytes::from(text.clone())),
        None => ("application/json", Bytes::from(serde_json::to_vec(&echo)?)),
    };
    Ok(head(&echo, &script)
        .status(status)
        .header(header::CONTENT_TYPE, kind)
        .body(Full::new(text).boxed())?)
}

fn echo(request: &Request<Incoming>, peer: SocketAddr, shared: &Shared) -> Echo {
    let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    let authority = request.uri().authority().map(http::uri::Authority::as_str).or(host);
    Echo {
        service: shared.service.clone(),
        version: shared.version.clone(),
        method: request.method().to_string(),
        path: request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        authority: authority.unwrap_or_default().to_owned(),
        protocol: format!("{:?}", request.version()),
        peer: peer.to_string(),
        headers: headers(request.headers()),
    }
}

fn headers(map: &HeaderMap) -> BTreeMap<String, String> {
    let mut headers = BTreeMap::<String, String>::new();
    for (name, value) in map {
        let value = String::from_utf8_lossy(value.as_bytes());
        headers
            .entry(name.to_string())
            .and_modify(|joined| {
                joined.push_str(", ");
                joined.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    headers
}

fn head(echo: &Echo, script: &Script) -> http::response::Builder {
    let named = Response::builder().header("x-service", &echo.service).header("x-version", &echo.version);
    script.headers.iter().fold(named, |head, (name, value)| head.header(name, value))
}

/// Answers 101 and then sends back each byte that comes.
fn switch_protocols(name: &HeaderValue, upgraded: OnUpgrade) -> Result<Response<Body>, NoAnswer> {
    tokio::spawn(async move {
        let Ok(stream) = upgraded.await else { return };
        let (mut from, mut to) = tokio::io::split(TokioIo::new(stream));
        if let Err(error) = tokio::io::copy(&mut from, &mut to).await {
            eprintln!("upgraded connection: {error}");
        }
    });
    let answer = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
    Ok(answer.header(header::CONNECTION, "upgrade").header(header::UPGRADE, name).body(Body::default())?)
}

/// Answers a gRPC call with the frames that it brought; a scripted status becomes a gRPC status.
fn grpc(echo: &Echo, script: &Script, status: StatusCode, body: Bytes) -> Result<Response<Body>, NoAnswer> {
    // https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md, and 0 for success.
    let code = match status {
        StatusCode::OK => "0",
        StatusCode::BAD_REQUEST => "13",
        StatusCode::UNAUTHORIZED => "16",
        StatusCode::FORBIDDEN => "7",
        StatusCode::NOT_FOUND => "12",
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => "14",
        _ => "2",
    };
    let trailers =
        HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from_static(code))]);
    let frames = if status == StatusCode::OK { body } else { Bytes::new() };
    let body = Full::new(frames).with_trailers(async move { Some(Ok(trailers)) }).boxed();
    Ok(head(echo, script).header(header::CONTENT_TYPE, "application/grpc").body(body)?)
}
