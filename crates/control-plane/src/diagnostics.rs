//! Findings over time: what appears and disappears is logged, what holds is kept.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use fairlead_config::Diagnostic;

use crate::telemetry;

/// The findings that hold now.
#[derive(Default)]
pub struct Ledger {
    current: Arc<[Diagnostic]>,
    window: Window,
}

/// So many findings are logged in each window, as they come and go.
const LOGGED: usize = 1000;
const WINDOW: Duration = Duration::from_secs(60);

/// How many were logged lately.
#[derive(Default)]
struct Window {
    since: Option<Instant>,
    logged: usize,
}

impl Window {
    /// How many of so many may be logged now.
    fn admit(&mut self, wanted: usize, now: Instant) -> usize {
        if self.since.is_none_or(|since| now.duration_since(since) >= WINDOW) {
            (self.since, self.logged) = (Some(now), 0);
        }
        let admitted = wanted.min(LOGGED - self.logged);
        self.logged += admitted;
        admitted
    }
}

impl Ledger {
    /// Takes over what holds now (sorted, each once), and logs what is new and what is gone.
    pub fn update(&mut self, now: Vec<Diagnostic>) {
        let (appeared, gone) = difference(&self.current, &now);
        let changed = appeared.len() + gone.len();
        let admitted = self.window.admit(changed, Instant::now());
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
