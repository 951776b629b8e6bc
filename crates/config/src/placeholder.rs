//! Placeholders that were not replaced: `${HOST}` as `envsubst` and shells do, `{{ .Values.host }}` as Helm does.

use crate::{Diagnostic, Severity};

/// The first placeholder of a text: `${` and a name of letters, digits and `_`, perhaps with a default; or anything
/// between `{{` and `}}`.
pub(crate) fn first(text: &str) -> Option<&str> {
    let template = text.find("{{").and_then(|at| Some(&text[at..at + text[at..].find("}}")? + 2]));
    template.or_else(|| text.match_indices("${").find_map(|(at, _)| variable(&text[at..])))
}

/// The variable that a text begins with.
fn variable(text: &str) -> Option<&str> {
    let inner = &text["${".len()..];
    let name = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
    let is_name = inner.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let (rest, end) = (&inner[name..], inner.find('}')?);
    let has_default = [":-", ":=", "-"].iter().any(|sign| rest.starts_with(sign));
    (is_name && (end == name || has_default)).then(|| &text[..="${".len() + end])
}

/// What to do about a placeholder.
pub(crate) fn help(placeholder: &str) -> String {
    let tool = if placeholder.starts_with('$') { "envsubst" } else { "helm template" };
    format!("replace `{placeholder}` before the file is read, as `{tool}` does")
}

/// Errors about a value that holds a placeholder say what to do about that.
pub(crate) fn explain(diagnostics: &mut [Diagnostic]) {
    for diagnostic in diagnostics.iter_mut().filter(|finding| finding.severity == Severity::Error) {
        if let Some(help) = first(&diagnostic.message).map(help) {
            diagnostic.help(help);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::first;

    #[test]
    fn placeholders_are_told_from_what_looks_alike() {
        assert_eq!(first("http://${HOST}/x"), Some("${HOST}"));
        assert_eq!(first("a ${} ${1,2} $x {x} ${DOMAIN:-example.com}."), Some("${DOMAIN:-example.com}"));
        assert_eq!(first("my-{{ .Release.Name }}.x"), Some("{{ .Release.Name }}"));
        for none in
            ["${", "${}", "^a${1,2}$", "${HOST", "%REQ(:path)%", "$HOST", "${A:B}", "{{ x }", "{a: {b: c}}"]
        {
            assert_eq!(first(none), None, "{none}");
        }
    }
}
