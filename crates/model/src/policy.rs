//! Traffic policy in domain words: what a DestinationRule sets for the clusters that it applies to.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// The policy that applies to one port of one service (and subset), with every layer merged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrafficPolicy {
    /// How an endpoint is chosen; `None` is the mesh default (`LEAST_REQUEST`).
    pub load_balancer: Option<LoadBalancer>,
    /// Weights of and failover between localities; `None` is the mesh's setting.
    pub locality_lb: Option<LocalityLb>,
    /// Limits on connections and requests.
    pub connection_pool: ConnectionPool,
    /// Ejection of endpoints that fail; an empty block is still a block.
    pub outlier_detection: Option<OutlierDetection>,
    /// TLS towards the endpoints; `None` leaves it to the mesh.
    pub tls: Option<UpstreamTls>,
}

/// `loadBalancer.simple` or `loadBalancer.consistentHash`.
#[derive(Clone, Debug, PartialEq)]
pub enum LoadBalancer {
    /// Fewest outstanding requests of two picked at random (`LEAST_REQUEST`, `LEAST_CONN`, unspecified).
    LeastRequest,
    /// `ROUND_ROBIN`.
    RoundRobin,
    /// `RANDOM`.
    Random,
    /// `PASSTHROUGH`: the original destination of the connection.
    Passthrough,
    /// `consistentHash`.
    ConsistentHash(ConsistentHash),
}

/// Which part of a request decides its endpoint, and by which algorithm.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsistentHash {
    /// What is hashed.
    pub key: HashKey,
    /// The hash algorithm.
    pub algorithm: HashAlgorithm,
}

/// What a consistent hash is computed from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashKey {
    /// A request header.
    Header(Arc<str>),
    /// A cookie, generated if it has a time to live.
    Cookie {
        /// The cookie's name.
        name: Arc<str>,
        /// Its path.
        path: Option<Arc<str>>,
        /// Its time to live; `None` never generates a cookie, zero generates a session cookie.
        ttl: Option<Duration>,
        /// Attributes of a generated cookie, by name.
        attributes: Vec<(Arc<str>, Arc<str>)>,
    },
    /// The client's IP address.
    SourceIp,
    /// A query parameter.
    QueryParameter(Arc<str>),
}

/// The algorithm of a consistent hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashAlgorithm {
    /// Ring hash; the minimum size of the ring defaults to 1024 (Istio).
    RingHash {
        /// The minimum size of the ring.
        minimum_ring_size: u64,
    },
    /// Maglev; the size of the table defaults to Envoy's 65537.
    Maglev {
        /// The size of the table, a prime number.
        table_size: Option<u64>,
    },
}

/// Shares by target pattern (`region/zone/*`).
pub type LocalityShares = BTreeMap<Arc<str>, u32>;

/// `localityLbSetting`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalityLb {
    /// Whether localities count at all.
    pub enabled: bool,
    /// Shares by locality pattern of the client (`region/zone/*`), each with target pattern and share.
    pub distribute: Vec<(Arc<str>, LocalityShares)>,
    /// Region to fail over to, by region.
    pub failover: Vec<(Arc<str>, Arc<str>)>,
    /// Labels (perhaps `key=value`) whose agreement decides the priority, most important first.
    pub failover_priority: Vec<Arc<str>>,
}

/// `connectionPool`. Zero means unset in Istio, so `None` here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConnectionPool {
    /// `tcp.maxConnections`.
    pub max_connections: Option<u32>,
    /// `tcp.connectTimeout`; the mesh default is 10 s.
    pub connect_timeout: Option<Duration>,
    /// `tcp.tcpKeepalive`.
    pub tcp_keepalive: Option<TcpKeepalive>,
    /// `tcp.maxConnectionDuration`.
    pub max_connection_duration: Option<Duration>,
    /// `tcp.idleTimeout`.
    pub tcp_idle_timeout: Option<Duration>,
    /// `http.http1MaxPendingRequests`.
    pub max_pending_requests: Option<u32>,
    /// `http.http2MaxRequests`, for HTTP/1 as well.
    pub max_requests: Option<u32>,
    /// `http.maxRequestsPerConnection`.
    pub max_requests_per_connection: Option<u32>,
    /// `http.maxRetries`.
    pub max_retries: Option<u32>,
    /// `http.idleTimeout`.
    pub http_idle_timeout: Option<Duration>,
    /// `http.h2UpgradePolicy: UPGRADE`.
    pub h2_upgrade: Option<bool>,
    /// `http.useClientProtocol`.
    pub use_client_protocol: bool,
    /// `http.maxConcurrentStreams`, on HTTP/2 clusters.
    pub max_concurrent_streams: Option<u32>,
}

