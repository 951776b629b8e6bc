//! `fairlead proxy-config cluster`: the columns of istioctl, and the source.

use serde_json::Value;

use super::{
    Shown,
    configuration::{Configuration, name_of},
    provenance::{config_name, source},
};
use crate::output::Table;

/// Which clusters.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Choice {
    /// Only clusters whose host contains this.
    #[arg(long)]
    fqdn: Option<String>,
    /// Only clusters of this service port.
    #[arg(long)]
    port: Option<u16>,
    /// Only clusters of this subset.
    #[arg(long)]
    subset: Option<String>,
    /// `inbound` or `outbound`.
    #[arg(long)]
    direction: Option<String>,
}

/// What a name tells a reader. Only this column view takes names apart; nothing is decided by it.
struct Parts<'a> {
    direction: &'a str,
    port: &'a str,
    subset: &'a str,
    fqdn: &'a str,
}

impl<'a> Parts<'a> {
    fn of(name: &'a str) -> Self {
        let parts: Vec<_> = name.splitn(4, '|').collect();
        match parts[..] {
            [direction, port, subset, fqdn] => Self { direction, port, subset, fqdn },
            _ => Self { direction: "", port: "", subset: "", fqdn: name },
        }
    }
}

impl Shown for Choice {
    const TYPE: &'static str = "CDS";

    fn wants(&self, cluster: &Value) -> bool {
        let parts = Parts::of(name_of(cluster));
        self.fqdn.as_ref().is_none_or(|fqdn| parts.fqdn.contains(fqdn.as_str()))
            && self.port.is_none_or(|port| parts.port == port.to_string())
            && self.subset.as_ref().is_none_or(|subset| parts.subset == subset)
            && self.direction.as_ref().is_none_or(|direction| parts.direction == direction)
    }

    fn table(&self, configuration: &Configuration) -> Table {
        let mut table = Table::new(&[
            "SERVICE FQDN",
            "PORT",
            "SUBSET",
            "DIRECTION",
            "TYPE",
            "DESTINATION RULE",
            "SOURCE",
        ]);
        let mut clusters: Vec<_> =
            configuration.of(Self::TYPE).filter(|cluster| self.wants(cluster)).collect();
        clusters.sort_by_key(|cluster| {
            let parts = Parts::of(name_of(cluster));
            (parts.fqdn.to_owned(), parts.port.parse::<u16>().unwrap_or(0), parts.subset.to_owned())
        });
        for cluster in clusters {
            let parts = Parts::of(name_of(cluster));
            let own = cluster.get("metadata").cloned().unwrap_or_default();
            table.row([
                parts.fqdn.to_owned(),
                parts.port.to_owned(),
                parts.subset.to_owned(),
                parts.direction.to_owned(),
                cluster_type(cluster).to_owned(),
                rule(cluster, parts.direction),
                source(&serde_json::json!({ "metadata": own }), configuration),
            ]);
        }
        table
    }
}

/// The DestinationRule; an inbound cluster names the object that asked for its port there.
fn rule(cluster: &Value, direction: &str) -> String {
    if direction == "inbound" { String::new() } else { config_name(cluster) }
}

fn cluster_type(cluster: &Value) -> &str {
    cluster["type"].as_str().or_else(|| cluster["cluster_type"]["name"].as_str()).unwrap_or("STATIC")
}
