//! Every exception to a rule, with its reason. An exception that is no longer needed fails the rule.

/// A rule that has exceptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// What must not appear where ([`crate::absences`]).
    Absence,
    /// No file over the hard limit.
    FileLength,
    /// Type URLs in one module only.
    TypeUrl,
    /// No meaningless module names.
    ModuleName,
}

/// An exception.
#[derive(Debug)]
pub struct Exception {
    /// The rule.
    pub rule: Rule,
    /// The file, from the root of the repository.
    pub path: &'static str,
    /// What is allowed there; empty where the file is enough.
    pub what: &'static str,
    /// Why.
    pub reason: &'static str,
}

/// The table, sorted by rule and path.
pub const EXCEPTIONS: &[Exception] = &[
    Exception {
        rule: Rule::TypeUrl,
        path: "crates/resource/src/type_url.rs",
        what: "",
        reason: "the one module that writes type URLs",
    },
    Exception {
        rule: Rule::TypeUrl,
        path: "crates/tidy/tests/it/sources.rs",
        what: "",
        reason: "the rule itself",
    },
];

/// The exceptions of a rule, and which of them were used.
#[derive(Debug)]
pub struct Allowed {
    rows: Vec<(&'static Exception, bool)>,
}

impl Allowed {
    /// The exceptions of `rule`.
    pub fn to(rule: Rule) -> Self {
        let rows = EXCEPTIONS.iter().filter(|row| row.rule == rule).map(|row| (row, false)).collect();
        Self { rows }
    }

    /// Whether `what` is allowed in the file at `path`; records the use.
    pub fn covers(&mut self, path: &str, what: &str) -> bool {
        let row = self
            .rows
            .iter_mut()
            .find(|(row, _)| row.path == path && (row.what.is_empty() || row.what == what));
        row.map(|row| row.1 = true).is_some()
    }

    /// The exceptions that were not used.
    pub fn unused(&self) -> impl Iterator<Item = &'static Exception> + '_ {
        self.rows.iter().filter(|(_, used)| !used).map(|(row, _)| *row)
    }
}