/// `tcpKeepalive`; what is unset is the operating system's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpKeepalive {
    /// Unanswered probes before the connection is dropped.
    pub probes: Option<u32>,
    /// Idle time before the first probe.
    pub time: Option<Duration>,
    /// Time between probes.
    pub interval: Option<Duration>,
}

/// `outlierDetection`. What is unset is Envoy's default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutlierDetection {
    /// `consecutive5xxErrors`; zero switches this detector off.
    pub consecutive_5xx: Option<u32>,
    /// `consecutiveGatewayErrors`; zero switches this detector off.
    pub consecutive_gateway_errors: Option<u32>,
    /// `splitExternalLocalOriginErrors`.
    pub split_local_origin_errors: bool,
    /// `consecutiveLocalOriginFailures`.
    pub consecutive_local_origin_failures: Option<u32>,
    /// `interval`.
    pub interval: Option<Duration>,
    /// `baseEjectionTime`.
    pub base_ejection_time: Option<Duration>,
    /// `maxEjectionPercent`.
    pub max_ejection_percent: Option<u32>,
    /// `minHealthPercent`; Istio's default 0 switches Envoy's panic mode off.
    pub min_health_percent: u32,
}

/// TLS from a client proxy to the endpoints of a service (`tls` of a DestinationRule).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamTls {
    /// Plaintext.
    Disable,
    /// TLS; the client presents no certificate.
    Simple(UpstreamTlsSettings),
    /// TLS with a client certificate.
    Mutual {
        /// Where the client's certificate and key come from.
        certificate: CertificateSource,
        /// The rest.
        settings: UpstreamTlsSettings,
    },
    /// Mutual TLS with the mesh's own certificates.
    IstioMutual(UpstreamTlsSettings),
}

impl UpstreamTls {
    /// The Secret with the client's certificate, where one is named.
    pub fn certificate_secret(&self) -> Option<&Arc<str>> {
        match self {
            Self::Mutual { certificate: CertificateSource::Secret(name), .. } => Some(name),
            _ => None,
        }
    }

    /// The Secret with the authorities that the server is verified by, where one is named.
    pub fn ca_secret(&self) -> Option<&Arc<str>> {
        match self {
            Self::Simple(settings) | Self::Mutual { settings, .. } => match &settings.validation {
                ServerValidation::Secret(name) => Some(name),
                _ => None,
            },
            Self::Disable | Self::IstioMutual(_) => None,
        }
    }
}

/// What SIMPLE and MUTUAL share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpstreamTlsSettings {
    /// How the server is verified.
    pub validation: ServerValidation,
    /// SANs, one of which the server must present; empty: the host of the SNI or the request.
    pub subject_alt_names: Vec<Arc<str>>,
    /// The SNI; `None`: the host of the request.
    pub sni: Option<Arc<str>>,
}

/// How a client verifies a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ServerValidation {
    /// By the certificate authorities of the operating system.
    #[default]
    SystemRoots,
    /// By a file of certificate authorities on the proxy.
    File(Arc<str>),
    /// By the CA certificate in a Secret of this name (key `ca.crt` or `cacert`, or Secret `<name>-cacert`).
    Secret(Arc<str>),
    /// Not at all (`insecureSkipVerify`).
    Skip,
}

/// Where a certificate and its key come from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CertificateSource {
    /// Files on the proxy.
    Files {
        /// The certificate chain.
        certificate: Arc<str>,
        /// The private key.
        key: Arc<str>,
    },
    /// A Secret of this name (`credentialName`).
    Secret(Arc<str>),
}
