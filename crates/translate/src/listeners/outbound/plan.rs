//! Which listeners a sidecar has towards services: what arrives at each address and port.

use std::{cmp::Ordering, collections::BTreeMap, net::IpAddr, sync::Arc};

use fairlead_incremental::{Query, Reader, Stratum};
use fairlead_model::{
    Host, Protocol, Service,
    endpoints::PodAddresses,
    mesh::{Mesh, ResolvedMesh},
    proxy::RESERVED_PORTS,
    scope::{HostBinding, Scope, ScopeHost, ScopeOf},
    sidecar::{Bind, OutboundTrafficPolicy},
    strata,
};
use imbl::OrdSet;

use super::{Addressed, OutboundListenerKey, TcpService, arrive::ListenerPlanner, update};
use crate::{listeners::loopback, names, view::ListenerView};

/// Plans the outbound listeners of a view.
pub(super) struct OutboundListenerPlan;

impl Query for OutboundListenerPlan {
    type Key = ListenerView;
    type Value = Plan;
    const NAME: &'static str = "outbound_listener_plan";
    const STRATUM: Stratum = strata::PLAN;

    fn compute(cx: &Reader<'_>, view: &ListenerView) -> Self::Value {
        let scope = cx.get::<ScopeOf>(&view.scope);
        let mesh = cx.get::<ResolvedMesh>(&());
        let pods = PodAddresses::read(cx);
        let before = cx.previous::<Self>();
        let updated = before.and_then(|before| update::update(&before, view, &scope, &mesh, &pods));
        updated.unwrap_or_else(|| plan(view, &scope, &mesh, &pods))
    }
}

/// The outbound listeners of a view.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) keys: OrdSet<OutboundListenerKey>,
    /// What they were made of, where that is enough to edit them.
    pub(super) made: Option<update::Made>,
}

/// What it was made of makes no difference.
impl PartialEq for Plan {
    fn eq(&self, other: &Self) -> bool {
        self.keys == other.keys
    }
}

/// An address and a port.
pub(super) type At = (Bind, u16);

/// What arrives at one address and port.
#[derive(Default)]
pub(super) struct Arrivals {
    /// Whether connections were addressed to somebody else.
    pub(super) captured: bool,
    pub(super) http: Option<(Arc<str>, Protocol)>,
    pub(super) tcp: Vec<TcpService>,
    /// The oldest of the hosts that bring HTTP and nothing else.
    pub(super) only_http: Option<Host>,
    /// The oldest of those that are headless.
    pub(super) headless_http: Option<Host>,
    /// All addresses of the first service whose own address this is.
    pub(super) addresses: Vec<IpAddr>,
}

impl Arrivals {
    /// The host that has the address for itself.
    fn alone(&self) -> Option<&Host> {
        match self.tcp.as_slice() {
            [only] if only.addressed == Addressed::Own => Some(&only.host.host),
            _ => None,
        }
    }

    /// The further addresses of the listener: those that its service has for itself as well. `None` where this is
    /// one of those, and the listener is on another.
    fn more(&self, (bind, port): &At, is_alone: &dyn Fn(&At, &Host) -> bool) -> Option<Arc<[Bind]>> {
        let Some(host) = self.alone() else { return Some(Arc::default()) };
        let binds = self.addresses.iter().map(|ip| Bind::Ip(*ip));
        if self.addresses.len() < 2 || binds.clone().all(|other| other != *bind) {
            return Some(Arc::default());
        }
        let mut alone = binds.filter(|other| is_alone(&(other.clone(), *port), host));
        (alone.next()? == *bind).then(|| alone.collect())
    }

    /// The listener that takes them; `None` where there can be none, or it is that of another address.
    pub(super) fn key(self, at: &At, plan: &Planned<'_>) -> Option<OutboundListenerKey> {
        // Envoy refuses a listener without a filter chain.
        if self.http.is_none() && self.tcp.is_empty() {
            return None;
        }
        let more = self.more(at, plan.is_alone)?;
        let Planned { view, unknown, mesh, .. } = plan;
        let (bind, port) = at.clone();
        let any = matches!(bind, Bind::Ip(ip) if ip.is_unspecified());
        if any && (RESERVED_PORTS.contains(&port) || port == mesh.outbound_port || port == mesh.inbound_port)
        {
            return None;
        }
        Some(OutboundListenerKey {
            bind_to_port: !self.captured,
            bind,
            more,
            port,
            families: view.families,
            http: self.http,
            by_address: self.headless_http.is_some(),
            tcp: self.tcp.into(),
            unknown: *unknown,
        })
    }
}

/// What listeners are made of beside what arrives at them.
pub(super) struct Planned<'a> {
    pub(super) view: &'a ListenerView,
    pub(super) unknown: OutboundTrafficPolicy,
    pub(super) mesh: &'a Mesh,
    /// Whether a host has an address and port for itself.
    pub(super) is_alone: &'a dyn Fn(&At, &Host) -> bool,
}

/// A host of a listener that is a service.
pub(super) type ServiceHost<'a> = (&'a HostBinding, &'a Arc<Service>);

pub(super) fn service_host(host: &ScopeHost) -> Option<ServiceHost<'_>> {
    Some((&host.binding, host.service.as_ref()?))
}

/// Orders services as they claim connections: the first wins where two claim the same. Those of Kubernetes come first,
/// since whoever writes a ServiceEntry chooses its addresses freely; then the oldest.
pub(super) fn by_age((_, a): &ServiceHost<'_>, (_, b): &ServiceHost<'_>) -> Ordering {
    a.precedence().cmp(&b.precedence())
}

fn plan(view: &ListenerView, scope: &Arc<Scope>, mesh: &Arc<Mesh>, pods: &PodAddresses) -> Plan {
    let mut arrivals: BTreeMap<At, Arrivals> = BTreeMap::new();
    for listener in &scope.listeners {
        let mut hosts: Vec<_> = listener.hosts.values().filter_map(service_host).collect();
        hosts.sort_by(by_age);
        let planner = ListenerPlanner { view, listener, pods, only: None, arrivals: &mut arrivals };
        match &listener.port {
            Some(port) => planner.explicit(port, &hosts, scope),
            None => planner.implied(&hosts, scope),
        }
    }
    let made = update::Made::of(scope, mesh, pods, &arrivals);
    let alone: BTreeMap<At, Host> =
        arrivals.iter().filter_map(|(at, found)| Some((at.clone(), found.alone()?.clone()))).collect();
    let is_alone = |at: &At, host: &Host| alone.get(at) == Some(host);
    let planned = Planned { view, unknown: scope.outbound_policy, mesh, is_alone: &is_alone };
    let mut keys: OrdSet<OutboundListenerKey> =
        arrivals.into_iter().filter_map(|(at, found)| found.key(&at, &planned)).collect();
    if let Some(port) = mesh.http_proxy_port {
        let proxy = explicit_proxy(view, port, scope.outbound_policy);
        if !keys.iter().any(|key| (&key.bind, key.port) == (&proxy.bind, port)) {
            keys.insert(proxy);
        }
    }
    Plan { keys, made }
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
