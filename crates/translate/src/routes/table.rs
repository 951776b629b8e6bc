//! A route table, assembled from its hosts.

use std::sync::Arc;

use fairlead_envoy::fragment;
use fairlead_incremental::{
    Based, BasedCollect, BasedKey, Collect, EditFrom, Query, Reader, Stratum, UnionOf,
};
use fairlead_model::strata;
use fairlead_resource::{EncodedResource, ResourceName};
use imbl::OrdSet;

use super::{
    gateway::{GatewayTablesOf, GatewayView},
    outbound::OutboundTablesOf,
    plan::{CatchAll, Table, Tables},
    virtual_host::VirtualHostOf,
};
use crate::{
    derived::Derived,
    view::{RouteView, VirtualHostKey},
};

/// A route table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TableKey {
    /// Of a view, by its name.
    OfView(TablesKey, Arc<str>),
    /// A table of this host only: views share it, and need not look up its plan.
    OfHost(Arc<VirtualHostKey>),
}

impl TableKey {
    fn of(view: &TablesKey, name: &Arc<str>, table: &Table) -> Self {
        match table.hosts.get_min() {
            Some(host) if *table == Table::of_host(host.clone()) => Self::OfHost(Arc::new(host.clone())),
            _ => Self::OfView(view.clone(), name.clone()),
        }
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        match self {
            Self::OfView(_, name) => name,
            Self::OfHost(host) => &host.table,
        }
    }
}

/// The base of a table is that of the same name in the base of its view.
impl BasedKey for TableKey {
    fn base(&self) -> Option<Self> {
        match self {
            Self::OfView(view, name) => Some(Self::OfView(view.base()?, name.clone())),
            Self::OfHost(_) => None,
        }
    }
}

/// All route tables of a view.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TablesKey {
    /// Of sidecars.
    Sidecar(RouteView),
    /// Of gateways.
    Gateway(GatewayView),
}

impl BasedKey for TablesKey {
    fn base(&self) -> Option<Self> {
        match self {
            Self::Sidecar(view) => view.base().map(Self::Sidecar),
            Self::Gateway(_) => None,
        }
    }
}

impl TablesKey {
    fn plan(&self, cx: &Reader<'_>) -> Arc<Tables> {
        match self {
            Self::Sidecar(view) => (*cx.get::<OutboundTablesOf>(view)).clone(),
            Self::Gateway(view) => (*cx.get::<GatewayTablesOf>(view)).clone(),
        }
    }
}

/// The plan of one table; changes of other tables stop here.
struct PlannedTable;

impl Query for PlannedTable {
    type Key = TableKey;
    type Value = Option<Table>;
    const NAME: &'static str = "planned_table";
    const STRATUM: Stratum = Stratum(strata::PLAN.0 + 1);

    fn compute(cx: &Reader<'_>, key: &TableKey) -> Self::Value {
        match key {
            TableKey::OfView(view, name) => view.plan(cx).tables.get(name).cloned(),
            TableKey::OfHost(host) => Some(Table::of_host((**host).clone())),
        }
    }
}

/// The hosts of a table as a set of resources, from which differences of revisions are taken.
struct TableChildren;

impl Collect for TableChildren {
    type Key = TableKey;
    type Member = VirtualHostOf;
    type OutKey = ResourceName;
    type OutValue = EncodedResource;
    const NAME: &'static str = "table_children";
    const STRATUM: Stratum = strata::ELEMENTS;

    fn members(cx: &Reader<'_>, key: &TableKey) -> OrdSet<VirtualHostKey> {
        hosts_of(cx, key)
    }

    fn entries(
        _: &VirtualHostKey,
        host: &EncodedResource,
    ) -> impl IntoIterator<Item = (ResourceName, EncodedResource)> {
        [host.named()]
    }
}

/// The hosts of a table, without the catch-all.
pub(crate) fn hosts_of(cx: &Reader<'_>, key: &TableKey) -> OrdSet<VirtualHostKey> {
    cx.get::<PlannedTable>(key).as_ref().as_ref().map(|table| table.hosts.clone()).unwrap_or_default()
}

impl BasedCollect for TableChildren {
    const UNION: &'static str = "all_table_children";
    const OWN: &'static str = "own_table_children";
    const HIDDEN: &'static str = "hidden_table_children";
}

/// A route table, encoded in both forms: whole, and as a parent with its hosts as children.
pub struct RouteTable;

impl Query for RouteTable {
    type Key = TableKey;
    type Value = Option<EncodedResource>;
    const NAME: &'static str = "route_table";
    const STRATUM: Stratum = strata::PARENT;

