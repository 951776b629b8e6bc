//! The keys of outbound listeners.

use std::sync::Arc;

use fairlead_model::{
    Port, Protocol,
    proxy::{ClientAttributes, IpFamilies},
    scope::HostBinding,
    sidecar::{Bind, OutboundTrafficPolicy},
};
use ipnet::IpNet;

/// One outbound listener: everything that its bytes depend on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutboundListenerKey {
    /// Where it listens.
    pub bind: Bind,
    /// The further addresses of a service with several, where it is alone on them.
    pub more: Arc<[Bind]>,
    /// The port.
    pub port: u16,
    /// Whether it accepts connections from the network; if not, `virtualOutbound` hands them over.
    pub bind_to_port: bool,
    /// The families that a listener on every address listens on.
    pub families: IpFamilies,
    /// The route table of HTTP connections, if it accepts any, and the declared protocol.
    pub http: Option<(Arc<str>, Protocol)>,
    /// Whether routes match on the address that a request was sent to.
    pub by_address: bool,
    /// The services that bytes are proxied to, oldest first.
    pub tcp: Arc<[TcpService]>,
    /// What happens to connections that nothing matches.
    pub unknown: OutboundTrafficPolicy,
}

/// A service port whose connections are proxied as bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TcpService {
    /// The host, its service and its route set.
    pub host: HostBinding,
    /// The port and its protocol.
    pub port: Port,
    /// What tells its connections apart.
    pub addressed: Addressed,
    /// The attributes of the client that TCP and TLS routes may match on, where there are any.
    pub source: Option<ClientAttributes>,
}

/// What distinguishes the connections of a service from those of others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Addressed {
    /// The listener is on an address of the service, so nothing needs to.
    Own,
    /// The listener is on an address that services share; the original destination distinguishes them, if it is in one
    /// of these ranges.
    Shared(Arc<[IpNet]>),
    /// The same for a headless service: each range is a Pod, and nothing else distinguishes its connections.
    Pods(Arc<[IpNet]>),
}

impl Addressed {
    pub(super) fn ranges(&self) -> &[IpNet] {
        match self {
            Self::Own => &[],
            Self::Shared(ranges) | Self::Pods(ranges) => ranges,
        }
    }
}
