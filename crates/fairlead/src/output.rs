//! Tables, JSON and YAML on standard output.

use std::{
    borrow::Cow,
    io::{IsTerminal, Write as _},
};

use clap::ValueEnum;
use fairlead_config::printable;
use serde::Serialize;

/// The form of an output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Columns; `short` is an alias.
    #[default]
    #[value(alias = "short")]
    Table,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

impl Format {
    /// Prints `table`, or `value` as data.
    pub(crate) fn print(self, table: &str, value: &impl Serialize) -> anyhow::Result<()> {
        match self {
            Self::Table => print(table),
            Self::Json => data(value, DataFormat::Json),
            Self::Yaml => data(value, DataFormat::Yaml),
        }
    }
}

/// JSON or YAML.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum DataFormat {
    /// YAML.
    #[default]
    Yaml,
    /// JSON.
    Json,
}

/// Prints data as JSON or YAML.
pub(crate) fn data(value: &impl Serialize, format: DataFormat) -> anyhow::Result<()> {
    let json = serde_json::to_value(value)?;
    let text = match format {
        DataFormat::Json => format!("{}\n", escaped(&serde_json::to_string_pretty(&json)?)),
        DataFormat::Yaml => fairlead_envoy::json::to_yaml(&json),
    };
    print(&text)
}

/// JSON without characters that control a terminal: JSON itself escapes only control characters below a space.
fn escaped(text: &str) -> Cow<'_, str> {
    let obeyed = |c: char| c.is_control() && c != '\n';
    if !text.contains(obeyed) {
        return text.into();
    }
    let escape = |c: char| if obeyed(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    text.chars().map(escape).collect::<String>().into()
}

/// Prints a text as it is.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Prints a note to standard error.
pub(crate) fn note(text: &str) {
    // If standard error cannot be written to, there is no other place to report that.
    let _ = writeln!(std::io::stderr(), "fairlead: {}", printable(text));
}

/// Rows under a header, in columns as wide as their widest cell.
#[derive(Debug)]
pub(crate) struct Table {
    header: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(header: &'static [&'static str]) -> Self {
        Self { header, rows: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        // The texts of proxies and the names of objects come from outside.
        let shown =
            |cell: String| if cell.is_empty() { "-".to_owned() } else { printable(&cell).into_owned() };
        let cells: Vec<_> = cells.into_iter().map(shown).collect();
        debug_assert_eq!(cells.len(), self.header.len(), "a row has a cell for each column");
        self.rows.push(cells);
    }

    /// Whether it has no row.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows.
    #[cfg(test)]
    pub(crate) fn rows(&self) -> &[Vec<String>] {
        &self.rows
    }

    /// The table as text.
    pub(crate) fn render(&self, with_header: bool) -> String {
        let header: Vec<String> = self.header.iter().map(|&title| title.to_owned()).collect();
        let lines: Vec<&Vec<String>> = with_header.then_some(&header).into_iter().chain(&self.rows).collect();
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<_> = (0..self.header.len()).map(width).collect();
        let mut text = String::new();
        for line in lines {
            let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            text.push_str(cells.collect::<Vec<_>>().join("   ").trim_end());
            text.push('\n');
        }
        text
    }
}

/// Whether an output may be coloured: it is a terminal, and `NO_COLOR` does not forbid it.
pub(crate) fn is_coloured(output: &impl IsTerminal) -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && output.is_terminal()
}

#[cfg(test)]
mod tests;
