//! The applications: small HTTP servers that identify themselves and call other services through their sidecar.
//!
//! They know nothing of a mesh: they put the name of a service into `Host`, send the request to the address given for
//! all services, and propagate the headers of the user's request.

mod behaviour;

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use http_body_util::{BodyExt as _, Full};
use hyper::{
    HeaderMap, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, HOST},
    service::service_fn,
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use super::mesh::EXTERNAL_HOST;
pub(super) use behaviour::Behaviour;

/// Headers that an application propagates from a request to the services that it calls.
const PASSED_ON: [&str; 3] = ["x-user", "x-request-id", "traceparent"];
/// Maximum size in bytes of another service's answer.
const LARGEST_ANSWER: usize = 1 << 20;

/// A running application. Dropping it closes its port and its connections.
pub(super) struct Application {
    address: SocketAddr,
    inner: Arc<Inner>,
    task: JoinHandle<()>,
}

struct Inner {
    service: &'static str,
    version: &'static str,
    /// The address for other services; an application outside the mesh calls none.
    egress: OnceLock<SocketAddr>,
    client: Client<HttpConnector, Full<Bytes>>,
    behaviour: Mutex<Behaviour>,
    requests: AtomicU64,
}

/// An application's answer.
struct Answer {
    status: StatusCode,
    service: String,
    version: String,
    body: Value,
}

impl Application {
    /// Starts `version` of `service` on a free port of 127.0.0.1.
    pub(super) async fn start(service: &'static str, version: &'static str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let inner = Arc::new(Inner {
            service,
            version,
            egress: OnceLock::new(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            behaviour: Mutex::default(),
            requests: AtomicU64::new(0),
        });
        let task = tokio::spawn(accept(listener, inner.clone()));
        Ok(Self { address, inner, task })
    }

    /// The address on which it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the address for other services. Only the first call counts.
    pub(super) fn finds_services_at(&self, egress: SocketAddr) {
        self.inner.egress.get_or_init(|| egress);
    }

    /// Changes how it answers from now on.
    pub(super) fn behave(&self, behaviour: Behaviour) {
        *self.inner.behaviour.lock().unwrap_or_else(PoisonError::into_inner) = behaviour;
    }

    /// How many requests have reached it.
    pub(super) fn requests(&self) -> u64 {
        self.inner.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Accepts connections until it is aborted; they end with it.
async fn accept(listener: TcpListener, inner: Arc<Inner>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A connection closed before it was accepted is its client's concern.
                if let Ok((stream, _)) = accepted {
                    connections.spawn(connection(stream, inner.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, inner: Arc<Inner>) {
    let service = service_fn(|request| respond(inner.clone(), request));
    // The client sees the error of its connection too.
    let _: Result<(), _> =
        auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}

async fn respond(inner: Arc<Inner>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    inner.requests.fetch_add(1, Ordering::SeqCst);
    let (head, _) = request.into_parts();
    let behaves = inner.behaviour.lock().unwrap_or_else(PoisonError::into_inner).next();
    tokio::time::sleep(behaves.delay).await;
    let answer = match behaves.status {
        StatusCode::OK => inner.answer(head.uri.path(), &head.headers).await,
        status => inner.own(status, json!({ "error": status.as_str() })),
    };
    let body = serde_json::to_vec_pretty(&answer.body).expect("a value made of strings is JSON");
    let response = Response::builder()
        .status(answer.status)
        .header(CONTENT_TYPE, "application/json")
        .header("x-service", answer.service)
        .header("x-version", answer.version)
        .body(Full::new(Bytes::from([body.as_slice(), b"\n"].concat())));
    Ok(response.expect("names of services and versions are header values"))
}

impl Inner {
    async fn answer(&self, path: &str, headers: &HeaderMap) -> Answer {
        let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        match (self.service, first) {
            ("bookstore", "" | "bookstore") => self.page(headers).await,
            // The bookstore also serves the answer of a single service.
            ("bookstore", "quotes") => self.call(EXTERNAL_HOST, path, headers).await,
            ("bookstore", service) => self.call(service, path, headers).await,
            ("reviews", _) if self.version != "v1" => {
                let ratings = self.call("ratings", "/ratings", headers).await;
                self.own(StatusCode::OK, json!({ "text": "a good read", "ratings": ratings.body }))
            }
            ("reviews", _) => self.own(StatusCode::OK, json!({ "text": "a good read" })),
            ("catalog", _) => self.own(StatusCode::OK, json!({ "title": "A Book" })),
            ("ratings", _) => self.own(StatusCode::OK, json!({ "stars": 5 })),
            (_, _) => self.own(StatusCode::OK, json!({ "path": path })),
        }
    }

    /// The page of the bookstore: the catalogue and the reviews.
    async fn page(&self, headers: &HeaderMap) -> Answer {
        let (catalog, reviews) = tokio::join!(
            self.call("catalog", "/catalog", headers),
            self.call("reviews", "/reviews", headers)
        );
        self.own(StatusCode::OK, json!({ "catalog": catalog.body, "reviews": reviews.body }))
    }

    /// The application's own answer.
    fn own(&self, status: StatusCode, mut body: Value) -> Answer {
        body["by"] = format!("{}-{}", self.service, self.version).into();
        Answer { status, service: self.service.to_owned(), version: self.version.to_owned(), body }
    }

    /// The answer to a call of another service, from the service or from Envoy.
    async fn call(&self, service: &str, path: &str, headers: &HeaderMap) -> Answer {
        match self.try_call(service, path, headers).await {
            Ok(answer) => answer,
            Err(problem) => self.own(StatusCode::BAD_GATEWAY, json!({ "error": problem })),
        }
    }

    async fn try_call(&self, service: &str, path: &str, headers: &HeaderMap) -> Result<Answer, String> {
        let egress = self.egress.get().ok_or("this application calls no other")?;
        let mut request = Request::get(format!("http://{egress}{path}"))
            .header(HOST, format!("{service}:{}", egress.port()));
        for name in PASSED_ON {
            if let Some(value) = headers.get(name) {
                request = request.header(name, value);
            }
        }
        let request = request.body(Full::default()).map_err(|error| error.to_string())?;
        let (head, body) = self
            .client
            .request(request)
            .await
            .map_err(|error| format!("call {service}: {error}"))?
            .into_parts();
        let body = http_body_util::Limited::new(body, LARGEST_ANSWER).collect().await;
        let body = body.map_err(|error| format!("read the answer of {service}: {error}"))?.to_bytes();
        let named = |name: &str| {
            head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("envoy").to_owned()
        };
        Ok(Answer {
            status: head.status,
            service: named("x-service"),
            version: named("x-version"),
            body: serde_json::from_slice(&body).unwrap_or_else(|_| {
                // Envoy's own answer, not an application's.
                json!({ "envoy": String::from_utf8_lossy(&body), "status": head.status.as_u16() })
            }),
        })
    }
}

#[cfg(test)]
mod tests;
