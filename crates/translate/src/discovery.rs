//! How clients find the endpoints of a service: shared by clusters and load assignments.

use fairlead_model::{
    LoadBalancer, Service, TrafficPolicy,
    destination_rule::{DestinationRule, Subset},
    mesh::Mesh,
    service::Resolution,
};

/// The policy for a port and a subset.
pub(crate) fn policy(
    rule: Option<&DestinationRule>,
    port: u16,
    subset: Option<&Subset>,
    mesh: &Mesh,
) -> TrafficPolicy {
    match rule {
        Some(rule) => rule.policy_for(port, subset, &mesh.default_policy),
        None => mesh.default_policy.clone().into_policy(),
    }
}

/// Whether load assignments are sent for the clusters of a service.
pub(crate) fn is_eds(service: &Service, policy: &TrafficPolicy, gateway: bool) -> bool {
    policy.load_balancer != Some(LoadBalancer::Passthrough) && has_endpoints(service, gateway)
}

/// Whether the hosts of a service are sent, where a load balancer chooses among them.
fn has_endpoints(service: &Service, gateway: bool) -> bool {
    match service.resolution {
        Resolution::Registry => true,
        Resolution::OriginalDestination => service.headless && gateway,
        Resolution::StrictDns | Resolution::LogicalDns | Resolution::Alias(_) => false,
    }
}
