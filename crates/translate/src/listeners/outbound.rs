//! The listeners of sidecars towards services: which there are, and their filter chains.
//!
//! HTTP services share one listener for each port; TCP services, and those whose protocol is detected, have
//! their own on their address. Mirrors istio pilot/pkg/networking/core/listener.go.

use std::{collections::BTreeMap, sync::Arc};

use fairlead_envoy::{EncodedResource, ResourceName};
use fairlead_incremental::{Collect, Query, Reader, Stratum};
use fairlead_model::{
    Port, Protocol, Service, ServiceKey,
    mesh::{Mesh, ResolvedMesh},
    proxy::{Interception, IpFamilies, Source},
    registry::ServiceByKey,
    scope::{EgressScope, HostBinding, ScopeListener, ScopeOf},
    service::ServiceAddress,
    sidecar::{Bind, CaptureMode, OutboundTrafficPolicy},
    strata,
};
use imbl::OrdSet;
use ipnet::IpNet;

use super::{loopback, wildcard};
use crate::{names, routes::outbound::has_own_listener, view::ListenerView};

mod build;
mod virtual_outbound;

pub use build::OutboundListener;
pub use virtual_outbound::VirtualOutbound;

/// Ports of every sidecar that are not Envoy's listeners, or are those of interception.
const RESERVED_PORTS: [u16; 2] = [15021, 15090];

/// One outbound listener: all that its bytes depend on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutboundListenerKey {
    /// Where it listens.
    pub bind: Bind,
    /// The further addresses of a service with several.
    pub more: Arc<[Bind]>,
    /// The port.
    pub port: u16,
    /// Whether it takes connections from the network; if not, `virtualOutbound` hands them over.
    pub bind_to_port: bool,
    /// The families that a listener on every address listens on.
    pub families: IpFamilies,
    /// The route table of HTTP connections, where it takes any, and the protocol that is declared.
    pub http: Option<(Arc<str>, Protocol)>,
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
    /// The addresses that tell its connections apart on a shared listener; empty: none are needed.
    pub ranges: Arc<[IpNet]>,
    /// What TCP and TLS routes may ask about the client.
    pub source: Source,
}

/// Plans the outbound listeners of a view.
struct OutboundListenerPlan;

impl Query for OutboundListenerPlan {
    type Key = ListenerView;
    type Value = OrdSet<OutboundListenerKey>;
    const NAME: &'static str = "outbound_listener_plan";
    const STRATUM: Stratum = strata::PLAN;

    fn compute(cx: &Reader<'_>, view: &ListenerView) -> Self::Value {
        let scope = cx.get::<ScopeOf>(&view.scope);
        let mut services = BTreeMap::new();
        for scoped in scope.listeners.iter().flat_map(|l| l.hosts.iter()).filter_map(|h| h.service.as_ref()) {
            if let Some(service) = cx.get::<ServiceByKey>(&scoped.service).as_ref() {
                services.insert(scoped.service.clone(), service.clone());
            }
        }
        let mesh = cx.get::<ResolvedMesh>(&());
        plan(view, &scope, &services, &mesh)
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
        (*cx.get::<OutboundListenerPlan>(view)).clone()
    }

    fn entries(
        _: &OutboundListenerKey,
        listener: &EncodedResource,
        emit: &mut dyn FnMut(ResourceName, EncodedResource),
    ) {
        emit(listener.name.clone(), listener.clone());
    }
}

/// What arrives at one address and port.
#[derive(Default)]
struct Arrivals {
    more: Vec<Bind>,
    http: Option<(Arc<str>, Protocol)>,
    tcp: Vec<TcpService>,
    capture: CaptureMode,
}

fn plan(
    view: &ListenerView,
    scope: &EgressScope,
    services: &BTreeMap<ServiceKey, Arc<Service>>,
    mesh: &Mesh,
) -> OrdSet<OutboundListenerKey> {
    let mut arrivals: BTreeMap<(Bind, u16), Arrivals> = BTreeMap::new();
    for listener in &scope.listeners {
        let mut hosts: Vec<(&HostBinding, &Arc<Service>)> = listener
            .hosts
            .iter()
            .filter_map(|host| Some((host, services.get(&host.service.as_ref()?.service)?)))
            .collect();
        // The oldest service wins where two claim the same connections.
        hosts.sort_by(|(_, a), (_, b)| {
            (a.created.is_none(), a.created, &a.key).cmp(&(b.created.is_none(), b.created, &b.key))
        });
        let planner = ListenerPlanner { view, listener, arrivals: &mut arrivals };
        match &listener.port {
            Some(port) => planner.explicit(port, &hosts),
            None => planner.implied(&hosts, scope),
        }
    }
    let key = |((bind, port), found): ((Bind, u16), Arrivals)| {
        let any = bind == Bind::Ip(wildcard(view.families));
        if any && (RESERVED_PORTS.contains(&port) || port == mesh.outbound_port || port == mesh.inbound_port)
        {
            return None;
        }
        Some(OutboundListenerKey {
            bind_to_port: !is_captured(view, found.capture) || matches!(bind, Bind::Unix(_)),
            bind,
            more: found.more.into(),
            port,
            families: view.families,
            http: found.http,
            tcp: found.tcp.into(),
            unknown: scope.outbound_policy,
        })
    };
    arrivals.into_iter().filter_map(key).collect()
}

