//! Load assignments: which endpoints a cluster has, in which locality, with which priority.

use std::sync::Arc;

use envoy_types::pb::envoy::config::{
    core::v3::Address,
    endpoint::v3::{LbEndpoint, LocalityLbEndpoints},
};
use fairlead_envoy::{
    IntoProto, address, collection, encode,
    endpoint::{lb_endpoint, load_assignment, locality, locality_lb_endpoints, placed},
};
use fairlead_incremental::{Query, Reader, Stratum};
use fairlead_model::{
    LocalityLb, Origin, Service, TrafficPolicy,
    destination_rule::{DestinationRule, MergedRule, Subset},
    endpoints::{
        Endpoint, EndpointAddress, EndpointOrigins, EndpointsOf, Health, Locality, ServiceEndpoints,
    },
    mesh::{Mesh, ResolvedMesh},
    proxy::{IpFamilies, Place},
    registry::ServiceByKey,
    service::TrafficDistribution,
    strata,
};
use fairlead_resource::EncodedResource;

use crate::{
    clusters::traffic_policy::weighs_localities,
    discovery::{is_eds, policy},
    maker::Maker,
    names,
    view::{EndpointView, ServiceInView},
};

mod locality_lb;

use locality_lb::{LocalityGroup, Preference};

/// The load assignments of one service: every port, for all endpoints and for each subset.
pub struct ServiceLoadAssignments;

impl Query for ServiceLoadAssignments {
    type Key = ServiceInView<EndpointView>;
    type Value = Arc<[EncodedResource]>;
    const NAME: &'static str = "service_load_assignments";
    const STRATUM: Stratum = strata::RESOURCE;

    fn compute(cx: &Reader<'_>, key: &Self::Key) -> Self::Value {
        let mut assignments = Vec::new();
        each_of_service(cx, key, &mut |assignment| assignments.push(assignment.encoded()));
        assignments.into()
    }
}

/// Visits the load assignments of a service.
pub(crate) fn each_of_service(
    cx: &Reader<'_>,
    key: &ServiceInView<EndpointView>,
    visit: &mut dyn FnMut(LoadAssignment<'_>),
) {
    let service = cx.get::<ServiceByKey>(&key.service);
    let Some(service) = service.as_ref() else { return };
    let rule = key.rule.as_ref().and_then(|rule| (*cx.get::<MergedRule>(rule)).clone());
    let inputs = LoadAssignmentInputs {
        service,
        rule: rule.as_deref(),
        endpoints: &cx.get::<EndpointsOf>(&key.service),
        mesh: &cx.get::<ResolvedMesh>(&()),
        view: &key.view,
    };
    load_assignments(&inputs, visit);
}

/// A load assignment before it becomes a message.
pub(crate) struct LoadAssignment<'a> {
    pub(crate) name: Arc<str>,
    /// The port of the service.
    port: u16,
    /// What makes it.
    pub(crate) maker: Maker<'a>,
    groups: Vec<LocalityGroup<'a>>,
    /// Whether its endpoints may be sent as resources of their own.
    collected: bool,
}

impl LoadAssignment<'_> {
    fn encoded(self) -> EncodedResource {
        let assignment = load_assignment(&*self.name, self.groups.iter().map(locality_endpoints));
        if self.collected {
            collection::load_assignment(&assignment)
        } else {
            EncodedResource::whole(self.name, encode(&assignment))
        }
    }

    /// The origin of each endpoint, by its address as it is sent.
    pub(crate) fn endpoint_origins(&self, of_service: &EndpointOrigins) -> Vec<(Arc<str>, Vec<Origin>)> {
        let endpoints = self.groups.iter().flat_map(|group| &group.endpoints);
        let of_endpoint = |endpoint: &&Endpoint| {
            let origin = of_service.get(&(self.port, endpoint.address.clone(), endpoint.port));
            (name(&endpoint.address, endpoint.port), origin.cloned().into_iter().collect())
        };
        endpoints.map(of_endpoint).collect()
    }
}

/// The name of an endpoint within an assignment: its address and port.
pub(crate) fn name(address: &EndpointAddress, port: u16) -> Arc<str> {
    match address {
        EndpointAddress::Ip(ip) => format!("{ip}:{port}").into(),
        EndpointAddress::Dns(host) => format!("{host}:{port}").into(),
        EndpointAddress::Unix(path) => path.clone(),
    }
}

/// Everything that the load assignments of a service depend on.
struct LoadAssignmentInputs<'a> {
    service: &'a Service,
    rule: Option<&'a DestinationRule>,
    endpoints: &'a ServiceEndpoints,
    mesh: &'a Mesh,
    view: &'a EndpointView,
}

fn load_assignments(inputs: &LoadAssignmentInputs<'_>, visit: &mut dyn FnMut(LoadAssignment<'_>)) {
    let LoadAssignmentInputs { service, rule, endpoints, mesh, view } = *inputs;
    let subsets = rule.map_or(&[][..], |rule| &rule.subsets);
    let (filled, empty) = subsets.split_at(endpoints.filled(subsets));
    let filled = filled.iter().map(|subset| (Some(subset), false));
    let empty = empty.iter().map(|subset| (Some(subset), true));
    let subsets: Vec<_> = std::iter::once((None, false)).chain(filled).chain(empty).collect();
    for port in &service.ports {
        let all = endpoints.by_port.get(&port.number).map_or(&[][..], |e| e);
        for (subset, is_empty) in subsets.iter().copied() {
            let policy = policy(rule, port.number, subset, mesh);
            if !is_eds(service, &policy, view.gateway) {
                continue;
            }
            let name =
                names::outbound_cluster(port.number, subset.map_or("", |s| &s.name), &service.key.host);
            let all = if is_empty { &[] } else { all };
            let usable = usable(all, subset, service, &view.place).filter(|e| reaches(view.families, e));
            let groups = locality_lb::group(usable);
            let mut groups = match preference(service, &policy, mesh) {
                Some(preference) => locality_lb::apply(groups, &preference, &view.place),
                None => groups,
            };
            let collected = in_collections(&mut groups, weighs_localities(&policy, mesh), mesh);
            let maker = Maker::Service { key: &service.key, port: port.number, rule, subset };
            visit(LoadAssignment { name, port: port.number, maker, groups, collected });
        }
    }
}

