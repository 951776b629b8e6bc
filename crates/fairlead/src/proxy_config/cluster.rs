//! `fairlead proxy-config cluster`: the columns of istioctl, and the source.

use std::cmp::Ordering;

use clap::ValueEnum;
use fairlead_control_plane::order::natural;
use serde_json::Value;

use super::{
    configuration::{Configuration, name_of},
    shown::Shown,
    source::From,
};
use crate::output::Table;

/// The filter of clusters.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Choice {
    /// Only clusters whose host contains this text.
    #[arg(long)]
    fqdn: Option<String>,
    /// Only clusters of this service port.
    #[arg(long)]
    port: Option<u16>,
    /// Only clusters of this subset.
    #[arg(long)]
    subset: Option<String>,
    /// Only clusters for this direction of traffic.
    #[arg(long, value_enum)]
    direction: Option<Direction>,
}

/// Where the traffic of a cluster goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Direction {
    /// To the workload of the proxy.
    Inbound,
    /// To other workloads.
    Outbound,
}

impl Direction {
    fn word(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// The parts of a name, for display. Only this table takes names apart; no decision depends on it.
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
            && self.direction.is_none_or(|direction| parts.direction == direction.word())
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
            "STATE",
        ]);
        let mut clusters: Vec<_> =
            configuration.entries(Self::TYPE).filter(|entry| self.wants(&entry.resource)).collect();
        clusters.sort_by(|a, b| by_parts(name_of(&a.resource), name_of(&b.resource)));
        for entry in clusters {
            let cluster = &entry.resource;
            let parts = Parts::of(name_of(cluster));
            table.row([
                parts.fqdn.to_owned(),
                parts.port.to_owned(),
                parts.subset.to_owned(),
                parts.direction.to_owned(),
                cluster_type(cluster).to_owned(),
                From::of(entry).object("DestinationRule"),
                From::of(entry).source(),
                configuration.state(Self::TYPE, entry),
            ]);
        }
        table
    }
}

/// By the columns from left to right.
fn by_parts(a: &str, b: &str) -> Ordering {
    let (a, b) = (Parts::of(a), Parts::of(b));
    natural(a.fqdn, b.fqdn)
        .then_with(|| natural(a.port, b.port))
        .then_with(|| natural(a.subset, b.subset))
        .then_with(|| a.direction.cmp(b.direction))
}

fn cluster_type(cluster: &Value) -> &str {
    cluster["type"].as_str().or_else(|| cluster["cluster_type"]["name"].as_str()).unwrap_or("STATIC")
}
