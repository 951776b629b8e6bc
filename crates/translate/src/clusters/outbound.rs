//! The clusters that lead to a service.

use envoy_types::pb::envoy::config::{cluster::v3::Cluster, endpoint::v3::ClusterLoadAssignment};
use fairlead_envoy::{
    cluster::{Discovery, Dns, DnsLookupFamily, OriginalDst, cluster},
    endpoint::load_assignment,
};
use fairlead_model::{
    LoadBalancer, Port, Service, TrafficPolicy,
    destination_rule::{DestinationRule, Subset},
    endpoints::ServiceEndpoints,
    mesh::Mesh,
    port::TargetPort,
    proxy::IpFamilies,
    service::Resolution,
};

use super::{tls, traffic_policy};
use crate::{
    discovery::{is_eds, policy},
    endpoints,
    maker::Maker,
    metadata, names,
    view::ClusterView,
};

/// Everything that the clusters of a service depend on.
pub(crate) struct ClusterInputs<'a> {
    pub service: &'a Service,
    pub rule: Option<&'a DestinationRule>,
    /// Given for services whose names Envoy resolves.
    pub endpoints: Option<&'a ServiceEndpoints>,
    pub mesh: &'a Mesh,
    pub view: &'a ClusterView,
}

/// A cluster, and its maker.
pub(crate) struct OutboundCluster<'a> {
    /// The cluster without its metadata; boxed, since it takes more than two kilobytes.
    pub message: Box<Cluster>,
    /// Its metadata in canonical bytes.
    pub metadata: Vec<u8>,
    pub maker: Maker<'a>,
}

/// Visits the clusters of every port, for all endpoints and for each subset.
pub(crate) fn clusters<'a>(inputs: &ClusterInputs<'a>, visit: &mut dyn FnMut(OutboundCluster<'a>)) {
    let ClusterInputs { service, rule, .. } = *inputs;
    let subsets = rule.map_or(&[][..], |rule| &rule.subsets);
    for port in &service.ports {
        for subset in std::iter::once(None).chain(subsets.iter().map(Some)) {
            if let Some(message) = outbound_cluster(inputs, port, subset) {
                let metadata = metadata::cluster(service, rule, subset);
                let maker = Maker::Service { key: &service.key, port: port.number, rule, subset };
                visit(OutboundCluster { message, metadata, maker });
            }
        }
    }
}

fn outbound_cluster(
    inputs: &ClusterInputs<'_>,
    port: &Port,
    subset: Option<&Subset>,
) -> Option<Box<Cluster>> {
    let ClusterInputs { service, rule, mesh, view, .. } = inputs;
    let host = &service.key.host;
    let name = names::outbound_cluster(port.number, subset.map_or("", |s| &s.name), host);
    let policy = policy(*rule, port.number, subset, mesh);
    let discovery = discovery(inputs, port, subset, &policy, &name)?;
    let connect_timeout = policy.connection_pool.connect_timeout.unwrap_or(mesh.connect_timeout);
    let chooses_host = !matches!(discovery, Discovery::OriginalDst(_));
    let mut cluster = Box::new(cluster(&*name, discovery, Some(connect_timeout)));
    let inputs = traffic_policy::PolicyInputs {
        subject_alt_names: &service.subject_alt_names,
        protocol: port.protocol,
        mesh,
        gateway: view.gateway,
        chooses_host,
    };
    traffic_policy::apply(&mut cluster, &policy, &inputs);
    tls::apply(&mut cluster, &policy, &tls::TlsInputs { service, rule: *rule, port, view });
    Some(cluster)
}

/// Where the hosts come from; `None` where there is nothing to connect to and never will be.
fn discovery(
    inputs: &ClusterInputs<'_>,
    port: &Port,
    subset: Option<&Subset>,
    policy: &TrafficPolicy,
    name: &str,
) -> Option<Discovery> {
    let service = inputs.service;
    if is_eds(service, policy, inputs.view.gateway) {
        return Some(Discovery::Eds { service_name: None });
    }
    let dns = || {
        let mut load_assignment = dns_endpoints(inputs, port, subset, name);
        // A logical DNS cluster has one name.
        if service.resolution == Resolution::LogicalDns {
            load_assignment.endpoints.truncate(1);
            load_assignment.endpoints.iter_mut().for_each(|l| l.lb_endpoints.truncate(1));
        }
        // A cluster without a name to resolve is not sent: requests are answered with 503 NC, as in Istio
        // (cluster_builder.go, buildCluster).
        (!load_assignment.endpoints.is_empty()).then(|| Dns {
            load_assignment,
            family: match inputs.view.families {
                IpFamilies::V4 => DnsLookupFamily::V4Only,
                IpFamilies::V6 => DnsLookupFamily::V6Only,
                IpFamilies::Dual => DnsLookupFamily::All,
            },
            refresh_rate: Some(inputs.mesh.dns_refresh_rate),
            respect_ttl: true,
            jitter: Some(std::time::Duration::from_millis(100)),
            resolver: None,
        })
    };
    match service.resolution {
        Resolution::Alias(_) => None,
        Resolution::StrictDns if policy.load_balancer != Some(LoadBalancer::Passthrough) => {
            dns().map(Discovery::StrictDns)
        }
        Resolution::LogicalDns if policy.load_balancer != Some(LoadBalancer::Passthrough) => {
            dns().map(Discovery::LogicalDns)
        }
        _ => Some(Discovery::OriginalDst(OriginalDst {
            port_override: match port.target {
                // Pods are connected to on the port that the client chose.
                TargetPort::Number(target) if target != port.number && !service.headless => Some(target),
                _ => None,
            },
            ..OriginalDst::default()
        })),
    }
}

fn dns_endpoints(
    inputs: &ClusterInputs<'_>,
    port: &Port,
    subset: Option<&Subset>,
    name: &str,
) -> ClusterLoadAssignment {
    let is_filled = |endpoints: &&ServiceEndpoints| {
        let subsets = inputs.rule.map_or(&[][..], |rule| &rule.subsets);
        let at = subset.and_then(|subset| subsets.iter().position(|other| other.name == subset.name));
        at.is_none_or(|at| at < endpoints.filled(subsets))
    };
    let endpoints = inputs.endpoints.filter(is_filled);
    let all = endpoints.and_then(|e| e.by_port.get(&port.number)).map_or(&[][..], |e| e);
    load_assignment(name, endpoints::by_locality(all, subset, inputs.service))
}
