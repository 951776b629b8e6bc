//! Plays the rows below gRPC against one server in a process of its own.
//!
//! Around each row a witness, a client that behaves, has its connection from before; it must be served
//! afterwards on that connection, a new client must be served too, and the server must not have grown by more
//! than [`GROWTH`].

use std::{
    collections::VecDeque,
    convert::Infallible,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use fairlead_resource::TypeUrl;
use http::{HeaderMap, Request, header::CONTENT_TYPE};
use http_body::{Body as _, Frame};
use tonic::{body::Body, transport::Endpoint};
use tower::{Service as _, ServiceExt as _};

use crate::{
    child::{CLUSTERS, Child},
    raw::Raw,
    row::{Body as Proof, Row},
    world::PATIENCE,
};

/// By how much the server's memory may grow during a row, in KiB.
const GROWTH: u64 = 32 << 10;

/// Plays the rows, and says of each that fails what happened instead.
pub(crate) fn play(rows: &[Row]) {
    let child = Child::start();
    let mut failures = Vec::new();
    for row in rows {
        let Proof::Transport(proof) = row.body else { continue };
        if let Err(failure) = one(&child, proof) {
            failures.push(format!("{}: {failure}", row.id));
        }
    }
    assert!(failures.is_empty(), "{} rows fail:\n{}", failures.len(), failures.join("\n\n"));
}

fn one(child: &Child, proof: fn(&Child) -> Result<(), String>) -> Result<(), String> {
    let mut witness = Raw::open(child.address, &[]);
    served(&mut witness, TypeUrl::CLUSTER, CLUSTERS).map_err(|error| format!("before the row: {error}"))?;
    child.forget_peak();
    let (before, _) = child.memory();
    proof(child)?;
    served(&mut witness, TypeUrl::LISTENER, 1)
        .map_err(|error| format!("the witness is not served: {error}"))?;
    served(&mut Raw::open(child.address, &[]), TypeUrl::CLUSTER, CLUSTERS)
        .map_err(|error| format!("a new client is not served: {error}"))?;
    let (_, peak) = child.memory();
    let growth = peak.saturating_sub(before);
    if growth > GROWTH {
        return Err(format!("the server grew from {before} KiB by {growth} KiB"));
    }
    Ok(())
}

/// Asks for a type, and expects so many resources.
fn served(client: &mut Raw, type_url: TypeUrl, resources: usize) -> io::Result<()> {
    if type_url == TypeUrl::CLUSTER {
        client.ads(1)?;
    }
    client.ask(1, type_url)?;
    let response = client.response()?;
    if (response.type_url.as_str(), response.resources.len()) == (type_url.as_str(), resources) {
        return Ok(());
    }
    Err(io::Error::other(format!("{} resources of {}", response.resources.len(), response.type_url)))
}

/// What a request over HTTP/2 was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    trailers: HeaderMap,
}

impl Answer {
    /// `grpc-status`, wherever it is.
    pub(crate) fn status(&self) -> Option<&str> {
        let status = self.trailers.get("grpc-status").or_else(|| self.headers.get("grpc-status"));
        status.and_then(|status| status.to_str().ok())
    }
}

/// Sends a request of these bytes, and reads the answer to its end.
pub(crate) fn call(
    child: &Child,
    method: &str,
    headers: &[(&'static str, &str)],
    body: &[u8],
) -> Result<Answer, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let exchange = async {
        let endpoint = Endpoint::from_shared(format!("http://{}", child.address)).unwrap();
        let mut channel = endpoint.connect().await.map_err(|error| error.to_string())?;
        let mut request = Request::post(method).header(CONTENT_TYPE, "application/grpc");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let chunks = body.chunks(16 << 10).map(Bytes::copy_from_slice).collect();
        let request = request.body(Body::new(Chunks(chunks))).unwrap();
        let channel = channel.ready().await.map_err(|error| error.to_string())?;
        let (head, mut body) = channel.call(request).await.map_err(|error| error.to_string())?.into_parts();
        let mut answer = Answer { headers: head.headers, body: Vec::new(), trailers: HeaderMap::new() };
        while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            match frame.map_err(|status| status.to_string())?.into_data() {
                Ok(data) => answer.body.extend(data),
                Err(frame) => answer.trailers.extend(frame.into_trailers().unwrap_or_default()),
            }
        }
        Ok(answer)
    };
    runtime
        .block_on(async { tokio::time::timeout(PATIENCE, exchange).await })
        .map_err(|_elapsed| "no answer".to_owned())?
}

/// A body in pieces.
struct Chunks(VecDeque<Bytes>);

impl http_body::Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|chunk| Ok(Frame::data(chunk))))
    }
}
