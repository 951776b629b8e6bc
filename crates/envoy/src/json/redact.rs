//! Hides key material in a message's JSON.

use serde_json::Value;

/// Replacement for a secret.
pub const REDACTED: &str = "[redacted]";

/// Fields that hold a `DataSource` with a secret, alone, in a list or as the values of a map. Inline content is hidden;
/// the name of a file stays, since it helps and reveals nothing.
pub(super) const SECRET_DATA_SOURCES: &[&str] = &[
    "auth_password",
    "auth_username",
    "credentials_data_source",
    "downstream_auth_password",
    "downstream_auth_passwords",
    "downstream_auth_username",
    "keys",
    "password",
    "pkcs12",
    "private_key",
    "secret",
    "secret_data",
    "secrets",
    "users",
    "web_identity_token_data_source",
];

/// Fields in which every string is a secret.
pub(super) const SECRET_TEXTS: &[&str] = &[
    "access_token",
    "backend_token",
    "credentials",
    "json_key",
    "private_key_provider",
    "secret_access_key",
    "session_token",
];

/// Strings that are not secret even within [`SECRET_TEXTS`].
const NAMES: &[&str] = &["@type", "provider_name", "client"];

/// Replaces private keys, passwords, tokens and other secret bytes by [`REDACTED`].
pub fn redact(json: &mut Value) {
    match json {
        Value::Object(object) => {
            for (key, value) in object {
                if SECRET_DATA_SOURCES.contains(&key.as_str()) {
                    hide_inline(value);
                } else if SECRET_TEXTS.contains(&key.as_str()) {
                    hide_texts(value);
                }
                redact(value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact),
        _ => {}
    }
}

fn hide_inline(json: &mut Value) {
    match json {
        Value::Object(object) => {
            for (key, value) in object {
                if matches!(key.as_str(), "inline_bytes" | "inline_string") {
                    *value = REDACTED.into();
                } else {
                    hide_inline(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide_inline),
        _ => {}
    }
}

fn hide_texts(json: &mut Value) {
    match json {
        Value::String(text) => REDACTED.clone_into(text),
        Value::Object(object) => {
            object
                .iter_mut()
                .filter(|(key, _)| !NAMES.contains(&key.as_str()))
                .for_each(|(_, v)| hide_texts(v));
        }
        Value::Array(items) => items.iter_mut().for_each(hide_texts),
        _ => {}
    }
}
