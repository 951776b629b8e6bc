//! The query for a scope.

use std::{
    cell::RefCell,
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    ops::Deref,
    sync::Arc,
};

use fairlead_config::Namespace;
use fairlead_incremental::{Based, Distance, EditFrom, Query, Reader, Stratum, few_changed_keys, is_few};
use imbl::OrdMap;

use super::{
    EgressScope, ScopeKey, ScopeKind,
    base::{Known, Previous, resolve},
    context::{Context, ScopeInputs},
    index::{MeshRouteSets, RouteSetIndex},
};
use crate::{
    Host, Service, ServiceKey, age,
    destination_rule::{RuleIndex, RuleKey, RulesOfNamespace, lookup},
    mesh::{Mesh, ResolvedMesh},
    registry::AllServices,
    routes::RouteSetHeader,
    sidecar::{ResolvedSidecar, Sidecar},
    strata,
};

/// A scope, with the inputs that it was made from.
#[derive(Clone, Debug)]
pub struct Scope {
    egress: EgressScope,
    context: Arc<Context>,
    sources: Sources,
    /// Its distance from the base, if it is edited out of one.
    distance: Option<Distance<Host>>,
}

/// The inputs of a scope, kept for editing.
#[derive(Clone, Debug)]
struct Sources {
    mesh: Arc<Mesh>,
    sidecar: Option<Arc<Sidecar>>,
    services: OrdMap<ServiceKey, Arc<Service>>,
    routes: Arc<RouteSetIndex>,
    /// The rules of the namespaces that were read.
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

impl Based for ScopeOf {
    type Key = ScopeKey;
    type Value = Scope;
    const NAME: &'static str = "scope";
    const BASE_NAME: &'static str = "base scope";
    const STRATUM: Stratum = strata::BINDING;

    fn edit(cx: &Reader<'_>, key: &ScopeKey, from: EditFrom<'_, Scope>) -> Scope {
        scope(cx, key, from.previous, from.base)
    }
}

/// The hosts that aliases lead to, whether visible or not.
#[derive(Debug)]
struct AliasTargets;

impl Query for AliasTargets {
    type Key = ();
    type Value = Arc<BTreeSet<Host>>;
    const NAME: &'static str = "targets of aliases";
    const STRATUM: Stratum = strata::SCOPE;

    fn compute(cx: &Reader<'_>, (): &()) -> Self::Value {
        let services = cx.get::<AllServices>(&());
        Arc::new(services.values().filter_map(|service| service.alias_of().cloned()).collect())
    }
}

/// The scope of a key, edited out of the `previous` one or the `base` where there is one.
pub(super) fn scope(
    cx: &Reader<'_>,
    key: &ScopeKey,
    previous: Option<&Scope>,
    base: Option<&Scope>,
) -> Scope {
    let mesh = cx.get::<ResolvedMesh>(&());
    let sidecar = match &key.kind {
        ScopeKind::Sidecar(object) => (*cx.get::<ResolvedSidecar>(object)).clone(),
        ScopeKind::Default | ScopeKind::Gateway => None,
    };
    let services = (**cx.get::<AllServices>(&())).clone();
    let routes = (*cx.get::<MeshRouteSets>(&())).clone();
    let alias_targets = cx.get::<AliasTargets>(&());
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
        alias_targets: &alias_targets,
        routes: &routes,
        rule: &rule,
        outbound_policy: own_policy.unwrap_or(mesh.outbound_policy),
    };
    let previous = previous
        .filter(|previous| Arc::ptr_eq(&previous.sources.mesh, &mesh) && previous.sources.sidecar == sidecar);
    let context = match previous {
        Some(previous) if previous.has_context_of(&inputs) => previous.context.clone(),
        _ => Arc::new(Context::new(&inputs)),
    };
    let previous = previous.and_then(|previous| {
        let is_same = |(namespace, index): (&Namespace, _)| Arc::ptr_eq(&rules(namespace), index);
        let same_rules = previous.sources.rules.iter().all(is_same);
        let changed = previous.changed(&inputs, same_rules)?;
        Some(Previous { known: previous.known(), distance: previous.distance.as_ref(), changed })
    });
    let (egress, context, distance) = resolve(previous, base.map(Scope::known), context, &inputs);
    let rules = indexes.take();
    Scope { egress, context, sources: Sources { mesh, sidecar, services, routes, rules }, distance }
}

impl Scope {
    fn known(&self) -> Known<'_> {
        Known { scope: &self.egress, context: &self.context, services: &self.sources.services }
    }

    /// Whether its context is valid for these inputs, which may differ in services that are no aliases.
    fn has_context_of(&self, inputs: &ScopeInputs<'_>) -> bool {
        Arc::ptr_eq(&self.sources.routes, inputs.routes)
            && Arc::ptr_eq(&self.context.alias_targets, inputs.alias_targets)
    }

    /// The hosts with changes; `None` if there are many.
    fn changed(&self, inputs: &ScopeInputs<'_>, same_rules: bool) -> Option<BTreeSet<Host>> {
        let Sources { services, routes, .. } = &self.sources;
        let mut changed: BTreeSet<Host> =
            few_changed_keys(services, inputs.services)?.into_iter().map(|key| key.host).collect();
        if !same_rules {
            changed.extend(self.egress.with_other_rules(inputs.rule));
        }
        if !Arc::ptr_eq(routes, inputs.routes) {
            changed.extend(named_by_changed(&routes.route_sets, &inputs.routes.route_sets, inputs.namespace));
        }
        is_few(changed.len(), inputs.services.len()).then_some(changed)
    }
}

impl EgressScope {
    /// The hosts of services to which a different rule applies now.
    pub(super) fn with_other_rules(&self, rule: &dyn Fn(&ServiceKey) -> Option<RuleKey>) -> Vec<Host> {
        let other = self.services.iter().filter(|(_, scoped)| rule(&scoped.service) != scoped.rule);
        other.map(|(host, _)| host.clone()).collect()
    }
}

/// The hosts that added, removed or changed route sets name or lead to, among those that a client sees.
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
        // Both lists are in this order.
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
