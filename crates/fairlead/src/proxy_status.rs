//! `fairlead proxy-status`.

use std::process::ExitCode;

use fairlead_control_plane::admin::{ProxyStatus, TypeSync};

use crate::{
    client::Server,
    output::{self, Format, Table},
};

/// Show the connected proxies, and how far each is.
///
/// A type is SYNCED if the proxy has everything and said so, STALE while an acknowledgement is awaited, ERROR if the
/// proxy rejected something, and NOT SENT if it asked and nothing was sent. What is held back because a proxy has
/// rejected it follows, with the objects that it was made from (`--output json` has Envoy's message too).
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  fairlead proxy-status
  fairlead ps web-1.default --output yaml")]
pub(crate) struct Args {
    /// One proxy: its node id, or `<name>.<namespace>`; without it, all.
    proxy: Option<String>,
    /// The form of the output.
    #[arg(long, short, value_enum, default_value_t)]
    output: Format,
    /// Leave the header out.
    #[arg(long)]
    no_headers: bool,
    #[command(flatten)]
    server: Server,
}

/// Asks the control plane.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut proxies: Vec<ProxyStatus> = serde_json::from_value(args.server.get("/debug/syncz", &[])?)?;
    if let Some(wanted) = &args.proxy {
        proxies.retain(|proxy| proxy.proxy == *wanted || short_name(&proxy.proxy) == wanted);
    }
    match args.output {
        Format::Table => {
            let mut text = table(&proxies).render(!args.no_headers);
            let held_back = held_back(&proxies);
            if !held_back.is_empty() {
                text.push('\n');
                text.push_str(&held_back.render(!args.no_headers));
            }
            output::print(&text)?;
        }
        Format::Json => output::data(&proxies, output::DataFormat::Json)?,
        Format::Yaml => output::data(&proxies, output::DataFormat::Yaml)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// `<name>.<namespace>` of a node id.
fn short_name(id: &str) -> &str {
    id.split('~').nth(2).unwrap_or(id)
}

fn table(proxies: &[ProxyStatus]) -> Table {
    let mut table =
        Table::new(&["NAME", "CLUSTER", "CDS", "LDS", "EDS", "RDS", "SDS", "VERSION", "SUBSCRIBED TYPES"]);
    for proxy in proxies {
        let state = |types: &[&str]| state(proxy.types.iter().filter(|s| types.contains(&s.r#type.as_str())));
        let types: Vec<_> = proxy.types.iter().map(|status| status.r#type.as_str()).collect();
        table.row([
            short_name(&proxy.proxy).to_owned(),
            proxy.cluster.clone(),
            state(&["CDS"]),
            state(&["LDS", "FCDS"]),
            state(&["EDS", "LEDS"]),
            state(&["RDS", "VHDS"]),
            state(&["SDS"]),
            proxy.envoy_version.clone().unwrap_or_default(),
            format!("{} ({})", types.len(), types.join(",")),
        ]);
    }
    table
}

/// What proxies have rejected, with the objects at fault.
fn held_back(proxies: &[ProxyStatus]) -> Table {
    let mut table = Table::new(&["NAME", "REJECTED", "RESOURCE", "MADE FROM"]);
    for proxy in proxies {
        for (status, rejected) in
            proxy.types.iter().flat_map(|of| of.held_back.iter().map(move |one| (of, one)))
        {
            table.row([
                short_name(&proxy.proxy).to_owned(),
                status.r#type.clone(),
                rejected.resource.clone(),
                rejected.objects.join(", "),
            ]);
        }
    }
    table
}

/// The worst of a type and that of its elements.
fn state<'a>(types: impl Iterator<Item = &'a TypeSync>) -> String {
    let states = types.map(|status| match status {
        status if status.synced => "SYNCED",
        status if status.rejected > 0 => "ERROR",
        status if status.sent.is_none() => "NOT SENT",
        _ => "STALE",
    });
    let worst = |state: &&str| ["SYNCED", "NOT SENT", "STALE", "ERROR"].iter().position(|s| s == state);
    states.max_by_key(worst).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
