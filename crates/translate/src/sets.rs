//! The sets of clusters and load assignments of a view, kept by union: one changed service changes its own
//! entries and no other.

use std::sync::Arc;

use fairlead_incremental::{Collect, Query, Reader, Stratum};
use fairlead_model::{
    Host,
    proxy::{Place, PlacedServices, PlacedServicesOf},
    scope::{ScopeKey, ScopeOf, ScopedService},
    strata,
};
use fairlead_resource::{EncodedResource, ResourceName};
use imbl::OrdSet;

use crate::{
    clusters::ServiceClusters,
    derived::Derived,
    endpoints::ServiceLoadAssignments,
    view::{ClusterView, EndpointView, ServiceInView},
};

/// A scope seen in a view.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeInView<V> {
    /// What is seen.
    pub scope: ScopeKey,
    /// How.
    pub view: V,
}

/// The services of a scope in a view.
type Members<V> = Derived<Host, ScopedService, ServiceInView<V>>;

fn members<V: Clone + Ord>(
    cx: &Reader<'_>,
    scope: &ScopeKey,
    previous: Option<&Members<V>>,
    view: impl Fn(&ScopedService) -> V,
) -> Members<V> {
    Derived::new(previous, &cx.get::<ScopeOf>(scope).services, |_, scoped| ServiceInView {
        service: scoped.service.clone(),
        rule: scoped.rule.clone(),
        view: view(scoped),
    })
}

/// The members of [`OutboundClusters`]: scopes that change without a service coming or going stop here.
struct ClusterMembers;

impl Query for ClusterMembers {
    type Key = ScopeInView<ClusterView>;
    type Value = Members<ClusterView>;
    const NAME: &'static str = "cluster_members";
    const STRATUM: Stratum = strata::PLAN;

    fn compute(cx: &Reader<'_>, key: &Self::Key) -> Self::Value {
        members(cx, &key.scope, cx.previous::<Self>().as_deref(), |_| key.view.clone())
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
    const STRATUM: Stratum = strata::SET;

    fn members(cx: &Reader<'_>, key: &Self::Key) -> OrdSet<ServiceInView<ClusterView>> {
        cx.get::<ClusterMembers>(key).set()
    }

    fn entries(
        _: &ServiceInView<ClusterView>,
        clusters: &<ServiceClusters as Query>::Value,
        emit: &mut dyn FnMut(ResourceName, EncodedResource),
    ) {
        for cluster in clusters.iter() {
            emit(cluster.name.clone(), cluster.clone());
        }
    }
}

/// Whether the place of a client may matter for any service of a scope.
pub struct PlaceMattersIn;

impl Query for PlaceMattersIn {
    type Key = ScopeKey;
    type Value = bool;
    const NAME: &'static str = "place_matters";
    const STRATUM: Stratum = strata::PLAN;

    fn compute(cx: &Reader<'_>, scope: &ScopeKey) -> bool {
        let placed = cx.get::<PlacedServicesOf>(&());
        let scope = cx.get::<ScopeOf>(scope);
        scope.services.values().any(|scoped| placed.may_include(&scoped.service, scoped.rule.is_some()))
    }
}

/// The members of [`OutboundLoadAssignments`]. Services for which the client's place does not matter are the same for
/// all places.
struct LoadAssignmentMembers;

impl Query for LoadAssignmentMembers {
    type Key = ScopeInView<EndpointView>;
    type Value = (Arc<PlacedServices>, Members<EndpointView>);
    const NAME: &'static str = "load_assignment_members";
    const STRATUM: Stratum = strata::PLAN;

    fn compute(cx: &Reader<'_>, key: &Self::Key) -> Self::Value {
        let placed = cx.get::<PlacedServicesOf>(&());
        let anywhere = EndpointView { place: Place::default(), ..key.view.clone() };
        let view = |scoped: &ScopedService| {
            let matters = placed.may_include(&scoped.service, scoped.rule.is_some());
            if matters { key.view.clone() } else { anywhere.clone() }
        };
        let previous = cx.previous::<Self>().filter(|previous| previous.0 == placed);
        let members = members(cx, &key.scope, previous.as_deref().map(|previous| &previous.1), view);
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
    const STRATUM: Stratum = strata::SET;

    fn members(cx: &Reader<'_>, key: &Self::Key) -> OrdSet<ServiceInView<EndpointView>> {
        cx.get::<LoadAssignmentMembers>(key).1.set()
    }

    fn entries(
        _: &ServiceInView<EndpointView>,
        assignments: &<ServiceLoadAssignments as Query>::Value,
        emit: &mut dyn FnMut(ResourceName, EncodedResource),
    ) {
        for assignment in assignments.iter() {
            emit(assignment.name.clone(), assignment.clone());
        }
    }
}
