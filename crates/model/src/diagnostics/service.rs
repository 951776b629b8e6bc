//! Findings about a Kubernetes Service among other objects.

use std::{collections::BTreeMap, sync::Arc};

use fairlead_config::{Code, ConfigKey, Diagnostics, Timestamp, path};

use crate::{Port, Protocol, Service, age, port::TargetPort};

/// What the Services of the same Pods say is spoken at a port of those, with the oldest that says so. There are few
/// protocols, so this stays small however many Services there are.
pub(super) type PortClaims = BTreeMap<TargetPort, BTreeMap<Protocol, PortClaim>>;

/// The oldest Service that says that a port of its Pods speaks a protocol.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PortClaim {
    origin: ConfigKey,
    created: Option<Timestamp>,
    /// The number of its port.
    number: u16,
}

/// Puts together what Services of the same Pods say.
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

/// Reports ports of `service` that lead to the same port of the workload as an older Service's, and say
/// otherwise what is spoken there.
///
/// The same port under the same protocol is usual: a headless Service beside one with an address.
pub(super) fn check(service: &Service, claims: &PortClaims, diagnostics: &mut Diagnostics) {
    for (index, port) in service.ports.iter().enumerate() {
        let Some((protocol, theirs)) = oldest_other(service, port, claims) else { continue };
        let message = format!(
            "{} is older and says that its port {} of the same Pods speaks {protocol:?}; {:?} is not used there",
            theirs.origin, theirs.number, port.protocol
        );
        diagnostics.warn(Code::ConflictingListener, path!("ports"[index]), message);
    }
}

/// Reports the VirtualService of another namespace that has the routes of the service.
pub(super) fn check_foreign(routes: &ConfigKey, diagnostics: &mut Diagnostics) {
    let message = format!("clients are routed by {routes}, of another namespace");
    diagnostics.info(Code::ForeignRoutes, path!(), message);
}

/// The oldest that is older than `service` and says otherwise.
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
