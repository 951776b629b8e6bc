//! Which objects a resource was made from, read from the metadata that it carries (`filter_metadata.istio`), or from
//! that of the resources that it goes with.

use std::collections::BTreeSet;

use fairlead_config::{AnyConfig, ConfigKey, Kind};
use fairlead_envoy::json;
use fairlead_model::Namespace;
use fairlead_resource::{EncodedResource, TypeUrl};
use fairlead_translate::names;
use fairlead_xds::Publication;
use fairlead_xds::parts::Parts;
use serde_json::Value;

use crate::core::Objects;

/// As many objects are named at most behind a resource that several share: of more, none is to blame. One service has
/// up to three: itself, its DestinationRule and its VirtualService.
const NAMED: usize = 3;

/// The objects that a resource says it was made from, as far as they exist.
pub fn of_resource(type_url: TypeUrl, resource: &EncodedResource, objects: &Objects) -> BTreeSet<ConfigKey> {
    // Bytes that Fairlead encoded decode; if not, there is nothing to be read from them.
    let json = json::to_json(type_url.as_str(), &resource.to_vec()).unwrap_or_default();
    of_json(&json).into_iter().filter(|key| objects.get(key).is_some()).collect()
}

/// The same, where they are few; none where many share the resource.
pub fn few_of_resource(
    type_url: TypeUrl,
    resource: &EncodedResource,
    objects: &Objects,
) -> BTreeSet<ConfigKey> {
    Some(of_resource(type_url, resource, objects)).filter(|all| all.len() <= NAMED).unwrap_or_default()
}

/// The service that a load assignment is of: that of the cluster of its name.
pub fn of_endpoints(name: &str, publication: &Publication, objects: &Objects) -> BTreeSet<ConfigKey> {
    let Some(cluster) = publication.set(TypeUrl::CLUSTER).get(name) else { return BTreeSet::new() };
    let mut origins = of_resource(TypeUrl::CLUSTER, cluster, objects);
    origins.retain(|key| matches!(key.kind, Kind::Service | Kind::ServiceEntry));
    origins
}

/// The Secret, of those in the namespace of a proxy, that its secret of this name is a part of.
pub fn of_secret(name: &str, namespace: &Namespace, objects: &Objects) -> BTreeSet<ConfigKey> {
    let is_in = |object: &str| *names::credential(object) == *name || *names::credential_ca(object) == *name;
    let secrets = objects.of_kind(Kind::Secret).map(AnyConfig::key);
    secrets.filter(|key| key.namespace == *namespace && is_in(key.name.as_str())).cloned().collect()
}

/// The objects of the clusters that a resource leads to, by itself or by its route table; none if they are many.
pub fn behind(
    type_url: TypeUrl,
    resource: &EncodedResource,
    publication: &Publication,
    objects: &Objects,
) -> BTreeSet<ConfigKey> {
    let mut clusters = BTreeSet::new();
    let mut tables = BTreeSet::new();
    let mut read = |type_url: TypeUrl, resource: &EncodedResource| {
        let json = json::to_json(type_url.as_str(), &resource.to_vec()).unwrap_or_default();
        references(&json, &mut clusters, &mut tables);
        std::mem::take(&mut tables)
    };
    for table in read(type_url, resource) {
        if let Some(table) = publication.set(TypeUrl::ROUTE_CONFIGURATION).get(&*table) {
            read(TypeUrl::ROUTE_CONFIGURATION, table);
        }
    }
    let clusters = clusters.iter().filter_map(|cluster| publication.set(TypeUrl::CLUSTER).get(&**cluster));
    let mut behind = BTreeSet::new();
    for cluster in clusters {
        behind.append(&mut of_resource(TypeUrl::CLUSTER, cluster, objects));
        if behind.len() > NAMED {
            return BTreeSet::new();
        }
    }
    behind
}

/// The objects whose filter chains name a secret: it is a file, which they name.
pub fn that_name(secret: &str, publication: &Publication, objects: &Objects) -> BTreeSet<ConfigKey> {
    let mut named = BTreeSet::new();
    for listener in publication.set(TypeUrl::LISTENER).values() {
        let parts = Parts::of(TypeUrl::LISTENER, listener);
        for part in parts.iter().flat_map(Parts::all) {
            if part.secrets().contains(secret) {
                let chain = EncodedResource::whole(&*part.name, part.message().clone());
                named.append(&mut of_resource(TypeUrl::FILTER_CHAIN, &chain, objects));
            }
        }
    }
    named
}

/// The clusters and route tables that a message names.
fn references(json: &Value, clusters: &mut BTreeSet<String>, tables: &mut BTreeSet<String>) {
    match json {
        Value::Object(fields) => {
            for (field, value) in fields {
                match (field.as_str(), value) {
                    ("cluster", Value::String(name)) => {
                        clusters.insert(name.clone());
                    }
                    ("route_config_name", Value::String(name)) => {
                        tables.insert(name.clone());
                    }
                    ("weighted_clusters", weighted) => {
                        let names = weighted["clusters"].as_array().into_iter().flatten();
                        clusters.extend(names.filter_map(|one| one["name"].as_str().map(str::to_owned)));
                    }
                    _ => references(value, clusters, tables),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, clusters, tables)),
        _ => {}
    }
}

/// The objects that a resource in JSON says it was made from. Of a service, whose kind it does not say, both kinds
/// that it can have.
pub fn of_json(resource: &Value) -> BTreeSet<ConfigKey> {
    let mut keys = BTreeSet::new();
    visit(resource, &mut keys);
    keys
}

fn visit(json: &Value, keys: &mut BTreeSet<ConfigKey>) {
    match json {
        Value::Object(fields) => {
            if let Some(istio) = fields.get("filter_metadata").and_then(|metadata| metadata.get("istio")) {
                of_metadata(istio, keys);
            }
            fields.values().for_each(|value| visit(value, keys));
        }
        Value::Array(items) => items.iter().for_each(|item| visit(item, keys)),
        _ => {}
    }
}

/// The objects that the entry `istio` of a resource's filter metadata names.
fn of_metadata(istio: &Value, keys: &mut BTreeSet<ConfigKey>) {
    keys.extend(istio["config"].as_str().and_then(object_at));
    for service in istio["services"].as_array().into_iter().flatten() {
        if let (Some(namespace), Some(name)) = (service["namespace"].as_str(), service["name"].as_str()) {
            keys.insert(ConfigKey::new(Kind::Service, namespace, name));
            keys.insert(ConfigKey::new(Kind::ServiceEntry, namespace, name));
        }
    }
}

/// The object at a path of the Kubernetes API, `/apis/networking.istio.io/v1/namespaces/shop/virtual-service/cart`.
pub fn object_at(path: &str) -> Option<ConfigKey> {
    let mut parts = path.rsplit('/');
    let (name, kind, namespace) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next() != Some("namespaces") {
        return None;
    }
    let _version = parts.next()?;
    let group = parts.next().map(|group| if group == "api" { "" } else { group })?;
    let is_same = |known: &Kind| {
        let name = known.name().chars().map(|c| c.to_ascii_lowercase());
        known.group() == group && (kind == known.plural() || kind.chars().filter(|c| *c != '-').eq(name))
    };
    let kind = Kind::ALL.into_iter().find(is_same)?;
    Some(ConfigKey::new(kind, namespace, name))
}

#[cfg(test)]
mod tests;
