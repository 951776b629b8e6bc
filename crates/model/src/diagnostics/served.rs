//! Findings about services that nothing serves, and about ports that lead nowhere.

use fairlead_config::{Code, Diagnostics, FieldPath, LabelSet, Severity, api, path};

use crate::{Service, endpoints::Served, service::Resolution};

/// Where it is not known of any workload where it runs, it is no news that nothing is known to serve a service.
fn severity(knows_workloads: bool) -> Severity {
    if knows_workloads { Severity::Warning } else { Severity::Info }
}

/// Reports a Kubernetes Service that nothing serves, or some ports of it.
pub(super) fn check(
    service: &Service,
    spec: &api::ServiceSpec,
    served: &Served,
    knows_workloads: &dyn Fn() -> bool,
    diagnostics: &mut Diagnostics,
) {
    if served.has_any && !served.without.is_empty() {
        check_ports(spec, served, diagnostics);
        if served.without.len() == service.ports.len() {
            return;
        }
    }
    if served.has_ready || service.ports.is_empty() {
        return;
    }
    let (path, reason) = match &service.selector {
        _ if served.has_any => (FieldPath::root(), "none of its endpoints is ready".to_owned()),
        _ if served.is_listed => (FieldPath::root(), "its EndpointSlices list no endpoint".to_owned()),
        Some(selector) => {
            (path!("selector"), format!("no Pod of its namespace has the labels {}", text(selector)))
        }
        None => (path!(), "it has no selector, no EndpointSlice and no Endpoints".to_owned()),
    };
    let message = format!("nothing serves `{}`: {reason}; {}", service.key.host, effect(service));
    diagnostics.add(severity(knows_workloads()), Code::NoEndpoints, path, message);
}

fn check_ports(spec: &api::ServiceSpec, served: &Served, diagnostics: &mut Diagnostics) {
    for number in &served.without {
        let Some(index) = spec.ports.iter().position(|port| port.port == u32::from(*number)) else {
            continue;
        };
        let port = &spec.ports[index];
        let names: Vec<String> = served.names.iter().map(|name| format!("`{name}`")).collect();
        let there = if names.is_empty() { "none with a name".to_owned() } else { names.join(", ") };
        let (path, message) = match (&port.target_port, served.is_listed) {
            (Some(api::IntOrString::String(target)), false) => (
                path!("ports"[index]."targetPort"),
                format!("no container of its Pods has a port named `{target}`; they have {there}"),
            ),
            _ => (
                path!("ports"[index]),
                format!(
                    "its EndpointSlices have no port named `{}`; they have {there}",
                    port.name.as_deref().unwrap_or_default()
                ),
            ),
        };
        let message = format!("{message}; port {number} leads nowhere");
        diagnostics.warn(Code::PortMismatch, path, message).help("let names and numbers agree");
    }
}

/// Reports a host of a ServiceEntry that nothing serves.
pub(super) fn check_entry(
    service: &Service,
    has_endpoints: bool,
    knows_workloads: &dyn Fn() -> bool,
    diagnostics: &mut Diagnostics,
) {
    let Some(selector) = service.selector.as_ref().filter(|_| !has_endpoints) else { return };
    if service.ports.is_empty() || !matches!(service.resolution, Resolution::Registry) {
        return;
    }
    let message = format!(
        "nothing serves `{}`: no WorkloadEntry and no Pod of its namespace has the labels {}; {}",
        service.key.host,
        text(selector),
        effect(service)
    );
    diagnostics.add(severity(knows_workloads()), Code::NoEndpoints, path!("workloadSelector"), message);
}

fn effect(service: &Service) -> &'static str {
    if service.ports.iter().any(|port| port.protocol.is_tcp()) {
        "requests for it get a 503 response, connections are closed"
    } else {
        "requests for it get a 503 response"
    }
}

/// Labels as `kubectl` writes them.
pub(super) fn text(labels: &LabelSet) -> String {
    let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    labels.join(",")
}
