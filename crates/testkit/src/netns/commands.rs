//! Running the system's commands to their end.

use std::{
    io::{self, Write},
    path::Path,
    process::{Command, Stdio},
};

/// A namespace that could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum NetnsError {
    /// Nothing of the kind is possible here.
    #[error("{0}")]
    Unavailable(String),
    /// A command could not be started.
    #[error("start {program}")]
    Start {
        /// The command.
        program: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A command failed.
    #[error("{command}: {said}")]
    Failed {
        /// The command with its arguments.
        command: String,
        /// What it wrote to its standard error.
        said: String,
    },
}

impl NetnsError {
    pub(super) fn start(program: &str, source: io::Error) -> Self {
        Self::Start { program: program.to_owned(), source }
    }
}

/// Runs `command` to its end and gives its standard output.
pub(super) fn run(command: &mut Command) -> Result<String, NetnsError> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| start(command, error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(failed(command, &output.stderr))
}

/// Runs `command` to its end with `input` on its standard input.
pub(super) fn run_with_input(command: &mut Command, input: &str) -> Result<(), NetnsError> {
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| start(command, error))?;
    let mut pipe = child.stdin.take().expect("standard input is a pipe");
    let written = pipe.write_all(input.as_bytes());
    drop(pipe);
    let output = child.wait_with_output().map_err(|error| start(command, error))?;
    if !output.status.success() {
        return Err(failed(command, &output.stderr));
    }
    written.map_err(|error| start(command, error))
}

/// Whether `program` is on the path.
#[expect(clippy::disallowed_methods, reason = "where programs are is the environment's to say")]
pub(super) fn has(program: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    path.split(':').filter(|directory| !directory.is_empty()).any(|d| Path::new(d).join(program).is_file())
}

fn start(command: &Command, source: io::Error) -> NetnsError {
    NetnsError::start(&command.get_program().to_string_lossy(), source)
}

fn failed(command: &Command, said: &[u8]) -> NetnsError {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    NetnsError::Failed { command: words.join(" "), said: String::from_utf8_lossy(said).trim().to_owned() }
}
