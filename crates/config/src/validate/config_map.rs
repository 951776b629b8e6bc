//! Rules for `ConfigMap`: the one that holds the MeshConfig.

use fairlead_api::ConfigMap;

use crate::{Code, ConfigKey, Diagnostics, FieldPath, yaml};

/// The ConfigMap of the MeshConfig, and its key there, in whatever namespace.
const MESH: (&str, &str) = ("istio", "mesh");

/// A text that is no YAML at all is no MeshConfig: it costs the object, so that the last good one stays in use. What is
/// wrong with its fields is told where it is read.
pub(super) fn check(key: &ConfigKey, map: &ConfigMap, found: &mut Diagnostics) {
    let (name, entry) = MESH;
    let Some(text) = map.data.get(entry).filter(|_| key.name.as_str() == name) else { return };
    let parsed = yaml::parse(entry, text.as_bytes());
    if parsed.broken == 0 {
        return;
    }
    let why = parsed.diagnostics.first().map(|fault| {
        let line = fault.position.as_ref().map_or(0, |position| position.line);
        format!(": line {line}: {}", fault.message)
    });
    let text = format!("the mesh configuration is not YAML{}", why.unwrap_or_default());
    found.error(Code::YamlSyntax, FieldPath::root().field("data").key(entry), text);
}
