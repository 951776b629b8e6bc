//! `fairlead explain`.

use std::process::ExitCode;

use fairlead_config::printable;
use serde_json::Value;

use crate::{client::Server, output::Format};

/// Show what a proxy's resource was computed from: the objects, and the queries of the engine in between.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  fairlead explain web-1.default 'outbound|80||reviews.default.svc.cluster.local'

`fairlead proxy-config` shows the names of the resources.")]
pub(crate) struct Args {
    /// The proxy: `<name>.<namespace>`, a node id, `pod/<name>`, or a name if only one proxy has it.
    proxy: String,
    /// The name of the resource; without it, all resources that the proxy is sent.
    resource: Option<String>,
    /// The namespace of the proxy.
    #[arg(long, short)]
    namespace: Option<String>,
    /// The output format.
    #[arg(long, short, value_enum, default_value_t)]
    output: Format,
    #[command(flatten)]
    server: Server,
}

/// Asks the control plane and prints its answer.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut parameters = vec![("proxy", args.proxy.as_str())];
    parameters.extend(args.resource.iter().map(|resource| ("resource", resource.as_str())));
    parameters.extend(args.namespace.iter().map(|namespace| ("namespace", namespace.as_str())));
    let answer = args.server.get("/debug/explain", &parameters)?;
    args.output.print(&text(&answer), &answer)?;
    Ok(ExitCode::SUCCESS)
}

fn text(answer: &Value) -> String {
    let of = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut lines = Vec::new();
    for resource in list(&answer["resources"]) {
        lines.push(format!("{} {}", of(&resource["type"]), of(&resource["name"])));
        let origin = |origin: &Value| {
            let [kind, namespace, object, field, source] =
                ["kind", "namespace", "object", "field", "source"].map(|part| of(&origin[part]));
            format!("  from {kind} {namespace}/{object} {field} {source}")
        };
        lines.extend(list(&resource["origins"]).iter().map(origin));
    }
    lines.push("computed from:".to_owned());
    lines.extend(list(&answer["computedFrom"]).iter().map(|line| format!("  {}", of(line))));
    // Names of objects and files come from outside.
    let lines: Vec<_> = lines.iter().map(|line| printable(line)).collect();
    lines.join("\n") + "\n"
}
