//! `fairlead proxy-config route`: the columns of istioctl, and the source.

use fairlead_control_plane::order::natural;
use serde_json::Value;

use super::{
    configuration::{Configuration, Entry, list, name_of, weighted},
    shown::Shown,
    source::From,
};
use crate::output::Table;

/// The filter of routes.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Choice {
    /// Only the route table with this name.
    #[arg(long)]
    name: Option<String>,
}

impl Shown for Choice {
    const TYPE: &'static str = "RDS";

    fn wants(&self, table: &Value) -> bool {
        self.name.as_ref().is_none_or(|name| name_of(table) == name)
    }

    fn table(&self, configuration: &Configuration) -> Table {
        let mut table = Table::new(&[
            "NAME",
            "VHOST NAME",
            "DOMAINS",
            "MATCH",
            "DESTINATION",
            "VIRTUAL SERVICE",
            "SOURCE",
            "STATE",
        ]);
        for entry in configuration.entries(Self::TYPE).filter(|entry| self.wants(&entry.resource)) {
            let mut hosts: Vec<_> = list(&entry.resource, "virtual_hosts").collect();
            hosts.sort_by(|a, b| natural(name_of(a), name_of(b)));
            // A table without hosts behaves like a host without routes.
            let hosts = if hosts.is_empty() { vec![&Value::Null] } else { hosts };
            for host in hosts {
                let (of, full) = (name_of(&entry.resource), name_of(host));
                // The name of a host sent by VHDS includes its table.
                let name = full.strip_prefix(of).and_then(|rest| rest.strip_prefix('/')).unwrap_or(full);
                let state = configuration.state_of_part(Self::TYPE, entry, &[name.to_owned()]);
                for cells in rows(entry, host, name) {
                    let first = [of.to_owned(), name.to_owned(), domains(host)];
                    table.row(first.into_iter().chain(cells).chain([state.clone()]));
                }
            }
        }
        table
    }
}

/// The columns after the name of a host: one row for each of its routes, or for Envoy's answer if there is none.
/// Plaintext requests may be redirected before any route is considered.
fn rows(entry: &Entry, host: &Value, name: &str) -> Vec<[String; 4]> {
    let of_route = |(place, route): (usize, &Value)| {
        let from = From::of_part(entry, route, name, place);
        [conditions(&route["match"]), destination(route), from.object("VirtualService"), from.source()]
    };
    let answer = |conditions: &str, answer: &str| {
        let source = From::of_part(entry, host, name, 0).source();
        [conditions.to_owned(), answer.to_owned(), String::new(), source]
    };
    let mut rows = Vec::new();
    if matches!(host["require_tls"].as_str(), Some("ALL" | "EXTERNAL_ONLY")) {
        rows.push(answer("/* without TLS", "redirect to https"));
    }
    rows.extend(list(host, "routes").enumerate().map(of_route));
    if list(host, "routes").next().is_none() {
        rows.push(answer("/*", "response 404"));
    }
    rows
}

/// The first domain, and the number of further ones.
fn domains(host: &Value) -> String {
    let all: Vec<_> = list(host, "domains").filter_map(Value::as_str).collect();
    match all[..] {
        [] => String::new(),
        [one] => one.to_owned(),
        [first, second] => format!("{first}, {second}"),
        [first, ..] => format!("{first} + {} more...", all.len() - 1),
    }
}

fn conditions(conditions: &Value) -> String {
    let text = |name: &str| conditions[name].as_str();
    let path = None
        .or_else(|| text("prefix").map(|prefix| format!("{prefix}*")))
        .or_else(|| text("path").map(str::to_owned))
        .or_else(|| text("path_separated_prefix").map(|prefix| format!("PathPrefix:{prefix}")))
        .or_else(|| conditions["safe_regex"]["regex"].as_str().map(|regex| format!("regex {regex}")))
        .unwrap_or_else(|| "/*".to_owned());
    let mut all = vec![path];
    let named = |kind: &str| -> Vec<String> {
        list(conditions, kind).map(|condition| name_of(condition).to_owned()).collect()
    };
    let headers = named("headers");
    if !headers.is_empty() {
        all.push(format!("headers {}", headers.join(",")));
    }
    let parameters = named("query_parameters");
    if !parameters.is_empty() {
        all.push(format!("query {}", parameters.join(",")));
    }
    all.join(" ")
}

fn destination(route: &Value) -> String {
    let action = &route["route"];
    if let Some(cluster) = action["cluster"].as_str() {
        return cluster.to_owned();
    }
    let weighted = weighted(action);
    if !weighted.is_empty() {
        return weighted.join(", ");
    }
    if route.get("redirect").is_some() {
        return "redirect".to_owned();
    }
    match route["direct_response"]["status"].as_u64() {
        Some(status) => format!("response {status}"),
        None => action["cluster_header"].as_str().map(|name| format!("header {name}")).unwrap_or_default(),
    }
}
