//! An HTTP client that sends exactly what a test wants: any host, header, method and path, to any address.
//!
//! ```no_run
//! # async fn example(envoy: std::net::SocketAddr) -> Result<(), Box<dyn std::error::Error>> {
//! use fairlead_lab::client::{Client, Request};
//! let answer = Client::new(envoy).send(&Request::get("/reviews").host("reviews:9080")).await?;
//! assert_eq!(answer.version(), Some("v2"));
//! # Ok(()) }
//! ```

mod tls;

use std::{io, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri, Version};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde::de::DeserializeOwned;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::Mutex,
    task::JoinHandle,
};

pub use tls::ClientTls;

/// Default limit for one exchange.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A request, without its destination.
#[derive(Clone, Debug)]
pub struct Request {
    method: Method,
    path: String,
    host: Option<String>,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Request {
    /// `GET path`. A path that is a whole URL is sent as such, as to a forward proxy.
    pub fn get(path: &str) -> Self {
        Self::new(Method::GET, path)
    }

    /// `method path`.
    pub fn new(method: Method, path: &str) -> Self {
        Self { method, path: path.to_owned(), host: None, headers: Vec::new(), body: Bytes::new() }
    }

    /// Sets the `Host` (for HTTP/2 the authority). Default: the address.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        self.host = Some(host.to_owned());
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    fn build(
        &self,
        address: SocketAddr,
        protocol: Protocol,
        tls: bool,
    ) -> Result<http::Request<Full<Bytes>>, Failure> {
        let default_host = address.to_string();
        let host = self.host.as_deref().unwrap_or(&default_host);
        let mut builder = http::Request::builder().method(self.method.clone());
        builder = match protocol {
            Protocol::Http1 => builder.uri(self.path.as_str()).header("host", host),
            Protocol::Http2 => {
                let scheme = if tls { "https" } else { "http" };
                let uri = Uri::builder()
                    .scheme(scheme)
                    .authority(host)
                    .path_and_query(self.path.as_str())
                    .build()?;
                builder.version(Version::HTTP_2).uri(uri)
            }
        };
        for (name, value) in &self.headers {
            builder = builder.header(name, value);
        }
        Ok(builder.body(Full::new(self.body.clone()))?)
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its trailers, for gRPC.
    pub trailers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Answer {
    /// The header `name`, if there is one and it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as a `T`, from JSON.
    ///
    /// # Errors
    /// If it is not JSON of a `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    /// Which service answered.
    pub fn service(&self) -> Option<&str> {
        self.header("x-service")
    }

    /// Which version of it answered.
    pub fn version(&self) -> Option<&str> {
        self.header("x-version")
    }
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The connection was refused, or there is no route.
    #[error("connect: {0}")]
    Connect(#[source] io::Error),
    /// The TLS handshake failed.
    #[error("tls: {0}")]
    Tls(#[source] io::Error),
    /// The connection broke before the answer was complete.
    #[error("exchange: {0}")]
    Exchange(#[from] hyper::Error),
    /// A new connection broke before its first answer was complete.
    #[error("first exchange: {0}")]
    FirstExchange(#[source] hyper::Error),
    /// The request cannot be encoded.
    #[error("request: {0}")]
    Request(#[from] http::Error),
    /// No answer in time.
    #[error("no answer within {0:?}")]
    Silent(Duration),
}

impl Failure {
    /// The failure of the first exchange of a connection.
    fn of_first(self) -> Self {
        match self {
            Self::Exchange(error) => Self::FirstExchange(error),
            other => other,
        }
    }

    /// A short word for the reason, used in counts.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Connect(_) => "connect",
            Self::Tls(_) => "tls",
            Self::Exchange(_) | Self::FirstExchange(_) => "exchange",
            Self::Request(_) => "request",
            Self::Silent(_) => "silent",
        }
    }
}

/// The HTTP version that a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2, without TLS by prior knowledge.
    Http2,
}

/// A client of one address. It opens a connection for each request unless told to keep one alive.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    source: Option<SocketAddr>,
    protocol: Protocol,
    tls: Option<ClientTls>,
    answer_within: Duration,
    keeps_alive: bool,
    kept: Mutex<Option<Connection>>,
}

impl Client {
    /// A client of `address` that speaks HTTP/1.1 in clear, with a fresh connection for each request.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            source: None,
            protocol: Protocol::Http1,
            tls: None,
            answer_within: ANSWER_WITHIN,
            keeps_alive: false,
            kept: Mutex::new(None),
        }
    }

    /// Speaks HTTP/2.
    #[must_use]
    pub fn http2(mut self) -> Self {
        self.protocol = Protocol::Http2;
        self
    }

    /// Speaks TLS.
    #[must_use]
    pub fn tls(mut self, tls: ClientTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Keeps one connection for all requests, and opens another when it is closed.
    #[must_use]
    pub fn keep_alive(mut self) -> Self {
        self.keeps_alive = true;
        self
    }

    /// Binds its end of each connection to `source`, with port 0 for any port.
    #[must_use]
    pub fn from(mut self, source: SocketAddr) -> Self {
        self.source = Some(source);
        self
    }

    /// Gives up on an exchange after `within`. Default: ten seconds.
    #[must_use]
    pub fn answer_within(mut self, within: Duration) -> Self {
        self.answer_within = within;
        self
    }

    /// Sends `request` and reads the whole answer.
    ///
    /// # Errors
    /// If there is no complete answer in time. A status such as 503 is an answer.
    pub async fn send(&self, request: &Request) -> Result<Answer, Failure> {
        let exchange = async {
            let message = request.build(self.address, self.protocol, self.tls.is_some())?;
            if !self.keeps_alive {
                return self.connect().await?.exchange(message).await.map_err(Failure::of_first);
            }
            let mut kept = self.kept.lock().await;
            let open = kept.take().filter(Connection::is_open);
            let is_new = open.is_none();
            let mut connection = match open {
                Some(connection) => connection,
                None => self.connect().await?,
            };
            let answer = connection.exchange(message).await;
            let answer = if is_new { answer.map_err(Failure::of_first) } else { answer }?;
            *kept = Some(connection);
            Ok(answer)
        };
        match tokio::time::timeout(self.answer_within, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::Silent(self.answer_within)),
        }
    }

    async fn connect(&self) -> Result<Connection, Failure> {
        let stream = self.stream().await.map_err(Failure::Connect)?;
        match &self.tls {
            None => Connection::over(stream, self.protocol).await,
            Some(tls) => {
                let usual = match self.protocol {
                    Protocol::Http1 => "http/1.1",
                    Protocol::Http2 => "h2",
                };
                let stream = tls.handshake(stream, usual).await.map_err(Failure::Tls)?;
                Connection::over(stream, self.protocol).await
            }
        }
    }

    async fn stream(&self) -> io::Result<TcpStream> {
        let stream = match self.source {
            None => TcpStream::connect(self.address).await?,
            Some(source) => {
                let socket = if source.is_ipv4() {
                    tokio::net::TcpSocket::new_v4()?
                } else {
                    tokio::net::TcpSocket::new_v6()?
                };
                socket.bind(source)?;
                socket.connect(self.address).await?
            }
        };
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// An open connection and the task that moves its bytes.
#[derive(Debug)]
struct Connection {
    sender: Sender,
    task: JoinHandle<()>,
}

#[derive(Debug)]
enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Connection {
    async fn over<S>(stream: S, protocol: Protocol) -> Result<Self, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let io = TokioIo::new(stream);
        // An error of the connection's task is not lost: the exchange sees it too.
        Ok(match protocol {
            Protocol::Http1 => {
                let (sender, connection) = http1::handshake(io).await?;
                let task = tokio::spawn(async move {
                    let _: Result<(), hyper::Error> = connection.await;
                });
                Self { sender: Sender::Http1(sender), task }
            }
            Protocol::Http2 => {
                let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
                let task = tokio::spawn(async move {
                    let _: Result<(), hyper::Error> = connection.await;
                });
                Self { sender: Sender::Http2(sender), task }
            }
        })
    }

    fn is_open(&self) -> bool {
        match &self.sender {
            Sender::Http1(sender) => !sender.is_closed(),
            Sender::Http2(sender) => !sender.is_closed(),
        }
    }

    async fn exchange(&mut self, request: http::Request<Full<Bytes>>) -> Result<Answer, Failure> {
        let answer = match &mut self.sender {
            Sender::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
            Sender::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
        };
        let (head, body) = answer.into_parts();
        let body = body.collect().await?;
        let trailers = body.trailers().cloned().unwrap_or_default();
        Ok(Answer { status: head.status, headers: head.headers, trailers, body: body.to_bytes() })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}
