//! What Envoy refuses, or warns about, although each message is well formed.

use std::collections::{BTreeMap, BTreeSet};

use fairlead_envoy::json::deprecated_fields;
use fairlead_resource::TypeUrl;
use fairlead_translate::publication::Sets;
use serde_json::Value;

use crate::{
    json_walk::{all, fields, items, text},
    proxy_file::TYPES,
};

/// Everything that is wrong with a publication.
pub(crate) fn problems(sets: &Sets) -> Vec<String> {
    let mut problems = Vec::new();
    for (_, type_url) in TYPES {
        for (name, resource) in &sets.get(type_url) {
            let deprecated =
                deprecated_fields(type_url.as_str(), &resource.to_vec()).expect("it can be read");
            problems.extend(deprecated.iter().map(|field| format!("{name} uses {field}")));
        }
    }
    for table in all(&sets.route_tables, TypeUrl::ROUTE_CONFIGURATION) {
        hosts_of_table(&table, &mut problems);
    }
    let listeners = all(&sets.listeners, TypeUrl::LISTENER);
    for listener in &listeners {
        chains_of_listener(listener, &mut problems);
    }
    addresses(&listeners, &mut problems);
    for assignment in all(&sets.load_assignments, TypeUrl::CLUSTER_LOAD_ASSIGNMENT) {
        endpoints(&assignment, &mut problems);
    }
    problems
}

/// Names and domains are unique within a table, in any case.
fn hosts_of_table(table: &Value, problems: &mut Vec<String>) {
    let name = text(&table["name"]);
    let (mut names, mut domains) = (BTreeSet::new(), BTreeSet::new());
    for host in items(&table["virtual_hosts"]) {
        if !names.insert(text(&host["name"])) {
            problems.push(format!("table {name} has two hosts {}", host["name"]));
        }
        if items(&host["domains"]).is_empty() {
            problems.push(format!("table {name}: host {} has no domain", host["name"]));
        }
        for domain in items(&host["domains"]) {
            if !domains.insert(text(domain).to_ascii_lowercase()) {
                problems.push(format!("table {name} has two domains {domain}"));
            }
        }
    }
}

/// No two filter chains of a listener take the same connections.
fn chains_of_listener(listener: &Value, problems: &mut Vec<String>) {
    let name = text(&listener["name"]);
    let chains = items(&listener["filter_chains"]);
    if listener["transparent"] == true && listener["bind_to_port"] == false {
        problems.push(format!("listener {name} is transparent and has no socket, which ends Envoy"));
    }
    if chains.is_empty() && listener["default_filter_chain"].is_null() {
        problems.push(format!("listener {name} has no filter chain"));
    }
    let mut matches = BTreeSet::new();
    for chain in chains {
        for one in every_match(&chain["filter_chain_match"]) {
            if !matches.insert(one.clone()) {
                problems.push(format!("listener {name} has two filter chains for {one:?}"));
            }
        }
    }
    for one in &matches {
        if is_hidden_by_transport(one, &matches) {
            problems.push(format!("listener {name} has a filter chain that no plain bytes reach: {one:?}"));
        }
    }
}

/// Whether plain bytes look for a chain among those that name their transport, and not come out of there again.
///
/// Envoy decides by the transport first and by the application protocol then, and does not go back.
fn is_hidden_by_transport(
    one: &BTreeMap<String, String>,
    matches: &BTreeSet<BTreeMap<String, String>>,
) -> bool {
    let besides = |one: &BTreeMap<String, String>| {
        let mut rest = one.clone();
        (rest.remove("transport_protocol"), rest.remove("application_protocols"), rest)
    };
    let (transport, application, rest) = besides(one);
    let siblings = || matches.iter().map(besides).filter(|(_, _, other)| *other == rest);
    let is_plain = |transport: &Option<String>| transport.as_deref() == Some("\"raw_buffer\"");
    transport.is_none()
        && application.is_none()
        && siblings().any(|(transport, _, _)| is_plain(&transport))
        && !siblings().any(|(transport, application, _)| is_plain(&transport) && application.is_none())
}

/// Each combination of the alternatives of a match.
fn every_match(json: &Value) -> Vec<BTreeMap<String, String>> {
    let mut combinations = vec![BTreeMap::new()];
    for (key, value) in json.as_object().into_iter().flatten() {
        let alternatives: Vec<String> = match value {
            Value::Array(items) => items.iter().map(ToString::to_string).collect(),
            other => vec![other.to_string()],
        };
        combinations = combinations
            .iter()
            .flat_map(|so_far: &BTreeMap<String, String>| {
                alternatives.iter().map(|alternative| {
                    let mut with = so_far.clone();
                    with.insert(key.clone(), alternative.to_ascii_lowercase());
                    with
                })
            })
            .collect();
    }
    combinations
}

/// No two listeners have an address in common.
fn addresses(listeners: &[Value], problems: &mut Vec<String>) {
    let mut taken = BTreeMap::new();
    for listener in listeners {
        let more = items(&listener["additional_addresses"]).iter().map(|more| &more["address"]);
        for address in std::iter::once(&listener["address"]).chain(more) {
            if let Some(other) = taken.insert(address.to_string(), &listener["name"]) {
                problems.push(format!("listeners {} and {other} share {address}", listener["name"]));
            }
            if !can_be_listened_on(address) {
                problems.push(format!("listener {} is at {address}, which is no address", listener["name"]));
            }
        }
    }
}

/// Whether Envoy reads it as the address of a listener.
fn can_be_listened_on(address: &Value) -> bool {
    let socket = &address["socket_address"];
    if socket.is_null() {
        let path = text(&address["pipe"]["path"]);
        return !path.is_empty() && path.len() <= 107;
    }
    text(&socket["address"]).parse::<std::net::IpAddr>().is_ok()
        && socket["port_value"].as_u64() <= Some(65_535)
}

/// Endpoints of EDS are addresses, with a weight where there is one, in priorities without a gap.
fn endpoints(assignment: &Value, problems: &mut Vec<String>) {
    let name = text(&assignment["cluster_name"]);
    let mut priorities = BTreeSet::new();
    for locality in items(&assignment["endpoints"]) {
        priorities.insert(locality["priority"].as_u64().unwrap_or_default());
        if items(&locality["lb_endpoints"]).is_empty() {
            problems.push(format!("{name} has a locality without endpoints"));
        }
    }
    if priorities.iter().copied().ne((0..).take(priorities.len())) {
        problems.push(format!("{name} has a gap in its priorities: {priorities:?}"));
    }
    fields(assignment, &mut |key, value| {
        if key == "load_balancing_weight" && value.as_u64() == Some(0) {
            problems.push(format!("{name} has a weight of 0"));
        }
        if key == "socket_address" && text(&value["address"]).parse::<std::net::IpAddr>().is_err() {
            problems.push(format!("{name} has {value}, which is no address"));
        }
    });
}
