//! What the demo says: plain lines, coloured on a terminal, and the account of its steps.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

/// Where the demo says it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    coloured: bool,
}

/// How a text looks on a terminal.
#[derive(Clone, Copy, Debug)]
pub(super) enum Look {
    /// A title.
    Title,
    /// Something quoted: a piece of YAML, a command.
    Quoted,
    /// Something less important.
    Aside,
    /// Something good.
    Good,
    /// Something bad.
    Bad,
}

impl Look {
    fn code(self) -> &'static str {
        match self {
            Self::Title => "1",
            Self::Quoted => "36",
            Self::Aside => "2",
            Self::Good => "32",
            Self::Bad => "1;31",
        }
    }
}

impl Output {
    /// Standard output, with colours if it is a terminal and NO_COLOR does not forbid them.
    pub(super) fn standard() -> Self {
        let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { coloured: io::stdout().is_terminal() && !forbidden }
    }

    /// `text` as it looks.
    pub(super) fn paint(self, look: Look, text: &str) -> String {
        if self.coloured { format!("\x1b[{}m{text}\x1b[0m", look.code()) } else { text.to_owned() }
    }

    /// ✓ or ✗.
    pub(super) fn mark(self, good: bool) -> String {
        if good { self.paint(Look::Good, "✓") } else { self.paint(Look::Bad, "✗") }
    }

    /// Says a text with a margin, line by line.
    pub(super) fn quote(self, text: &str) -> io::Result<()> {
        let lines: Vec<_> = text
            .lines()
            .map(|line| {
                if line.is_empty() {
                    "  │".to_owned()
                } else {
                    format!("  │ {}", self.paint(Look::Quoted, line))
                }
            })
            .collect();
        line(&lines.join("\n"))
    }
}

/// Says a line, or several.
pub(super) fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// A time as it is said: `340 ms`, `4.2 s`.
pub(super) fn time(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}

/// What became of a step.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    /// Its title.
    pub(super) title: &'static str,
    /// Whether all was as expected.
    pub(super) good: bool,
    /// The most important figure.
    pub(super) figure: String,
    /// How long it took.
    pub(super) took: Duration,
}

/// The account of the whole walk.
pub(super) fn summary(out: Output, outcomes: &[Outcome], took: Duration) -> io::Result<()> {
    let width = outcomes.iter().map(|outcome| outcome.title.chars().count()).max().unwrap_or(0);
    line(&out.paint(Look::Title, "\nSummary"))?;
    for outcome in outcomes {
        let padding = " ".repeat(width - outcome.title.chars().count());
        let (mark, title, took) = (out.mark(outcome.good), outcome.title, time(outcome.took));
        line(&format!("  {mark} {title}{padding}  {took:>6}  {}", out.paint(Look::Aside, &outcome.figure)))?;
    }
    let good = outcomes.iter().filter(|outcome| outcome.good).count();
    let all = good == outcomes.len();
    let mark =
        if all { out.mark(true) } else { format!("✓, {} {}", outcomes.len() - good, out.mark(false)) };
    line(&format!("\n{good} of {} steps {mark} in {}", outcomes.len(), time(took)))
}

#[cfg(test)]
mod tests;
