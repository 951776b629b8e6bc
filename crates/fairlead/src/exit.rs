//! How a command ends: the exit codes, and the last words.

use std::{io::Write as _, process::ExitCode};

use fairlead_config::printable;

/// There are findings, or the command failed.
pub(crate) const FAILED: u8 = 1;
/// Wrong usage. clap ends with it too.
pub(crate) const USAGE: u8 = 2;
/// The server that was asked cannot be reached.
pub(crate) const UNREACHABLE: u8 = 3;

/// A server that cannot be reached.
#[derive(Debug)]
pub(crate) struct Unreachable {
    /// What was asked.
    pub(crate) url: String,
    /// What to try.
    pub(crate) hint: &'static str,
}

impl std::fmt::Display for Unreachable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot reach {}; {}", self.url, self.hint)
    }
}

impl std::error::Error for Unreachable {}

/// Something that the user said cannot be done.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Says why a command failed, on standard error, and gives its exit code.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if is_closed_pipe(error) {
        return ExitCode::SUCCESS;
    }
    let causes: Vec<_> = error.chain().map(ToString::to_string).collect();
    // One line for each problem of a settings file; what is in a line may come from outside.
    let said = causes.join(": ");
    let lines: Vec<_> = said.lines().map(printable).collect();
    // Nobody reads what cannot be written.
    let _ = writeln!(std::io::stderr(), "fairlead: {}", lines.join("\n"));
    ExitCode::from(code(error))
}

fn code(error: &anyhow::Error) -> u8 {
    // Not by the chain of sources: what was added as context is only found by the error itself.
    if error.downcast_ref::<Unreachable>().is_some() {
        UNREACHABLE
    } else if error.downcast_ref::<Usage>().is_some() {
        USAGE
    } else {
        FAILED
    }
}

/// Whoever reads the output has enough of it (`fairlead pc route x | head`).
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests;
