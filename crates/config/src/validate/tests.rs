//! One line for each mistake: the spec, the code and path of the one finding, and a part of what it says.

mod destination_rule;
mod endpoints;
mod gateway;
mod real_world;
mod secret;
mod service_entry;
mod sidecar;
mod virtual_service;

use crate::{Severity, decode_file};

/// An object of Istio's kind `kind` with a spec in YAML's flow or block form.
fn object(kind: &str, spec: &str) -> String {
    let spec = if spec.starts_with('{') { format!(" {spec}") } else { format!("\n{spec}") };
    format!(
        "apiVersion: networking.istio.io/v1\nkind: {kind}\nmetadata: {{name: a, namespace: shop}}\nspec:{spec}\n"
    )
}

/// Checks that `text` has exactly one finding, and that only an error keeps the object out, or a part of it.
#[track_caller]
fn check(text: &str, code: &str, path: &str, says: &str) {
    let costs_a_part = ["Sidecar", "DestinationRule", "ConfigMap", "Secret"]
        .iter()
        .any(|kind| text.contains(&format!("kind: {kind}\n")));
    let decoded = decode_file("f.yaml", text.as_bytes());
    let shown: Vec<_> = decoded.diagnostics.iter().map(ToString::to_string).collect();
    assert_eq!(decoded.diagnostics.len(), 1, "{shown:#?}\n{text}");
    let finding = &decoded.diagnostics[0];
    assert_eq!((finding.code.name(), finding.path.to_string().as_str()), (code, path), "{finding}");
    assert!(finding.to_string().contains(says), "{finding}\ndoes not say: {says}");
    let is_error = finding.severity == Severity::Error;
    assert!(decoded.objects.is_empty() == is_error || costs_a_part && is_error, "{finding}");
    assert!(finding.position.is_some(), "{finding} has no position");
}

#[track_caller]
fn accept(text: &str) {
    let decoded = decode_file("f.yaml", text.as_bytes());
    let shown: Vec<_> = decoded.diagnostics.iter().map(ToString::to_string).collect();
    assert!(shown.is_empty(), "{shown:#?}\n{text}");
    assert_eq!(decoded.objects.len(), text.matches("\nkind:").count());
}
