//! Which Services have something depend on where their clients are.

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

/// The value of `trafficDistribution` (or of its annotation) that asks for the client's node first.
const SAME_NODE: &str = "PreferSameNode";

/// What a Service asks about the place of its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PlaceAsked {
    /// Anything.
    Any,
    /// The node.
    Node,
}

/// The Services for which the place of their clients matters, by what of it does.
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

/// For which services the place of a client may matter. To clients everywhere the others look the same.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedServices {
    /// Whether the mesh distributes by locality what has no setting of its own.
    all: bool,
    /// Kubernetes Services that ask about the place.
    some: Arc<BTreeSet<ServiceKey>>,
}

impl PlacedServices {
    /// Whether the place matters for a service; its DestinationRule, which may set it too, is not looked into.
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
            // Failing over needs outlier detection, which only a rule has.
            all: mesh.locality_lb.enabled && !mesh.locality_lb.distribute.is_empty(),
            some: Arc::new(cx.index::<ServicesByPlace>(&PlaceAsked::Any).iter().map(service).collect()),
        }
    }
}
