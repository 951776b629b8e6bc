//! One ADS stream of either protocol.

use envoy_types::pb::{
    envoy::{
        config::core::v3::Node,
        service::discovery::v3::{
            DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
        },
    },
    google::rpc::Status as RpcStatus,
};
use http::uri::PathAndQuery;
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, sync::mpsc};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{
    Status, Streaming,
    client::Grpc,
    metadata::{Ascii, MetadataKey, MetadataValue},
    transport::{Channel, Endpoint, Uri},
};

use super::{
    Options, Protocol,
    codec::SizedCodec,
    held::{Request, Resource, Response},
    transport::{Freezable, Freezer},
};

const DELTA: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
const SOTW: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
/// The code that Envoy puts into the error of a refusal (observation 5).
const INTERNAL: i32 = 13;
/// Envoy's own HTTP/2 windows, so that a client that stops reading holds as much as an Envoy would.
const STREAM_WINDOW_BYTES: u32 = 16 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 24 << 20;

/// An open stream.
pub(super) struct Link {
    half: Half,
    /// Sent with the first request only.
    node: Option<Node>,
    freezer: Freezer,
}

enum Half {
    Delta(mpsc::UnboundedSender<DeltaDiscoveryRequest>, Box<Streaming<(usize, DeltaDiscoveryResponse)>>),
    Sotw(mpsc::UnboundedSender<DiscoveryRequest>, Box<Streaming<(usize, DiscoveryResponse)>>),
}

impl Link {
    /// Connects and opens a stream. `first` is sent with the call: a server may wait for it before it answers.
    pub(super) async fn open(options: &Options, server: &str, first: Vec<Request>) -> Result<Self, Status> {
        let freezer = Freezer::default();
        let channel = channel(options, server, freezer.clone()).await?;
        let mut grpc = Grpc::new(channel).max_decoding_message_size(usize::MAX);
        grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let mut node = Some(options.node.clone());
        let half = match options.protocol {
            Protocol::Delta => {
                let (sender, receiver) = mpsc::unbounded_channel();
                for request in first {
                    send(&sender, delta(request, node.take()))?;
                }
                let call = call(options, UnboundedReceiverStream::new(receiver))?;
                let answer =
                    grpc.streaming(call, PathAndQuery::from_static(DELTA), SizedCodec::default()).await?;
                Half::Delta(sender, Box::new(answer.into_inner()))
            }
            Protocol::Sotw => {
                let (sender, receiver) = mpsc::unbounded_channel();
                for request in first {
                    send(&sender, sotw(request, node.take()))?;
                }
                let call = call(options, UnboundedReceiverStream::new(receiver))?;
                let answer =
                    grpc.streaming(call, PathAndQuery::from_static(SOTW), SizedCodec::default()).await?;
                Half::Sotw(sender, Box::new(answer.into_inner()))
            }
        };
        Ok(Self { half, node, freezer })
    }

    pub(super) fn send(&mut self, request: Request) -> Result<(), Status> {
        match &self.half {
            Half::Delta(sender, _) => send(sender, delta(request, self.node.take())),
            Half::Sotw(sender, _) => send(sender, sotw(request, self.node.take())),
        }
    }

    /// The next response; `None` if the server has ended the stream in order.
    pub(super) async fn receive(&mut self) -> Result<Option<Response>, Status> {
        Ok(match &mut self.half {
            Half::Delta(_, stream) => {
                stream.message().await?.map(|(bytes, message)| of_delta(bytes, message))
            }
            Half::Sotw(_, stream) => stream.message().await?.map(|(bytes, message)| of_sotw(bytes, message)),
        })
    }

    pub(super) fn freeze(&self) {
        self.freezer.freeze();
    }
}

async fn channel(options: &Options, server: &str, freezer: Freezer) -> Result<Channel, Status> {
    let unavailable = |error: tonic::transport::Error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        Status::unavailable(format!("{server}: {error}: {cause}"))
    };
    let mut endpoint = Endpoint::from_shared(server.to_owned())
        .map_err(unavailable)?
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
    if let Some(tls) = &options.tls {
        endpoint = endpoint.tls_config(tls.clone()).map_err(unavailable)?;
    }
    let connector = tower::service_fn(move |uri: Uri| {
        let freezer = freezer.clone();
        async move {
            let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
            let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
            let stream = TcpStream::connect((host, port)).await?;
            stream.set_nodelay(true)?;
            Ok::<_, std::io::Error>(TokioIo::new(Freezable::new(stream, freezer)))
        }
    });
    endpoint.connect_with_connector(connector).await.map_err(unavailable)
}

fn call<T>(options: &Options, body: T) -> Result<tonic::Request<T>, Status> {
    let mut request = tonic::Request::new(body);
    for (name, value) in &options.metadata {
        let invalid = || Status::invalid_argument(format!("metadata `{name}`"));
        let key: MetadataKey<Ascii> = name.parse().map_err(|_| invalid())?;
        let value: MetadataValue<Ascii> = value.parse().map_err(|_| invalid())?;
        request.metadata_mut().insert(key, value);
    }
    Ok(request)
}

fn send<T>(sender: &mpsc::UnboundedSender<T>, message: T) -> Result<(), Status> {
    sender.send(message).map_err(|_| Status::unavailable("the stream has ended"))
}

fn error_detail(message: String) -> RpcStatus {
    RpcStatus { code: INTERNAL, message, ..RpcStatus::default() }
}

fn delta(request: Request, node: Option<Node>) -> DeltaDiscoveryRequest {
    DeltaDiscoveryRequest {
        node,
        type_url: request.type_url,
        resource_names_subscribe: request.subscribe,
        resource_names_unsubscribe: request.unsubscribe,
        initial_resource_versions: request.initial_versions.into_iter().collect(),
        response_nonce: request.answered,
        error_detail: request.error.map(error_detail),
        ..DeltaDiscoveryRequest::default()
    }
}

fn sotw(request: Request, node: Option<Node>) -> DiscoveryRequest {
    let nonce = if request.answered.is_empty() { request.last_nonce } else { request.answered };
    DiscoveryRequest {
        node,
        type_url: request.type_url,
        resource_names: request.names,
        version_info: request.version,
        response_nonce: nonce,
        error_detail: request.error.map(error_detail),
        ..DiscoveryRequest::default()
    }
}

fn of_delta(bytes: usize, message: DeltaDiscoveryResponse) -> Response {
    let resources = message.resources.into_iter().map(|resource| Resource {
        name: resource.name,
        version: resource.version,
        message: resource.resource.map(|any| any.value),
    });
    Response {
        type_url: message.type_url,
        nonce: message.nonce,
        version: String::new(),
        resources: resources.collect(),
        removed: message.removed_resources,
        bytes,
    }
}

fn of_sotw(bytes: usize, message: DiscoveryResponse) -> Response {
    let version = message.version_info;
    let resources = message.resources.into_iter().map(|any| Resource {
        // Found in the message itself, which this protocol does not name.
        name: String::new(),
        version: version.clone(),
        message: Some(any.value),
    });
    Response {
        type_url: message.type_url,
        nonce: message.nonce,
        resources: resources.collect(),
        version,
        removed: Vec::new(),
        bytes,
    }
}