fn is_captured(view: &ListenerView, capture: CaptureMode) -> bool {
    match capture {
        CaptureMode::Default => view.interception != Interception::None,
        CaptureMode::Iptables => true,
        CaptureMode::None => false,
    }
}

struct ListenerPlanner<'a, 'b> {
    view: &'a ListenerView,
    listener: &'a ScopeListener,
    arrivals: &'b mut BTreeMap<(Bind, u16), Arrivals>,
}

impl ListenerPlanner<'_, '_> {
    /// One listener on the port that the Sidecar names, for the services that have that port.
    fn explicit(self, port: &Port, hosts: &[(&HostBinding, &Arc<Service>)]) {
        let bind = self.listener.bind.clone().unwrap_or_else(|| self.shared_bind());
        let arrivals = self.arrivals.entry((bind, port.number)).or_default();
        arrivals.capture = self.listener.capture;
        if port.protocol.is_http() || port.protocol == Protocol::Auto {
            arrivals.http.get_or_insert((names::port_route(port.number), port.protocol));
        }
        if !port.protocol.is_http() {
            for (host, service) in hosts {
                if let Some(service_port) = service.port(port.number) {
                    arrivals.tcp.push(tcp_service(self.view, host, service_port, ranges(service)));
                }
            }
        }
    }

    /// The listeners that the services' own ports imply.
    fn implied(mut self, hosts: &[(&HostBinding, &Arc<Service>)], scope: &EgressScope) {
        for (host, service) in hosts {
            for port in service.ports.iter().filter(|p| !scope.locks(p.number)) {
                if port.protocol.is_http() {
                    let arrivals = self.arrivals.entry((self.shared_bind(), port.number)).or_default();
                    arrivals.capture = self.listener.capture;
                    arrivals.http.get_or_insert((names::port_route(port.number), port.protocol));
                } else {
                    self.bytes(host, service, port);
                }
            }
        }
    }

    /// The listener of a port that is TCP, or that is told apart by its first bytes.
    fn bytes(&mut self, host: &HostBinding, service: &Service, port: &Port) {
        let own = is_captured(self.view, self.listener.capture) && has_own_listener(service);
        let (bind, more) = if own {
            let mut ips = service.ips().map(Bind::Ip);
            (ips.next().unwrap_or_else(|| self.shared_bind()), ips.collect())
        } else {
            (self.shared_bind(), Vec::new())
        };
        let arrivals = self.arrivals.entry((bind, port.number)).or_default();
        arrivals.capture = self.listener.capture;
        if arrivals.more.is_empty() {
            arrivals.more = more;
        }
        if port.protocol == Protocol::Auto {
            let table = if has_own_listener(service) {
                names::sniffed_route(&host.host, port.number)
            } else {
                names::port_route(port.number)
            };
            arrivals.http.get_or_insert((table, Protocol::Auto));
        }
        let ranges = if own { Vec::new() } else { ranges(service) };
        arrivals.tcp.push(tcp_service(self.view, host, port, ranges));
    }

    /// The address of listeners that services share.
    fn shared_bind(&self) -> Bind {
        Bind::Ip(if is_captured(self.view, self.listener.capture) {
            wildcard(self.view.families)
        } else {
            loopback(self.view.families)
        })
    }
}

fn tcp_service(view: &ListenerView, host: &HostBinding, port: &Port, ranges: Vec<IpNet>) -> TcpService {
    TcpService { host: host.clone(), port: port.clone(), ranges: ranges.into(), source: view.source.clone() }
}

/// The addresses of a service as ranges.
fn ranges(service: &Service) -> Vec<IpNet> {
    let range = |address: &ServiceAddress| match address {
        ServiceAddress::Ip(ip) => IpNet::from(*ip),
        ServiceAddress::Range(range) => *range,
    };
    service.addresses.iter().map(range).collect()
}

#[cfg(test)]
mod tests;
