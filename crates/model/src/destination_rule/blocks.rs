//! The blocks of a traffic policy: load balancing, connection pool, outlier detection, TLS.

use std::{sync::Arc, time::Duration};

use fairlead_config::api::{self, ClientTlsMode, H2UpgradePolicy, ProtoDuration, SimpleLb};

use crate::{
    CertificateSource, ConnectionPool, ConsistentHash, HashAlgorithm, HashKey, LoadBalancer, LocalityLb,
    OutlierDetection, ServerValidation, TcpKeepalive, UpstreamTls, UpstreamTlsSettings,
};

/// Default minimum size of a hash ring. Mirrors istio pilot/pkg/networking/core/cluster_traffic_policy.go
/// (applyLoadBalancer).
const MINIMUM_RING_SIZE: u64 = 1024;

/// Value of `caCertificates` for the operating system's authorities.
const SYSTEM_ROOTS: &str = "system";

/// `loadBalancer` without its locality part; `None` if it has nothing else.
pub(crate) fn load_balancer(spec: &api::LoadBalancerSettings) -> Option<LoadBalancer> {
    if let Some(hash) = &spec.consistent_hash {
        // Validation reports a hash without a key; any endpoint is then as good as another.
        return Some(consistent_hash(hash).map_or(LoadBalancer::Random, LoadBalancer::ConsistentHash));
    }
    match spec.simple {
        None if spec.locality_lb_setting.is_some() => None,
        None | Some(SimpleLb::Unspecified | SimpleLb::LeastConn | SimpleLb::LeastRequest) => {
            Some(LoadBalancer::LeastRequest)
        }
        Some(SimpleLb::Random) => Some(LoadBalancer::Random),
        Some(SimpleLb::Passthrough) => Some(LoadBalancer::Passthrough),
        Some(SimpleLb::RoundRobin) => Some(LoadBalancer::RoundRobin),
    }
}

fn consistent_hash(spec: &api::ConsistentHashLb) -> Option<ConsistentHash> {
    let key = if let Some(name) = text(spec.http_header_name.as_deref()) {
        HashKey::Header(name)
    } else if let Some(cookie) = &spec.http_cookie {
        HashKey::Cookie {
            name: cookie.name.as_str().into(),
            path: text(cookie.path.as_deref()),
            ttl: cookie.ttl.map(|ttl| ttl.0),
            attributes: cookie
                .attributes
                .iter()
                .map(|pair| (pair.name.as_str().into(), pair.value.as_deref().unwrap_or_default().into()))
                .collect(),
        }
    } else if spec.use_source_ip == Some(true) {
        HashKey::SourceIp
    } else {
        HashKey::QueryParameter(text(spec.http_query_parameter_name.as_deref())?)
    };
    let algorithm = match (&spec.maglev, &spec.ring_hash) {
        (Some(maglev), _) => HashAlgorithm::Maglev { table_size: maglev.table_size.filter(|size| *size > 0) },
        (None, ring) => {
            let size = ring.as_ref().and_then(|ring| ring.minimum_ring_size).or(spec.minimum_ring_size);
            let minimum_ring_size = size.filter(|size| *size > 0).unwrap_or(MINIMUM_RING_SIZE);
            HashAlgorithm::RingHash { minimum_ring_size }
        }
    };
    Some(ConsistentHash { key, algorithm })
}

/// `localityLbSetting`, also of MeshConfig.
pub(crate) fn locality_lb(spec: &api::LocalityLoadBalancerSetting) -> LocalityLb {
    let place = |text: &Option<String>| Arc::from(text.as_deref().unwrap_or_default());
    let distribute = |of: &api::LocalityDistribute| {
        (place(&of.from), of.to.iter().map(|(to, share)| (to.as_str().into(), *share)).collect())
    };
    LocalityLb {
        enabled: spec.enabled.unwrap_or(true),
        distribute: spec.distribute.iter().map(distribute).collect(),
        failover: spec.failover.iter().map(|pair| (place(&pair.from), place(&pair.to))).collect(),
        failover_priority: spec.failover_priority.iter().map(|label| label.as_str().into()).collect(),
    }
}

