//! The connections that arrive at one address and port, and the listener that accepts them.

use std::{cmp::Ordering, net::IpAddr, sync::Arc};

use fairlead_model::{
    Host, Protocol, Service,
    mesh::Mesh,
    proxy::RESERVED_PORTS,
    scope::{HostBinding, ScopeHost},
    sidecar::{Bind, OutboundTrafficPolicy},
};

use super::key::{Addressed, OutboundListenerKey, TcpService};
use crate::view::ListenerView;

/// An address and a port.
pub(super) type At = (Bind, u16);

/// The services that arrive at one address and port: a listener in the making.
#[derive(Default)]
pub(super) struct ListenerDraft {
    /// Whether connections were addressed to another destination and redirected.
    pub(super) captured: bool,
    pub(super) http: Option<(Arc<str>, Protocol)>,
    pub(super) tcp: Vec<TcpService>,
    /// The oldest of the hosts that have only HTTP here.
    pub(super) only_http: Option<Host>,
    /// The oldest headless one of these.
    pub(super) headless_http: Option<Host>,
    /// All addresses of the first service whose own address this is.
    pub(super) addresses: Vec<IpAddr>,
}

impl ListenerDraft {
    /// The host that has the address for itself.
    pub(super) fn alone(&self) -> Option<&Host> {
        match self.tcp.as_slice() {
            [only] if only.addressed == Addressed::Own => Some(&only.host.host),
            _ => None,
        }
    }

    /// The further addresses of the listener: those that its service has for itself as well. `None` where this is
    /// one of those, and the listener is on another.
    fn more(&self, (bind, port): &At, is_alone: &dyn Fn(&At, &Host) -> bool) -> Option<Arc<[Bind]>> {
        let Some(host) = self.alone() else { return Some(Arc::default()) };
        let binds = self.addresses.iter().map(|ip| Bind::Ip(*ip));
        if self.addresses.len() < 2 || binds.clone().all(|other| other != *bind) {
            return Some(Arc::default());
        }
        let mut alone = binds.filter(|other| is_alone(&(other.clone(), *port), host));
        (alone.next()? == *bind).then(|| alone.collect())
    }

    /// The key of the listener; `None` where there can be none, or another address has it.
    pub(super) fn key(self, at: &At, context: &PlanContext<'_>) -> Option<OutboundListenerKey> {
        // Envoy rejects a listener without a filter chain.
        if self.http.is_none() && self.tcp.is_empty() {
            return None;
        }
        let more = self.more(at, context.is_alone)?;
        let PlanContext { view, unknown, mesh, .. } = context;
        let (bind, port) = at.clone();
        let any = matches!(bind, Bind::Ip(ip) if ip.is_unspecified());
        if any && (RESERVED_PORTS.contains(&port) || port == mesh.outbound_port || port == mesh.inbound_port)
        {
            return None;
        }
        Some(OutboundListenerKey {
            bind_to_port: !self.captured,
            bind,
            more,
            port,
            families: view.families,
            http: self.http,
            by_address: self.headless_http.is_some(),
            tcp: self.tcp.into(),
            unknown: *unknown,
        })
    }
}

/// What listeners depend on besides their drafts.
pub(super) struct PlanContext<'a> {
    pub(super) view: &'a ListenerView,
    pub(super) unknown: OutboundTrafficPolicy,
    pub(super) mesh: &'a Mesh,
    /// Whether a host has an address and port for itself.
    pub(super) is_alone: &'a dyn Fn(&At, &Host) -> bool,
}

/// A host of a listener that is a service.
pub(super) type ServiceHost<'a> = (&'a HostBinding, &'a Arc<Service>);

pub(super) fn service_host(host: &ScopeHost) -> Option<ServiceHost<'_>> {
    Some((&host.binding, host.service.as_ref()?))
}

/// The order in which services claim connections, of which the first wins: Kubernetes Services before ServiceEntries,
/// whose authors choose addresses freely; then the oldest.
pub(super) fn by_age((_, a): &ServiceHost<'_>, (_, b): &ServiceHost<'_>) -> Ordering {
    a.precedence().cmp(&b.precedence())
}
