//! The gRPC service: two methods, one per variant of the protocol.
//!
//! tonic's generated services copy each message into a buffer of the stream; this one hands hyper the shared
//! bytes (`docs/decisions/0004-zero-copy-push.md`).

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
};

use envoy_types::pb::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DiscoveryRequest};
use http::{HeaderValue, Request, Response, header::CONTENT_TYPE};
use tonic::{Status, body::Body, metadata::MetadataMap, server::NamedService};
use tower::Service;

use super::{
    body::{Outbox, PushBody},
    io::ConnectionInfo,
    requests::Requests,
    resolver::{Peer, Resolver},
    shared::Shared,
    sieve::Sieve,
    stream::{self, Holdings, Request as AdsRequest, Stream},
};

/// Header that names the compression of messages (gRPC over HTTP/2).
const ENCODING: &str = "grpc-encoding";
const ACCEPT_ENCODING: &str = "grpc-accept-encoding";
const IDENTITY: &str = "identity";

/// The ADS service.
pub struct AdsService<R> {
    shared: Arc<Shared<R>>,
}

impl<R> Clone for AdsService<R> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<R: Resolver> AdsService<R> {
    pub(super) fn new(shared: Arc<Shared<R>>) -> Self {
        Self { shared }
    }

    /// Answers at once and leaves the stream to its task.
    fn open<M: AdsRequest>(&self, request: Request<Body>) -> Response<Body> {
        let (head, body) = request.into_parts();
        if let Some(encoding) = head.headers.get(ENCODING).filter(|encoding| *encoding != IDENTITY) {
            return unsupported(encoding);
        }
        let info = head.extensions.get::<ConnectionInfo>();
        let client = info.map(|i| i.client.clone());
        let arrival = match info.map(|i| i.arrival.take(&self.shared.admission, &i.client)) {
            Some(Err(late)) => {
                self.shared.sessions.counters().refused.add(1);
                return late.status().into_http();
            }
            Some(Ok(arrival)) => Some(arrival),
            None => None,
        };
        let peer = Peer {
            address: info.map(|i| i.address),
            certificates: info.map(|i| i.certificates.clone()).unwrap_or_default(),
            tls: info.is_some_and(|i| i.tls),
            lines: info.map(|i| i.client.lines.clone()).unwrap_or_default(),
            metadata: MetadataMap::from_headers(head.headers),
        };
        let options = &self.shared.options;
        let sieve = Sieve { metadata: options.metadata, node_bytes: options.max_node_bytes };
        let backlog = client.as_ref().map_or(&self.shared.backlog, |client| &client.backlog);
        let outbox = Arc::new(Outbox::new(backlog.clone()));
        let stream = Stream {
            requests: Requests::<M>::new(body, options.max_request_bytes, sieve),
            outbox: outbox.clone(),
            holdings: Holdings::of(client),
            peer,
            close: info.map(|i| i.close.clone()),
            arrival,
            shared: self.shared.clone(),
        };
        self.shared.tasks.spawn(stream::run(stream));

        let mut response = Response::new(Body::new(PushBody::new(outbox)));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        response
    }
}

impl<R: Resolver> Service<Request<Body>> for AdsService<R> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let method = request.uri().path().rsplit('/').next().unwrap_or_default();
        let response = match method {
            "StreamAggregatedResources" => self.open::<DiscoveryRequest>(request),
            "DeltaAggregatedResources" => self.open::<DeltaDiscoveryRequest>(request),
            _ => Status::unimplemented("no such method").into_http(),
        };
        ready(Ok(response))
    }
}

/// Refuses compressed requests: Envoy sends none, and a small message that expands to a large one is an attack.
fn unsupported(encoding: &HeaderValue) -> Response<Body> {
    let message = format!("messages compressed with {encoding:?} are not understood");
    let mut response = Status::unimplemented(message).into_http();
    response.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static(IDENTITY));
    response
}

impl<R> NamedService for AdsService<R> {
    const NAME: &'static str = "envoy.service.discovery.v3.AggregatedDiscoveryService";
}
