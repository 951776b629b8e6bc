//! Decodes documents into typed objects, refusing what `kubectl apply` would refuse and suggesting corrections.
//!
//! Istio's kinds are decoded strictly: every field must exist, and every value must have its field's type. Kubernetes'
//! own kinds carry many fields that are not read here; unknown fields are flagged only if they look misspelt. An object
//! with an error is not decoded, except for the kinds where an error costs only the field at fault (`schema::remains`).
//! Other objects are not affected.
//!
//! `metadata.namespace` is `default` if absent, and is ignored for kinds that live in no namespace.

mod manifest;
mod security;
mod typed;

use std::collections::BTreeSet;

use crate::{
    AnyConfig, Code, ConfigKey, Diagnostic, FieldPath, Severity, Subject, Unread,
    mesh_config::decode_mesh_config,
    placeholder, schema,
    unread::Sort,
    yaml::{self, Node, Value, YamlDoc},
};

use manifest::{Header, ListHeader};

/// The objects of documents, with findings.
#[derive(Clone, Debug, Default)]
pub struct Decoded {
    /// The objects, without parts lost to errors, in the order of the file.
    pub objects: Vec<AnyConfig>,
    /// What is wrong or doubtful.
    pub diagnostics: Vec<Diagnostic>,
    /// Objects that are refused for their errors.
    pub rejected: BTreeSet<ConfigKey>,
    /// Objects that lost parts to errors.
    pub partial: BTreeSet<ConfigKey>,
    /// Number of documents whose objects are not known, because they are not well-formed.
    pub broken_documents: usize,
    /// The contents other than objects that are read.
    pub unread: Unread,
    /// Number of findings about a document that are left out of the diagnostics, because there are too many.
    left_out: usize,
}

/// Maximum number of findings about one document: a list may have many objects.
const MOST_FINDINGS: usize = yaml::limits::FINDINGS;

impl Decoded {
    fn append(&mut self, other: Self) {
        self.objects.extend(other.objects);
        self.diagnostics.extend(other.diagnostics);
        self.rejected.extend(other.rejected);
        self.partial.extend(other.partial);
        self.broken_documents += other.broken_documents;
        self.unread.merge(other.unread);
        self.left_out += other.left_out;
    }

    /// Leaves out findings over the limit. Errors that name no object come first, as any object may be behind them;
    /// then other errors.
    fn bound(&mut self) {
        if self.diagnostics.len() <= MOST_FINDINGS {
            return;
        }
        self.diagnostics.sort_by_key(|finding| (finding.severity, matches!(finding.on, Subject::Object(_))));
        self.left_out += self.diagnostics.len() - MOST_FINDINGS;
        self.diagnostics.truncate(MOST_FINDINGS);
    }
}

/// Reads, decodes and validates all objects of a file (YAML or JSON).
pub fn decode_file(file: &str, bytes: &[u8]) -> Decoded {
    let parsed = yaml::parse(file, bytes);
    let mut decoded =
        Decoded { diagnostics: parsed.diagnostics, broken_documents: parsed.broken, ..Decoded::default() };
    for document in &parsed.documents {
        decoded.append(decode(document));
    }
    decoded
}

/// Decodes and validates the objects of a document: one, or the items of a list.
pub fn decode(document: &YamlDoc) -> Decoded {
    let mut decoded = decode_node(document, &document.root, None);
    decoded.bound();
    if decoded.left_out > 0 {
        let on = Subject::File(document.file_name());
        let message = format!("{} further findings about this document are not listed", decoded.left_out);
        let mut diagnostic =
            Diagnostic::new(Severity::Info, on, Code::FindingsLeftOut, FieldPath::root(), message);
        diagnostic.help("correct what is listed, and look again");
        diagnostic.position = document.location(document.root.position);
        decoded.diagnostics.push(diagnostic);
    }
    decoded
}

