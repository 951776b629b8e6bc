//! `fairlead proxy-config listener`: the columns of istioctl, and the source.

use fairlead_control_plane::order::natural;
use serde_json::Value;

use super::{
    configuration::{Configuration, list, name_of, weighted},
    shown::Shown,
    source::From,
};
use crate::output::Table;

/// The filter of listeners.
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
    let more = list(listener, "additional_addresses");
    let more = more.map(|address| &address["address"]["socket_address"]["address"]);
    let all: Vec<_> = std::iter::once(&socket["address"]).chain(more).filter_map(Value::as_str).collect();
    let port = socket["port_value"].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap_or(0);
    (all.join(","), port)
}

/// The filter chains of a listener with their conditions, the default chain last.
fn chains(listener: &Value) -> Vec<(String, &Value)> {
    let chains = list(listener, "filter_chains");
    let mut all: Vec<_> = chains.map(|chain| (conditions(&chain["filter_chain_match"]), chain)).collect();
    if let Some(chain) = listener.get("default_filter_chain") {
        all.push(("ALL".to_owned(), chain));
    }
    all
}

fn conditions(conditions: &Value) -> String {
    let text = |text: &str| Some(text).filter(|text| !text.is_empty()).map(str::to_owned);
    let texts = |name: &str| list(conditions, name).filter_map(Value::as_str).map(str::to_owned).collect();
    let kinds: [(&str, Vec<String>); 5] = [
        ("SNI", texts("server_names")),
        ("Trans", conditions["transport_protocol"].as_str().and_then(text).into_iter().collect()),
        ("App", texts("application_protocols")),
        ("Addr", list(conditions, "prefix_ranges").map(range).collect()),
        ("Port", conditions["destination_port"].as_u64().iter().map(u64::to_string).collect()),
    ];
    let kinds = kinds.iter().filter(|(_, wanted)| !wanted.is_empty());
    let all: Vec<_> = kinds.map(|(kind, wanted)| format!("{kind}: {}", wanted.join(","))).collect();
    if all.is_empty() { "ALL".to_owned() } else { all.join("; ") }
}

fn range(range: &Value) -> String {
    let length = range["prefix_len"].as_u64().unwrap_or(0);
    format!("{}/{length}", range["address_prefix"].as_str().unwrap_or_default())
}

/// The destination of a chain's last filter.
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
    let weighted = weighted(config);
    if weighted.is_empty() {
        name_of(filter).to_owned()
    } else {
        format!("Clusters: {}", weighted.join(", "))
    }
}

fn inline(table: &Value) -> String {
    let hosts = list(table, "virtual_hosts");
    let routes = hosts.flat_map(|host| list(host, "routes"));
    let clusters: Vec<_> = routes.filter_map(|route| route["route"]["cluster"].as_str()).collect();
    if clusters.is_empty() { name_of(table).to_owned() } else { clusters.join(", ") }
}
