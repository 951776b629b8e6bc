//! The resources of a proxy as JSON: the format of `/debug/config_dump`, which the command line reads too.
//!
//! Key material is redacted when the bytes become JSON, so no form of a dump contains it.

use std::collections::BTreeMap;

use fairlead_config as config;
use fairlead_envoy::json;
use fairlead_resource::TypeUrl;
use fairlead_translate::origins::ResourceOrigins;
use fairlead_xds::Publication;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    admin::HeldBack,
    core::{Objects, OriginsByName},
    origin::Origin,
};

/// The resources of one proxy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConfigDump {
    /// The id of the proxy's node.
    pub proxy: String,
    /// The revision of the resources.
    pub revision: u64,
    /// The resources by type in its short form, `CDS`, by name.
    pub resources: BTreeMap<String, Vec<Resource>>,
    /// Those that the proxy has rejected, by type in its short form: it keeps the last good version, if it had one. A
    /// part of a resource is named `<resource>/<part>`.
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
    /// The fields from which it was made; none for resources that every proxy of its kind has.
    pub origins: Vec<Origin>,
    /// The origins of its parts, in their order: of each route under the name of its virtual host, of each filter chain
    /// under its own name (the default one last), of each endpoint under its address.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// The message, in the form of Envoy's own dump.
    pub resource: Value,
}

/// A part of a resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Part {
    /// The name.
    pub name: String,
    /// The fields from which it was made.
    pub origins: Vec<Origin>,
}

/// The types that are dumped. Elements are dumped inside their parents.
pub const TYPES: [TypeUrl; 5] = [
    TypeUrl::CLUSTER,
    TypeUrl::CLUSTER_LOAD_ASSIGNMENT,
    TypeUrl::LISTENER,
    TypeUrl::ROUTE_CONFIGURATION,
    TypeUrl::SECRET,
];

/// Dumps the resources of a proxy, with the origins in `origins`.
///
/// # Errors
/// If a resource cannot be printed, which is a bug.
pub fn dump(
    proxy: &str,
    publication: &Publication,
    origins: &BTreeMap<TypeUrl, OriginsByName>,
    objects: &Objects,
) -> Result<ConfigDump, json::JsonError> {
    let mut dump =
        ConfigDump { proxy: proxy.to_owned(), revision: publication.revision(), ..ConfigDump::default() };
    let told = |all: &[config::Origin]| all.iter().map(|origin| Origin::of(origin, objects)).collect();
    let nothing = ResourceOrigins::default();
    for type_url in TYPES {
        let of_type = origins.get(&type_url);
        let mut resources = Vec::new();
        for resource in publication.set(type_url).values() {
            let origins = of_type.and_then(|of_type| of_type.get(&resource.name)).unwrap_or(&nothing);
            resources.push(Resource {
                name: resource.name.to_string(),
                version: resource.digest.to_string(),
                origins: told(&origins.own),
                parts: origins
                    .parts
                    .iter()
                    .map(|(name, all)| Part { name: name.to_string(), origins: told(all) })
                    .collect(),
                resource: json::dump(type_url.as_str(), &resource.to_vec())?,
            });
        }
        dump.resources.insert(type_url.short().to_owned(), resources);
    }
    Ok(dump)
}
