//! A Sidecar as a whole: egress and ingress listeners, hosts and addresses.

use std::{net::IpAddr, sync::Arc};

use fairlead_config::{
    Code, Config, Diagnostics, FieldPath, LabelSet, Namespace,
    api::{self, SidecarSpec},
    path,
};

use super::{
    Bind, CaptureMode, DefaultEndpoint, EgressHost, EgressListener, EgressNamespace, IngressListener,
    OutboundTrafficPolicy, Sidecar,
};
use crate::{Host, Port, Protocol, port::TargetPort};

/// What an address that is a UNIX domain socket begins with.
const UNIX: &str = "unix://";

/// Resolves the names of `config` and drops, with a finding, what is not usable.
pub fn resolve(config: &Config<SidecarSpec>, diagnostics: &mut Diagnostics) -> Sidecar {
    let (spec, namespace) = (&config.spec, &config.key.namespace);
    let selector = spec.workload_selector.as_ref().map(|selector| LabelSet::from(&selector.labels));
    let egress = if spec.egress.is_empty() {
        vec![everything()]
    } else {
        let listener = |(index, listener)| egress_listener(index, listener, namespace, diagnostics);
        spec.egress.iter().enumerate().filter_map(listener).collect()
    };
    let listener = |(index, listener)| ingress_listener(index, listener, diagnostics);
    let ingress = spec.ingress.iter().enumerate().filter_map(listener).collect();
    Sidecar {
        origin: config.key.clone(),
        created: config.created,
        workload_selector: selector.filter(|labels| !labels.is_empty()),
        egress,
        ingress,
        outbound_policy: spec.outbound_traffic_policy.as_ref().map(|policy| {
            match policy.mode.unwrap_or_default() {
                api::OutboundTrafficPolicyMode::RegistryOnly => OutboundTrafficPolicy::RegistryOnly,
                api::OutboundTrafficPolicyMode::AllowAny => OutboundTrafficPolicy::AllowAny,
            }
        }),
    }
}

/// The egress listener of a Sidecar that has none.
fn everything() -> EgressListener {
    let host = EgressHost { namespace: EgressNamespace::Any, host: Host::new("*"), exclude: false };
    EgressListener { port: None, bind: None, capture: CaptureMode::Default, hosts: vec![host] }
}

fn egress_listener(
    index: usize,
    spec: &api::IstioEgressListener,
    own: &Namespace,
    diagnostics: &mut Diagnostics,
) -> Option<EgressListener> {
    let path = path!("egress"[index]);
    let bind = bind(spec.bind.as_deref(), &path, diagnostics)?;
    let is_unix = matches!(bind, Some(Bind::Unix(_)));
    let port = match &spec.port {
        None => None,
        Some(port) => Some(listener_port(port, is_unix, &path, diagnostics)?),
    };
    let mut hosts = Vec::with_capacity(spec.hosts.len());
    for (at, text) in spec.hosts.iter().enumerate() {
        if let Some(host) = egress_host(text, own) {
            hosts.push(host);
        } else {
            let message = format!("`{text}` is not of the form namespace/host");
            diagnostics.error(Code::BadHost, path!("egress"[index]."hosts"[at]), message);
        }
    }
    Some(EgressListener { port, bind, capture: capture(spec.capture_mode), hosts })
}

/// `namespace/host`, or `~namespace/host` for hosts that are taken away. `~/…` is nothing.
fn egress_host(text: &str, own: &Namespace) -> Option<EgressHost> {
    let (namespace, host) = text.split_once('/')?;
    let (exclude, namespace) = match namespace.strip_prefix('~') {
        Some(rest) if !rest.is_empty() => (true, rest),
        _ => (false, namespace),
    };
    if host.is_empty() {
        return None;
    }
    let namespace = match namespace {
        "" => return None,
        "~" => EgressNamespace::None,
        "*" => EgressNamespace::Any,
        "." => EgressNamespace::Named(own.clone()),
        name => EgressNamespace::Named(name.into()),
    };
    Some(EgressHost { namespace, host: Host::new(host), exclude })
}

