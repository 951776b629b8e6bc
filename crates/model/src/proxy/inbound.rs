//! The inbound side of a proxy: from the services of its workload, or from the ingress of its Sidecar.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fairlead_config::ConfigKey;

use super::{InboundListener, Interception, IpFamilies};
use crate::{
    Port, ServiceKey,
    destination_rule::RuleKey,
    sidecar::{Bind, CaptureMode, DefaultEndpoint, IngressListener, Sidecar},
};

/// A service port that leads to the workload.
#[derive(Clone, Debug, PartialEq)]
pub struct ServicePort {
    /// The service.
    pub service: ServiceKey,
    /// Its port.
    pub port: Port,
    /// The port of the workload.
    pub target: u16,
    /// The object that defines the service.
    pub origin: ConfigKey,
    /// The DestinationRule whose connection pool applies.
    pub rule: Option<RuleKey>,
}

/// What the inbound side depends on.
#[derive(Clone, Debug)]
pub struct InboundInputs<'a> {
    /// How traffic reaches the proxy.
    pub interception: Interception,
    /// The families that it listens on.
    pub families: IpFamilies,
    /// Its addresses, sorted.
    pub addresses: &'a [IpAddr],
    /// The Sidecar that applies.
    pub sidecar: Option<&'a Sidecar>,
    /// The services of the workload, oldest first.
    pub services: &'a [ServicePort],
}

/// The inbound listeners of a workload, by port.
///
/// A Sidecar with `ingress` replaces what the services imply. Without interception there is only `ingress`, since the
/// application itself listens on the services' ports. Mirrors istio pilot/pkg/networking/core/listener_inbound.go
/// (buildInboundChainConfigs).
pub fn inbound_listeners(inputs: &InboundInputs<'_>) -> Vec<InboundListener> {
    let listeners = match inputs.sidecar.filter(|sidecar| !sidecar.ingress.is_empty()) {
        Some(sidecar) => ingress(sidecar, inputs),
        None if inputs.interception == Interception::None => Vec::new(),
        None => of_services(inputs.services),
    };
    first_of_each_port(listeners)
}

fn of_services(services: &[ServicePort]) -> Vec<InboundListener> {
    let listener = |service: &ServicePort| InboundListener {
        port: service.target,
        protocol: service.port.protocol,
        service: Some((service.service.host.clone(), service.port.number)),
        origin: service.origin.clone(),
        bind: None,
        endpoint: None,
        rule: service.rule.clone(),
    };
    services.iter().map(listener).collect()
}

fn ingress(sidecar: &Sidecar, inputs: &InboundInputs<'_>) -> Vec<InboundListener> {
    let listener = |ingress: &IngressListener| {
        let binds = ingress.capture == CaptureMode::None
            || (ingress.capture == CaptureMode::Default && inputs.interception == Interception::None)
            || matches!(ingress.bind, Some(Bind::Unix(_)));
        InboundListener {
            port: ingress.port.number,
            protocol: ingress.port.protocol,
            service: None,
            origin: sidecar.origin.clone(),
            bind: binds.then(|| ingress.bind.clone().unwrap_or_else(|| default_bind(inputs))),
            endpoint: if binds {
                Some(own_endpoint(ingress, inputs))
            } else {
                ingress.default_endpoint.clone()
            },
            rule: None,
        }
    };
    sidecar.ingress.iter().map(listener).collect()
}

/// Where the application is behind a listener that binds to its port: there the original destination is the listener
/// itself, so the address is explicit.
fn own_endpoint(ingress: &IngressListener, inputs: &InboundInputs<'_>) -> DefaultEndpoint {
    match &ingress.default_endpoint {
        None => DefaultEndpoint::Loopback(ingress.port.number),
        Some(DefaultEndpoint::Instance(port)) => DefaultEndpoint::Ip(own_address(inputs), *port),
        Some(given) => given.clone(),
    }
}

/// The default bind address of a listener: the instance's own, else loopback.
///
/// Not every address, since the application may listen on the same port of another one.
fn default_bind(inputs: &InboundInputs<'_>) -> Bind {
    Bind::Ip(own_address(inputs))
}

fn own_address(inputs: &InboundInputs<'_>) -> IpAddr {
    let of_family = |v6: bool| inputs.addresses.iter().copied().find(|address| address.is_ipv6() == v6);
    let own = of_family(false).or_else(|| of_family(true));
    own.unwrap_or(match inputs.families {
        IpFamilies::V6 => IpAddr::V6(Ipv6Addr::LOCALHOST),
        IpFamilies::V4 | IpFamilies::Dual => IpAddr::V4(Ipv4Addr::LOCALHOST),
    })
}

/// The first listener of each port (and of each UNIX domain socket), by port.
fn first_of_each_port(listeners: Vec<InboundListener>) -> Vec<InboundListener> {
    let mut kept: Vec<InboundListener> = Vec::with_capacity(listeners.len());
    let is_unix = |listener: &InboundListener| matches!(listener.bind, Some(Bind::Unix(_)));
    for listener in listeners {
        let same = |other: &InboundListener| match (is_unix(other), is_unix(&listener)) {
            (true, true) => other.bind == listener.bind,
            (false, false) => other.port == listener.port,
            _ => false,
        };
        if !kept.iter().any(same) {
            kept.push(listener);
        }
    }
    kept.sort_by(|a, b| (a.port, &a.bind).cmp(&(b.port, &b.bind)));
    kept
}

impl DefaultEndpoint {
    /// The port of the application; `None` for a UNIX domain socket.
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Loopback(port) | Self::Instance(port) | Self::Ip(_, port) => Some(*port),
            Self::Unix(_) => None,
        }
    }
}
