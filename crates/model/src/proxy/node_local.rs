//! Whether any Service asks for endpoints of the client's own node.

use fairlead_config::{Config, ConfigKey, api};
use fairlead_incremental::{Index, Query, Reader, Stratum};

use crate::{input::Services, strata};

/// The value of `trafficDistribution` (or of its annotation) that asks for the client's node first.
const SAME_NODE: &str = "PreferSameNode";
/// The annotation that stands for `trafficDistribution`.
const TRAFFIC_DISTRIBUTION: &str = "networking.istio.io/traffic-distribution";

/// The Services for which the client's node matters, in the bucket `()`.
#[derive(Debug)]
pub struct ServicesByNode;

impl Index for ServicesByNode {
    type Input = Services;
    type Bucket = ();
    const NAME: &'static str = "services that prefer or require the client's node";

    fn buckets(_: &ConfigKey, service: &Config<api::ServiceSpec>) -> Vec<()> {
        if asks_for_node(service) { vec![()] } else { Vec::new() }
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
        !cx.index::<ServicesByNode>(&()).is_empty()
    }
}

fn asks_for_node(service: &Config<api::ServiceSpec>) -> bool {
    let distribution = service.spec.traffic_distribution.as_deref();
    service.spec.internal_traffic_policy == Some(api::InternalTrafficPolicy::Local)
        || distribution.or_else(|| service.annotations.get(TRAFFIC_DISTRIBUTION)) == Some(SAME_NODE)
}
