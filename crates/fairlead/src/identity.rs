//! The identity of an Envoy: the flags of commands, and the resulting node.

use std::{collections::BTreeMap, net::IpAddr};

use clap::ValueEnum;
use fairlead_envoy::bootstrap::{Locality, Node};
use serde_json::{Value, json};

/// The identity of an Envoy.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Identity {
    /// The role of the Envoy.
    #[arg(long = "type", value_enum, default_value_t)]
    pub(crate) kind: ProxyType,
    /// The name of the proxy, unique in its namespace.
    #[arg(long, default_value = "proxy-1")]
    name: String,
    /// The namespace of the proxy.
    #[arg(long, default_value = "default")]
    namespace: String,
    /// An IP address of the proxy; may be repeated.
    #[arg(long = "ip", value_name = "ADDRESS", default_values = ["127.0.0.1"])]
    ips: Vec<IpAddr>,
    /// A label of its workload; may be repeated. Gateways, Sidecars and rules select proxies by labels.
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// How traffic reaches a sidecar.
    #[arg(long, value_enum, default_value_t)]
    interception_mode: Mode,
    /// The id of the Kubernetes cluster that the proxy is in.
    #[arg(long, value_name = "ID", default_value = "Kubernetes")]
    cluster_id: String,
    /// The network that the proxy is in.
    #[arg(long, value_name = "NETWORK")]
    network: Option<String>,
    /// The locality of the proxy: `region/zone/subzone`.
    #[arg(long, value_name = "LOCALITY")]
    locality: Option<String>,
    /// The Kubernetes node that the proxy runs on.
    #[arg(long, value_name = "NODE")]
    node_name: Option<String>,
    /// The DNS domain of Kubernetes Services.
    #[arg(long, value_name = "DOMAIN", default_value = "cluster.local")]
    pub(crate) domain: String,
    /// The proxy cannot bind ports below 1024.
    #[arg(long)]
    unprivileged: bool,
}

/// The role of an Envoy.
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

/// How traffic reaches a sidecar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// The kernel redirects connections (iptables REDIRECT).
    #[default]
    Redirect,
    /// The kernel redirects connections and keeps their addresses (iptables TPROXY).
    Tproxy,
    /// No redirection: applications connect to Envoy's ports.
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

impl Identity {
    /// The node as Envoy sends it.
    pub(crate) fn node(&self) -> Node {
        let ips: Vec<_> = self.ips.iter().map(ToString::to_string).collect();
        let labels: BTreeMap<_, _> = self.labels.iter().cloned().collect();
        let app = labels.get("app").unwrap_or(&self.name).clone();
        let mut metadata = BTreeMap::from([
            ("NAMESPACE".to_owned(), Value::from(self.namespace.as_str())),
            ("LABELS".to_owned(), json!(labels)),
            ("INSTANCE_IPS".to_owned(), ips.join(",").into()),
            ("CLUSTER_ID".to_owned(), self.cluster_id.as_str().into()),
        ]);
        if self.kind == ProxyType::Sidecar {
            metadata.insert("INTERCEPTION_MODE".to_owned(), self.interception_mode.word().into());
        }
        if self.unprivileged {
            metadata.insert("UNPRIVILEGED_POD".to_owned(), "true".into());
        }
        let optional = [("NETWORK", &self.network), ("NODE_NAME", &self.node_name)];
        metadata.extend(
            optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?.into()))),
        );
        let namespace = &self.namespace;
        let first = ips.first().map_or("127.0.0.1", String::as_str);
        Node {
            id: format!(
                "{}~{first}~{}.{namespace}~{namespace}.svc.{}",
                self.kind.word(),
                self.name,
                self.domain
            ),
            cluster: format!("{app}.{namespace}"),
            metadata,
            locality: self.locality.as_deref().map(locality),
        }
    }
}

fn locality(text: &str) -> Locality {
    let mut parts = text.split('/').map(str::to_owned);
    let mut next = || parts.next().unwrap_or_default();
    Locality { region: next(), zone: next(), sub_zone: next() }
}
