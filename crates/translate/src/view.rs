//! Views: exactly those attributes of a proxy that may influence one type of resource.
//!
//! A translation function cannot name an attribute that its view lacks. Each type of resource has a view of its own
//! because sharing depends on it: locality splits endpoints, not clusters.

use std::{net::IpAddr, sync::Arc};

use fairlead_incremental::BasedKey;
use fairlead_model::{
    ServiceKey,
    destination_rule::RuleKey,
    proxy::{ClientAttributes, Interception, IpFamilies, Place},
    routes::RoutesAt,
    scope::{DestinationBinding, ScopeKey},
    sidecar::OutboundTrafficPolicy,
};

/// What outbound clusters may depend on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterView {
    /// Whether the proxy is a gateway: headless services are sent by EDS to gateways, and `credentialName` is
    /// honoured in DestinationRules without a workload selector.
    pub gateway: bool,
    /// IP families, which decide the DNS lookup family.
    pub families: IpFamilies,
}

/// What load assignments may depend on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointView {
    /// Whether the proxy is a gateway (see [`ClusterView::gateway`]).
    pub gateway: bool,
    /// The place of the client; empty for services to which it makes no difference.
    pub place: Place,
    /// IP families: a client cannot reach endpoints of a family in which it has no address.
    pub families: IpFamilies,
}

/// The key of a service's clusters and load assignments in one view.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceInView<V> {
    /// The service.
    pub service: ServiceKey,
    /// The DestinationRule that applies.
    pub rule: Option<RuleKey>,
    /// The view.
    pub view: V,
}

/// What outbound route tables may depend on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteView {
    /// What is seen.
    pub scope: ScopeKey,
    /// What routes may ask about the client.
    pub source: ClientAttributes,
    /// The client's DNS domain (`default.svc.cluster.local`), which decides short host names.
    pub dns_domain: Arc<str>,
    /// How traffic reaches the proxy: without redirection there is no original destination to pass it on to.
    pub interception: Interception,
    /// Whether the proxy's bootstrap allows large regular expressions.
    pub takes_large_expressions: bool,
}

impl BasedKey for RouteView {
    fn base(&self) -> Option<Self> {
        let services = self.dns_domain.find(".svc.").map_or(&*self.dns_domain, |at| &self.dns_domain[at..]);
        Some(Self {
            scope: self.scope.base()?,
            source: base_of(&self.source),
            dns_domain: services.into(),
            ..self.clone()
        })
    }
}

/// A client in no namespace.
fn base_of(source: &ClientAttributes) -> ClientAttributes {
    ClientAttributes { namespace: "".into(), ..source.clone() }
}

/// What outbound listeners may depend on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerView {
    /// What is seen.
    pub scope: ScopeKey,
    /// The attributes of the client that TCP and TLS routes may match on.
    pub source: ClientAttributes,
    /// How traffic reaches the proxy.
    pub interception: Interception,
    /// The families that it listens on.
    pub families: IpFamilies,
}

impl BasedKey for ListenerView {
    fn base(&self) -> Option<Self> {
        Some(Self { scope: self.scope.base()?, source: base_of(&self.source), ..self.clone() })
    }
}

/// The key of one virtual host: everything that its bytes depend on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VirtualHostKey {
    /// The route table that it belongs to.
    pub table: Arc<str>,
    /// Its name within the table: `<host>:<port>`.
    pub name: Arc<str>,
    /// The domains, in order, without those that an earlier host of the table has.
    pub domains: Arc<[Arc<str>]>,
    /// The port of the service.
    pub port: u16,
    /// The service, for a host without a route set.
    pub service: Option<ServiceKey>,
    /// The route sets whose routes make up the host, in order: at most one for sidecars.
    pub route_sets: Arc<[RoutesAt]>,
    /// What its destinations resolve to.
    pub destinations: Arc<[DestinationBinding]>,
    /// The client: a sidecar with these attributes, or a gateway.
    pub client: RouteClient,
    /// Where requests must have been addressed; `None` for anywhere.
    pub only_at: Option<OnlyAt>,
    /// Whether large regular expressions must carry their maximum program size. Only set where a route set has any, so
    /// that hosts are shared.
    pub sizes_expressions: bool,
}

/// The addresses of a headless service, and what happens to requests that were addressed elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OnlyAt {
    /// The addresses of its Pods.
    pub ips: Arc<[IpAddr]>,
    /// What happens to other requests: the policy for unknown hosts.
    pub otherwise: OutboundTrafficPolicy,
}

/// The client of a virtual host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RouteClient {
    /// A sidecar. The source is given only if the route set matches on it, so that hosts are shared.
    Sidecar(Option<ClientAttributes>),
    /// A gateway.
    Gateway {
        /// The gateway itself, only if a route set matches on it.
        source: Option<ClientAttributes>,
        /// Whether requests come over TLS.
        tls: bool,
        /// Whether requests are redirected to HTTPS.
        https_redirect: bool,
    },
}

impl RouteClient {
    /// What routes may ask about the client.
    pub fn source(&self) -> Option<&ClientAttributes> {
        match self {
            Self::Sidecar(source) | Self::Gateway { source, .. } => source.as_ref(),
        }
    }

    /// Whether requests come over TLS.
    pub fn is_tls(&self) -> bool {
        matches!(self, Self::Gateway { tls: true, .. })
    }
}
