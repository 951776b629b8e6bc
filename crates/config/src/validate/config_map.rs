//! Rules for `ConfigMap`: the one that holds the MeshConfig.

use fairlead_api::ConfigMap;

use crate::{Code, ConfigKey, Diagnostics, FieldPath, decode_mesh_config};

/// The ConfigMap of the MeshConfig, and its key there, in whatever namespace.
const MESH: (&str, &str) = ("istio", "mesh");

/// A text that is not a MeshConfig at all costs the edit: the last good one stays in use. Without one, traffic to
/// unknown hosts is blocked, since the text may ask for that. Faults of single fields are reported where it is read.
pub(super) fn check(key: &ConfigKey, map: &ConfigMap, found: &mut Diagnostics) {
    let (name, entry) = MESH;
    let Some(text) = map.data.get(entry).filter(|_| key.name.as_str() == name) else { return };
    let (None, diagnostics) = decode_mesh_config(entry, text.as_bytes()) else { return };
    let why = diagnostics.first().map(|fault| {
        let line = fault.position.as_ref().map_or(0, |position| position.line);
        format!(": line {line}: {}", fault.message)
    });
    let text = format!(
        "the mesh configuration cannot be read{}; unless an earlier version is in use, traffic to unknown destinations \
         is blocked (REGISTRY_ONLY)",
        why.unwrap_or_default()
    );
    found.error(Code::YamlSyntax, FieldPath::root().field("data").key(entry), text);
}
