//! What makes a cluster, a route or a filter chain.
//!
//! The functions that make a message return its maker by reference, which costs nothing. Only on demand is it resolved
//! to fields of objects.

use fairlead_incremental::Reader;
use fairlead_model::{
    Origin, ServiceKey,
    destination_rule::{DestinationRule, Subset},
    gateway::ServerRef,
    origin,
    proxy::InboundListener,
    routes::{RouteAt, RouteSet},
};

#[derive(Clone, Copy)]
pub(crate) enum Maker<'a> {
    /// No object: every proxy of the type has it.
    Fairlead,
    /// A port of a service, with the rule and the subset that apply to it.
    Service { key: &'a ServiceKey, port: u16, rule: Option<&'a DestinationRule>, subset: Option<&'a Subset> },
    /// A route of a route set.
    Route(&'a RouteSet, RouteAt),
    /// An inbound port, with the rule that limits it.
    Inbound(&'a InboundListener, Option<&'a DestinationRule>),
    /// Servers of Gateways.
    Servers(&'a [ServerRef]),
    /// The HTTP services that share a listener; the listener does not know which.
    SharedHttp,
}

impl Maker<'_> {
    /// The fields behind it, the nearest first; none for [`Maker::Fairlead`] and [`Maker::SharedHttp`].
    pub(crate) fn origins(self, cx: &Reader<'_>) -> Vec<Origin> {
        match self {
            Self::Fairlead | Self::SharedHttp => Vec::new(),
            Self::Service { key, port, rule, subset } => {
                let of_rule = rule.into_iter().flat_map(|rule| rule.origins(port, subset));
                origin::of_port(cx, key, port).into_iter().chain(of_rule).collect()
            }
            Self::Route(set, route) => vec![set.origin_of(route)],
            Self::Inbound(listener, rule) => {
                let port = listener.service.as_ref().map_or(listener.port, |(_, port)| *port);
                let of_rule = rule.into_iter().flat_map(|rule| rule.origins(port, None));
                origin::of_inbound(cx, listener).into_iter().chain(of_rule).collect()
            }
            Self::Servers(servers) => servers.iter().map(origin::of_server).collect(),
        }
    }
}
