//! Files of Helm charts and kustomizations that are not manifests until they are rendered.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use fairlead_config::yaml::{self, Node, Value};

use super::entries::{Found, is_manifest};

/// The files that make a directory a chart or a kustomization.
const CHART: &str = "Chart.yaml";
const KUSTOMIZATIONS: [&str; 2] = ["kustomization.yaml", "kustomization.yml"];

/// Maximum size of a kustomization in bytes.
const MOST_BYTES: u64 = 1 << 20;

/// Whether the file affects how others are read.
pub(super) fn decides(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == CHART || KUSTOMIZATIONS.iter().any(|known| name == *known))
}

/// The files that must not be read because of the contents of a directory: templates, subcharts and values of a chart,
/// patches of a kustomization. The chart and the kustomization themselves are read, and reported as not rendered.
pub(super) fn of(entries: &[Found]) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let named = |name: &str| entries.iter().find(|entry| entry.path.file_name() == Some(OsStr::new(name)));
    if named(CHART).is_some() {
        all.extend(entries.iter().filter(|entry| is_of_chart(&entry.path)).map(|entry| entry.path.clone()));
    }
    for file in KUSTOMIZATIONS.iter().filter_map(|name| named(name)).filter(|entry| !entry.link) {
        all.extend(patches(&file.path));
    }
    all
}

/// Spec: <https://helm.sh/docs/topics/charts/>
fn is_of_chart(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    match &*name {
        "templates" | "charts" | "crds" | "ci" | "requirements.yaml" => true,
        _ => name.contains("values") && is_manifest(path),
    }
}

/// The files of patches, beside or below the kustomization. Such a patch looks like an incomplete object. Spec:
/// <https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/>
fn patches(kustomization: &Path) -> Vec<PathBuf> {
    let is_small = fs::metadata(kustomization).is_ok_and(|metadata| metadata.len() <= MOST_BYTES);
    let text = if is_small { fs::read(kustomization).unwrap_or_default() } else { Vec::new() };
    let parsed = yaml::parse("kustomization.yaml", &text);
    let mut names = Vec::new();
    for root in parsed.documents.iter().map(|document| &document.root) {
        for field in ["patches", "patchesJson6902"] {
            names.extend(
                items(root, field).iter().filter_map(|patch| patch.get("path").and_then(Node::as_str)),
            );
        }
        // An item may be a patch itself, which has more than one line.
        names.extend(items(root, "patchesStrategicMerge").iter().filter_map(Node::as_str));
    }
    let directory = kustomization.parent().unwrap_or(Path::new(""));
    let is_below = |name: &&str| !name.contains('\n') && !name.split('/').any(|part| part == "..");
    let path = |name: &str| directory.join(name.trim_start_matches("./"));
    names.into_iter().filter(is_below).map(path).collect()
}

fn items<'a>(root: &'a Node, field: &str) -> &'a [Node] {
    match root.get(field).map(|node| &node.value) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}
