//! Findings about the hosts, subsets and ports of destinations.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use fairlead_config::{Code, Diagnostics, FieldPath, Namespace};

use super::written::{Written, WrittenDestination};
use crate::{
    Host, ServiceKey,
    destination_rule::DestinationRule,
    registry::ServiceSummary,
    routes::{Destination, GatewayRef, RouteSet},
    service::Resolution,
};

/// Maximum length of a chain of aliases.
const ALIAS_CHAIN: usize = 8;

/// What is known of hosts and of the rules for their services.
pub(super) struct Known<'a> {
    /// The services of a host, in every namespace.
    pub(super) services: &'a dyn Fn(&Host) -> Arc<[ServiceSummary]>,
    /// The rule that a client in the object's namespace has for a service.
    pub(super) rule: &'a dyn Fn(&ServiceKey) -> Option<Arc<DestinationRule>>,
    /// What to do about a host that no service has, given the host and its text in the object.
    pub(super) unknown_host: &'a dyn Fn(&Host, &str) -> Option<String>,
}

impl Known<'_> {
    /// The service that a client in `namespace` reaches at `host`.
    pub(super) fn service(&self, host: &Host, namespace: &Namespace) -> Result<ServiceSummary, Missing> {
        let asked = host;
        let mut host = host.clone();
        for _ in 0..ALIAS_CHAIN {
            let services = (self.services)(&host);
            let visible = services.iter().filter(|service| service.export_to.allows(namespace));
            let best = visible.min_by_key(|service| (service.key.namespace != *namespace, service.registry));
            match best {
                None if !services.is_empty() => {
                    return Err(Missing::NotVisible(services[0].key.namespace.clone()));
                }
                None if host == *asked => return Err(Missing::Unknown),
                None => return Err(Missing::Target(host)),
                Some(service) => match &service.resolution {
                    Resolution::Alias(target) => host = target.clone(),
                    _ => return Ok(service.clone()),
                },
            }
        }
        Err(Missing::Unknown)
    }

    /// The code, message and help for a host, `text` in the object, that leads a client of `namespace` to no service.
    pub(super) fn explain(
        &self,
        missing: &Missing,
        (host, text): (&Host, &str),
        namespace: &Namespace,
    ) -> (Code, String, Option<String>) {
        match missing {
            Missing::Unknown => (
                Code::UnknownHost,
                format!("no service has the host `{host}`"),
                (self.unknown_host)(host, text),
            ),
            Missing::Target(target) => (
                Code::UnknownHost,
                format!("`{host}` is an alias of `{target}`, and no service has that host"),
                None,
            ),
            Missing::NotVisible(of) => (
                Code::NotVisible,
                format!("the service `{host}` is not exported to the namespace `{namespace}`"),
                Some(format!("its `exportTo`, in namespace `{of}`, would have to name `{namespace}`")),
            ),
        }
    }
}

/// Why there is no service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// No namespace defines it.
    Unknown,
    /// It is an alias of this host, which no namespace defines.
    Target(Host),
    /// It is not exported to the namespace that asks, but there is one in this namespace.
    NotVisible(Namespace),
}

/// Findings about the destinations of a VirtualService.
///
/// Each finding about a host, a subset or a port is reported once, at the first of the routes that name it.
pub(super) fn check(
    written: &Written<'_>,
    routes: &RouteSet,
    known: &Known<'_>,
    diagnostics: &mut Diagnostics,
) {
    let by_gateway = routes.gateways.iter().any(|place| matches!(place, GatewayRef::Gateway(_)));
    let mut found: BTreeMap<(Code, String), Found> = BTreeMap::new();
    for place in written.destinations(routes) {
        for mut finding in judge(&place, routes, by_gateway, known) {
            match found.entry((finding.code, finding.message.clone())) {
                Entry::Occupied(mut first) => first.get_mut().paths.append(&mut finding.paths),
                Entry::Vacant(vacant) => drop(vacant.insert(finding)),
            }
        }
    }
    for Found { code, paths, message, help } in found.into_values() {
        let finding = diagnostics.warn(code, paths[0].clone(), message + &also_at(&paths[1..]));
        if let Some(help) = help {
            finding.help(help);
        }
    }
}

/// What is wrong with a destination, and where it is named.
struct Found {
    code: Code,
    paths: Vec<FieldPath>,
    message: String,
    help: Option<String>,
}

/// The other places with the same finding, as text.
fn also_at(paths: &[FieldPath]) -> String {
    match paths {
        [] => String::new(),
        [one] => format!(" (also at {one})"),
        [next, _] => format!(" (also at {next} and one more place)"),
        [next, rest @ ..] => format!(" (also at {next} and {} more places)", rest.len()),
    }
}

fn judge(
    place: &WrittenDestination<'_>,
    routes: &RouteSet,
    by_gateway: bool,
    known: &Known<'_>,
) -> Vec<Found> {
    let (destination, namespace) = (&place.destination, &routes.origin.namespace);
    match known.service(&destination.host, namespace) {
        Ok(found) => {
            let port = check_port(destination, &found, by_gateway);
            let subset = check_subset(destination, &found, known);
            let port = port.map(|(code, field, message)| Found {
                code,
                paths: vec![field.into_iter().fold(place.path.clone(), FieldPath::field)],
                message,
                help: None,
            });
            let subset = subset.map(|message| Found {
                code: Code::UnknownSubset,
                paths: vec![place.path.clone().field("subset")],
                message,
                help: None,
            });
            port.into_iter().chain(subset).collect()
        }
        Err(missing) => {
            let host = (&destination.host, place.host);
            let (code, reason, help) = known.explain(&missing, host, namespace);
            let effect = if place.is_http {
                "requests for it are answered with 503"
            } else {
                "connections to it are closed"
            };
            let paths = vec![place.path.clone().field("host")];
            vec![Found { code, paths, message: format!("{reason}; {effect}"), help }]
        }
    }
}

/// The finding about the port, with the path to its field.
fn check_port(
    destination: &Destination,
    service: &ServiceSummary,
    by_gateway: bool,
) -> Option<(Code, Vec<&'static str>, String)> {
    let numbers = || service.ports.iter().map(|port| port.number.to_string()).collect::<Vec<_>>().join(", ");
    match destination.port {
        Some(number) if service.ports.iter().all(|port| port.number != number) => {
            let message = format!("`{}` has no port {number}; it has {}", service.key.host, numbers());
            Some((Code::UnknownPort, vec!["port", "number"], message))
        }
        // A sidecar falls back to the port that the client called; a gateway's port is seldom one of the service's.
        None if by_gateway && service.ports.len() > 1 => {
            let message = format!("`{}` has several ports ({}): name one", service.key.host, numbers());
            Some((Code::AmbiguousPort, Vec::new(), message))
        }
        _ => None,
    }
}

fn check_subset(destination: &Destination, service: &ServiceSummary, known: &Known<'_>) -> Option<String> {
    let name = destination.subset.as_ref()?;
    let host = &service.key.host;
    match (known.rule)(&service.key) {
        None => Some(format!("no DestinationRule for `{host}` applies, so it has no subset `{name}`")),
        Some(rule) if rule.subset(name).is_none() => {
            let known: Vec<&str> = rule.subsets.iter().map(|subset| &*subset.name).collect();
            Some(format!(
                "{} defines no subset `{name}` of `{host}`; it defines {}",
                rule.origin,
                if known.is_empty() { "none".into() } else { known.join(", ") }
            ))
        }
        Some(_) => None,
    }
}
