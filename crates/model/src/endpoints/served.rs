//! Whether anything serves a service, for findings, without its endpoints.

use std::{collections::BTreeSet, sync::Arc};

use fairlead_config::{ConfigKey, LabelSet, Namespace};
use fairlead_incremental::{Query, Reader, Stratum};

use super::{EndpointsOf, Health, query::listed, target_port};
use crate::{
    Service, ServiceKey,
    input::{
        All, EndpointSlices, LegacyEndpoints, Pods, PodsByLabel, SelectorBucket, WorkloadEntries,
        WorkloadEntriesByLabel,
    },
    service::ServicesOf,
    strata,
    workload::WorkloadOf,
};

/// Maximum number of port names kept.
const MOST_NAMES: usize = 5;

/// What serves a Kubernetes Service.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Served {
    /// Whether EndpointSlices or an Endpoints object list its endpoints.
    pub(crate) is_listed: bool,
    /// Whether it has an endpoint, or a workload that may become one.
    pub(crate) has_any: bool,
    /// Whether one of them may be used.
    pub(crate) has_ready: bool,
    /// The numbers of the ports that lead nowhere on every endpoint.
    pub(crate) without: Vec<u16>,
    /// Some of the port names that the endpoints have.
    pub(crate) names: BTreeSet<Arc<str>>,
}

/// What serves each Kubernetes Service.
#[derive(Debug)]
pub(crate) struct ServedOf;

impl Query for ServedOf {
    type Key = ConfigKey;
    type Value = Option<Arc<Served>>;
    const NAME: &'static str = "whether a service is served";
    const STRATUM: Stratum = Stratum(strata::ENDPOINTS.0 + 1);

    fn compute(cx: &Reader<'_>, object: &ConfigKey) -> Self::Value {
        let services = cx.get::<ServicesOf>(object);
        let service = services.first()?;
        if service.alias_of().is_some() {
            return None;
        }
        let served = match listed(cx, &service.key.namespace, &object.name) {
            Some(listed) if !listed.is_empty() => by_list(service, &listed),
            listed => Served { is_listed: listed.is_some(), ..by_selector(cx, service) },
        };
        Some(Arc::new(served))
    }
}

fn by_list(service: &Service, listed: &[super::slices::Listed]) -> Served {
    let names = listed.iter().flat_map(|endpoint| endpoint.ports.iter().map(|port| &port.name));
    let is_there = |name: &Arc<str>| listed.iter().any(|e| e.ports.iter().any(|port| port.name == *name));
    let ports = service.ports.iter().filter(|port| !is_there(&port.name));
    Served {
        is_listed: true,
        has_any: true,
        has_ready: listed.iter().any(|endpoint| endpoint.health != Health::Unhealthy),
        without: ports.map(|port| port.number).collect(),
        names: names.cloned().collect::<BTreeSet<_>>().into_iter().take(MOST_NAMES).collect(),
    }
}

fn by_selector(cx: &Reader<'_>, service: &Service) -> Served {
    let Some(selector) = &service.selector else { return Served::default() };
    let workloads = workloads(cx, &service.key.namespace, selector);
    let mut served = Served { has_any: !workloads.is_empty(), ..Served::default() };
    let mut without: BTreeSet<u16> = service.ports.iter().map(|port| port.number).collect();
    for key in &workloads {
        let Some(workload) = (*cx.get::<WorkloadOf>(key)).clone() else { continue };
        served.has_ready |= workload.health != Health::Unhealthy && !workload.addresses.is_empty();
        for port in &service.ports {
            if target_port(service.registry, port, Some(&workload)).is_some() {
                without.remove(&port.number);
            }
        }
        served
            .names
            .extend(workload.ports.keys().take(MOST_NAMES.saturating_sub(served.names.len())).cloned());
    }
    served.without = without.into_iter().collect();
    served
}

/// The Pods and WorkloadEntries of a namespace that a selector selects.
fn workloads(cx: &Reader<'_>, namespace: &Namespace, selector: &LabelSet) -> Vec<ConfigKey> {
    let bucket = SelectorBucket::of_selector(namespace, selector.iter());
    let all = cx.index::<PodsByLabel>(&bucket).into_iter().chain(cx.index::<WorkloadEntriesByLabel>(&bucket));
    let is_selected = |key: &ConfigKey| {
        (*cx.get::<WorkloadOf>(key)).as_ref().is_some_and(|workload| workload.labels.contains_all(selector))
    };
    all.filter(is_selected).collect()
}

/// Whether a selector selects a workload of a namespace.
#[derive(Debug)]
pub(crate) struct SelectsWorkload;

impl Query for SelectsWorkload {
    type Key = (Namespace, LabelSet);
    type Value = bool;
    const NAME: &'static str = "whether a selector selects a workload";
    const STRATUM: Stratum = strata::ENDPOINTS;

    fn compute(cx: &Reader<'_>, (namespace, selector): &Self::Key) -> bool {
        !workloads(cx, namespace, selector).is_empty()
    }
}

/// Whether a ServiceEntry that selects workloads, or lists endpoints, has any.
#[derive(Debug)]
pub(crate) struct HasEndpoints;

impl Query for HasEndpoints {
    type Key = ServiceKey;
    type Value = bool;
    const NAME: &'static str = "whether a service has endpoints";
    const STRATUM: Stratum = Stratum(strata::ENDPOINTS.0 + 1);

    fn compute(cx: &Reader<'_>, key: &ServiceKey) -> bool {
        cx.get::<EndpointsOf>(key).by_port.values().any(|list| !list.is_empty())
    }
}

/// Whether the address of any workload is known. A directory of manifests for `kubectl apply` has none: Pods get their
/// addresses in the cluster.
#[derive(Debug)]
pub(crate) struct KnowsWorkloads;

impl Query for KnowsWorkloads {
    type Key = ();
    type Value = bool;
    const NAME: &'static str = "whether workloads are known";
    const STRATUM: Stratum = strata::MESH;

    fn compute(cx: &Reader<'_>, (): &()) -> bool {
        !cx.index::<All<EndpointSlices>>(&()).is_empty()
            || !cx.index::<All<LegacyEndpoints>>(&()).is_empty()
            || !cx.index::<All<WorkloadEntries>>(&()).is_empty()
            || !cx.index::<All<Pods>>(&()).is_empty()
    }
}
