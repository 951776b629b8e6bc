//! Findings over time: their appearance and disappearance is logged, and the current ones are kept.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use fairlead_config::{Code, Diagnostic, FieldPath, Severity, Subject};

use crate::telemetry;

/// The current findings.
#[derive(Default)]
pub struct Ledger {
    current: Arc<[Diagnostic]>,
    window: Window<LOGGED>,
}

/// Maximum number of findings logged in a window, as they come and go.
const LOGGED: usize = 1000;
const WINDOW: Duration = Duration::from_secs(60);

/// Limits the log lines of one kind: `MOST` in each window.
#[derive(Default)]
pub(crate) struct Window<const MOST: usize> {
    since: Option<Instant>,
    wanted: usize,
}

impl<const MOST: usize> Window<MOST> {
    /// How many of `wanted` lines may be logged now, and how many were dropped in the previous window once it is over.
    pub(crate) fn admit(&mut self, wanted: usize, now: Instant) -> (usize, usize) {
        let mut left_out = 0;
        if self.since.is_none_or(|since| now.duration_since(since) >= WINDOW) {
            left_out = self.wanted.saturating_sub(MOST);
            (self.since, self.wanted) = (Some(now), 0);
        }
        let admitted = wanted.min(MOST.saturating_sub(self.wanted));
        self.wanted += wanted;
        (admitted, left_out)
    }
}

/// Maximum number of findings listed, in all and of one file. If there are more in all, the limit per file ensures that
/// one author's mistakes do not hide those of others.
const MOST: usize = 10_000;
const MOST_OF_A_FILE: usize = 1000;

/// The findings in order, each once. Of too many, errors are kept first, and a finding counts the rest.
pub fn listed(mut all: Vec<Diagnostic>) -> Vec<Diagnostic> {
    all.sort();
    all.dedup();
    if all.len() < MOST {
        return all;
    }
    all.sort_by_key(|finding| finding.severity);
    let found = all.len();
    let mut of_files: BTreeMap<Arc<str>, usize> = BTreeMap::new();
    all.retain(|finding| {
        let number = of_files.entry(file_of(finding)).or_default();
        *number += 1;
        *number <= MOST_OF_A_FILE
    });
    all.truncate(MOST - 1);
    let worst = of_files.into_iter().max_by_key(|(_, number)| *number).map(|(file, _)| file);
    let on = Subject::File(worst.unwrap_or_default());
    let message =
        format!("{} further findings, most of them about this file, are not listed", found - all.len());
    let mut rest = Diagnostic::new(Severity::Info, on, Code::FindingsLeftOut, FieldPath::root(), message);
    rest.help("correct what is listed, and look again");
    all.push(rest);
    all.sort();
    all
}

fn file_of(finding: &Diagnostic) -> Arc<str> {
    match (&finding.position, &finding.on) {
        (Some(position), _) => position.file.clone(),
        (None, Subject::File(file)) => file.clone(),
        (None, Subject::Object(_) | Subject::Proxy(_)) => Arc::default(),
    }
}

impl Ledger {
    /// Takes the current findings (sorted, each once), and logs those that are new or gone.
    pub fn update(&mut self, now: Vec<Diagnostic>) {
        let (appeared, gone) = difference(&self.current, &now);
        let changed = appeared.len() + gone.len();
        let (admitted, _) = self.window.admit(changed, Instant::now());
        let lines = appeared
            .into_iter()
            .map(|found| (telemetry::diagnostic_appeared as fn(&Diagnostic), found))
            .chain(gone.into_iter().map(|found| (telemetry::diagnostic_gone as fn(&Diagnostic), found)));
        lines.take(admitted).for_each(|(tell, found)| tell(found));
        if changed > admitted {
            telemetry::diagnostics_suppressed(changed - admitted);
        }
        self.current = now.into();
    }

    /// The current findings.
    pub fn current(&self) -> &Arc<[Diagnostic]> {
        &self.current
    }
}

/// The findings only in `after`, and those only in `before`. A finding that has only moved to another line is in both.
fn difference<'a>(
    before: &'a [Diagnostic],
    after: &'a [Diagnostic],
) -> (Vec<&'a Diagnostic>, Vec<&'a Diagnostic>) {
    let identity = |d: &'a Diagnostic| (&d.on, &d.path, d.code, d.severity, &d.message);
    let known: std::collections::BTreeSet<_> = before.iter().map(identity).collect();
    let now: std::collections::BTreeSet<_> = after.iter().map(identity).collect();
    (
        after.iter().filter(|diagnostic| !known.contains(&identity(diagnostic))).collect(),
        before.iter().filter(|diagnostic| !now.contains(&identity(diagnostic))).collect(),
    )
}

#[cfg(test)]
mod tests;
