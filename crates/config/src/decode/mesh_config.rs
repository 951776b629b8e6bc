//! `MeshConfig`: a document without `apiVersion` and `kind`.

use fairlead_api::MeshConfig;

use crate::{Code, Diagnostic, FieldPath, Severity, Subject, yaml};

use super::{
    schema,
    walk::{UnknownFields, Walk},
};

/// Reads a mesh configuration: the text of `mesh` in Istio's ConfigMap, or a file of the same form.
///
/// A field that is not read gets a warning, as Istio has more than are of use here; a misspelt one is an error.
/// The result is absent if there is an error; an empty text is the configuration without settings.
pub fn decode_mesh_config(file: &str, bytes: &[u8]) -> (Option<MeshConfig>, Vec<Diagnostic>) {
    let parsed = yaml::parse(file, bytes);
    let mut diagnostics = parsed.diagnostics;
    let on = Subject::File(file.into());
    let mut config = MeshConfig::default();
    if let Some(extra) = parsed.documents.get(1) {
        let text = "the mesh configuration is one document";
        let mut diagnostic =
            Diagnostic::new(Severity::Error, on.clone(), Code::NotAnObject, FieldPath::root(), text);
        diagnostic.position = super::manifest::location(extra, extra.root.position);
        diagnostics.push(diagnostic);
    } else if let Some(document) = parsed.documents.first() {
        let mut walk = Walk::new(document, schema::of_mesh_config(), on.clone(), UnknownFields::Warn);
        let json = walk.root(&document.root, &[]);
        diagnostics.extend(walk.finish().1);
        match serde_json::from_value(json) {
            Ok(read) => config = read,
            Err(error) if !has_errors(&diagnostics) => {
                let text = error.to_string();
                diagnostics.push(Diagnostic::new(
                    Severity::Error,
                    on,
                    Code::WrongType,
                    FieldPath::root(),
                    text,
                ));
            }
            Err(_) => {}
        }
    }
    let config = (!has_errors(&diagnostics)).then_some(config);
    (config, diagnostics)
}

fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
}
