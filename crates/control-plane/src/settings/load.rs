//! A YAML file → [`Settings`], with each problem at its line.

use fairlead_config::{
    Position,
    yaml::{self, Entry, Meaning, Node, Value},
};
use serde_json::{Map, Value as Json};

use super::Settings;

/// The problems of a settings file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", problems.join("\n"))]
pub struct LoadError {
    /// One line each: `file:line:column: setting: what is wrong`.
    pub problems: Vec<String>,
}

/// Reads the settings in `bytes`. Absent settings have their defaults.
///
/// # Errors
/// All problems of the file.
pub fn parse(file: &str, bytes: &[u8]) -> Result<Settings, LoadError> {
    let parsed = yaml::parse(file, bytes);
    let mut check = Check { file, problems: Vec::new() };
    check.problems.extend(parsed.diagnostics.iter().map(|diagnostic| {
        let place = diagnostic.position.as_ref().map_or_else(|| file.to_owned(), ToString::to_string);
        format!("{place}: {}", diagnostic.message)
    }));
    if let Some(second) = parsed.documents.get(1) {
        check.problem(second.root.position, "", "the settings are one document");
    }
    let mut settings = Settings::default();
    if let Some(document) = parsed.documents.first() {
        check.level(&document.root, &every_setting(), &mut Vec::new());
        if check.problems.is_empty() {
            // Every leaf was read by itself just now.
            match serde_json::from_value(to_json(&document.root)) {
                Ok(read) => settings = read,
                Err(error) => check.problem(document.root.position, "", &error.to_string()),
            }
        }
    }
    if check.problems.is_empty() { Ok(settings) } else { Err(LoadError { problems: check.problems }) }
}

/// The settings as a tree that includes all optional ones.
fn every_setting() -> Json {
    let mut all = Settings::default();
    all.source.config_dir = Some("directory".into());
    serde_json::to_value(all).expect("settings are plain data")
}

struct Check<'a> {
    file: &'a str,
    problems: Vec<String>,
}

impl Check<'_> {
    fn problem(&mut self, at: Position, setting: &str, what: &str) {
        let setting = if setting.is_empty() { String::new() } else { format!("{setting}: ") };
        self.problems.push(format!("{}:{}:{}: {setting}{what}", self.file, at.line, at.column));
    }

    fn level(&mut self, node: &Node, known: &Json, path: &mut Vec<String>) {
        match (&node.value, known) {
            (Value::Map(entries), Json::Object(fields)) => {
                for entry in entries {
                    path.push(entry.key.to_string());
                    match fields.get(&*entry.key) {
                        Some(field) => self.level(&entry.value, field, path),
                        None => self.unknown(entry, fields, path),
                    }
                    path.pop();
                }
            }
            (_, Json::Object(_)) if node.is_null() => {}
            (_, Json::Object(_)) => {
                let what = format!("settings are expected here, not {}", node.type_name());
                self.problem(node.position, &path.join("."), &what);
            }
            _ => self.leaf(node, path),
        }
    }

    fn unknown(&mut self, entry: &Entry, fields: &Map<String, Json>, path: &[String]) {
        let nearest = fields
            .keys()
            .map(|name| (strsim::damerau_levenshtein(name, &entry.key), name))
            .filter(|(distance, name)| *distance <= name.len().div_ceil(2).min(3))
            .min();
        let what = if let Some((_, name)) = nearest {
            format!("no such setting; did you mean `{name}`?")
        } else {
            let names: Vec<_> = fields.keys().map(|name| format!("`{name}`")).collect();
            format!("no such setting; there are {}", names.join(", "))
        };
        self.problem(entry.key_position, &path.join("."), &what);
    }

    /// Reads one setting as if the file had no other, so that an error is about it.
    fn leaf(&mut self, node: &Node, path: &[String]) {
        let alone = path
            .iter()
            .rev()
            .fold(to_json(node), |value, name| Json::Object(Map::from_iter([(name.clone(), value)])));
        if let Err(error) = serde_json::from_value::<Settings>(alone) {
            self.problem(node.position, &path.join("."), &error.to_string());
        }
    }
}

fn to_json(node: &Node) -> Json {
    match &node.value {
        Value::List(items) => items.iter().map(to_json).collect(),
        Value::Map(entries) => {
            // A section without settings counts as absent.
            let said = entries.iter().filter(|entry| !entry.value.is_null());
            Json::Object(said.map(|entry| (entry.key.to_string(), to_json(&entry.value))).collect())
        }
        Value::Scalar(scalar) => match scalar.meaning {
            Meaning::Null => Json::Null,
            Meaning::Bool(value) => value.into(),
            Meaning::Integer(value) => {
                i64::try_from(value).map_or_else(|_| Json::from(scalar.text.to_string()), Json::from)
            }
            Meaning::Float(value) => value.into(),
            Meaning::Text => scalar.text.to_string().into(),
        },
    }
}

#[cfg(test)]
mod tests;
