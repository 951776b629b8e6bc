//! Closure: what resources of a publication refer to is in the same publication, and what is there is used.

use std::collections::BTreeSet;

use fairlead_resource::{ResourceSet, TypeUrl};
use fairlead_translate::publication::Sets;
use serde_json::Value;

use crate::json_walk::{all, fields, items, one, text};

/// What is referred to and missing, or there and not referred to: `<kind> <name>`, sorted.
pub(crate) fn missing(sets: &Sets) -> Vec<String> {
    let clusters = all(&sets.clusters, TypeUrl::CLUSTER);
    let listeners = all(&sets.listeners, TypeUrl::LISTENER);
    let tables = all(&sets.route_tables, TypeUrl::ROUTE_CONFIGURATION);
    let mut problems = Vec::new();

    let assignments = clusters.iter().filter(|c| c["type"] == "EDS").map(|cluster| {
        let service = text(&cluster["eds_cluster_config"]["service_name"]);
        if service.is_empty() { text(&cluster["name"]) } else { service }
    });
    compare("load assignment", &assignments.collect(), &sets.load_assignments, &mut problems);

    let mut named = BTreeSet::new();
    for listener in &listeners {
        fields(listener, &mut |key, value| {
            if key == "route_config_name" {
                named.insert(text(value));
            }
        });
    }
    compare("route table", &named, &sets.route_tables, &mut problems);

    let mut secrets = BTreeSet::new();
    for json in clusters.iter().chain(&listeners) {
        fields(json, &mut |key, value| match key {
            "tls_certificate_sds_secret_configs" => {
                secrets.extend(items(value).iter().map(|config| text(&config["name"])));
            }
            "validation_context_sds_secret_config" => drop(secrets.insert(text(&value["name"]))),
            _ => {}
        });
    }
    compare("secret", &secrets, &sets.secrets, &mut problems);

    for json in tables.iter().chain(&listeners) {
        fields(json, &mut |key, value| {
            for name in cluster_names(key, value) {
                if !sets.clusters.contains_key(name) {
                    problems.push(format!("cluster {name}"));
                }
            }
        });
    }
    problems.extend(children(&sets.route_tables));
    problems.sort();
    problems.dedup();
    problems
}

/// The clusters that a field of a route or of a TCP proxy names.
fn cluster_names<'a>(key: &str, value: &'a Value) -> Vec<&'a str> {
    match (key, value) {
        ("cluster", Value::String(name)) => vec![name],
        ("clusters", Value::Array(weighted)) => weighted.iter().map(|w| text(&w["name"])).collect(),
        _ => Vec::new(),
    }
}

fn compare(kind: &str, named: &BTreeSet<&str>, set: &ResourceSet, problems: &mut Vec<String>) {
    let there: BTreeSet<&str> = set.keys().map(|name| &**name).collect();
    problems.extend(named.difference(&there).map(|name| format!("{kind} {name}")));
    problems.extend(there.difference(named).map(|name| format!("unused {kind} {name}")));
}

/// Virtual hosts as resources of their own are those of their table, and are named after it.
fn children(tables: &ResourceSet) -> Vec<String> {
    let mut problems = Vec::new();
    for (table, resource) in tables {
        let Some(elements) = &resource.elements else { continue };
        let whole = one(resource, TypeUrl::ROUTE_CONFIGURATION);
        let parent = one(&elements.parent, TypeUrl::ROUTE_CONFIGURATION);
        let inline: BTreeSet<String> = hosts(&parent).iter().map(|host| format!("{table}/{host}")).collect();
        let all: BTreeSet<String> = hosts(&whole).iter().map(|host| format!("{table}/{host}")).collect();
        let children: BTreeSet<String> = elements.children.keys().map(ToString::to_string).collect();
        if !children.is_disjoint(&inline) || children.union(&inline).cloned().collect::<BTreeSet<_>>() != all
        {
            problems.push(format!("virtual hosts of {table}: {children:?} and {inline:?} are not {all:?}"));
        }
        for (name, child) in &elements.children {
            if text(&one(child, TypeUrl::VIRTUAL_HOST)["name"]) != &**name {
                problems.push(format!("virtual host {name} calls itself otherwise"));
            }
        }
    }
    problems
}

fn hosts(table: &Value) -> Vec<&str> {
    items(&table["virtual_hosts"]).iter().map(|host| text(&host["name"])).collect()
}
