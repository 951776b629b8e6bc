//! A document of a kind → the typed object.

use std::sync::Arc;

use crate::{
    AnyConfig, Code, Config, ConfigKey, Diagnostic, FieldPath, FieldPositions, ReadFrom, Severity, Subject,
    kind::Content,
    schema::{
        self, Shape,
        remains::{Absent, Remains},
        walk::{Walk, Walked},
    },
    validate::{parts::unusable_parts, validate},
    yaml::Node,
};

use super::manifest::Manifest;

/// Maximum number of rounds in which the rest of an object is checked again.
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

/// Reads and checks an object. What errors cost depends on the kind: fields at fault, or the object.
pub(super) fn decode(manifest: &Manifest<'_>) -> Read {
    let key = match manifest.key() {
        Ok(key) => key,
        Err(diagnostic) => return Read { key: None, object: None, diagnostics: vec![*diagnostic] },
    };
    let mut diagnostics = Vec::new();
    let header = manifest.header(&key, &mut diagnostics);
    let kind = manifest.kind;
    let schema = schema::of(kind);
    let on = Subject::Object(key.clone());
    let walk = Walk::new(manifest.document, schema, on, kind.unknown_fields());
    let skip = ["apiVersion", "kind", "metadata", "status"];
    let reads_status = schema.root.fields.contains_key("status");
    let Walked { positions, unreadable, findings } =
        walk.root(manifest.node, if reads_status { &skip[..3] } else { &skip });
    diagnostics.extend(findings);
    let draft = Draft { manifest, header, positions };
    let object = match kind.costs() {
        None => draft.whole(&mut diagnostics),
        Some(costs) => {
            let remains = Remains::new(manifest.node, &unreadable, schema, costs);
            draft.remains(remains, &mut diagnostics)
        }
    };
    Read { key: Some(key), object, diagnostics }
}

/// An object that is being read.
struct Draft<'a> {
    manifest: &'a Manifest<'a>,
    header: Config<()>,
    positions: FieldPositions,
}

impl Draft<'_> {
    /// The object, if it has no error.
    fn whole(mut self, diagnostics: &mut Vec<Diagnostic>) -> Option<AnyConfig> {
        if errors(diagnostics).next().is_some() {
            return None;
        }
        let positions = std::mem::take(&mut self.positions);
        let object = self.typed(positions, self.manifest.node, diagnostics)?;
        diagnostics.extend(validate(&object));
        if errors(diagnostics).next().is_some() {
            return None;
        }
        diagnostics.extend(unusable_parts(&object));
        Some(object)
    }

    /// The rest of the object, without the parts that its errors cost.
    fn remains(&self, mut remains: Remains<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<AnyConfig> {
        if !remains.take_out(errors(diagnostics), Absent::IsPaid) || !remains.take_out_what_is_incomplete() {
            return None;
        }
        for round in 0..MOST_ROUNDS {
            let (node, renumbered) = remains.left();
            let object = self.typed(self.positions.renumbered(renumbered), &node, diagnostics)?;
            let found = validate(&object);
            for finding in &found {
                // A missing field is no fault of its own where a part of it was taken out.
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

    /// The object of a document in which nothing is unreadable.
    fn typed(
        &self,
        positions: FieldPositions,
        document: &Node,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<AnyConfig> {
        let root = &schema::of(self.manifest.kind).root;
        let spec = root.fields.get("spec").map(|field| &field.shape);
        let (message, node) = match (self.manifest.kind.content(), spec, document.get("spec")) {
            (Content::Spec, Some(Shape::Message(message)), Some(node)) => (message, node),
            // The object itself, or an empty one.
            _ => (root, document),
        };
        let mut header = self.header.clone();
        if let ReadFrom::File { positions: of_fields, .. } = &mut header.read_from {
            *of_fields = Arc::new(positions);
        }
        match AnyConfig::read(header, message, node) {
            Ok(object) => Some(object),
            Err(error) => {
                // The walk accepts nothing the types refuse, so this is a bug; the user still learns which object.
                debug_assert!(false, "{}: {error}", self.header.key);
                let (on, text) = (Subject::Object(self.header.key.clone()), error.to_string());
                let mut diagnostic =
                    Diagnostic::new(Severity::Error, on, Code::WrongType, FieldPath::root(), text);
                let Manifest { document, node, .. } = self.manifest;
                diagnostic.position = document.location(node.position);
                diagnostics.push(diagnostic);
                None
            }
        }
    }
}

/// The paths of the errors among findings.
fn errors(findings: &[Diagnostic]) -> impl Iterator<Item = &FieldPath> {
    findings.iter().filter(|finding| finding.severity == Severity::Error).map(|finding| &finding.path)
}
