//! The queries over Gateways: each resolved, those that select a proxy, listeners and virtual hosts.

use std::sync::Arc;

use fairlead_config::{ConfigKey, LabelSet, Timestamp};
use fairlead_incremental::{Query, Reader, Stratum};

use super::{
    BoundServer, Gateway, GatewayHost, MergedGateways, Ports, ServerRef, gateway_hosts, merge, resolve,
};
use crate::{
    age, input,
    proxy::ClientAttributes,
    routes::{GatewayRef, RouteSetsAt},
    scope::{ScopeKey, ScopeOf},
    strata,
};

/// A Gateway, resolved.
#[derive(Debug)]
pub struct ResolvedGateway;

impl Query for ResolvedGateway {
    type Key = ConfigKey;
    type Value = Option<Arc<Gateway>>;
    const NAME: &'static str = "resolved gateway";
    const STRATUM: Stratum = strata::OBJECT;

    fn compute(cx: &Reader<'_>, key: &ConfigKey) -> Self::Value {
        let config = cx.input::<input::Gateways>(key)?;
        Some(Arc::new(resolve(&config)))
    }
}

/// The part of a Gateway that decides which proxies it programs.
#[derive(Clone, Debug, PartialEq)]
pub struct GatewayHeader {
    /// The object.
    pub origin: ConfigKey,
    /// Its creation time.
    pub created: Option<Timestamp>,
    /// Labels of the proxies; empty selects every gateway proxy.
    pub selector: LabelSet,
}

/// The header of a Gateway.
#[derive(Debug)]
pub struct GatewayHeaderOf;

impl Query for GatewayHeaderOf {
    type Key = ConfigKey;
    type Value = Option<GatewayHeader>;
    const NAME: &'static str = "gateway header";
    const STRATUM: Stratum = strata::HEADER;

    fn compute(cx: &Reader<'_>, key: &ConfigKey) -> Self::Value {
        let gateway = cx.get::<ResolvedGateway>(key);
        gateway.as_ref().as_ref().map(|gateway| GatewayHeader {
            origin: gateway.origin.clone(),
            created: gateway.created,
            selector: gateway.selector.clone(),
        })
    }
}

/// The headers of all Gateways, oldest first.
#[derive(Debug)]
pub struct GatewayHeaders;

impl Query for GatewayHeaders {
    type Key = ();
    type Value = Arc<[GatewayHeader]>;
    const NAME: &'static str = "gateway headers";
    const STRATUM: Stratum = strata::REGISTRY;

    fn compute(cx: &Reader<'_>, (): &()) -> Self::Value {
        let keys = cx.index::<input::All<input::Gateways>>(&());
        let headers = keys.iter().filter_map(|key| (*cx.get::<GatewayHeaderOf>(key)).clone());
        let mut headers: Vec<_> = headers.collect();
        headers.sort_by(|a, b| age::compare((a.created, &a.origin), (b.created, &b.origin)));
        headers.into()
    }
}

/// What the listeners of a gateway proxy depend on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GatewayListenersKey {
    /// The Gateways that select the proxy, oldest first.
    pub gateways: Arc<[ConfigKey]>,
    /// Target ports of the proxy's own Services, as pairs of service port and target port, sorted.
    pub ports: Arc<[(u16, u16)]>,
    /// Whether it may bind ports below 1024.
    pub privileged: bool,
}

/// The listeners of a gateway proxy.
#[derive(Debug)]
pub struct GatewayListeners;

impl Query for GatewayListeners {
    type Key = GatewayListenersKey;
    type Value = MergedGateways;
    const NAME: &'static str = "gateway listeners";
    const STRATUM: Stratum = strata::BINDING;

    fn compute(cx: &Reader<'_>, key: &GatewayListenersKey) -> Self::Value {
        let gateways: Vec<Arc<Gateway>> =
            key.gateways.iter().filter_map(|gateway| (*cx.get::<ResolvedGateway>(gateway)).clone()).collect();
        merge(&gateways, &Ports { targets: &key.ports, privileged: key.privileged }).0
    }
}

/// What the virtual hosts of a gateway's route table depend on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GatewayHostsKey {
    /// The servers of the table.
    pub servers: Arc<[ServerRef]>,
    /// What the gateway can see.
    pub scope: ScopeKey,
    /// The attributes of the gateway that routes may match on.
    pub source: ClientAttributes,
}

/// The virtual hosts of a gateway's route table, by host.
#[derive(Debug)]
pub struct GatewayHosts;

impl Query for GatewayHosts {
    type Key = GatewayHostsKey;
    type Value = Arc<[GatewayHost]>;
    const NAME: &'static str = "gateway hosts";
    const STRATUM: Stratum = strata::GATEWAY_HOSTS;

    fn compute(cx: &Reader<'_>, key: &GatewayHostsKey) -> Self::Value {
        let scope = cx.get::<ScopeOf>(&key.scope);
        let found: Vec<_> = key
            .servers
            .iter()
            .filter_map(|server| {
                let gateway = (*cx.get::<ResolvedGateway>(&server.gateway)).clone()?;
                Some((
                    gateway,
                    cx.get::<RouteSetsAt>(&GatewayRef::Gateway(server.gateway.clone())),
                    server.index,
                ))
            })
            .collect();
        let servers = found.iter().filter_map(|(gateway, bound, index)| {
            let server = gateway.servers.iter().find(|server| server.index == *index)?;
            Some(BoundServer { gateway: &gateway.origin, server, route_sets: bound.as_ref() })
        });
        gateway_hosts(&servers.collect::<Vec<_>>(), &key.source, &scope).into()
    }
}
