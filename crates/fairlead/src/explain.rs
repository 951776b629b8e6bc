//! `fairlead explain`.

use std::process::ExitCode;

use serde_json::Value;

use crate::{
    client::Server,
    output::{self, Format},
};

/// Tell what a proxy's resource was computed from: the objects, and the steps of the engine in between.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  fairlead explain web-1.default 'outbound|80||reviews.default.svc.cluster.local'

`fairlead proxy-config` shows the names of the resources.")]
pub(crate) struct Args {
    /// The proxy: its node id, or `<name>.<namespace>`.
    proxy: String,
    /// The resource; without one, all that the proxy is sent.
    resource: Option<String>,
    /// The form of the output.
    #[arg(long, short, value_enum, default_value_t)]
    output: Format,
    #[command(flatten)]
    server: Server,
}

/// Asks the control plane.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut parameters = vec![("proxy", args.proxy.as_str())];
    parameters.extend(args.resource.iter().map(|resource| ("resource", resource.as_str())));
    let answer = args.server.get("/debug/explain", &parameters)?;
    match args.output {
        Format::Table => output::print(&text(&answer))?,
        Format::Json => output::data(&answer, output::DataFormat::Json)?,
        Format::Yaml => output::data(&answer, output::DataFormat::Yaml)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn text(answer: &Value) -> String {
    let mut text = String::new();
    let of = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for resource in answer["resources"].as_array().into_iter().flatten() {
        text.push_str(&format!("{} {}\n", of(&resource["type"]), of(&resource["name"])));
        for origin in resource["origins"].as_array().into_iter().flatten() {
            text.push_str(&format!("  from {} {}\n", of(&origin["object"]), of(&origin["source"])));
        }
    }
    text.push_str("computed from:\n");
    for line in answer["computedFrom"].as_array().into_iter().flatten() {
        text.push_str(&format!("  {}\n", of(line)));
    }
    text
}
