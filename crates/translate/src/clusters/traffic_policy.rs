//! What a DestinationRule configures on a cluster, except for TLS.
//!
//! Mirrors istio pilot/pkg/networking/core/cluster_traffic_policy.go.

use std::{sync::Arc, time::Duration};

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use fairlead_envoy::cluster::{
    LbPolicy,
    limits::{
        Consecutive, OutlierDetection as EnvoyOutlierDetection, Thresholds, circuit_breakers,
        common_lb_config, outlier_detection,
    },
    protocol::{AutoSni, CommonHttp, Http2, UpstreamHttp, http_protocol_options, set_http_protocol_options},
    set_lb_policy,
    upstream::{Keepalive, upstream_connection_options},
};
use fairlead_model::{
    ConnectionPool, HashAlgorithm, LoadBalancer, OutlierDetection, Protocol, TcpKeepalive, TrafficPolicy,
    UpstreamTls, mesh::Mesh,
};

/// Everything that applying a policy depends on besides the policy.
pub(super) struct PolicyInputs<'a> {
    /// The names that a ServiceEntry expects in the server's certificate.
    pub subject_alt_names: &'a [Arc<str>],
    pub protocol: Protocol,
    pub mesh: &'a Mesh,
    /// Whether the client is a gateway, which does not detect protocols.
    pub gateway: bool,
    /// Whether a load balancer can be set.
    pub chooses_host: bool,
}

/// Applies every block of `policy` to a cluster.
pub(super) fn apply(cluster: &mut Cluster, policy: &TrafficPolicy, inputs: &PolicyInputs<'_>) {
    let PolicyInputs { subject_alt_names, mesh, chooses_host, .. } = *inputs;
    connection_pool(cluster, &policy.connection_pool, mesh);
    // A gateway would forward with its client's version of HTTP, which says nothing about the service.
    let protocol = match inputs.protocol {
        Protocol::Auto if inputs.gateway => Protocol::Tcp,
        protocol => protocol,
    };
    http_options(cluster, &policy.connection_pool, protocol, auto_sni(policy, subject_alt_names));
    if chooses_host {
        set_lb_policy(cluster, lb_policy(policy.load_balancer.as_ref()));
    }
    let weighted = chooses_host && weighs_localities(policy, mesh);
    let panic_threshold = policy.outlier_detection.as_ref().map(|o| f64::from(o.min_health_percent));
    if weighted || panic_threshold.is_some() {
        cluster.common_lb_config = Some(common_lb_config(panic_threshold, weighted));
    }
    cluster.outlier_detection = policy.outlier_detection.as_ref().map(|o| outlier_detection(outlier(o)));
}

/// Whether the weights of localities count.
pub(crate) fn weighs_localities(policy: &TrafficPolicy, mesh: &Mesh) -> bool {
    let setting = policy.locality_lb.as_ref().unwrap_or(&mesh.locality_lb);
    setting.enabled && !setting.distribute.is_empty()
}

/// Limits and keepalive. Without a setting there is no limit: Envoy's default of 1024 would surprise users.
pub(super) fn connection_pool(cluster: &mut Cluster, pool: &ConnectionPool, mesh: &Mesh) {
    let or_unlimited = |limit: Option<u32>| Some(limit.unwrap_or(u32::MAX));
    cluster.circuit_breakers = Some(circuit_breakers(Thresholds {
        max_connections: or_unlimited(pool.max_connections),
        max_pending_requests: or_unlimited(pool.max_pending_requests),
        max_requests: or_unlimited(pool.max_requests),
        max_retries: or_unlimited(pool.max_retries),
        retry_budget: None,
        track_remaining: true,
    }));
    cluster.upstream_connection_options =
        keepalive(pool.tcp_keepalive, mesh.tcp_keepalive).map(upstream_connection_options);
}

