//! The listeners of a sidecar brought up to date: what services that come and go change in them, and nothing else.
//!
//! It must come to what `plan` comes to. A listener is decided by the services that arrive at it; of those
//! that bring HTTP and nothing else, however many, by the oldest alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use fairlead_incremental::few_changed_keys;
use fairlead_model::{
    Host,
    endpoints::{HeadlessAddress, PodAddresses},
    mesh::Mesh,
    scope::{EgressScope, Scope, ScopeListener},
    sidecar::Bind,
};
use imbl::OrdMap;

use super::{
    OutboundListenerKey,
    arrive::ListenerPlanner,
    plan::{Arrivals, At, Plan, Planned, ServiceHost, by_age, service_host},
};
use crate::view::ListenerView;

/// So many Pods of headless Services may come or go at once in the smallest mesh.
const FEW_PODS: usize = 16;

/// What the listeners of a sidecar were made of, which sees all services by a listener without a port.
#[derive(Clone, Debug)]
pub(super) struct Made {
    scope: Arc<Scope>,
    mesh: Arc<Mesh>,
    pods: PodAddresses,
    /// Who decides each listener.
    deciding: OrdMap<At, Deciding>,
}

/// The hosts that decide a listener.
#[derive(Clone, Debug, Default, PartialEq)]
struct Deciding {
    /// The oldest that brings HTTP and nothing else.
    http: Option<Host>,
    /// The oldest of those that is headless.
    headless_http: Option<Host>,
    /// Those whose connections are proxied as bytes.
    bytes: Arc<[Host]>,
}

impl Deciding {
    /// The host that alone decides.
    fn alone(&self) -> Option<&Host> {
        match &*self.bytes {
            [only] if self.http.is_none() => Some(only),
            _ => None,
        }
    }

    fn of(arrivals: &Arrivals) -> Self {
        let bytes = arrivals.tcp.iter().map(|service| service.host.host.clone());
        Self {
            http: arrivals.only_http.clone(),
            headless_http: arrivals.headless_http.clone(),
            bytes: bytes.collect(),
        }
    }
}

impl Made {
    /// `None` where the listeners cannot be edited.
    pub(super) fn of(
        scope: &Arc<Scope>,
        mesh: &Arc<Mesh>,
        pods: &PodAddresses,
        arrivals: &BTreeMap<At, Arrivals>,
    ) -> Option<Self> {
        only_listener(scope, mesh)?;
        let deciding = arrivals.iter().map(|(at, found)| (at.clone(), Deciding::of(found))).collect();
        Some(Self { scope: scope.clone(), mesh: mesh.clone(), pods: pods.clone(), deciding })
    }
}

/// The listener of a scope that has one, without a port and an address, and no proxy beside it.
fn only_listener<'a>(scope: &'a EgressScope, mesh: &Mesh) -> Option<&'a ScopeListener> {
    scope.only_listener().filter(|only| only.bind.is_none() && mesh.http_proxy_port.is_none())
}

