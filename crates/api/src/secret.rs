//! `Secret` (core/v1): certificates and keys. Values never show in debug output and are never serialised.

use std::{collections::BTreeMap, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A `Secret`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Secret {
    /// Type of the Secret, such as `kubernetes.io/tls`.
    #[serde(rename = "type")]
    pub secret_type: Option<String>,
    /// Values by key; base64 on the wire.
    pub data: BTreeMap<String, SecretBytes>,
    /// Values by key as plain text; wins over `data`.
    pub string_data: BTreeMap<String, SecretText>,
}

impl Secret {
    /// The value of `key`, from `stringData` or `data`.
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        let text = self.string_data.get(key).map(|text| text.0.as_bytes());
        text.or_else(|| self.data.get(key).map(|bytes| bytes.0.as_slice()))
    }
}

/// Secret bytes. `Debug` and `Serialize` show only their number.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretBytes(pub Vec<u8>);

/// A secret string. `Debug` and `Serialize` show its length only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretText(pub String);

fn redacted(len: usize) -> String {
    format!("<redacted, {len} bytes>")
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redacted(self.0.len()))
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redacted(self.0.len()))
    }
}

impl Serialize for SecretBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&redacted(self.0.len()))
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&redacted(self.0.len()))
    }
}

impl<'de> Deserialize<'de> for SecretBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut text = String::deserialize(deserializer)?;
        text.retain(|c| c != '\n' && c != '\r');
        // The decoder's own error names the offending byte, which belongs to the secret.
        STANDARD.decode(text).map(Self).map_err(|_| D::Error::custom("the value is not base64"))
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

impl JsonSchema for SecretBytes {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SecretBytes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "byte" })
    }
}

impl JsonSchema for SecretText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SecretText".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "password" })
    }
}
