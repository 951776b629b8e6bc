//! The column SOURCE: the objects that a row comes from.

use fairlead_control_plane::provenance;
use serde_json::Value;

use super::configuration::Configuration;

/// `<namespace>/<name> <file>:<line>` of the objects that a part of a resource names; of a service whose kind is not
/// known, the one that exists.
pub(super) fn source(part: &Value, configuration: &Configuration) -> String {
    let keys = provenance::of_json(part);
    let known: Vec<_> = keys
        .iter()
        .filter_map(|key| Some((key, configuration.sources.get(&key.to_string())?)))
        .map(|(key, place)| format!("{}/{} {place}", key.namespace, key.name).trim_end().to_owned())
        .collect();
    if !known.is_empty() {
        return known.join(", ");
    }
    let mut names: Vec<_> = keys.iter().map(|key| format!("{}/{}", key.namespace, key.name)).collect();
    names.dedup();
    names.join(", ")
}

/// `<name>.<namespace>` of the object in the entry `config`, as istioctl writes it.
pub(super) fn config_name(resource: &Value) -> String {
    let path = resource["metadata"]["filter_metadata"]["istio"]["config"].as_str();
    let key = path.and_then(provenance::object_at);
    key.map(|key| format!("{}.{}", key.name, key.namespace)).unwrap_or_default()
}
