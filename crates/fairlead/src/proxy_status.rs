//! `fairlead proxy-status`.

use std::process::ExitCode;

use fairlead_control_plane::admin::{ProxyStatus, TypeState, TypeSync, choose, full_name};

use crate::{
    client::Server,
    exit::Usage,
    output::{self, Format, Table},
};

/// Show the connected proxies, and whether each is in sync.
///
/// CLUSTER is the id of the proxy's Kubernetes cluster: CLUSTER_ID of its metadata, or else --cluster-id of the control
/// plane.
///
/// The state of a type is SYNCED if the proxy has acknowledged everything, STALE while an acknowledgement is awaited,
/// ERROR if the proxy has rejected a content that is still published, and NOT SENT if the proxy subscribed and nothing
/// was sent. Below the table are the rejected contents, with the fields that each was made from (`--output json`
/// also shows Envoy's message).
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  fairlead proxy-status
  fairlead ps web-1.default --output yaml
  fairlead ps -n shop")]
pub(crate) struct Args {
    /// Only this proxy: `<name>.<namespace>`, a node id, `pod/<name>`, or a name if only one proxy has it; or
    /// `deployment/<name>` for the proxies of its Pods.
    proxy: Option<String>,
    /// Only proxies of this namespace.
    #[arg(long, short)]
    namespace: Option<String>,
    /// The output format.
    #[arg(long, short, value_enum, default_value_t)]
    output: Format,
    /// Omit the header.
    #[arg(long)]
    no_headers: bool,
    #[command(flatten)]
    server: Server,
}

/// Asks the control plane and prints its answer.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut proxies: Vec<ProxyStatus> = serde_json::from_value(args.server.get("/debug/syncz", &[])?)?;
    choice(&mut proxies, args.proxy.as_deref(), args.namespace.as_deref()).map_err(Usage)?;
    let mut text = table(&proxies).render(!args.no_headers);
    let held_back = held_back(&proxies);
    if !held_back.is_empty() {
        text.push('\n');
        text.push_str(&held_back.render(!args.no_headers));
    }
    args.output.print(&text, &proxies)?;
    if args.output == Format::Table && proxies.is_empty() {
        let place = args.namespace.as_ref().map(|of| format!(" of namespace `{of}`"));
        output::note(&format!("no proxy{} is connected", place.unwrap_or_default()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Keeps only the requested proxies.
fn choice(
    proxies: &mut Vec<ProxyStatus>,
    wanted: Option<&str>,
    namespace: Option<&str>,
) -> Result<(), String> {
    match (wanted, namespace) {
        (Some(wanted), _) => {
            let ids = proxies.iter().map(|proxy| &*proxy.proxy);
            let chosen: Vec<_> = choose(wanted, namespace, ids)?.into_iter().map(str::to_owned).collect();
            proxies.retain(|proxy| chosen.contains(&proxy.proxy));
        }
        (None, Some(namespace)) => proxies
            .retain(|proxy| full_name(&proxy.proxy).rsplit_once('.').is_some_and(|(_, of)| of == namespace)),
        (None, None) => {}
    }
    Ok(())
}

fn table(proxies: &[ProxyStatus]) -> Table {
    let mut table =
        Table::new(&["NAME", "CLUSTER", "CDS", "LDS", "EDS", "RDS", "SDS", "VERSION", "SUBSCRIBED TYPES"]);
    for proxy in proxies {
        let state = |types: &[&str]| state(proxy.types.iter().filter(|s| types.contains(&s.r#type.as_str())));
        let types: Vec<_> = proxy.types.iter().map(|status| status.r#type.as_str()).collect();
        table.row([
            full_name(&proxy.proxy).to_owned(),
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

/// The rejected resources, with the fields at fault.
fn held_back(proxies: &[ProxyStatus]) -> Table {
    let mut table = Table::new(&["NAME", "REJECTED", "RESOURCE", "MADE FROM"]);
    for proxy in proxies {
        for (status, rejected) in
            proxy.types.iter().flat_map(|of| of.held_back.iter().map(move |one| (of, one)))
        {
            table.row([
                full_name(&proxy.proxy).to_owned(),
                status.r#type.clone(),
                rejected.resource.clone(),
                rejected.origins.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            ]);
        }
    }
    table
}

/// The worse state of a type and its elements.
fn state<'a>(types: impl Iterator<Item = &'a TypeSync>) -> String {
    let word = |state| match state {
        TypeState::Synced => "SYNCED",
        TypeState::NotSent => "NOT SENT",
        TypeState::Stale => "STALE",
        TypeState::Error => "ERROR",
    };
    types.map(|status| status.state).max().map(word).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
