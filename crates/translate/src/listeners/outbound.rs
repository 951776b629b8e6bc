//! The listeners of sidecars towards services: which there are, and their filter chains.
//!
//! HTTP services share one listener for each port; TCP services, and those whose protocol is detected, have
//! their own on their address. Mirrors istio pilot/pkg/networking/core/listener.go.

use std::sync::Arc;

use fairlead_incremental::{BasedCollect, Collect, Reader, Stratum};
use fairlead_model::{
    Port, Protocol,
    proxy::{IpFamilies, Source},
    scope::HostBinding,
    sidecar::{Bind, OutboundTrafficPolicy},
    strata,
};
use fairlead_resource::{EncodedResource, ResourceName};
use imbl::OrdSet;
use ipnet::IpNet;

use crate::view::ListenerView;

mod arrive;
mod build;
mod draft;
mod origins;
mod plan;
mod virtual_outbound;

pub use build::OutboundListener;
pub(crate) use origins::origins;
use plan::OutboundListenerPlan;
pub use virtual_outbound::VirtualOutbound;

/// One outbound listener: all that its bytes depend on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutboundListenerKey {
    /// Where it listens.
    pub bind: Bind,
    /// The further addresses of a service with several, where it is alone on them.
    pub more: Arc<[Bind]>,
    /// The port.
    pub port: u16,
    /// Whether it takes connections from the network; if not, `virtualOutbound` hands them over.
    pub bind_to_port: bool,
    /// The families that a listener on every address listens on.
    pub families: IpFamilies,
    /// The route table of HTTP connections, where it takes any, and the protocol that is declared.
    pub http: Option<(Arc<str>, Protocol)>,
    /// Whether routes ask where a request was addressed to.
    pub by_address: bool,
    /// The services that bytes are proxied to, oldest first.
    pub tcp: Arc<[TcpService]>,
    /// What happens with connections that nothing takes.
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
    /// What TCP and TLS routes may ask about the client, where there are any.
    pub source: Option<Source>,
}

/// What tells the connections of a service from those of others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Addressed {
    /// Nothing need: the listener is on an address of the service.
    Own,
    /// The listener is on an address that services share; they may be told apart by where a connection was
    /// addressed to, if to one of these ranges.
    Shared(Arc<[IpNet]>),
    /// The same, of a headless service: each range is a Pod, and nothing else tells its connections apart.
    Pods(Arc<[IpNet]>),
}

impl Addressed {
    fn ranges(&self) -> &[IpNet] {
        match self {
            Self::Own => &[],
            Self::Shared(ranges) | Self::Pods(ranges) => ranges,
        }
    }
}

/// All outbound listeners of a view, by name.
pub struct OutboundListenerSet;

impl Collect for OutboundListenerSet {
    type Key = ListenerView;
    type Member = OutboundListener;
    type OutKey = ResourceName;
    type OutValue = EncodedResource;
    const NAME: &'static str = "outbound_listeners";
    const STRATUM: Stratum = strata::UNION;

    fn members(cx: &Reader<'_>, view: &ListenerView) -> OrdSet<OutboundListenerKey> {
        cx.get::<OutboundListenerPlan>(view).keys.clone()
    }

    fn entries(
        _: &OutboundListenerKey,
        listener: &EncodedResource,
        emit: &mut dyn FnMut(ResourceName, EncodedResource),
    ) {
        emit(listener.name.clone(), listener.clone());
    }
}

impl BasedCollect for OutboundListenerSet {
    const UNION: &'static str = "all_outbound_listeners";
    const OWN: &'static str = "own_outbound_listeners";
    const HIDDEN: &'static str = "hidden_outbound_listeners";

    fn base(view: &ListenerView) -> Option<ListenerView> {
        view.base()
    }
}
