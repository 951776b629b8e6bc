//! Findings over time: what appears and disappears is logged, what holds is kept.

use std::sync::Arc;

use fairlead_config::Diagnostic;

use crate::telemetry;

/// The findings that hold now.
#[derive(Default)]
pub struct Ledger {
    current: Arc<[Diagnostic]>,
}

impl Ledger {
    /// Takes over what holds now (sorted, each once), and logs what is new and what is gone.
    pub fn update(&mut self, now: Vec<Diagnostic>) {
        let (appeared, gone) = difference(&self.current, &now);
        appeared.into_iter().for_each(telemetry::diagnostic_appeared);
        gone.into_iter().for_each(telemetry::diagnostic_gone);
        self.current = now.into();
    }

    /// What holds now.
    pub fn current(&self) -> &Arc<[Diagnostic]> {
        &self.current
    }
}

/// What is only in `after`, and what is only in `before`. A finding that has only moved to another line is in both.
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
