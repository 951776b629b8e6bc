//! `fairlead render`.

mod static_file;

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use anyhow::bail;
use clap::ValueEnum;
use fairlead_config::Severity;
use fairlead_control_plane::{dump, node::proxy_key, offline::Mesh, settings::Settings};
use fairlead_envoy::{bootstrap, metadata::json_struct};
use fairlead_resource::TypeUrl;
use fairlead_xds::{Locality, Node, Publication};
use serde_json::{Value, json};

use crate::{
    exit::{self, Usage},
    identity::{Identity, ProxyType},
    input,
    output::{self, DataFormat},
};

/// Print the resources that a proxy would be sent, without a server.
///
/// Key material is hidden, except with --static. Errors in the objects go to standard error, and the rest is printed
/// all the same. The exit code is 0 if there is no error, 1 if there is one, and 2 if there is no object or a path cannot
/// be read.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  fairlead render my-config/ --proxy sidecar~10.0.0.7~web-1.shop~shop.svc.cluster.local --label app=web
  fairlead render my-config/ --type gateway --namespace istio-system --label istio=ingressgateway --only route
  fairlead render my-config/ --type gateway --namespace istio-system --label istio=ingressgateway --static > edge.yaml
  envoy -c edge.yaml")]
pub(crate) struct Args {
    /// Directories and files; `-` is standard input.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// The node id of the proxy, instead of --type, --name, --namespace and --ip.
    #[arg(long, value_name = "ID", conflicts_with_all = ["kind", "name", "namespace", "ips"])]
    proxy: Option<String>,
    #[command(flatten)]
    identity: Identity,
    /// The namespace whose configuration applies to the whole mesh.
    #[arg(long, value_name = "NAMESPACE", default_value = "istio-system")]
    root_namespace: String,
    /// Print only the resources of this type; may be repeated.
    #[arg(long, visible_alias = "type-filter", value_enum, value_name = "TYPE")]
    only: Vec<ResourceType>,
    /// Print a static configuration, which Envoy runs without a control plane (`envoy -c`). It contains endpoints,
    /// routes and private keys.
    #[arg(long = "static", conflicts_with = "only")]
    is_static: bool,
    /// With --static: the port of Envoy's admin interface, on 127.0.0.1; 0 disables it.
    #[arg(long, value_name = "PORT", default_value_t = 15000, requires = "is_static")]
    admin_port: u16,
    /// The output format.
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
    let mut settings = Settings::default();
    args.root_namespace.clone_into(&mut settings.mesh.root_namespace);
    args.identity.domain.clone_into(&mut settings.mesh.domain);
    let node = node(args);
    let client = client(&node);
    let key = proxy_key(&client, &settings.mesh).map_err(|error| Usage(error.to_string()))?;
    let mut mesh = input::mesh(&args.paths, &settings)?;
    let failed = report(&mut mesh);
    if mesh.objects().is_empty() && !failed {
        bail!(Usage(format!("there is no object in {}", input::listed(&args.paths))));
    }
    let publication = mesh.publication(&key, true);
    let data = if args.is_static {
        let file = static_file::of(&node, args.admin_port, &publication)?;
        for note in &file.notes {
            output::note(note);
        }
        file.bootstrap
    } else {
        resources(args, &mesh, &client.id, &publication)?
    };
    output::data(&data, args.output)?;
    if publication.set(TypeUrl::LISTENER).is_empty() {
        output::note(&format!("{} has no listener: {}", client.id, why_none(args.identity.kind)));
    }
    Ok(if failed { ExitCode::from(exit::FAILED) } else { ExitCode::SUCCESS })
}

/// What gives a proxy listeners, as a hint.
fn why_none(kind: ProxyType) -> &'static str {
    match kind {
        ProxyType::Gateway => "no Gateway selects it by the labels of --label",
        ProxyType::Sidecar => "no service and no Sidecar gives it one",
    }
}

/// Reports errors. Returns whether there are any.
fn report(mesh: &mut Mesh) -> bool {
    let mut errors = mesh.diagnostics();
    errors.retain(|finding| finding.severity == Severity::Error);
    for error in &errors {
        output::note(&error.to_string());
    }
    !errors.is_empty()
}

fn resources(args: &Args, mesh: &Mesh, id: &str, publication: &Publication) -> anyhow::Result<Value> {
    let mut dump = dump::dump(id, publication, &BTreeMap::new(), mesh.objects())?;
    if !args.only.is_empty() {
        dump.resources.retain(|short, _| args.only.iter().any(|wanted| wanted.short() == short));
    }
    let types: BTreeMap<_, Vec<_>> = dump
        .resources
        .into_iter()
        .map(|(short, resources)| (short, resources.into_iter().map(|resource| resource.resource).collect()))
        .collect();
    Ok(json!({ "proxy": dump.proxy, "resources": types }))
}

/// The node in the bootstrap of the proxy.
fn node(args: &Args) -> bootstrap::Node {
    let mut node = args.identity.node();
    if let Some(id) = &args.proxy {
        id.clone_into(&mut node.id);
        // The id already contains both.
        node.metadata.remove("NAMESPACE");
        node.metadata.remove("INSTANCE_IPS");
    }
    node
}

/// The node as Envoy would send it.
fn client(node: &bootstrap::Node) -> Node {
    let json = node.to_json();
    let place = node.locality.clone().unwrap_or_default();
    Node {
        id: node.id.clone(),
        cluster: node.cluster.clone(),
        metadata: json["metadata"].as_object().map(json_struct).unwrap_or_default(),
        locality: Locality { region: place.region, zone: place.zone, sub_zone: place.sub_zone },
        user_agent_name: "envoy".to_owned(),
        user_agent_version: None,
    }
}
