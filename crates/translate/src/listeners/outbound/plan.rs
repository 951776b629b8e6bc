//! Which listeners a sidecar has towards services: what arrives at each address and port.
//!
//! A listener depends on the services that arrive at it; of those with only HTTP there, on the oldest alone. There is
//! one algorithm, an edit: it applies services that come and go to existing listeners. A plan from scratch edits an
//! empty set of listeners, to which every service is added.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use fairlead_incremental::{Based, BasedKey, Distance, EditFrom, Reader, Stratum, few_changed_keys, is_few};
use fairlead_model::{
    Host, Protocol,
    endpoints::{HeadlessAddress, PodAddresses},
    mesh::{Mesh, ResolvedMesh},
    scope::{Scope, ScopeHost, ScopeListener, ScopeOf},
    sidecar::{Bind, OutboundTrafficPolicy},
    strata,
};
use imbl::{OrdMap, OrdSet};

use super::{
    arrive::ListenerPlanner,
    draft::{At, ListenerDraft, PlanContext, ServiceHost, by_age, service_host},
    key::OutboundListenerKey,
};
use crate::{listeners::loopback, names, view::ListenerView};

/// Plans the outbound listeners of a view.
pub(super) struct OutboundListenerPlan;

impl Based for OutboundListenerPlan {
    type Key = ListenerView;
    type Value = Plan;
    const NAME: &'static str = "outbound_listener_plan";
    const BASE_NAME: &'static str = "base_listener_plan";
    const STRATUM: Stratum = strata::PLAN;

    fn edit(cx: &Reader<'_>, view: &ListenerView, from: EditFrom<'_, Plan>) -> Plan {
        let inputs = PlanInputs {
            scope: cx.get::<ScopeOf>(&view.scope),
            mesh: cx.get::<ResolvedMesh>(&()),
            pods: PodAddresses::read(cx),
        };
        let of_base = from.base.zip(view.base());
        let base = of_base.as_ref().map(|(plan, view)| PlanOf { plan, view });
        plan(from.previous, base, view, inputs)
    }
}

/// The outbound listeners of a view.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) keys: OrdSet<OutboundListenerKey>,
    inputs: PlanInputs,
    /// The hosts that each listener depends on; empty where the listeners cannot be edited.
    deciding: OrdMap<At, Deciding>,
    /// Their distance from the base's, if they were derived from those.
    distance: Option<Distance<Host>>,
}

/// Equality ignores what is kept for editing.
impl PartialEq for Plan {
    fn eq(&self, other: &Self) -> bool {
        self.keys == other.keys
    }
}

/// What listeners are planned from.
#[derive(Clone, Debug)]
struct PlanInputs {
    scope: Arc<Scope>,
    mesh: Arc<Mesh>,
    pods: PodAddresses,
}

/// The hosts that a listener depends on.
#[derive(Clone, Debug, Default, PartialEq)]
struct Deciding {
    /// The oldest with only HTTP there.
    http: Option<Host>,
    /// The oldest headless one of these.
    headless_http: Option<Host>,
    /// Those whose connections are proxied as bytes.
    bytes: Arc<[Host]>,
    /// The one that has the address for itself.
    alone: Option<Host>,
}

impl Deciding {
    fn of(draft: &ListenerDraft) -> Self {
        Self {
            http: draft.only_http.clone(),
            headless_http: draft.headless_http.clone(),
            bytes: draft.tcp.iter().map(|service| service.host.host.clone()).collect(),
            alone: draft.alone().cloned(),
        }
    }

    fn oldest(&self) -> impl Iterator<Item = &Host> {
        self.http.iter().chain(&self.headless_http)
    }
}

impl Before<'_> {
    /// Listeners of the base, for a view whose clients routes may ask about: the hosts with such routes differ.
    fn with(mut self, hosts: &Hosts<'_>) -> Option<Self> {
        let listener = hosts.only_listener()?;
        let asking = listener.hosts.iter().filter(|(_, host)| !host.binding.l4.is_empty());
        self.changed.extend(asking.map(|(host, _)| host.clone()));
        self.distance = Some(Distance::new(self.changed.clone()));
        is_few(self.changed.len(), listener.hosts.len()).then_some(self)
    }
}

/// What arrives now at places where something has changed; `None` where nothing does.
type Drafts = BTreeMap<At, Option<ListenerDraft>>;

/// The listeners of a view.
#[derive(Clone, Copy)]
struct PlanOf<'a> {
    plan: &'a Plan,
    view: &'a ListenerView,
}

/// Listeners that can be edited, and the hosts that arrive elsewhere now.
struct Before<'a> {
    of: PlanOf<'a>,
    changed: BTreeSet<Host>,
    pods: Vec<HeadlessAddress>,
    /// The distance from the base's listeners after the edit.
    distance: Option<Distance<Host>>,
}

