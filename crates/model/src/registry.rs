//! The registry: services across the objects that define them, by key, by host, by workload, and all of them.
//!
//! Reads: Service, ServiceEntry and, by workload, EndpointSlice, Endpoints, Pod, WorkloadEntry
//! Produces: [`Service`], [`ServiceSummary`], [`WorkloadPort`]
//! Consumed by: [`crate::scope`], [`crate::proxy`], [`crate::gateway`], `translate`
//! Differs from Istio: the definitions of one host in one namespace are merged once and for all, not in each
//! scope; where a Service and a ServiceEntry of one namespace share a host, the Service is the definition and
//! both contribute endpoints.

mod workload;

use std::sync::Arc;

use fairlead_config::{ConfigKey, Kind, Namespace, Timestamp};
use fairlead_incremental::{Collect, Query, Reader, Stratum};
use imbl::OrdSet;

use crate::{
    Host, Port, Service, ServiceKey, age,
    input::{All, ServiceEntries, ServiceEntriesOfHost, Services},
    mesh::ResolvedMesh,
    service::{Registry, Resolution, ServicesOf, Visibility, kubernetes_name},
    service_entry, strata,
};

pub use workload::{ServicesOfWorkload, WorkloadKey, WorkloadPort};

/// What scopes and routes need to know of every service: no endpoints, no addresses, no policies.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceSummary {
    /// Host and namespace.
    pub key: ServiceKey,
    /// Who may use it.
    pub export_to: Visibility,
    /// Its creation time: the oldest wins.
    pub created: Option<Timestamp>,
    /// Where the definition comes from.
    pub registry: Registry,
    /// How endpoints are found.
    pub resolution: Resolution,
    /// Whether the service is outside of the mesh.
    pub external: bool,
    /// The ports, by number.
    pub ports: Arc<[Port]>,
}

impl ServiceSummary {
    /// The summary of a service.
    pub fn of(service: &Service) -> Self {
        Self {
            key: service.key.clone(),
            export_to: service.export_to.clone(),
            created: service.created,
            registry: service.registry,
            resolution: service.resolution.clone(),
            external: service.external,
            ports: service.ports.as_slice().into(),
        }
    }
}

/// The service with a key: a Kubernetes Service, else the ServiceEntries of the namespace with the host, merged.
#[derive(Debug)]
pub struct ServiceByKey;

impl Query for ServiceByKey {
    type Key = ServiceKey;
    type Value = Option<Arc<Service>>;
    const NAME: &'static str = "service by key";
    const STRATUM: Stratum = strata::REGISTRY;

    fn compute(cx: &Reader<'_>, key: &ServiceKey) -> Self::Value {
        service_entry::merge(&definitions(cx, key))
    }
}

/// Every definition of a service, in order of precedence: the Kubernetes Service, then ServiceEntries, oldest first.
pub(crate) fn definitions(cx: &Reader<'_>, key: &ServiceKey) -> Vec<Arc<Service>> {
    let mesh = cx.get::<ResolvedMesh>(&());
    let service = kubernetes_name(key, &mesh.domain)
        .map(|name| ConfigKey::new(Kind::Service, key.namespace.clone(), name));
    let entries = cx.index::<ServiceEntriesOfHost>(&key.host);
    let entries = entries.iter().filter(|entry| entry.namespace == key.namespace).cloned();
    let mut definitions: Vec<Arc<Service>> = Vec::new();
    for object in service.into_iter().chain(entries) {
        let services = cx.get::<ServicesOf>(&object);
        definitions.extend(services.iter().find(|service| service.key == *key).cloned());
    }
    definitions.sort_by(|a, b| {
        let by_age = || age::compare((a.created, &a.origin), (b.created, &b.origin));
        a.registry.cmp(&b.registry).then_with(by_age)
    });
    definitions
}

/// Every service of one kind of object, by key and object.
struct Summaries;

