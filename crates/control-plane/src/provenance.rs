//! Which objects a resource was made from, read from the metadata that it carries (`filter_metadata.istio`).

use std::collections::BTreeSet;

use fairlead_config::{ConfigKey, Kind};
use fairlead_envoy::{EncodedResource, TypeUrl, json};
use serde_json::Value;

use crate::core::Objects;

/// The objects that a resource says it was made from, as far as they exist.
pub fn of_resource(type_url: TypeUrl, resource: &EncodedResource, objects: &Objects) -> BTreeSet<ConfigKey> {
    // Bytes that Fairlead encoded decode; if not, there is nothing to be read from them.
    let json = json::to_json(type_url.as_str(), &resource.to_vec()).unwrap_or_default();
    of_json(&json).into_iter().filter(|key| objects.get(key).is_some()).collect()
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
    let is_same = |known: &Kind| {
        let known = known.as_str();
        kind.chars().filter(|c| *c != '-').eq(known.chars().map(|c| c.to_ascii_lowercase()))
            || kind.strip_suffix('s').is_some_and(|one| one.eq_ignore_ascii_case(known))
    };
    let kind = Kind::ALL.into_iter().find(is_same)?;
    Some(ConfigKey::new(kind, namespace, name))
}

#[cfg(test)]
mod tests;