/// Decodes and validates an object that an API server sent as JSON.
pub fn decode_json(object: &[u8]) -> Decoded {
    match yaml::json::parse(object) {
        Ok(root) => decode(&YamlDoc { file: None, root }),
        Err(error) => {
            let on = Subject::File("object".into());
            let text = format!("it is not JSON: {error}");
            let finding = Diagnostic::new(Severity::Error, on, Code::YamlSyntax, FieldPath::root(), text);
            Decoded { diagnostics: vec![finding], broken_documents: 1, ..Decoded::default() }
        }
    }
}

fn decode_node(document: &YamlDoc, node: &Node, list: Option<&ListHeader>) -> Decoded {
    let mut decoded = match manifest::identify(document, node, list) {
        Ok(Header::Object(manifest)) => decode_object(&manifest),
        Ok(Header::List(list)) => decode_list(document, node, &list),
        Ok(Header::Unread(sort, place)) => {
            let mut decoded = Decoded::default();
            decoded.unread.add(sort, place);
            decoded
        }
        Err(diagnostic) => Decoded { diagnostics: vec![*diagnostic], ..Decoded::default() },
    };
    if list.is_none() {
        placeholder::explain(&mut decoded.diagnostics);
    }
    decoded
}

fn decode_list(document: &YamlDoc, node: &Node, list: &ListHeader) -> Decoded {
    let mut decoded = Decoded::default();
    if let Some(Value::List(items)) = node.get("items").map(|items| &items.value) {
        for item in items {
            decoded.append(decode_node(document, item, Some(list)));
            if decoded.diagnostics.len() > 2 * MOST_FINDINGS {
                decoded.bound();
            }
        }
    } else {
        let on = Subject::File(document.file_name());
        let message = format!("a {} has a list of `items`", list.kind);
        let mut diagnostic =
            Diagnostic::new(Severity::Error, on, Code::NotAnObject, FieldPath::root(), message);
        diagnostic.position = document.location(node.position);
        decoded.diagnostics.push(diagnostic);
    }
    decoded
}

fn decode_object(manifest: &manifest::Manifest<'_>) -> Decoded {
    let typed::Read { key, object, diagnostics } = typed::decode(manifest);
    // In other kinds an error costs the object, or a part that resolution leaves out.
    let has_costs = manifest.kind.costs().is_some();
    let is_partial = has_costs && diagnostics.iter().any(|finding| finding.severity == Severity::Error);
    let mut decoded = Decoded { diagnostics, ..Decoded::default() };
    match object {
        Some(object) => {
            decoded.objects.push(object);
            decoded.partial.extend(key.filter(|_| is_partial));
        }
        None => decoded.rejected.extend(key),
    }
    for (key, place) in manifest.idle_annotations() {
        decoded.unread.add(Sort::Annotation(key), place);
    }
    decoded
}

/// The fields of a kind (`None`: of `MeshConfig`) that hold values, for tests: the place as `spec.http[].timeout`, whether
/// it is said to have an effect, and values that fit its type.
#[doc(hidden)]
pub fn leaves(kind: Option<crate::Kind>) -> Vec<(String, bool, Vec<serde_json::Value>)> {
    let Some(kind) = kind else {
        let mut leaves = schema::leaves(schema::of_mesh_config());
        for (place, has_effect, _) in &mut leaves {
            *has_effect = !crate::untranslated::mesh::ROWS.iter().any(|row| row.covers(place));
        }
        return leaves;
    };
    schema::leaves(schema::of(kind))
}

/// Runs the whole path from bytes to objects, for fuzzing. Panics only on a bug.
#[doc(hidden)]
pub fn fuzz_decode(data: &[u8]) {
    let decoded = decode_file("fuzz.yaml", data);
    for diagnostic in &decoded.diagnostics {
        let _ = diagnostic.to_string();
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = decode_mesh_config("fuzz.yaml", text.as_bytes());
        let _ = decode_json(text.as_bytes());
    }
}

#[cfg(test)]
mod tests;
