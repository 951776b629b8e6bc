//! `fairlead render`.

use std::{collections::BTreeMap, net::IpAddr, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::ValueEnum;
use fairlead_control_plane::{
    dump::{self, ConfigDump},
    node::proxy_key,
    offline::Mesh,
    settings::Settings,
};
use fairlead_envoy::metadata::{json_struct, string_value};
use fairlead_xds::{Locality, Node};
use serde_json::json;

use crate::{
    bootstrap::{Mode, ProxyType, label},
    exit::Usage,
    output::{self, DataFormat},
};

/// Print the resources that a proxy would be sent, without a server. Key material is hidden.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  fairlead render my-config/ --proxy sidecar~10.0.0.7~web-1.shop~shop.svc.cluster.local --label app=web
  fairlead render my-config/ --type gateway --namespace istio-system --label istio=ingressgateway --only route")]
pub(crate) struct Args {
    /// The directory.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// The node id of the proxy; instead of --type, --name, --namespace and --ip.
    #[arg(long, value_name = "ID", conflicts_with_all = ["kind", "name", "namespace", "ips"])]
    proxy: Option<String>,
    /// What the proxy is.
    #[arg(long = "type", value_enum, default_value_t)]
    kind: ProxyType,
    /// Its name.
    #[arg(long, default_value = "proxy-1")]
    name: String,
    /// Its namespace.
    #[arg(long, default_value = "default")]
    namespace: String,
    /// Its addresses; several by repetition.
    #[arg(long = "ip", value_name = "ADDRESS", default_values = ["127.0.0.1"])]
    ips: Vec<IpAddr>,
    /// A label of its workload; several by repetition.
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// How traffic reaches a sidecar.
    #[arg(long, value_enum, default_value_t)]
    interception_mode: Mode,
    /// Where it runs: `region/zone/subzone`.
    #[arg(long, value_name = "LOCALITY")]
    locality: Option<String>,
    /// The namespace whose configuration applies to the whole mesh.
    #[arg(long, value_name = "NAMESPACE", default_value = "istio-system")]
    root_namespace: String,
    /// Print the resources of this type only; several by repetition.
    #[arg(long, visible_alias = "type-filter", value_enum, value_name = "TYPE")]
    only: Vec<ResourceType>,
    /// The form of the output.
    #[arg(long, short, value_enum, default_value_t)]
    output: DataFormat,
}

/// A type of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ResourceType {
    /// CDS.
    #[value(alias = "cds")]
    Cluster,
    /// EDS.
    #[value(alias = "eds")]
    Endpoint,
    /// LDS.
    #[value(alias = "lds")]
    Listener,
    /// RDS.
    #[value(alias = "rds")]
    Route,
    /// SDS.
    #[value(alias = "sds")]
    Secret,
}

impl ResourceType {
    fn short(self) -> &'static str {
        match self {
            Self::Cluster => "CDS",
            Self::Endpoint => "EDS",
            Self::Listener => "LDS",
            Self::Route => "RDS",
            Self::Secret => "SDS",
        }
    }
}

/// Reads, translates and prints.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut rendered = rendered(args)?;
    if !args.only.is_empty() {
        rendered.resources.retain(|short, _| args.only.iter().any(|wanted| wanted.short() == short));
    }
    let types: BTreeMap<_, Vec<_>> = rendered
        .resources
        .into_iter()
        .map(|(short, resources)| (short, resources.into_iter().map(|resource| resource.resource).collect()))
        .collect();
    output::data(&json!({ "proxy": rendered.proxy, "resources": types }), args.output)?;
    Ok(ExitCode::SUCCESS)
}

fn rendered(args: &Args) -> anyhow::Result<ConfigDump> {
    let mut settings = Settings::default();
    args.root_namespace.clone_into(&mut settings.mesh.root_namespace);
    let node = node(args);
    let key = proxy_key(&node, &settings.mesh).map_err(|error| Usage(error.to_string()))?;
    let loaded = Mesh::load(&args.directory, &settings);
    let mut mesh = loaded.with_context(|| Usage(format!("cannot render {}", args.directory.display())))?;
    let publication = mesh.publication(&key, true);
    Ok(dump::dump(&node.id, &publication, mesh.objects())?)
}

/// The node as Envoy would tell it.
fn node(args: &Args) -> Node {
    let labels: BTreeMap<_, _> = args.labels.iter().cloned().collect();
    let metadata = json!({ "LABELS": labels, "INTERCEPTION_MODE": args.interception_mode.word() });
    let mut metadata = json_struct(metadata.as_object().expect("it is written as an object just above"));
    let id = if let Some(id) = &args.proxy {
        id.clone()
    } else {
        let ips: Vec<_> = args.ips.iter().map(ToString::to_string).collect();
        let (kind, first) = (args.kind.word(), ips.first().map_or("", String::as_str));
        metadata.fields.insert("INSTANCE_IPS".to_owned(), string_value(ips.join(",")));
        metadata.fields.insert("NAMESPACE".to_owned(), string_value(args.namespace.as_str()));
        format!("{kind}~{first}~{}.{1}~{1}.svc.cluster.local", args.name, args.namespace)
    };
    let mut places = args.locality.as_deref().unwrap_or_default().split('/').map(str::to_owned);
    let mut next = || places.next().unwrap_or_default();
    Node {
        id,
        cluster: String::new(),
        metadata,
        locality: Locality { region: next(), zone: next(), sub_zone: next() },
        user_agent_name: "envoy".to_owned(),
        user_agent_version: None,
    }
}
