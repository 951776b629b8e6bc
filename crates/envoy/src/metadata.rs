//! `envoy.config.core.v3.Metadata` and `google.protobuf.Struct` from ordered maps and JSON.

use envoy_types::pb::{
    envoy::config::core::v3::Metadata,
    google::protobuf::{ListValue, Struct, Value, value::Kind},
};
use prost::encoding::{WireType, encode_key, encode_varint};
use serde_json::Value as Json;

/// Metadata by namespace (`filter_metadata`).
pub fn filter_metadata<N: Into<String>>(namespaces: impl IntoIterator<Item = (N, Struct)>) -> Metadata {
    Metadata {
        filter_metadata: namespaces.into_iter().map(|(name, fields)| (name.into(), fields)).collect(),
        ..Default::default()
    }
}

/// A struct of strings.
pub fn string_struct<K: Into<String>, V: Into<String>>(fields: impl IntoIterator<Item = (K, V)>) -> Struct {
    struct_of(fields.into_iter().map(|(key, text)| (key, string_value(text))))
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

/// A metadata value that is written without a message: the maps of messages are hash maps, which cost more than the
/// rest of a cluster.
#[derive(Clone, Copy, Debug)]
pub enum Plain<'a> {
    /// A text.
    Text(&'a str),
    /// A list.
    List(&'a [Plain<'a>]),
    /// A struct, in the order of its keys.
    Struct(&'a [(&'a str, Plain<'a>)]),
}

/// The canonical bytes of metadata with one namespace, equal to those of [`filter_metadata`]. Fields must be given in
/// the order of their keys.
pub fn plain_filter_metadata(namespace: &str, fields: &[(&str, Plain<'_>)]) -> Vec<u8> {
    let mut bytes = Backwards::default();
    bytes.message(FILTER_METADATA, |entry| {
        entry.message(MAP_VALUE, |value| value.fields(fields));
        entry.text(MAP_KEY, namespace);
    });
    bytes.finish()
}

/// `Metadata.filter_metadata`.
const FILTER_METADATA: u32 = 1;
/// The key and the value of an entry of a map.
const MAP_KEY: u32 = 1;
const MAP_VALUE: u32 = 2;
/// `Struct.fields`, `ListValue.values`.
const FIELDS: u32 = 1;
const VALUES: u32 = 1;
/// `Value.string_value`, `Value.struct_value`, `Value.list_value`.
const STRING_VALUE: u32 = 3;
const STRUCT_VALUE: u32 = 5;
const LIST_VALUE: u32 = 6;

/// Bytes written from the end, so that the length of a message is known when its head is written.
#[derive(Default)]
struct Backwards(Vec<u8>);

impl Backwards {
    fn finish(mut self) -> Vec<u8> {
        self.0.reverse();
        self.0
    }

    /// A field whose content `write` writes.
    fn message(&mut self, tag: u32, write: impl FnOnce(&mut Self)) {
        let end = self.0.len();
        write(self);
        self.head(tag, self.0.len() - end);
    }

    fn text(&mut self, tag: u32, text: &str) {
        self.0.extend(text.bytes().rev());
        self.head(tag, text.len());
    }

    fn head(&mut self, tag: u32, length: usize) {
        let start = self.0.len();
        encode_key(tag, WireType::LengthDelimited, &mut self.0);
        encode_varint(length as u64, &mut self.0);
        self.0[start..].reverse();
    }

    /// The fields of a struct.
    fn fields(&mut self, fields: &[(&str, Plain<'_>)]) {
        debug_assert!(fields.is_sorted_by(|a, b| a.0 < b.0), "the fields come in the order of their keys");
        for (key, value) in fields.iter().rev() {
            self.message(FIELDS, |entry| {
                entry.message(MAP_VALUE, |body| body.value(*value));
                entry.text(MAP_KEY, key);
            });
        }
    }

    fn value(&mut self, value: Plain<'_>) {
        match value {
            Plain::Text(text) => self.text(STRING_VALUE, text),
            Plain::Struct(fields) => self.message(STRUCT_VALUE, |body| body.fields(fields)),
            Plain::List(values) => self.message(LIST_VALUE, |body| {
                for value in values.iter().rev() {
                    body.message(VALUES, |item| item.value(*value));
                }
            }),
        }
    }
}

#[cfg(test)]
mod tests;
