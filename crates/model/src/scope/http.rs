//! Which route sets have routes for the HTTP of a host, and on which ports a host that is no service is served.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{Host, Protocol, Service, host_map::HostMap, routes::RouteSetHeader};

/// The port on which the hosts of route sets that are no service take effect in any case.
const HTTP_PORT: u16 = 80;

/// The route sets of a listener that have HTTP routes, by the hosts that they name.
#[derive(Debug, Default)]
pub(super) struct HttpOwners(HostMap<Named>);

/// A host that is named, and those route sets that do, in order.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) host: Host,
    pub(super) by: Vec<usize>,
}

impl HttpOwners {
    pub(super) fn new(route_sets: &[Arc<RouteSetHeader>]) -> Self {
        let mut hosts = HostMap::default();
        for (at, header) in route_sets.iter().enumerate().filter(|(_, header)| header.has_http) {
            for host in &header.hosts {
                hosts.entry(host, || Named { host: host.clone(), by: Vec::new() }).by.push(at);
            }
        }
        Self(hosts)
    }

    /// Those that name exactly this host.
    pub(super) fn of(&self, host: &Host) -> &[usize] {
        self.0.get(host).map_or(&[], |named| &named.by)
    }

    /// Those that name this host, else those that name the most specific wildcard for it.
    pub(super) fn covering(&self, host: &Host) -> Option<&Named> {
        self.0.covering(host).next()
    }
}

/// The ports of services, by the most specific name that a route set has for each.
#[derive(Default)]
pub(super) struct PortsOfNames<'a> {
    /// Those on which HTTP may be spoken.
    http: BTreeMap<&'a Host, BTreeSet<u16>>,
    /// All of them.
    all: BTreeMap<&'a Host, BTreeSet<u16>>,
}

impl<'a> PortsOfNames<'a> {
    pub(super) fn add(&mut self, named: &'a Named, service: &Service) {
        self.http.entry(&named.host).or_default().extend(http_ports(service));
        self.all.entry(&named.host).or_default().extend(service.ports.iter().map(|port| port.number));
    }

    pub(super) fn http(&self, host: &Host) -> Vec<u16> {
        self.http.get(host).into_iter().flatten().copied().collect()
    }

    pub(super) fn all(&self, host: &Host) -> Vec<u16> {
        self.all.get(host).into_iter().flatten().copied().collect()
    }
}

/// The ports of a service on which HTTP may be spoken.
pub(super) fn http_ports(service: &Service) -> impl Iterator<Item = u16> + '_ {
    let takes_http = |protocol: Protocol| protocol.is_http() || protocol == Protocol::Auto;
    service.ports.iter().filter(move |port| takes_http(port.protocol)).map(|port| port.number)
}

/// The ports on which a route set has a host served that is no service: that of HTTP, those of the services that
/// it names too, `of_name`, and `of_target`, those of the service that the host stands for. A wildcard is no host of
/// its own on the ports `covered` of services that it owns.
///
/// Mirrors istio pilot/pkg/networking/core/route/route.go (buildSidecarVirtualHostsForVirtualService).
pub(super) fn alternative_ports(
    header: &RouteSetHeader,
    of_name: &dyn Fn(&Host) -> Vec<u16>,
    of_target: &[u16],
    covered: &[u16],
) -> Arc<[u16]> {
    let mut ports: BTreeSet<u16> = header.hosts.iter().flat_map(of_name).collect();
    ports.insert(HTTP_PORT);
    ports.extend(of_target);
    ports.into_iter().filter(|port| !covered.contains(port)).collect()
}
