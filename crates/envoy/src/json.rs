//! Messages as JSON and YAML, for dumps, golden files and tests.
//!
//! Prints as Envoy's own `/config_dump` does: field names as in the `.proto` files, keys sorted, every `Any`
//! expanded with its `@type`. A message type that the descriptor set does not know is printed as its type and
//! its bytes in base64. [`dump`] and [`dump_message`] hide key material: they are the form for everything that a
//! person or a file sees. [`to_json`] shows all.

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
    /// The bytes are not a message of the type that they are said to be.
    #[error("decode {type_name}")]
    Decode {
        /// The full name of the message.
        type_name: String,
        /// What the decoder says.
        #[source]
        source: prost::DecodeError,
    },
    /// The message has no JSON form (an `Any` whose content is malformed, a duration out of range).
    #[error("print {type_name} as JSON")]
    Print {
        /// The full name of the message.
        type_name: String,
        /// What the serialiser says.
        #[source]
        source: serde_json::Error,
    },
    /// The JSON is not a message of the type: an unknown field, a wrong type.
    #[error("read {type_name} from JSON")]
    Read {
        /// The full name of the message.
        type_name: String,
        /// What the deserialiser says.
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

/// As [`dump`], for a message at hand.
pub fn dump_message<M: Message + Name>(message: &M) -> Result<Value, JsonError> {
    dump(&M::full_name(), &crate::encode(message))
}

/// The message of type `type_url` in `bytes` as JSON, key material included.
///
/// A type that is not known gives `{"@type": …, "value": <base64>}`.
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
/// The bytes are canonical as those of [`crate::encode()`] are, but may differ from them in the position of a
/// `oneof`; for bytes to compare, read the message with [`parse`] and encode that.
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
