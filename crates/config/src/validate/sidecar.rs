//! Rules for `Sidecar`.
//!
//! Spec: <https://istio.io/latest/docs/reference/config/networking/sidecar/>

use std::collections::BTreeSet;

use fairlead_api::{CaptureMode, IstioEgressListener, IstioIngressListener, SidecarPort, SidecarSpec};

use crate::{Code, Diagnostics, FieldPath, path, printable::shown, syntax};

use super::{
    address, combinations, connection_pool, destination,
    host::{self, HostForm},
    labels, port,
};

pub(super) fn check(spec: &SidecarSpec, found: &mut Diagnostics) {
    if let Some(selector) = &spec.workload_selector {
        labels::check(&selector.labels, Code::BadSelector, &path!("workloadSelector"."labels"), found);
    }
    let SidecarSpec { ingress, egress, inbound_connection_pool, outbound_traffic_policy, .. } = spec;
    if ingress.is_empty()
        && egress.is_empty()
        && inbound_connection_pool.is_none()
        && outbound_traffic_policy.is_none()
    {
        let text = "the object has no settings";
        found
            .error(Code::EmptyValue, path!(), text)
            .help("write `egress`, `ingress` or `outboundTrafficPolicy`");
    }
    let mut ports = BTreeSet::new();
    for (index, listener) in ingress.iter().enumerate() {
        let path = path!("ingress"[index]);
        check_ingress(listener, &path, found);
        if listener.port.number.is_some_and(|number| !ports.insert(number)) {
            let text = "two ingress listeners have the same port";
            found.error(Code::DuplicatePort, path.field("port"), text).help("remove one");
        }
    }
    combinations::sidecar(spec, found);
    check_egress_listeners(egress, found);
    if let Some(pool) = inbound_connection_pool {
        connection_pool::check(pool, &path!("inboundConnectionPool"), found);
    }
    if let Some(proxy) = outbound_traffic_policy.as_ref().and_then(|policy| policy.egress_proxy.as_ref()) {
        destination::check(proxy, &path!("outboundTrafficPolicy"."egressProxy"), found);
    }
}

fn check_ingress(listener: &IstioIngressListener, path: &FieldPath, found: &mut Diagnostics) {
    let at = |field: &'static str| path.clone().field(field);
    check_port(&listener.port, &at("port"), found);
    if listener.port.number.is_none() {
        found.error(Code::BadPort, at("port"), "the port has no number").help("write port: {number: 80}");
    }
    if let Some(bind) = listener.bind.as_deref().filter(|bind| !bind.is_empty()) {
        address::bind(bind, at("bind"), found);
    }
    if let Some(endpoint) = listener.default_endpoint.as_deref().filter(|endpoint| !endpoint.is_empty()) {
        check_endpoint(endpoint, at("defaultEndpoint"), found);
    }
    if let Some(pool) = &listener.connection_pool {
        connection_pool::check(pool, &at("connectionPool"), found);
    }
}

fn check_endpoint(endpoint: &str, path: FieldPath, found: &mut Diagnostics) {
    if let Some(socket) = endpoint.strip_prefix("unix://") {
        address::socket(socket, path, found);
    } else if !is_local_endpoint(endpoint) {
        let text = format!("`{}` is not an endpoint of the workload itself", shown(endpoint));
        let help = "write 127.0.0.1:port, 0.0.0.0:port, [::1]:port, [::]:port or unix:///path";
        found.error(Code::BadListener, path, text).help(help);
    }
}

fn is_local_endpoint(endpoint: &str) -> bool {
    let Some((address, number)) = endpoint.rsplit_once(':') else { return false };
    matches!(address, "127.0.0.1" | "0.0.0.0" | "[::1]" | "[::]")
        && number.parse::<u16>().is_ok_and(|n| n > 0)
}

