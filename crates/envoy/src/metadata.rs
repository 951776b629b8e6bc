//! `envoy.config.core.v3.Metadata` and `google.protobuf.Struct` from ordered maps and JSON.

use envoy_types::pb::{
    envoy::config::core::v3::Metadata,
    google::protobuf::{ListValue, Struct, Value, value::Kind},
};
use serde_json::Value as Json;

/// Metadata by namespace (`filter_metadata`).
pub fn filter_metadata<N: Into<String>>(namespaces: impl IntoIterator<Item = (N, Struct)>) -> Metadata {
    Metadata {
        filter_metadata: namespaces.into_iter().map(|(name, fields)| (name.into(), fields)).collect(),
        ..Default::default()
    }
}

/// A struct of texts.
pub fn string_struct<K: Into<String>, V: Into<String>>(fields: impl IntoIterator<Item = (K, V)>) -> Struct {
    let fields = fields.into_iter().map(|(key, text)| (key.into(), string_value(text)));
    Struct { fields: fields.collect() }
}

/// A struct of values.
pub fn struct_of<K: Into<String>>(fields: impl IntoIterator<Item = (K, Value)>) -> Struct {
    Struct { fields: fields.into_iter().map(|(key, value)| (key.into(), value)).collect() }
}

/// A text.
pub fn string_value(text: impl Into<String>) -> Value {
    Value { kind: Some(Kind::StringValue(text.into())) }
}

/// A list.
pub fn list_value(values: impl IntoIterator<Item = Value>) -> Value {
    Value { kind: Some(Kind::ListValue(ListValue { values: values.into_iter().collect() })) }
}

/// A JSON value. Numbers become doubles, as protobuf has no other kind.
pub fn json_value(json: &Json) -> Value {
    let kind = match json {
        Json::Null => Kind::NullValue(0),
        Json::Bool(b) => Kind::BoolValue(*b),
        Json::Number(n) => Kind::NumberValue(n.as_f64().unwrap_or(f64::NAN)),
        Json::String(s) => Kind::StringValue(s.clone()),
        Json::Array(items) => return list_value(items.iter().map(json_value)),
        Json::Object(fields) => Kind::StructValue(json_struct(fields)),
    };
    Value { kind: Some(kind) }
}

/// A JSON object.
pub fn json_struct(fields: &serde_json::Map<String, Json>) -> Struct {
    struct_of(fields.iter().map(|(key, value)| (key.as_str(), json_value(value))))
}
