//! Whether the status page tells the truth about fields without effect.

use fairlead_tidy::{files, findings::Findings, markdown};
use regex::Regex;

const STATUS: &str = "docs/reference/status.md";
const UNTRANSLATED: &str = "crates/config/src/untranslated.rs";

/// A row of `untranslated.rs`: a field, or a value of one, without effect.
struct Row {
    kind: String,
    place: String,
    value: Option<String>,
}

impl Row {
    /// Whether the field at `path`, or one that it is in, is meant.
    fn covers(&self, path: &str) -> bool {
        let ends = path.char_indices().filter(|(_, c)| matches!(c, '.' | '[' | '{')).map(|(index, _)| index);
        let mut parents = ends.chain([path.len()]).map(|end| &path[..end]);
        match self.place.strip_prefix("**") {
            Some(end) => parents.any(|parent| parent.ends_with(end)),
            None => parents.any(|parent| parent == self.place),
        }
    }
}

fn rows() -> Vec<Row> {
    let text = files::text_at(UNTRANSLATED).expect("the table of fields without effect exists");
    let row = Regex::new(r#"\(Kind::(\w+), "([^"]+)"(?:, "([^"]+)")?\)"#).expect("a valid expression");
    let rows: Vec<Row> = row
        .captures_iter(&text)
        .map(|found| Row {
            kind: found[1].to_owned(),
            place: found[2].to_owned(),
            value: found.get(3).map(|value| value.as_str().to_owned()),
        })
        .collect();
    assert!(!rows.is_empty(), "{UNTRANSLATED} has no row of the form (Kind::X, \"place\")");
    rows
}

/// The fields of the page: kind, path, state, note.
fn documented(rows: &[Row]) -> Vec<(String, String, String, String)> {
    let page = files::text_at(STATUS).expect("the status page exists");
    let mut kinds: Vec<&str> = rows.iter().map(|row| row.kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let mut fields = Vec::new();
    for kind in kinds {
        let table = markdown::table(&page, &format!("### {kind}"));
        assert!(!table.is_empty(), "{STATUS} has no table below `### {kind}`");
        for row in table {
            let path = markdown::code_words(&row[0])[0].to_owned();
            fields.push((kind.to_owned(), path, row[1].clone(), row[2].clone()));
        }
    }
    fields
}

#[test]
fn fields_without_effect_are_marked_and_no_others() {
    let rows = rows();
    let documented = documented(&rows);
    let mut findings = Findings::new(
        "make docs/reference/status.md and crates/config/src/untranslated.rs agree; what is ignored must warn",
    );
    for (kind, path, state, note) in &documented {
        let warned = rows.iter().any(|row| row.value.is_none() && &row.kind == kind && row.covers(path));
        match (state.as_str(), warned) {
            ("yes", false) | ("not yet", true) => {}
            ("yes", true) => {
                findings.add(STATUS, format!("{kind} `{path}` is `yes`, but warns of having no effect"));
            }
            // What is deprecated says so itself.
            ("not yet", false) if note.contains("(FL0240)") => {}
            ("not yet", false) => {
                findings.add(UNTRANSLATED, format!("{kind} `{path}` has no row: it would not warn"));
            }
            (other, _) => {
                findings.add(STATUS, format!("{kind} `{path}`: `{other}` is neither `yes` nor `not yet`"));
            }
        }
    }
    for row in &rows {
        let shown = documented.iter().any(|(kind, path, _, note)| {
            let named = row.value.as_ref().is_none_or(|value| note.contains(&format!("`{value}`")));
            kind == &row.kind && row.covers(path) && named
        });
        if !shown {
            let value = row.value.as_deref().unwrap_or("the field");
            findings
                .add(STATUS, format!("{} `{}`: {value} is not shown as without effect", row.kind, row.place));
        }
    }
    findings.conclude();
}
