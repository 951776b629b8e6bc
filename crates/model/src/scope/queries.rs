//! The query for a scope.

use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

use fairlead_config::Namespace;
use fairlead_incremental::{Query, Reader, Stratum};

use super::{EgressScope, ScopeInputs, ScopeKey, ScopeKind, resolve};
use crate::{
    ServiceKey,
    destination_rule::{RuleIndex, RulesOfNamespace, lookup},
    mesh::ResolvedMesh,
    registry::AllServices,
    sidecar::ResolvedSidecar,
    strata,
    virtual_service::{GatewayRef, VirtualServicesOf},
};

/// What a client can see.
#[derive(Debug)]
pub struct ScopeOf;

impl Query for ScopeOf {
    type Key = ScopeKey;
    type Value = EgressScope;
    const NAME: &'static str = "scope";
    const STRATUM: Stratum = strata::BINDING;

    fn compute(cx: &Reader<'_>, key: &ScopeKey) -> EgressScope {
        let mesh = cx.get::<ResolvedMesh>(&());
        let sidecar = match &key.kind {
            ScopeKind::Sidecar(object) => (*cx.get::<ResolvedSidecar>(object)).clone(),
            ScopeKind::Default | ScopeKind::Gateway => None,
        };
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
        resolve(&ScopeInputs {
            namespace: &key.namespace,
            listeners: sidecar.as_ref().map(|sidecar| sidecar.egress.as_slice()),
            bind_hosts: key.kind != ScopeKind::Gateway,
            services: &cx.get::<AllServices>(&()),
            virtual_services: &cx.get::<VirtualServicesOf>(&GatewayRef::Mesh),
            rule: &rule,
            outbound_policy: own_policy.unwrap_or(mesh.outbound_policy),
        })
    }
}
