//! The end of a command: the exit codes, and the error message.

use std::{io::Write as _, process::ExitCode};

use fairlead_config::printable;

/// There are findings, or the command failed.
pub(crate) const FAILED: u8 = 1;
/// Wrong usage. clap uses this code too.
pub(crate) const USAGE: u8 = 2;
/// The server cannot be reached.
pub(crate) const UNREACHABLE: u8 = 3;

/// A server that cannot be reached.
#[derive(Debug)]
pub(crate) struct Unreachable {
    /// The URL requested.
    pub(crate) url: String,
    /// The advice.
    pub(crate) hint: &'static str,
}

impl std::fmt::Display for Unreachable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot reach {}; {}", self.url, self.hint)
    }
}

impl std::error::Error for Unreachable {}

/// A request of the user's that cannot be carried out.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Prints to standard error why a command failed, and returns its exit code.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if is_closed_pipe(error) {
        return ExitCode::SUCCESS;
    }
    let causes: Vec<_> = error.chain().map(ToString::to_string).collect();
    // A settings file has one line for each problem; a line may contain text from outside.
    let said = causes.join(": ");
    let lines: Vec<_> = said.lines().map(printable).collect();
    // If standard error cannot be written to, there is no other place to report that.
    let _ = writeln!(std::io::stderr(), "fairlead: {}", lines.join("\n"));
    ExitCode::from(code(error))
}

fn code(error: &anyhow::Error) -> u8 {
    // Not by the chain of sources, since `anyhow` finds types added as context only by a downcast of the error itself.
    if error.downcast_ref::<Unreachable>().is_some() {
        UNREACHABLE
    } else if error.downcast_ref::<Usage>().is_some() {
        USAGE
    } else {
        FAILED
    }
}

/// Whether the reader of the output has closed it (`fairlead pc route x | head`).
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests;
