//! `MeshConfig`: a document without `apiVersion` and `kind`.

use fairlead_api::MeshConfig;

use crate::{Code, Diagnostic, FieldPath, Severity, Subject, yaml};

use super::{
    remains::{Absent, Costs, Remains},
    schema,
    walk::{UnknownFields, Walk},
};

/// Reads a mesh configuration: the text of `mesh` in Istio's ConfigMap, or a file of the same form.
///
/// A field that is not read gets a warning, as Istio has more than are of use here; a misspelt one is an error. An
/// error costs the field at fault; the result is absent where the text as a whole cannot be read. An empty text is the
/// configuration without settings.
pub fn decode_mesh_config(file: &str, bytes: &[u8]) -> (Option<MeshConfig>, Vec<Diagnostic>) {
    let parsed = yaml::parse(file, bytes);
    let mut diagnostics = parsed.diagnostics;
    let on = Subject::File(file.into());
    if parsed.broken > 0 {
        return (None, diagnostics);
    }
    if let Some(extra) = parsed.documents.get(1) {
        let text = "the mesh configuration is one document; this one is not read";
        let mut diagnostic =
            Diagnostic::new(Severity::Error, on.clone(), Code::NotAnObject, FieldPath::root(), text);
        diagnostic.position = super::manifest::location(extra, extra.root.position);
        diagnostics.push(diagnostic);
    }
    let Some(document) = parsed.documents.first() else { return (Some(MeshConfig::default()), diagnostics) };
    let mut walk = Walk::new(document, schema::of_mesh_config(), on.clone(), UnknownFields::Warn);
    let json = walk.root(&document.root, &[]);
    let findings = walk.finish().1;
    let mut remains = Remains::new(json, schema::of_mesh_config(), Costs::of_mesh_config());
    let errors = findings.iter().filter(|found| found.severity == Severity::Error).map(|found| &found.path);
    let is_left = remains.take_out(errors, Absent::IsPaid) && remains.take_out_what_is_incomplete();
    diagnostics.extend(findings);
    if !is_left {
        return (None, diagnostics);
    }
    match serde_json::from_value(remains.json().0) {
        Ok(config) => (Some(config), diagnostics),
        Err(error) => {
            let text = error.to_string();
            diagnostics.push(Diagnostic::new(Severity::Error, on, Code::WrongType, FieldPath::root(), text));
            (None, diagnostics)
        }
    }
}
