//! What the endpoints of a service are, and what a change of one recomputes.

mod external;
mod incremental;
mod kubernetes;

use std::fmt::Write as _;

use super::*;
use crate::{ServiceKey, testing::World};

pub(super) const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec:
  clusterIP: 10.0.0.1
  selector: {app: cart}
  ports:
  - {name: http, port: 80, targetPort: web}
  - {name: tcp-admin, port: 9000}
";

pub(super) fn cart() -> ServiceKey {
    ServiceKey { host: Host::new("cart.shop.svc.cluster.local"), namespace: "shop".into() }
}

/// Shows endpoints as `port: address:port`, followed by what differs from a plain healthy endpoint.
pub(super) fn show(endpoints: &ServiceEndpoints) -> String {
    let mut text = String::new();
    for (port, list) in &endpoints.by_port {
        for endpoint in list.iter() {
            write!(text, "{port}: {}", show_endpoint(endpoint)).unwrap();
            text.push('\n');
        }
    }
    text
}

fn show_endpoint(endpoint: &Endpoint) -> String {
    let address = match &endpoint.address {
        EndpointAddress::Ip(ip) => ip.to_string(),
        EndpointAddress::Dns(host) => host.to_string(),
        EndpointAddress::Unix(path) => path.to_string(),
    };
    let mut text = format!("{address}:{}", endpoint.port);
    if endpoint.health != Health::Healthy {
        write!(text, " {:?}", endpoint.health).unwrap();
    }
    for (key, value) in endpoint.labels.iter() {
        write!(text, " {key}={value}").unwrap();
    }
    let Locality { region, zone, subzone } = &endpoint.locality;
    if endpoint.locality != Locality::default() {
        write!(text, " at {region}/{zone}/{subzone}").unwrap();
    }
    for (name, value) in [
        ("node", endpoint.node.as_deref()),
        ("sa", endpoint.service_account.as_deref()),
        ("net", Some(&*endpoint.network).filter(|network| !network.is_empty())),
    ] {
        if let Some(value) = value {
            write!(text, " {name}:{value}").unwrap();
        }
    }
    if endpoint.weight != 1 {
        write!(text, " weight:{}", endpoint.weight).unwrap();
    }
    text
}

/// Checks the endpoints of `service`, one a line.
pub(super) fn check_service(service: &ServiceKey, yaml: &str, expected: &str) {
    let endpoints = World::of(yaml).get::<EndpointsOf>(service);
    let trimmed = expected.lines().map(str::trim).filter(|line| !line.is_empty());
    let expected: String = trimmed.flat_map(|line| [line, "\n"]).collect();
    assert_eq!(show(&endpoints), expected);
}

#[test]
fn labels_of_an_endpoint_include_its_place() {
    let endpoint = Endpoint {
        address: EndpointAddress::Ip("10.0.0.1".parse().unwrap()),
        port: 80,
        labels: [("app", "cart"), (ZONE_LABEL, "of-label")].into_iter().collect(),
        locality: Locality::parse("eu/eu-1"),
        network: "net-1".into(),
        weight: 1,
        health: Health::Healthy,
        node: None,
        service_account: None,
    };
    assert_eq!(endpoint.label("app"), Some("cart"));
    assert_eq!(endpoint.label(REGION_LABEL), Some("eu"));
    assert_eq!(endpoint.label(ZONE_LABEL), Some("of-label"));
    assert_eq!(endpoint.label(SUBZONE_LABEL), None);
    assert_eq!(endpoint.label(HOSTNAME_LABEL), None);
    assert!(endpoint.has_labels(&[("app", "cart"), (NETWORK_LABEL, "net-1")].into_iter().collect()));
    assert!(!endpoint.has_labels(&[("app", "other")].into_iter().collect()));
    assert!(endpoint.has_labels(&LabelSet::default()));
}
