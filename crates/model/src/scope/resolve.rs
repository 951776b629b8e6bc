//! Resolves a scope: the services of its hosts, and their route sets.
//!
//! There is one algorithm, an edit: it updates the changed hosts and nothing else. A scope from scratch is the edit of
//! an empty one in which every host has changed.

use std::{collections::BTreeSet, sync::Arc};

use imbl::OrdMap;

use super::{
    EgressScope, ScopeHost, ScopeListener, ScopedService,
    bind::{AliasesOf, Binder},
    context::{Context, Listener, ScopeInputs, visible, visible_of_host},
    http::PortsOfNames,
    imports,
};
use crate::{Host, Service, ServiceKey, routes::RouteSetHeader, sidecar::CaptureMode};

/// A previous scope, and the hosts with changes since.
pub(super) struct Before<'a> {
    pub(super) scope: &'a EgressScope,
    /// Its context, and the new one.
    pub(super) contexts: [&'a Context; 2],
    /// All services at that time.
    pub(super) services: &'a OrdMap<ServiceKey, Arc<Service>>,
    pub(super) changed: BTreeSet<Host>,
}

/// Resolves the scope of `inputs` from scratch.
pub(super) fn anew(context: &Context, inputs: &ScopeInputs<'_>) -> EgressScope {
    let mut scope = empty(inputs);
    let changed = candidates_of_all(inputs);
    edit_services(&mut scope, context, &changed, inputs);
    scope.aliases = imports::aliases(visible(inputs), &scope.services);
    edit_hosts(&mut scope, context, &changed, Reach::All, inputs);
    scope
}

/// Edits the scope `before` to match `inputs`; `None` if aliases or wildcards may affect more hosts than those that
/// changed.
pub(super) fn edited(before: Before<'_>, inputs: &ScopeInputs<'_>) -> Option<EgressScope> {
    let Before { scope, contexts, services, changed } = before;
    let is_alias = |services: &OrdMap<ServiceKey, Arc<Service>>, host: &Host| {
        imports::of_host(services, host).any(|service| service.alias_of().is_some())
    };
    let is_narrow = |context: &Context, host: &Host| {
        let listeners = context.listeners.iter();
        let mut touching = listeners.flat_map(|listener| listener.routes.touching(host, inputs.namespace));
        !context.alias_targets.contains(host) && !touching.any(RouteSetHeader::has_wildcard)
    };
    let is_simple = |host: &Host| {
        !host.is_wildcard()
            && !is_alias(services, host)
            && !is_alias(inputs.services, host)
            && contexts.into_iter().all(|context| is_narrow(context, host))
    };
    if !changed.iter().all(is_simple) {
        return None;
    }
    let [_, context] = contexts;
    let candidates = |host: Host| Candidates { visible: visible_of_host(inputs, &host).collect(), host };
    let changed: Vec<_> = changed.into_iter().map(candidates).collect();
    let mut scope = scope.clone();
    edit_services(&mut scope, context, &changed, inputs);
    edit_hosts(&mut scope, context, &changed, Reach::Changed, inputs);
    Some(scope)
}

/// A scope without hosts.
fn empty(inputs: &ScopeInputs<'_>) -> EgressScope {
    let no_port = ScopeListener {
        port: None,
        is_proxy: false,
        bind: None,
        capture: CaptureMode::Default,
        hosts: OrdMap::new(),
    };
    EgressScope {
        listeners: match inputs.listeners {
            None => vec![no_port],
            Some(listeners) => listeners
                .iter()
                .map(|spec| ScopeListener {
                    port: spec.port.clone(),
                    is_proxy: spec.is_proxy,
                    bind: spec.bind.clone(),
                    capture: spec.capture,
                    hosts: OrdMap::new(),
                })
                .collect(),
        },
        services: OrdMap::new(),
        aliases: Arc::default(),
        outbound_policy: inputs.outbound_policy,
    }
}

/// A host, and the services with it that the client may use, sorted by namespace.
struct Candidates<'a> {
    host: Host,
    visible: Vec<&'a Arc<Service>>,
}

/// The candidates of every host.
fn candidates_of_all<'a>(inputs: &ScopeInputs<'a>) -> Vec<Candidates<'a>> {
    let mut all: Vec<Candidates<'a>> = Vec::new();
    for service in visible(inputs) {
        match all.last_mut() {
            Some(last) if last.host == service.key.host => last.visible.push(service),
            _ => all.push(Candidates { host: service.key.host.clone(), visible: vec![service] }),
        }
    }
    all
}

