//! [`Unread`]: what files contain besides the objects that are read, counted by type.

use std::collections::{BTreeMap, btree_map::Entry};

use crate::{Code, Diagnostic, FieldPath, Location, Severity, Subject, foreign::Foreign};

/// Maximum number of places named for each type.
const NAMED: usize = 3;

/// What is not read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sort {
    /// Objects of a kind that is not read.
    Kind {
        /// `kind`, as it may be shown.
        kind: String,
        /// `apiVersion`, as it may be shown.
        version: String,
        /// Whether they restrict access as written.
        restricts: bool,
    },
    /// An annotation that Istio acts on.
    Annotation(String),
    /// Documents that are not Kubernetes objects.
    Document(Foreign),
}

/// What is not read, by type: the numbers, and the first places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unread(BTreeMap<Sort, Places>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Places {
    count: usize,
    /// At least one, at most [`NAMED`].
    first: Vec<Place>,
}

/// An object or a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The name of an object; empty for a file.
    pub(crate) name: String,
    pub(crate) on: Subject,
    pub(crate) position: Option<Location>,
}

impl Unread {
    /// Whether there is nothing that is not read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there are documents that name no object. Any object may have been in their place before.
    pub fn has_documents(&self) -> bool {
        self.0.keys().any(|sort| matches!(sort, Sort::Document(_)))
    }

    pub(crate) fn add(&mut self, sort: Sort, place: Place) {
        self.merge_places(sort, Places { count: 1, first: vec![place] });
    }

    /// Adds what else is not read. Of several documents of a type in a file, the first counts.
    pub fn merge(&mut self, other: Self) {
        for (sort, places) in other.0 {
            self.merge_places(sort, places);
        }
    }

    fn merge_places(&mut self, sort: Sort, places: Places) {
        let by_files = matches!(sort, Sort::Document(_));
        match self.0.entry(sort) {
            Entry::Vacant(vacant) => {
                vacant.insert(places);
            }
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                let is_new =
                    |place: &Place| !by_files || known.first.iter().all(|first| first.on != place.on);
                let new: Vec<_> = places.first.into_iter().filter(is_new).collect();
                if by_files && new.is_empty() {
                    return;
                }
                known.count += places.count;
                known.first.extend(new);
                known.first.truncate(NAMED);
            }
        }
    }

    /// One finding for each type, at its first place.
    pub fn findings(&self) -> Vec<Diagnostic> {
        self.0.iter().map(|(sort, places)| places.finding(sort)).collect()
    }
}

impl Places {
    fn finding(&self, sort: &Sort) -> Diagnostic {
        let place = &self.first[0];
        let new = |severity, code, text, help: &str| {
            let mut finding = Diagnostic::new(severity, place.on.clone(), code, FieldPath::root(), text);
            finding.position.clone_from(&place.position);
            if !help.is_empty() {
                finding.help(help);
            }
            finding
        };
        let count = self.count;
        match sort {
            Sort::Kind { kind, version, restricts: false } => {
                let all = if count == 1 { String::new() } else { format!(" ({count} objects)") };
                let text = format!("kind {kind} ({version}) is not read{all}");
                new(Severity::Info, Code::KindNotRead, text, "")
            }
            Sort::Kind { kind, version, restricts: true } => {
                let objects = if count == 1 { "object has" } else { "objects have" };
                let text = format!(
                    "kind {kind} ({version}) is not enforced yet: {count} {objects} no effect: {}",
                    self.named()
                );
                let help = "requests that they deny are let through; deny them in another way";
                new(Severity::Warning, Code::NotEnforced, text, help)
            }
            Sort::Annotation(key) => {
                let objects = if count == 1 { "object has" } else { "objects have" };
                let text = format!(
                    "the annotation `{key}` has no effect yet; {count} {objects} it: {}",
                    self.named()
                );
                new(Severity::Info, Code::NotTranslated, text, "")
            }
            Sort::Document(foreign) => {
                let all =
                    if count == 1 { String::new() } else { format!(" ({count} files: {})", self.named()) };
                let text = format!("{} are not Kubernetes objects and are not read{all}", foreign.what());
                let help = "move them elsewhere, or begin an object with `apiVersion:` and `kind:`";
                new(Severity::Info, Code::NotAnObject, text, help)
            }
        }
    }

    /// The first places, for a message.
    fn named(&self) -> String {
        let name = |place: &Place| match (&place.position, place.name.as_str()) {
            (Some(at), "") => at.file.to_string(),
            (Some(at), name) => format!("{name} ({}:{})", at.file, at.line),
            (None, name) => name.to_owned(),
        };
        let mut names: Vec<_> = self.first.iter().map(name).collect();
        if self.count > names.len() {
            names.push("…".to_owned());
        }
        names.join(", ")
    }
}

#[cfg(test)]
mod tests;