impl Collect for Summaries {
    type Key = Kind;
    type Member = ServicesOf;
    type OutKey = (ServiceKey, ConfigKey);
    type OutValue = Arc<ServiceSummary>;
    const NAME: &'static str = "summaries of services";
    const STRATUM: Stratum = strata::REGISTRY;

    fn members(cx: &Reader<'_>, kind: &Kind) -> OrdSet<ConfigKey> {
        match kind {
            Kind::Service => cx.index::<All<Services>>(&()),
            Kind::ServiceEntry => cx.index::<All<ServiceEntries>>(&()),
            _ => OrdSet::new(),
        }
    }

    fn entries(
        object: &ConfigKey,
        services: &Arc<[Arc<Service>]>,
        emit: &mut dyn FnMut(Self::OutKey, Self::OutValue),
    ) {
        for service in services.iter() {
            emit((service.key.clone(), object.clone()), Arc::new(ServiceSummary::of(service)));
        }
    }
}

/// Every service, sorted by key. A change of one service costs a walk over the others, and nothing of theirs is
/// computed again; a change of endpoints or addresses costs nothing.
#[derive(Debug)]
pub struct AllServices;

impl Query for AllServices {
    type Key = ();
    type Value = Arc<[ServiceSummary]>;
    const NAME: &'static str = "all services";
    const STRATUM: Stratum = strata::REGISTRY_INDEX;

    fn compute(cx: &Reader<'_>, (): &()) -> Self::Value {
        let (services, entries) =
            (cx.collect::<Summaries>(&Kind::Service), cx.collect::<Summaries>(&Kind::ServiceEntry));
        let mut summaries: Vec<&Arc<ServiceSummary>> = services.values().chain(entries.values()).collect();
        // Two runs that are sorted already: the sort merges them.
        summaries.sort_by(|a, b| a.key.cmp(&b.key));
        let same_key = summaries.chunk_by(|a, b| a.key == b.key);
        let one_each = same_key.filter_map(|definitions| match definitions {
            [summary] => Some(ServiceSummary::clone(summary)),
            // Definitions of one host: rare, so looking the service up costs less than merging summaries.
            [first, ..] => {
                let service = cx.get::<ServiceByKey>(&first.key);
                service.as_deref().map(ServiceSummary::of)
            }
            [] => None,
        });
        one_each.collect()
    }
}

/// The services with exactly this host, in every namespace that defines it, sorted by namespace.
#[derive(Debug)]
pub struct ServicesByHost;

impl Query for ServicesByHost {
    type Key = Host;
    type Value = Arc<[ServiceSummary]>;
    const NAME: &'static str = "services by host";
    const STRATUM: Stratum = strata::REGISTRY_INDEX;

    fn compute(cx: &Reader<'_>, host: &Host) -> Self::Value {
        let mesh = cx.get::<ResolvedMesh>(&());
        let entries = cx.index::<ServiceEntriesOfHost>(host);
        let mut namespaces: Vec<Namespace> = entries.iter().map(|entry| entry.namespace.clone()).collect();
        namespaces.extend(kubernetes_namespace(host, &mesh.domain));
        namespaces.sort();
        namespaces.dedup();
        let keys = namespaces.into_iter().map(|namespace| ServiceKey { host: host.clone(), namespace });
        let services = keys.filter_map(|key| (*cx.get::<ServiceByKey>(&key)).clone());
        services.map(|service| ServiceSummary::of(&service)).collect()
    }
}

/// The namespace of the Kubernetes Service that would have this host.
fn kubernetes_namespace(host: &Host, domain: &str) -> Option<Namespace> {
    let rest = host.as_str().strip_suffix(domain)?.strip_suffix(".svc.")?;
    let (name, namespace) = rest.split_once('.')?;
    (!name.is_empty() && !namespace.is_empty() && !namespace.contains('.'))
        .then(|| Namespace::from(namespace))
}

#[cfg(test)]
mod tests;
