//! Comparisons of objects that may take each other's requests and connections.

use std::{collections::BTreeMap, sync::Arc};

use fairlead_config::{ConfigKey, Namespace};

use crate::{
    Host,
    gateway::{Gateway, GatewayServer},
    routes::{HttpMatch, RouteSet, RouteSetHeader, StringMatch},
    service::Visibility,
};

/// Maximum number of rivals that an object is compared with. It keeps what thousands of objects share cheap.
pub(super) const MOST_RIVALS: usize = 16;

/// The hosts that several VirtualServices name at one place, each with these, oldest first.
pub(super) type SharedHosts = BTreeMap<Host, Vec<Arc<RouteSetHeader>>>;

/// The VirtualServices of a place whose TLS and TCP routes may conflict, oldest first.
///
/// Only the first few of many are kept, so that it rarely changes.
#[derive(Debug, Default, PartialEq)]
pub(super) struct L4Claims {
    /// By server name, for names in the TLS routes of several.
    pub(super) names: BTreeMap<Host, Vec<ConfigKey>>,
    /// Those with TCP routes.
    pub(super) tcp: Vec<ConfigKey>,
}

/// A host, and the path in a condition; empty if it has none.
pub(super) type Asked = (Arc<str>, Arc<str>);

/// Whether a VirtualService routes requests for another namespace's service from clients outside its own namespace.
pub(super) fn routes_clients_of_others(
    own: &Namespace,
    export_to: &Visibility,
    of_service: &Namespace,
) -> bool {
    let reaches_others = match export_to {
        Visibility::Public => true,
        Visibility::Namespaces(names) => names.iter().any(|name| name != own),
        Visibility::None => false,
    };
    own != of_service && reaches_others
}

/// Whether an object is visible, with the same precedence, wherever another is.
pub(super) fn is_seen_wherever((export_to, origin): (&Visibility, &ConfigKey), routes: &RouteSet) -> bool {
    match (export_to, &routes.export_to) {
        (Visibility::Public, Visibility::Public) => true,
        (Visibility::Namespaces(of_owner), Visibility::Namespaces(own)) => {
            origin.namespace == routes.origin.namespace && own.iter().all(|name| of_owner.contains(name))
        }
        _ => false,
    }
}

/// Whether each server that serves a host for HTTP routes of `own` serves it for those of `other` too.
pub(super) fn serves_wherever(gateway: &Gateway, host: &Host, other: &Namespace, own: &Namespace) -> bool {
    let has_it = |server: &GatewayServer, namespace: &Namespace| {
        let mut hosts = server.hosts.iter().filter(|of_server| of_server.host.overlaps(host));
        hosts.any(|of_server| of_server.namespace.as_ref().is_none_or(|name| name == namespace))
    };
    let mut servers = gateway.servers.iter().filter(|server| server.is_http() && has_it(server, own));
    servers.all(|server| has_it(server, other))
}

/// Whether one of the conditions holds for every request, or there is none.
///
/// Mirrors istio pilot/pkg/networking/core/route/route.go (IsCatchAllRoute).
pub(super) fn takes_all(matches: &[HttpMatch]) -> bool {
    let every_path = |uri: &Option<StringMatch>| match uri {
        None | Some(StringMatch::Present) => true,
        Some(StringMatch::Prefix(prefix)) => &**prefix == "/",
        Some(StringMatch::Regex(regex)) => &**regex == ".*",
        Some(StringMatch::Exact(_)) => false,
    };
    let every = |m: &HttpMatch| {
        every_path(&m.uri)
            && HttpMatch { index: 0, name: "".into(), uri: None, ignore_uri_case: false, ..m.clone() }
                == HttpMatch::default()
    };
    matches.is_empty() || matches.iter().any(every)
}
