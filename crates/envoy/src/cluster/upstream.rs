//! How a cluster connects: source address and keepalive.

use envoy_types::pb::envoy::config::{
    cluster::v3::UpstreamConnectionOptions,
    core::v3::{BindConfig, ExtraSourceAddress, TcpKeepalive},
};

use crate::{address::socket_address, wkt::IntoProto};

/// TCP keepalive. What is `None` is the kernel's setting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keepalive {
    /// Probes without an answer after which the connection is closed.
    pub probes: Option<u32>,
    /// Seconds without traffic before the first probe.
    pub time_seconds: Option<u32>,
    /// Seconds between two probes.
    pub interval_seconds: Option<u32>,
}

/// Keepalive on the connections of a cluster.
pub fn upstream_connection_options(keepalive: Keepalive) -> UpstreamConnectionOptions {
    UpstreamConnectionOptions { tcp_keepalive: Some(tcp_keepalive(keepalive)), ..Default::default() }
}

/// TCP keepalive.
pub fn tcp_keepalive(keepalive: Keepalive) -> TcpKeepalive {
    TcpKeepalive {
        keepalive_probes: keepalive.probes.map(IntoProto::into_proto),
        keepalive_time: keepalive.time_seconds.map(IntoProto::into_proto),
        keepalive_interval: keepalive.interval_seconds.map(IntoProto::into_proto),
    }
}

/// Connects from `source`, or from the address in `extra` that is of the host's family.
pub fn bind_config(source: impl Into<String>, extra: impl IntoIterator<Item = String>) -> BindConfig {
    BindConfig {
        source_address: Some(socket_address(source, 0)),
        extra_source_addresses: extra
            .into_iter()
            .map(|ip| ExtraSourceAddress { address: Some(socket_address(ip, 0)), ..Default::default() })
            .collect(),
        ..Default::default()
    }
}
