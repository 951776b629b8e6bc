//! The registered names of Envoy's extensions, and the messages that carry one.

use envoy_types::pb::envoy::config::core::v3::{TransportSocket, transport_socket::ConfigType};
use prost::{Message, Name};

use crate::pack_any;

/// Network filter: HTTP connection manager.
pub const HTTP_CONNECTION_MANAGER: &str = "envoy.filters.network.http_connection_manager";
/// Network filter: keeps values for the filters after it.
pub const SET_FILTER_STATE: &str = "envoy.filters.network.set_filter_state";
/// Filter state factory: parses an IP address.
pub const IP_STATE: &str = "envoy.network.ip";
/// Network filter: TCP proxy.
pub const TCP_PROXY: &str = "envoy.filters.network.tcp_proxy";
/// Listener filter: restores the address that a redirected connection was meant for.
pub const ORIGINAL_DST: &str = "envoy.filters.listener.original_dst";
/// Listener filter: binds upstream connections to the address of the client.
pub const ORIGINAL_SRC: &str = "envoy.filters.listener.original_src";
/// Listener filter: finds TLS, its server name and its application protocols.
pub const TLS_INSPECTOR: &str = "envoy.filters.listener.tls_inspector";
/// Listener filter: finds HTTP in plain text.
pub const HTTP_INSPECTOR: &str = "envoy.filters.listener.http_inspector";
/// Listener filter: reads the PROXY protocol.
pub const PROXY_PROTOCOL: &str = "envoy.filters.listener.proxy_protocol";
/// HTTP filter: forwards by the route; always the last.
pub const ROUTER: &str = "envoy.filters.http.router";
/// HTTP filter: cross-origin resource sharing, configured per route.
pub const CORS: &str = "envoy.filters.http.cors";
/// HTTP filter: injected delays and aborts, configured per route.
pub const FAULT: &str = "envoy.filters.http.fault";
/// HTTP filter: gRPC-Web to gRPC.
pub const GRPC_WEB: &str = "envoy.filters.http.grpc_web";
/// HTTP filter, upstream only: encodes the request; always the last.
pub const UPSTREAM_CODEC: &str = "envoy.filters.http.upstream_codec";
/// HTTP filter: adds a credential to requests.
pub const CREDENTIAL_INJECTOR: &str = "envoy.filters.http.credential_injector";
/// Transport socket: TLS.
pub const TLS: &str = "envoy.transport_sockets.tls";
/// Transport socket: plain bytes.
pub const RAW_BUFFER: &str = "envoy.transport_sockets.raw_buffer";
/// Access logger: a file.
pub const FILE_ACCESS_LOG: &str = "envoy.access_loggers.file";
/// Cluster type: DNS, strict and logical.
pub const DNS_CLUSTER: &str = "envoy.cluster.dns";
/// Key of a cluster's `typed_extension_protocol_options`: HTTP.
pub const HTTP_PROTOCOL_OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
/// Retry host predicate: not a host that was tried before.
pub const PREVIOUS_HOSTS: &str = "envoy.retry_host_predicates.previous_hosts";
/// Retry priority: not a priority that was tried before.
pub const PREVIOUS_PRIORITIES: &str = "envoy.retry_priorities.previous_priorities";
/// Matching input: the server name of a TLS connection.
pub const SERVER_NAME_INPUT: &str = "envoy.matching.inputs.server_name";
/// Matching action of listeners: the name of a filter chain.
pub const FILTER_CHAIN_NAME: &str = "filter-chain-name";
/// Metadata namespace that `transport_socket_matches` compares with.
pub const TRANSPORT_SOCKET_MATCH: &str = "envoy.transport_socket_match";

/// A transport socket with its configuration.
pub fn transport_socket<M: Message + Name>(name: &str, config: &M) -> TransportSocket {
    TransportSocket { name: name.to_owned(), config_type: Some(ConfigType::TypedConfig(pack_any(config))) }
}
