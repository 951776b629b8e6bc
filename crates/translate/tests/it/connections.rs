//! Where a connection goes: the choice that Envoy makes among listeners and filter chains, over the resources of a
//! proxy.
//!
//! As Envoy has it, one condition is decided after the other, the most specific value first, and none is decided
//! again: destination address, server name, transport protocol, application protocol.

use std::net::IpAddr;

use fairlead_model::proxy::ProxyKey;
use fairlead_resource::TypeUrl;
use ipnet::IpNet;
use serde_json::Value;

use crate::{
    json_walk::{fields, items, text},
    mesh::Mesh,
};

/// What a client sends first.
#[derive(Clone, Copy, Debug)]
pub(crate) enum First<'a> {
    /// Bytes that are neither.
    Bytes,
    /// HTTP/1.1.
    Http,
    /// A TLS handshake that asks for this name; empty for none.
    Tls(&'a str),
}

/// The clusters that a connection to an address is proxied to, as `cluster` or `cluster*weight …`; for HTTP the route
/// table as `rds name`. `closed` where no chain takes it.
pub(crate) fn leads_to(mesh: &mut Mesh, proxy: &ProxyKey, to: &str, first: First<'_>) -> String {
    let (ip, port) = to.rsplit_once(':').expect("address:port");
    let ip: IpAddr = ip.parse().expect("an address");
    let names = mesh.names(proxy, TypeUrl::LISTENER);
    let at = |name: &str| names.iter().any(|known| known == name).then(|| name.to_owned());
    let found = at(&format!("{ip}_{port}"))
        .or_else(|| at(&format!("0.0.0.0_{port}")))
        .or_else(|| at("virtualOutbound"));
    let Some(name) = found else { return "closed".to_owned() };
    let listener = mesh.resource(proxy, TypeUrl::LISTENER, &name);
    let chains: Vec<&Value> = items(&listener["filter_chains"]).iter().collect();
    let inspects =
        |filter: &str| items(&listener["listener_filters"]).iter().any(|one| one["name"] == filter);
    let first = match first {
        First::Tls(_) if !inspects("envoy.filters.listener.tls_inspector") => First::Bytes,
        First::Http if !inspects("envoy.filters.listener.http_inspector") => First::Bytes,
        other => other,
    };
    let default = &listener["default_filter_chain"];
    match choose(&chains, ip, first).or_else(|| (!default.is_null()).then_some(default)) {
        Some(chain) => target(chain),
        None => "closed".to_owned(),
    }
}

fn choose<'a>(chains: &[&'a Value], ip: IpAddr, first: First<'_>) -> Option<&'a Value> {
    let (name, transport, application) = match first {
        First::Bytes => ("", "raw_buffer", ""),
        First::Http => ("", "raw_buffer", "http/1.1"),
        First::Tls(name) => (name, "tls", ""),
    };
    let chains = narrow(chains, |condition| {
        let ranges = items(&condition["prefix_ranges"]);
        let length = |range: &Value| {
            let net = format!("{}/{}", text(&range["address_prefix"]), range["prefix_len"]);
            let net: IpNet = net.parse().expect("a range");
            net.contains(&ip).then(|| usize::from(net.prefix_len()) + 1)
        };
        if ranges.is_empty() { Some(0) } else { ranges.iter().filter_map(length).max() }
    });
    let chains = narrow(&chains, |condition| {
        let names = items(&condition["server_names"]);
        let length = |pattern: &Value| match text(pattern).strip_prefix('*') {
            Some(suffix) => (name.len() > suffix.len() && name.ends_with(suffix)).then_some(suffix.len()),
            None => (text(pattern) == name).then_some(usize::MAX),
        };
        if names.is_empty() { Some(0) } else { names.iter().filter_map(length).max() }
    });
    let chains = narrow(&chains, |condition| match text(&condition["transport_protocol"]) {
        "" => Some(0),
        named => (named == transport).then_some(1),
    });
    let chains = narrow(&chains, |condition| {
        let protocols = items(&condition["application_protocols"]);
        let has = || protocols.iter().any(|protocol| text(protocol) == application);
        if protocols.is_empty() { Some(0) } else { has().then_some(1) }
    });
    assert!(chains.len() < 2, "Envoy refuses two chains for one connection: {chains:#?}");
    chains.first().copied()
}

/// The chains that fit most specifically.
fn narrow<'a>(chains: &[&'a Value], fit: impl Fn(&Value) -> Option<usize>) -> Vec<&'a Value> {
    let fits: Vec<_> =
        chains.iter().filter_map(|chain| Some((fit(&chain["filter_chain_match"])?, *chain))).collect();
    let best = fits.iter().map(|(fit, _)| *fit).max();
    fits.into_iter().filter(|(fit, _)| Some(*fit) == best).map(|(_, chain)| chain).collect()
}

fn target(chain: &Value) -> String {
    let mut found = Vec::new();
    fields(&chain["filters"], &mut |key, value| match key {
        "route_config_name" => found.push(format!("rds {}", text(value))),
        "cluster" => found.push(text(value).to_owned()),
        "weighted_clusters" => {
            let clusters = items(&value["clusters"]).iter();
            found.extend(clusters.map(|one| format!("{}*{}", text(&one["name"]), one["weight"])));
        }
        _ => {}
    });
    found.join(" ")
}
