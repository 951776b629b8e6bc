//! What clients say of themselves makes a view of its own only where an object asks for it.

use fairlead_incremental::{Kind, Lease};
use fairlead_model::{endpoints::Locality, proxy::ProxyKey};
use fairlead_translate::publication::{PublicationKey, PublicationOf};

use crate::mesh::{Mesh, sidecar};

const SERVICES: u64 = 20;

fn services() -> String {
    let service = |i: u64| {
        format!(
            "---\n{{apiVersion: v1, kind: Service, metadata: {{name: s{i}, namespace: shop}}, spec: {{clusterIP: 10.0.0.{}, ports: [{{name: http, port: 80}}]}}}}\n",
            i + 1
        )
    };
    (0..SERVICES).map(service).collect()
}

/// A client that nothing knows, in a namespace, with a label and at a place that nobody else has.
fn stranger(i: usize) -> ProxyKey {
    let namespace = format!("elsewhere-{i}");
    ProxyKey {
        dns_domain: format!("{namespace}.svc.cluster.local").into(),
        labels: [("app", "x"), ("tier", &*format!("t{i}"))].into_iter().collect(),
        locality: Locality::parse(&format!("r{i}/z{i}")),
        ..sidecar("x", &namespace, "192.168.0.1")
    }
}

/// How many values of a query there are for four strangers.
fn values(mesh: &mut Mesh, query: &str) -> u64 {
    let keys = (0..4).map(|i| PublicationKey { proxy: stranger(i), secrets: true });
    let _leases: Vec<Lease<PublicationOf>> = keys.map(|key| mesh.db.lease(&key)).collect();
    mesh.db.collect_garbage(0);
    mesh.db.stats().line(Kind::Query, query).map_or(0, |line| line.nodes)
}

#[test]
fn clients_of_whom_nobody_asks_anything_share_what_they_see() {
    let mut mesh = Mesh::of(&services());
    assert_eq!(values(&mut mesh, "scope"), 1);
    assert_eq!(values(&mut mesh, "route_table_set"), 1);
    assert_eq!(values(&mut mesh, "service_load_assignments"), SERVICES);
    assert_eq!(values(&mut mesh, "load_assignment_set"), 1);
}

#[test]
fn a_value_of_a_label_that_no_source_labels_ask_for_makes_no_view() {
    let asking = "---\n{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: v, namespace: shop}, spec: {hosts: [s0], http: [{match: [{sourceLabels: {tier: t1}}], route: [{destination: {host: s1}}]}]}}\n";
    let mut mesh = Mesh::of(&format!("{}{asking}", services()));
    assert_eq!(values(&mut mesh, "route_table_set"), 2, "one that is asked for, and the others");
}

#[test]
fn the_place_splits_the_endpoints_of_those_services_only_that_ask_for_it() {
    let near = "---\n{apiVersion: v1, kind: Service, metadata: {name: near, namespace: shop}, spec: {clusterIP: 10.0.1.1, trafficDistribution: PreferClose, ports: [{name: http, port: 80}]}}\n";
    let mut mesh = Mesh::of(&format!("{}{near}", services()));
    assert_eq!(values(&mut mesh, "service_load_assignments"), SERVICES + 4);
    // A setting of the mesh concerns them all.
    mesh.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: istio, namespace: istio-system}, data: {mesh: 'localityLbSetting: {distribute: [{from: r1/*, to: {r1/*: 80, r2/*: 20}}]}'}}");
    assert_eq!(values(&mut mesh, "service_load_assignments"), 4 * (SERVICES + 1));
    let rule = "{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: s0, namespace: shop}, spec: {host: s0, trafficPolicy: {outlierDetection: {}}}}";
    let mut mesh = Mesh::of(&format!("{}---\n{rule}\n", services()));
    assert_eq!(values(&mut mesh, "service_load_assignments"), SERVICES - 1 + 4);
}