fn ingress_listener(
    index: usize,
    spec: &api::IstioIngressListener,
    diagnostics: &mut Diagnostics,
) -> Option<IngressListener> {
    let path = path!("ingress"[index]);
    let bind = bind(spec.bind.as_deref(), &path, diagnostics)?;
    let port = listener_port(&spec.port, matches!(bind, Some(Bind::Unix(_))), &path, diagnostics)?;
    let endpoint = spec.default_endpoint.as_deref().filter(|text| !text.is_empty());
    let default_endpoint = match endpoint.map(default_endpoint) {
        None => DefaultEndpoint::Loopback(port.number),
        Some(Some(endpoint)) => endpoint,
        Some(None) => {
            let message = format!("`{}` is no address of the workload", endpoint.unwrap_or_default());
            diagnostics.error(Code::BadListener, path.field("defaultEndpoint"), message);
            DefaultEndpoint::Loopback(port.number)
        }
    };
    Some(IngressListener { port, bind, capture: capture(spec.capture_mode), default_endpoint })
}

/// `unix:///path`, or an address that is loopback or unspecified, with a port.
fn default_endpoint(text: &str) -> Option<DefaultEndpoint> {
    if let Some(path) = text.strip_prefix(UNIX) {
        return Some(DefaultEndpoint::Unix(path.into()));
    }
    let (address, port) = text.rsplit_once(':')?;
    let port: u16 = port.parse().ok().filter(|port| *port > 0)?;
    let address: IpAddr = address.trim_start_matches('[').trim_end_matches(']').parse().ok()?;
    Some(match address.to_string().as_str() {
        "127.0.0.1" | "::1" => DefaultEndpoint::Loopback(port),
        "0.0.0.0" | "::" => DefaultEndpoint::Instance(port),
        _ if address.is_loopback() => DefaultEndpoint::Ip(address, port),
        _ => return None,
    })
}

/// The port of a listener; without a protocol, or with an unknown one, the protocol is detected.
fn listener_port(
    spec: &api::SidecarPort,
    is_unix: bool,
    path: &FieldPath,
    diagnostics: &mut Diagnostics,
) -> Option<Port> {
    let number = spec.number.unwrap_or(0);
    let Some(number) = u16::try_from(number).ok().filter(|number| *number > 0 || is_unix) else {
        let message = format!("`{number}` is not a port");
        diagnostics.error(Code::BadPort, path.clone().field("port").field("number"), message);
        return None;
    };
    Some(Port {
        number,
        name: spec.name.as_deref().unwrap_or_default().into(),
        protocol: spec.protocol.as_deref().and_then(Protocol::parse).unwrap_or(Protocol::Auto),
        target: TargetPort::Number(number),
    })
}

/// The address of a listener; the outer `None`, with a finding: it is no address.
#[allow(clippy::option_option)] // "not given" and "not usable" differ
fn bind(text: Option<&str>, path: &FieldPath, diagnostics: &mut Diagnostics) -> Option<Option<Bind>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Some(None) };
    if let Some(path) = text.strip_prefix(UNIX) {
        return Some(Some(Bind::Unix(Arc::from(path))));
    }
    let address = text.trim_start_matches('[').trim_end_matches(']').parse();
    if let Ok(address) = address {
        return Some(Some(Bind::Ip(address)));
    }
    let message = format!("`{text}` is neither an IP address nor unix:///path");
    diagnostics.error(Code::BadAddress, path.clone().field("bind"), message);
    None
}

fn capture(mode: Option<api::CaptureMode>) -> CaptureMode {
    match mode.unwrap_or_default() {
        api::CaptureMode::Default => CaptureMode::Default,
        api::CaptureMode::Iptables => CaptureMode::Iptables,
        api::CaptureMode::None => CaptureMode::None,
    }
}
