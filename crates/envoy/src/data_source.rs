//! `envoy.config.core.v3.DataSource`: content inline or in a file.

use envoy_types::pb::envoy::config::core::v3::{DataSource, data_source::Specifier};

/// A file that Envoy reads when it loads the resource. A file of an SDS secret is reloaded when it is replaced.
pub fn file(path: impl Into<String>) -> DataSource {
    of(Specifier::Filename(path.into()))
}

/// Text.
pub fn inline_string(text: impl Into<String>) -> DataSource {
    of(Specifier::InlineString(text.into()))
}

/// Bytes.
pub fn inline_bytes(bytes: impl Into<Vec<u8>>) -> DataSource {
    of(Specifier::InlineBytes(bytes.into()))
}

fn of(specifier: Specifier) -> DataSource {
    DataSource { specifier: Some(specifier), ..Default::default() }
}
