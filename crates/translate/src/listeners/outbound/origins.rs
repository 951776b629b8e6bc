//! What the outbound listeners of sidecars were made from.

use std::sync::Arc;

use fairlead_incremental::Reader;
use fairlead_model::{
    Origin, Protocol, origin,
    scope::{Scope, ScopeHost, ScopeKind, ScopeListener, ScopeOf},
};
use fairlead_resource::ResourceName;

use super::{OutboundListenerKey, arrive::shared_bind, build::with_listener};
use crate::{
    maker::Maker,
    origins::{MOST_NAMED, ResourceOrigins},
    view::ListenerView,
};

/// The origins of the listener of a key, under its name: the egress listener of a Sidecar that asks for it, else some
/// of the services that arrive there.
pub(crate) fn origins(
    cx: &Reader<'_>,
    view: &ListenerView,
    key: &OutboundListenerKey,
) -> (ResourceName, ResourceOrigins) {
    let scope = cx.get::<ScopeOf>(&view.scope);
    let egress = of_egress(cx, view, key, &scope);
    with_listener(cx, key, |listener, makers| {
        let of_chain = |maker: Maker<'_>| match maker {
            Maker::SharedHttp => {
                egress.clone().map_or_else(|| shared_http(cx, key.port, &scope), |egress| vec![egress])
            }
            maker => maker.origins(cx),
        };
        let origins = ResourceOrigins::of_listener(&listener, makers.into_iter().map(of_chain));
        let of_parts = || origins.parts.iter().flat_map(|(_, origins)| origins).take(MOST_NAMED).cloned();
        let own = egress.map_or_else(|| of_parts().collect(), |egress| vec![egress]);
        (listener.name.as_str().into(), ResourceOrigins { own, ..origins })
    })
}

/// The egress listener, with a port or an address of its own, behind a listener.
fn of_egress(
    cx: &Reader<'_>,
    view: &ListenerView,
    key: &OutboundListenerKey,
    scope: &Scope,
) -> Option<Origin> {
    let ScopeKind::Sidecar(sidecar) = &view.scope.kind else { return None };
    let is_it = |listener: &&ScopeListener| {
        let is_own = listener.port.is_some() || listener.bind.is_some();
        let has_port = listener.port.as_ref().is_none_or(|port| port.number == key.port);
        is_own && has_port && shared_bind(view, listener) == key.bind
    };
    let ScopeListener { port, bind, capture, .. } = scope.listeners.iter().find(is_it)?;
    origin::of_egress(cx, sidecar, |own| (&own.port, &own.bind, own.capture) == (port, bind, *capture))
}

/// The ports of some services whose HTTP arrives at a port that they share.
fn shared_http(cx: &Reader<'_>, port: u16, scope: &Arc<Scope>) -> Vec<Origin> {
    let takes_http = |host: &&ScopeHost| {
        let port = host.service.as_ref().and_then(|service| service.port(port));
        port.is_some_and(|port| port.protocol.is_http() || port.protocol == Protocol::Auto)
    };
    let implied = scope.listeners.iter().filter(|listener| listener.port.is_none());
    let hosts = implied.flat_map(|listener| listener.hosts.values()).filter(takes_http);
    let services = hosts.filter_map(|host| host.service.as_ref());
    services.filter_map(|service| origin::of_port(cx, &service.key, port)).take(MOST_NAMED).collect()
}
