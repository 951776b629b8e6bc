//! Listeners: addresses, listener filters, filter chains.

use std::time::Duration;

use envoy_types::pb::envoy::config::{
    core::v3::{Address, Metadata, TrafficDirection},
    listener::v3::{AdditionalAddress, Filter, FilterChain, Listener, ListenerFilter, filter},
};
use prost::{Message, Name};

use crate::{pack_any, wkt::IntoProto};

mod chain;
mod destination;
mod elements;
pub mod inspect;
mod server_name;

pub use chain::{FilterChainBuilder, TransportProtocol, filter_chain};
pub use destination::{destination_not_in, remember_destination};
pub use elements::{ChainElement, ChainSecrets, NEVER, NEVER_A_CERTIFICATE, listener_of_chains};
pub use server_name::server_name_matcher;

/// A listener at `address` that binds it (Envoy's default).
pub fn listener(name: impl Into<String>, address: Address) -> ListenerBuilder {
    ListenerBuilder(Listener { name: name.into(), address: Some(address), ..Default::default() })
}

/// A network filter with its configuration.
pub fn network_filter<M: Message + Name>(name: &str, config: &M) -> Filter {
    network_filter_of(name, pack_any(config))
}

/// A network filter with its packed configuration.
pub(crate) fn network_filter_of(name: &str, config: envoy_types::pb::google::protobuf::Any) -> Filter {
    Filter { name: name.to_owned(), config_type: Some(filter::ConfigType::TypedConfig(config)) }
}

/// Builds a [`Listener`]; what is not set stays at Envoy's default.
#[derive(Clone, Debug)]
#[must_use]
pub struct ListenerBuilder(Listener);

impl ListenerBuilder {
    /// A further address of the same listener.
    pub fn additional_address(mut self, address: Address) -> Self {
        self.0.additional_addresses.push(AdditionalAddress { address: Some(address), ..Default::default() });
        self
    }

    /// `false`: accepts no connections from the network, only those that another listener hands over.
    pub fn bind_to_port(mut self, bind: bool) -> Self {
        self.0.bind_to_port = Some(bind.into_proto());
        self
    }

    /// Hands each connection over to the listener of its original destination, if there is one.
    pub fn use_original_dst(mut self) -> Self {
        self.0.use_original_dst = Some(true.into_proto());
        self
    }

    /// Accepts connections to addresses that are not the host's own (TPROXY).
    pub fn transparent(mut self) -> Self {
        self.0.transparent = Some(true.into_proto());
        self
    }

    /// The direction of the traffic, which tracing and access logs show.
    pub fn traffic_direction(mut self, direction: TrafficDirection) -> Self {
        self.0.set_traffic_direction(direction);
        self
    }

    /// Appends a listener filter.
    pub fn listener_filter(mut self, filter: ListenerFilter) -> Self {
        self.0.listener_filters.push(filter);
        self
    }

    /// Time for which listener filters may wait for bytes (Envoy's default is 15 s; zero is for ever), and whether the
    /// connection then continues without them (by default Envoy closes it).
    pub fn listener_filters_timeout(mut self, timeout: Duration, go_on: bool) -> Self {
        self.0.listener_filters_timeout = Some(timeout.into_proto());
        self.0.continue_on_listener_filters_timeout = go_on;
        self
    }

    /// Appends a filter chain.
    pub fn filter_chain(mut self, chain: FilterChain) -> Self {
        self.0.filter_chains.push(chain);
        self
    }

    /// Appends filter chains.
    pub fn filter_chains(mut self, chains: impl IntoIterator<Item = FilterChain>) -> Self {
        self.0.filter_chains.extend(chains);
        self
    }

    /// The chain for connections that match no other. Without one they are closed.
    pub fn default_filter_chain(mut self, chain: FilterChain) -> Self {
        self.0.default_filter_chain = Some(chain);
        self
    }

    /// Metadata of the listener.
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.0.metadata = Some(metadata);
        self
    }

    /// Sets fields that have no method here.
    pub fn with(mut self, set: impl FnOnce(&mut Listener)) -> Self {
        set(&mut self.0);
        self
    }

    /// The listener.
    #[must_use]
    pub fn build(self) -> Listener {
        self.0
    }
}
