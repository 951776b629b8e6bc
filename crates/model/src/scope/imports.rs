//! The services of a scope: those that its listeners import, one per host, and those that routes lead to.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use fairlead_config::Namespace;
use imbl::OrdMap;

use super::egress::Imports;
use crate::{Host, Service, ServiceKey, routes::RouteSetHeader};

/// How many aliases may stand for one another before they count as a circle.
const ALIAS_CHAIN: usize = 8;

/// The services that `namespace` may use, sorted by host.
pub(super) fn visible<'a>(
    all: &'a OrdMap<ServiceKey, Arc<Service>>,
    namespace: &Namespace,
) -> Vec<&'a Arc<Service>> {
    all.values().filter(|service| service.export_to.allows(namespace)).collect()
}

/// The services with this host, sorted by namespace.
pub(super) fn of_host<'a>(
    all: &'a OrdMap<ServiceKey, Arc<Service>>,
    host: &Host,
) -> impl Iterator<Item = &'a Arc<Service>> {
    let first = ServiceKey { host: host.clone(), namespace: Namespace::from("") };
    let host = host.clone();
    all.range(first..).map(|(_, service)| service).take_while(move |service| service.key.host == host)
}

/// Those of `visible` that a listener imports, one per host, by host.
///
/// A listener with a port sees the services that have it. Where several namespaces define a host, the client's
/// own comes first, then Kubernetes, then the namespace that is first by name.
/// Mirrors istio pilot/pkg/model/sidecar.go (DefaultSidecarScopeForNamespace, selectServices).
pub(super) fn imported<'a>(
    visible: &[&'a Arc<Service>],
    client: &Namespace,
    imports: Option<&Imports>,
    port: Option<u16>,
) -> Vec<&'a Arc<Service>> {
    let is_imported = |service: &Service| {
        imports.is_none_or(|imports| imports.service(&service.key.namespace, &service.key.host))
            && port.is_none_or(|number| service.ports.iter().any(|port| port.number == number))
    };
    let mut chosen: Vec<&Arc<Service>> = Vec::with_capacity(visible.len());
    for service in visible.iter().copied().filter(|service| is_imported(service)) {
        match chosen.last_mut() {
            Some(last) if last.key.host == service.key.host => {
                if rank(service, client) < rank(last, client) {
                    *last = service;
                }
            }
            _ => chosen.push(service),
        }
    }
    chosen
}

fn rank<'a>(service: &'a Service, client: &Namespace) -> impl Ord + 'a {
    (service.key.namespace != *client, service.registry, &service.key.namespace)
}

/// The hosts among `visible` that stand for a service of a scope, with the host of that service at the end of the
/// chain; sorted. They come with the service, whatever is imported.
///
/// Mirrors istio pilot/pkg/model/push_context.go (resolveServiceAliases).
pub(super) fn aliases(
    visible: &[&Arc<Service>],
    services: &BTreeMap<&Host, &Arc<Service>>,
) -> Arc<[(Host, Host)]> {
    // What defines a host in the scope decides whether it is an alias there.
    let is_alias = |service: &&&Arc<Service>| {
        services.get(&service.key.host).is_none_or(|chosen| chosen.alias_of().is_some())
    };
    let by_host: BTreeMap<&Host, &Host> = visible
        .iter()
        .filter(is_alias)
        .filter_map(|service| Some((&service.key.host, service.alias_of()?)))
        .collect();
    let follow = |host: &Host| {
        let mut target = *by_host.get(host)?;
        for _ in 0..ALIAS_CHAIN {
            match by_host.get(target) {
                Some(next) => target = next,
                None => return services.contains_key(target).then(|| target.clone()),
            }
        }
        None
    };
    by_host.keys().filter_map(|host| Some(((*host).clone(), follow(host)?))).collect()
}

/// Adds the services that the destinations of `headers` name and that no listener imports. Returns all hosts that
/// come so, whether or not there is such a service.
///
/// A service of the client's namespace is preferred, else the one of the first namespace by name.
/// Mirrors istio pilot/pkg/model/sidecar.go (convertToSidecarScope).
pub(super) fn add_destinations<'a>(
    services: &mut BTreeMap<&'a Host, &'a Arc<Service>>,
    visible: &[&'a Arc<Service>],
    client: &Namespace,
    headers: &[Arc<RouteSetHeader>],
) -> BTreeSet<Host> {
    let mut wanted: Vec<Host> =
        headers.iter().flat_map(|header| header.destinations.iter()).cloned().collect();
    let mut seen = BTreeSet::new();
    while let Some(host) = wanted.pop() {
        let host = &host;
        seen.insert(host.clone());
        if services.contains_key(host) {
            continue;
        }
        let start = visible.partition_point(|service| service.key.host < *host);
        let same_host = visible[start..].iter().take_while(|service| service.key.host == *host);
        // Sorted by namespace: the first of equals is the first by name.
        let Some(service) = same_host.min_by_key(|service| service.key.namespace != *client) else {
            continue;
        };
        services.insert(&service.key.host, service);
        wanted.extend(service.alias_of().cloned());
    }
    seen
}
