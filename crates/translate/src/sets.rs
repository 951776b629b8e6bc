//! The sets of clusters and load assignments of a view, kept by union: a changed service changes only its own entries.

use std::sync::Arc;

use fairlead_incremental::{Based, BasedCollect, BasedKey, Collect, EditFrom, Key, Query, Reader, Stratum};
use fairlead_model::{
    Host,
    proxy::{Place, PlacedServices, PlacedServicesOf},
    scope::{ScopeKey, ScopeOf, ScopedService},
    strata,
};
use fairlead_resource::{EncodedResource, ResourceName};
use imbl::{OrdMap, OrdSet, ordmap::DiffItem};

use crate::{
    clusters::ServiceClusters,
    derived::Derived,
    endpoints::ServiceLoadAssignments,
    view::{ClusterView, EndpointView, ServiceInView},
};

/// A scope as seen in a view.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeInView<V> {
    /// What is seen.
    pub scope: ScopeKey,
    /// The view.
    pub view: V,
}

/// The base of the scope in the same view.
impl<V: Key> BasedKey for ScopeInView<V> {
    fn base(&self) -> Option<Self> {
        Some(Self { scope: self.scope.base()?, view: self.view.clone() })
    }
}

/// The services of a scope in a view.
type Members<V> = Derived<Host, ScopedService, ServiceInView<V>>;

fn members<V: Clone + Ord>(
    cx: &Reader<'_>,
    scope: &ScopeKey,
    from: EditFrom<'_, Members<V>>,
    view: impl Fn(&ScopedService) -> V,
) -> Members<V> {
    let member = |_: &Host, scoped: &ScopedService| ServiceInView {
        service: scoped.service.clone(),
        rule: scoped.rule.clone(),
        view: view(scoped),
    };
    Derived::new(from, &cx.get::<ScopeOf>(scope).services, member, member)
}

/// The members of [`OutboundClusters`]: scopes that change without a service coming or going stop here.
struct ClusterMembers;

impl Based for ClusterMembers {
    type Key = ScopeInView<ClusterView>;
    type Value = Members<ClusterView>;
    const NAME: &'static str = "cluster_members";
    const BASE_NAME: &'static str = "base_cluster_members";
    const STRATUM: Stratum = strata::PLAN;

    fn edit(cx: &Reader<'_>, key: &Self::Key, from: EditFrom<'_, Self::Value>) -> Self::Value {
        members(cx, &key.scope, from, |_| key.view.clone())
    }
}

/// The clusters of every service of a scope.
pub struct OutboundClusters;

impl Collect for OutboundClusters {
    type Key = ScopeInView<ClusterView>;
    type Member = ServiceClusters;
    type OutKey = ResourceName;
    type OutValue = EncodedResource;
    const NAME: &'static str = "outbound_clusters";
    const STRATUM: Stratum = strata::UNION;

    fn members(cx: &Reader<'_>, key: &Self::Key) -> OrdSet<ServiceInView<ClusterView>> {
        cx.get::<ClusterMembers>(key).set()
    }

    fn entries(
        _: &ServiceInView<ClusterView>,
        clusters: &<ServiceClusters as Query>::Value,
    ) -> impl IntoIterator<Item = (ResourceName, EncodedResource)> {
        clusters.iter().map(EncodedResource::named)
    }
}

impl BasedCollect for OutboundClusters {
    const UNION: &'static str = "all_outbound_clusters";
    const OWN: &'static str = "own_outbound_clusters";
    const HIDDEN: &'static str = "hidden_outbound_clusters";
}

/// Whether the place of a client may matter for any service of a scope.
pub struct PlaceMattersIn;

impl Based for PlaceMattersIn {
    type Key = ScopeKey;
    type Value = bool;
    const NAME: &'static str = "place_matters";
    const BASE_NAME: &'static str = "place_matters_in_base";
    const STRATUM: Stratum = strata::PLAN;

    fn edit(cx: &Reader<'_>, key: &ScopeKey, from: EditFrom<'_, bool>) -> bool {
        let placed = cx.get::<PlacedServicesOf>(&());
        let services = |scope: &ScopeKey| cx.get::<ScopeOf>(scope).services.clone();
        // A service of the base to which the same rule applies need not be examined again.
        let asked = match (from.base, key.base()) {
            (Some(true), _) => return true,
            (Some(false), Some(base)) => services(&base),
            _ => OrdMap::new(),
        };
        asked.diff(&services(key)).any(|item| match item {
            DiffItem::Add(_, scoped) | DiffItem::Update { new: (_, scoped), .. } => {
                placed.may_include(&scoped.service, scoped.rule.is_some())
            }
            DiffItem::Remove(..) => false,
        })
    }
}

/// The members of [`OutboundLoadAssignments`]. Services for which the client's place does not matter are the same for
/// all places.
struct LoadAssignmentMembers;

impl Based for LoadAssignmentMembers {
    type Key = ScopeInView<EndpointView>;
    type Value = (Arc<PlacedServices>, Members<EndpointView>);
    const NAME: &'static str = "load_assignment_members";
    const BASE_NAME: &'static str = "base_load_assignment_members";
    const STRATUM: Stratum = strata::PLAN;

    fn edit(cx: &Reader<'_>, key: &Self::Key, from: EditFrom<'_, Self::Value>) -> Self::Value {
        let placed = cx.get::<PlacedServicesOf>(&());
        let anywhere = EndpointView { place: Place::default(), ..key.view.clone() };
        let view = |scoped: &ScopedService| {
            let matters = placed.may_include(&scoped.service, scoped.rule.is_some());
            if matters { key.view.clone() } else { anywhere.clone() }
        };
        let previous = from.previous.filter(|(of, _)| *of == placed).map(|(_, members)| members);
        let from = EditFrom { previous, base: from.base.map(|(_, members)| members) };
        let members = members(cx, &key.scope, from, view);
        (placed, members)
    }
}

/// The load assignments of every service of a scope that is sent by EDS.
pub struct OutboundLoadAssignments;

impl Collect for OutboundLoadAssignments {
    type Key = ScopeInView<EndpointView>;
    type Member = ServiceLoadAssignments;
    type OutKey = ResourceName;
    type OutValue = EncodedResource;
    const NAME: &'static str = "outbound_load_assignments";
    const STRATUM: Stratum = strata::UNION;

    fn members(cx: &Reader<'_>, key: &Self::Key) -> OrdSet<ServiceInView<EndpointView>> {
        cx.get::<LoadAssignmentMembers>(key).1.set()
    }

    fn entries(
        _: &ServiceInView<EndpointView>,
        assignments: &<ServiceLoadAssignments as Query>::Value,
    ) -> impl IntoIterator<Item = (ResourceName, EncodedResource)> {
        assignments.iter().map(EncodedResource::named)
    }
}

impl BasedCollect for OutboundLoadAssignments {
    const UNION: &'static str = "all_outbound_load_assignments";
    const OWN: &'static str = "own_outbound_load_assignments";
    const HIDDEN: &'static str = "hidden_outbound_load_assignments";
}
