//! `fairlead version`.

use std::process::ExitCode;

use serde_json::json;

use crate::output::{self, Format};

/// Print the version.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  fairlead version --output json")]
pub(crate) struct Args {
    /// The form of the output.
    #[arg(long, short, value_enum, default_value_t)]
    output: Format,
}

/// Prints it.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let version = env!("CARGO_PKG_VERSION");
    let data = json!({ "version": version });
    match args.output {
        Format::Table => output::print(&format!("{version}\n"))?,
        Format::Json => output::data(&data, output::DataFormat::Json)?,
        Format::Yaml => output::data(&data, output::DataFormat::Yaml)?,
    }
    Ok(ExitCode::SUCCESS)
}
