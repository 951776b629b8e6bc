//! [`Context`] of a VirtualService.

use std::{collections::BTreeSet, sync::Arc};

use fairlead_config::{ConfigKey, LabelSet};

use super::{
    destinations::Known,
    repeated::NamesOf,
    rivals::{Asked, L4Claims, SharedHosts},
    written::Written,
};
use crate::{
    Host,
    gateway::{Gateway, ServerRef},
    routes::{GatewayRef, RouteSet},
};

/// What the findings depend on besides the VirtualService.
pub(super) struct Context<'a> {
    /// The object as it is written.
    pub(super) written: Written<'a>,
    pub(super) known: Known<'a>,
    /// A Gateway by key.
    pub(super) gateway: &'a dyn Fn(&ConfigKey) -> Option<Arc<Gateway>>,
    /// The hosts of a place that are claimed more than once.
    pub(super) shared: &'a dyn Fn(&GatewayRef) -> Arc<SharedHosts>,
    /// The TLS and TCP routes of a Gateway that may conflict.
    pub(super) l4_claims: &'a dyn Fn(&GatewayRef) -> Arc<L4Claims>,
    /// The server that terminates TLS for a name on a port, among the Gateways that share proxies with those of a
    /// selector.
    pub(super) terminated: &'a dyn Fn(&LabelSet, u16, &Host) -> Option<ServerRef>,
    /// How many server names there are at a place.
    pub(super) names_at: &'a dyn Fn(NamesOf) -> usize,
    /// A VirtualService by key.
    pub(super) virtual_service: &'a dyn Fn(&ConfigKey) -> Option<Arc<RouteSet>>,
    /// Whether a VirtualService has a route that takes every request.
    pub(super) takes_all: &'a dyn Fn(&ConfigKey) -> bool,
    /// Whether a wildcard covers the host of some service.
    pub(super) covers_service: &'a dyn Fn(&Host) -> bool,
    /// The lengths of the paths in the conditions for a host.
    pub(super) path_lengths: &'a dyn Fn(&Host) -> Arc<BTreeSet<usize>>,
    /// The VirtualServices of a host with a condition on a path.
    pub(super) asking: &'a dyn Fn(&Asked) -> Vec<ConfigKey>,
    /// Whether an object exists but is refused for its errors.
    pub(super) is_refused: &'a dyn Fn(&ConfigKey) -> bool,
    /// A suggestion for a Gateway that does not exist.
    pub(super) near_gateway: &'a dyn Fn(&ConfigKey) -> Option<String>,
}
