//! The route tables of gateways: one for all plaintext HTTP servers of a listener, one for each HTTPS server.

use std::{collections::BTreeSet, sync::Arc};

use fairlead_incremental::{Query, Reader, Stratum};
use fairlead_model::{
    ConfigKey,
    gateway::{
        Gateway, GatewayHost, GatewayHosts, GatewayHostsKey, GatewayListener, GatewayListenerKind,
        GatewayListeners, GatewayListenersKey, GatewayServer, MergedGateways, ResolvedGateway, ServerRef,
        ServerTls,
    },
    proxy::{ClientAttributes, IpFamilies},
    scope::ScopeKey,
    strata,
};
use imbl::OrdMap;

use super::plan::{CatchAll, Table, Tables};
use crate::{
    names,
    view::{RouteClient, VirtualHostKey},
};

/// The listeners of a gateway and what the proxy can see.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GatewayView {
    /// What is seen.
    pub scope: ScopeKey,
    /// The attributes of the gateway's own workload that routes may match on.
    pub source: ClientAttributes,
    /// The Gateways that select the proxy, oldest first.
    pub gateways: Arc<[ConfigKey]>,
    /// Target ports of the proxy's own Services, as pairs of service port and target port, sorted.
    pub ports: Arc<[(u16, u16)]>,
    /// Whether the proxy may bind ports below 1024.
    pub privileged: bool,
    /// The families that listeners listen on.
    pub families: IpFamilies,
    /// Whether the proxy's bootstrap allows large regular expressions.
    pub takes_large_expressions: bool,
}

impl GatewayView {
    /// Its listeners, merged.
    pub(crate) fn listeners(&self, cx: &Reader<'_>) -> Arc<MergedGateways> {
        cx.get::<GatewayListeners>(&GatewayListenersKey {
            gateways: self.gateways.clone(),
            ports: self.ports.clone(),
            privileged: self.privileged,
        })
    }
}

/// One route table of a gateway listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableOfServers {
    /// The name of the table.
    pub name: Arc<str>,
    /// The port of the first server, for names.
    pub port: u16,
    /// Whether requests come over TLS.
    pub tls: bool,
    /// The servers that share it.
    pub servers: Arc<[ServerRef]>,
}

/// The route tables that a listener names: one for plaintext HTTP, one for each server that terminates TLS.
pub(crate) fn tables_of_listener(
    listener: &GatewayListener,
    gateway: &mut dyn FnMut(&ConfigKey) -> Option<Arc<Gateway>>,
) -> Vec<TableOfServers> {
    let bind = listener.bind.as_deref();
    let mut server_of = |server: &ServerRef| {
        gateway(&server.gateway)?.servers.iter().find(|s| s.index == server.index).cloned()
    };
    match listener.kind {
        GatewayListenerKind::Http => {
            let Some(first) = listener.servers.first().and_then(&mut server_of) else { return Vec::new() };
            vec![TableOfServers {
                name: names::gateway_http_route(listener.port, bind),
                port: first.port,
                tls: false,
                servers: listener.servers.clone(),
            }]
        }
        GatewayListenerKind::Tls => listener
            .servers
            .iter()
            .filter_map(|server| {
                let resolved = server_of(server)?;
                let http =
                    matches!(resolved.tls, ServerTls::Terminate(_)) && terminates_http(resolved.protocol);
                http.then(|| TableOfServers {
                    name: https_table(&resolved, &server.gateway, bind),
                    port: resolved.port,
                    tls: true,
                    servers: Arc::new([server.clone()]),
                })
            })
            .collect(),
        GatewayListenerKind::Tcp => Vec::new(),
    }
}

/// The name of the table of an HTTPS server.
pub(crate) fn https_table(server: &GatewayServer, gateway: &ConfigKey, bind: Option<&str>) -> Arc<str> {
    let (gateway, namespace) = (gateway.name.as_str(), gateway.namespace.as_str());
    names::gateway_https_route(server.port, &server.port_name, gateway, namespace, bind)
}

/// Whether HTTP is spoken within the TLS that a server of this protocol terminates.
pub(crate) fn terminates_http(protocol: fairlead_model::Protocol) -> bool {
    protocol == fairlead_model::Protocol::Https || protocol.is_http()
}

/// Plans the route tables of a gateway.
pub struct GatewayTablesOf;

impl Query for GatewayTablesOf {
    type Key = GatewayView;
    type Value = Arc<Tables>;
    const NAME: &'static str = "gateway_tables";
    const STRATUM: Stratum = strata::PLAN;

    fn compute(cx: &Reader<'_>, view: &GatewayView) -> Self::Value {
        let merged = view.listeners(cx);
        let mut tables = OrdMap::new();
        for listener in &merged.listeners {
            let mut gateway = |key: &ConfigKey| (*cx.get::<ResolvedGateway>(key)).clone();
            for table in tables_of_listener(listener, &mut gateway) {
                let key = GatewayHostsKey {
                    servers: table.servers.clone(),
                    scope: view.scope.clone(),
                    source: view.source.clone(),
                };
                let hosts = cx.get::<GatewayHosts>(&key);
                tables.insert(table.name.clone(), plan(&table, &hosts, view));
            }
        }
        Arc::new(Tables { tables, inputs: None })
    }
}

/// The virtual hosts of one table.
fn plan(table: &TableOfServers, hosts: &[GatewayHost], view: &GatewayView) -> Table {
    let mut claimed = BTreeSet::new();
    let keys: imbl::OrdSet<VirtualHostKey> = hosts
        .iter()
        .filter(|host| claimed.insert(host.host.clone()))
        .map(|host| VirtualHostKey {
            table: table.name.clone(),
            name: names::virtual_host(&host.host, table.port),
            domains: Arc::new([host.host.as_arc().clone()]),
            port: table.port,
            service: None,
            route_sets: host.route_sets.clone(),
            destinations: host.destinations.clone(),
            client: RouteClient::Gateway {
                source: host.asks_source.then(|| view.source.clone()),
                tls: table.tls,
                https_redirect: host.https_redirect,
            },
            only_at: None,
            sizes_expressions: host.has_large_expressions && !view.takes_large_expressions,
        })
        .collect();
    // Without hosts, the table needs a virtual host that answers 404; with hosts, Envoy answers 404 to all others.
    let catch_all = if keys.is_empty() {
        CatchAll::NotFound(names::blackhole_virtual_host(table.port))
    } else {
        CatchAll::None
    };
    Table { catch_all, hosts: keys, by_port: false }
}
