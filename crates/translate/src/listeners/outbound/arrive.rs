//! Where connections to service ports arrive: at an address of the service, or at one that services share.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use fairlead_model::{
    Port, Protocol, Service,
    endpoints::PodAddresses,
    scope::{EgressScope, HostBinding, ScopeListener},
    service::ServiceAddress,
    sidecar::Bind,
};
use ipnet::IpNet;

use super::{
    draft::{At, ListenerDraft, ServiceHost},
    key::{Addressed, TcpService},
};
use crate::{
    listeners::{loopback, wildcard},
    names,
    routes::planner::{has_own_listener, is_captured, serves_every_port, table_of},
    view::ListenerView,
};

/// Adds the connections that arrive by one listener of a scope.
pub(super) struct ListenerPlanner<'a, 'b> {
    pub(super) view: &'a ListenerView,
    pub(super) listener: &'a ScopeListener,
    pub(super) pods: &'a PodAddresses,
    /// The only address and port of interest; `None` for all.
    pub(super) only: Option<&'a At>,
    pub(super) drafts: &'b mut BTreeMap<At, ListenerDraft>,
}

impl ListenerPlanner<'_, '_> {
    /// One listener on the port that the Sidecar names, for the services that have that port.
    pub(super) fn explicit(mut self, port: &Port, hosts: &[ServiceHost<'_>], scope: &EgressScope) {
        let at = (self.shared_bind(), port.number);
        let captured = self.captured();
        let draft = self.drafts.entry(at.clone()).or_default();
        draft.captured = captured;
        if port.protocol.is_http() || port.protocol == Protocol::Auto {
            let table = table_of(self.listener, scope, port.number);
            draft.http.get_or_insert((table, port.protocol));
            let headless = |(_, service): &&ServiceHost<'_>| service.headless;
            let headless = hosts.iter().find(headless).filter(|_| captured);
            draft.headless_http = headless.map(|(host, _)| host.host.clone());
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
    pub(super) fn implied(mut self, hosts: &[ServiceHost<'_>], scope: &EgressScope) {
        for (host, service) in hosts {
            for port in service.ports.iter().filter(|p| !scope.locks(p.number)) {
                if port.protocol.is_http() {
                    let at = (self.shared_bind(), port.number);
                    if !self.wants(&at) {
                        continue;
                    }
                    let captured = self.captured();
                    let draft = self.drafts.entry(at).or_default();
                    draft.captured = captured;
                    draft.http.get_or_insert((names::port_route(port.number), port.protocol));
                    draft.only_http.get_or_insert_with(|| host.host.clone());
                    if service.headless && captured {
                        draft.headless_http.get_or_insert_with(|| host.host.clone());
                    }
                } else {
                    self.bytes(host, service, port);
                }
            }
        }
    }

    /// Whether this address and port are of interest.
    fn wants(&self, at: &At) -> bool {
        self.only.is_none_or(|only| only == at)
    }

    /// Adds a port that is TCP or whose protocol is detected: at the addresses of the service or, if it is headless, of
    /// its Pods; for the ranges that it has besides, or without an address, at the address that services share.
    fn bytes(&mut self, host: &HostBinding, service: &Service, port: &Port) {
        let detected = port.protocol == Protocol::Auto;
        let shared = (self.shared_bind(), port.number);
        if !has_own_listener(service, self.view.interception, self.listener) {
            if !self.wants(&shared) {
                return;
            }
            let Some(addressed) = self.shared(service, port) else { return };
            let draft = self.take(shared, host, port, addressed);
            if detected {
                draft.http.get_or_insert((names::port_route(port.number), Protocol::Auto));
            }
            return;
        }
        let ips: Vec<IpAddr> = service.ips().collect();
        for ip in &ips {
            self.own(*ip, host, port, &ips);
        }
        if service.headless {
            // A listener for each Pod: a Pod that comes or goes affects no connection to another.
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

    /// Adds a service to what arrives at an address of its own. Where several have the address, the oldest takes the
    /// connections that nothing tells apart.
    fn own(&mut self, ip: IpAddr, host: &HostBinding, port: &Port, addresses: &[IpAddr]) {
        let at = (Bind::Ip(ip), port.number);
        if !self.wants(&at) {
            return;
        }
        let draft = self.take(at, host, port, Addressed::Own);
        if draft.tcp.len() > 1 {
            return;
        }
        draft.addresses = addresses.to_vec();
        if port.protocol == Protocol::Auto {
            let table = names::sniffed_route(&host.host, port.number);
            draft.http.get_or_insert((table, Protocol::Auto));
        }
    }

    /// The addresses of the Pods of a port that are of interest.
    fn wanted_pods(&self, service: &Service, port: u16) -> Vec<IpAddr> {
        match self.only {
            None => self.pods.of(&service.key, port).collect(),
            Some((Bind::Ip(ip), at)) if *at == port && self.pods.has(&service.key, port, *ip) => vec![*ip],
            Some(_) => Vec::new(),
        }
    }

    /// Adds a service to what arrives at an address and port.
    fn take(&mut self, at: At, host: &HostBinding, port: &Port, addressed: Addressed) -> &mut ListenerDraft {
        let captured = self.captured();
        let draft = self.drafts.entry(at).or_default();
        draft.captured = captured;
        draft.tcp.push(TcpService {
            host: host.clone(),
            port: port.clone(),
            addressed,
            // Without routes the source does not matter, and all clients share the listener.
            source: (!host.l4.is_empty()).then(|| self.view.source.clone()),
        });
        draft
    }

    /// The addresses as ranges. Connections that are not captured are addressed to the proxy instead, and those to the
    /// bind address of a Sidecar's listener to that one.
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

    fn shared_bind(&self) -> Bind {
        shared_bind(self.view, self.listener)
    }

    fn captured(&self) -> bool {
        is_captured(self.view.interception, self.listener)
    }
}

/// The address of listeners that services share.
pub(super) fn shared_bind(view: &ListenerView, listener: &ScopeListener) -> Bind {
    let captured = is_captured(view.interception, listener);
    let default = || Bind::Ip(if captured { wildcard(view.families) } else { loopback(view.families) });
    match &listener.bind {
        Some(Bind::Ip(ip)) if ip.is_unspecified() => Bind::Ip(wildcard(view.families)),
        bind => bind.clone().unwrap_or_else(default),
    }
}
