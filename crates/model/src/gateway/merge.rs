//! The servers of all Gateways that select a proxy, merged into listeners.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use super::{
    Gateway, GatewayListener, GatewayListenerKind, GatewayServer, MergedGateways, ServerRef, ServerTls,
    is_socket,
};
use crate::{Host, Protocol};

/// What the merge depends on besides the Gateways.
#[derive(Clone, Debug)]
pub struct Ports<'a> {
    /// Target ports of the gateway's Services, by service port, sorted.
    pub targets: &'a [(u16, u16)],
    /// Whether ports below 1024 can be bound.
    pub privileged: bool,
}

/// A server that is left out, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The server that is left out.
    pub server: ServerRef,
    /// The port that both want.
    pub port: u16,
    /// The server that takes precedence.
    pub with: ServerRef,
    /// Why they conflict.
    pub reason: ConflictReason,
}

/// Why two servers cannot share a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConflictReason {
    /// They speak different protocols (plaintext HTTP, TLS or opaque TCP), or both opaque TCP, which only one can.
    Protocol {
        /// What the first server speaks.
        first: GatewayListenerKind,
        /// What the other speaks.
        second: GatewayListenerKind,
    },
    /// Both serve TLS for this host.
    Host(Host),
    /// One listens on every address explicitly, the other by default.
    Address,
}

#[derive(Default)]
struct Listener {
    servers: Vec<(ServerRef, GatewayListenerKind)>,
    tls_hosts: BTreeMap<Host, usize>,
}

/// Merges the servers of `gateways`, oldest first.
///
/// A server without `bind` listens on every address and so conflicts with one bound to `0.0.0.0` or `::`. On one port
/// and address, plaintext HTTP servers share a listener, and so do TLS servers for different hosts; a server that
/// conflicts with an earlier one is left out. Mirrors istio pilot/pkg/model/gateway.go (mergeGateways).
pub fn merge(gateways: &[Arc<Gateway>], ports: &Ports<'_>) -> (MergedGateways, Vec<Conflict>) {
    let mut listeners: BTreeMap<(u16, Option<Arc<str>>), Listener> = BTreeMap::new();
    let mut conflicts = Vec::new();
    for gateway in gateways {
        for server in &gateway.servers {
            let reference = ServerRef { gateway: gateway.origin.clone(), index: server.index };
            let of_socket = is_socket(server.bind.as_deref()).then(|| vec![0]);
            for port in of_socket.unwrap_or_else(|| listener_ports(server.port, ports)) {
                let overlap = overlapping(&listeners, port, server.bind.as_deref());
                let conflict = overlap.or_else(|| {
                    let own = listeners.get(&(port, server.bind.clone()))?;
                    own.conflict(server)
                });
                if let Some((with, reason)) = conflict {
                    conflicts.push(Conflict { server: reference.clone(), port, with, reason });
                } else {
                    let listener = listeners.entry((port, server.bind.clone())).or_default();
                    listener.add(server, reference.clone());
                }
            }
        }
    }
    let listeners = listeners.into_iter().map(|((port, bind), listener)| GatewayListener {
        port,
        bind,
        kind: listener.servers[0].1,
        servers: listener.servers.into_iter().map(|(server, _)| server).collect(),
    });
    (MergedGateways { listeners: listeners.collect() }, conflicts)
}

/// The first server of the port whose different `bind` stands for the same addresses, on which Envoy can listen only
/// once.
fn overlapping(
    listeners: &BTreeMap<(u16, Option<Arc<str>>), Listener>,
    port: u16,
    bind: Option<&str>,
) -> Option<(ServerRef, ConflictReason)> {
    let is_any = |bind: &str| bind.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified());
    if !bind.is_none_or(is_any) {
        return None;
    }
    let of_port = listeners.range((port, None)..).take_while(|((other, _), _)| *other == port);
    let overlaps = |other: Option<&str>| other.is_some() != bind.is_some() && other.is_none_or(is_any);
    let mut others = of_port.filter(|((_, other), _)| overlaps(other.as_deref()));
    let (with, _) = others.find_map(|(_, listener)| listener.servers.first())?;
    Some((with.clone(), ConflictReason::Address))
}

/// The proxy ports that `port` of its Service leads to: the target ports, or `port` itself without a Service.
fn listener_ports(port: u16, ports: &Ports<'_>) -> Vec<u16> {
    let mut targets: Vec<u16> =
        ports.targets.iter().filter(|(from, _)| *from == port).map(|(_, to)| *to).collect();
    if targets.is_empty() {
        targets.push(port);
    }
    targets.retain(|port| ports.privileged || *port >= 1024);
    targets
}

impl Listener {
    fn conflict(&self, server: &GatewayServer) -> Option<(ServerRef, ConflictReason)> {
        let (first, kind) = self.servers.first()?;
        if *kind != server.kind() || *kind == GatewayListenerKind::Tcp {
            let reason = ConflictReason::Protocol { first: *kind, second: server.kind() };
            return Some((first.clone(), reason));
        }
        let taken = |host: &super::ServerHost| Some((*self.tls_hosts.get(&host.host)?, host.host.clone()));
        let (at, host) = server.hosts.iter().find_map(taken)?;
        Some((self.servers[at].0.clone(), ConflictReason::Host(host)))
    }

    fn add(&mut self, server: &GatewayServer, reference: ServerRef) {
        if server.kind() == GatewayListenerKind::Tls {
            let at = self.servers.len();
            self.tls_hosts.extend(server.hosts.iter().map(|host| (host.host.clone(), at)));
        }
        self.servers.push((reference, server.kind()));
    }
}

impl GatewayServer {
    /// What a listener for this server speaks.
    pub fn kind(&self) -> GatewayListenerKind {
        match self.tls {
            ServerTls::HttpsRedirect => GatewayListenerKind::Http,
            ServerTls::None if self.protocol.is_http() => GatewayListenerKind::Http,
            ServerTls::None => GatewayListenerKind::Tcp,
            ServerTls::Passthrough | ServerTls::Terminate(_) => GatewayListenerKind::Tls,
        }
    }

    /// Whether HTTP routes apply: plaintext HTTP, or HTTPS that is terminated.
    pub fn is_http(&self) -> bool {
        self.protocol.is_http()
            || (self.protocol == Protocol::Https && matches!(self.tls, ServerTls::Terminate(_)))
    }
}
