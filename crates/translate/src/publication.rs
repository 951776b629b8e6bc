//! What one proxy is sent: the union of the sets that its binding names.
//!
//! Sets that depend on less than the whole proxy are queries of their own, so that similar proxies share one
//! [`SharedSet`], and with it one difference and one response body.

use std::sync::Arc;

use fairlead_incremental::{Query, Reader, Stratum, UnionOf};
use fairlead_model::{
    Namespace,
    proxy::{BindingOf, InboundKey, Place, ProxyBinding, ProxyKey, SeenAs},
    scope::ScopeOf,
    strata,
};
use fairlead_resource::{EncodedResource, ResourceSet, SharedSet, TypeUrl};

use crate::{
    clusters::{InboundClusters, SpecialClusters},
    listeners::{
        gateway::GatewayListenerSet,
        inbound::InboundListeners,
        outbound::{OutboundListenerSet, VirtualOutbound},
    },
    routes::{
        gateway::GatewayView,
        table::{RouteTables, TablesKey},
    },
    secrets::{ProxySecrets, SecretsKey},
    sets::{OutboundClusters, OutboundLoadAssignments, PlaceMattersIn, ScopeInView},
    view::{ClusterView, EndpointView, ListenerView, RouteView},
};

mod origins;

pub use origins::{Told, origins};

/// A proxy, and what may be sent to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicationKey {
    /// The proxy.
    pub proxy: ProxyKey,
    /// Whether secrets may be sent: the connection is encrypted or local to the machine.
    pub secrets: bool,
}

/// Everything that a proxy's resources depend on. Similar proxies share it, whatever their addresses and labels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ViewKey {
    binding: ProxyBinding,
    /// The namespace whose Secrets it may be sent, if any.
    secrets: Option<Namespace>,
    /// The DNS domain that short host names are completed with.
    dns_domain: Arc<str>,
    takes_large_expressions: bool,
}

impl ViewKey {
    /// The view of a gateway.
    fn gateway_view(&self) -> GatewayView {
        let binding = &self.binding;
        GatewayView {
            scope: binding.scope.clone(),
            source: binding.source.clone(),
            gateways: binding.gateways.clone(),
            ports: binding.gateway_ports.clone(),
            privileged: binding.privileged,
            families: binding.families,
            takes_large_expressions: self.takes_large_expressions,
        }
    }
}

/// The resources of one view, by type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sets {
    /// CDS.
    pub clusters: Arc<SharedSet>,
    /// EDS.
    pub load_assignments: Arc<SharedSet>,
    /// LDS.
    pub listeners: Arc<SharedSet>,
    /// RDS; tables carry their virtual hosts as elements.
    pub route_tables: Arc<SharedSet>,
    /// SDS.
    pub secrets: Arc<SharedSet>,
}

impl Sets {
    /// The resources of a type; none for types whose resources are elements of others.
    pub fn get(&self, type_url: TypeUrl) -> ResourceSet {
        self.shared(type_url).map_or_else(ResourceSet::new, |set| (**set).clone())
    }

    /// The shared set of a type; `None` for types whose resources are elements of others.
    pub fn shared(&self, type_url: TypeUrl) -> Option<&SharedSet> {
        match type_url {
            TypeUrl::CLUSTER => Some(&self.clusters),
            TypeUrl::CLUSTER_LOAD_ASSIGNMENT => Some(&self.load_assignments),
            TypeUrl::LISTENER => Some(&self.listeners),
            TypeUrl::ROUTE_CONFIGURATION => Some(&self.route_tables),
            TypeUrl::SECRET => Some(&self.secrets),
            _ => None,
        }
    }
}

/// The view of a proxy.
pub struct ViewOf;

impl Query for ViewOf {
    type Key = PublicationKey;
    type Value = ViewKey;
    const NAME: &'static str = "proxy_view";
    const STRATUM: Stratum = Stratum(strata::BINDING.0 + 1);

    fn compute(cx: &Reader<'_>, key: &PublicationKey) -> ViewKey {
        let binding = (*cx.get::<BindingOf>(&key.proxy)).clone();
        ViewKey {
            secrets: key.secrets.then(|| binding.scope.namespace.clone()),
            binding,
            dns_domain: dns_domain(cx, &key.proxy.dns_domain),
            takes_large_expressions: key.proxy.takes_large_expressions,
        }
    }
}

/// A client's DNS domain (`shop.svc.cluster.local`) as far as it matters: a namespace without Services has no bare
/// names.
fn dns_domain(cx: &Reader<'_>, of_client: &Arc<str>) -> Arc<str> {
    let Some((namespace, services)) = of_client.find(".svc.").map(|at| of_client.split_at(at)) else {
        return of_client.clone();
    };
    let seen_as = cx.get::<SeenAs>(&Namespace::from(namespace));
    if *seen_as == *namespace { of_client.clone() } else { [seen_as.as_str(), services].concat().into() }
}

/// What one proxy is sent: the sets of its view.
pub struct PublicationOf;

impl Query for PublicationOf {
    type Key = PublicationKey;
    type Value = Arc<Sets>;
    const NAME: &'static str = "publication";
    const STRATUM: Stratum = Stratum(strata::PUBLICATION.0 + 1);

    fn compute(cx: &Reader<'_>, key: &PublicationKey) -> Arc<Sets> {
        cx.get::<SetsOf>(&cx.get::<ViewOf>(key))
    }
}

/// What the proxies of one view are sent.
pub struct SetsOf;

impl Query for SetsOf {
    type Key = ViewKey;
    type Value = Sets;
    const NAME: &'static str = "view_sets";
    const STRATUM: Stratum = strata::PUBLICATION;

