//! `fairlead proxy-config`.

mod cluster;
mod configuration;
mod endpoint;
mod listener;
mod route;
mod secret;
mod shown;
mod source;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Subcommand;

use crate::{
    client::{self, Server},
    exit::Usage,
    output::Format,
};
use configuration::Configuration;
use shown::Shown;

/// Show the resources that a proxy was sent, and the fields that they were made from.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  fairlead proxy-config cluster web-1.default
  fairlead pc route web-1.default --name 80 --output yaml
  fairlead pc listener --envoy-admin 127.0.0.1:15000
  curl -s 127.0.0.1:15000/config_dump?include_eds > dump.json && fairlead pc endpoint --file dump.json")]
pub(crate) struct Args {
    /// What to show.
    #[command(subcommand)]
    what: What,
}

/// What is shown.
#[derive(Debug, Subcommand)]
enum What {
    /// Listeners: where the proxy accepts connections, and where they go.
    #[command(visible_aliases = ["l", "listeners", "lds"], after_help = "Example:\n  fairlead pc listener web-1.default --port 80")]
    Listener(Common<listener::Choice>),
    /// Routes: which requests go where.
    #[command(visible_aliases = ["r", "routes", "rds"], after_help = "Example:\n  fairlead pc route web-1.default --name 80")]
    Route(Common<route::Choice>),
    /// Clusters: the destinations.
    #[command(visible_aliases = ["c", "clusters", "cds"], after_help = "Example:\n  fairlead pc cluster web-1.default --fqdn reviews")]
    Cluster(Common<cluster::Choice>),
    /// Endpoints of the destinations.
    ///
    /// The control plane shows the health that is configured. Envoy (--envoy-admin) shows the state of each endpoint,
    /// which includes ejection by outlier detection.
    #[command(visible_aliases = ["e", "ep", "endpoints", "eds"], after_help = "Example:\n  fairlead pc endpoint web-1.default --cluster 'outbound|80||reviews.default.svc.cluster.local'")]
    Endpoint(Common<endpoint::Choice>),
    /// Certificates and keys, by name and validity only.
    #[command(visible_aliases = ["s", "secrets", "sds"], after_help = "Example:\n  fairlead pc secret gateway-1.istio-system")]
    Secret(Common<secret::Choice>),
    /// All of these, one table after the other.
    #[command(
        visible_alias = "a",
        after_help = "Example:\n  fairlead pc all web-1.default\n  fairlead pc all web-1.default --output json"
    )]
    All(Common<Everything>),
}

/// The arguments of every subcommand.
#[derive(Debug, clap::Args)]
struct Common<C: clap::Args> {
    #[command(flatten)]
    place: Place,
    /// The output format; JSON and YAML show whole resources.
    #[arg(long, short, value_enum, default_value_t)]
    output: Format,
    /// Omit the header.
    #[arg(long)]
    no_headers: bool,
    #[command(flatten)]
    choice: C,
}

/// The place of the resources.
#[derive(Debug, clap::Args)]
struct Place {
    /// The proxy: `<name>.<namespace>`, a node id, `pod/<name>`, or a name if only one proxy has it; or
    /// `deployment/<name>` for the first of its Pods.
    #[arg(required_unless_present_any = ["file", "envoy_admin"])]
    proxy: Option<String>,
    /// The namespace of the proxy.
    #[arg(long, short, conflicts_with_all = ["file", "envoy_admin"])]
    namespace: Option<String>,
    /// Read a file instead: the output of /debug/config_dump, or of Envoy's /config_dump?include_eds or
    /// /clusters?format=json.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["proxy", "envoy_admin"])]
    file: Option<PathBuf>,
    /// Ask an Envoy instead, at the address of its admin interface.
    #[arg(long, value_name = "HOST:PORT", value_parser = client::envoy_address, conflicts_with = "proxy")]
    envoy_admin: Option<String>,
    #[command(flatten)]
    server: Server,
}

/// Gets the resources, filters and prints them.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match &args.what {
        What::Listener(common) => show(common),
        What::Route(common) => show(common),
        What::Cluster(common) => show(common),
        What::Endpoint(common) => show(common),
        What::Secret(common) => show(common),
        What::All(common) => show_all(common),
    }
}

fn show<C: clap::Args + Shown>(common: &Common<C>) -> anyhow::Result<ExitCode> {
    let configuration = common.place.configuration(C::TYPE == endpoint::Choice::TYPE)?;
    let table = common.choice.table(&configuration).render(!common.no_headers);
    common.output.print(&table, &common.choice.data(&configuration))?;
    Ok(ExitCode::SUCCESS)
}

/// No filter: everything.
#[derive(Debug, clap::Args)]
struct Everything {}

fn show_all(common: &Common<Everything>) -> anyhow::Result<ExitCode> {
    let configuration = common.place.configuration(true)?;
    let (listeners, routes) = (listener::Choice::default(), route::Choice::default());
    let (clusters, endpoints) = (cluster::Choice::default(), endpoint::Choice::default());
    let secrets = secret::Choice::default();
    let all = serde_json::json!({
        "listeners": listeners.data(&configuration), "routes": routes.data(&configuration),
        "clusters": clusters.data(&configuration), "endpoints": endpoints.data(&configuration),
        "secrets": secrets.data(&configuration),
    });
    let tables = [
        listeners.table(&configuration),
        routes.table(&configuration),
        clusters.table(&configuration),
        endpoints.table(&configuration),
        secrets.table(&configuration),
    ];
    let tables = tables.iter().filter(|table| !table.is_empty());
    let tables: Vec<_> = tables.map(|table| table.render(!common.no_headers)).collect();
    common.output.print(&tables.join("\n"), &all)?;
    Ok(ExitCode::SUCCESS)
}

impl Place {
    /// Reads the resources or asks for them. Envoy is also asked for the states of its endpoints, if they are wanted.
    fn configuration(&self, states_wanted: bool) -> anyhow::Result<Configuration> {
        if let Some(file) = &self.file {
            let name = file.display();
            let bytes = std::fs::read(file).with_context(|| Usage(format!("cannot read {name}")))?;
            let json =
                serde_json::from_slice(&bytes).with_context(|| Usage(format!("{name} is not JSON")))?;
            return Configuration::of_json(json)
                .with_context(|| Usage(format!("{name} is no dump of a configuration")));
        }
        if let Some(admin) = &self.envoy_admin {
            let hint = "is Envoy running, and is that its administration address?";
            let json = client::get(admin, "/config_dump", &[("include_eds", "on")], hint)?;
            let mut configuration = Configuration::of_json(json)?;
            if states_wanted {
                let states = client::get(admin, "/clusters", &[("format", "json")], hint)?;
                configuration.states_of_endpoints(&states);
            }
            return Ok(configuration);
        }
        let mut parameters = vec![("proxy", self.proxy.as_deref().unwrap_or_default())];
        parameters.extend(self.namespace.iter().map(|namespace| ("namespace", namespace.as_str())));
        Configuration::of_json(self.server.get("/debug/config_dump", &parameters)?)
    }
}

#[cfg(test)]
mod tests;
