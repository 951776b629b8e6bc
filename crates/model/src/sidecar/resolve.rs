//! A Sidecar as a whole: egress and ingress listeners, hosts and addresses.

use std::net::{IpAddr, Ipv4Addr};

use fairlead_config::{
    Code, Config, Diagnostics, FieldPath, LabelSet,
    api::{self, SidecarSpec},
    path,
};

use super::{
    Bind, CaptureMode, DefaultEndpoint, EgressHost, EgressListener, EgressNamespace, IngressListener,
    OutboundTrafficPolicy, Sidecar, UNIX,
};
use crate::{Host, Port, Protocol, port::TargetPort};

/// The protocol of a listener that applications use as their HTTP proxy.
const HTTP_PROXY: &str = "HTTP_PROXY";

/// Resolves the names of `config` and drops, with a finding, what is not usable.
pub fn resolve(config: &Config<SidecarSpec>, diagnostics: &mut Diagnostics) -> Sidecar {
    let spec = &config.spec;
    let selector = spec.workload_selector.as_ref().map(|selector| LabelSet::from(&selector.labels));
    let egress = if spec.egress.is_empty() {
        vec![everything()]
    } else {
        let listener = |(index, listener)| egress_listener(index, listener, diagnostics);
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
    EgressListener {
        port: None,
        is_proxy: false,
        bind: None,
        capture: CaptureMode::Default,
        hosts: vec![host],
    }
}

fn egress_listener(
    index: usize,
    spec: &api::IstioEgressListener,
    diagnostics: &mut Diagnostics,
) -> Option<EgressListener> {
    let path = path!("egress"[index]);
    let mut bind = bind(spec.bind.as_deref(), &path, diagnostics).map(|bind| match bind {
        // Either stands for every address that the proxy has.
        Bind::Ip(ip) if ip.is_unspecified() => Bind::Ip(Ipv4Addr::UNSPECIFIED.into()),
        bind => bind,
    });
    let is_unix = matches!(bind, Some(Bind::Unix(_)));
    let port = match &spec.port {
        None => None,
        Some(port) => Some(listener_port(port, is_unix, &path, diagnostics)?),
    };
    if is_unix && port.is_none() {
        let message = "a Unix domain socket needs `port`, which says what is spoken";
        diagnostics.error(Code::BadListener, path.field("bind"), message);
        bind = None;
    }
    let protocol = spec.port.as_ref().and_then(|port| port.protocol.as_deref()).unwrap_or_default();
    let mut hosts = Vec::with_capacity(spec.hosts.len());
    for (at, text) in spec.hosts.iter().enumerate() {
        if let Some(host) = egress_host(text) {
            hosts.push(host);
        } else {
            let message = format!("`{text}` is not of the form namespace/host");
            diagnostics.error(Code::BadHost, path!("egress"[index]."hosts"[at]), message);
        }
    }
    let is_proxy = protocol.eq_ignore_ascii_case(HTTP_PROXY);
    Some(EgressListener { port, is_proxy, bind, capture: capture(spec.capture_mode), hosts })
}

/// `namespace/host`; with `~` before it for hosts that are taken away, where no namespace stands for all. `~/*` takes
/// nothing away: it is what a listener imports that imports nothing.
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

fn ingress_listener(
    index: usize,
    spec: &api::IstioIngressListener,
    diagnostics: &mut Diagnostics,
) -> Option<IngressListener> {
    let path = path!("ingress"[index]);
    let bind = bind(spec.bind.as_deref(), &path, diagnostics);
    let port = listener_port(&spec.port, matches!(bind, Some(Bind::Unix(_))), &path, diagnostics)?;
    let endpoint = spec.default_endpoint.as_deref().filter(|text| !text.is_empty());
    let default_endpoint = endpoint.and_then(|text| {
        let found = default_endpoint(text);
        if found.is_none() {
            let message = format!("`{text}` is no address of the workload");
            diagnostics.error(Code::BadListener, path.field("defaultEndpoint"), message);
        }
        found
    });
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

/// The address of a listener; none where, with a finding, it is no address.
fn bind(text: Option<&str>, path: &FieldPath, diagnostics: &mut Diagnostics) -> Option<Bind> {
    let text = text.filter(|text| !text.is_empty())?;
    let bind = Bind::parse(text);
    if bind.is_none() {
        let message = format!("`{text}` is neither an IP address nor unix:///path");
        diagnostics.error(Code::BadAddress, path.clone().field("bind"), message);
    }
    bind
}

fn capture(mode: Option<api::CaptureMode>) -> CaptureMode {
    match mode.unwrap_or_default() {
        api::CaptureMode::Default => CaptureMode::Default,
        api::CaptureMode::Iptables => CaptureMode::Iptables,
        api::CaptureMode::None => CaptureMode::None,
    }
}
