//! Clusters: discovery and load balancing. The other settings of a cluster are in the modules below.

use std::time::Duration;

use bytes::Bytes;
use envoy_types::pb::envoy::{
    config::{
        cluster::v3::{
            Cluster,
            cluster::{
                ClusterDiscoveryType, CustomClusterType, DiscoveryType, EdsClusterConfig, LbConfig,
                LbPolicy as ProtoLbPolicy, LeastRequestLbConfig, MaglevLbConfig, OriginalDstLbConfig,
                RingHashLbConfig, RoundRobinLbConfig, SlowStartConfig,
            },
        },
        core::v3::{Metadata, TypedExtensionConfig},
        endpoint::v3::ClusterLoadAssignment,
    },
    extensions::clusters::dns::v3::DnsCluster,
};

use crate::{Template, config_source, extension, pack_any, wkt::IntoProto};

pub use envoy_types::pb::envoy::extensions::clusters::common::dns::v3::DnsLookupFamily;

pub mod limits;
pub mod protocol;
pub mod upstream;

/// Where the hosts of a cluster come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Discovery {
    /// EDS over ADS, waiting for the first response without a timeout: a cluster without endpoints is no better than
    /// one that is still warming.
    Eds {
        /// The name to ask for, where it is not the cluster's.
        service_name: Option<String>,
    },
    /// Each address that a name resolves to is a host.
    StrictDns(Dns),
    /// A name is one host; a new connection goes to the first address of the latest answer.
    LogicalDns(Dns),
    /// Exactly these hosts.
    Static(ClusterLoadAssignment),
    /// The address that the intercepted connection was meant for.
    OriginalDst(OriginalDst),
}

/// Name resolution of a cluster. Emitted as `envoy.cluster.dns`: the DNS fields of `Cluster` are deprecated.
#[derive(Clone, Debug, PartialEq)]
pub struct Dns {
    /// The names, as addresses of endpoints.
    pub load_assignment: ClusterLoadAssignment,
    /// Which addresses are asked for. Envoy's default is IPv6, and IPv4 if there is none.
    pub family: DnsLookupFamily,
    /// Interval at which names are resolved. Envoy's default is 5 s.
    pub refresh_rate: Option<Duration>,
    /// Resolves names when the TTL expires, and at the refresh rate only after failures. Envoy's default is off.
    pub respect_ttl: bool,
    /// Maximum random jitter added to the interval. Envoy's default is none.
    pub jitter: Option<Duration>,
    /// The resolver, where it is not Envoy's default one.
    pub resolver: Option<TypedExtensionConfig>,
}

/// Settings of an original-destination cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OriginalDst {
    /// Connects to this port instead of the original one.
    pub port_override: Option<u16>,
    /// Takes the address from this request header, if it is there.
    pub http_header: Option<String>,
    /// Interval after which unused hosts are removed. Envoy's default is 5 s.
    pub cleanup_interval: Option<Duration>,
}

/// How a host is chosen.
#[derive(Clone, Debug, PartialEq)]
pub enum LbPolicy {
    /// In turn, by weight. Envoy's default.
    RoundRobin(Option<SlowStartConfig>),
    /// The less busy of two random hosts.
    LeastRequest(Option<SlowStartConfig>),
    /// Any.
    Random,
    /// Consistent hashing by a ring.
    RingHash {
        /// Envoy's default is 1024, at most 8,388,608.
        minimum_ring_size: Option<u64>,
    },
    /// Consistent hashing by a table.
    Maglev {
        /// A prime. Envoy's default is 65,537.
        table_size: Option<u64>,
    },
}

/// A cluster. Load balancing is round robin (Envoy's default) except for an original-destination cluster, which needs
/// no choice. The connect timeout is 5 s (Envoy's default) unless given.
pub fn cluster(name: impl Into<String>, discovery: Discovery, connect_timeout: Option<Duration>) -> Cluster {
    let mut cluster = Cluster {
        name: name.into(),
        connect_timeout: connect_timeout.map(IntoProto::into_proto),
        ..Default::default()
    };
    match discovery {
        Discovery::Eds { service_name } => {
            set_type(&mut cluster, DiscoveryType::Eds);
            cluster.eds_cluster_config = Some(EdsClusterConfig {
                eds_config: Some(config_source::ads_without_timeout()),
                service_name: service_name.unwrap_or_default(),
            });
        }
        Discovery::StrictDns(dns) => set_dns(&mut cluster, dns, false),
        Discovery::LogicalDns(dns) => set_dns(&mut cluster, dns, true),
        Discovery::Static(load_assignment) => {
            set_type(&mut cluster, DiscoveryType::Static);
            cluster.load_assignment = Some(load_assignment);
        }
        Discovery::OriginalDst(settings) => set_original_dst(&mut cluster, settings),
    }
    cluster
}

