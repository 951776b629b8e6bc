//! The types of xDS resources, as open ids: the only place where type URLs of Envoy are spelled out.

use std::{cmp::Ordering, fmt};
/// Prefix of a message's full name in its type URL.
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
    /// The place in the order in which additions are sent: types go after those that their resources refer to. Types
    /// that are served together have different places. Envoy's are multiples of ten.
    pub order: u8,
    /// The type URL as it stands in a `DiscoveryRequest` and in an `Any`.
    pub url: &'static str,
    /// The short name that operators use: `CDS`, `EDS`, `LDS`, ...
    pub short: &'static str,
}

macro_rules! envoy_types {
    ($($name:ident = $order:literal $short:literal $message:literal;)*) => {
        impl TypeUrl {
            $(
                #[doc = concat!("`", $message, "` (", $short, ").")]
                pub const $name: Self = Self(&TypeName {
                    order: $order,
                    url: concat!("type.googleapis.com/", $message),
                    short: $short,
                });
            )*

            /// Envoy's types, in the order in which additions are sent: clusters before the endpoints that belong to them,
            /// listeners before the routes that they name (Envoy docs, "Eventual consistency considerations").
            pub const ENVOY: [Self; [$($order),*].len()] = [$(Self::$name),*];
        }
    };
}

envoy_types! {
    CLUSTER = 10 "CDS" "envoy.config.cluster.v3.Cluster";
    CLUSTER_LOAD_ASSIGNMENT = 20 "EDS" "envoy.config.endpoint.v3.ClusterLoadAssignment";
    LB_ENDPOINT = 30 "LEDS" "envoy.config.endpoint.v3.LbEndpoint";
    LISTENER = 40 "LDS" "envoy.config.listener.v3.Listener";
    FILTER_CHAIN = 50 "FCDS" "envoy.config.listener.v3.FilterChain";
    ROUTE_CONFIGURATION = 60 "RDS" "envoy.config.route.v3.RouteConfiguration";
    VIRTUAL_HOST = 70 "VHDS" "envoy.config.route.v3.VirtualHost";
    SECRET = 80 "SDS" "envoy.extensions.transport_sockets.tls.v3.Secret";
}

impl TypeUrl {
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
