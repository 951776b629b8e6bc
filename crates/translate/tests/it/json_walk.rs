//! Walks through resources as JSON.

use fairlead_envoy::json;
use fairlead_resource::{EncodedResource, ResourceSet, TypeUrl};
use serde_json::Value;

/// Every resource of a set as JSON, key material included.
pub(crate) fn all(set: &ResourceSet, type_url: TypeUrl) -> Vec<Value> {
    set.values().map(|resource| one(resource, type_url)).collect()
}

pub(crate) fn one(resource: &EncodedResource, type_url: TypeUrl) -> Value {
    json::to_json(type_url.as_str(), &resource.to_vec()).expect("what is encoded can be printed")
}

/// Calls `visit` with the key and value of every field at any depth.
pub(crate) fn fields<'a>(json: &'a Value, visit: &mut dyn FnMut(&'a str, &'a Value)) {
    match json {
        Value::Object(object) => {
            for (key, value) in object {
                visit(key, value);
                fields(value, visit);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| fields(item, visit)),
        _ => {}
    }
}

/// Calls `edit` with every object at any depth, the inner ones first.
pub(crate) fn edit_objects(json: &mut Value, edit: &mut dyn FnMut(&mut serde_json::Map<String, Value>)) {
    match json {
        Value::Object(object) => {
            object.values_mut().for_each(|value| edit_objects(value, edit));
            edit(object);
        }
        Value::Array(items) => items.iter_mut().for_each(|item| edit_objects(item, edit)),
        _ => {}
    }
}

/// The items of an array; none where there is no array.
pub(crate) fn items(json: &Value) -> &[Value] {
    json.as_array().map_or(&[], Vec::as_slice)
}

pub(crate) fn text(json: &Value) -> &str {
    json.as_str().unwrap_or_default()
}
