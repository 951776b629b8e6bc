//! The xDS resource types, as an enum: the only place where a type URL is spelled out.

/// What precedes the full name of a message in its type URL.
pub const PREFIX: &str = "type.googleapis.com/";

/// A resource type that an xDS stream can carry.
///
/// The order of the variants is the order in which additions are pushed: clusters before the endpoints that
/// belong to them, listeners before the routes that they name (Envoy docs, "Eventual consistency
/// considerations").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TypeUrl {
    /// `envoy.config.cluster.v3.Cluster` (CDS).
    Cluster,
    /// `envoy.config.endpoint.v3.ClusterLoadAssignment` (EDS).
    ClusterLoadAssignment,
    /// `envoy.config.endpoint.v3.LbEndpoint` (LEDS).
    LbEndpoint,
    /// `envoy.config.listener.v3.Listener` (LDS).
    Listener,
    /// `envoy.config.listener.v3.FilterChain` (FCDS).
    FilterChain,
    /// `envoy.config.route.v3.RouteConfiguration` (RDS).
    RouteConfiguration,
    /// `envoy.config.route.v3.VirtualHost` (VHDS).
    VirtualHost,
    /// `envoy.extensions.transport_sockets.tls.v3.Secret` (SDS).
    Secret,
}

impl TypeUrl {
    /// Every type, in push order.
    pub const ALL: [Self; 8] = [
        Self::Cluster,
        Self::ClusterLoadAssignment,
        Self::LbEndpoint,
        Self::Listener,
        Self::FilterChain,
        Self::RouteConfiguration,
        Self::VirtualHost,
        Self::Secret,
    ];

    /// The type URL as it stands in a `DiscoveryRequest` and in an `Any`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cluster => "type.googleapis.com/envoy.config.cluster.v3.Cluster",
            Self::ClusterLoadAssignment => {
                "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
            }
            Self::LbEndpoint => "type.googleapis.com/envoy.config.endpoint.v3.LbEndpoint",
            Self::Listener => "type.googleapis.com/envoy.config.listener.v3.Listener",
            Self::FilterChain => "type.googleapis.com/envoy.config.listener.v3.FilterChain",
            Self::RouteConfiguration => "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
            Self::VirtualHost => "type.googleapis.com/envoy.config.route.v3.VirtualHost",
            Self::Secret => "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
        }
    }

    /// The short name that operators use: `CDS`, `EDS`, `LDS`, ...
    pub const fn short(self) -> &'static str {
        match self {
            Self::Cluster => "CDS",
            Self::ClusterLoadAssignment => "EDS",
            Self::LbEndpoint => "LEDS",
            Self::Listener => "LDS",
            Self::FilterChain => "FCDS",
            Self::RouteConfiguration => "RDS",
            Self::VirtualHost => "VHDS",
            Self::Secret => "SDS",
        }
    }

    /// The type whose resources are the elements of resources of this type, where they can be sent alone.
    pub const fn element(self) -> Option<Self> {
        match self {
            Self::ClusterLoadAssignment => Some(Self::LbEndpoint),
            Self::Listener => Some(Self::FilterChain),
            Self::RouteConfiguration => Some(Self::VirtualHost),
            Self::Cluster | Self::LbEndpoint | Self::FilterChain | Self::VirtualHost | Self::Secret => None,
        }
    }

    /// The type whose resources are made of resources of this type: the inverse of [`TypeUrl::element`].
    pub const fn parent(self) -> Option<Self> {
        match self {
            Self::LbEndpoint => Some(Self::ClusterLoadAssignment),
            Self::FilterChain => Some(Self::Listener),
            Self::VirtualHost => Some(Self::RouteConfiguration),
            Self::Cluster
            | Self::ClusterLoadAssignment
            | Self::Listener
            | Self::RouteConfiguration
            | Self::Secret => None,
        }
    }

    /// The type of a type URL, or `None` for a type that is not served.
    pub fn parse(url: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.as_str() == url)
    }
}

impl std::fmt::Display for TypeUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.short())
    }
}
