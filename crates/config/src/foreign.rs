//! Documents that are not meant to be Kubernetes objects: other files that lie beside manifests.

use crate::yaml::{Node, Value};

/// What a document is that is no Kubernetes object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Foreign {
    /// `Chart.yaml`.
    Chart,
    /// `kustomization.yaml`.
    Kustomization,
    /// Values of a Helm chart.
    Values,
    /// JSON patches (RFC 6902), as kustomizations have them.
    Patches,
    /// Docker Compose.
    Compose,
    /// A workflow of GitHub Actions.
    Workflow,
    /// `OpenAPI`, Swagger.
    Api,
    /// A list of something.
    List,
    /// JSON of another sort.
    Json,
    /// YAML of another sort.
    Yaml,
}

impl Foreign {
    /// What such documents are, in the plural.
    pub(crate) const fn what(self) -> &'static str {
        match self {
            Self::Chart => "Helm charts",
            Self::Kustomization => "kustomizations",
            Self::Values => "values of Helm charts",
            Self::Patches => "patches of kustomizations",
            Self::Compose => "services of Docker Compose",
            Self::Workflow => "workflows of GitHub Actions",
            Self::Api => "descriptions of an API",
            Self::List => "lists",
            Self::Json => "JSON documents without `apiVersion` and `kind`",
            Self::Yaml => "YAML documents without `apiVersion` and `kind`",
        }
    }

    /// What must be done before there are objects.
    pub(crate) const fn rendered_by(self) -> Option<&'static str> {
        match self {
            Self::Chart => Some("helm template"),
            Self::Kustomization => Some("kubectl kustomize"),
            _ => None,
        }
    }
}

/// What a document is, unless it is an object or was meant to be one.
pub(crate) fn recognize(file: &str, root: &Node) -> Option<Foreign> {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let (stem, is_json) = match name.rsplit_once('.') {
        Some((stem, extension)) => (stem, extension.eq_ignore_ascii_case("json")),
        None => (name, false),
    };
    let other = if is_json { Foreign::Json } else { Foreign::Yaml };
    match &root.value {
        // The beginning of something.
        Value::Scalar(_) => None,
        Value::List(items) if items.iter().any(is_meant_as_object) => None,
        Value::List(items) if is_patch(items) => Some(Foreign::Patches),
        Value::List(_) => Some(if is_json { Foreign::Json } else { Foreign::List }),
        Value::Map(_) if is_chart(name, root) => Some(Foreign::Chart),
        Value::Map(_) if is_kustomization(stem, root) => Some(Foreign::Kustomization),
        Value::Map(_) if is_meant_as_object(root) => None,
        Value::Map(_) if stem.to_ascii_lowercase().contains("values") => Some(Foreign::Values),
        Value::Map(_) => Some(by_keys(root).unwrap_or(other)),
    }
}

fn by_keys(root: &Node) -> Option<Foreign> {
    let has = |key: &str| root.get(key).is_some();
    let is_map = |key: &str| root.get(key).is_some_and(|node| matches!(node.value, Value::Map(_)));
    if has("openapi") || has("swagger") {
        return Some(Foreign::Api);
    }
    // A bare `on` is the boolean true.
    if (has("true") || has("on")) && is_map("jobs") {
        return Some(Foreign::Workflow);
    }
    is_map("services").then_some(Foreign::Compose)
}

/// Whether something of an object is there: what it lacks is then a mistake.
fn is_meant_as_object(node: &Node) -> bool {
    let Value::Map(entries) = &node.value else { return false };
    entries.iter().any(|entry| {
        let is_map = matches!(entry.value.value, Value::Map(_));
        match &*entry.key.to_ascii_lowercase() {
            "apiversion" | "kind" => true,
            "metadata" | "spec" => is_map,
            _ => false,
        }
    })
}

fn is_patch(items: &[Node]) -> bool {
    !items.is_empty() && items.iter().all(|item| item.get("op").is_some() && item.get("path").is_some())
}

fn is_chart(name: &str, root: &Node) -> bool {
    let has = |key: &str| root.get(key).is_some();
    let is_bare = !has("kind") && !has("metadata") && !has("spec");
    is_bare && has("name") && has("version") && (name == "Chart.yaml" || has("apiVersion"))
}

fn is_kustomization(stem: &str, root: &Node) -> bool {
    let version = root.get("apiVersion").and_then(Node::as_str);
    match version {
        Some(version) => version.starts_with("kustomize.config.k8s.io/"),
        None => stem.eq_ignore_ascii_case("kustomization") && root.get("metadata").is_none(),
    }
}
