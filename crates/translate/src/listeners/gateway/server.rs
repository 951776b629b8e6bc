//! A server of a gateway, with everything that its filter chains depend on.

use std::{sync::Arc, time::Duration};

use fairlead_model::{
    gateway::{Gateway, GatewayListener, GatewayServer, ServerRef},
    mesh::Mesh,
    proxy::ClientAttributes,
    routes::GatewayRef,
};

use super::bound::BoundRouteSet;
use crate::{
    listeners::tcp::{L4Client, L4Routes},
    names,
};

/// Time limit for the TLS handshake (Istio's default).
pub(super) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(15);

/// A server and the route sets whose TCP and TLS routes apply to it.
pub(super) struct ServerInputs<'s> {
    /// The server, as a slice of one.
    pub(super) reference: &'s [ServerRef],
    pub(super) gateway: Arc<Gateway>,
    /// The same, as route sets name it.
    pub(super) gateways: [GatewayRef; 1],
    pub(super) server: GatewayServer,
    pub(super) bound: Vec<BoundRouteSet>,
    pub(super) source: &'s ClientAttributes,
}

impl ServerInputs<'_> {
    pub(super) fn routes<'a>(&'a self, bound: &'a BoundRouteSet, mesh: &'a Mesh) -> L4Routes<'a> {
        L4Routes {
            set: &bound.routes,
            destinations: &bound.destinations,
            client: L4Client { port: self.server.port, gateways: &self.gateways, source: self.source },
            mesh,
        }
    }
}

/// The prefix of the statistics of servers without a name.
pub(super) fn stat_prefix(key: &GatewayListener) -> String {
    format!("outbound_{}", names::listener(key.bind.as_deref().unwrap_or("0.0.0.0"), key.port))
}
