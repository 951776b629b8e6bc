//! Endpoints: `LbEndpoint`, `LocalityLbEndpoints`, `ClusterLoadAssignment`.

use envoy_types::pb::envoy::config::{
    core::v3::{Address, Locality},
    endpoint::v3::{
        ClusterLoadAssignment, Endpoint, LbEndpoint, LocalityLbEndpoints, lb_endpoint::HostIdentifier,
    },
};

use crate::wkt::IntoProto;

/// An endpoint at `address`, of weight 1 (Envoy's default) and of unknown health, which counts as healthy.
pub fn lb_endpoint(address: Address) -> LbEndpoint {
    let endpoint = Endpoint { address: Some(address), ..Default::default() };
    LbEndpoint { host_identifier: Some(HostIdentifier::Endpoint(endpoint)), ..Default::default() }
}

/// A locality; what is not known is empty.
pub fn locality(region: impl Into<String>, zone: impl Into<String>, sub_zone: impl Into<String>) -> Locality {
    Locality { region: region.into(), zone: zone.into(), sub_zone: sub_zone.into() }
}

/// The endpoints of one locality, of priority 0 and without a weight of the locality.
pub fn locality_lb_endpoints(
    locality: Option<Locality>,
    endpoints: impl IntoIterator<Item = LbEndpoint>,
) -> LocalityLbEndpoints {
    LocalityLbEndpoints { locality, lb_endpoints: endpoints.into_iter().collect(), ..Default::default() }
}

/// Sets a locality's priority (0 is tried first, no number may be skipped) and its weight among the localities of that
/// priority, which only locality-weighted load balancing uses.
pub fn placed(locality: LocalityLbEndpoints, priority: u32, weight: Option<u32>) -> LocalityLbEndpoints {
    LocalityLbEndpoints { priority, load_balancing_weight: weight.map(IntoProto::into_proto), ..locality }
}

/// The endpoints of a cluster.
pub fn load_assignment(
    cluster_name: impl Into<String>,
    localities: impl IntoIterator<Item = LocalityLbEndpoints>,
) -> ClusterLoadAssignment {
    ClusterLoadAssignment {
        cluster_name: cluster_name.into(),
        endpoints: localities.into_iter().collect(),
        ..Default::default()
    }
}
