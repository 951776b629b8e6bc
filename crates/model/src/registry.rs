//! The registry: services across the objects that define them, by key, by host, by workload, and all of them.
//!
//! Reads: Service, ServiceEntry and, by workload, EndpointSlice, Endpoints, Pod, WorkloadEntry Produces: [`Service`],
//! [`ServiceSummary`], [`WorkloadPort`] Consumed by: [`crate::scope`], [`crate::proxy`], [`crate::gateway`],
//! `translate` Differs from Istio: the definitions of one host in one namespace are merged once and for all, not in
//! each scope; if a Service and a ServiceEntry of one namespace share a host, the Service defines it and both
//! contribute endpoints.

mod workload;

use std::{collections::BTreeSet, ops::Deref, sync::Arc};

use fairlead_config::{ConfigKey, Kind, Namespace, Timestamp};
use fairlead_incremental::{Collect, Query, Reader, Stratum};
use imbl::{OrdMap, OrdSet, ordmap::DiffItem};

use crate::{
    Host, Port, Service, ServiceKey, age,
    input::{All, ServiceEntries, ServiceEntriesOfHost, Services},
    mesh::ResolvedMesh,
    service::{Registry, Resolution, ServicesOf, Visibility, kubernetes_name},
    service_entry, strata,
};

pub use workload::{ServicesOfWorkload, WorkloadKey, WorkloadPort};

/// The part of a service that references to it need: no endpoints, no addresses, no policies.
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
    /// Whether the service is outside the mesh.
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

/// Services by key and by the object that defines them.
type Definitions = OrdMap<(ServiceKey, ConfigKey), Arc<Service>>;

/// Every service of one registry, by key and object.
struct ServiceDefinitions;

impl Collect for ServiceDefinitions {
    type Key = Registry;
    type Member = ServicesOf;
    type OutKey = (ServiceKey, ConfigKey);
    type OutValue = Arc<Service>;
    const NAME: &'static str = "definitions of services";
    const STRATUM: Stratum = strata::REGISTRY;

    fn members(cx: &Reader<'_>, registry: &Registry) -> OrdSet<ConfigKey> {
        match registry {
            Registry::Kubernetes => cx.index::<All<Services>>(&()),
            Registry::External => cx.index::<All<ServiceEntries>>(&()),
        }
    }

    fn entries(
        object: &ConfigKey,
        services: &Arc<[Arc<Service>]>,
    ) -> impl IntoIterator<Item = (Self::OutKey, Self::OutValue)> {
        services.iter().map(|service| ((service.key.clone(), object.clone()), service.clone()))
    }
}

/// Every service by key, with the inputs kept for editing.
#[derive(Clone, Debug, Default)]
pub struct ServiceMap {
    services: OrdMap<ServiceKey, Arc<Service>>,
    /// The definitions by Services, and by ServiceEntries.
    definitions: [Definitions; 2],
    /// The services that several objects define.
    merged: BTreeSet<ServiceKey>,
}

/// Equality ignores what is kept for editing.
impl PartialEq for ServiceMap {
    fn eq(&self, other: &Self) -> bool {
        self.services == other.services
    }
}

impl Deref for ServiceMap {
    type Target = OrdMap<ServiceKey, Arc<Service>>;

    fn deref(&self) -> &Self::Target {
        &self.services
    }
}

impl ServiceMap {
    /// Updates the map to the current definitions.
    fn update(&mut self, definitions: [Definitions; 2]) {
        let before = std::mem::replace(&mut self.definitions, definitions);
        let mut changed: Vec<&ServiceKey> = Vec::new();
        for (old, new) in before.iter().zip(&self.definitions) {
            changed.extend(old.diff(new).map(|item| match item {
                DiffItem::Add(key, _) | DiffItem::Update { new: (key, _), .. } | DiffItem::Remove(key, _) => {
                    &key.0
                }
            }));
        }
        changed.sort();
        changed.dedup();
        for key in changed {
            let definitions = self.definitions.iter().zip([Kind::Service, Kind::ServiceEntry]);
            let mut of_key = definitions.flat_map(|(definitions, kind)| of_key(definitions, key, kind));
            let first = of_key.next();
            if first.is_some() && of_key.next().is_some() {
                self.merged.insert(key.clone());
            } else {
                self.merged.remove(key);
            }
            match first {
                Some(service) => drop(self.services.insert(key.clone(), service.clone())),
                None => drop(self.services.remove(key)),
            }
        }
    }
}

/// The definitions of one service by objects of one kind.
fn of_key<'a>(
    definitions: &'a Definitions,
    key: &'a ServiceKey,
    kind: Kind,
) -> impl Iterator<Item = &'a Arc<Service>> {
    let first = (key.clone(), ConfigKey::new(kind, "", ""));
    let from_there = definitions.range(first..);
    from_there.take_while(move |((of, _), _)| of == key).map(|(_, service)| service)
}

/// Every service, by key. A change of one service costs that service; a change of endpoints costs nothing.
#[derive(Debug)]
pub struct AllServices;

impl Query for AllServices {
    type Key = ();
    type Value = ServiceMap;
    const NAME: &'static str = "all services";
    const STRATUM: Stratum = strata::REGISTRY_INDEX;

    fn compute(cx: &Reader<'_>, (): &()) -> Self::Value {
        let mut map = cx.previous::<Self>().map(|map| ServiceMap::clone(&map)).unwrap_or_default();
        let registries = [Registry::Kubernetes, Registry::External];
        map.update(registries.map(|registry| cx.collect::<ServiceDefinitions>(&registry)));
        for key in &map.merged {
            match (*cx.get::<ServiceByKey>(key)).clone() {
                Some(service) => drop(map.services.insert(key.clone(), service)),
                None => drop(map.services.remove(key)),
            }
        }
        map
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

/// The namespace of the Kubernetes Service that this host would belong to.
fn kubernetes_namespace(host: &Host, domain: &str) -> Option<Namespace> {
    let rest = host.as_str().strip_suffix(domain)?.strip_suffix(".svc.")?;
    let (name, namespace) = rest.split_once('.')?;
    (!name.is_empty() && !namespace.is_empty() && !namespace.contains('.'))
        .then(|| Namespace::from(namespace))
}

#[cfg(test)]
mod tests;
