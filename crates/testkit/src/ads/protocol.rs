//! The variants of ADS, and Envoy's constants in both.

use std::time::Duration;

/// Time after which Envoy continues without the endpoints of a cluster.
pub const INITIAL_FETCH_TIMEOUT: Duration = Duration::from_secs(15);

/// A variant of ADS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Incremental (`DELTA_GRPC`).
    Delta,
    /// State of the world (`GRPC`).
    Sotw,
}

impl Protocol {
    /// The path of its method.
    pub fn path(self) -> &'static str {
        match self {
            Self::Delta => "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources",
            Self::Sotw => "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources",
        }
    }
}
