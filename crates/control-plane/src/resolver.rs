//! Decides which proxies may connect and what each is served: the owner's side of the ADS server.

use std::{
    net::IpAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use fairlead_resource::TypeUrl;
use fairlead_translate::publication::PublicationKey;
use fairlead_xds::{
    AgentVersion, ElementTypes, NackReport, Node, Rejected, SessionOptions,
    server::{Ack, Connection, ConnectionId, Lines, Peer, Resolver, Sessions, client_address},
};
use tonic::Status;

use crate::{
    core::{ConnectError, CoreHandle},
    metrics::Metrics,
    node::{NodeError, proxy_key},
    settings::{MeshSettings, Settings, XdsSettings},
    telemetry,
};

/// First Envoy version with which elements as resources of their own were tested; later ones of 1.x are trusted too.
const ELEMENTS_SINCE: (u32, u32) = (1, 40);

/// Admits proxies and gives them their views.
pub struct MeshResolver {
    core: CoreHandle,
    mesh: MeshSettings,
    elements: ElementTypes,
    metrics: Arc<Metrics>,
    sessions: OnceLock<Sessions>,
    /// Whether the withholding of secrets was logged.
    said: AtomicBool,
}

impl MeshResolver {
    pub(crate) fn new(core: CoreHandle, settings: &Settings, metrics: Arc<Metrics>) -> Self {
        Self {
            core,
            mesh: settings.mesh.clone(),
            elements: element_types(&settings.xds),
            metrics,
            sessions: OnceLock::new(),
            said: AtomicBool::new(false),
        }
    }

    /// Sets the sessions, once there is a server.
    pub(crate) fn watch(&self, sessions: Sessions) {
        // A second server would be a bug in the caller; the first one stays.
        let _ = self.sessions.set(sessions);
    }

    fn options(&self, node: &Node) -> SessionOptions {
        let elements = elements_for(&node.user_agent_name, node.user_agent_version, &self.elements);
        // A listener that waits for a secret keeps all its servers waiting. If the answer is that it does not exist,
        // Envoy refuses handshakes for that one server, and uses the secret once it exists.
        let answer_missing = [(TypeUrl::SECRET, true)].into();
        SessionOptions { elements, answer_missing, ..SessionOptions::default() }
    }
}

/// The elements that are sent as resources of their own, by the settings.
fn element_types(settings: &XdsSettings) -> ElementTypes {
    let of = [
        (TypeUrl::VIRTUAL_HOST, settings.virtual_hosts_as_resources),
        (TypeUrl::FILTER_CHAIN, settings.filter_chains_as_resources),
        (TypeUrl::LB_ENDPOINT, settings.endpoints_as_resources),
    ];
    of.into_iter().filter(|(_, wanted)| *wanted).map(|(element, _)| element).collect()
}

/// Which elements a client is sent as resources of their own: those that are `wanted`, if its version is proven.
fn elements_for(agent: &str, version: Option<AgentVersion>, wanted: &ElementTypes) -> ElementTypes {
    let since =
        |version: AgentVersion| version.major == ELEMENTS_SINCE.0 && version.minor >= ELEMENTS_SINCE.1;
    let proven = agent == "envoy" && version.is_some_and(since);
    if proven { wanted.clone() } else { ElementTypes::new() }
}

/// The key of what a client is served, from its node and peer.
pub(crate) fn publication_key(
    node: &Node,
    peer: &Peer,
    mesh: &MeshSettings,
) -> Result<PublicationKey, NodeError> {
    Ok(PublicationKey { proxy: proxy_key(node, mesh)?, secrets: may_have_secrets(peer) })
}

/// Whether a peer may be sent secrets: only over an encrypted connection, or one within this machine.
fn may_have_secrets(peer: &Peer) -> bool {
    peer.tls || peer.address.is_some_and(|address| is_loopback(address.ip()))
}

/// Whether an address is loopback, including IPv4 addresses mapped to IPv6.
pub(crate) fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

impl Resolver for MeshResolver {
    async fn connect(&self, _id: ConnectionId, node: &Node, peer: &Peer) -> Result<Connection, Status> {
        let key = publication_key(node, peer, &self.mesh).map_err(|error| {
            if peer.lines.admit() {
                telemetry::refused(&node.id, &error);
            }
            Status::invalid_argument(error.to_string())
        })?;
        if !key.secrets && !self.said.swap(true, Ordering::Relaxed) {
            let address = peer.address.map_or_else(|| "unknown".to_owned(), |address| address.to_string());
            telemetry::secrets_withheld(&node.id, &address);
        }
        let client = peer.address.map(|address| client_address(address.ip()));
        let view = self.core.connect(key.clone(), client).await.map_err(|error| match error {
            ConnectError::Gone(_) => Status::unavailable(error.to_string()),
            ConnectError::TooManyViews(_) => {
                if peer.lines.admit() {
                    telemetry::refused(&node.id, &error);
                }
                Status::resource_exhausted(error.to_string())
            }
        })?;
        if peer.lines.admit() {
            telemetry::connected(&node.id, key.proxy.namespace.as_str(), key.secrets);
        }
        let stay = Stay { core: self.core.clone(), key, id: node.id.clone(), lines: peer.lines.clone() };
        Ok(Connection::moving(view, self.options(node), stay))
    }

    fn on_nack(&self, id: ConnectionId, report: &NackReport) {
        let Some(status) = self.sessions.get().and_then(|sessions| sessions.get(id)) else { return };
        // It was admitted with this node and peer, so they have a key.
        let Ok(key) = publication_key(&status.node, &status.peer, &self.mesh) else { return };
        self.core.nack(key, status.node.id.clone(), report.clone());
    }

    fn on_healed(&self, _id: ConnectionId, type_url: TypeUrl, resources: &[Rejected]) {
        self.core.healed(type_url, resources.to_vec());
    }

    fn on_ack(&self, ack: &Ack) {
        let Some(since) = self.core.revisions().since(ack.revision) else { return };
        // What is sent to a client when it connects has waited for the client, so it says nothing about convergence.
        if ack.since <= since {
            self.metrics.accepted(ack.type_url, since.elapsed());
            if ack.in_sync {
                self.metrics.converged(since.elapsed());
            }
        }
    }
}

/// A proxy's stay: its drop releases what it holds of the core.
struct Stay {
    core: CoreHandle,
    key: PublicationKey,
    id: String,
    lines: Lines,
}

impl Drop for Stay {
    fn drop(&mut self) {
        if self.lines.admit() {
            telemetry::disconnected(&self.id);
        }
        self.core.disconnect(self.key.clone());
    }
}

#[cfg(test)]
mod tests;
