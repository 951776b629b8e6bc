//! The findings of a rule, and how they are reported.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
};

/// The findings of one rule.
#[derive(Debug)]
pub struct Findings {
    remedy: &'static str,
    found: Vec<String>,
}

impl Findings {
    /// Nothing found yet; `remedy` says what to do about each finding.
    pub fn new(remedy: &'static str) -> Self {
        Self { remedy, found: Vec::new() }
    }

    /// Adds a finding: where, and what.
    pub fn add(&mut self, place: impl AsRef<str>, what: impl AsRef<str>) {
        self.found.push(format!("{}: {}", place.as_ref(), what.as_ref()));
    }

    /// Ends the test, and fails it with all findings and the remedy if there are any.
    ///
    /// # Panics
    /// If something was found.
    pub fn conclude(self) {
        if self.found.is_empty() {
            return;
        }
        let mut message = String::new();
        for finding in &self.found {
            writeln!(message, "  {finding}").expect("a String takes all that is written");
        }
        panic!("{} finding(s):\n{message}What to do: {}", self.found.len(), self.remedy);
    }
}

/// Prints a line that a passing test shows as well.
pub fn warn(line: &str) {
    // The test harness captures `println!`; a warning is meant to be seen.
    let _ = writeln!(io::stderr(), "tidy: {line}");
}
