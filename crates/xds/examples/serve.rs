//! A control plane of its own: a listener that forwards to a cluster, for every client, and a type that Envoy has not.
//!
//! `cargo run --example serve`, and then an Envoy with `ads_config` at 127.0.0.1:18000.

use std::sync::{Arc, LazyLock};

use envoy_types::pb::envoy::{
    config::{
        cluster::v3::{Cluster, cluster},
        core::v3::{
            Address, SocketAddress, address::Address::SocketAddress as Socket, socket_address::PortSpecifier,
        },
        core::v3::{AggregatedConfigSource, ConfigSource, config_source::ConfigSourceSpecifier},
        endpoint::v3::{
            ClusterLoadAssignment, Endpoint as Host, LbEndpoint, LocalityLbEndpoints, lb_endpoint,
        },
        listener::v3::{Filter, FilterChain, Listener, filter},
    },
    extensions::filters::network::tcp_proxy::v3::{TcpProxy, tcp_proxy},
};
use envoy_types::pb::google::protobuf::Any;
use fairlead_resource::{EncodedResource, ResourceSet, TypeDescriptor, TypeName, TypeUrl, Types};
use fairlead_xds::server::{
    Ack, Connection, ConnectionId, Endpoint, Peer, Resolver, ServeError, Server, ServerOptions, View,
};
use fairlead_xds::{NackReport, Node, Publication, SessionOptions};
use prost::{Message, Name};
use tokio::net::TcpListener;
use tonic::Status;

/// A type of one's own: served beside Envoy's, after all of them.
pub(crate) const WIDGET: TypeUrl =
    TypeUrl::new(&TypeName { order: 90, url: "type.example.com/example.v1.Widget", short: "WDS" });

static TYPES: LazyLock<Types> = LazyLock::new(|| {
    Types::envoy().with([TypeDescriptor { all_by_default: true, ..TypeDescriptor::new(WIDGET) }])
});

/// Serves everybody the same view.
struct Everybody(Arc<View>);

impl Resolver for Everybody {
    async fn connect(&self, _: ConnectionId, _: &Node, _: &Peer) -> Result<Connection, Status> {
        Ok(Connection::new(self.0.clone(), SessionOptions::default(), ()))
    }

    fn on_nack(&self, _: ConnectionId, report: &NackReport) {
        tracing::warn!(resources = ?report.resources, "rejected: {}", report.message);
    }

    fn on_ack(&self, _: &Ack) {}
}

/// A listener on `port` whose connections go to `upstream`, by way of a cluster with one endpoint.
pub(crate) fn publication(port: u16, upstream: u16) -> Publication {
    let specifier = Some(ConfigSourceSpecifier::Ads(AggregatedConfigSource {}));
    let eds_config = Some(ConfigSource { config_source_specifier: specifier, ..Default::default() });
    let cluster = Cluster {
        name: "web".into(),
        cluster_discovery_type: Some(cluster::ClusterDiscoveryType::Type(cluster::DiscoveryType::Eds.into())),
        eds_cluster_config: Some(cluster::EdsClusterConfig { eds_config, ..Default::default() }),
        ..Default::default()
    };
    let host = Host { address: Some(loopback(upstream)), ..Default::default() };
    let host_identifier = Some(lb_endpoint::HostIdentifier::Endpoint(host));
    let lb_endpoints = vec![LbEndpoint { host_identifier, ..Default::default() }];
    let endpoints = vec![LocalityLbEndpoints { lb_endpoints, ..Default::default() }];
    let assignment = ClusterLoadAssignment { cluster_name: "web".into(), endpoints, ..Default::default() };
    let cluster_specifier = Some(tcp_proxy::ClusterSpecifier::Cluster("web".into()));
    let proxy = TcpProxy { stat_prefix: "web".into(), cluster_specifier, ..Default::default() };
    let any = Any { type_url: TcpProxy::type_url(), value: proxy.encode_to_vec() };
    let filter = Filter { name: "tcp".into(), config_type: Some(filter::ConfigType::TypedConfig(any)) };
    let filter_chains = vec![FilterChain { filters: vec![filter], ..Default::default() }];
    let listener =
        Listener { name: "in".into(), address: Some(loopback(port)), filter_chains, ..Default::default() };
    Publication::new(1)
        .with(TypeUrl::CLUSTER, one("web", cluster.encode_to_vec()))
        .with(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, one("web", assignment.encode_to_vec()))
        .with(TypeUrl::LISTENER, one("in", listener.encode_to_vec()))
        .with(WIDGET, one("a", b"whatever a widget is".to_vec()))
}

fn one(name: &str, message: Vec<u8>) -> ResourceSet {
    let resource = EncodedResource::whole(name, message);
    ResourceSet::unit(resource.name.clone(), resource)
}

fn loopback(port: u16) -> Address {
    let port_specifier = Some(PortSpecifier::PortValue(port.into()));
    let socket = SocketAddress { address: "127.0.0.1".into(), port_specifier, ..Default::default() };
    Address { address: Some(Socket(socket)) }
}

pub(crate) async fn serve(listener: TcpListener, publication: Publication) -> Result<(), ServeError> {
    let everybody = Everybody(Arc::new(View::new(publication)));
    let options = ServerOptions { types: &TYPES, ..ServerOptions::default() };
    Server::new(Arc::new(everybody), options).serve(Endpoint::plain(listener), std::future::pending()).await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:18000").await?;
    Ok(serve(listener, publication(18001, 18002)).await?)
}