/// The listeners of `view`, edited out of those of the `base` or the `previous` ones where that is possible.
fn plan(previous: Option<&Plan>, base: Option<PlanOf<'_>>, view: &ListenerView, inputs: PlanInputs) -> Plan {
    let new = Hosts { view, inputs: &inputs };
    let before = new.choose(previous, base);
    let mut drafts = before.as_ref().map_or_else(|| new.all_drafts(), |before| new.changed_drafts(before));
    let distance = before.as_ref().and_then(|before| before.distance.clone());
    let before = before.map(|before| before.of);
    let were = before.map(|before| before.plan.deciding.clone()).unwrap_or_default();
    let mut deciding = were.clone();
    for (at, draft) in &drafts {
        match draft {
            Some(draft) => drop(deciding.insert(at.clone(), Deciding::of(draft))),
            None => drop(deciding.remove(at)),
        }
    }
    let mut affected: BTreeSet<At> = drafts.keys().cloned().collect();
    let mut keys = OrdSet::new();
    if let Some(before) = before {
        let old = before.hosts();
        // The address that a service's listener is on depends on which ones it has for itself.
        for at in drafts.keys() {
            affected.extend(old.addresses_of_only(at, &were));
            affected.extend(new.addresses_of_only(at, &deciding));
        }
        keys = before.plan.keys.clone();
        for at in &affected {
            let key = old.draft(at, &were).and_then(|draft| old.key(draft, at, &were));
            drop(key.and_then(|key| keys.remove(&key)));
        }
    }
    for at in &affected {
        let draft = drafts.remove(at).flatten().or_else(|| new.draft(at, &deciding));
        keys.extend(draft.and_then(|draft| new.key(draft, at, &deciding)));
    }
    if let Some(port) = inputs.mesh.http_proxy_port {
        let proxy = explicit_proxy(view, port, inputs.scope.outbound_policy);
        if !keys.iter().any(|key| (&key.bind, key.port) == (&proxy.bind, port)) {
            keys.insert(proxy);
        }
    }
    if new.only_listener().is_none() {
        deciding.clear();
    }
    Plan { keys, inputs, deciding, distance }
}

impl<'a> PlanOf<'a> {
    fn hosts(self) -> Hosts<'a> {
        Hosts { view: self.view, inputs: &self.plan.inputs }
    }
}

/// The services of a sidecar as they are, or were.
struct Hosts<'a> {
    view: &'a ListenerView,
    inputs: &'a PlanInputs,
}

