//! Finds fields that Envoy would warn about.

use envoy_types::pb::google::protobuf::Any;
use prost::Name;
use prost_reflect::{DynamicMessage, Kind, ReflectMessage, Value};

use super::{JsonError, decode, descriptors::descriptor};

/// The full names of the deprecated fields and enum values that the message in `bytes` sets, at any depth.
///
/// Fields inside an `Any` of an unknown type are not found.
pub fn deprecated_fields(type_url: &str, bytes: &[u8]) -> Result<Vec<String>, JsonError> {
    let mut found = Vec::new();
    if let Some(descriptor) = descriptor(type_url) {
        visit(&decode(&descriptor, bytes)?, &mut found)?;
    }
    Ok(found)
}

fn visit(message: &DynamicMessage, found: &mut Vec<String>) -> Result<(), JsonError> {
    if message.descriptor().full_name() == Any::full_name() {
        let any: Any = message.transcode_to().expect("an Any is an Any");
        found.extend(deprecated_fields(&any.type_url, &any.value)?);
        return Ok(());
    }
    for (field, value) in message.fields() {
        if is_deprecated(&field.options()) {
            found.push(field.full_name().to_owned());
        }
        visit_value(&field.kind(), value, found)?;
    }
    Ok(())
}

fn visit_value(kind: &Kind, value: &Value, found: &mut Vec<String>) -> Result<(), JsonError> {
    match value {
        Value::Message(inner) => visit(inner, found),
        Value::List(items) => items.iter().try_for_each(|item| visit_value(kind, item, found)),
        Value::Map(entries) => {
            let Kind::Message(entry) = kind else { unreachable!("a map is a repeated entry message") };
            let kind = entry.map_entry_value_field().kind();
            entries.values().try_for_each(|item| visit_value(&kind, item, found))
        }
        Value::EnumNumber(number) => {
            if let Kind::Enum(descriptor) = kind
                && let Some(value) = descriptor.get_value(*number)
                && is_deprecated(&value.options())
            {
                found.push(value.full_name().to_owned());
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn is_deprecated(options: &DynamicMessage) -> bool {
    options.get_field_by_name("deprecated").and_then(|value| value.as_bool()).unwrap_or(false)
}
