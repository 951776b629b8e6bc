//! [`Diagnostic`]: what is wrong or doubtful in a user's configuration, as data.

use std::{
    fmt::{self, Write as _},
    sync::Arc,
};

use crate::{Code, ConfigKey, FieldPath, Location, ReadFrom, printable::Printing};

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The object or the part named is not used.
    Error,
    /// The object is used, but probably not as meant.
    Warning,
    /// Good to know.
    Info,
}

impl Severity {
    /// The severity as a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a diagnostic is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// An object.
    Object(ConfigKey),
    /// A file, or a document in it that names no object.
    File(Arc<str>),
    /// A proxy, by its node id, which rejected something that no object is at fault for.
    Proxy(Arc<str>),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(key) => key.fmt(f),
            Self::File(path) => f.write_str(path),
            Self::Proxy(id) => write!(f, "proxy {id}"),
        }
    }
}

/// A finding about an object or a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Diagnostic {
    /// What it is about.
    pub on: Subject,
    /// The field; the root if it is about the whole.
    pub path: FieldPath,
    /// The type of the finding.
    pub code: Code,
    /// The severity of a finding.
    pub severity: Severity,
    /// What is found, with the value at fault.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
    /// Where it stands.
    pub position: Option<Location>,
}

impl Diagnostic {
    /// A finding without help and position.
    pub fn new(
        severity: Severity,
        on: Subject,
        code: Code,
        path: FieldPath,
        message: impl Into<String>,
    ) -> Self {
        Self { on, path, code, severity, message: message.into(), help: None, position: None }
    }

    /// Says what to write instead.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }

    /// Sets the position of the field unless there is one, and the path as the file has it.
    pub fn locate(&mut self, read_from: &ReadFrom) -> &mut Self {
        if self.position.is_none() {
            self.position = read_from.locate(&self.path);
            self.path = read_from.as_written(&self.path);
        }
        self
    }
}

impl fmt::Display for Diagnostic {
    /// `error[FL0101 unknown-field] VirtualService shop/cart spec.http[0].timeuot (a.yaml:7:5): message; help`.
    ///
    /// On one line: names, keys and messages come from outside, see [`Printing`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{} {}] ", self.severity, self.code.as_str(), self.code.name())?;
        write!(Printing::new(&mut *f), "{}", self.on)?;
        if !self.path.is_root() {
            write!(Printing::new(&mut *f), " {}", self.path)?;
        }
        if let Some(position) = &self.position {
            write!(Printing::new(&mut *f), " ({position})")?;
        }
        write!(Printing::new(&mut *f), ": {}", self.message)?;
        if let Some(help) = &self.help {
            write!(Printing::new(&mut *f), "; {help}")?;
        }
        Ok(())
    }
}

/// Maximum number of findings about one subject; later ones are dropped, but never the only error.
const MOST_FINDINGS: usize = 1000;

/// Collects the findings about one subject, at most a thousand of them.
#[derive(Clone, Debug)]
pub struct Diagnostics {
    on: Subject,
    list: Vec<Diagnostic>,
    has_errors: bool,
    spent: u32,
}

impl Diagnostics {
    /// No finding about `on`.
    pub fn on(on: Subject) -> Self {
        Self { on, list: Vec::new(), has_errors: false, spent: 0 }
    }

    /// No finding about the object `key`.
    pub fn on_object(key: &ConfigKey) -> Self {
        Self::on(Subject::Object(key.clone()))
    }

    /// Adds an error.
    pub fn error(&mut self, code: Code, path: FieldPath, message: impl Into<String>) -> &mut Diagnostic {
        self.add(Severity::Error, code, path, message)
    }

    /// Adds a warning.
    pub fn warn(&mut self, code: Code, path: FieldPath, message: impl Into<String>) -> &mut Diagnostic {
        self.add(Severity::Warning, code, path, message)
    }

    /// Adds a note.
    pub fn info(&mut self, code: Code, path: FieldPath, message: impl Into<String>) -> &mut Diagnostic {
        self.add(Severity::Info, code, path, message)
    }

    /// Adds a finding.
    pub fn add(
        &mut self,
        severity: Severity,
        code: Code,
        path: FieldPath,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        // The slot after the last kept finding holds one that is dropped.
        let is_first_error = severity == Severity::Error && !self.has_errors;
        self.list.truncate(if is_first_error { MOST_FINDINGS - 1 } else { MOST_FINDINGS });
        self.has_errors |= severity == Severity::Error;
        let at = self.list.len();
        self.list.push(Diagnostic::new(severity, self.on.clone(), code, path, message));
        &mut self.list[at]
    }

    /// Adds to what the subject's expressions cost, and says how much it is by now.
    pub(crate) fn spend(&mut self, cost: u32) -> u32 {
        self.spent = self.spent.saturating_add(cost);
        self.spent
    }

    /// Whether an error is among the findings.
    pub fn has_errors(&self) -> bool {
        self.has_errors
    }

    /// Whether there is no finding.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The findings so far.
    pub fn as_slice(&self) -> &[Diagnostic] {
        &self.list[..self.list.len().min(MOST_FINDINGS)]
    }

    /// The findings, with their positions.
    pub fn located(mut self, read_from: &ReadFrom) -> Vec<Diagnostic> {
        self.list.truncate(MOST_FINDINGS);
        for diagnostic in &mut self.list {
            diagnostic.locate(read_from);
        }
        self.list
    }

    /// The findings.
    pub fn into_vec(mut self) -> Vec<Diagnostic> {
        self.list.truncate(MOST_FINDINGS);
        self.list
    }
}
