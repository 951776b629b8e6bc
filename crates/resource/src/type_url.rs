//! The types of xDS resources, as open ids: the only place where type URLs of Envoy are spelled out.

use std::{cmp::Ordering, fmt};
/// What precedes the full name of a message in its type URL.
pub const PREFIX: &str = "type.googleapis.com/";

/// A resource type that an xDS stream can carry: Envoy's, or one of your own. As small as a pointer.
///
/// Types are ordered as their additions are sent. What else there is to know of a type is registered in
/// [`Types`](crate::Types).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TypeUrl(&'static TypeName);

/// What a [`TypeUrl`] consists of.
#[derive(PartialEq, Eq)]
pub struct TypeName {
    /// The place in the order in which additions are sent: types go after those that their resources refer to. No two
    /// types that are served together have the same. Envoy's are multiples of ten.
    pub order: u8,
    /// The type URL as it stands in a `DiscoveryRequest` and in an `Any`.
    pub url: &'static str,
    /// The short name that operators use: `CDS`, `EDS`, `LDS`, ...
    pub short: &'static str,
}

impl TypeUrl {
    /// `envoy.config.cluster.v3.Cluster` (CDS).
    pub const CLUSTER: Self = Self(&TypeName {
        order: 10,
        url: "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        short: "CDS",
    });
    /// `envoy.config.endpoint.v3.ClusterLoadAssignment` (EDS).
    pub const CLUSTER_LOAD_ASSIGNMENT: Self = Self(&TypeName {
        order: 20,
        url: "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
        short: "EDS",
    });
    /// `envoy.config.endpoint.v3.LbEndpoint` (LEDS).
    pub const LB_ENDPOINT: Self = Self(&TypeName {
        order: 30,
        url: "type.googleapis.com/envoy.config.endpoint.v3.LbEndpoint",
        short: "LEDS",
    });
    /// `envoy.config.listener.v3.Listener` (LDS).
    pub const LISTENER: Self = Self(&TypeName {
        order: 40,
        url: "type.googleapis.com/envoy.config.listener.v3.Listener",
        short: "LDS",
    });
    /// `envoy.config.listener.v3.FilterChain` (FCDS).
    pub const FILTER_CHAIN: Self = Self(&TypeName {
        order: 50,
        url: "type.googleapis.com/envoy.config.listener.v3.FilterChain",
        short: "FCDS",
    });
    /// `envoy.config.route.v3.RouteConfiguration` (RDS).
    pub const ROUTE_CONFIGURATION: Self = Self(&TypeName {
        order: 60,
        url: "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        short: "RDS",
    });
    /// `envoy.config.route.v3.VirtualHost` (VHDS).
    pub const VIRTUAL_HOST: Self = Self(&TypeName {
        order: 70,
        url: "type.googleapis.com/envoy.config.route.v3.VirtualHost",
        short: "VHDS",
    });
    /// `envoy.extensions.transport_sockets.tls.v3.Secret` (SDS).
    pub const SECRET: Self = Self(&TypeName {
        order: 80,
        url: "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
        short: "SDS",
    });

    /// Envoy's types, in the order in which additions are sent: clusters before the endpoints that belong to them,
    /// listeners before the routes that they name (Envoy docs, "Eventual consistency considerations").
    pub const ENVOY: [Self; 8] = [
        Self::CLUSTER,
        Self::CLUSTER_LOAD_ASSIGNMENT,
        Self::LB_ENDPOINT,
        Self::LISTENER,
        Self::FILTER_CHAIN,
        Self::ROUTE_CONFIGURATION,
        Self::VIRTUAL_HOST,
        Self::SECRET,
    ];

    /// A type of this name: `const WIDGET: TypeUrl = TypeUrl::new(&TypeName { ... });`
    pub const fn new(name: &'static TypeName) -> Self {
        Self(name)
    }

    /// The place in the order in which additions are sent.
    #[inline]
    pub const fn order(self) -> u8 {
        self.0.order
    }

    /// The type URL as it stands in a `DiscoveryRequest` and in an `Any`.
    #[inline]
    pub const fn as_str(self) -> &'static str {
        self.0.url
    }

    /// The short name that operators use: `CDS`, `EDS`, `LDS`, ...
    #[inline]
    pub const fn short(self) -> &'static str {
        self.0.short
    }

    /// The type of Envoy's that a type URL names.
    pub fn parse(url: &str) -> Option<Self> {
        Self::ENVOY.into_iter().find(|t| t.as_str() == url)
    }
}

impl Ord for TypeUrl {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.0.order, self.0.url).cmp(&(other.0.order, other.0.url))
    }
}

impl PartialOrd for TypeUrl {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl std::hash::Hash for TypeUrl {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.url.hash(state);
    }
}

impl fmt::Display for TypeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.short())
    }
}

impl fmt::Debug for TypeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.short())
    }
}