/// The listeners of `scope`, given those of another scope; `None` where it takes a plan from scratch.
pub(super) fn update(
    before: &Plan,
    view: &ListenerView,
    scope: &Arc<Scope>,
    mesh: &Arc<Mesh>,
    pods: &PodAddresses,
) -> Option<Plan> {
    let made = before.made.as_ref().filter(|made| Arc::ptr_eq(&made.mesh, mesh))?;
    let (old, new) = (only_listener(&made.scope, mesh)?, only_listener(scope, mesh)?);
    if made.scope.outbound_policy != scope.outbound_policy || old.capture != new.capture {
        return None;
    }
    let changed = few_changed_keys(&old.hosts, &new.hosts)?;
    let pods_changed = pods.changed_since(&made.pods, new.hosts.len().max(FEW_PODS))?;
    let old = State { view, scope: &made.scope, listener: old, pods: &made.pods };
    let new = State { view, scope, listener: new, pods };
    // Where those that have changed arrive, and did.
    let mut touched: BTreeMap<At, BTreeSet<&Host>> = BTreeMap::new();
    for host in &changed {
        let there = old.arrivals(std::iter::once(host), None).into_keys();
        for at in there.chain(new.arrivals(std::iter::once(host), None).into_keys()) {
            touched.entry(at).or_default().insert(host);
        }
    }
    for HeadlessAddress { service, port, ip } in &pods_changed {
        touched.entry((Bind::Ip(*ip), *port)).or_default().insert(&service.host);
    }
    let mut deciding = made.deciding.clone();
    for (at, hosts) in &touched {
        let were = made.deciding.get(at).cloned().unwrap_or_default();
        let oldest = || were.http.iter().chain(&were.headless_http);
        let oldest_went = oldest().any(|host| changed.contains(host));
        let candidates = if oldest_went { new.with_port(at.1) } else { oldest().cloned().collect() };
        let hosts = candidates.iter().chain(were.bytes.iter()).chain(hosts.iter().copied());
        match new.arrivals(hosts, Some(at)).remove(at) {
            Some(found) => drop(deciding.insert(at.clone(), Deciding::of(&found))),
            None => drop(deciding.remove(at)),
        }
    }
    // Which of its addresses the listener of a service is on follows from those that it has for itself.
    let mut affected: BTreeSet<At> = touched.keys().cloned().collect();
    for at in touched.keys() {
        affected.extend(old.addresses_of_only(at, &made.deciding));
        affected.extend(new.addresses_of_only(at, &deciding));
    }
    let mut keys = before.keys.clone();
    for at in &affected {
        if let Some(key) = old.listener(at, &made.deciding, mesh) {
            keys.remove(&key);
        }
    }
    keys.extend(affected.iter().filter_map(|at| new.listener(at, &deciding, mesh)));
    let made = Made { scope: scope.clone(), mesh: mesh.clone(), pods: pods.clone(), deciding };
    Some(Plan { keys, made: Some(made) })
}

/// Services as they are, or were.
struct State<'a> {
    view: &'a ListenerView,
    scope: &'a EgressScope,
    listener: &'a ScopeListener,
    pods: &'a PodAddresses,
}

impl State<'_> {
    /// Where these hosts arrive, or what arrives at one address and port.
    fn arrivals<'h>(
        &self,
        hosts: impl Iterator<Item = &'h Host>,
        only: Option<&At>,
    ) -> BTreeMap<At, Arrivals> {
        let known = hosts.filter_map(|host| service_host(self.listener.hosts.get(host)?));
        let mut known: Vec<ServiceHost<'_>> = known.collect();
        known.sort_by(by_age);
        known.dedup_by(|a, b| a.0.host == b.0.host);
        let mut arrivals = BTreeMap::new();
        let Self { view, listener, pods, .. } = *self;
        let planner = ListenerPlanner { view, listener, pods, only, arrivals: &mut arrivals };
        planner.implied(&known, self.scope);
        arrivals
    }

    /// The listener at an address and port.
    fn listener(&self, at: &At, deciding: &OrdMap<At, Deciding>, mesh: &Mesh) -> Option<OutboundListenerKey> {
        let by = deciding.get(at)?;
        let found = self
            .arrivals(by.http.iter().chain(&by.headless_http).chain(by.bytes.iter()), Some(at))
            .remove(at)?;
        let is_alone = |at: &At, host: &Host| deciding.get(at).and_then(Deciding::alone) == Some(host);
        let planned =
            Planned { view: self.view, unknown: self.scope.outbound_policy, mesh, is_alone: &is_alone };
        found.key(at, &planned)
    }

    /// All addresses of the service that has an address for itself, with the port.
    fn addresses_of_only(&self, at: &At, deciding: &OrdMap<At, Deciding>) -> Vec<At> {
        let only = deciding.get(at).and_then(Deciding::alone);
        let service = only.and_then(|host| self.listener.hosts.get(host)).and_then(service_host);
        let ips = service.into_iter().flat_map(|(_, service)| service.ips());
        ips.map(|ip| (Bind::Ip(ip), at.1)).collect()
    }

    /// The hosts of the services with a port.
    fn with_port(&self, port: u16) -> Vec<Host> {
        let hosts = self.listener.hosts.values().filter_map(service_host);
        let with_port = hosts.filter(|(_, service)| service.port(port).is_some());
        with_port.map(|(binding, _)| binding.host.clone()).collect()
    }
}
