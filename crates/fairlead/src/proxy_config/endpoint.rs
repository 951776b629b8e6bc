//! `fairlead proxy-config endpoint`: the columns of istioctl, and the source.
//!
//! The control plane knows the configured health of endpoints, Envoy's `/clusters` their actual state. The header of
//! the second column says which of the two is shown.

use fairlead_control_plane::order::natural;
use serde_json::Value;

use super::{
    configuration::{Configuration, Entry, list, name_of},
    shown::Shown,
    source::From,
};
use crate::output::Table;

/// The filter of endpoints.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Choice {
    /// Only endpoints of this cluster.
    #[arg(long)]
    cluster: Option<String>,
    /// Only endpoints at this address.
    #[arg(long)]
    address: Option<String>,
    /// Only endpoints at this port.
    #[arg(long)]
    port: Option<u16>,
}

/// A cluster, and one of its endpoints.
struct Row<'a> {
    place: String,
    cluster: &'a str,
    cells: [String; 2],
    source: String,
}

impl Shown for Choice {
    const TYPE: &'static str = "EDS";

    fn wants(&self, assignment: &Value) -> bool {
        self.is_of(name_of(assignment))
    }

    fn data<'a>(&self, configuration: &'a Configuration) -> Vec<&'a Value> {
        match &configuration.clusters {
            Some(clusters) => clusters.iter().filter(|cluster| self.wants(cluster)).collect(),
            None => configuration.of(Self::TYPE).filter(|resource| self.wants(resource)).collect(),
        }
    }

    fn table(&self, configuration: &Configuration) -> Table {
        let (header, mut rows): (&'static [&'static str], _) = match &configuration.clusters {
            Some(clusters) => (
                &["ENDPOINT", "STATE", "OUTLIER CHECK", "CLUSTER", "SOURCE"],
                self.states(clusters, configuration),
            ),
            None => (
                &["ENDPOINT", "CONFIGURED HEALTH", "OUTLIER DETECTION", "CLUSTER", "SOURCE"],
                self.configured(configuration),
            ),
        };
        rows.sort_by(|a, b| natural(&a.place, &b.place).then_with(|| natural(a.cluster, b.cluster)));
        let mut table = Table::new(header);
        for Row { place, cluster, cells: [health, outliers], source } in rows {
            table.row([place, health, outliers, cluster.to_owned(), source]);
        }
        table
    }
}

impl Choice {
    /// The rows from the control plane, or the bootstrap.
    fn configured<'a>(&self, configuration: &'a Configuration) -> Vec<Row<'a>> {
        let inline = configuration
            .of("CDS")
            .filter_map(|cluster| Some((name_of(cluster), cluster.get("load_assignment")?)));
        let sent = configuration.of(Self::TYPE).map(|assignment| (name_of(assignment), assignment));
        let mut rows = Vec::new();
        for (name, assignment) in sent.chain(inline).filter(|(name, _)| self.is_of(name)) {
            let sources = Sources::of(name, configuration);
            let detects = if sources.cluster.get("outlier_detection").is_some() { "on" } else { "off" };
            for endpoint in endpoints(assignment) {
                if let Some(place) = self.chosen(&endpoint["endpoint"]["address"]) {
                    let cells = [configured_health(endpoint).to_owned(), detects.to_owned()];
                    let source = sources.source(&place);
                    rows.push(Row { place, cluster: name, cells, source });
                }
            }
        }
        rows
    }

    /// The rows from Envoy's `/clusters`.
    fn states<'a>(&self, clusters: &'a [Value], configuration: &Configuration) -> Vec<Row<'a>> {
        let mut rows = Vec::new();
        for cluster in clusters.iter().filter(|cluster| self.is_of(name_of(cluster))) {
            let name = name_of(cluster);
            let sources = Sources::of(name, configuration);
            for host in list(cluster, "host_statuses") {
                if let Some(place) = self.chosen(&host["address"]) {
                    let (health, outliers) = state(&host["health_status"]);
                    let cells = [health.to_owned(), outliers.to_owned()];
                    let source = sources.source(&place);
                    rows.push(Row { place, cluster: name, cells, source });
                }
            }
        }
        rows
    }

    fn is_of(&self, cluster: &str) -> bool {
        self.cluster.as_ref().is_none_or(|wanted| wanted == cluster)
    }

    /// The address and port of an endpoint, if it is wanted.
    fn chosen(&self, address: &Value) -> Option<String> {
        let (address, port) = place(address);
        let wanted = self.address.as_ref().is_none_or(|wanted| *wanted == address)
            && self.port.is_none_or(|wanted| wanted.to_string() == port);
        wanted.then(|| if port.is_empty() { address } else { format!("{address}:{port}") })
    }
}

fn cluster_of<'a>(name: &str, configuration: &'a Configuration) -> &'a Value {
    configuration.of("CDS").find(|cluster| name_of(cluster) == name).unwrap_or(&Value::Null)
}

fn endpoints(assignment: &Value) -> impl Iterator<Item = &Value> {
    let localities = list(assignment, "endpoints");
    localities.flat_map(|locality| list(locality, "lb_endpoints"))
}

fn place(address: &Value) -> (String, String) {
    let socket = &address["socket_address"];
    if let Some(host) = socket["address"].as_str() {
        return (host.to_owned(), socket["port_value"].to_string());
    }
    let path = address["pipe"]["path"]
        .as_str()
        .or_else(|| address["envoy_internal_address"]["server_listener_name"].as_str());
    (path.unwrap_or_default().to_owned(), String::new())
}

/// The source of a cluster's endpoints: the assignment, or the cluster itself if it has them inline.
struct Sources<'a> {
    told: Option<&'a Entry>,
    cluster: &'a Value,
}

impl<'a> Sources<'a> {
    fn of(name: &str, configuration: &'a Configuration) -> Self {
        let is_it = |entry: &&Entry| name_of(&entry.resource) == name && entry.told.is_some();
        let assignment = configuration.in_use(Choice::TYPE).find(is_it);
        let told = assignment.or_else(|| configuration.in_use("CDS").find(is_it));
        Self { told, cluster: cluster_of(name, configuration) }
    }

    fn source(&self, place: &str) -> String {
        let told = self.told.map(|entry| From::of_part(entry, &Value::Null, place, 0));
        told.unwrap_or(From::Metadata(self.cluster)).source()
    }
}

/// The health configured by the control plane.
fn configured_health(endpoint: &Value) -> &str {
    match endpoint["health_status"].as_str() {
        None | Some("UNKNOWN") => "HEALTHY",
        Some(status) => status,
    }
}

/// The state at Envoy: the effective health, and whether the endpoint is ejected as an outlier.
fn state(health: &Value) -> (&str, &'static str) {
    let is = |flag: &str| health[flag].as_bool().unwrap_or(false);
    let outliers = if is("failed_outlier_check") { "FAILED" } else { "OK" };
    let failed = ["failed_outlier_check", "failed_active_health_check", "pending_active_hc"];
    let state = match health["eds_health_status"].as_str() {
        _ if failed.iter().any(|flag| is(flag)) => "UNHEALTHY",
        _ if is("failed_active_degraded_check") => "DEGRADED",
        None | Some("UNKNOWN") => "HEALTHY",
        Some(status) => status,
    };
    (state, outliers)
}
