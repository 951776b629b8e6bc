//! On which ports a host that is no service is served.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{Host, Protocol, Service, routes::RouteSetHeader};

/// The port on which the hosts of route sets that are no service take effect in any case.
const HTTP_PORT: u16 = 80;

/// The ports of services, by the most specific name that a route set has for each.
#[derive(Default)]
pub(super) struct PortsOfNames<'a> {
    /// Those on which HTTP may be spoken.
    http: BTreeMap<&'a Host, BTreeSet<u16>>,
    /// All of them.
    all: BTreeMap<&'a Host, BTreeSet<u16>>,
}

impl<'a> PortsOfNames<'a> {
    pub(super) fn add(&mut self, name: &'a Host, service: &Service) {
        self.http.entry(name).or_default().extend(http_ports(service));
        self.all.entry(name).or_default().extend(service.ports.iter().map(|port| port.number));
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
