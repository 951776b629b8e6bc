//! Whose requests the routes of a route set are for: what is decided before there is a request.

use std::{collections::BTreeSet, sync::Arc};

use fairlead_config::{ConfigKey, LabelSet, Namespace};

use super::{GatewayRef, HttpRoute};
use crate::proxy::Source;

/// The part of a condition that asks who sends a request, and by which server or listener.
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

/// Who sends requests, and by which server or listener.
#[derive(Clone, Copy, Debug)]
pub struct HttpClient<'a> {
    /// The port of the listener; of a gateway, that of the server.
    pub port: u16,
    /// The mesh or the Gateway; may be `None` where no condition asks.
    pub place: Option<&'a GatewayRef>,
    /// The client; may be `None` where no condition asks.
    pub source: Option<&'a Source>,
}

impl ClientMatch {
    /// Whether it asks about the client's workload.
    pub fn asks_source(&self) -> bool {
        !self.source_labels.is_empty() || self.source_namespace.is_some()
    }

    /// Whether the condition can hold for a client.
    ///
    /// Mirrors istio pilot/pkg/networking/core/route/route.go (sourceMatchHTTP): `gateways`, where given, decides
    /// about the client alone.
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

/// The clients that at least one HTTP route of a route set is for. To the others it says nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpClients {
    /// One of these must hold; `None`: every client.
    any_of: Option<Arc<[ClientMatch]>>,
}

impl HttpClients {
    /// The clients that `routes` are for.
    pub fn of(routes: &[HttpRoute]) -> Self {
        let everybody = ClientMatch::default();
        if routes.iter().any(|r| r.matches.is_empty() || r.matches.iter().any(|m| m.client == everybody)) {
            return Self::all();
        }
        let any_of: BTreeSet<&ClientMatch> =
            routes.iter().flat_map(|route| &route.matches).map(|condition| &condition.client).collect();
        Self { any_of: Some(any_of.into_iter().cloned().collect()) }
    }

    /// Every client.
    pub fn all() -> Self {
        Self { any_of: None }
    }

    /// Whether that is every client.
    pub fn are_all(&self) -> bool {
        self.any_of.is_none()
    }

    /// Whether a client is one of them.
    pub fn include(&self, client: &HttpClient<'_>) -> bool {
        self.any_of.as_ref().is_none_or(|any_of| any_of.iter().any(|condition| condition.includes(client)))
    }
}

/// The HTTP routes of a route set, as one place and port has them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoutesAt {
    /// The route set.
    pub routes: ConfigKey,
    /// The port that `match.port` compares with, and the default of destination ports.
    pub port: u16,
    /// The mesh or the Gateway that `match.gateways` compares with; `None` where no condition asks.
    pub place: Option<GatewayRef>,
}
