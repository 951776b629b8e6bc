//! Resolves `Sidecar`.
//!
//! Reads: Sidecar · Produces: [`Sidecar`], [`EgressListener`], [`IngressListener`]
//! Consumed by: [`crate::scope`], [`crate::proxy`]
//! Spec: <https://istio.io/latest/docs/reference/config/networking/sidecar/>

//! Differs from Istio: `ingress[].tls` and the connection pools of a Sidecar are ignored.

mod resolve;
mod select;

use std::{net::IpAddr, sync::Arc};

use fairlead_config::{ConfigKey, LabelSet, Namespace, Timestamp};

use crate::{Host, Port};

pub use resolve::resolve;
pub use select::{ResolvedSidecar, SidecarHeader, SidecarHeaderOf, SidecarsIn, WrittenSidecar, select};

/// Prefix of an address that is a UNIX domain socket.
pub(crate) const UNIX: &str = "unix://";

/// A Sidecar, resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Sidecar {
    /// The object.
    pub origin: ConfigKey,
    /// Its creation time: the oldest wins.
    pub created: Option<Timestamp>,
    /// The workloads that it applies to; `None`: the whole namespace (or mesh, in the root namespace).
    pub workload_selector: Option<LabelSet>,
    /// Egress listeners; a Sidecar without `egress` has one that sees everything.
    pub egress: Vec<EgressListener>,
    /// Ingress listeners; empty: those that the workload's services imply.
    pub ingress: Vec<IngressListener>,
    /// `outboundTrafficPolicy.mode`; `None`: the mesh's.
    pub outbound_policy: Option<OutboundTrafficPolicy>,
}

impl Bind {
    /// Parses `unix:///path`, `unix://@name` or an IP address.
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix(UNIX) {
            Some(path) => Some(Self::Unix(path.into())),
            None => text.trim_start_matches('[').trim_end_matches(']').parse().ok().map(Self::Ip),
        }
    }
}

impl Sidecar {
    /// Merges the hosts of listeners without a port into the first of them: there should be only one.
    #[must_use]
    pub fn with_one_implied_listener(mut self) -> Self {
        let mut egress: Vec<EgressListener> = Vec::with_capacity(self.egress.len());
        for listener in self.egress {
            let same = |other: &&mut EgressListener| {
                let is_implied = other.port.is_none() && listener.port.is_none();
                is_implied && (&other.bind, other.capture) == (&listener.bind, listener.capture)
            };
            match egress.iter_mut().find(same) {
                Some(first) => first.hosts.extend(listener.hosts),
                None => egress.push(listener),
            }
        }
        self.egress = egress;
        self
    }
}

/// One `egress[]` item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EgressListener {
    /// The port and protocol of an explicit listener; `None`: the ports of the services.
    pub port: Option<Port>,
    /// Whether applications use it as their HTTP proxy (protocol `HTTP_PROXY`): then it serves every HTTP port of
    /// its services.
    pub is_proxy: bool,
    /// The address of the listener; `None`: as the capture mode has it.
    pub bind: Option<Bind>,
    /// `captureMode`.
    pub capture: CaptureMode,
    /// Which services are seen.
    pub hosts: Vec<EgressHost>,
}

/// Where a listener listens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bind {
    /// An address.
    Ip(IpAddr),
    /// A UNIX domain socket.
    Unix(Arc<str>),
}

/// One `egress[].hosts[]` item, `<namespace>/<host>`. An exclusion wins over any import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EgressHost {
    /// Which namespaces' services.
    pub namespace: EgressNamespace,
    /// Which hosts.
    pub host: Host,
    /// Whether the hosts are excluded (`~ns/host`, and `~/host` for every namespace).
    pub exclude: bool,
}

/// The namespace part of an egress host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EgressNamespace {
    /// `*`.
    Any,
    /// `.`: the namespace of the workload, which is not that of a Sidecar in the root namespace.
    Own,
    /// A namespace.
    Named(Namespace),
    /// `~/*`.
    None,
}

/// `captureMode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CaptureMode {
    /// The proxy's own.
    #[default]
    Default,
    /// Redirected by the kernel.
    Iptables,
    /// Not captured: the listener binds to its port.
    None,
}

/// One `ingress[]` item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IngressListener {
    /// The port and its protocol.
    pub port: Port,
    /// The address of the listener; `None`: as the capture mode has it.
    pub bind: Option<Bind>,
    /// `captureMode`.
    pub capture: CaptureMode,
    /// Where the application listens; `None`: where connections were addressed to.
    pub default_endpoint: Option<DefaultEndpoint>,
}

/// `defaultEndpoint`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DefaultEndpoint {
    /// `127.0.0.1:PORT` (or `[::1]:PORT`).
    Loopback(u16),
    /// `0.0.0.0:PORT` (or `[::]:PORT`): the proxy's own address.
    Instance(u16),
    /// Another loopback address, where a workload without a network of its own has one.
    Ip(IpAddr, u16),
    /// `unix:///path`.
    Unix(Arc<str>),
}

/// What happens to traffic to unknown hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutboundTrafficPolicy {
    /// It goes to where it was addressed (`ALLOW_ANY`).
    AllowAny,
    /// It is refused (`REGISTRY_ONLY`).
    RegistryOnly,
}

#[cfg(test)]
mod tests;
