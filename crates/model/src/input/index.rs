//! Indexes over the inputs: by namespace, host, address, service and selector.

use std::{collections::BTreeMap, marker::PhantomData, net::IpAddr, sync::Arc};

use fairlead_config::{Config, ConfigKey, Name, Namespace, api};
use fairlead_incremental::Index;

use super::{EndpointSlices, KindInput, LegacyEndpoints, Pods, ServiceEntries, Services, WorkloadEntries};
use crate::Host;

/// Every object of a kind, in the bucket `()`.
#[derive(Debug)]
pub struct All<I>(PhantomData<I>);

impl<I: KindInput> Index for All<I> {
    type Input = I;
    type Bucket = ();
    const NAME: &'static str = I::ALL;

    fn buckets(_: &ConfigKey, _: &Config<I::Spec>) -> Vec<()> {
        vec![()]
    }
}

/// The objects of a kind by namespace.
#[derive(Debug)]
pub struct ByNamespace<I>(PhantomData<I>);

impl<I: KindInput> Index for ByNamespace<I> {
    type Input = I;
    type Bucket = Namespace;
    const NAME: &'static str = I::BY_NAMESPACE;

    fn buckets(key: &ConfigKey, _: &Config<I::Spec>) -> Vec<Namespace> {
        vec![key.namespace.clone()]
    }
}

/// EndpointSlices by the namespace and name of their Service.
#[derive(Debug)]
pub struct SlicesOfService;

impl Index for SlicesOfService {
    type Input = EndpointSlices;
    type Bucket = (Namespace, Name);
    const NAME: &'static str = "endpoint slices by service";

    fn buckets(key: &ConfigKey, slice: &Config<api::EndpointSlice>) -> Vec<Self::Bucket> {
        let service = slice.labels.get(api::SERVICE_NAME_LABEL);
        service.map(|name| (key.namespace.clone(), Name::from(name))).into_iter().collect()
    }
}

/// EndpointSlices by the addresses of their endpoints.
#[derive(Debug)]
pub struct SlicesAt;

impl Index for SlicesAt {
    type Input = EndpointSlices;
    type Bucket = IpAddr;
    const NAME: &'static str = "endpoint slices by address";

    fn buckets(_: &ConfigKey, slice: &Config<api::EndpointSlice>) -> Vec<IpAddr> {
        let addresses = slice.spec.endpoints.iter().flat_map(|endpoint| &endpoint.addresses);
        addresses.filter_map(|address| address.parse().ok()).collect()
    }
}

/// Endpoints objects by their addresses.
#[derive(Debug)]
pub struct EndpointsAt;

impl Index for EndpointsAt {
    type Input = LegacyEndpoints;
    type Bucket = IpAddr;
    const NAME: &'static str = "endpoints by address";

    fn buckets(_: &ConfigKey, endpoints: &Config<api::Endpoints>) -> Vec<IpAddr> {
        let subsets = endpoints.spec.subsets.iter();
        let addresses = subsets.flat_map(|subset| subset.addresses.iter().chain(&subset.not_ready_addresses));
        addresses.filter_map(|address| address.ip.parse().ok()).collect()
    }
}

/// A Pod address, and whether it is the node's (`hostNetwork`), which several Pods may share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodAddress {
    /// The address.
    pub ip: IpAddr,
    /// Whether it is the node's.
    pub of_node: bool,
}

/// Pods that have not ended by address.
#[derive(Debug)]
pub struct PodsAt;

impl Index for PodsAt {
    type Input = Pods;
    type Bucket = PodAddress;
    const NAME: &'static str = "pods by address";

    fn buckets(_: &ConfigKey, pod: &Config<api::Pod>) -> Vec<PodAddress> {
        if crate::workload::pod_has_ended(&pod.spec) {
            return Vec::new();
        }
        let of_node = pod.spec.spec.host_network;
        let addresses = crate::workload::pod_addresses(&pod.spec).into_iter();
        addresses.map(|ip| PodAddress { ip, of_node }).collect()
    }
}

/// WorkloadEntries by IP address.
#[derive(Debug)]
pub struct WorkloadEntriesAt;

impl Index for WorkloadEntriesAt {
    type Input = WorkloadEntries;
    type Bucket = IpAddr;
    const NAME: &'static str = "workload entries by address";

    fn buckets(_: &ConfigKey, entry: &Config<api::WorkloadEntrySpec>) -> Vec<IpAddr> {
        entry_address(&entry.spec).into_iter().collect()
    }
}

/// ServiceEntries by the addresses of their inline endpoints.
#[derive(Debug)]
pub struct ServiceEntriesAt;

