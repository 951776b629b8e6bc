//! The listeners of sidecars towards services: which there are, and their filter chains.
//!
//! HTTP services share one listener for each port; TCP services, and those whose protocol is detected, have
//! their own on their address. Mirrors istio pilot/pkg/networking/core/listener.go.

use std::{cmp::Ordering, collections::BTreeMap, net::IpAddr, sync::Arc};

use fairlead_envoy::{EncodedResource, ResourceName};
use fairlead_incremental::{Collect, Query, Reader, Stratum};
use fairlead_model::{
    Host, Port, Protocol, Service,
    endpoints::PodAddresses,
    mesh::{Mesh, ResolvedMesh},
    proxy::{IpFamilies, RESERVED_PORTS, Source},
    scope::{EgressScope, HostBinding, Scope, ScopeHost, ScopeListener, ScopeOf},
    service::ServiceAddress,
    sidecar::{Bind, OutboundTrafficPolicy},
    strata,
};
use imbl::OrdSet;
use ipnet::IpNet;

use super::{loopback, wildcard};
use crate::{
    names,
    routes::outbound::{has_own_listener, is_captured, serves_every_port, table_of},
    view::ListenerView,
};

mod build;
mod update;
mod virtual_outbound;

pub use build::OutboundListener;
pub use virtual_outbound::VirtualOutbound;

/// One outbound listener: all that its bytes depend on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutboundListenerKey {
    /// Where it listens.
    pub bind: Bind,
    /// The further addresses of a service with several, where it is alone on them.
    pub more: Arc<[Bind]>,
    /// The port.
    pub port: u16,
    /// Whether it takes connections from the network; if not, `virtualOutbound` hands them over.
    pub bind_to_port: bool,
    /// The families that a listener on every address listens on.
    pub families: IpFamilies,
    /// The route table of HTTP connections, where it takes any, and the protocol that is declared.
    pub http: Option<(Arc<str>, Protocol)>,
    /// Whether routes ask where a request was addressed to.
    pub by_address: bool,
    /// The services that bytes are proxied to, oldest first.
    pub tcp: Arc<[TcpService]>,
    /// What happens with connections that nothing takes.
    pub unknown: OutboundTrafficPolicy,
}

/// A service port whose connections are proxied as bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TcpService {
    /// The host, its service and its VirtualService.
    pub host: HostBinding,
    /// The port and its protocol.
    pub port: Port,
    /// What tells its connections apart.
    pub addressed: Addressed,
    /// What TCP and TLS routes may ask about the client, where there are any.
    pub source: Option<Source>,
}

/// What tells the connections of a service from those of others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Addressed {
    /// Nothing need: the listener is on an address of the service.
    Own,
    /// The listener is on an address that services share; they may be told apart by where a connection was
    /// addressed to, if to one of these ranges.
    Shared(Arc<[IpNet]>),
    /// The same, of a headless service: each range is a Pod, and nothing else tells its connections apart.
    Pods(Arc<[IpNet]>),
}

impl Addressed {
    fn ranges(&self) -> &[IpNet] {
        match self {
            Self::Own => &[],
            Self::Shared(ranges) | Self::Pods(ranges) => ranges,
        }
    }
}

/// Plans the outbound listeners of a view.
struct OutboundListenerPlan;

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
struct Plan {
    keys: OrdSet<OutboundListenerKey>,
    /// What they were made of, where that is enough to edit them.
    made: Option<update::Made>,
}

/// What it was made of makes no difference.
impl PartialEq for Plan {
    fn eq(&self, other: &Self) -> bool {
        self.keys == other.keys
    }
}

/// All outbound listeners of a view, by name.
pub struct OutboundListenerSet;

impl Collect for OutboundListenerSet {
    type Key = ListenerView;
    type Member = OutboundListener;
    type OutKey = ResourceName;
    type OutValue = EncodedResource;
    const NAME: &'static str = "outbound_listeners";
    const STRATUM: Stratum = strata::SET;

    fn members(cx: &Reader<'_>, view: &ListenerView) -> OrdSet<OutboundListenerKey> {
        cx.get::<OutboundListenerPlan>(view).keys.clone()
    }

    fn entries(
        _: &OutboundListenerKey,
        listener: &EncodedResource,
        emit: &mut dyn FnMut(ResourceName, EncodedResource),
    ) {
        emit(listener.name.clone(), listener.clone());
    }
}

/// An address and a port.
type At = (Bind, u16);

