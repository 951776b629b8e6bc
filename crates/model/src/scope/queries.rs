//! The query for a scope.

use std::{cell::RefCell, collections::BTreeMap, ops::Deref, sync::Arc};

use fairlead_config::Namespace;
use fairlead_incremental::{Query, Reader, Stratum, few_changed_keys};
use imbl::OrdMap;

use super::{Context, EgressScope, ScopeInputs, ScopeKey, ScopeKind, resolve, update::update};
use crate::{
    Service, ServiceKey,
    destination_rule::{RuleIndex, RulesOfNamespace, lookup},
    mesh::{Mesh, ResolvedMesh},
    registry::AllServices,
    routes::{GatewayRef, RouteSetHeader, RouteSetsAt},
    sidecar::{ResolvedSidecar, Sidecar},
    strata,
};

/// A scope, with what it was made of.
#[derive(Clone, Debug)]
pub struct Scope {
    egress: EgressScope,
    context: Arc<Context>,
    sources: Sources,
}

/// What a scope is made of.
#[derive(Clone, Debug)]
struct Sources {
    mesh: Arc<Mesh>,
    sidecar: Option<Arc<Sidecar>>,
    services: OrdMap<ServiceKey, Arc<Service>>,
    route_sets: Arc<[Arc<RouteSetHeader>]>,
    /// The rules of the namespaces that were asked.
    rules: BTreeMap<Namespace, Arc<RuleIndex>>,
}

/// What it was made of makes no difference.
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
        // Where only services have come or gone, what they change is edited into the scope as it was.
        let same = |before: &Sources| {
            Arc::ptr_eq(&before.mesh, &mesh)
                && before.sidecar == sidecar
                && Arc::ptr_eq(&before.route_sets, &route_sets)
                && before.rules.iter().all(|(namespace, index)| Arc::ptr_eq(&rules(namespace), index))
        };
        let before = cx.previous::<Self>().filter(|before| same(&before.sources));
        let updated = before.and_then(|before| {
            let old = &before.sources.services;
            let changed = few_changed_keys(old, &services)?.into_iter().map(|key| key.host).collect();
            let egress = update(&before.egress, &before.context, old, &changed, &inputs)?;
            Some((egress, before.context.clone()))
        });
        let (egress, context) = updated.unwrap_or_else(|| {
            let (egress, context) = resolve(&inputs);
            (egress, Arc::new(context))
        });
        let rules = indexes.take();
        Scope { egress, context, sources: Sources { mesh, sidecar, services, route_sets, rules } }
    }
}
