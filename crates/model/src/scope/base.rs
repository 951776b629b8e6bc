//! The scope that namespaces have in common, and the scopes of single namespaces that are edited out of it.
//!
//! Most of a mesh looks the same from everywhere, so the scope of a namespace is the base with a few hosts edited, and
//! their maps share the rest. A change of the mesh is edited into both the base and the previous scope, which then
//! share less; after as many edits as there are differences, the scope is edited out of the base again.

use std::{collections::BTreeSet, sync::Arc};

use fairlead_incremental::{BasedKey, Distance, is_few};
use imbl::{OrdMap, ordmap::DiffItem};

use super::{
    EgressScope, ScopeKey, ScopeKind,
    context::{Context, ScopeInputs},
    imports::of_host,
    resolve::{Before, anew, edited},
};
use crate::{Host, Service, ServiceKey, service::Visibility};

/// The scope of a Sidecar stands alone.
impl BasedKey for ScopeKey {
    fn base(&self) -> Option<Self> {
        let is_base = match &self.kind {
            ScopeKind::Default | ScopeKind::Gateway => true,
            ScopeKind::Sidecar(_) => false,
        };
        is_base.then(|| Self {
            namespace: "".into(),
            kind: self.kind.clone(),
            selected_rules: Arc::default(),
        })
    }
}

/// A scope that another can be edited out of.
pub(super) struct Known<'a> {
    pub(super) scope: &'a EgressScope,
    pub(super) context: &'a Arc<Context>,
    /// All services at that time.
    pub(super) services: &'a OrdMap<ServiceKey, Arc<Service>>,
}

/// The previous scope.
pub(super) struct Previous<'a> {
    pub(super) known: Known<'a>,
    pub(super) distance: Option<&'a Distance<Host>>,
    /// The hosts with changes since.
    pub(super) changed: BTreeSet<Host>,
}

/// A scope, its context, and its distance from the base.
pub(super) type Resolved = (EgressScope, Arc<Context>, Option<Distance<Host>>);

/// Resolves the scope of `inputs`, edited out of the base or the previous scope, whichever costs less in the long run,
/// or from scratch if more than a few hosts may be affected.
pub(super) fn resolve(
    previous: Option<Previous<'_>>,
    base: Option<Known<'_>>,
    context: Arc<Context>,
    inputs: &ScopeInputs<'_>,
) -> Resolved {
    let distinct = base.as_ref().and_then(|base| distinct(previous.as_ref(), base, inputs));
    if let Some((base, distinct)) = base.as_ref().zip(distinct)
        && let Some(scope) = edit(base, &context, distinct.clone(), inputs)
    {
        let distinct = distinct.into_iter().filter(|host| differs(base.scope, &scope, host)).collect();
        return (scope, context, Some(Distance::new(distinct)));
    }
    if let Some(Previous { known, distance, changed }) = previous {
        let distance = distance.map(|distance| distance.with(&changed));
        if let Some(scope) = edit(&known, &context, changed, inputs) {
            return (scope, context, distance);
        }
    }
    let context = Arc::new(Context::new(inputs));
    let mut scope = anew(&context, inputs);
    if let Some(base) = base {
        share(base.scope, &mut scope);
    }
    (scope, context, None)
}

/// The hosts to edit for a scope based on the base; `None` if the previous scope is the better start.
fn distinct(
    previous: Option<&Previous<'_>>,
    base: &Known<'_>,
    inputs: &ScopeInputs<'_>,
) -> Option<BTreeSet<Host>> {
    let Some(Previous { distance, changed, .. }) = previous else {
        return Some(all_distinct(base.scope, inputs));
    };
    let distance = distance.filter(|distance| distance.is_far(changed))?;
    Some(distance.keys().chain(changed).cloned().collect())
}

fn edit(
    known: &Known<'_>,
    context: &Arc<Context>,
    changed: BTreeSet<Host>,
    inputs: &ScopeInputs<'_>,
) -> Option<EgressScope> {
    let Known { scope, context: before, services } = *known;
    let before = Before { scope, contexts: [before, context], services, changed };
    is_few(before.changed.len(), inputs.services.len()).then(|| edited(before, inputs)).flatten()
}

/// The hosts that may look different from the base: those of services and route sets with a limited visibility, those
/// of the namespace's own services that other namespaces define too, and those with another rule.
fn all_distinct(base: &EgressScope, inputs: &ScopeInputs<'_>) -> BTreeSet<Host> {
    let client = inputs.namespace;
    let is_for_some =
        |visibility: &Visibility| *visibility != Visibility::Public && visibility.allows(client);
    let is_contested =
        |key: &ServiceKey| key.namespace == *client && of_host(inputs.services, &key.host).nth(1).is_some();
    let services = inputs.services.values();
    let own = services.filter(|service| is_for_some(&service.export_to) || is_contested(&service.key));
    let mut hosts: BTreeSet<Host> = own.map(|service| service.key.host.clone()).collect();
    if inputs.bind_hosts {
        for header in inputs.routes.route_sets.iter().filter(|header| is_for_some(&header.export_to)) {
            hosts.extend(header.hosts.iter().cloned());
        }
    }
    hosts.extend(base.with_other_rules(inputs.rule));
    hosts
}

fn differs(base: &EgressScope, scope: &EgressScope, host: &Host) -> bool {
    let mut listeners = base.listeners.iter().zip(&scope.listeners);
    base.services.get(host) != scope.services.get(host)
        || listeners.any(|(base, listener)| base.hosts.get(host) != listener.hosts.get(host))
}

/// Makes a scope that was resolved from scratch share common parts with the base.
fn share(base: &EgressScope, scope: &mut EgressScope) {
    scope.services = sharing(&base.services, &scope.services);
    for (base, listener) in base.listeners.iter().zip(&mut scope.listeners) {
        listener.hosts = sharing(&base.hosts, &listener.hosts);
    }
}

fn sharing<V: Clone + PartialEq>(base: &OrdMap<Host, V>, map: &OrdMap<Host, V>) -> OrdMap<Host, V> {
    let mut shared = base.clone();
    for item in base.diff(map) {
        match item {
            DiffItem::Add(host, value) | DiffItem::Update { new: (host, value), .. } => {
                shared.insert(host.clone(), value.clone());
            }
            DiffItem::Remove(host, _) => drop(shared.remove(host)),
        }
    }
    shared
}
