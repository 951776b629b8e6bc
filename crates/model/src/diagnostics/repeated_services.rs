//! Findings about hosts that several objects define.

use std::sync::Arc;

use fairlead_config::{Code, Diagnostics, FieldPath, Severity};

use crate::{
    Service, age,
    registry::ServiceSummary,
    service::{Registry, Visibility},
    service_entry::{adds_endpoints, can_merge},
};

/// Reports that another service of the same host takes precedence. `definitions` are those of its namespace in order,
/// `elsewhere` those of other namespaces.
pub(super) fn check(
    service: &Service,
    definitions: &[Arc<Service>],
    elsewhere: &[ServiceSummary],
    path: &FieldPath,
    diagnostics: &mut Diagnostics,
) {
    let host = &service.key.host;
    if let Some(first) = definitions.first().filter(|first| first.origin != service.origin) {
        let reason = reason(first, service);
        if can_merge(first, service) {
            let message = format!(
                "{} {reason} and defines `{host}` as well; what it lacks is taken from here",
                first.origin
            );
            diagnostics.info(Code::DuplicateService, path.clone(), message);
        } else if adds_endpoints(first, service) {
            let message = format!(
                "{} {reason} and defines `{host}`; only the endpoints are taken from here",
                first.origin
            );
            diagnostics.info(Code::DuplicateService, path.clone(), message);
        } else {
            let message = format!(
                "{} {reason} and defines `{host}` differently; this one is not used for it",
                first.origin
            );
            diagnostics
                .warn(Code::DuplicateService, path.clone(), message)
                .help("remove one, or change the host");
        }
        return;
    }
    // Clients of a third namespace use only one of the public definitions.
    if service.export_to != Visibility::Public {
        return;
    }
    let rank = |registry, namespace| (registry, namespace);
    let own = rank(service.registry, &service.key.namespace);
    let public = elsewhere.iter().filter(|other| other.export_to == Visibility::Public);
    let before = public.filter(|other| rank(other.registry, &other.key.namespace) < own);
    if let Some(first) = before.min_by_key(|other| rank(other.registry, &other.key.namespace)) {
        let (what, reason) = match first.registry {
            Registry::Kubernetes => ("Service", "is a Kubernetes Service, which comes first"),
            Registry::External => ("ServiceEntry", "comes first by the name of its namespace"),
        };
        let message = format!(
            "a {what} of namespace `{}` defines `{host}` as well and {reason}; clients outside of namespace `{}` use that one",
            first.key.namespace, service.key.namespace
        );
        // Equal definitions of a host do no harm.
        let same = first.resolution == service.resolution && *first.ports == service.ports[..];
        let severity = if same { Severity::Info } else { Severity::Warning };
        let finding = diagnostics.add(severity, Code::DuplicateService, path.clone(), message);
        finding.help("remove one, or keep each to its namespace with `exportTo: [.]`");
    }
}

fn reason(first: &Service, service: &Service) -> &'static str {
    match (first.registry, service.registry) {
        (Registry::Kubernetes, Registry::External) => "is a Kubernetes Service, which comes first,",
        _ => age::reason(first.created, service.created),
    }
}