/// `connectionPool`, also of MeshConfig. Zero is the same as absent.
pub(crate) fn connection_pool(spec: &api::ConnectionPoolSettings) -> ConnectionPool {
    let mut pool = ConnectionPool::default();
    if let Some(tcp) = &spec.tcp {
        pool.max_connections = limit(tcp.max_connections);
        pool.connect_timeout = positive(tcp.connect_timeout);
        pool.tcp_keepalive = tcp.tcp_keepalive.as_ref().map(tcp_keepalive);
        pool.max_connection_duration = positive(tcp.max_connection_duration);
        pool.tcp_idle_timeout = positive(tcp.idle_timeout);
    }
    if let Some(http) = &spec.http {
        pool.max_pending_requests = limit(http.http1_max_pending_requests);
        pool.max_requests = limit(http.http2_max_requests);
        pool.max_requests_per_connection = limit(http.max_requests_per_connection);
        pool.max_retries = limit(http.max_retries);
        pool.http_idle_timeout = positive(http.idle_timeout);
        pool.h2_upgrade = match http.h2_upgrade_policy {
            None | Some(H2UpgradePolicy::Default) => None,
            Some(H2UpgradePolicy::DoNotUpgrade) => Some(false),
            Some(H2UpgradePolicy::Upgrade) => Some(true),
        };
        pool.use_client_protocol = http.use_client_protocol.unwrap_or(false);
        pool.max_concurrent_streams = limit(http.max_concurrent_streams);
    }
    pool
}

/// `tcpKeepalive`, also of MeshConfig.
pub(crate) fn tcp_keepalive(spec: &api::TcpKeepalive) -> TcpKeepalive {
    TcpKeepalive {
        probes: spec.probes.filter(|probes| *probes > 0),
        time: positive(spec.time),
        interval: positive(spec.interval),
    }
}

/// `outlierDetection`, also of MeshConfig.
pub(crate) fn outlier_detection(spec: &api::OutlierDetection) -> OutlierDetection {
    OutlierDetection {
        consecutive_5xx: spec.consecutive_5xx_errors,
        consecutive_gateway_errors: spec.consecutive_gateway_errors,
        split_local_origin_errors: spec.split_external_local_origin_errors.unwrap_or(false),
        consecutive_local_origin_failures: spec.consecutive_local_origin_failures,
        interval: positive(spec.interval),
        base_ejection_time: positive(spec.base_ejection_time),
        max_ejection_percent: limit(spec.max_ejection_percent).map(|percent| percent.min(100)),
        min_health_percent: limit(spec.min_health_percent).unwrap_or(0).min(100),
    }
}

/// `tls` of a traffic policy. A block without a mode is `DISABLE`, as in Istio's protobuf.
pub(super) fn tls(spec: &api::ClientTlsSettings) -> UpstreamTls {
    let settings = tls_settings(spec);
    match spec.mode.unwrap_or_default() {
        ClientTlsMode::Disable => UpstreamTls::Disable,
        ClientTlsMode::Simple => UpstreamTls::Simple(settings),
        ClientTlsMode::IstioMutual => UpstreamTls::IstioMutual(settings),
        ClientTlsMode::Mutual => {
            let certificate =
                client_certificate(spec).expect("validation refuses MUTUAL without a certificate");
            UpstreamTls::Mutual { certificate, settings }
        }
    }
}

fn client_certificate(spec: &api::ClientTlsSettings) -> Option<CertificateSource> {
    if let Some(name) = text(spec.credential_name.as_deref()) {
        return Some(CertificateSource::Secret(name));
    }
    let certificate = text(spec.client_certificate.as_deref())?;
    Some(CertificateSource::Files { certificate, key: text(spec.private_key.as_deref())? })
}

/// Mirrors istio pilot/pkg/networking/core/cluster_tls.go (constructUpstreamTLS).
fn tls_settings(spec: &api::ClientTlsSettings) -> UpstreamTlsSettings {
    let validation = if spec.insecure_skip_verify == Some(true) {
        ServerValidation::Skip
    } else if let Some(name) = text(spec.credential_name.as_deref()) {
        ServerValidation::Secret(name)
    } else {
        match text(spec.ca_certificates.as_deref()) {
            Some(file) if &*file != SYSTEM_ROOTS => ServerValidation::File(file),
            _ => ServerValidation::SystemRoots,
        }
    };
    UpstreamTlsSettings {
        validation,
        subject_alt_names: spec.subject_alt_names.iter().map(|name| name.as_str().into()).collect(),
        sni: text(spec.sni.as_deref()),
    }
}

fn limit(value: Option<i32>) -> Option<u32> {
    value.and_then(|value| u32::try_from(value).ok()).filter(|value| *value > 0)
}

fn positive(duration: Option<ProtoDuration>) -> Option<Duration> {
    duration.map(|duration| duration.0).filter(|duration| !duration.is_zero())
}

fn text(text: Option<&str>) -> Option<Arc<str>> {
    text.filter(|text| !text.is_empty()).map(Into::into)
}
