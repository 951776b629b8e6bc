//! Filter chains and what they match.

use std::time::Duration;

use envoy_types::pb::envoy::config::{
    core::v3::{CidrRange, Metadata, TransportSocket},
    listener::v3::{Filter, FilterChain, FilterChainMatch},
};

use crate::wkt::IntoProto;

/// A filter chain without filters that matches every connection.
pub fn filter_chain() -> FilterChainBuilder {
    FilterChainBuilder { chain: FilterChain::default(), matches: FilterChainMatch::default() }
}

/// What listener filters found a connection to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransportProtocol {
    /// Anything but TLS.
    RawBuffer,
    /// TLS; needs the TLS inspector.
    Tls,
}

impl TransportProtocol {
    /// The name in a filter chain's match.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RawBuffer => "raw_buffer",
            Self::Tls => "tls",
        }
    }
}

/// Builds a [`FilterChain`]. A criterion that is not set matches everything.
///
/// Envoy rules out criterion by criterion, in this order: destination port, destination address, server name,
/// transport protocol, application protocols; the most specific chain wins.
#[derive(Clone, Debug)]
#[must_use]
pub struct FilterChainBuilder {
    chain: FilterChain,
    matches: FilterChainMatch,
}

impl FilterChainBuilder {
    /// The name, unique within the listener.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.chain.name = name.into();
        self
    }

    /// Matches the (original) destination port.
    pub fn destination_port(mut self, port: u16) -> Self {
        self.matches.destination_port = Some(u32::from(port).into_proto());
        self
    }

    /// Matches a destination address in one of the ranges.
    pub fn prefix_ranges(mut self, ranges: impl IntoIterator<Item = CidrRange>) -> Self {
        self.matches.prefix_ranges.extend(ranges);
        self
    }

    /// Matches one of the server names; `*.example.com` is a suffix.
    pub fn server_names<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.matches.server_names.extend(names.into_iter().map(Into::into));
        self
    }

    /// Matches the transport protocol.
    pub fn transport_protocol(mut self, protocol: TransportProtocol) -> Self {
        protocol.as_str().clone_into(&mut self.matches.transport_protocol);
        self
    }

    /// Matches one of the application protocols, as ALPN or the HTTP inspector found them.
    pub fn application_protocols<S: Into<String>>(mut self, protocols: impl IntoIterator<Item = S>) -> Self {
        self.matches.application_protocols.extend(protocols.into_iter().map(Into::into));
        self
    }

    /// Appends a filter.
    pub fn filter(mut self, filter: Filter) -> Self {
        self.chain.filters.push(filter);
        self
    }

    /// Appends filters.
    pub fn filters(mut self, filters: impl IntoIterator<Item = Filter>) -> Self {
        self.chain.filters.extend(filters);
        self
    }

    /// The transport socket. Without one, plaintext.
    pub fn transport_socket(mut self, socket: TransportSocket) -> Self {
        self.chain.transport_socket = Some(socket);
        self
    }

    /// Time limit for the handshake of the transport socket. Envoy's default is none.
    pub fn transport_socket_connect_timeout(mut self, timeout: Duration) -> Self {
        self.chain.transport_socket_connect_timeout = Some(timeout.into_proto());
        self
    }

    /// Metadata of the chain.
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.chain.metadata = Some(metadata);
        self
    }

    /// The chain.
    #[must_use]
    pub fn build(self) -> FilterChain {
        let Self { mut chain, matches } = self;
        chain.filter_chain_match = (matches != FilterChainMatch::default()).then_some(matches);
        chain
    }
}
