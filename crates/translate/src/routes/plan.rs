//! The parts of a plan: tables by name, and the keys of their hosts.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use fairlead_incremental::Distance;
use fairlead_model::{Host, endpoints::PodAddresses, scope::Scope};
use imbl::{OrdMap, OrdSet};

use crate::view::VirtualHostKey;

/// The route tables of a view.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    /// By name.
    pub tables: OrdMap<Arc<str>, Table>,
    /// The inputs of the plan, where they suffice to edit it.
    pub(super) inputs: Option<PlanInputs>,
}

/// Equality ignores the inputs kept for editing.
impl PartialEq for Tables {
    fn eq(&self, other: &Self) -> bool {
        self.tables == other.tables
    }
}

/// One route table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Its virtual hosts, without the catch-all.
    pub hosts: OrdSet<VirtualHostKey>,
    /// What happens to requests for other hosts.
    pub catch_all: CatchAll,
    /// Whether the port of the authority counts: in the table of the explicit proxy, which serves all ports.
    pub by_port: bool,
}

impl Table {
    /// A table of one host, and no catch-all beside it.
    pub fn of_host(host: VirtualHostKey) -> Self {
        Self { hosts: OrdSet::unit(host), catch_all: CatchAll::None, by_port: false }
    }
}

/// What happens to requests for hosts that a table does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CatchAll {
    /// Envoy answers them with 404; also used where some host claims every domain.
    None,
    /// They go to their original destination.
    AllowAny,
    /// They are refused with 502.
    BlockAll,
    /// They are answered with 404 by a virtual host of this name, so that the table has a host.
    NotFound(Arc<str>),
}

/// What the tables of a scope with one listener were planned from.
#[derive(Clone, Debug)]
pub(super) struct PlanInputs {
    pub(super) scope: Arc<Scope>,
    pub(super) pods: PodAddresses,
    pub(super) index: HostIndex,
    /// Their distance from the base's tables, if they were derived from those.
    pub(super) distance: Option<Distance<Host>>,
}

/// Indexes of the hosts of a listener, by what tables depend on.
#[derive(Clone, Debug, Default)]
pub(super) struct HostIndex {
    /// Number of services that share the table of each port.
    pub(super) sharing: BTreeMap<u16, usize>,
    /// The hosts without a service, by the ports in whose tables they may be.
    pub(super) alternatives: OrdSet<(u16, Host)>,
    /// The hosts by their addresses and those of their Pods.
    pub(super) addresses: OrdSet<(IpAddr, Host)>,
}
