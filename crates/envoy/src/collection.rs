//! A load assignment with its endpoints as elements (LEDS), in one collection for each locality.

use std::net::IpAddr;

use envoy_types::pb::envoy::config::{
    core::v3::{Pipe, SocketAddress, address, socket_address::PortSpecifier},
    endpoint::v3::{
        ClusterLoadAssignment, LbEndpoint, LedsClusterLocalityConfig, LocalityLbEndpoints,
        lb_endpoint::HostIdentifier, locality_lb_endpoints::LbConfig,
    },
};
use fairlead_resource::{
    Digest, Elements, EncodedResource, ResourceName, ResourceSet,
    collection::{Collection, Epoch},
};

use crate::{config_source, encode};

#[cfg(test)]
mod tests;

/// Maximum length of a socket's path (`sun_path` without its NUL).
const PATH_BYTES: usize = 107;

/// A load assignment that has its endpoints as elements, one collection for each locality.
///
/// There is no second form without endpoints: Envoy would wait for some that never come. Nor is there one if Envoy
/// cannot read an address: it rejects an assignment with such an address, but as an endpoint by LEDS it ends the
/// process as soon as another endpoint changes (`std::terminate`, uncaught `malformed IP address`).
pub fn load_assignment(assignment: &ClusterLoadAssignment) -> EncodedResource {
    let full = EncodedResource::whole(assignment.cluster_name.as_str(), encode(assignment));
    if !assignment.endpoints.iter().flat_map(|locality| &locality.lb_endpoints).all(is_readable) {
        return full;
    }
    let children = endpoints(assignment);
    if children.is_empty() {
        return full;
    }
    let parents = [Epoch::First, Epoch::Second].map(|epoch| parent(assignment, epoch));
    full.with_elements(Elements::of_collections(parents, children))
}

/// Whether Envoy can read the address of an endpoint: that of an IP address, or of a socket in a file.
fn is_readable(endpoint: &LbEndpoint) -> bool {
    let Some(HostIdentifier::Endpoint(of)) = &endpoint.host_identifier else { return false };
    match of.address.as_ref().and_then(|address| address.address.as_ref()) {
        Some(address::Address::SocketAddress(SocketAddress { address, .. })) => {
            address.parse::<IpAddr>().is_ok()
        }
        Some(address::Address::Pipe(Pipe { path, .. })) => (1..=PATH_BYTES).contains(&path.len()),
        _ => false,
    }
}

/// The localities that have endpoints, numbered: a collection without one would never be answered.
fn localities(assignment: &ClusterLoadAssignment) -> impl Iterator<Item = (usize, &LocalityLbEndpoints)> {
    assignment.endpoints.iter().filter(|locality| !locality.lb_endpoints.is_empty()).enumerate()
}

/// The assignment with collections in place of the endpoints.
fn parent(assignment: &ClusterLoadAssignment, epoch: Epoch) -> EncodedResource {
    let name = &assignment.cluster_name;
    let collected = |(number, locality): (usize, &LocalityLbEndpoints)| LocalityLbEndpoints {
        locality: locality.locality.clone(),
        load_balancing_weight: locality.load_balancing_weight,
        priority: locality.priority,
        proximity: locality.proximity,
        metadata: locality.metadata.clone(),
        lb_config: Some(LbConfig::LedsClusterLocalityConfig(LedsClusterLocalityConfig {
            // After a timeout Envoy would continue with a locality without endpoints.
            leds_config: Some(config_source::ads_without_timeout()),
            leds_collection_name: Collection::new(epoch, name, number).glob(),
        })),
        ..LocalityLbEndpoints::default()
    };
    let parent = ClusterLoadAssignment {
        cluster_name: name.clone(),
        endpoints: localities(assignment).map(collected).collect(),
        named_endpoints: assignment.named_endpoints.clone(),
        policy: assignment.policy.clone(),
    };
    EncodedResource::whole(name.as_str(), encode(&parent))
}

/// The endpoints under their names in the first epoch. The first of several at one address counts, as in Envoy.
fn endpoints(assignment: &ClusterLoadAssignment) -> ResourceSet {
    let mut set = ResourceSet::new();
    for (number, locality) in localities(assignment) {
        let collection = Collection::new(Epoch::First, &assignment.cluster_name, number);
        for endpoint in &locality.lb_endpoints {
            let body = encode(endpoint);
            let name: ResourceName = format!("{}/{}", collection.prefix(), id(endpoint, &body)).into();
            if !set.contains_key(&name) {
                set.insert(name.clone(), EncodedResource::whole(name, body));
            }
        }
    }
    set
}

/// The name of an endpoint in its collection: its IP address and port, or else a digest.
fn id(endpoint: &LbEndpoint, body: &[u8]) -> String {
    let of = match &endpoint.host_identifier {
        Some(HostIdentifier::Endpoint(of)) => of.address.as_ref().and_then(|a| a.address.as_ref()),
        _ => None,
    };
    match of {
        Some(address::Address::SocketAddress(SocketAddress {
            address,
            port_specifier: Some(PortSpecifier::PortValue(port)),
            ..
        })) if address.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-')) => {
            format!("{address}:{port}")
        }
        Some(other) => {
            let address = envoy_types::pb::envoy::config::core::v3::Address { address: Some(other.clone()) };
            Digest::of(&encode(&address)).to_string()
        }
        None => Digest::of(body).to_string(),
    }
}
