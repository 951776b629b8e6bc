//! A Sidecar as a whole: egress and ingress listeners, hosts and addresses.

use std::net::{IpAddr, Ipv4Addr};

use fairlead_config::{
    Config, LabelSet,
    api::{self, SidecarSpec},
};

use super::{
    Bind, CaptureMode, DefaultEndpoint, EgressHost, EgressListener, EgressNamespace, IngressListener,
    OutboundTrafficPolicy, Sidecar, UNIX,
};
use crate::{Host, Port, Protocol, port::TargetPort};

/// The protocol of a listener that applications use as their HTTP proxy.
const HTTP_PROXY: &str = "HTTP_PROXY";

/// Resolves the names of `config`.
///
/// The specification is valid: `config::validate::sidecar` refuses any other.
pub fn resolve(config: &Config<SidecarSpec>) -> Sidecar {
    let spec = &config.spec;
    let selector = spec.workload_selector.as_ref().map(|selector| LabelSet::from(&selector.labels));
    let egress = if spec.egress.is_empty() {
        vec![everything()]
    } else {
        spec.egress.iter().map(egress_listener).collect()
    };
    Sidecar {
        origin: config.key.clone(),
        created: config.created,
        workload_selector: selector.filter(|labels| !labels.is_empty()),
        egress,
        ingress: spec.ingress.iter().map(ingress_listener).collect(),
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
    EgressListener {
        port: None,
        is_proxy: false,
        bind: None,
        capture: CaptureMode::Default,
        hosts: vec![host],
    }
}

fn egress_listener(spec: &api::IstioEgressListener) -> EgressListener {
    let bind = bind(spec.bind.as_deref()).map(|bind| match bind {
        // Either means every address of the proxy.
        Bind::Ip(ip) if ip.is_unspecified() => Bind::Ip(Ipv4Addr::UNSPECIFIED.into()),
        bind => bind,
    });
    let protocol = spec.port.as_ref().and_then(|port| port.protocol.as_deref()).unwrap_or_default();
    let host = |text: &String| egress_host(text).expect("validation refuses what is not namespace/host");
    EgressListener {
        port: spec.port.as_ref().map(listener_port),
        is_proxy: protocol.eq_ignore_ascii_case(HTTP_PROXY),
        bind,
        capture: capture(spec.capture_mode),
        hosts: spec.hosts.iter().map(host).collect(),
    }
}

/// Parses `namespace/host`, with a leading `~` for exclusions, where an empty namespace means all. `~/*` excludes
/// nothing: it is how a listener imports nothing.
///
/// Mirrors istio pilot/pkg/model/sidecar.go (host exclusions).
fn egress_host(text: &str) -> Option<EgressHost> {
    let (namespace, host) = text.split_once('/').filter(|(_, host)| !host.is_empty())?;
    let (exclude, namespace) = match namespace.strip_prefix('~') {
        Some("") if host == "*" => (false, EgressNamespace::None),
        Some("") => (true, EgressNamespace::Any),
        Some(excluded) => (true, egress_namespace(excluded)?),
        None => (false, egress_namespace(namespace)?),
    };
    Some(EgressHost { namespace, host: Host::new(host), exclude })
}

fn egress_namespace(text: &str) -> Option<EgressNamespace> {
    Some(match text {
        "" => return None,
        "*" => EgressNamespace::Any,
        "." => EgressNamespace::Own,
        name => EgressNamespace::Named(name.into()),
    })
}

fn ingress_listener(spec: &api::IstioIngressListener) -> IngressListener {
    let endpoint = spec.default_endpoint.as_deref().filter(|text| !text.is_empty());
    let address =
        |text| default_endpoint(text).expect("validation refuses what is no address of the workload");
    IngressListener {
        port: listener_port(&spec.port),
        bind: bind(spec.bind.as_deref()),
        capture: capture(spec.capture_mode),
        default_endpoint: endpoint.map(address),
    }
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

/// The port of a listener, which may be 0 for a UNIX domain socket. A missing or unknown protocol is detected.
fn listener_port(spec: &api::SidecarPort) -> Port {
    let number = u16::try_from(spec.number.unwrap_or(0)).expect("validation refuses what is no port");
    Port {
        number,
        name: spec.name.as_deref().unwrap_or_default().into(),
        protocol: spec.protocol.as_deref().and_then(Protocol::parse).unwrap_or(Protocol::Auto),
        target: TargetPort::Number(number),
    }
}

/// The address of a listener.
fn bind(text: Option<&str>) -> Option<Bind> {
    let text = text.filter(|text| !text.is_empty())?;
    Some(Bind::parse(text).expect("validation refuses what is neither an IP address nor a Unix socket"))
}

fn capture(mode: Option<api::CaptureMode>) -> CaptureMode {
    match mode.unwrap_or_default() {
        api::CaptureMode::Default => CaptureMode::Default,
        api::CaptureMode::Iptables => CaptureMode::Iptables,
        api::CaptureMode::None => CaptureMode::None,
    }
}
