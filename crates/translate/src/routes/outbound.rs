//! The route tables of sidecars: which there are, and which virtual hosts each has.
//!
//! A plan consists of keys. It changes when a host or a domain comes or goes; the routes themselves are made in
//! [`super::virtual_host`].

use std::sync::Arc;

use fairlead_incremental::{Based, BasedKey, EditFrom, Reader, Stratum};
use fairlead_model::{Protocol, endpoints::PodAddresses, mesh::ResolvedMesh, scope::ScopeOf, strata};
use imbl::OrdMap;

use super::{
    implied::{self, TablesOf},
    plan::{CatchAll, Table, Tables},
    planner::{Planner, is_socket, serves_every_port, table_of},
};
use crate::{names, view::RouteView};

/// Plans the route tables of a view.
pub struct OutboundTablesOf;

impl Based for OutboundTablesOf {
    type Key = RouteView;
    type Value = Arc<Tables>;
    const NAME: &'static str = "outbound_tables";
    const BASE_NAME: &'static str = "base_tables";
    const STRATUM: Stratum = strata::PLAN;

    fn edit(cx: &Reader<'_>, view: &RouteView, from: EditFrom<'_, Self::Value>) -> Self::Value {
        let scope = cx.get::<ScopeOf>(&view.scope);
        let explicit_proxy = cx.get::<ResolvedMesh>(&()).http_proxy_port.is_some();
        let pods = PodAddresses::read(cx);
        let planner = Planner { view, scope: &scope, pods: &pods };
        let of_base = from.base.zip(view.base());
        let base = of_base.as_ref().map(|(tables, view)| TablesOf { tables, view });
        Arc::new(match scope.only_listener().filter(|_| !explicit_proxy) {
            Some(only) => implied::tables(from.previous.map(|tables| &**tables), base, &planner, only),
            None => of_listeners(&planner, explicit_proxy),
        })
    }
}

/// The tables of every listener, and of the HTTP proxy beside them, if there is one.
fn of_listeners(planner: &Planner<'_>, explicit_proxy: bool) -> Tables {
    let mut tables = OrdMap::new();
    for listener in &planner.scope.listeners {
        match &listener.port {
            Some(port) if port.protocol.is_http() || port.protocol == Protocol::Auto => {
                let name = table_of(listener, planner.scope, port.number);
                tables.entry(name.clone()).or_insert_with(|| {
                    if serves_every_port(listener) {
                        planner.proxy_table(&name, std::slice::from_ref(listener), is_socket(listener))
                    } else {
                        planner.port_table(&name, port.number, listener)
                    }
                });
            }
            Some(_) => {}
            None => tables.extend(implied::tables(None, None, planner, listener).tables),
        }
    }
    if explicit_proxy {
        let name = names::HTTP_PROXY.into();
        let table = Table {
            catch_all: CatchAll::BlockAll,
            ..planner.proxy_table(&name, &planner.scope.listeners, false)
        };
        tables.insert(name, table);
    }
    Tables { tables, inputs: None }
}

#[cfg(test)]
mod tests;
