//! The sets of clusters and load assignments of a view, kept by union: one changed service changes its own
//! entries and no other.

use fairlead_envoy::{EncodedResource, ResourceName};
use fairlead_incremental::{Collect, Query, Reader, Stratum};
use fairlead_model::{
    Host,
    scope::{ScopeKey, ScopeOf, ScopedService},
    strata,
};
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
    key: &ScopeInView<V>,
    previous: Option<&Members<V>>,
) -> Members<V> {
    Derived::new(previous, &cx.get::<ScopeOf>(&key.scope).services, |_, scoped| ServiceInView {
        service: scoped.service.clone(),
        rule: scoped.rule.clone(),
        view: key.view.clone(),
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
        members(cx, key, cx.previous::<Self>().as_deref())
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

/// The members of [`OutboundLoadAssignments`].
struct LoadAssignmentMembers;

impl Query for LoadAssignmentMembers {
    type Key = ScopeInView<EndpointView>;
    type Value = Members<EndpointView>;
    const NAME: &'static str = "load_assignment_members";
    const STRATUM: Stratum = strata::PLAN;

    fn compute(cx: &Reader<'_>, key: &Self::Key) -> Self::Value {
        members(cx, key, cx.previous::<Self>().as_deref())
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
        cx.get::<LoadAssignmentMembers>(key).set()
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
