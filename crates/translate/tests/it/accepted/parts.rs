//! Resources in elements: put together again they are what is sent in one piece, and Envoy accepts the listeners
//! whose chains are chosen by a matcher.

use std::sync::Arc;

use fairlead_envoy::json;
use fairlead_resource::{Elements, EncodedResource, ResourceSet, TypeUrl};
use fairlead_translate::publication::Sets;
use serde_json::Value;

use crate::json_walk::{all, items, one, text};

/// Where the whole form and the elements differ.
pub(super) fn differences(sets: &Sets) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |set: &ResourceSet, type_url, together: fn(&Elements) -> Value| {
        for (name, resource) in set {
            let Some(elements) = &resource.elements else { continue };
            let (whole, parts) = (sorted(one(resource, type_url)), sorted(together(elements)));
            if whole != parts {
                found.push(format!("{name}: in elements it is {parts}, in one piece {whole}"));
            }
        }
    };
    compare(&sets.route_tables, TypeUrl::ROUTE_CONFIGURATION, table);
    compare(&sets.load_assignments, TypeUrl::CLUSTER_LOAD_ASSIGNMENT, assignment);
    found
}

/// A table with its virtual hosts, which have the names that they have inside it.
fn table(elements: &Elements) -> Value {
    let mut table = one(&elements.parent, TypeUrl::ROUTE_CONFIGURATION);
    let prefix = format!("{}/", text(&table["name"]));
    let mut hosts = items(&table["virtual_hosts"]).to_vec();
    for mut host in all(&elements.children, TypeUrl::VIRTUAL_HOST) {
        let name = text(&host["name"]);
        host["name"] = name.strip_prefix(&prefix).unwrap_or(name).into();
        hosts.push(host);
    }
    table["virtual_hosts"] = hosts.into();
    let object = table.as_object_mut().expect("a table is an object");
    object.remove("vhds");
    table
}

/// An assignment with its endpoints.
fn assignment(elements: &Elements) -> Value {
    let mut assignment = one(&elements.parent, TypeUrl::CLUSTER_LOAD_ASSIGNMENT);
    for locality in assignment["endpoints"].as_array_mut().into_iter().flatten() {
        let locality = locality.as_object_mut().expect("a locality is an object");
        let Some(source) = locality.remove("leds_cluster_locality_config") else { continue };
        let name = text(&source["leds_collection_name"]);
        let prefix = name.strip_suffix('*').unwrap_or(name);
        let own = elements.children.iter().filter(|(name, _)| name.starts_with(prefix));
        let own: Vec<Value> = own.map(|(_, endpoint)| one(endpoint, TypeUrl::LB_ENDPOINT)).collect();
        locality.insert("lb_endpoints".to_owned(), own.into());
    }
    assignment
}

/// With hosts and endpoints in one order.
fn sorted(mut json: Value) -> Value {
    let by_text = |list: Option<&mut Vec<Value>>| {
        if let Some(list) = list {
            list.sort_by_key(ToString::to_string);
        }
    };
    by_text(json["virtual_hosts"].as_array_mut());
    for locality in json["endpoints"].as_array_mut().into_iter().flatten() {
        by_text(locality["lb_endpoints"].as_array_mut());
    }
    json
}

/// The listeners whose chains come as elements, as a client has them that was sent them; and what they refer to.
pub(super) fn with_chains(sets: &Sets) -> Sets {
    let listeners = sets.listeners.values().filter_map(|listener| {
        let elements = listener.elements.as_ref()?;
        Some((listener.name.clone(), put_together(elements)))
    });
    let listeners: ResourceSet = listeners.collect();
    Sets { listeners: Arc::new(listeners.into()), clusters: Arc::default(), ..sets.clone() }
}

fn put_together(elements: &Elements) -> EncodedResource {
    let mut listener = one(&elements.parent, TypeUrl::LISTENER);
    let mut chains = items(&listener["filter_chains"]).to_vec();
    chains.extend(all(&elements.children, TypeUrl::FILTER_CHAIN));
    listener["filter_chains"] = chains.into();
    listener.as_object_mut().expect("a listener is an object").remove("fcds_config");
    let bytes = json::from_json(TypeUrl::LISTENER.as_str(), &listener).expect("it is a listener");
    EncodedResource::whole(elements.parent.name.clone(), bytes)
}
