//! Services that treat clients differently by place.

use std::{collections::BTreeSet, sync::Arc};

use fairlead_config::{Config, ConfigKey, api};
use fairlead_incremental::{Index, Query, Reader, Stratum};

use crate::{
    ServiceKey,
    input::Services,
    mesh::ResolvedMesh,
    service::{TRAFFIC_DISTRIBUTION, kubernetes_host},
    strata,
};

/// The value of `trafficDistribution` (or of its annotation) that prefers the client's node.
const SAME_NODE: &str = "PreferSameNode";

/// What a Service needs to know about the place of its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PlaceAsked {
    /// Anything.
    Any,
    /// The node.
    Node,
}

/// The Services for which the place of clients matters, by the part of it that does.
#[derive(Debug)]
pub struct ServicesByPlace;

impl Index for ServicesByPlace {
    type Input = Services;
    type Bucket = PlaceAsked;
    const NAME: &'static str = "services by what they ask about the client's place";

    fn buckets(_: &ConfigKey, service: &Config<api::ServiceSpec>) -> Vec<PlaceAsked> {
        let distribution = service.spec.traffic_distribution.as_deref();
        let distribution = distribution.or_else(|| service.annotations.get(TRAFFIC_DISTRIBUTION));
        let is_local = service.spec.internal_traffic_policy == Some(api::InternalTrafficPolicy::Local);
        match distribution {
            _ if is_local => vec![PlaceAsked::Any, PlaceAsked::Node],
            Some(SAME_NODE) => vec![PlaceAsked::Any, PlaceAsked::Node],
            Some(_) => vec![PlaceAsked::Any],
            None => Vec::new(),
        }
    }
}

/// Whether the client's node matters for any Service. While it does not, nodes do not split views.
#[derive(Debug)]
pub struct NodeMatters;

impl Query for NodeMatters {
    type Key = ();
    type Value = bool;
    const NAME: &'static str = "node matters";
    const STRATUM: Stratum = strata::OBJECT;

    fn compute(cx: &Reader<'_>, (): &()) -> bool {
        !cx.index::<ServicesByPlace>(&PlaceAsked::Node).is_empty()
    }
}

/// The services for which the place of a client may matter. The others look the same to all clients.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedServices {
    /// Whether the mesh's own setting distributes traffic by locality.
    all: bool,
    /// Kubernetes Services that depend on the place.
    some: Arc<BTreeSet<ServiceKey>>,
}

impl PlacedServices {
    /// Whether the place may matter for a service; its DestinationRule, which may make it matter, is not inspected.
    pub fn may_include(&self, service: &ServiceKey, has_rule: bool) -> bool {
        self.all || has_rule || self.some.contains(service)
    }
}

/// The [`PlacedServices`] of the mesh.
#[derive(Debug)]
pub struct PlacedServicesOf;

impl Query for PlacedServicesOf {
    type Key = ();
    type Value = PlacedServices;
    const NAME: &'static str = "services for which the client's place may matter";
    const STRATUM: Stratum = strata::OBJECT;

    fn compute(cx: &Reader<'_>, (): &()) -> PlacedServices {
        let mesh = cx.get::<ResolvedMesh>(&());
        let service = |object: &ConfigKey| ServiceKey {
            host: kubernetes_host(object.name.as_str(), object.namespace.as_str(), &mesh.domain),
            namespace: object.namespace.clone(),
        };
        PlacedServices {
            // Failover needs outlier detection, which only a rule sets.
            all: mesh.locality_lb.enabled && !mesh.locality_lb.distribute.is_empty(),
            some: Arc::new(cx.index::<ServicesByPlace>(&PlaceAsked::Any).iter().map(service).collect()),
        }
    }
}
