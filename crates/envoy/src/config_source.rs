//! `envoy.config.core.v3.ConfigSource`: where a resource comes from.

use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::{
    AggregatedConfigSource, ApiVersion, ConfigSource, PathConfigSource, WatchedDirectory,
    config_source::ConfigSourceSpecifier,
};

use crate::wkt::IntoProto;

/// The ADS stream. Envoy waits 15 s for the first response (Envoy API, `initial_fetch_timeout`) and then continues
/// without the resource.
pub fn ads() -> ConfigSource {
    of(ConfigSourceSpecifier::Ads(AggregatedConfigSource {}))
}

/// The ADS stream, waiting for the first response without a timeout.
pub fn ads_without_timeout() -> ConfigSource {
    ConfigSource { initial_fetch_timeout: Some(Duration::ZERO.into_proto()), ..ads() }
}

/// A file that is read again when something is moved into `watched_directory`, or else when it is itself
/// replaced by a rename.
pub fn path(path: impl Into<String>, watched_directory: Option<String>) -> ConfigSource {
    of(ConfigSourceSpecifier::PathConfigSource(PathConfigSource {
        path: path.into(),
        watched_directory: watched_directory.map(|path| WatchedDirectory { path, ..Default::default() }),
        ..Default::default()
    }))
}

fn of(specifier: ConfigSourceSpecifier) -> ConfigSource {
    ConfigSource {
        resource_api_version: ApiVersion::V3.into(),
        config_source_specifier: Some(specifier),
        ..Default::default()
    }
}
