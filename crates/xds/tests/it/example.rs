//! The example is what it says: a control plane for a stock Envoy, with a type of its own.

use std::{net::IpAddr, time::Duration};

use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, aggregated_discovery_service_client::AggregatedDiscoveryServiceClient,
};
use fairlead_lab::{
    envoy_process::{EnvoyOptions, EnvoyProcess},
    ports,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_stream::StreamExt;

use crate::world::{PATIENCE, node, url};

#[path = "../../examples/serve.rs"]
#[allow(dead_code, reason = "its `main`")]
mod serve;

const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

pub(crate) fn bootstrap(xds: u16) -> String {
    format!(
        "
node: {{ id: a, cluster: c }}
dynamic_resources:
  ads_config:
    api_type: DELTA_GRPC
    transport_api_version: V3
    grpc_services: [{{ envoy_grpc: {{ cluster_name: xds }} }}]
  cds_config: {{ ads: {{}}, resource_api_version: V3 }}
  lds_config: {{ ads: {{}}, resource_api_version: V3 }}
static_resources:
  clusters:
  - name: xds
    type: STATIC
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        '@type': type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {{ http2_protocol_options: {{}} }}
    load_assignment:
      cluster_name: xds
      endpoints: [{{ lb_endpoints: [{{ endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {xds} }} }} }} }}] }}]
"
    )
}

#[tokio::test]
async fn an_envoy_forwards_as_the_example_tells_it() {
    let upstream = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let port = ports::free_port(LOOPBACK).unwrap().port();
    let publication = serve::publication(port, upstream.local_addr().unwrap().port());
    let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let xds = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(serve::serve(listener, publication));
    let answering = tokio::spawn(async move {
        let (mut connection, _) = upstream.accept().await.unwrap();
        connection.write_all(b"from the upstream").await.unwrap();
    });
    let envoy = EnvoyProcess::start(&bootstrap(xds), &EnvoyOptions::default()).await.unwrap();

    let mut said = String::new();
    let mut connection = TcpStream::connect((LOOPBACK, port)).await.unwrap();
    tokio::time::timeout(PATIENCE, connection.read_to_string(&mut said)).await.unwrap().unwrap();
    assert_eq!(said, "from the upstream");
    answering.await.unwrap();
    for rejected in ["cluster_manager.cds.update_rejected", "listener_manager.lds.update_rejected"] {
        assert_eq!(envoy.admin().stat(rejected).await.unwrap(), 0);
    }
    serving.abort();
}

#[tokio::test]
async fn a_type_that_envoy_has_not_is_served_like_any_other() {
    let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(serve::serve(listener, serve::publication(1, 2)));
    let mut client = AggregatedDiscoveryServiceClient::connect(format!("http://{address}")).await.unwrap();
    let request = DeltaDiscoveryRequest {
        node: Some(node("a")),
        type_url: url(serve::WIDGET),
        ..DeltaDiscoveryRequest::default()
    };
    let requests = tokio_stream::once(request).chain(tokio_stream::pending());
    let mut responses = client.delta_aggregated_resources(requests).await.unwrap().into_inner();
    let response = tokio::time::timeout(Duration::from_secs(20), responses.message()).await.unwrap();
    let response = response.unwrap().unwrap();
    assert_eq!(response.type_url, url(serve::WIDGET));
    assert_eq!(response.resources.iter().map(|r| &*r.name).collect::<Vec<_>>(), ["a"]);
    let message = response.resources[0].resource.as_ref().unwrap();
    assert_eq!((&*message.type_url, &*message.value), (serve::WIDGET.as_str(), &b"whatever a widget is"[..]));
    serving.abort();
}
