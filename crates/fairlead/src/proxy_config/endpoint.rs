//! `fairlead proxy-config endpoint`: the columns of istioctl, and the source.

use serde_json::Value;

use super::{
    Shown,
    configuration::{Configuration, name_of},
    provenance::source,
};
use crate::output::Table;

/// Which endpoints.
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

impl Shown for Choice {
    const TYPE: &'static str = "EDS";

    fn wants(&self, assignment: &Value) -> bool {
        self.cluster.as_ref().is_none_or(|cluster| name_of(assignment) == cluster)
    }

    fn table(&self, configuration: &Configuration) -> Table {
        let mut table = Table::new(&["ENDPOINT", "STATUS", "OUTLIER CHECK", "CLUSTER", "SOURCE"]);
        let inline = configuration.of("CDS").filter_map(|cluster| {
            let assignment = cluster.get("load_assignment")?;
            Some((name_of(cluster), assignment, cluster))
        });
        let sent = configuration.of(Self::TYPE).map(|assignment| {
            let cluster = configuration.of("CDS").find(|cluster| name_of(cluster) == name_of(assignment));
            (name_of(assignment), assignment, cluster.unwrap_or(&Value::Null))
        });
        for (name, assignment, cluster) in sent.chain(inline) {
            if self.cluster.as_ref().is_some_and(|wanted| wanted != name) {
                continue;
            }
            let source = source(&services(cluster), configuration);
            for endpoint in endpoints(assignment) {
                if let Some((address, port)) = self.chosen(endpoint) {
                    table.row([
                        if port.is_empty() { address } else { format!("{address}:{port}") },
                        status(endpoint).to_owned(),
                        if cluster.get("outlier_detection").is_some() { "on" } else { "off" }.to_owned(),
                        name.to_owned(),
                        source.clone(),
                    ]);
                }
            }
        }
        table
    }
}

impl Choice {
    /// The address and port of an endpoint that is wanted.
    fn chosen(&self, endpoint: &Value) -> Option<(String, String)> {
        let (address, port) = place(&endpoint["endpoint"]["address"]);
        let wanted = self.address.as_ref().is_none_or(|wanted| *wanted == address)
            && self.port.is_none_or(|wanted| wanted.to_string() == port);
        wanted.then_some((address, port))
    }
}

fn endpoints(assignment: &Value) -> impl Iterator<Item = &Value> {
    let localities = assignment["endpoints"].as_array().into_iter().flatten();
    localities.flat_map(|locality| locality["lb_endpoints"].as_array().into_iter().flatten())
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

/// The part of a cluster's metadata that names its services: endpoints are theirs, whatever rule shapes the cluster.
fn services(cluster: &Value) -> Value {
    let services = &cluster["metadata"]["filter_metadata"]["istio"]["services"];
    serde_json::json!({ "filter_metadata": { "istio": { "services": services } } })
}

/// What the control plane said of it; whether Envoy has ejected it, only that Envoy knows (`/clusters`).
fn status(endpoint: &Value) -> &str {
    match endpoint["health_status"].as_str() {
        None | Some("UNKNOWN") => "HEALTHY",
        Some(status) => status,
    }
}
