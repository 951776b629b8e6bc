//! `fairlead bootstrap`.

use std::{collections::BTreeMap, net::IpAddr, process::ExitCode};

use anyhow::bail;
use clap::ValueEnum;
use fairlead_envoy::bootstrap::{Admin, Bootstrap, Locality, Node, Xds, XdsProtocol};
use serde_json::{Value, json};

use crate::{
    exit::Usage,
    output::{self, DataFormat},
};

/// Print the bootstrap of an Envoy that takes its configuration from Fairlead.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  fairlead bootstrap --type sidecar --name reviews-1 --namespace bookinfo --ip 127.0.0.1 \\
      --label app=reviews --label version=v1 --interception-mode none > bootstrap.yaml
  envoy -c bootstrap.yaml

  fairlead bootstrap --type gateway --label istio=ingressgateway --namespace istio-system --output json")]
pub(crate) struct Args {
    /// What the Envoy is.
    #[arg(long = "type", value_enum, default_value_t)]
    kind: ProxyType,
    /// Its name, unique in its namespace.
    #[arg(long, default_value = "proxy-1")]
    name: String,
    /// Its namespace.
    #[arg(long, default_value = "default")]
    namespace: String,
    /// Its addresses; several by repetition.
    #[arg(long = "ip", value_name = "ADDRESS", default_values = ["127.0.0.1"])]
    ips: Vec<IpAddr>,
    /// A label of its workload; several by repetition. Gateways, Sidecars and rules select by labels.
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// Where Fairlead serves ADS.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:15010")]
    xds_address: String,
    /// The variant of the protocol.
    #[arg(long, value_enum, default_value_t)]
    protocol: Protocol,
    /// The port of Envoy's own administration, on 127.0.0.1; 0 for none.
    #[arg(long, value_name = "PORT", default_value_t = 15000)]
    admin_port: u16,
    /// How traffic reaches a sidecar.
    #[arg(long, value_enum, default_value_t)]
    interception_mode: Mode,
    /// The id of its cluster.
    #[arg(long, value_name = "ID", default_value = "Kubernetes")]
    cluster_id: String,
    /// Its network.
    #[arg(long, value_name = "NETWORK")]
    network: Option<String>,
    /// Where it runs: `region/zone/subzone`.
    #[arg(long, value_name = "LOCALITY")]
    locality: Option<String>,
    /// The Kubernetes node that it runs on.
    #[arg(long, value_name = "NODE")]
    node_name: Option<String>,
    /// The DNS domain of Kubernetes Services.
    #[arg(long, value_name = "DOMAIN", default_value = "cluster.local")]
    domain: String,
    /// It may not bind ports below 1024.
    #[arg(long)]
    unprivileged: bool,
    /// The form of the output.
    #[arg(long, short, value_enum, default_value_t)]
    output: DataFormat,
}

/// What an Envoy is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProxyType {
    /// Beside a workload.
    #[default]
    Sidecar,
    /// At the edge of the mesh.
    #[value(alias = "router")]
    Gateway,
}

impl ProxyType {
    /// The word in a node id.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Sidecar => "sidecar",
            Self::Gateway => "router",
        }
    }
}

/// A variant of ADS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Protocol {
    /// Incremental: a push is as small as the change.
    #[default]
    Delta,
    /// State of the world.
    Sotw,
}

/// How traffic reaches a sidecar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Redirected by the kernel.
    #[default]
    Redirect,
    /// Redirected by the kernel, transparently.
    Tproxy,
    /// Applications talk to Envoy's ports.
    None,
}

impl Mode {
    /// The word in the metadata.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Redirect => "REDIRECT",
            Self::Tproxy => "TPROXY",
            Self::None => "NONE",
        }
    }
}

/// Reads `key=value`.
pub(crate) fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("a label is written as key=value")?;
    if key.is_empty() {
        return Err("a label has a key".to_owned());
    }
    Ok((key.to_owned(), value.to_owned()))
}

/// Prints it.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    output::data(&bootstrap(args)?.to_json(), args.output)?;
    Ok(ExitCode::SUCCESS)
}

fn bootstrap(args: &Args) -> anyhow::Result<Bootstrap> {
    let (host, port) = address(&args.xds_address)?;
    Ok(Bootstrap {
        node: node(args),
        xds: Xds {
            host,
            port,
            protocol: match args.protocol {
                Protocol::Delta => XdsProtocol::Delta,
                Protocol::Sotw => XdsProtocol::StateOfTheWorld,
            },
            tls: None,
            token_secret_path: None,
        },
        admin: (args.admin_port != 0)
            .then(|| Admin::Socket { host: IpAddr::from([127, 0, 0, 1]), port: args.admin_port }),
        stats: None,
    })
}

/// `host:port`, with an IPv6 address in brackets.
fn address(text: &str) -> anyhow::Result<(String, u16)> {
    let parsed = text.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    let Some((host, port)) = parsed.filter(|(host, port)| !host.is_empty() && *port != 0) else {
        bail!(Usage(format!("--xds-address `{text}` is not of the form host:port")));
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    Ok((host.to_owned(), port))
}

fn node(args: &Args) -> Node {
    let ips: Vec<_> = args.ips.iter().map(ToString::to_string).collect();
    let labels: BTreeMap<_, _> = args.labels.iter().cloned().collect();
    let app = labels.get("app").unwrap_or(&args.name).clone();
    let mut metadata = BTreeMap::from([
        ("NAMESPACE".to_owned(), Value::from(args.namespace.as_str())),
        ("LABELS".to_owned(), json!(labels)),
        ("INSTANCE_IPS".to_owned(), ips.join(",").into()),
        ("CLUSTER_ID".to_owned(), args.cluster_id.as_str().into()),
    ]);
    if args.kind == ProxyType::Sidecar {
        metadata.insert("INTERCEPTION_MODE".to_owned(), args.interception_mode.word().into());
    }
    if args.unprivileged {
        metadata.insert("UNPRIVILEGED_POD".to_owned(), "true".into());
    }
    let optional = [("NETWORK", &args.network), ("NODE_NAME", &args.node_name)];
    metadata.extend(
        optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?.into()))),
    );
    let namespace = &args.namespace;
    let first = ips.first().map_or("127.0.0.1", String::as_str);
    Node {
        id: format!("{}~{first}~{}.{namespace}~{namespace}.svc.{}", args.kind.word(), args.name, args.domain),
        cluster: format!("{app}.{namespace}"),
        metadata,
        locality: args.locality.as_deref().map(locality),
    }
}

fn locality(text: &str) -> Locality {
    let mut parts = text.split('/').map(str::to_owned);
    let mut next = || parts.next().unwrap_or_default();
    Locality { region: next(), zone: next(), sub_zone: next() }
}

#[cfg(test)]
mod tests;