fn check_egress_listeners(egress: &[IstioEgressListener], found: &mut Diagnostics) {
    let mut binds = BTreeSet::new();
    for (index, listener) in egress.iter().enumerate() {
        let path = path!("egress"[index]);
        check_egress(listener, &path, found);
        let bind = listener.bind.as_deref().unwrap_or_default();
        // A socket listens at its path alone.
        let number = listener.port.as_ref().and_then(|port| port.number);
        let number = number.filter(|_| !bind.starts_with("unix://"));
        if listener.port.is_none() && index + 1 != egress.len() {
            let text = "the listener without a port is not the last one, but is used as if it were";
            found.warn(Code::BadListener, path.clone(), text).help("move it to the end, or give it a port");
        }
        if listener.port.is_some() && !binds.insert((number, bind)) {
            let text = "two egress listeners have the same port and address";
            found.error(Code::DuplicatePort, path, text).help("merge their hosts");
        }
    }
}

fn check_egress(listener: &IstioEgressListener, path: &FieldPath, found: &mut Diagnostics) {
    let at = |field: &'static str| path.clone().field(field);
    let bind = listener.bind.as_deref().unwrap_or_default();
    let socket = bind.strip_prefix("unix://");
    if let Some(socket) = socket {
        address::socket(socket, at("bind"), found);
        if listener.capture_mode == Some(CaptureMode::Iptables) {
            let text = "packets cannot be redirected to a Unix socket";
            found.error(Code::BadListener, at("captureMode"), text).help("write NONE or DEFAULT");
        }
    } else if !bind.is_empty() {
        address::bind(bind, at("bind"), found);
    }
    match &listener.port {
        // A Unix socket has no port; Istio's documentation has 0 written there.
        Some(port) if socket.is_some() && port.number == Some(0) => {
            check_protocol(port, &at("port"), found);
        }
        Some(port) => {
            check_port(port, &at("port"), found);
            if socket.is_none() && port.number.is_none() {
                found
                    .error(Code::BadPort, at("port"), "the port has no number")
                    .help("write port: {number: 80}");
            }
        }
        None if socket.is_some() => {
            let text = "a Unix socket needs `port`, which has the protocol";
            found.error(Code::BadListener, at("bind"), text).help("write port: {number: 0, protocol: HTTP}");
        }
        None => {}
    }
    if listener.hosts.is_empty() {
        let text = "the listener reaches no host";
        found.error(Code::EmptyValue, at("hosts"), text).help("write [\"./*\"], or [\"~/*\"] for none");
    }
    for (index, text) in listener.hosts.iter().enumerate() {
        check_host(text, &at("hosts").index(index), found);
    }
}

fn check_port(port: &SidecarPort, path: &FieldPath, found: &mut Diagnostics) {
    if let Some(number) = port.number {
        port::number(number, path.clone().field("number"), found);
    }
    check_protocol(port, path, found);
}

fn check_protocol(port: &SidecarPort, path: &FieldPath, found: &mut Diagnostics) {
    if let Some(protocol) = &port.protocol {
        port::protocol(protocol, path.clone().field("protocol"), found);
    }
}

/// Checks `namespace/host`; the namespace may be `*` or `.`. With `~` before it the hosts are excluded, in all
/// namespaces if none is named; `~/*` imports nothing.
fn check_host(text: &str, path: &FieldPath, found: &mut Diagnostics) {
    let Some((namespace, name)) = text.split_once('/') else {
        let message = format!("`{}` has no namespace", shown(text));
        let help = format!("write ./{0} for this namespace or */{0} for any", shown(text));
        found.error(Code::BadHost, path.clone(), message).help(help);
        return;
    };
    let excluded = namespace.strip_prefix('~').unwrap_or(namespace);
    let is_name = !matches!(excluded, "" | "." | "*") || namespace.is_empty();
    if let (true, Err(why)) = (is_name, syntax::label(excluded)) {
        let message = format!("`{}` is not a namespace: {why}", shown(namespace));
        found.error(Code::BadHost, path.clone(), message).help("write `.`, `*`, `~` or a name");
    }
    host::check(name, HostForm::Wildcard, path.clone(), found);
}
