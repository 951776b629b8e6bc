//! Checked JSON → the typed object of its kind.

use std::sync::Arc;

use fairlead_api as api;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::{AnyConfig, Code, Config, ConfigKey, Diagnostic, FieldPath, Kind, Severity, Source, Subject};

use super::{
    known,
    manifest::{self, Manifest, Metadata},
    schema,
    walk::{UnknownFields, Walk},
};

/// The object, if its fields fit its type; its key, if it has one; and what is wrong or doubtful.
pub(super) fn decode(manifest: &Manifest<'_>) -> (Option<ConfigKey>, Option<AnyConfig>, Vec<Diagnostic>) {
    let key = match manifest.key() {
        Ok(key) => key,
        Err(diagnostic) => return (None, None, vec![*diagnostic]),
    };
    let mut diagnostics = Vec::new();
    let metadata = manifest.metadata(&key, &mut diagnostics);
    let kind = manifest.kind;
    let unknown =
        if kind.is_istio() { UnknownFields::Refuse } else { UnknownFields::Skip(known::resembling(kind)) };
    let on = Subject::Object(key.clone());
    let mut walk = Walk::new(manifest.document, schema::of(kind), on, unknown);
    let skip: &[&str] = if kind == Kind::Pod {
        &["apiVersion", "kind", "metadata"]
    } else {
        &["apiVersion", "kind", "metadata", "status"]
    };
    let json = walk.root(manifest.node, skip);
    let (positions, findings) = walk.finish();
    diagnostics.extend(findings);
    let source = source_of(manifest, &metadata, positions);
    if diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return (Some(key), None, diagnostics);
    }
    match typed(kind, Parts { key: key.clone(), metadata, source }, json) {
        Ok(object) => (Some(key), Some(object), diagnostics),
        Err(error) => {
            // The walk accepts nothing the types refuse, so this is a bug; the user still learns which object.
            debug_assert!(false, "{key}: {error}");
            let on = Subject::Object(key.clone());
            let mut diagnostic =
                Diagnostic::new(Severity::Error, on, Code::WrongType, FieldPath::root(), error.to_string());
            diagnostic.position = manifest::location(manifest.document, manifest.node.position);
            diagnostics.push(diagnostic);
            (Some(key), None, diagnostics)
        }
    }
}

fn source_of(manifest: &Manifest<'_>, metadata: &Metadata, positions: crate::FieldPositions) -> Source {
    match (&manifest.document.file, &metadata.resource_version) {
        (Some(path), _) => {
            let position = manifest.node.position;
            let positions = Arc::new(positions);
            Source::File { path: path.clone(), line: position.line, column: position.column, positions }
        }
        (None, Some(version)) => Source::ResourceVersion(version.clone()),
        (None, None) => Source::None,
    }
}

struct Parts {
    key: ConfigKey,
    metadata: Metadata,
    source: Source,
}

fn typed(kind: Kind, parts: Parts, json: Json) -> Result<AnyConfig, serde_json::Error> {
    match kind {
        Kind::VirtualService => of_spec::<api::VirtualServiceSpec>(parts, json).map(Into::into),
        Kind::DestinationRule => of_spec::<api::DestinationRuleSpec>(parts, json).map(Into::into),
        Kind::Gateway => of_spec::<api::GatewaySpec>(parts, json).map(Into::into),
        Kind::ServiceEntry => of_spec::<api::ServiceEntrySpec>(parts, json).map(Into::into),
        Kind::Sidecar => of_spec::<api::SidecarSpec>(parts, json).map(Into::into),
        Kind::WorkloadEntry => of_spec::<api::WorkloadEntrySpec>(parts, json).map(Into::into),
        Kind::Service => of_spec::<api::ServiceSpec>(parts, json).map(Into::into),
        Kind::EndpointSlice => whole::<api::EndpointSlice>(parts, json).map(Into::into),
        Kind::Endpoints => whole::<api::Endpoints>(parts, json).map(Into::into),
        Kind::Pod => whole::<api::Pod>(parts, json).map(Into::into),
        Kind::Node => whole::<api::Node>(parts, json).map(Into::into),
        Kind::Namespace => whole::<api::Namespace>(parts, json).map(Into::into),
        Kind::Secret => whole::<api::Secret>(parts, json).map(Into::into),
        Kind::ConfigMap => whole::<api::ConfigMap>(parts, json).map(Into::into),
    }
}

/// An object whose type is its `spec`; without one, the spec is empty.
fn of_spec<T: DeserializeOwned>(parts: Parts, mut json: Json) -> Result<Config<T>, serde_json::Error> {
    let spec = json.get_mut("spec").map(Json::take);
    whole(parts, spec.unwrap_or_else(|| Json::Object(serde_json::Map::new())))
}

fn whole<T: DeserializeOwned>(parts: Parts, json: Json) -> Result<Config<T>, serde_json::Error> {
    let Parts { key, metadata, source } = parts;
    let Metadata { labels, annotations, created, .. } = metadata;
    let json = if json.is_null() { Json::Object(serde_json::Map::new()) } else { json };
    let spec = Arc::new(serde_json::from_value(json)?);
    Ok(Config { key, labels, annotations, created, spec, source })
}
