//! Messages as JSON and YAML, for dumps, golden files and tests.
//!
//! Prints as Envoy's own `/config_dump` does: field names as in the `.proto` files, keys sorted, every `Any` expanded
//! with its `@type`. A message of a type that is not in the descriptor set is printed as its type and its bytes in
//! base64. [`dump`] and [`dump_message`] hide key material, and are the form for people and files. [`to_json`] shows
//! everything.

use bytes::Bytes;
use prost::{Message, Name};
use prost_reflect::{
    DeserializeOptions, DynamicMessage, MessageDescriptor, ReflectMessage, SerializeOptions,
};
use serde_json::Value;

mod any;
mod deprecated;
pub(crate) mod descriptors;
mod redact;
#[cfg(test)]
mod tests;
mod yaml;

use descriptors::descriptor;

pub use deprecated::deprecated_fields;
pub use redact::{REDACTED, redact};
pub use yaml::to_yaml;

/// Why a message could not be printed or read.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// The bytes are not a message of the stated type.
    #[error("decode {type_name}")]
    Decode {
        /// The full name of the message.
        type_name: String,
        /// The decoder's error.
        #[source]
        source: prost::DecodeError,
    },
    /// The message has no JSON form (an `Any` whose content is malformed, a duration out of range).
    #[error("print {type_name} as JSON")]
    Print {
        /// The full name of the message.
        type_name: String,
        /// The serialiser's error.
        #[source]
        source: serde_json::Error,
    },
    /// The JSON is not a message of the type: an unknown field, a wrong type.
    #[error("read {type_name} from JSON")]
    Read {
        /// The full name of the message.
        type_name: String,
        /// The deserialiser's error.
        #[source]
        source: serde_json::Error,
    },
    /// The type is not in the descriptor set of the Envoy API.
    #[error("message type `{0}` is not known")]
    UnknownType(String),
}

/// The message of type `type_url` in `bytes` as JSON with key material hidden.
///
/// `type_url` may also be the bare name of the message.
pub fn dump(type_url: &str, bytes: &[u8]) -> Result<Value, JsonError> {
    let mut json = to_json(type_url, bytes)?;
    redact(&mut json);
    Ok(json)
}

/// Like [`dump`], for a message that is not encoded.
pub fn dump_message<M: Message + Name>(message: &M) -> Result<Value, JsonError> {
    dump(&M::full_name(), &crate::encode(message))
}

/// The message of type `type_url` in `bytes` as JSON, key material included.
///
/// An unknown type gives `{"@type": …, "value": <base64>}`.
pub fn to_json(type_url: &str, bytes: &[u8]) -> Result<Value, JsonError> {
    match descriptor(type_url) {
        Some(descriptor) => {
            let mut message = decode(&descriptor, bytes)?;
            // Printing fails at an `Any` of an unknown type; looking for one first would cost every message.
            print(&message).or_else(|_| {
                any::mask_unknown(&mut message);
                let mut json = print(&message)?;
                any::unmask_unknown(&mut json);
                Ok(json)
            })
        }
        None => Ok(any::opaque(type_url, bytes)),
    }
}

/// Reads the JSON form of a message of type `type_url` strictly: an unknown field is an error.
///
/// The bytes are canonical, but may differ from those of [`crate::encode()`] in the position of a `oneof`; to compare
/// bytes, read the message with [`parse`] and encode it.
pub fn from_json(type_url: &str, json: &Value) -> Result<Bytes, JsonError> {
    let descriptor = descriptor(type_url).ok_or_else(|| JsonError::UnknownType(type_url.to_owned()))?;
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    let mut message = DynamicMessage::deserialize_with_options(descriptor.clone(), json, &options)
        .map_err(|source| JsonError::Read { type_name: descriptor.full_name().to_owned(), source })?;
    any::make_canonical(&mut message);
    Ok(any::encode_canonical(&message).into())
}

/// Reads the JSON form of a message strictly.
pub fn parse<M: Message + Name + Default>(json: &Value) -> Result<M, JsonError> {
    let bytes = from_json(&M::full_name(), json)?;
    M::decode(bytes).map_err(|source| JsonError::Decode { type_name: M::full_name(), source })
}

fn decode(descriptor: &MessageDescriptor, bytes: &[u8]) -> Result<DynamicMessage, JsonError> {
    DynamicMessage::decode(descriptor.clone(), bytes)
        .map_err(|source| JsonError::Decode { type_name: descriptor.full_name().to_owned(), source })
}

fn print(message: &DynamicMessage) -> Result<Value, JsonError> {
    let options = SerializeOptions::new().use_proto_field_name(true);
    message
        .serialize_with_options(serde_json::value::Serializer, &options)
        .map_err(|source| JsonError::Print { type_name: message.descriptor().full_name().to_owned(), source })
}