impl<'a> Hosts<'a> {
    /// The listener of a scope that can be edited: its only one, without a port, an address or an HTTP proxy beside it.
    fn only_listener(&self) -> Option<&'a ScopeListener> {
        let PlanInputs { scope, mesh, .. } = self.inputs;
        scope.only_listener().filter(|only| only.bind.is_none() && mesh.http_proxy_port.is_none())
    }

    /// What arrives anywhere.
    fn all_drafts(&self) -> Drafts {
        let mut drafts = BTreeMap::new();
        for listener in &self.inputs.scope.listeners {
            self.add_drafts(listener, listener.hosts.values(), None, &mut drafts);
        }
        drafts.into_iter().map(|(at, draft)| (at, Some(draft))).collect()
    }

    /// The base's listeners or the previous ones, whichever cost less in the long run. `None` if neither can be edited.
    fn choose<'b>(&self, previous: Option<&'b Plan>, base: Option<PlanOf<'b>>) -> Option<Before<'b>>
    where
        'a: 'b,
    {
        let previous = previous.and_then(|plan| self.editable(PlanOf { plan, view: self.view }));
        let distance = previous.as_ref().and_then(|before| before.of.plan.distance.as_ref());
        let Some(mut previous) = previous else { return self.editable(base?)?.with(self) };
        let Some(distance) = distance else { return Some(previous) };
        previous.distance = Some(distance.with(&previous.changed));
        if !distance.is_far(&previous.changed) {
            return Some(previous);
        }
        let of_base = base.and_then(|base| self.editable(base)?.with(self));
        of_base.or(Some(previous))
    }

    /// `None` where more than a few hosts may arrive elsewhere.
    fn editable<'b>(&self, of: PlanOf<'b>) -> Option<Before<'b>> {
        let old = of.hosts();
        let (was, is) = (old.only_listener()?, self.only_listener()?);
        if !Arc::ptr_eq(&old.inputs.mesh, &self.inputs.mesh)
            || old.inputs.scope.outbound_policy != self.inputs.scope.outbound_policy
            || was.capture != is.capture
        {
            return None;
        }
        let changed = few_changed_keys(&was.hosts, &is.hosts)?.into_iter().collect();
        let pods = self.inputs.pods.changed_since(&old.inputs.pods, is.hosts.len())?;
        Some(Before { of, changed, pods, distance: None })
    }

    /// The drafts wherever a service that has changed since `before` arrives or arrived.
    fn changed_drafts(&self, before: &Before<'_>) -> Drafts {
        let Before { of, changed, pods, .. } = before;
        let old = of.hosts();
        let mut touched: BTreeMap<At, BTreeSet<&Host>> = BTreeMap::new();
        for host in changed {
            let there = old.drafts_of([host], None).into_keys();
            for at in there.chain(self.drafts_of([host], None).into_keys()) {
                touched.entry(at).or_default().insert(host);
            }
        }
        for HeadlessAddress { service, port, ip } in pods {
            touched.entry((Bind::Ip(*ip), *port)).or_default().insert(&service.host);
        }
        let draft = |(at, hosts): (At, BTreeSet<&Host>)| {
            let were = of.plan.deciding.get(&at).cloned().unwrap_or_default();
            let oldest_went = were.oldest().any(|host| changed.contains(host));
            let candidates =
                if oldest_went { self.with_port(at.1) } else { were.oldest().cloned().collect() };
            let hosts = candidates.iter().chain(were.bytes.iter()).chain(hosts);
            let draft = self.drafts_of(hosts, Some(&at)).remove(&at);
            (at, draft)
        };
        touched.into_iter().map(draft).collect()
    }

    /// Where these hosts arrive, or what arrives at one address and port; in scopes that can be edited.
    fn drafts_of<'h>(
        &self,
        hosts: impl IntoIterator<Item = &'h Host>,
        only: Option<&At>,
    ) -> BTreeMap<At, ListenerDraft> {
        let mut drafts = BTreeMap::new();
        if let Some(listener) = self.only_listener() {
            let known = hosts.into_iter().filter_map(|host| listener.hosts.get(host));
            self.add_drafts(listener, known, only, &mut drafts);
        }
        drafts
    }

    fn add_drafts(
        &self,
        listener: &ScopeListener,
        hosts: impl Iterator<Item = &'a ScopeHost>,
        only: Option<&At>,
        drafts: &mut BTreeMap<At, ListenerDraft>,
    ) {
        let mut services: Vec<ServiceHost<'_>> = hosts.filter_map(service_host).collect();
        services.sort_by(by_age);
        services.dedup_by(|a, b| a.0.host == b.0.host);
        let PlanInputs { scope, pods, .. } = self.inputs;
        let planner = ListenerPlanner { view: self.view, listener, pods, only, drafts };
        match &listener.port {
            Some(port) => planner.explicit(port, &services, scope),
            None => planner.implied(&services, scope),
        }
    }

    /// The draft of an address and port, from the hosts that it depends on.
    fn draft(&self, at: &At, deciding: &OrdMap<At, Deciding>) -> Option<ListenerDraft> {
        let by = deciding.get(at)?;
        self.drafts_of(by.oldest().chain(by.bytes.iter()), Some(at)).remove(at)
    }

    fn key(
        &self,
        draft: ListenerDraft,
        at: &At,
        deciding: &OrdMap<At, Deciding>,
    ) -> Option<OutboundListenerKey> {
        let is_alone = |at: &At, host: &Host| deciding.get(at).and_then(|by| by.alone.as_ref()) == Some(host);
        let PlanInputs { scope, mesh, .. } = self.inputs;
        draft.key(
            at,
            &PlanContext { view: self.view, unknown: scope.outbound_policy, mesh, is_alone: &is_alone },
        )
    }

    /// All addresses of the service that has an address for itself, with the port.
    fn addresses_of_only(&self, at: &At, deciding: &OrdMap<At, Deciding>) -> Vec<At> {
        let only = deciding.get(at).and_then(|by| by.alone.as_ref());
        let host = only.zip(self.only_listener()).and_then(|(host, listener)| listener.hosts.get(host));
        let ips = host.and_then(service_host).into_iter().flat_map(|(_, service)| service.ips());
        ips.map(|ip| (Bind::Ip(ip), at.1)).collect()
    }

    /// The hosts of the services with a port.
    fn with_port(&self, port: u16) -> Vec<Host> {
        let hosts = self.only_listener().into_iter().flat_map(|listener| listener.hosts.values());
        let with_port = hosts.filter_map(service_host).filter(|(_, service)| service.port(port).is_some());
        with_port.map(|(binding, _)| binding.host.clone()).collect()
    }
}

/// The listener that applications use as their HTTP proxy (`proxyHttpPort`).
fn explicit_proxy(view: &ListenerView, port: u16, unknown: OutboundTrafficPolicy) -> OutboundListenerKey {
    OutboundListenerKey {
        bind: Bind::Ip(loopback(view.families)),
        more: Arc::default(),
        port,
        bind_to_port: true,
        families: view.families,
        http: Some((names::HTTP_PROXY.into(), Protocol::Http)),
        by_address: false,
        tcp: Arc::default(),
        unknown,
    }
}

#[cfg(test)]
mod tests;
