//! What the demo says: plain lines, on a terminal coloured and no wider than it, and the account of its steps.
//!
//! What is not a terminal gets each sentence in one line, whatever its length: so it can be searched. YAML and commands
//! are never broken, as they would not be the same.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

use crate::output::is_coloured;

/// The narrowest terminal that lines are broken for.
const NARROWEST: usize = 20;
/// How wide a terminal is that does not say so.
const USUAL: usize = 80;

/// Where the demo says it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    coloured: bool,
    /// The columns of a terminal.
    width: Option<usize>,
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
        let out = io::stdout();
        Self { coloured: is_coloured(&out), width: out.is_terminal().then(columns) }
    }

    /// Says a line, or several. What does not fit goes on in lines of its own, two columns further in.
    pub(super) fn line(self, text: &str) -> io::Result<()> {
        let lines: Vec<_> = text.split('\n').map(|line| self.wrapped("", line, margin(line) + 2)).collect();
        put(&lines.join("\n"))
    }

    /// Says a line that has a column at its end: what of that does not fit goes on below it.
    fn row(self, before: &str, column: &str) -> io::Result<()> {
        let indent = textwrap::core::display_width(before);
        match self.width {
            Some(width) if indent + NARROWEST > width => self.line(&format!("{before}\n    {column}")),
            _ => put(&self.wrapped(before, column, indent)),
        }
    }

    /// `before` and `text`, broken between words; lines after the first begin `indent` columns further in.
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
        put(&lines.join("\n"))
    }

    /// Says commands, which can be copied as they are. A text that goes on over several lines begins where lines do,
    /// as the end of what a shell reads from them has to.
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

/// The columns of standard output.
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