/// The canonical bytes of a cluster with this metadata, in canonical bytes itself.
pub fn encode_with_metadata(cluster: &mut Cluster, metadata: &[u8]) -> Bytes {
    cluster.metadata = Some(Metadata::default());
    Template::new(cluster, &[METADATA]).fill(&[(METADATA, metadata)]).into()
}

/// `Cluster.metadata`.
const METADATA: u32 = 25;

/// Chooses hosts by `policy`. Not for an original-destination cluster, which Envoy would reject.
pub fn set_lb_policy(cluster: &mut Cluster, policy: LbPolicy) {
    let (policy, config) = match policy {
        LbPolicy::RoundRobin(slow_start_config) => (
            ProtoLbPolicy::RoundRobin,
            slow_start_config
                .map(|s| LbConfig::RoundRobinLbConfig(RoundRobinLbConfig { slow_start_config: Some(s) })),
        ),
        LbPolicy::LeastRequest(slow_start_config) => (
            ProtoLbPolicy::LeastRequest,
            slow_start_config.map(|s| {
                LbConfig::LeastRequestLbConfig(LeastRequestLbConfig {
                    slow_start_config: Some(s),
                    ..Default::default()
                })
            }),
        ),
        LbPolicy::Random => (ProtoLbPolicy::Random, None),
        LbPolicy::RingHash { minimum_ring_size } => (
            ProtoLbPolicy::RingHash,
            minimum_ring_size.map(|size| {
                LbConfig::RingHashLbConfig(RingHashLbConfig {
                    minimum_ring_size: Some(size.into_proto()),
                    ..Default::default()
                })
            }),
        ),
        LbPolicy::Maglev { table_size } => (
            ProtoLbPolicy::Maglev,
            table_size
                .map(|size| LbConfig::MaglevLbConfig(MaglevLbConfig { table_size: Some(size.into_proto()) })),
        ),
    };
    cluster.set_lb_policy(policy);
    cluster.lb_config = config;
}

fn set_type(cluster: &mut Cluster, discovery: DiscoveryType) {
    cluster.cluster_discovery_type = Some(ClusterDiscoveryType::Type(discovery.into()));
}

fn set_dns(cluster: &mut Cluster, dns: Dns, logical: bool) {
    let config = DnsCluster {
        dns_refresh_rate: dns.refresh_rate.map(IntoProto::into_proto),
        respect_dns_ttl: dns.respect_ttl,
        dns_jitter: dns.jitter.map(IntoProto::into_proto),
        typed_dns_resolver_config: dns.resolver,
        dns_lookup_family: dns.family.into(),
        all_addresses_in_single_endpoint: logical,
        ..Default::default()
    };
    cluster.cluster_discovery_type = Some(ClusterDiscoveryType::ClusterType(CustomClusterType {
        name: extension::DNS_CLUSTER.to_owned(),
        typed_config: Some(pack_any(&config)),
    }));
    cluster.load_assignment = Some(dns.load_assignment);
}

fn set_original_dst(cluster: &mut Cluster, settings: OriginalDst) {
    let OriginalDst { port_override, http_header, cleanup_interval } = settings;
    set_type(cluster, DiscoveryType::OriginalDst);
    cluster.set_lb_policy(ProtoLbPolicy::ClusterProvided);
    cluster.cleanup_interval = cleanup_interval.map(IntoProto::into_proto);
    if port_override.is_some() || http_header.is_some() {
        cluster.lb_config = Some(LbConfig::OriginalDstLbConfig(OriginalDstLbConfig {
            upstream_port_override: port_override.map(|port| u32::from(port).into_proto()),
            use_http_header: http_header.is_some(),
            http_header_name: http_header.unwrap_or_default(),
            ..Default::default()
        }));
    }
}
