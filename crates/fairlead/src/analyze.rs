//! `fairlead analyze`.

use std::{path::PathBuf, process::ExitCode};

use clap::ValueEnum;
use fairlead_config::{Code, Diagnostic, Severity, printable};
use fairlead_control_plane::{admin::diagnostic_json, settings::Settings};
use serde_json::Value;

use crate::{exit, input, output};

/// Check YAML without a server: directories, files, or standard input.
///
/// All paths are checked together, as one mesh. Each finding has a code, the object, the field, the file and the line;
/// for standard input the file is `<stdin>`. A path without an object is a warning. The exit code is 0 if no finding
/// reaches the threshold, 1 if one does, and 2 if a path cannot be read.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  fairlead analyze my-config/
  fairlead analyze base.yaml overlays/ --failure-threshold error --output github
  helm template my-chart/ | fairlead analyze -")]
pub(crate) struct Args {
    /// Directories and files; `-` is standard input.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// The output format.
    #[arg(long, short, value_enum, default_value_t)]
    output: Form,
    /// The lowest severity of a finding that makes the command fail.
    #[arg(long, value_enum, default_value_t = Threshold::Warning)]
    failure_threshold: Threshold,
    /// The namespace whose configuration applies to the whole mesh.
    #[arg(long, value_name = "NAMESPACE", default_value = "istio-system")]
    root_namespace: String,
}

/// The form of the findings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Form {
    /// One line per finding.
    #[default]
    Table,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// Annotations that GitHub shows at the changed lines.
    Github,
}

/// A severity and all worse ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Threshold {
    /// Errors.
    Error,
    /// Errors and warnings.
    Warning,
    /// Everything.
    Info,
}

impl Threshold {
    fn includes(self, severity: Severity) -> bool {
        match self {
            Self::Error => severity == Severity::Error,
            Self::Warning => severity != Severity::Info,
            Self::Info => true,
        }
    }
}

/// Reads the paths and checks them.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut settings = Settings::default();
    args.root_namespace.clone_into(&mut settings.mesh.root_namespace);
    let mut mesh = input::mesh(&args.paths, &settings)?;
    let findings = mesh.diagnostics();
    let coloured = output::is_coloured(&std::io::stdout());
    match args.output {
        Form::Table => output::print(&text(&findings, mesh.objects().len(), coloured))?,
        Form::Json => output::data(&json(&findings), output::DataFormat::Json)?,
        Form::Yaml => output::data(&json(&findings), output::DataFormat::Yaml)?,
        Form::Github => output::print(&findings.iter().map(annotation).collect::<String>())?,
    }
    let failed = findings.iter().any(|finding| args.failure_threshold.includes(finding.severity));
    Ok(if failed { ExitCode::from(exit::FAILED) } else { ExitCode::SUCCESS })
}

fn json(findings: &[Diagnostic]) -> Value {
    findings.iter().map(diagnostic_json).collect()
}

fn text(findings: &[Diagnostic], objects: usize, coloured: bool) -> String {
    let mut text = unserved(findings);
    for finding in findings {
        let line = finding.to_string();
        match line.split_once('[').filter(|_| coloured) {
            Some((severity, rest)) => text.extend([&painted(severity, finding.severity), "[", rest]),
            None => text.push_str(&line),
        }
        text.push('\n');
    }
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let summary = if findings.is_empty() {
        format!("nothing to report about {}\n", number(objects, "object"))
    } else {
        format!(
            "{}, {}, {} about {}\n",
            number(count(Severity::Error), "error"),
            number(count(Severity::Warning), "warning"),
            number(count(Severity::Info), "note"),
            number(objects, "object")
        )
    };
    text + &summary
}

/// A sentence about services without endpoints, which matter however good the rest is.
fn unserved(findings: &[Diagnostic]) -> String {
    let found: Vec<_> = findings.iter().filter(|finding| finding.code == Code::NoEndpoints).collect();
    match found.as_slice() {
        [] => String::new(),
        [only] if only.severity == Severity::Info => format!("{}\n", printable(&only.message)),
        [one] => format!(
            "{} has no endpoints: requests for it get a 503 response\n",
            printable(&one.on.to_string())
        ),
        [first, rest @ ..] => format!(
            "{} and {} have no endpoints: requests for them get a 503 response\n",
            printable(&first.on.to_string()),
            number(rest.len(), "more object")
        ),
    }
}

/// `1 object`, `2 objects`.
fn number(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn painted(text: &str, severity: Severity) -> String {
    let colour = match severity {
        Severity::Error => 31,
        Severity::Warning => 33,
        Severity::Info => 36,
    };
    format!("\u{1b}[{colour}m{text}\u{1b}[0m")
}

/// A workflow command of GitHub, which shows the finding at its line.
fn annotation(finding: &Diagnostic) -> String {
    let command = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "notice",
    };
    let mut properties = Vec::new();
    if let Some(place) = &finding.position {
        properties.push(format!("file={}", property(&place.file)));
        properties.push(format!("line={},col={}", place.line, place.column));
    }
    properties.push(format!("title={}", property(&finding.code.to_string())));
    let help = finding.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
    let message = format!("{} {}: {}{help}", finding.on, finding.path, finding.message);
    format!("::{command} {}::{}\n", properties.join(","), escaped(&message))
}

/// A text for an annotation: GitHub shows line breaks that are escaped like this; other control characters are dropped.
fn escaped(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(|line| printable(line.trim_end_matches('\r'))).collect();
    lines.join("\n").replace('%', "%25").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    escaped(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests;
