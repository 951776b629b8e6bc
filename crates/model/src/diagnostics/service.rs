//! Findings about a Kubernetes Service among other objects.

use std::{collections::BTreeMap, sync::Arc};

use fairlead_config::{Code, ConfigKey, Diagnostics, FieldPath, Timestamp, path};

use crate::{
    Port, Protocol, Service, age, endpoints::MOST_SELECTED, mesh::Mesh, port::TargetPort,
    proxy::RESERVED_PORTS,
};

/// The protocols that Services of the same Pods declare for each of their ports, with the oldest Service that does. It
/// stays small however many Services there are, since there are few protocols.
pub(super) type PortClaims = BTreeMap<TargetPort, BTreeMap<Protocol, PortClaim>>;

/// The oldest Service that declares a protocol for a port of its Pods.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PortClaim {
    origin: ConfigKey,
    created: Option<Timestamp>,
    /// The number of the Service's port.
    number: u16,
}

/// Collects the claims of Services of the same Pods.
pub(super) fn port_claims<'a>(services: impl Iterator<Item = &'a Arc<Service>>) -> PortClaims {
    let mut claims = PortClaims::new();
    for service in services {
        for port in &service.ports {
            let claim = || PortClaim {
                origin: service.origin.clone(),
                created: service.created,
                number: port.number,
            };
            let oldest =
                claims.entry(port.target.clone()).or_default().entry(port.protocol).or_insert_with(claim);
            if is_older(service, oldest) {
                *oldest = claim();
            }
        }
    }
    claims
}

fn is_older(service: &Service, than: &PortClaim) -> bool {
    age::compare((service.created, &service.origin), (than.created, &than.origin)).is_lt()
}

/// Reports ports of `service` that lead to the same workload port as an older Service's but declare another protocol.
///
/// The same port with the same protocol is common: a headless Service beside one with an address.
pub(super) fn check(service: &Service, claims: &PortClaims, diagnostics: &mut Diagnostics) {
    for (index, port) in service.ports.iter().enumerate() {
        let Some((protocol, theirs)) = oldest_other(service, port, claims) else { continue };
        let message = format!(
            "{} {} and declares {} for its port {}, which leads to the same port of the same Pods; the {} of this port is not used there",
            theirs.origin,
            age::reason(theirs.created, service.created),
            protocol.word(),
            theirs.number,
            port.protocol.word(),
        );
        diagnostics.warn(Code::ConflictingListener, path!("ports"[index]), message);
    }
}

/// Reports ports that the proxies themselves use, on the Pods or on clients: they get no listener.
///
/// Only numeric ports are checked: a named one would take a lookup of the Pods.
pub(super) fn check_reserved(
    service: &Service,
    mesh: &Mesh,
    at: &dyn Fn(&Port) -> FieldPath,
    diagnostics: &mut Diagnostics,
) {
    if service.alias_of().is_some() {
        return;
    }
    let own = |port: u16| match port {
        _ if port == mesh.inbound_port => Some("traffic to the workload"),
        _ if port == mesh.outbound_port => Some("traffic from the workload"),
        _ => None,
    };
    for port in &service.ports {
        if service.selector.is_some()
            && let TargetPort::Number(target) = port.target
            && let Some(what) = own(target)
        {
            let message = format!(
                "port {target} is where a sidecar takes {what}: connections to port {} do not reach Pods that have one",
                port.number
            );
            diagnostics
                .warn(Code::ReservedPort, at(port), message)
                .help("make the workload listen on another port");
        }
        if port.protocol.is_http() && (own(port.number).is_some() || RESERVED_PORTS.contains(&port.number)) {
            let message = format!(
                "port {} is one of a sidecar's own, so there is no listener for it: requests to it are not routed",
                port.number
            );
            diagnostics
                .info(Code::ReservedPort, at(port), message)
                .help("use another port for clients to call");
        }
    }
}

/// Reports the VirtualService of another namespace that routes requests for the service.
pub(super) fn check_foreign(routes: &ConfigKey, diagnostics: &mut Diagnostics) {
    let message = format!("clients are routed by {routes}, of another namespace");
    diagnostics.info(Code::ForeignRoutes, path!(), message);
}

/// The oldest claim that is older than `service` and differs.
fn oldest_other<'a>(
    service: &Service,
    port: &Port,
    claims: &'a PortClaims,
) -> Option<(&'a Protocol, &'a PortClaim)> {
    let others = claims.get(&port.target)?.iter().filter(|(protocol, claim)| {
        **protocol != port.protocol && claim.origin != service.origin && !is_older(service, claim)
    });
    let by_age = |claim: &'a PortClaim| (claim.created, &claim.origin);
    others.min_by(|(_, a), (_, b)| age::compare(by_age(a), by_age(b)))
}

/// Reports that a service has no endpoints because services with the same selector have reached their limit.
pub(super) fn check_share(is_spent: bool, path: FieldPath, diagnostics: &mut Diagnostics) {
    if is_spent {
        let text = format!(
            "the services that may select the same workloads have {MOST_SELECTED} endpoints, the maximum; this one has none"
        );
        diagnostics
            .error(Code::TooManyEndpoints, path, text)
            .help("define one service for similar workloads");
    }
}