/// How HTTP is spoken to the hosts; Envoy's defaults are not written.
pub(super) fn http_options(cluster: &mut Cluster, pool: &ConnectionPool, protocol: Protocol, auto: AutoSni) {
    let http2 = Http2 { max_concurrent_streams: pool.max_concurrent_streams, keepalive: None };
    let http = if pool.use_client_protocol {
        UpstreamHttp::UseDownstream(http2)
    } else if protocol.is_http2() || protocol == Protocol::Http && pool.h2_upgrade == Some(true) {
        UpstreamHttp::Http2(http2)
    } else if protocol == Protocol::Auto {
        UpstreamHttp::UseDownstream(http2)
    } else {
        UpstreamHttp::Http1
    };
    let common = CommonHttp {
        idle_timeout: pool.http_idle_timeout.or(pool.tcp_idle_timeout),
        max_connection_duration: pool.max_connection_duration,
        max_requests_per_connection: pool.max_requests_per_connection,
    };
    if http != UpstreamHttp::Http1 || common != CommonHttp::default() || auto != AutoSni::default() {
        set_http_protocol_options(cluster, &http_protocol_options(http, common, auto));
    }
}

/// If a rule names no SNI, the host of the request is sent, and the server's certificate must match it unless the rule
/// or the service names others.
fn auto_sni(policy: &TrafficPolicy, subject_alt_names: &[Arc<str>]) -> AutoSni {
    let Some(UpstreamTls::Simple(settings) | UpstreamTls::Mutual { settings, .. }) = &policy.tls else {
        return AutoSni::default();
    };
    let verified = settings.validation != fairlead_model::ServerValidation::Skip;
    AutoSni {
        sni: settings.sni.is_none(),
        san_validation: settings.sni.is_none()
            && verified
            && settings.subject_alt_names.is_empty()
            && subject_alt_names.is_empty(),
    }
}

fn lb_policy(balancer: Option<&LoadBalancer>) -> LbPolicy {
    match balancer {
        None | Some(LoadBalancer::LeastRequest | LoadBalancer::Passthrough) => LbPolicy::LeastRequest(None),
        Some(LoadBalancer::RoundRobin) => LbPolicy::RoundRobin(None),
        Some(LoadBalancer::Random) => LbPolicy::Random,
        Some(LoadBalancer::ConsistentHash(hash)) => match hash.algorithm {
            HashAlgorithm::RingHash { minimum_ring_size } => {
                LbPolicy::RingHash { minimum_ring_size: Some(minimum_ring_size) }
            }
            HashAlgorithm::Maglev { table_size } => LbPolicy::Maglev { table_size },
        },
    }
}

fn outlier(detection: &OutlierDetection) -> EnvoyOutlierDetection {
    let consecutive =
        |errors: Option<u32>| errors.map(|n| if n == 0 { Consecutive::Never } else { Consecutive::After(n) });
    let local = detection.split_local_origin_errors;
    EnvoyOutlierDetection {
        consecutive_5xx: consecutive(detection.consecutive_5xx),
        consecutive_gateway_failure: consecutive(detection.consecutive_gateway_errors),
        consecutive_local_origin_failure: local
            .then(|| consecutive(detection.consecutive_local_origin_failures))
            .flatten(),
        split_external_local_origin_errors: local,
        enforcing_success_rate: Some(0),
        interval: detection.interval,
        base_ejection_time: detection.base_ejection_time,
        max_ejection_percent: detection.max_ejection_percent,
    }
}

/// The rule's settings, with the mesh's for fields that it does not set.
fn keepalive(rule: Option<TcpKeepalive>, mesh: Option<TcpKeepalive>) -> Option<Keepalive> {
    let (rule, mesh) = match (rule, mesh) {
        (None, None) => return None,
        (rule, mesh) => (rule.unwrap_or_default(), mesh.unwrap_or_default()),
    };
    // The kernel counts whole seconds, and rejects zero.
    let seconds = |d: Duration| u32::try_from(d.as_secs()).unwrap_or(u32::MAX).max(1);
    Some(Keepalive {
        probes: rule.probes.or(mesh.probes),
        time_seconds: rule.time.or(mesh.time).map(seconds),
        interval_seconds: rule.interval.or(mesh.interval).map(seconds),
    })
}
