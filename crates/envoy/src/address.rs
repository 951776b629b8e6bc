//! Addresses, ports and address ranges.

use std::net::IpAddr;

use envoy_types::pb::envoy::config::core::v3::{
    Address, CidrRange, Pipe, SocketAddress, address, socket_address::PortSpecifier,
};

use crate::wkt::IntoProto;

/// A TCP address. `host` is an IP address or, in DNS clusters, a name.
pub fn address(host: impl Into<String>, port: u16) -> Address {
    Address { address: Some(address::Address::SocketAddress(socket_address(host, port))) }
}

/// The bare form of [`address()`], as bind configurations want it.
pub fn socket_address(host: impl Into<String>, port: u16) -> SocketAddress {
    SocketAddress {
        address: host.into(),
        port_specifier: Some(PortSpecifier::PortValue(port.into())),
        ..Default::default()
    }
}

/// A Unix domain socket; a path that begins with `@` is abstract.
pub fn pipe(path: impl Into<String>) -> Address {
    Address { address: Some(address::Address::Pipe(Pipe { path: path.into(), mode: 0 })) }
}

/// The range of `prefix_len` leading bits of `ip`.
pub fn cidr_range(ip: IpAddr, prefix_len: u8) -> CidrRange {
    CidrRange { address_prefix: ip.to_string(), prefix_len: Some(u32::from(prefix_len).into_proto()) }
}
