//! The output of the demo: plain lines, coloured and wrapped on a terminal, and the summary of its steps.
//!
//! Without a terminal each sentence is one line of any length, so that it can be searched. YAML and commands are never
//! wrapped, as that would change them.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

use crate::output::is_coloured;

/// Minimum width of a terminal for which lines are wrapped.
const NARROWEST: usize = 20;
/// Assumed width of a terminal of unknown width.
const USUAL: usize = 80;

/// The output of the demo.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    coloured: bool,
    /// The number of columns of a terminal.
    width: Option<usize>,
}

/// The style of a text on a terminal.
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
        let out = io::stdout();
        Self { coloured: is_coloured(&out), width: out.is_terminal().then(columns) }
    }

    /// Prints one or several lines. Lines that are too long are wrapped with an indent of two columns.
    pub(super) fn line(self, text: &str) -> io::Result<()> {
        let lines: Vec<_> = text.split('\n').map(|line| self.wrapped("", line, margin(line) + 2)).collect();
        put(&lines.join("\n"))
    }

    /// Prints a line whose last column is wrapped below itself.
    fn row(self, before: &str, column: &str) -> io::Result<()> {
        let indent = textwrap::core::display_width(before);
        match self.width {
            Some(width) if indent + NARROWEST > width => self.line(&format!("{before}\n    {column}")),
            _ => put(&self.wrapped(before, column, indent)),
        }
    }

    /// `before` and `text`, wrapped between words; lines after the first are indented by `indent` columns.
    fn wrapped(self, before: &str, text: &str, indent: usize) -> String {
        let Some(width) = self.width else { return format!("{before}{text}") };
        let indent = " ".repeat(indent);
        let options = textwrap::Options::new(width)
            .initial_indent(before)
            .subsequent_indent(&indent)
            .break_words(false)
            .word_splitter(textwrap::WordSplitter::NoHyphenation)
            .wrap_algorithm(textwrap::WrapAlgorithm::FirstFit);
        textwrap::fill(text, options)
    }

    /// `text` in a style.
    pub(super) fn paint(self, look: Look, text: &str) -> String {
        if self.coloured { format!("\x1b[{}m{text}\x1b[0m", look.code()) } else { text.to_owned() }
    }

    /// ✓ or ✗.
    pub(super) fn mark(self, good: bool) -> String {
        if good { self.paint(Look::Good, "✓") } else { self.paint(Look::Bad, "✗") }
    }

    /// Prints a text with a margin, line by line.
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
        put(&lines.join("\n"))
    }

    /// Prints commands so that they can be copied. Those of several lines are not indented, because the end of a
    /// here-document must not be.
    pub(super) fn commands(self, text: &str) -> io::Result<()> {
        let margin = if text.contains("<<") { "" } else { "    " };
        let lines: Vec<_> =
            text.lines().map(|line| format!("{margin}{}", self.paint(Look::Quoted, line))).collect();
        put(&format!("\n{}\n", lines.join("\n")))
    }
}

fn margin(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// The number of columns of standard output.
fn columns() -> usize {
    match rustix::termios::tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 0 => usize::from(size.ws_col).max(NARROWEST),
        _ => USUAL,
    }
}

fn put(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// A duration as text: `340 ms`, `4.2 s`.
pub(super) fn time(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}

/// The outcome of a step.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    /// Its title.
    pub(super) title: &'static str,
    /// Whether all was as expected.
    pub(super) good: bool,
    /// The most important figure.
    pub(super) figure: String,
    /// Its duration.
    pub(super) took: Duration,
}

/// Prints the summary of all steps.
pub(super) fn summary(out: Output, outcomes: &[Outcome], took: Duration) -> io::Result<()> {
    let width = outcomes.iter().map(|outcome| outcome.title.chars().count()).max().unwrap_or(0);
    out.line(&out.paint(Look::Title, "\nSummary"))?;
    for outcome in outcomes {
        let padding = " ".repeat(width - outcome.title.chars().count());
        let (mark, title, took) = (out.mark(outcome.good), outcome.title, time(outcome.took));
        let before = format!("  {mark} {title}{padding}  {took:>6}  ");
        out.row(&before, &out.paint(Look::Aside, &outcome.figure))?;
    }
    let good = outcomes.iter().filter(|outcome| outcome.good).count();
    let all = good == outcomes.len();
    let mark =
        if all { out.mark(true) } else { format!("✓, {} {}", outcomes.len() - good, out.mark(false)) };
    out.line(&format!("\n{good} of {} steps {mark} in {}", outcomes.len(), time(took)))
}

#[cfg(test)]
mod tests;
