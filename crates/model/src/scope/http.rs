//! The ports on which a host that is no service is served.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{Host, Protocol, Service, routes::RouteSetHeader};

/// The port on which hosts of route sets that are no service always take effect.
const HTTP_PORT: u16 = 80;

/// The ports of services, by the most specific name that a route set has for each.
#[derive(Default)]
pub(super) struct PortsOfNames<'a> {
    /// The ports on which HTTP may be spoken.
    http: BTreeMap<&'a Host, BTreeSet<u16>>,
    /// All ports.
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

/// The ports on which a route set serves a host that is no service: port 80, those of the services that it also names
/// (`of_name`), and those of the service that the host is an alias of (`of_target`). On the ports of services that it
/// owns (`covered`), a wildcard is not a host of its own.
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
