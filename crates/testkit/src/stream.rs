//! A stream of ADS over a real connection, with Envoy's windows.

mod line;

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use bytes::Bytes;
use http_body_util::{BodyExt, StreamBody};
use hyper::{
    body::{Frame, Incoming},
    client::conn::http2,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    net::{TcpSocket, TcpStream},
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep_until},
};
use tokio_stream::{StreamExt, wrappers::UnboundedReceiverStream};
use tonic::{Code, Status};

use line::Line;
pub(crate) use line::Quality;

use crate::ads::Protocol;

/// Envoy's own HTTP/2 windows, so that a client that stops reading holds as much as an Envoy would.
const STREAM_WINDOW_BYTES: u32 = 16 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 24 << 20;
/// Size of the kernel's buffer for a thin line: the line itself should be slow, not hidden by a buffer.
const THIN_BUFFER_BYTES: u32 = 64 << 10;

/// An open stream. Dropping it closes its connection.
pub(crate) struct Stream {
    requests: mpsc::UnboundedSender<Bytes>,
    responses: Incoming,
    _connection: Connection,
}

/// A connection's task, which ends with this value.
struct Connection(JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Stream {
    /// Connects and opens a stream, with gRPC metadata. `first` is sent with the call: a server may wait for it before
    /// it answers. Fails with the reason.
    pub(crate) async fn open(
        server: SocketAddr,
        protocol: Protocol,
        metadata: &[(String, String)],
        quality: Arc<Quality>,
        first: Vec<Bytes>,
    ) -> Result<Self, String> {
        let connected = connect(server, &quality).await.map_err(|error| format!("{server}: {error}"))?;
        let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .handshake(TokioIo::new(Line::new(connected, quality)))
            .await
            .map_err(|error| explain(&error))?;
        let connection = Connection(tokio::spawn(async {
            // The stream sees the error too, and reports it.
            drop(connection.await);
        }));
        let (requests, receiver) = mpsc::unbounded_channel();
        let frames = tokio_stream::iter(first).chain(UnboundedReceiverStream::new(receiver));
        let frames = frames.map(|bytes| Ok::<_, Infallible>(Frame::data(bytes)));
        let mut call = http::Request::post(format!("http://{server}{}", protocol.path()))
            .header(http::header::CONTENT_TYPE, "application/grpc")
            .header(http::header::TE, "trailers");
        for (name, value) in metadata {
            call = call.header(name, value);
        }
        let call = call.body(StreamBody::new(frames)).map_err(|error| error.to_string())?;
        let (head, responses) =
            sender.send_request(call).await.map_err(|error| explain(&error))?.into_parts();
        match (head.status, Status::from_header_map(&head.headers)) {
            (http::StatusCode::OK, None) => Ok(Self { requests, responses, _connection: connection }),
            (_, Some(status)) => Err(status.to_string()),
            (status, None) => Err(format!("HTTP {status}")),
        }
    }

    /// Sends a request. The end of a stream shows on its receiving half, so it is not reported here.
    pub(crate) fn send(&self, request: Bytes) {
        let _ended = self.requests.send(request);
    }

    /// The next piece of the responses, or why the stream has ended.
    pub(crate) async fn next(&mut self) -> Result<Bytes, String> {
        while let Some(frame) = self.responses.frame().await {
            match frame.map_err(|error| explain(&error))?.into_data() {
                Ok(data) => return Ok(data),
                Err(trailers) => {
                    let status = trailers.trailers_ref().and_then(Status::from_header_map);
                    if let Some(status) = status.filter(|status| status.code() != Code::Ok) {
                        return Err(status.to_string());
                    }
                }
            }
        }
        Err("ended by the server".to_owned())
    }
}

async fn connect(server: SocketAddr, quality: &Quality) -> std::io::Result<TcpStream> {
    let socket = if server.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if quality.bytes_per_second.load(Relaxed) != 0 {
        socket.set_recv_buffer_size(THIN_BUFFER_BYTES)?;
    }
    let stream = socket.connect(server).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Waits until a time; for ever if there is none.
pub(crate) async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

fn explain(error: &hyper::Error) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    format!("{error}{}", cause.unwrap_or_default())
}
