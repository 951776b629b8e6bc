//! The services of a scope: those that its listeners import, one per host, and their aliases.

use std::{collections::BTreeMap, sync::Arc};

use fairlead_config::Namespace;
use imbl::OrdMap;

use super::{ScopedService, egress::Imports};
use crate::{Host, Service, ServiceKey};

/// Maximum length of a chain of aliases; a longer one counts as a cycle.
const ALIAS_CHAIN: usize = 8;

/// The services with this host, sorted by namespace.
pub(super) fn of_host<'a>(
    all: &'a OrdMap<ServiceKey, Arc<Service>>,
    host: &Host,
) -> impl Iterator<Item = &'a Arc<Service>> {
    let first = ServiceKey { host: host.clone(), namespace: Namespace::from("") };
    let host = host.clone();
    all.range(first..).map(|(_, service)| service).take_while(move |service| service.key.host == host)
}

/// The service that a listener imports among those with a host.
///
/// A listener with a port sees the services that have it. If several namespaces define a host, the client's own comes
/// first, then Kubernetes Services, then the first namespace by name. Mirrors istio pilot/pkg/model/sidecar.go
/// (DefaultSidecarScopeForNamespace, selectServices).
pub(super) fn imported<'a>(
    of_host: &[&'a Arc<Service>],
    client: &Namespace,
    imports: Option<&Imports>,
    port: Option<u16>,
) -> Option<&'a Arc<Service>> {
    let is_imported = |service: &&Arc<Service>| {
        imports.is_none_or(|imports| imports.service(&service.key.namespace, &service.key.host))
            && port.is_none_or(|number| service.ports.iter().any(|port| port.number == number))
    };
    of_host.iter().copied().filter(is_imported).min_by(|a, b| rank(a, client).cmp(&rank(b, client)))
}

fn rank<'a>(service: &'a Service, client: &Namespace) -> impl Ord + 'a {
    (service.key.namespace != *client, service.registry, &service.key.namespace)
}

/// The hosts among `visible` that are aliases of a service in a scope, with the host of the service at the end of the
/// chain, sorted. They come with the service, whatever is imported. `services` are those of the scope without aliases:
/// a host that is defined there is no alias.
///
/// Mirrors istio pilot/pkg/model/push_context.go (resolveServiceAliases).
pub(super) fn aliases<'a>(
    visible: impl Iterator<Item = &'a Arc<Service>>,
    services: &OrdMap<Host, ScopedService>,
) -> Arc<[(Host, Host)]> {
    let by_host: BTreeMap<&Host, &Host> = visible
        .filter(|service| !services.contains_key(&service.key.host))
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