fn edit_services(
    scope: &mut EgressScope,
    context: &Context,
    changed: &[Candidates<'_>],
    inputs: &ScopeInputs<'_>,
) {
    for Candidates { host, visible } in changed {
        let found = context.service(host, visible, inputs.namespace);
        let found = found.filter(|service| service.alias_of().is_none());
        set(&mut scope.services, host, found.map(|service| scoped(service, inputs)));
    }
}

/// A service with the rule that applies to it.
fn scoped(service: &Service, inputs: &ScopeInputs<'_>) -> ScopedService {
    ScopedService { service: service.key.clone(), rule: (inputs.rule)(&service.key) }
}

/// Which hosts that are no service may have changed.
#[derive(Clone, Copy, PartialEq)]
enum Reach {
    All,
    /// Only those that share a route set with a changed service.
    Changed,
}

fn edit_hosts(
    scope: &mut EgressScope,
    context: &Context,
    changed: &[Candidates<'_>],
    reach: Reach,
    inputs: &ScopeInputs<'_>,
) {
    if !inputs.bind_hosts {
        return;
    }
    let mut listeners = std::mem::take(&mut scope.listeners);
    for (listener, edited) in context.listeners.iter().zip(&mut listeners) {
        edit_listener(listener, scope, changed, reach, inputs, &mut edited.hosts);
    }
    scope.listeners = listeners;
}

fn edit_listener(
    listener: &Listener,
    scope: &EgressScope,
    changed: &[Candidates<'_>],
    reach: Reach,
    inputs: &ScopeInputs<'_>,
    hosts: &mut OrdMap<Host, ScopeHost>,
) {
    let mut aliases = AliasesOf::new();
    // A host that changed alone has none: it would not be narrow.
    if reach == Reach::All {
        for (alias, target) in scope.aliases.iter() {
            aliases.entry(target).or_default().push(alias.clone());
        }
    }
    let mut binder = Binder::new(listener, scope, &aliases, inputs);
    let mut ports = PortsOfNames::default();
    for Candidates { host, visible } in changed {
        let found = listener.service(visible, inputs.namespace);
        let Some(service) = found.filter(|service| service.alias_of().is_none()) else {
            set(hosts, host, None);
            continue;
        };
        let named = listener.routes.covering(host, inputs.namespace);
        if let Some(named) = named.as_ref().filter(|named| named.host.is_wildcard()) {
            ports.add(named.host, service);
        }
        let named_by = named.map(|named| named.by).unwrap_or_default();
        set(hosts, host, Some(binder.host(host, &named_by)));
    }
    // The ports of a host that is no service depend on the services that are named beside it.
    let alternatives: BTreeSet<&Host> = match reach {
        Reach::All => {
            let seen = |header: &&Arc<RouteSetHeader>| header.export_to.allows(inputs.namespace);
            listener.routes.route_sets.iter().filter(seen).flat_map(|header| &header.hosts).collect()
        }
        Reach::Changed => {
            let named = |changed: &Candidates<'_>| listener.routes.covering(&changed.host, inputs.namespace);
            let named_by = changed.iter().filter_map(named).flat_map(|named| named.by);
            named_by.flat_map(|at| &listener.routes.route_sets[at].hosts).collect()
        }
    };
    for host in alternatives {
        if hosts.get(host).is_some_and(|bound| bound.service.is_some()) {
            continue;
        }
        let bare = binder.bare_host(host, &ports, hosts);
        set(hosts, host, bare);
    }
    if reach == Reach::Changed {
        let leading_to =
            |changed: &Candidates<'_>| listener.routes.leading_to(&changed.host, inputs.namespace);
        let leading = changed.iter().flat_map(leading_to);
        for at in leading.collect::<BTreeSet<usize>>() {
            refresh_destinations(listener, at, &mut binder, hosts);
        }
    }
}

/// Updates the destinations of a route set in its hosts.
fn refresh_destinations(
    listener: &Listener,
    at: usize,
    binder: &mut Binder<'_>,
    hosts: &mut OrdMap<Host, ScopeHost>,
) {
    let header = &listener.routes.route_sets[at];
    for host in &header.hosts {
        let Some(mut bound) = hosts.get(host).cloned() else { continue };
        if bound.service.is_some() {
            bound.binding.l4 = binder.l4(host);
        }
        if bound.http.iter().any(|owner| owner.header.origin == header.origin) {
            bound.http = bound.http.iter().map(|owner| binder.refreshed(owner, at)).collect();
        }
        set(hosts, host, Some(bound));
    }
}

/// Sets an entry. An equal entry stays in place, so that the map keeps what it shares with others.
fn set<V: Clone + PartialEq>(map: &mut OrdMap<Host, V>, host: &Host, value: Option<V>) {
    if map.get(host) != value.as_ref() {
        match value {
            Some(value) => drop(map.insert(host.clone(), value)),
            None => drop(map.remove(host)),
        }
    }
}
