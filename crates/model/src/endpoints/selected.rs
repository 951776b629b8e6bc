//! The endpoints that a selector selects: one list for all services that select them alike.

use std::sync::Arc;

use fairlead_config::{LabelSet, Namespace};
use fairlead_incremental::{Index, Query, Reader, Stratum};

use super::{
    Endpoint,
    collect::{Takes, finished},
};
use crate::{
    Service,
    input::{KindInput, PodsByLabel, SelectorBucket, WorkloadEntriesByLabel},
    port::{Port, Protocol},
    service::Registry,
    strata,
    workload::{Workload, WorkloadOf},
};

/// What the endpoints of a selector depend on. Services with the same selector share one list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SelectedKey {
    namespace: Namespace,
    selector: LabelSet,
    /// Whether Pods count besides WorkloadEntries.
    pods: bool,
    registry: Registry,
    takes: Takes,
    /// The port, with a fixed number and protocol, since these do not decide where it leads.
    port: Port,
}

impl SelectedKey {
    /// The key of one port of a service with a selector.
    pub(super) fn of(service: &Service, selector: &LabelSet, pods: bool, port: &Port) -> Self {
        Self {
            namespace: service.key.namespace.clone(),
            selector: selector.clone(),
            pods,
            registry: service.registry,
            takes: Takes::of(service),
            port: Port { number: 0, protocol: Protocol::Auto, ..port.clone() },
        }
    }
}

/// The endpoints of the workloads that a selector selects, for one port.
#[derive(Debug)]
pub(super) struct SelectedEndpoints;

impl Query for SelectedEndpoints {
    type Key = SelectedKey;
    type Value = Arc<[Endpoint]>;
    const NAME: &'static str = "endpoints of selector";
    const STRATUM: Stratum = strata::REGISTRY;

    fn compute(cx: &Reader<'_>, key: &SelectedKey) -> Self::Value {
        let mut endpoints = Vec::new();
        each(cx, key, &mut |_, endpoint| endpoints.push(endpoint));
        finished(endpoints)
    }
}

/// Visits each endpoint of the workloads that a selector selects, with its workload.
pub(super) fn each(cx: &Reader<'_>, key: &SelectedKey, visit: &mut dyn FnMut(&Workload, Endpoint)) {
    if key.pods {
        each_of::<PodsByLabel>(cx, key, visit);
    }
    each_of::<WorkloadEntriesByLabel>(cx, key, visit);
}

fn each_of<I: Index<Bucket = SelectorBucket, Input: KindInput>>(
    cx: &Reader<'_>,
    key: &SelectedKey,
    visit: &mut dyn FnMut(&Workload, Endpoint),
) {
    for workload in &cx.index::<I>(&SelectorBucket::of_selector(&key.namespace, key.selector.iter())) {
        if let Some(workload) = &*cx.get::<WorkloadOf>(workload)
            && workload.labels.contains_all(&key.selector)
        {
            let endpoints = key.takes.endpoints(key.registry, &key.port, workload);
            endpoints.for_each(|endpoint| visit(workload, endpoint));
        }
    }
}

/// Whether a selector may select a workload. Most Services have no WorkloadEntry.
pub(super) fn may_select(cx: &Reader<'_>, namespace: &Namespace, selector: &LabelSet, pods: bool) -> bool {
    let bucket = SelectorBucket::of_selector(namespace, selector.iter());
    (pods && !cx.index::<PodsByLabel>(&bucket).is_empty())
        || !cx.index::<WorkloadEntriesByLabel>(&bucket).is_empty()
}
