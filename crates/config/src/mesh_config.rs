//! `MeshConfig`: a document without `apiVersion` and `kind`.

use fairlead_api::MeshConfig;

use crate::{
    Code, Diagnostic, FieldPath, Position, Severity, Subject,
    kind::{Costs, UnknownFields},
    schema::{
        self,
        read::read,
        remains::{Absent, Remains},
        walk::{Walk, Walked},
    },
    untranslated::mesh,
    yaml::{self, Node, Value, YamlDoc},
};

/// Reads a mesh configuration: the text of `mesh` in Istio's ConfigMap, or a file of the same form.
///
/// A field that is not read gets a warning, as Istio has more than are of use here; a misspelt one is an error. An
/// error costs the field at fault; the result is `None` if the whole text cannot be read. An empty text is a
/// configuration without settings.
pub fn decode_mesh_config(file: &str, bytes: &[u8]) -> (Option<MeshConfig>, Vec<Diagnostic>) {
    let parsed = yaml::parse(file, bytes);
    let mut diagnostics = parsed.diagnostics;
    let on = Subject::File(file.into());
    if parsed.broken > 0 {
        return (None, diagnostics);
    }
    if let Some(extra) = parsed.documents.get(1) {
        let text = "the mesh configuration must be one document; this one is not read";
        let mut diagnostic =
            Diagnostic::new(Severity::Error, on.clone(), Code::NotAnObject, FieldPath::root(), text);
        diagnostic.position = extra.location(extra.root.position);
        diagnostics.push(diagnostic);
    }
    let Some(document) = parsed.documents.first() else { return (Some(MeshConfig::default()), diagnostics) };
    let schema = schema::of_mesh_config();
    let walk = Walk::new(document, schema, on.clone(), UnknownFields::Warn);
    let Walked { mut findings, unreadable, .. } = walk.root(&document.root, &mesh::idle_fields());
    findings.extend(mesh::ROWS.iter().filter_map(|row| idle(row, document, &on)));
    let mut remains = Remains::new(&document.root, &unreadable, schema, &Costs::MESH_CONFIG);
    let errors = findings.iter().filter(|found| found.severity == Severity::Error).map(|found| &found.path);
    let is_left = remains.take_out(errors, Absent::IsPaid) && remains.take_out_what_is_incomplete();
    diagnostics.extend(findings);
    if !is_left {
        return (None, diagnostics);
    }
    match read(&schema.root, &remains.left().0) {
        Ok(config) => (Some(config), diagnostics),
        Err(error) => {
            let text = error.to_string();
            diagnostics.push(Diagnostic::new(Severity::Error, on, Code::WrongType, FieldPath::root(), text));
            (None, diagnostics)
        }
    }
}

/// A finding about a field without effect, if it is set and asks for a different behaviour.
fn idle(row: &mesh::Row, document: &YamlDoc, on: &Subject) -> Option<Diagnostic> {
    let (path, position, value) = find(&document.root, row.place, FieldPath::root())?;
    let asks = match &value.value {
        Value::Scalar(scalar) => !value.is_null() && !row.anyway.contains(&scalar.as_json_text().as_str()),
        Value::List(items) => !items.is_empty(),
        // `prometheus: {}` of a provider asks for something; `defaultConfig: {}` does not.
        Value::Map(entries) => !entries.is_empty() || row.field() != row.place,
    };
    if !asks {
        return None;
    }
    let name = row.place.rsplit('.').next().unwrap_or(row.place);
    let text = match row.code {
        Code::NotInStockEnvoy => format!("`{name}` needs an extension that only istio-proxy has"),
        _ => format!("`{name}` is accepted but has no effect yet"),
    };
    let mut finding = Diagnostic::new(row.severity, on.clone(), row.code, path, text);
    finding.position = document.location(position);
    if !row.help.is_empty() {
        finding.help(row.help);
    }
    Some(finding)
}

/// The first value at a place, as `extensionProviders[].prometheus`, with its path and the position of its key.
fn find<'a>(node: &'a Node, place: &str, path: FieldPath) -> Option<(FieldPath, Position, &'a Node)> {
    let (step, rest) = place.split_once('.').map_or((place, None), |(step, rest)| (step, Some(rest)));
    let (name, is_list) = step.strip_suffix("[]").map_or((step, false), |name| (name, true));
    let entry = node.entry(name)?;
    let path = path.field(name.to_owned());
    match (&entry.value.value, rest) {
        (Value::List(items), Some(rest)) if is_list => {
            items.iter().enumerate().find_map(|(index, item)| find(item, rest, path.clone().index(index)))
        }
        (_, Some(rest)) => find(&entry.value, rest, path),
        (_, None) => Some((path, entry.key_position, &entry.value)),
    }
}
