//! Findings about services that nothing serves, and about ports that lead nowhere.
//!
//! If no workload's address is known, that is reported once and not for each service.

use fairlead_config::{Code, ConfigKey, Diagnostic, Diagnostics, FieldPath, LabelSet, api, path};
use fairlead_incremental::{Query, Reader, Stratum};

use crate::{
    Service,
    endpoints::{KnowsWorkloads, Served, ServedOf},
    input::{All, Services},
    service::{Resolution, ServicesOf},
    strata,
};

/// Maximum number of aliases (`ExternalName`) that are skipped.
const MOST_ALIASES: usize = 64;

/// The finding that no workload's address is known, on the first service.
#[derive(Debug)]
pub(super) struct NothingKnown;

impl Query for NothingKnown {
    type Key = ();
    type Value = Option<Diagnostic>;
    const NAME: &'static str = "that nothing is known of where services run";
    const STRATUM: Stratum = strata::OBJECT_DIAGNOSTICS;

    fn compute(cx: &Reader<'_>, (): &()) -> Self::Value {
        if *cx.get::<KnowsWorkloads>(&()) {
            return None;
        }
        let all = cx.index::<All<Services>>(&());
        let is_unserved =
            |key: &&ConfigKey| (*cx.get::<ServedOf>(key)).as_ref().is_some_and(|served| !served.has_any);
        let first = all.iter().take(MOST_ALIASES).find(is_unserved)?;
        let host = cx.get::<ServicesOf>(first).first()?.key.host.clone();
        let where_from = "no Pod, EndpointSlice or WorkloadEntry is read";
        let message = match all.len() {
            1 => format!(
                "nothing is known of where `{host}` runs: {where_from}; requests for it get a 503 response"
            ),
            many => format!(
                "nothing is known of where any of the {many} Services runs, as `{host}`: {where_from}; requests for them get a 503 response"
            ),
        };
        let mut diagnostics = Diagnostics::on_object(first);
        diagnostics.info(Code::NoEndpoints, FieldPath::root(), message).help(
            "add EndpointSlices, or Pods with `status.podIP`: a Deployment makes Pods in a cluster only",
        );
        diagnostics.into_vec().pop()
    }
}

/// Reports a Kubernetes Service that nothing serves, or some ports of it.
pub(super) fn check(
    service: &Service,
    spec: &api::ServiceSpec,
    served: &Served,
    diagnostics: &mut Diagnostics,
) {
    if served.has_any && !served.without.is_empty() {
        check_ports(spec, served, diagnostics);
        if served.without.len() == service.ports.len() {
            return;
        }
    }
    let is_published = served.has_any && spec.publish_not_ready_addresses;
    if served.has_ready || is_published || service.ports.is_empty() {
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
    diagnostics.warn(Code::NoEndpoints, path, message);
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
        diagnostics.warn(Code::PortMismatch, path, message).help("make names and numbers agree");
    }
}

/// Reports a host of a ServiceEntry that nothing serves.
pub(super) fn check_entry(service: &Service, has_endpoints: bool, diagnostics: &mut Diagnostics) {
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
    diagnostics.warn(Code::NoEndpoints, path!("workloadSelector"), message);
}

fn effect(service: &Service) -> &'static str {
    if service.ports.iter().any(|port| port.protocol.is_tcp()) {
        "requests for it get a 503 response, connections are closed"
    } else {
        "requests for it get a 503 response"
    }
}

/// Formats labels as `kubectl` does.
pub(super) fn text(labels: &LabelSet) -> String {
    let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    labels.join(",")
}
