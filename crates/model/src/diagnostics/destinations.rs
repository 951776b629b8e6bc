//! What destinations refer to: hosts, subsets and ports.

use std::sync::Arc;

use fairlead_config::{Code, Diagnostics, FieldPath, Namespace};

use crate::{
    Host, ServiceKey,
    destination_rule::DestinationRule,
    registry::ServiceSummary,
    service::Resolution,
    virtual_service::{Destination, GatewayRef, HttpAction, VirtualService},
};

/// How often an alias is followed.
const ALIAS_CHAIN: usize = 8;

/// What is known of hosts and of the rules for their services.
pub(super) struct Known<'a> {
    /// The services of a host, in every namespace.
    pub(super) services: &'a dyn Fn(&Host) -> Arc<[ServiceSummary]>,
    /// The rule for a service in the eyes of a client of the object's namespace.
    pub(super) rule: &'a dyn Fn(&ServiceKey) -> Option<Arc<DestinationRule>>,
}

impl Known<'_> {
    /// The service that a client of `namespace` reaches under `host`; `Err` says whether one exists for others.
    pub(super) fn service(&self, host: &Host, namespace: &Namespace) -> Result<ServiceSummary, Missing> {
        let mut host = host.clone();
        for _ in 0..ALIAS_CHAIN {
            let services = (self.services)(&host);
            let visible = services.iter().filter(|service| service.export_to.allows(namespace));
            let best = visible.min_by_key(|service| (service.key.namespace != *namespace, service.registry));
            match best {
                None if services.is_empty() => return Err(Missing::Unknown),
                None => return Err(Missing::NotVisible),
                Some(service) => match &service.resolution {
                    Resolution::Alias(target) => host = target.clone(),
                    _ => return Ok(service.clone()),
                },
            }
        }
        Err(Missing::Unknown)
    }
}

/// Why there is no service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// No namespace defines it.
    Unknown,
    /// It is not exported to the namespace that asks.
    NotVisible,
}

/// Each destination of a VirtualService with its path, mirrors included.
fn with_paths(service: &VirtualService) -> Vec<(FieldPath, &Destination)> {
    let mut found = Vec::new();
    let list = |name: &'static str, index: usize| FieldPath::spec().field(name).index(index);
    for route in &service.http {
        let path = list("http", route.index);
        if let HttpAction::Route { destinations, .. } = &route.action {
            let to = destinations.iter().map(|weighted| &weighted.destination);
            found.extend(to.map(|to| (path.clone().field("route"), to)));
        }
        let name = if route.mirrors.len() > 1 { "mirrors" } else { "mirror" };
        found.extend(route.mirrors.iter().map(|mirror| (path.clone().field(name), &mirror.destination)));
    }
    let tls = service.tls.iter().map(|route| (list("tls", route.index), &route.destinations));
    let tcp = service.tcp.iter().map(|route| (list("tcp", route.index), &route.destinations));
    for (path, destinations) in tls.chain(tcp) {
        found.extend(destinations.iter().map(|(to, _)| (path.clone().field("route"), to)));
    }
    found
}

/// Findings about the destinations of a VirtualService.
pub(super) fn check(service: &VirtualService, known: &Known<'_>, diagnostics: &mut Diagnostics) {
    let namespace = &service.origin.namespace;
    let by_gateway = service.gateways.iter().any(|place| matches!(place, GatewayRef::Gateway(_)));
    for (path, destination) in with_paths(service) {
        let host = &destination.host;
        let found = match known.service(host, namespace) {
            Ok(found) => found,
            Err(Missing::Unknown) => {
                let message =
                    format!("no service has the host `{host}`; requests for it are answered with 503");
                diagnostics.warn(Code::UnknownHost, path, message);
                continue;
            }
            Err(Missing::NotVisible) => {
                let message = format!("the service `{host}` is not exported to the namespace `{namespace}`");
                diagnostics.warn(Code::NotVisible, path, message);
                continue;
            }
        };
        check_port(destination, &found, by_gateway, &path, diagnostics);
        check_subset(destination, &found, known, path, diagnostics);
    }
}

fn check_port(
    destination: &Destination,
    service: &ServiceSummary,
    by_gateway: bool,
    path: &FieldPath,
    diagnostics: &mut Diagnostics,
) {
    let numbers = || service.ports.iter().map(|port| port.number.to_string()).collect::<Vec<_>>().join(", ");
    match destination.port {
        Some(number) if service.ports.iter().all(|port| port.number != number) => {
            let message = format!("`{}` has no port {number}; it has {}", service.key.host, numbers());
            diagnostics.warn(Code::UnknownPort, path.clone(), message);
        }
        // A sidecar takes the port that the client called; a gateway's port is seldom one of the service's.
        None if by_gateway && service.ports.len() > 1 => {
            let message = format!("`{}` has several ports ({}): name one", service.key.host, numbers());
            diagnostics.warn(Code::AmbiguousPort, path.clone(), message);
        }
        _ => {}
    }
}

fn check_subset(
    destination: &Destination,
    service: &ServiceSummary,
    known: &Known<'_>,
    path: FieldPath,
    diagnostics: &mut Diagnostics,
) {
    let Some(name) = &destination.subset else { return };
    let host = &service.key.host;
    let message = match (known.rule)(&service.key) {
        None => format!("no DestinationRule for `{host}` applies, so it has no subset `{name}`"),
        Some(rule) if rule.subset(name).is_none() => {
            let known: Vec<&str> = rule.subsets.iter().map(|subset| &*subset.name).collect();
            format!(
                "{} defines no subset `{name}` of `{host}`; it defines {}",
                rule.origin,
                if known.is_empty() { "none".into() } else { known.join(", ") }
            )
        }
        Some(_) => return,
    };
    diagnostics.warn(Code::UnknownSubset, path, message);
}