/// What arrives at one address and port.
#[derive(Default)]
struct Arrivals {
    /// Whether connections were addressed to somebody else.
    captured: bool,
    http: Option<(Arc<str>, Protocol)>,
    tcp: Vec<TcpService>,
    /// The oldest of the hosts that bring HTTP and nothing else.
    only_http: Option<Host>,
    /// The oldest of those that are headless.
    headless_http: Option<Host>,
    /// All addresses of the first service whose own address this is.
    addresses: Vec<IpAddr>,
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
    fn key(self, at: &At, plan: &Planned<'_>) -> Option<OutboundListenerKey> {
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
struct Planned<'a> {
    view: &'a ListenerView,
    unknown: OutboundTrafficPolicy,
    mesh: &'a Mesh,
    /// Whether a host has an address and port for itself.
    is_alone: &'a dyn Fn(&At, &Host) -> bool,
}

/// A host of a listener that is a service.
type ServiceHost<'a> = (&'a HostBinding, &'a Arc<Service>);

fn service_host(host: &ScopeHost) -> Option<ServiceHost<'_>> {
    Some((&host.binding, host.service.as_ref()?))
}

/// Orders services as they claim connections: the first wins where two claim the same. Those of Kubernetes come first,
/// since whoever writes a ServiceEntry chooses its addresses freely; then the oldest.
fn by_age((_, a): &ServiceHost<'_>, (_, b): &ServiceHost<'_>) -> Ordering {
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

struct ListenerPlanner<'a, 'b> {
    view: &'a ListenerView,
    listener: &'a ScopeListener,
    pods: &'a PodAddresses,
    /// The one address and port that is asked for; `None`: all.
    only: Option<&'a At>,
    arrivals: &'b mut BTreeMap<At, Arrivals>,
}

impl ListenerPlanner<'_, '_> {
    /// One listener on the port that the Sidecar names, for the services that have that port.
    fn explicit(mut self, port: &Port, hosts: &[ServiceHost<'_>], scope: &EgressScope) {
        let at = (self.shared_bind(), port.number);
        let captured = self.captured();
        let arrivals = self.arrivals.entry(at.clone()).or_default();
        arrivals.captured = captured;
        if port.protocol.is_http() || port.protocol == Protocol::Auto {
            let table = table_of(self.listener, scope, port.number);
            arrivals.http.get_or_insert((table, port.protocol));
            let headless = |(_, service): &&ServiceHost<'_>| service.headless;
            let headless = hosts.iter().find(headless).filter(|_| captured);
            arrivals.headless_http = headless.map(|(host, _)| host.host.clone());
        }
        if port.protocol.is_http() || serves_every_port(self.listener) {
            return;
        }
        for (host, service) in hosts {
            let Some(service_port) = service.port(port.number) else { continue };
            if let Some(addressed) = self.shared(service, service_port) {
                self.take(at.clone(), host, service_port, addressed);
            }
        }
    }

    /// What tells the connections of a port from others where services share an address; `None` where it has none.
    fn shared(&self, service: &Service, port: &Port) -> Option<Addressed> {
        if !(service.headless && self.stands_for_all()) {
            return Some(Addressed::Shared(self.ranges(&service.addresses)));
        }
        let pods: Arc<[IpNet]> = self.pods.of(&service.key, port.number).map(IpNet::from).collect();
        (!pods.is_empty()).then_some(Addressed::Pods(pods))
    }

    /// The listeners that the services' own ports imply.
    fn implied(mut self, hosts: &[ServiceHost<'_>], scope: &EgressScope) {
        for (host, service) in hosts {
            for port in service.ports.iter().filter(|p| !scope.locks(p.number)) {
                if port.protocol.is_http() {
                    let at = (self.shared_bind(), port.number);
                    if !self.wants(&at) {
                        continue;
                    }
                    let captured = self.captured();
                    let arrivals = self.arrivals.entry(at).or_default();
                    arrivals.captured = captured;
                    arrivals.http.get_or_insert((names::port_route(port.number), port.protocol));
                    arrivals.only_http.get_or_insert_with(|| host.host.clone());
                    if service.headless && captured {
                        arrivals.headless_http.get_or_insert_with(|| host.host.clone());
                    }
                } else {
                    self.bytes(host, service, port);
                }
            }
        }
    }

    /// Whether it is asked what arrives there.
    fn wants(&self, at: &At) -> bool {
        self.only.is_none_or(|only| only == at)
    }

    /// Where a port arrives that is TCP, or that is told apart by its first bytes: at the addresses of the service or,
    /// if it is headless, of its Pods; for the ranges that it has beside them, or without an address, at the one that
    /// services share.
    fn bytes(&mut self, host: &HostBinding, service: &Service, port: &Port) {
        let detected = port.protocol == Protocol::Auto;
        let shared = (self.shared_bind(), port.number);
        if !has_own_listener(service, self.view.interception, self.listener) {
            if !self.wants(&shared) {
                return;
            }
            let Some(addressed) = self.shared(service, port) else { return };
            let arrivals = self.take(shared, host, port, addressed);
            if detected {
                arrivals.http.get_or_insert((names::port_route(port.number), Protocol::Auto));
            }
            return;
        }
        let ips: Vec<IpAddr> = service.ips().collect();
        for ip in &ips {
            self.own(*ip, host, port, &ips);
        }
        if service.headless {
            // A listener for each Pod: one that comes or goes costs its own, and no connection to another.
            for ip in self.wanted_pods(service, port.number).into_iter().filter(|ip| !ips.contains(ip)) {
                self.own(ip, host, port, &[]);
            }
        }
        if !self.wants(&shared) {
            return;
        }
        let ranges = service.addresses.iter().copied().filter(|a| matches!(a, ServiceAddress::Range(_)));
        let ranges = self.ranges(&ranges.collect::<Vec<_>>());
        if !ranges.is_empty() {
            self.take(shared, host, port, Addressed::Shared(ranges));
        }
    }

    /// Adds a service to what arrives at an address of its own. Where several have the address, the oldest takes
    /// what is not told apart.
    fn own(&mut self, ip: IpAddr, host: &HostBinding, port: &Port, addresses: &[IpAddr]) {
        let at = (Bind::Ip(ip), port.number);
        if !self.wants(&at) {
            return;
        }
        let arrivals = self.take(at, host, port, Addressed::Own);
        if arrivals.tcp.len() > 1 {
            return;
        }
        arrivals.addresses = addresses.to_vec();
        if port.protocol == Protocol::Auto {
            let table = names::sniffed_route(&host.host, port.number);
            arrivals.http.get_or_insert((table, Protocol::Auto));
        }
    }

    /// The Pods of a port at which it is asked what arrives.
    fn wanted_pods(&self, service: &Service, port: u16) -> Vec<IpAddr> {
        match self.only {
            None => self.pods.of(&service.key, port).collect(),
            Some((Bind::Ip(ip), at)) if *at == port && self.pods.has(&service.key, port, *ip) => vec![*ip],
            Some(_) => Vec::new(),
        }
    }

    /// Adds a service to what arrives at an address and port.
    fn take(&mut self, at: At, host: &HostBinding, port: &Port, addressed: Addressed) -> &mut Arrivals {
        let captured = self.captured();
        let arrivals = self.arrivals.entry(at).or_default();
        arrivals.captured = captured;
        arrivals.tcp.push(TcpService {
            host: host.clone(),
            port: port.clone(),
            addressed,
            // Without routes nobody asks, and clients of all sorts share the listener.
            source: (!host.l4.is_empty()).then(|| self.view.source.clone()),
        });
        arrivals
    }

    /// The addresses as ranges. Connections that are not captured are addressed to the proxy instead, and those to
    /// one address of a Sidecar's choice are all addressed to that.
    fn ranges(&self, addresses: &[ServiceAddress]) -> Arc<[IpNet]> {
        let range = |address: &ServiceAddress| match address {
            ServiceAddress::Ip(ip) => IpNet::from(*ip),
            ServiceAddress::Range(range) => *range,
        };
        if self.stands_for_all() { addresses.iter().map(range).collect() } else { Arc::default() }
    }

    /// Whether connections to all addresses arrive where services share one.
    fn stands_for_all(&self) -> bool {
        self.captured() && self.shared_bind() == Bind::Ip(wildcard(self.view.families))
    }

    /// The address of listeners that services share.
    fn shared_bind(&self) -> Bind {
        let default = || {
            Bind::Ip(if self.captured() {
                wildcard(self.view.families)
            } else {
                loopback(self.view.families)
            })
        };
        self.listener.bind.clone().unwrap_or_else(default)
    }

    fn captured(&self) -> bool {
        is_captured(self.view.interception, self.listener)
    }
}
