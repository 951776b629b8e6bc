//! The query for a scope.

use std::{
    cell::RefCell,
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    ops::Deref,
    sync::Arc,
};

use fairlead_config::Namespace;
use fairlead_incremental::{Query, Reader, Stratum, few_changed_keys, is_few};
use imbl::OrdMap;

use super::{
    EgressScope, ScopeKey, ScopeKind,
    context::{Context, ScopeInputs},
    resolve::{Before, resolve},
};
use crate::{
    Host, Service, ServiceKey, age,
    destination_rule::{RuleIndex, RuleKey, RulesOfNamespace, lookup},
    mesh::{Mesh, ResolvedMesh},
    registry::AllServices,
    routes::{GatewayRef, RouteSetHeader, RouteSetsAt},
    sidecar::{ResolvedSidecar, Sidecar},
    strata,
};

/// A scope, with the inputs that it was made from.
#[derive(Clone, Debug)]
pub struct Scope {
    egress: EgressScope,
    context: Arc<Context>,
    sources: Sources,
}

/// The inputs of a scope, kept for editing.
#[derive(Clone, Debug)]
struct Sources {
    mesh: Arc<Mesh>,
    sidecar: Option<Arc<Sidecar>>,
    services: OrdMap<ServiceKey, Arc<Service>>,
    route_sets: Arc<[Arc<RouteSetHeader>]>,
    /// The rules of the namespaces that were asked.
    rules: BTreeMap<Namespace, Arc<RuleIndex>>,
}

/// Equality ignores the inputs kept for editing.
impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        self.egress == other.egress
    }
}

impl Deref for Scope {
    type Target = EgressScope;

    fn deref(&self) -> &EgressScope {
        &self.egress
    }
}

/// What a client can see.
#[derive(Debug)]
pub struct ScopeOf;

impl Query for ScopeOf {
    type Key = ScopeKey;
    type Value = Scope;
    const NAME: &'static str = "scope";
    const STRATUM: Stratum = strata::BINDING;

    fn compute(cx: &Reader<'_>, key: &ScopeKey) -> Scope {
        let mesh = cx.get::<ResolvedMesh>(&());
        let sidecar = match &key.kind {
            ScopeKind::Sidecar(object) => (*cx.get::<ResolvedSidecar>(object)).clone(),
            ScopeKind::Default | ScopeKind::Gateway => None,
        };
        let services = (**cx.get::<AllServices>(&())).clone();
        let route_sets = (*cx.get::<RouteSetsAt>(&GatewayRef::Mesh)).clone();
        // Each namespace is read once, however many services it has.
        let indexes: RefCell<BTreeMap<Namespace, Arc<RuleIndex>>> = RefCell::default();
        let rules = |namespace: &Namespace| {
            if let Some(index) = indexes.borrow().get(namespace) {
                return Arc::clone(index);
            }
            let index = (*cx.get::<RulesOfNamespace>(namespace)).clone();
            indexes.borrow_mut().insert(namespace.clone(), Arc::clone(&index));
            index
        };
        let rule = |service: &ServiceKey| {
            lookup(&key.namespace, &mesh.root_namespace, service, &key.selected_rules, rules)
        };
        let own_policy = sidecar.as_ref().and_then(|sidecar| sidecar.outbound_policy);
        let inputs = ScopeInputs {
            namespace: &key.namespace,
            listeners: sidecar.as_ref().map(|sidecar| sidecar.egress.as_slice()),
            bind_hosts: key.kind != ScopeKind::Gateway,
            services: &services,
            route_sets: &route_sets,
            rule: &rule,
            outbound_policy: own_policy.unwrap_or(mesh.outbound_policy),
        };
        let before = cx.previous::<Self>();
        let before = before
            .as_ref()
            .filter(|before| Arc::ptr_eq(&before.sources.mesh, &mesh) && before.sources.sidecar == sidecar);
        let before = before.and_then(|before| {
            let sources = &before.sources;
            let mut changed: BTreeSet<Host> =
                few_changed_keys(&sources.services, &services)?.into_iter().map(|key| key.host).collect();
            let is_same = |(namespace, index): (&Namespace, _)| Arc::ptr_eq(&rules(namespace), index);
            if !sources.rules.iter().all(is_same) {
                changed.extend(before.egress.with_other_rules(&rule));
            }
            let context = if Arc::ptr_eq(&sources.route_sets, &route_sets) {
                before.context.clone()
            } else {
                changed.extend(named_by_changed(&sources.route_sets, &route_sets, &key.namespace));
                Arc::new(Context::new(&inputs))
            };
            is_few(changed.len(), services.len()).then_some(Before {
                scope: &before.egress,
                contexts: [before.context.clone(), context],
                services: &sources.services,
                changed,
            })
        });
        let (egress, context) = resolve(before, &inputs);
        let rules = indexes.take();
        Scope { egress, context, sources: Sources { mesh, sidecar, services, route_sets, rules } }
    }
}

impl EgressScope {
    /// The hosts of the services to which another rule applies now.
    fn with_other_rules(&self, rule: &dyn Fn(&ServiceKey) -> Option<RuleKey>) -> Vec<Host> {
        let other = self.services.iter().filter(|(_, scoped)| rule(&scoped.service) != scoped.rule);
        other.map(|(host, _)| host.clone()).collect()
    }
}

/// The hosts that route sets name, or lead to, that have come, gone or changed, of those that a client sees.
fn named_by_changed(
    old: &[Arc<RouteSetHeader>],
    new: &[Arc<RouteSetHeader>],
    client: &Namespace,
) -> BTreeSet<Host> {
    let mut named = BTreeSet::new();
    let mut add = |header: &RouteSetHeader| {
        if header.export_to.allows(client) {
            named.extend(header.hosts.iter().chain(header.destinations.iter()).cloned());
        }
    };
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    loop {
        // Both are in this order.
        let order = match (old.peek(), new.peek()) {
            (None, None) => return named,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => age::compare((a.created, &a.origin), (b.created, &b.origin)),
        };
        let gone = if order.is_le() { old.next() } else { None };
        let come = if order.is_ge() { new.next() } else { None };
        if gone.zip(come).is_none_or(|(gone, come)| !Arc::ptr_eq(gone, come)) {
            gone.into_iter().chain(come).for_each(|header| add(header));
        }
    }
}