    fn compute(cx: &Reader<'_>, key: &ViewKey) -> Sets {
        let keys = SetKeys::of(cx, key);
        Sets {
            clusters: cx.get::<ClusterSet>(&keys.clusters),
            load_assignments: cx.get::<LoadAssignmentSet>(&keys.load_assignments),
            listeners: cx.get::<ListenerSet>(&keys.listeners),
            route_tables: cx.get::<RouteTableSet>(&keys.route_tables),
            secrets: cx.get::<ProxySecrets>(&keys.secrets),
        }
    }
}

/// The keys of the sets of a view.
pub(crate) struct SetKeys {
    pub(crate) clusters: ClusterSetKey,
    pub(crate) load_assignments: ScopeInView<EndpointView>,
    pub(crate) listeners: ListenerSetKey,
    pub(crate) route_tables: TablesKey,
    pub(crate) secrets: SecretsKey,
}

impl SetKeys {
    pub(crate) fn of(cx: &Reader<'_>, key: &ViewKey) -> Self {
        let ProxyBinding { scope, source, inbound, .. } = &key.binding;
        let (interception, families) = (key.binding.interception, key.binding.families);
        let placed = *cx.get::<PlaceMattersIn>(scope);
        let place = if placed { key.binding.place.clone() } else { Place::default() };
        let (listeners, route_tables, gateway_view) = match inbound {
            None => {
                let view = key.gateway_view();
                (ListenerSetKey::Gateway(view.clone()), TablesKey::Gateway(view.clone()), Some(view))
            }
            Some(inbound) => {
                let (scope, source) = (scope.clone(), source.clone());
                let routes = RouteView {
                    scope: scope.clone(),
                    source: source.clone(),
                    dns_domain: key.dns_domain.clone(),
                    interception,
                    takes_large_expressions: key.takes_large_expressions,
                };
                let listeners = ListenerView { scope, source, interception, families };
                (ListenerSetKey::Sidecar(listeners, inbound.clone()), TablesKey::Sidecar(routes), None)
            }
        };
        let gateway = gateway_view.is_some();
        Self {
            clusters: ClusterSetKey {
                outbound: ScopeInView { scope: scope.clone(), view: ClusterView { gateway, families } },
                inbound: inbound.clone(),
            },
            load_assignments: ScopeInView {
                scope: scope.clone(),
                view: EndpointView { gateway, place, families },
            },
            listeners,
            route_tables,
            secrets: SecretsKey {
                namespace: key.secrets.clone(),
                scope: scope.clone(),
                gateway: gateway_view,
            },
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ClusterSetKey {
    pub(crate) outbound: ScopeInView<ClusterView>,
    pub(crate) inbound: Option<InboundKey>,
}

/// All clusters of proxies that share scope, view and inbound side.
struct ClusterSet;

impl Query for ClusterSet {
    type Key = ClusterSetKey;
    type Value = SharedSet;
    const NAME: &'static str = "cluster_set";
    const STRATUM: Stratum = Stratum(strata::SET.0 + 1);

    fn compute(cx: &Reader<'_>, key: &ClusterSetKey) -> SharedSet {
        let mut set = cx.get::<UnionOf<OutboundClusters>>(&key.outbound).entries().clone();
        set.extend(cx.get::<SpecialClusters>(&key.outbound.view).iter().map(EncodedResource::named));
        if let Some(inbound) = &key.inbound {
            set.extend(cx.get::<InboundClusters>(inbound).iter().map(EncodedResource::named));
        }
        set.into()
    }
}

/// All load assignments of a scope in a view.
struct LoadAssignmentSet;

impl Query for LoadAssignmentSet {
    type Key = ScopeInView<EndpointView>;
    type Value = SharedSet;
    const NAME: &'static str = "load_assignment_set";
    const STRATUM: Stratum = Stratum(strata::SET.0 + 1);

    fn compute(cx: &Reader<'_>, key: &Self::Key) -> SharedSet {
        cx.get::<UnionOf<OutboundLoadAssignments>>(key).entries().clone().into()
    }
}

/// All route tables of a view.
struct RouteTableSet;

impl Query for RouteTableSet {
    type Key = TablesKey;
    type Value = SharedSet;
    const NAME: &'static str = "route_table_set";
    const STRATUM: Stratum = Stratum(strata::SET.0 + 1);

    fn compute(cx: &Reader<'_>, key: &TablesKey) -> SharedSet {
        cx.get::<UnionOf<RouteTables>>(key).entries().clone().into()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ListenerSetKey {
    Sidecar(ListenerView, InboundKey),
    Gateway(GatewayView),
}

/// All listeners of proxies that share scope, view and inbound side.
struct ListenerSet;

impl Query for ListenerSet {
    type Key = ListenerSetKey;
    type Value = SharedSet;
    const NAME: &'static str = "listener_set";
    const STRATUM: Stratum = Stratum(strata::SET.0 + 1);

    fn compute(cx: &Reader<'_>, key: &ListenerSetKey) -> SharedSet {
        match key {
            ListenerSetKey::Gateway(view) => cx.collect::<GatewayListenerSet>(view).into(),
            ListenerSetKey::Sidecar(view, inbound) => {
                let mut set = cx.get::<UnionOf<OutboundListenerSet>>(view).entries().clone();
                let policy = cx.get::<ScopeOf>(&view.scope).outbound_policy;
                let virtual_outbound = cx.get::<VirtualOutbound>(&(view.interception, view.families, policy));
                set.extend(Option::as_ref(&virtual_outbound).map(EncodedResource::named));
                set.extend(cx.get::<InboundListeners>(inbound).iter().map(EncodedResource::named));
                set.into()
            }
        }
    }
}
