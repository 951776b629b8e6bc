//! The contents of a message's `Any`s: unknown types on the way to JSON, canonical bytes on the way back.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use envoy_types::pb::google::protobuf::{self as wkt, value::Kind};
use prost::{Message, Name};
use prost_reflect::{DynamicMessage, ReflectMessage, Value as Field};
use serde_json::{Map, Value, json};

use super::descriptors::descriptor;
use crate::encode::{pack_any, sort_maps};

/// The keys of a stand-in for an `Any` that cannot be expanded, which no `Struct` in Envoy's configuration has by
/// accident.
const MASKED_TYPE: &str = "\u{1}type";
const MASKED_VALUE: &str = "\u{1}value";

/// The JSON of a message of a type that is not known.
pub(super) fn opaque(type_url: &str, bytes: &[u8]) -> Value {
    json!({ "@type": type_url, "value": STANDARD.encode(bytes) })
}

/// Replaces each `Any` of an unknown type, at any depth, by a stand-in that can be printed.
pub(super) fn mask_unknown(message: &mut DynamicMessage) {
    for_each_any(message, &mut |url, value| match Inner::open(url, value) {
        Inner::Known(mut inner) => {
            mask_unknown(&mut inner);
            Some((url.to_owned(), inner.encode_to_vec()))
        }
        Inner::Malformed => None,
        Inner::Unknown => {
            let text = |s: String| wkt::Value { kind: Some(Kind::StringValue(s)) };
            let fields = [
                (MASKED_TYPE.to_owned(), text(url.to_owned())),
                (MASKED_VALUE.to_owned(), text(STANDARD.encode(value))),
            ];
            let stand_in = pack_any(&wkt::Struct { fields: fields.into() });
            Some((stand_in.type_url, stand_in.value))
        }
    });
}

/// Turns the stand-ins of [`mask_unknown`] into the printed form of unknown types.
pub(super) fn unmask_unknown(json: &mut Value) {
    match json {
        Value::Object(object) => match masked(object) {
            Some(restored) => *json = restored,
            None => object.values_mut().for_each(unmask_unknown),
        },
        Value::Array(items) => items.iter_mut().for_each(unmask_unknown),
        _ => {}
    }
}

fn masked(object: &Map<String, Value>) -> Option<Value> {
    let stand_in = object.get("value")?.as_object()?;
    let (type_url, value) = (stand_in.get(MASKED_TYPE)?, stand_in.get(MASKED_VALUE)?);
    Some(json!({ "@type": type_url, "value": value }))
}

/// Encodes the content of each `Any` of a known type canonically, innermost first.
pub(super) fn make_canonical(message: &mut DynamicMessage) {
    for_each_any(message, &mut |url, value| match Inner::open(url, value) {
        Inner::Known(mut inner) => {
            make_canonical(&mut inner);
            Some((url.to_owned(), encode_canonical(&inner)))
        }
        Inner::Malformed | Inner::Unknown => None,
    });
}

/// The bytes of `message` with the entries of its maps sorted.
pub(super) fn encode_canonical(message: &DynamicMessage) -> Vec<u8> {
    let mut bytes = message.encode_to_vec();
    sort_maps(message.descriptor().full_name(), &mut bytes);
    bytes
}

enum Inner {
    Known(DynamicMessage),
    /// A known type, but the bytes are not a message of it: left alone, so that printing reports it.
    Malformed,
    Unknown,
}

impl Inner {
    fn open(url: &str, value: &[u8]) -> Self {
        match descriptor(url).map(|d| DynamicMessage::decode(d, value)) {
            Some(Ok(inner)) => Self::Known(inner),
            Some(Err(_)) => Self::Malformed,
            None => Self::Unknown,
        }
    }
}

/// What an `Any` becomes: its new type URL and value, or `None` to leave it.
type Rewrite<'f> = dyn FnMut(&str, &[u8]) -> Option<(String, Vec<u8>)> + 'f;

/// Rewrites each `Any` in `message`, itself included, without looking into them.
fn for_each_any(message: &mut DynamicMessage, rewrite: &mut Rewrite<'_>) {
    if message.descriptor().full_name() == wkt::Any::full_name() {
        let any: wkt::Any = message.transcode_to().expect("an Any is an Any");
        // An `Any` without a type is empty: there is nothing to look into and it prints as `{}`.
        if !any.type_url.is_empty()
            && let Some((type_url, value)) = rewrite(&any.type_url, &any.value)
        {
            message.transcode_from(&wkt::Any { type_url, value }).expect("an Any is an Any");
        }
        return;
    }
    for (_, field) in message.fields_mut() {
        for_each_any_in_field(field, rewrite);
    }
}

fn for_each_any_in_field(field: &mut Field, rewrite: &mut Rewrite<'_>) {
    match field {
        Field::Message(inner) => for_each_any(inner, rewrite),
        Field::List(items) => items.iter_mut().for_each(|item| for_each_any_in_field(item, rewrite)),
        Field::Map(entries) => entries.values_mut().for_each(|value| for_each_any_in_field(value, rewrite)),
        _ => {}
    }
}
