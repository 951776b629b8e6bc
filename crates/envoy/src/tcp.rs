//! The TCP proxy.

use envoy_types::pb::envoy::{
    config::listener::v3::Filter,
    extensions::filters::network::tcp_proxy::v3::{
        TcpProxy,
        tcp_proxy::{ClusterSpecifier, WeightedCluster, weighted_cluster::ClusterWeight},
    },
    r#type::v3::{HashPolicy, hash_policy},
};

use crate::{extension, listener::network_filter};

/// Where connections go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TcpUpstream {
    /// To this cluster.
    Cluster(String),
    /// To these clusters in proportion to their weights, which are not zero.
    Weighted(Vec<(String, u32)>),
}

/// A TCP proxy. Without traffic a connection is closed after 1 h (Envoy's default) unless `idle_timeout` is set.
pub fn tcp_proxy(stat_prefix: impl Into<String>, upstream: TcpUpstream) -> TcpProxy {
    let specifier = match upstream {
        TcpUpstream::Cluster(name) => ClusterSpecifier::Cluster(name),
        TcpUpstream::Weighted(clusters) => {
            let weight = |(name, weight)| ClusterWeight { name, weight, metadata_match: None };
            let clusters = clusters.into_iter().map(weight).collect();
            ClusterSpecifier::WeightedClusters(WeightedCluster { clusters })
        }
    };
    TcpProxy { stat_prefix: stat_prefix.into(), cluster_specifier: Some(specifier), ..Default::default() }
}

/// Connections of one client address go to one host, where the cluster's load balancer hashes.
pub fn source_ip_hash() -> HashPolicy {
    HashPolicy { policy_specifier: Some(hash_policy::PolicySpecifier::SourceIp(hash_policy::SourceIp {})) }
}

/// The proxy as the last filter of a chain.
pub fn tcp_proxy_filter(proxy: &TcpProxy) -> Filter {
    network_filter(extension::TCP_PROXY, proxy)
}
