//! The limit on endpoints of services that may select the same workloads.
//!
//! A service has each workload that it selects as an endpoint of each of its ports, so a few thousand objects with one
//! selector would make millions of endpoints.

use std::{collections::BTreeSet, sync::Arc};

use fairlead_config::{ConfigKey, Kind, LabelSet};
use fairlead_incremental::{Query, Reader, Stratum};

use super::{
    ServiceEndpoints,
    selected::{SelectedEndpoints, SelectedKey, may_select},
};
use crate::{
    Service, ServiceKey,
    destination_rule::Subset,
    input::{
        LegacyEndpoints, PodsByLabel, SelectingServiceEntries, SelectingServices, SelectorBucket,
        SlicesOfService, WorkloadEntriesByLabel,
    },
    service::{Registry, ServicesOf},
    strata,
};

/// Maximum number of endpoints, over all ports, of the services that may select the same workloads.
pub const MOST_SELECTED: usize = 200_000;

/// Maximum number of endpoints, over all ports, in the subsets of a service.
pub const MOST_IN_SUBSETS: usize = 200_000;

impl ServiceEndpoints {
    /// How many of the subsets, in order, have endpoints: as many as fit into [`MOST_IN_SUBSETS`].
    pub fn filled(&self, subsets: &[Subset]) -> usize {
        let all: usize = self.by_port.values().map(|list| list.len()).sum();
        // An upper bound, nearly always low enough that they need not be counted.
        if subsets.len().saturating_mul(all) <= MOST_IN_SUBSETS {
            return subsets.len();
        }
        let of_subset = |subset: &Subset| {
            let endpoints = self.by_port.values().flat_map(|list| list.iter());
            endpoints.filter(|endpoint| endpoint.has_labels(&subset.labels)).count()
        };
        let mut sum = 0;
        let fits = |subset: &&Subset| {
            sum += of_subset(subset);
            sum <= MOST_IN_SUBSETS
        };
        subsets.iter().take_while(fits).count()
    }
}

/// The services that may select the same workloads, and whether Pods count besides WorkloadEntries.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ShareKey {
    bucket: SelectorBucket,
    pods: bool,
}

impl ShareKey {
    pub(super) fn of(service: &Service, selector: &LabelSet, pods: bool) -> Self {
        Self { bucket: SelectorBucket::of_selector(&service.key.namespace, selector.iter()), pods }
    }
}

/// The last of the services, whose endpoints would exceed [`MOST_SELECTED`]; they get none by their selectors.
#[derive(Debug)]
pub(super) struct BeyondShare;

impl Query for BeyondShare {
    type Key = ShareKey;
    type Value = Arc<BTreeSet<ServiceKey>>;
    const NAME: &'static str = "services beyond the share of their selector";
    const STRATUM: Stratum = Stratum(strata::ENDPOINTS.0 - 1);

    fn compute(cx: &Reader<'_>, key: &ShareKey) -> Self::Value {
        let mut objects = cx.index::<SelectingServices>(&key.bucket);
        objects.extend(cx.index::<SelectingServiceEntries>(&key.bucket));
        let mut workloads = cx.index::<WorkloadEntriesByLabel>(&key.bucket).len();
        if key.pods {
            workloads += cx.index::<PodsByLabel>(&key.bucket).len();
        }
        let services: Vec<_> = objects.iter().map(|object| cx.get::<ServicesOf>(object)).collect();
        let mut services: Vec<&Service> =
            services.iter().flat_map(|services| services.iter()).map(|service| &**service).collect();
        let ports: usize = services.iter().map(|service| service.ports.len()).sum();
        // An upper bound, nearly always low enough that the endpoints need not be counted.
        if ports.saturating_mul(workloads) <= MOST_SELECTED {
            return Arc::default();
        }
        services.sort_by_key(|service| service.precedence());
        let mut all = 0;
        let mut beyond = BTreeSet::new();
        for service in services {
            let Some(selector) = &service.selector else { continue };
            // Slices list the Pods of a Service as well, so they are not selected.
            if key.pods && !selects_pods(cx, service) {
                continue;
            }
            let endpoints = service.ports.iter().map(|port| {
                cx.get::<SelectedEndpoints>(&SelectedKey::of(service, selector, key.pods, port)).len()
            });
            let own: usize = endpoints.sum();
            if all + own > MOST_SELECTED {
                beyond.insert(service.key.clone());
            } else {
                all += own;
            }
        }
        Arc::new(beyond)
    }
}

/// Whether a service gets no endpoints by its selector because services before it have reached [`MOST_SELECTED`].
pub fn is_beyond_share(cx: &Reader<'_>, service: &Service) -> bool {
    let Some(selector) = &service.selector else { return false };
    let pods = selects_pods(cx, service);
    may_select(cx, &service.key.namespace, selector, pods)
        && cx.get::<BeyondShare>(&ShareKey::of(service, selector, pods)).contains(&service.key)
}

/// Whether the selector of a service selects Pods because nothing lists its endpoints.
fn selects_pods(cx: &Reader<'_>, service: &Service) -> bool {
    if service.registry == Registry::External {
        return true;
    }
    let (namespace, name) = (&service.key.namespace, &service.origin.name);
    let endpoints = ConfigKey::new(Kind::Endpoints, namespace.clone(), name.clone());
    cx.index::<SlicesOfService>(&(namespace.clone(), name.clone())).is_empty()
        && cx.input::<LegacyEndpoints>(&endpoints).is_none()
}