    fn compute(cx: &Reader<'_>, key: &TableKey) -> Self::Value {
        let planned = cx.get::<PlannedTable>(key);
        let planned = planned.as_ref().as_ref()?;
        let catch_all = match &planned.catch_all {
            CatchAll::None => None,
            CatchAll::AllowAny => Some(fixed::allow_any()),
            CatchAll::BlockAll => Some(fixed::block_all()),
            CatchAll::NotFound(name) => Some(fixed::blackhole(name)),
        };
        let hosts = cx.get::<UnionOf<TableChildren>>(key).entries().clone();
        let head = fixed::head(planned.by_port);
        Some(fragment::route_table(key.name(), &head, catch_all.as_ref(), hosts))
    }
}

/// The members of [`RouteTables`].
struct TableNames;

impl Based for TableNames {
    type Key = TablesKey;
    type Value = Derived<Arc<str>, Table, TableKey>;
    const NAME: &'static str = "table_names";
    const BASE_NAME: &'static str = "base_table_names";
    const STRATUM: Stratum = Stratum(strata::PLAN.0 + 2);

    fn edit(cx: &Reader<'_>, view: &TablesKey, from: EditFrom<'_, Self::Value>) -> Self::Value {
        // A table that is the same in the base has the base's key.
        let base_view = view.base().unwrap_or_else(|| view.clone());
        let key = |name: &Arc<str>, table: &Table| TableKey::of(view, name, table);
        let of_base = |name: &Arc<str>, table: &Table| TableKey::of(&base_view, name, table);
        Derived::new(from, &view.plan(cx).tables, key, of_base)
    }
}

/// All route tables of a view, by name.
pub struct RouteTables;

impl Collect for RouteTables {
    type Key = TablesKey;
    type Member = RouteTable;
    type OutKey = ResourceName;
    type OutValue = EncodedResource;
    const NAME: &'static str = "route_tables";
    const STRATUM: Stratum = strata::UNION;

    fn members(cx: &Reader<'_>, view: &TablesKey) -> OrdSet<TableKey> {
        cx.get::<TableNames>(view).set()
    }

    fn entries(
        _: &TableKey,
        table: &Option<EncodedResource>,
    ) -> impl IntoIterator<Item = (ResourceName, EncodedResource)> {
        table.as_ref().map(EncodedResource::named)
    }
}

impl BasedCollect for RouteTables {
    const UNION: &'static str = "all_route_tables";
    const OWN: &'static str = "own_route_tables";
    const HIDDEN: &'static str = "hidden_route_tables";
}

/// The parts of a table that are not virtual hosts of services.
mod fixed {
    use envoy_types::pb::envoy::config::route::v3::{RouteConfiguration, VirtualHost};
    use fairlead_envoy::{
        IntoProto,
        route::{
            Action, PathMatch, Upstream, forward, route, route_configuration, route_match, virtual_host,
        },
    };

    use crate::names;

    /// Maximum size of a direct response's body in bytes (validation enforces the same limit).
    const MAX_DIRECT_RESPONSE_BODY: u32 = 1 << 20;

    /// A table without hosts. Clusters are not validated, since they may be added later.
    pub(super) fn head(by_port: bool) -> RouteConfiguration {
        RouteConfiguration {
            validate_clusters: Some(false.into_proto()),
            ignore_port_in_host_matching: !by_port,
            max_direct_response_body_size_bytes: Some(MAX_DIRECT_RESPONSE_BODY.into_proto()),
            ..route_configuration("", [])
        }
    }

    /// Passes requests for unknown hosts on to their original destination.
    pub(super) fn allow_any() -> VirtualHost {
        let mut action = forward(Upstream::Cluster(names::PASSTHROUGH_CLUSTER.to_owned()));
        action.timeout = Some(std::time::Duration::ZERO.into_proto());
        catch_all(names::ALLOW_ANY, Some(action.into()))
    }

    /// Refuses requests for unknown hosts with 502, as Istio does.
    pub(super) fn block_all() -> VirtualHost {
        catch_all(names::BLOCK_ALL, Some(Action::DirectResponse { status: 502, body: None }))
    }

    /// Answers every request with 404: a host without a route.
    pub(super) fn blackhole(name: &str) -> VirtualHost {
        catch_all(name, None)
    }

    fn catch_all(name: &str, action: Option<Action>) -> VirtualHost {
        let everything = || route_match(PathMatch::Prefix("/".to_owned()));
        let mut host = virtual_host(name, ["*"], action.map(|action| route(name, everything(), action)));
        host.include_request_attempt_count = true;
        host
    }
}
