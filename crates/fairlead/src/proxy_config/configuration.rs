//! The resources of a proxy, from Fairlead's dump or from Envoy's own.

use std::collections::BTreeMap;

use anyhow::bail;
use fairlead_control_plane::dump::ConfigDump;
use serde_json::Value;

/// The resources of a proxy by type.
#[derive(Debug, Default)]
pub(super) struct Configuration {
    resources: BTreeMap<String, Vec<Value>>,
    /// `file:line` by object (`VirtualService shop/cart`).
    pub(super) sources: BTreeMap<String, String>,
}

/// The parts of Envoy's dump: the end of the type of a part, its lists, the field of each entry that has the
/// resource, and the type in its short form.
const PARTS: [(&str, &[&str], &[&str], &str); 5] = [
    (
        "ClustersConfigDump",
        &["static_clusters", "dynamic_active_clusters", "dynamic_warming_clusters"],
        &["cluster"],
        "CDS",
    ),
    (
        "EndpointsConfigDump",
        &["static_endpoint_configs", "dynamic_endpoint_configs"],
        &["endpoint_config"],
        "EDS",
    ),
    ("ListenersConfigDump", &["static_listeners"], &["listener"], "LDS"),
    ("RoutesConfigDump", &["static_route_configs", "dynamic_route_configs"], &["route_config"], "RDS"),
    (
        "SecretsConfigDump",
        &["static_secrets", "dynamic_active_secrets", "dynamic_warming_secrets"],
        &["secret"],
        "SDS",
    ),
];

impl Configuration {
    /// Reads either dump.
    ///
    /// # Errors
    /// If it is neither.
    pub(super) fn of_json(json: Value) -> anyhow::Result<Self> {
        if let Some(parts) = json["configs"].as_array() {
            return Ok(Self::of_envoy(parts));
        }
        if !json["resources"].is_object() {
            bail!("neither `configs` of Envoy's dump nor `resources` of Fairlead's is there");
        }
        let dump: ConfigDump = serde_json::from_value(json)?;
        let of_type = |resources: Vec<fairlead_control_plane::dump::Resource>| {
            resources.into_iter().map(|resource| resource.resource).collect()
        };
        let resources =
            dump.resources.into_iter().map(|(short, resources)| (short, of_type(resources))).collect();
        Ok(Self { resources, sources: dump.sources })
    }

    fn of_envoy(parts: &[Value]) -> Self {
        let mut resources: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for part in parts {
            let name = part["@type"].as_str().unwrap_or_default();
            for (end, lists, fields, short) in PARTS {
                if !name.ends_with(end) {
                    continue;
                }
                let entries = lists.iter().flat_map(|list| part[*list].as_array().into_iter().flatten());
                let found =
                    entries.flat_map(|entry| fields.iter().filter_map(move |field| entry.get(*field)));
                resources.entry(short.to_owned()).or_default().extend(found.cloned());
                if short == "LDS" {
                    let states = part["dynamic_listeners"].as_array().into_iter().flatten();
                    let active = states.filter_map(|listener| listener["active_state"].get("listener"));
                    resources.entry(short.to_owned()).or_default().extend(active.cloned());
                }
            }
        }
        for list in resources.values_mut() {
            list.sort_by(|a, b| name_of(a).cmp(name_of(b)));
        }
        Self { resources, sources: BTreeMap::new() }
    }

    /// The resources of a type.
    pub(super) fn of(&self, short: &str) -> impl Iterator<Item = &Value> {
        self.resources.get(short).into_iter().flatten()
    }
}

/// The name of a resource.
pub(super) fn name_of(resource: &Value) -> &str {
    resource["name"].as_str().or_else(|| resource["cluster_name"].as_str()).unwrap_or_default()
}
