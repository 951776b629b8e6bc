//! `fairlead proxy-config listener`: the columns of istioctl, and the source.

use fairlead_control_plane::order::natural;
use serde_json::Value;

use super::{
    configuration::{Configuration, name_of},
    shown::Shown,
    source::From,
};
use crate::output::Table;

/// Which listeners.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Choice {
    /// Only listeners at this address.
    #[arg(long)]
    address: Option<String>,
    /// Only listeners at this port.
    #[arg(long)]
    port: Option<u16>,
}

impl Shown for Choice {
    const TYPE: &'static str = "LDS";

    fn wants(&self, listener: &Value) -> bool {
        let (address, port) = place(listener);
        self.address.as_ref().is_none_or(|wanted| *wanted == address)
            && self.port.is_none_or(|wanted| wanted == port)
    }

    fn table(&self, configuration: &Configuration) -> Table {
        let mut table = Table::new(&["ADDRESSES", "PORT", "MATCH", "DESTINATION", "SOURCE", "STATE"]);
        let mut listeners: Vec<_> =
            configuration.entries(Self::TYPE).filter(|entry| self.wants(&entry.resource)).collect();
        listeners.sort_by(|a, b| {
            let (a, b) = (&a.resource, &b.resource);
            place(a).1.cmp(&place(b).1).then_with(|| natural(name_of(a), name_of(b)))
        });
        for entry in listeners {
            let listener = &entry.resource;
            let (address, port) = place(listener);
            let chains = chains(listener);
            let names: Vec<_> = chains.iter().map(|(_, chain)| name_of(chain)).collect();
            for (position, (conditions, chain)) in chains.iter().enumerate() {
                let alike = names[..position].iter().filter(|name| **name == names[position]).count();
                let source = From::of_part(entry, chain, names[position], alike).source();
                let parts = [name_of(chain).to_owned(), format!("#{position}")];
                let state = configuration.state_of_part(Self::TYPE, entry, &parts);
                let conditions = conditions.clone();
                table.row([address.clone(), port.to_string(), conditions, destination(chain), source, state]);
            }
        }
        table
    }
}

fn place(listener: &Value) -> (String, u16) {
    let socket = &listener["address"]["socket_address"];
    let more = listener["additional_addresses"].as_array().into_iter().flatten();
    let more = more.map(|address| &address["address"]["socket_address"]["address"]);
    let all: Vec<_> = std::iter::once(&socket["address"]).chain(more).filter_map(Value::as_str).collect();
    let port = socket["port_value"].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap_or(0);
    (all.join(","), port)
}

/// The filter chains of a listener with their conditions, the default chain last.
fn chains(listener: &Value) -> Vec<(String, &Value)> {
    let chains = listener["filter_chains"].as_array().into_iter().flatten();
    let mut all: Vec<_> = chains.map(|chain| (conditions(&chain["filter_chain_match"]), chain)).collect();
    if let Some(chain) = listener.get("default_filter_chain") {
        all.push(("ALL".to_owned(), chain));
    }
    all
}

fn conditions(conditions: &Value) -> String {
    let list = |name: &str| -> Vec<&str> {
        conditions[name].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    };
    let mut all = Vec::new();
    let names = list("server_names");
    if !names.is_empty() {
        all.push(format!("SNI: {}", names.join(",")));
    }
    match conditions["transport_protocol"].as_str() {
        None | Some("") => {}
        Some(transport) => all.push(format!("Trans: {transport}")),
    }
    let protocols = list("application_protocols");
    if !protocols.is_empty() {
        all.push(format!("App: {}", protocols.join(",")));
    }
    let ranges: Vec<_> = conditions["prefix_ranges"].as_array().into_iter().flatten().map(range).collect();
    if !ranges.is_empty() {
        all.push(format!("Addr: {}", ranges.join(",")));
    }
    if let Some(port) = conditions["destination_port"].as_u64() {
        all.push(format!("Port: {port}"));
    }
    if all.is_empty() { "ALL".to_owned() } else { all.join("; ") }
}

fn range(range: &Value) -> String {
    let length = range["prefix_len"].as_u64().unwrap_or(0);
    format!("{}/{length}", range["address_prefix"].as_str().unwrap_or_default())
}

/// Where the last filter of a chain sends its connections.
fn destination(chain: &Value) -> String {
    let Some(filter) = chain["filters"].as_array().and_then(|filters| filters.last()) else {
        return "No filter".to_owned();
    };
    let config = &filter["typed_config"];
    if let Some(name) = config["rds"]["route_config_name"].as_str() {
        return format!("Route: {name}");
    }
    if let Some(table) = config.get("route_config") {
        return format!("Inline Route: {}", inline(table));
    }
    if let Some(cluster) = config["cluster"].as_str() {
        return format!("Cluster: {cluster}");
    }
    let weighted = config["weighted_clusters"]["clusters"].as_array().into_iter().flatten();
    let weighted: Vec<_> = weighted
        .map(|cluster| format!("{} ({})", name_of(cluster), cluster["weight"].as_u64().unwrap_or(0)))
        .collect();
    if weighted.is_empty() {
        name_of(filter).to_owned()
    } else {
        format!("Clusters: {}", weighted.join(", "))
    }
}

fn inline(table: &Value) -> String {
    let hosts = table["virtual_hosts"].as_array().into_iter().flatten();
    let routes = hosts.flat_map(|host| host["routes"].as_array().into_iter().flatten());
    let clusters: Vec<_> = routes.filter_map(|route| route["route"]["cluster"].as_str()).collect();
    if clusters.is_empty() { name_of(table).to_owned() } else { clusters.join(", ") }
}
