//! Listener filters, and the ports for which one is switched off.

use envoy_types::pb::envoy::{
    config::listener::v3::{
        ListenerFilter, ListenerFilterChainMatchPredicate as Predicate,
        listener_filter::ConfigType,
        listener_filter_chain_match_predicate::{MatchSet, Rule},
    },
    extensions::filters::listener::{
        http_inspector::v3::HttpInspector, original_dst::v3::OriginalDst, original_src::v3::OriginalSrc,
        proxy_protocol::v3::ProxyProtocol, tls_inspector::v3::TlsInspector,
    },
    r#type::v3::Int32Range,
};
use prost::{Message, Name};

use crate::{extension, pack_any};

/// Restores the address that a redirected connection was meant for.
pub fn original_dst() -> ListenerFilter {
    listener_filter(extension::ORIGINAL_DST, &OriginalDst {})
}

/// Connects upstream from the client's address; `mark` is set on those packets.
pub fn original_src(mark: u32) -> ListenerFilter {
    listener_filter(extension::ORIGINAL_SRC, &OriginalSrc { mark, ..Default::default() })
}

/// Finds TLS, its server name and its application protocols.
pub fn tls_inspector() -> ListenerFilter {
    listener_filter(extension::TLS_INSPECTOR, &TlsInspector::default())
}

/// Finds HTTP in plain text.
pub fn http_inspector() -> ListenerFilter {
    listener_filter(extension::HTTP_INSPECTOR, &HttpInspector {})
}

/// Reads the PROXY protocol; connections without it are closed.
pub fn proxy_protocol() -> ListenerFilter {
    listener_filter(extension::PROXY_PROTOCOL, &ProxyProtocol::default())
}

/// Any listener filter.
pub fn listener_filter<M: Message + Name>(name: &str, config: &M) -> ListenerFilter {
    ListenerFilter {
        name: name.to_owned(),
        filter_disabled: None,
        config_type: Some(ConfigType::TypedConfig(pack_any(config))),
    }
}

/// Switches the filter off for connections to these destination ports.
pub fn disabled_on_ports(filter: ListenerFilter, ports: &[u16]) -> ListenerFilter {
    ListenerFilter { filter_disabled: on_ports(ports), ..filter }
}

/// Switches the filter off for connections to any but these destination ports; without one, for all.
pub fn enabled_only_on_ports(filter: ListenerFilter, ports: &[u16]) -> ListenerFilter {
    let disabled = match on_ports(ports) {
        Some(on_ports) => Rule::NotMatch(Box::new(on_ports)),
        None => Rule::AnyMatch(true),
    };
    ListenerFilter { filter_disabled: Some(predicate(disabled)), ..filter }
}

/// Any of the ports. Envoy requires at least two rules for an "or".
fn on_ports(ports: &[u16]) -> Option<Predicate> {
    match ports {
        [] => None,
        [port] => Some(on_port(*port)),
        ports => {
            let rules = ports.iter().copied().map(on_port).collect();
            Some(predicate(Rule::OrMatch(MatchSet { rules })))
        }
    }
}

fn on_port(port: u16) -> Predicate {
    let start = i32::from(port);
    predicate(Rule::DestinationPortRange(Int32Range { start, end: start + 1 }))
}

fn predicate(rule: Rule) -> Predicate {
    Predicate { rule: Some(rule) }
}
