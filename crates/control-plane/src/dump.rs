//! What a proxy is sent, as JSON: the format of `/debug/config_dump` that the command line reads too.
//!
//! Key material is hidden when the bytes become JSON, so no form of a dump has it.

use std::collections::BTreeMap;

use fairlead_config::{ConfigKey, FieldPath};
use fairlead_envoy::json;
use fairlead_resource::TypeUrl;
use fairlead_xds::Publication;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{admin::HeldBack, core::Objects, provenance};

/// The resources of one proxy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConfigDump {
    /// The id of the proxy's node.
    pub proxy: String,
    /// The revision that the resources are of.
    pub revision: u64,
    /// The resources by type in its short form, `CDS`, by name.
    pub resources: BTreeMap<String, Vec<Resource>>,
    /// Where the objects that resources were made from are: by object (`VirtualService shop/cart`), file and line.
    pub sources: BTreeMap<String, String>,
    /// What the proxy has rejected of them, by type in its short form: it keeps the last good version, if it had one.
    /// A part of a resource is named `<resource>/<part>`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub held_back: BTreeMap<String, Vec<HeldBack>>,
}

/// One resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Resource {
    /// The name.
    pub name: String,
    /// The version: the digest of the content.
    pub version: String,
    /// The message, in the form of Envoy's own dump.
    pub resource: Value,
}

/// The types that are dumped. Elements of others are dumped in them.
pub const TYPES: [TypeUrl; 5] = [
    TypeUrl::CLUSTER,
    TypeUrl::CLUSTER_LOAD_ASSIGNMENT,
    TypeUrl::LISTENER,
    TypeUrl::ROUTE_CONFIGURATION,
    TypeUrl::SECRET,
];

/// Dumps what a proxy is sent.
///
/// # Errors
/// If a resource cannot be printed, which is a bug.
pub fn dump(
    proxy: &str,
    publication: &Publication,
    objects: &Objects,
) -> Result<ConfigDump, json::JsonError> {
    let mut dump =
        ConfigDump { proxy: proxy.to_owned(), revision: publication.revision(), ..ConfigDump::default() };
    for type_url in TYPES {
        let mut resources = Vec::new();
        for resource in publication.set(type_url).values() {
            let message = json::dump(type_url.as_str(), &resource.to_vec())?;
            for key in provenance::of_json(&message) {
                if objects.get(&key).is_some() {
                    dump.sources.insert(key.to_string(), place(&key, objects));
                }
            }
            resources.push(Resource {
                name: resource.name.to_string(),
                version: resource.digest.to_string(),
                resource: message,
            });
        }
        dump.resources.insert(type_url.short().to_owned(), resources);
    }
    Ok(dump)
}

/// `file:line` of an object; empty where it has none.
pub fn place(key: &ConfigKey, objects: &Objects) -> String {
    let location = objects.locate(key, &FieldPath::root());
    location.map(|location| format!("{}:{}", location.file, location.line)).unwrap_or_default()
}
