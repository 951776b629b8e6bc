//! The clusters that lead from a sidecar to its application.

use std::net::Ipv4Addr;

use envoy_types::pb::envoy::config::{cluster::v3::Cluster, core::v3::Address};
use fairlead_envoy::{
    address,
    cluster::{self as envoy_cluster, Discovery, OriginalDst, protocol::AutoSni},
    endpoint::{lb_endpoint, load_assignment, locality_lb_endpoints},
};
use fairlead_model::{
    destination_rule::DestinationRule,
    mesh::Mesh,
    proxy::{InboundListener, IpFamilies},
    sidecar::DefaultEndpoint,
};

use super::{special, traffic_policy};
use crate::{metadata, names};

/// The cluster of one inbound port. Only the connection pool of a DestinationRule applies here, as in Istio
/// (cluster_traffic_policy.go, applyTrafficPolicy for inbound clusters).
pub(super) fn cluster(
    listener: &InboundListener,
    rule: Option<&DestinationRule>,
    families: IpFamilies,
    mesh: &Mesh,
) -> Cluster {
    let name = names::inbound_cluster(listener.port);
    let pool = match (rule, &listener.service) {
        (Some(rule), Some((_, port))) => rule.policy_for(*port, None, &mesh.default_policy).connection_pool,
        _ => mesh.default_policy.clone().into_policy().connection_pool,
    };
    let discovery = discovery(listener, &name, families, mesh);
    let keeps_destination = matches!(discovery, Discovery::OriginalDst(_));
    let connect_timeout = pool.connect_timeout.unwrap_or(mesh.connect_timeout);
    let mut cluster = envoy_cluster::cluster(&*name, discovery, Some(connect_timeout));
    if keeps_destination {
        cluster.upstream_bind_config = Some(special::inbound_source(families));
    }
    traffic_policy::connection_pool(&mut cluster, &pool, mesh);
    traffic_policy::http_options(&mut cluster, &pool, listener.protocol, AutoSni::default());
    cluster.metadata = Some(metadata::inbound_cluster(listener));
    cluster
}

/// Where the application is: at the original destination, unless a Sidecar or the mesh says otherwise.
fn discovery(listener: &InboundListener, name: &str, families: IpFamilies, mesh: &Mesh) -> Discovery {
    let loopback = |port| {
        let host =
            if families == IpFamilies::V6 { "::1".to_owned() } else { Ipv4Addr::LOCALHOST.to_string() };
        at(name, address::address(host, port))
    };
    match &listener.endpoint {
        Some(DefaultEndpoint::Loopback(port)) => loopback(*port),
        Some(DefaultEndpoint::Ip(ip, port)) => at(name, address::address(ip.to_string(), *port)),
        Some(DefaultEndpoint::Unix(path)) => at(name, address::pipe(&**path)),
        Some(DefaultEndpoint::Instance(port)) => original_dst(Some(*port).filter(|p| *p != listener.port)),
        None if mesh.inbound_localhost => loopback(listener.port),
        None => original_dst(None),
    }
}

fn at(name: &str, address: Address) -> Discovery {
    Discovery::Static(load_assignment(name, [locality_lb_endpoints(None, [lb_endpoint(address)])]))
}

fn original_dst(port_override: Option<u16>) -> Discovery {
    Discovery::OriginalDst(OriginalDst {
        port_override,
        // The only host is never removed.
        cleanup_interval: Some(special::NEVER),
        ..OriginalDst::default()
    })
}
