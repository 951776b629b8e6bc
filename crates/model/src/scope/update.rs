//! A scope brought up to date: what services that come and go change in it, and nothing else.
//!
//! It must come to what [`super::resolve`] comes to; where more than a few hosts may be touched, because aliases or
//! wildcards are, it leaves that to it.

use std::{collections::BTreeSet, sync::Arc};

use imbl::OrdMap;

use super::{
    EgressScope, ScopeInputs,
    http::PortsOfNames,
    imports::of_host,
    resolve::{Binder, Context, Listener, scoped},
};
use crate::{
    Host, Service, ServiceKey,
    routes::RouteSetHeader,
    scope::{ScopeHost, ScopedService},
};

/// The scope that `inputs` make, given that `before` was made of the same and of the services `old`, and that only
/// the services of the hosts `changed` differ. `None` where it takes a resolution from scratch to tell.
pub(super) fn update(
    before: &EgressScope,
    context: &Context,
    old: &OrdMap<ServiceKey, Arc<Service>>,
    changed: &BTreeSet<Host>,
    inputs: &ScopeInputs<'_>,
) -> Option<EgressScope> {
    let is_simple = |host: &Host| {
        let touches_alias =
            context.alias_targets.contains(host) || is_alias(old, host) || is_alias(inputs.services, host);
        !host.is_wildcard() && !touches_alias
    };
    if !changed.iter().all(is_simple) {
        return None;
    }
    let mut scope = before.clone();
    for host in changed {
        match service(context, host, inputs) {
            Some(service) => drop(scope.services.insert(host.clone(), service)),
            None => drop(scope.services.remove(host)),
        }
    }
    if inputs.bind_hosts {
        let mut listeners = std::mem::take(&mut scope.listeners);
        for (listener, updated) in context.listeners.iter().zip(&mut listeners) {
            update_hosts(listener, &scope, changed, inputs, &mut updated.hosts)?;
        }
        scope.listeners = listeners;
    }
    Some(scope)
}

/// The service of a host: of the first listener that imports it, else as a destination.
fn service(context: &Context, host: &Host, inputs: &ScopeInputs<'_>) -> Option<ScopedService> {
    let visible = || of_host(inputs.services, host).filter(|s| s.export_to.allows(inputs.namespace));
    let imported =
        context.listeners.iter().find_map(|listener| listener.service(visible(), inputs.namespace));
    // Sorted by namespace: the first of equals is the first by name.
    let destination = || visible().min_by_key(|service| service.key.namespace != *inputs.namespace);
    let found = imported.or_else(|| if context.wanted.contains(host) { destination() } else { None });
    found.map(|service| scoped(service, inputs))
}

fn update_hosts(
    listener: &Listener,
    scope: &EgressScope,
    changed: &BTreeSet<Host>,
    inputs: &ScopeInputs<'_>,
    hosts: &mut OrdMap<Host, ScopeHost>,
) -> Option<()> {
    let mut binder = Binder::new(listener, scope, inputs);
    let named =
        |host: &Host| listener.http.covering(host).map(|named| named.by.as_slice()).unwrap_or_default();
    let mut alternatives: BTreeSet<&Host> = BTreeSet::new();
    for host in changed {
        let headers = || named(host).iter().map(|at| &listener.route_sets[*at]);
        let visible = of_host(inputs.services, host).filter(|s| s.export_to.allows(inputs.namespace));
        let service = listener.service(visible, inputs.namespace);
        let new = service.map(|_| binder.host(host, listener.http.covering(host), Arc::default()));
        match new {
            Some(service) => drop(hosts.insert(host.clone(), service)),
            None => drop(hosts.remove(host)),
        }
        // Whether a wildcard is a host of its own depends on the services that it covers.
        if headers().any(|header| has_wildcard(header)) {
            return None;
        }
        // And on which ports a host is served that is no service, on the services that are named beside it.
        alternatives.extend(headers().flat_map(|header| &header.hosts));
    }
    for host in alternatives {
        if hosts.get(host).is_some_and(|bound| bound.service.is_some()) {
            continue;
        }
        match binder.bare_host(host, &PortsOfNames::default(), hosts) {
            Some(bare) => drop(hosts.insert(host.clone(), bare)),
            None => drop(hosts.remove(host)),
        }
    }
    let leading_there: BTreeSet<usize> =
        changed.iter().filter_map(|host| listener.by_destination.get(host)).flatten().copied().collect();
    for at in leading_there {
        let header = &listener.route_sets[at];
        if has_wildcard(header) {
            return None;
        }
        for host in &header.hosts {
            let Some(mut bound) = hosts.get(host).cloned() else { continue };
            if bound.service.is_some() {
                bound.binding.l4 = binder.l4(host);
            }
            if bound.http.iter().any(|owner| owner.header.origin == header.origin) {
                bound.http = bound.http.iter().map(|owner| binder.refreshed(owner, at)).collect();
            }
            hosts.insert(host.clone(), bound);
        }
    }
    Some(())
}

fn is_alias(services: &OrdMap<ServiceKey, Arc<Service>>, host: &Host) -> bool {
    of_host(services, host).any(|service| service.alias_of().is_some())
}

fn has_wildcard(header: &RouteSetHeader) -> bool {
    header.hosts.iter().any(Host::is_wildcard)
}
