//! Checked JSON → the typed object of its kind.

use std::sync::Arc;

use fairlead_api as api;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::{
    AnyConfig, Code, Config, ConfigKey, Diagnostic, FieldPath, FieldPositions, Kind, Severity, Source,
    Subject, validate::validate,
};

use super::{
    known,
    manifest::{self, Manifest, Metadata},
    remains::{Absent, Costs, Remains},
    schema,
    walk::{UnknownFields, Walk},
};

/// How often what is left of an object may be checked again.
const MOST_ROUNDS: usize = 8;

/// What a document says.
pub(super) struct Read {
    /// The key of the object, if it has one.
    pub(super) key: Option<ConfigKey>,
    /// The object, as far as it can be used.
    pub(super) object: Option<AnyConfig>,
    /// What is wrong or doubtful.
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// Reads and checks an object. In the kinds of [`Costs::of`] errors cost the fields at fault, in others the object.
pub(super) fn decode(manifest: &Manifest<'_>) -> Read {
    let key = match manifest.key() {
        Ok(key) => key,
        Err(diagnostic) => return Read { key: None, object: None, diagnostics: vec![*diagnostic] },
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
    let draft = Draft { manifest, key: key.clone(), metadata, positions };
    let object = match Costs::of(kind) {
        None => draft.whole(json, &mut diagnostics),
        Some(costs) => draft.remains(Remains::new(json, schema::of(kind), costs), &mut diagnostics),
    };
    Read { key: Some(key), object, diagnostics }
}

/// An object that is being read.
struct Draft<'a> {
    manifest: &'a Manifest<'a>,
    key: ConfigKey,
    metadata: Metadata,
    positions: FieldPositions,
}

impl Draft<'_> {
    /// The object, if it has no error.
    fn whole(self, json: Json, diagnostics: &mut Vec<Diagnostic>) -> Option<AnyConfig> {
        if errors(diagnostics).next().is_some() {
            return None;
        }
        let Self { manifest, key, metadata, positions } = self;
        let source = source_of(manifest, &metadata, positions);
        let object = typed_object(manifest, Parts { key, metadata, source }, json, diagnostics)?;
        diagnostics.extend(validate(&object));
        errors(diagnostics).next().is_none().then_some(object)
    }

    /// What is left of the object without what its errors cost.
    fn remains(&self, mut remains: Remains, diagnostics: &mut Vec<Diagnostic>) -> Option<AnyConfig> {
        if !remains.take_out(errors(diagnostics), Absent::IsPaid) || !remains.take_out_what_is_incomplete() {
            return None;
        }
        for round in 0..MOST_ROUNDS {
            let (json, renumbered) = remains.json();
            let source = source_of(self.manifest, &self.metadata, self.positions.renumbered(renumbered));
            let parts = Parts { key: self.key.clone(), metadata: self.metadata.clone(), source };
            let object = typed_object(self.manifest, parts, json, diagnostics)?;
            let found = validate(&object);
            for finding in &found {
                // What is missed where something was taken out follows from that.
                let is_missed =
                    round > 0 || finding.code == Code::EmptyValue || remains.can_be_without(&finding.path);
                let follows = is_missed && remains.lacks_a_part_of(&finding.path);
                if !follows && !diagnostics.contains(finding) {
                    diagnostics.push(finding.clone());
                }
            }
            let costly: Vec<_> = errors(&found).filter(|path| !remains.can_be_without(path)).collect();
            if costly.is_empty() {
                return Some(object);
            }
            if !remains.take_out(costly, Absent::IsTheFault) {
                return None;
            }
        }
        None
    }
}

fn typed_object(
    manifest: &Manifest<'_>,
    parts: Parts,
    json: Json,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<AnyConfig> {
    let key = parts.key.clone();
    match typed(manifest.kind, parts, json) {
        Ok(object) => Some(object),
        Err(error) => {
            // The walk accepts nothing the types refuse, so this is a bug; the user still learns which object.
            debug_assert!(false, "{key}: {error}");
            let (on, text) = (Subject::Object(key), error.to_string());
            let mut diagnostic =
                Diagnostic::new(Severity::Error, on, Code::WrongType, FieldPath::root(), text);
            diagnostic.position = manifest::location(manifest.document, manifest.node.position);
            diagnostics.push(diagnostic);
            None
        }
    }
}

/// The paths of the errors among findings.
fn errors(findings: &[Diagnostic]) -> impl Iterator<Item = &FieldPath> {
    findings.iter().filter(|finding| finding.severity == Severity::Error).map(|finding| &finding.path)
}

fn source_of(manifest: &Manifest<'_>, metadata: &Metadata, positions: FieldPositions) -> Source {
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