impl Index for ServiceEntriesAt {
    type Input = ServiceEntries;
    type Bucket = IpAddr;
    const NAME: &'static str = "service entries by endpoint address";

    fn buckets(_: &ConfigKey, entry: &Config<api::ServiceEntrySpec>) -> Vec<IpAddr> {
        entry.spec.endpoints.iter().filter_map(entry_address).collect()
    }
}

/// ServiceEntries by host.
#[derive(Debug)]
pub struct ServiceEntriesOfHost;

impl Index for ServiceEntriesOfHost {
    type Input = ServiceEntries;
    type Bucket = Host;
    const NAME: &'static str = "service entries by host";

    fn buckets(_: &ConfigKey, entry: &Config<api::ServiceEntrySpec>) -> Vec<Host> {
        entry.spec.hosts.iter().map(|host| Host::new(host)).collect()
    }
}

/// A namespace and one label, by which selectors find workloads and workloads find selectors.
///
/// A workload that a selector selects carries each label of the selector, so the selector's first label is
/// enough to find all candidates, in both directions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SelectorBucket {
    /// The namespace of the selector and of the workloads that it selects.
    pub namespace: Namespace,
    /// Key and value; `None` for a selector without labels, which selects every workload.
    pub label: Option<(Arc<str>, Arc<str>)>,
}

impl SelectorBucket {
    /// The buckets that may hold a selector of `namespace` that selects a workload with `labels`.
    pub fn of_workload<'a>(
        namespace: &Namespace,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Vec<Self> {
        let of = |label| Self { namespace: namespace.clone(), label };
        let labels = labels.into_iter().map(|(key, value)| of(Some((key.into(), value.into()))));
        std::iter::once(of(None)).chain(labels).collect()
    }

    /// The bucket of a selector: it contains every workload that it selects, and maybe others.
    pub fn of_selector<'a>(
        namespace: &Namespace,
        selector: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let first = selector.into_iter().next();
        Self { namespace: namespace.clone(), label: first.map(|(key, value)| (key.into(), value.into())) }
    }
}

/// Pods that have not ended, by each of their labels. Not registered: built for the first Service without
/// EndpointSlices or ServiceEntry with a `workloadSelector`.
#[derive(Debug)]
pub struct PodsByLabel;

impl Index for PodsByLabel {
    type Input = Pods;
    type Bucket = SelectorBucket;
    const NAME: &'static str = "pods by label";

    fn buckets(key: &ConfigKey, pod: &Config<api::Pod>) -> Vec<SelectorBucket> {
        if crate::workload::pod_has_ended(&pod.spec) {
            return Vec::new();
        }
        SelectorBucket::of_workload(&key.namespace, pod.labels.iter())
    }
}

/// WorkloadEntries by each of their labels, of the spec and of the metadata.
#[derive(Debug)]
pub struct WorkloadEntriesByLabel;

impl Index for WorkloadEntriesByLabel {
    type Input = WorkloadEntries;
    type Bucket = SelectorBucket;
    const NAME: &'static str = "workload entries by label";

    fn buckets(key: &ConfigKey, entry: &Config<api::WorkloadEntrySpec>) -> Vec<SelectorBucket> {
        SelectorBucket::of_workload(&key.namespace, pairs(&entry.spec.labels).chain(entry.labels.iter()))
    }
}

fn pairs(labels: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    labels.iter().map(|(key, value)| (key.as_str(), value.as_str()))
}

/// Kubernetes Services by selector.
#[derive(Debug)]
pub struct SelectingServices;

impl Index for SelectingServices {
    type Input = Services;
    type Bucket = SelectorBucket;
    const NAME: &'static str = "services by selector";

    fn buckets(key: &ConfigKey, service: &Config<api::ServiceSpec>) -> Vec<SelectorBucket> {
        if service.spec.selector.is_empty() {
            return Vec::new();
        }
        vec![SelectorBucket::of_selector(&key.namespace, pairs(&service.spec.selector))]
    }
}

/// ServiceEntries by `workloadSelector`.
#[derive(Debug)]
pub struct SelectingServiceEntries;

impl Index for SelectingServiceEntries {
    type Input = ServiceEntries;
    type Bucket = SelectorBucket;
    const NAME: &'static str = "service entries by selector";

    fn buckets(key: &ConfigKey, entry: &Config<api::ServiceEntrySpec>) -> Vec<SelectorBucket> {
        let selector = entry.spec.workload_selector.as_ref();
        let bucket = selector.map(|s| SelectorBucket::of_selector(&key.namespace, pairs(&s.labels)));
        bucket.into_iter().collect()
    }
}

fn entry_address(entry: &api::WorkloadEntrySpec) -> Option<IpAddr> {
    entry.address.as_deref()?.parse().ok()
}