/// Whether the endpoints of an assignment may be sent as resources of their own.
///
/// There must be enough of them, and adding or removing one must not change the rest of the assignment, since the
/// client is sent everything again whenever that changes. The weight of a locality, which depends on its endpoints, is
/// therefore set to 1 where it has no effect. Where it has one, the assignment is sent in one piece.
fn in_collections(groups: &mut [LocalityGroup<'_>], weighted: bool, mesh: &Mesh) -> bool {
    let count: usize = groups.iter().map(|group| group.endpoints.len()).sum();
    if count == 0 || count < mesh.assignment_elements {
        return false;
    }
    let shared = groups.windows(2).any(|two| two[0].priority == two[1].priority);
    if weighted && shared {
        return false;
    }
    for group in groups {
        group.weight = 1;
    }
    true
}

/// The endpoints of a DNS cluster, which every client sees alike.
pub(crate) fn by_locality(
    endpoints: &[Endpoint],
    subset: Option<&Subset>,
    service: &Service,
) -> Vec<LocalityLbEndpoints> {
    let nowhere = Place::default();
    let usable = usable(endpoints, subset, service, &nowhere);
    locality_lb::group(usable).iter().map(locality_endpoints).collect()
}

/// The usable endpoints: healthy ones of the subset, on the client's node where the service says so.
fn usable<'a>(
    endpoints: &'a [Endpoint],
    subset: Option<&'a Subset>,
    service: &'a Service,
    place: &'a Place,
) -> impl Iterator<Item = &'a Endpoint> {
    endpoints.iter().filter(move |endpoint| {
        let healthy = match endpoint.health {
            Health::Healthy => true,
            Health::Unhealthy => service.publish_not_ready,
            Health::Draining => false,
        };
        healthy
            && subset.is_none_or(|s| endpoint.has_labels(&s.labels))
            && (!service.node_local || endpoint.node.as_deref() == Some(&*place.node))
    })
}

/// How localities are preferred: a Service's `trafficDistribution` counts unless the rule has its own setting. Failover
/// requires outlier detection, without which no endpoint would ever count as failed (Istio does the same).
fn preference<'a>(service: &Service, policy: &'a TrafficPolicy, mesh: &'a Mesh) -> Option<Preference<'a>> {
    if let (Some(distribution), None) = (service.traffic_distribution, &policy.locality_lb) {
        return Some(Preference::Labels(match distribution {
            TrafficDistribution::PreferSameZone => {
                locality_lb::SAME_ZONE.iter().map(|s| Arc::from(*s)).collect()
            }
            TrafficDistribution::PreferSameNode => {
                locality_lb::SAME_NODE.iter().map(|s| Arc::from(*s)).collect()
            }
        }));
    }
    let setting: &LocalityLb = policy.locality_lb.as_ref().unwrap_or(&mesh.locality_lb);
    if !setting.enabled {
        None
    } else if !setting.distribute.is_empty() {
        Some(Preference::Distribute(&setting.distribute))
    } else if policy.outlier_detection.is_none() {
        None
    } else if !setting.failover_priority.is_empty() {
        Some(Preference::Labels(setting.failover_priority.clone()))
    } else {
        Some(Preference::Failover(&setting.failover))
    }
}

/// Whether a client with addresses of these families can connect to an endpoint.
fn reaches(families: IpFamilies, endpoint: &Endpoint) -> bool {
    match (&endpoint.address, families) {
        (EndpointAddress::Ip(ip), IpFamilies::V4) => ip.is_ipv4(),
        (EndpointAddress::Ip(ip), IpFamilies::V6) => ip.is_ipv6(),
        _ => true,
    }
}

fn locality_endpoints(group: &LocalityGroup<'_>) -> LocalityLbEndpoints {
    let place = group.locality;
    let known = *place != Locality::default();
    let endpoints = locality_lb_endpoints(
        known.then(|| locality(&*place.region, &*place.zone, &*place.subzone)),
        group.endpoints.iter().map(|e| endpoint(e)),
    );
    placed(endpoints, group.priority, Some(group.weight))
}

fn endpoint(endpoint: &Endpoint) -> LbEndpoint {
    let mut proto = lb_endpoint(socket(endpoint));
    if endpoint.weight != 1 {
        proto.load_balancing_weight = Some(endpoint.weight.into_proto());
    }
    proto
}

fn socket(endpoint: &Endpoint) -> Address {
    match &endpoint.address {
        EndpointAddress::Ip(ip) => address::address(ip.to_string(), endpoint.port),
        EndpointAddress::Dns(host) => address::address(host.as_str(), endpoint.port),
        EndpointAddress::Unix(path) => address::pipe(&**path),
    }
}

#[cfg(test)]
mod tests;
