//! The part of a match that does not depend on the request: the client, the listener and the Gateway.

use fairlead_config::{ConfigKey, LabelSet, Namespace};

use crate::proxy::ClientAttributes;

/// A place where a route set applies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GatewayRef {
    /// Every sidecar (`mesh`).
    Mesh,
    /// The proxies that a Gateway selects.
    Gateway(ConfigKey),
}

/// The part of a condition that concerns the sender of a request, and the server or listener that it arrives at.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientMatch {
    /// `port` of the listener.
    pub port: Option<u16>,
    /// `sourceLabels` of the client's workload; ignored where `gateways` is given.
    pub source_labels: LabelSet,
    /// `sourceNamespace` of the client.
    pub source_namespace: Option<Namespace>,
    /// `gateways`, narrowing those of the route set; empty: all of them.
    pub gateways: Vec<GatewayRef>,
}

/// The sender of requests, and the server or listener that they arrive at.
#[derive(Clone, Copy, Debug)]
pub struct HttpClient<'a> {
    /// The port of the listener; of a gateway, that of the server.
    pub port: u16,
    /// The mesh or the Gateway; may be `None` if no condition needs it.
    pub place: Option<&'a GatewayRef>,
    /// The client; may be `None` if no condition needs it.
    pub source: Option<&'a ClientAttributes>,
}

impl ClientMatch {
    /// Whether it depends on the client's workload.
    pub fn asks_source(&self) -> bool {
        !self.source_labels.is_empty() || self.source_namespace.is_some()
    }

    /// Whether the condition can hold for a client.
    ///
    /// Mirrors istio pilot/pkg/networking/core/route/route.go (sourceMatchHTTP): `gateways`, if given, is all that
    /// counts.
    pub fn includes(&self, client: &HttpClient<'_>) -> bool {
        if self.port.is_some_and(|port| port != client.port) {
            return false;
        }
        if !self.gateways.is_empty() {
            return client.place.is_some_and(|place| self.gateways.contains(place));
        }
        match client.source {
            Some(source) => {
                source.labels.contains_all(&self.source_labels)
                    && self.source_namespace.as_ref().is_none_or(|name| *name == source.namespace)
            }
            None => !self.asks_source(),
        }
    }
}

/// The HTTP routes of a route set as they apply at one place and port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoutesAt {
    /// The route set.
    pub routes: ConfigKey,
    /// The port that `match.port` compares with, and the default of destination ports.
    pub port: u16,
    /// The mesh or the Gateway that `match.gateways` compares with; `None` if no condition needs it.
    pub place: Option<GatewayRef>,
}
