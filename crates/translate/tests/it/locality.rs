//! Locality: a change reaches what depends on it, and costs the same however large the mesh is around it.

use std::collections::{BTreeMap, BTreeSet};

use fairlead_config::{Change, ConfigKey};
use fairlead_incremental::Settled;
use fairlead_model::{Kind, diagnostics::AllDiagnostics, proxy::ProxyKey};
use fairlead_testkit::meshgen::MeshSpec;
use fairlead_translate::publication::{PublicationKey, PublicationOf, Sets};

use crate::{
    mesh::{Mesh, batch, gateway, sidecar},
    proxy_file::TYPES,
};

fn spec(services: usize) -> MeshSpec {
    MeshSpec {
        namespaces: 3,
        services,
        endpoints_per_service: 2,
        pods: true,
        service_entries: services / 4,
        virtual_services: services,
        destination_rules: services,
        ..MeshSpec::EMPTY
    }
}

fn viewers() -> [ProxyKey; 3] {
    // The first workload of service 1, a stranger, and a gateway.
    [sidecar("svc-1", "ns-1", "11.0.0.5"), sidecar("client", "ns-0", "192.168.0.1"), gateway("ns-0")]
}

/// Digests of everything that can be sent by itself: resources, and the virtual hosts of tables in place of the
/// tables.
fn digests(sets: &Sets) -> BTreeMap<String, String> {
    let mut digests = BTreeMap::new();
    for (kind, type_url) in TYPES {
        for (name, resource) in &sets.get(type_url) {
            match &resource.elements {
                None => drop(digests.insert(format!("{kind} {name}"), resource.digest.to_string())),
                Some(elements) => {
                    digests.insert(format!("{kind} {name}"), elements.parent.digest.to_string());
                    for (child, resource) in &elements.children {
                        digests.insert(format!("vhds {child}"), resource.digest.to_string());
                    }
                }
            }
        }
    }
    digests
}

/// Names of what differs between two publications.
fn changed(before: &Sets, after: &Sets) -> BTreeSet<String> {
    let (before, after) = (digests(before), digests(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names.into_iter().filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}

/// Makes a change in meshes of two sizes; what changed for each viewer, and how many nodes were computed.
fn effect(services: usize, yaml: &dyn Fn(&MeshSpec) -> String) -> (Vec<BTreeSet<String>>, Settled) {
    let spec = spec(services);
    let mut mesh = Mesh::of(&spec.yaml());
    let leases: Vec<_> = viewers()
        .iter()
        .map(|proxy| {
            let key = PublicationKey { proxy: proxy.clone(), secrets: true };
            mesh.db.lease::<PublicationOf>(&key)
        })
        .collect();
    let before: Vec<_> = leases.iter().map(|lease| lease.value(&mesh.db)).collect();
    let settled = mesh.apply(&yaml(&spec));
    let differences =
        leases.iter().zip(before).map(|(lease, before)| changed(&before, &lease.value(&mesh.db))).collect();
    (differences, settled)
}

/// Checks that a change of service 1 changes exactly `expected`, `HOST` standing for its host, for every viewer,
/// and that it costs the same in a small and in a large mesh.
fn check(yaml: &dyn Fn(&MeshSpec) -> String, expected: &[&str]) {
    let host = spec(8).host(1);
    let expected: BTreeSet<String> = expected.iter().map(|name| name.replace("HOST", &host)).collect();
    let (small, small_cost) = effect(8, yaml);
    let (large, large_cost) = effect(64, yaml);
    for viewer in 0..2 {
        assert_eq!(small[viewer], expected, "viewer {viewer}");
        assert_eq!(large[viewer], expected, "viewer {viewer}");
    }
    // A gateway without a Gateway has no routes.
    let at_gateway: BTreeSet<String> =
        expected.iter().filter(|name| name.starts_with("cds") || name.starts_with("eds")).cloned().collect();
    assert_eq!(large[2], at_gateway);
    assert_eq!(cost_of(&small_cost), cost_of(&large_cost));
}

/// How many values were computed, by name, and how much those computations have read.
fn cost_of(settled: &Settled) -> (BTreeMap<&'static str, u64>, u64) {
    (settled.recomputed.clone(), settled.reads)
}

#[test]
fn an_endpoint_changes_the_load_assignments_of_its_service() {
    check(&|spec| spec.endpoints_with(1, 3), &["eds outbound|80|v1|HOST", "eds outbound|80||HOST"]);
}

#[test]
fn a_weight_changes_one_virtual_host() {
    check(&|spec| spec.virtual_service(1, 70), &["vhds 80/HOST:80"]);
}

#[test]
fn a_pool_changes_the_clusters_of_its_service() {
    let (differences, _) = effect(8, &|spec| spec.destination_rule(1, 55));
    let host = spec(8).host(1);
    let clusters = ["", "v1", "v2"].map(|subset| format!("cds outbound|80|{subset}|{host}"));
    // The limits hold at the workload's own port too.
    let own: BTreeSet<String> = clusters.iter().cloned().chain(["cds inbound|8080||".to_owned()]).collect();
    assert_eq!(differences[0], own);
    assert_eq!(differences[1], BTreeSet::from(clusters));
    let cost = |services| cost_of(&effect(services, &|spec| spec.destination_rule(1, 55)).1);
    assert_eq!(cost(8), cost(64));
}

#[test]
fn an_annotation_of_a_pod_changes_and_computes_nothing() {
    let spec = spec(8);
    let mut mesh = Mesh::of(&spec.yaml());
    let lease =
        mesh.db.lease::<PublicationOf>(&PublicationKey { proxy: viewers()[0].clone(), secrets: true });
    let annotated = spec.endpoints(1).replace(
        "kind: Pod\nmetadata:\n  name: svc-1-0\n",
        "kind: Pod\nmetadata:\n  name: svc-1-0\n  annotations: {seen: 'yes'}\n",
    );
    assert_ne!(annotated, spec.endpoints(1));
    let settled = mesh.apply(&annotated);
    assert!(settled.changed.is_empty());
    let computed: Vec<_> = settled.recomputed.keys().copied().collect();
    assert!(!computed.contains(&"publication"), "{computed:?}");
    assert!(!computed.contains(&"endpoints of service"), "{computed:?}");
    drop(lease);
}

#[test]
fn a_service_that_goes_takes_its_own_with_it() {
    let spec = spec(8);
    let mut mesh = Mesh::of(&spec.yaml());
    let [_, client, _] = viewers();
    let before = mesh.publication(&client);
    mesh.delete(ConfigKey::new(Kind::Service, "ns-1", "svc-1"));
    let after = mesh.publication(&client);
    let host = spec.host(1);
    for name in changed(&before, &after) {
        assert!(name.contains(&host), "{name} changed");
    }
    assert!(!after.clusters.keys().any(|name| name.ends_with(&format!("|{host}"))));
}

/// What it costs that the objects of `new` come to `mesh`, and that they go again. All that is leased in the server
/// is: what proxies are sent, and what is found about objects.
fn cost_of_coming_and_going(mesh: &str, new: &str) -> [(BTreeMap<&'static str, u64>, u64); 2] {
    let mut mesh = Mesh::of(mesh);
    let _found = mesh.db.lease::<AllDiagnostics>(&());
    let leases: Vec<_> = viewers()
        .into_iter()
        .map(|proxy| mesh.db.lease::<PublicationOf>(&PublicationKey { proxy, secrets: true }))
        .collect();
    let keys: Vec<ConfigKey> = batch(new).iter().map(|change| change.key().clone()).collect();
    let gone = || keys.iter().cloned().map(Change::Delete).collect();
    // What is computed for the first time and stays is not counted.
    mesh.apply(new);
    mesh.change(gone());
    let before = leases[1].value(&mesh.db);
    let came = mesh.apply(new);
    assert_eq!(came.recomputed.get("publication"), Some(&3), "every viewer sees what is new");
    let went = mesh.change(gone());
    assert!(changed(&before, &leases[1].value(&mesh.db)).is_empty());
    [cost_of(&came), cost_of(&went)]
}

#[test]
fn a_service_that_comes_or_goes_costs_the_same_in_any_mesh() {
    let cost = |services| {
        let spec = spec(services);
        cost_of_coming_and_going(&spec.yaml(), &spec.service(services))
    };
    assert_eq!(cost(16), cost(64));
}

/// A headless service with two Pods, on ports of each sort, among services that share those ports.
fn headless(services: usize) -> String {
    let ports =
        "{name: tcp, port: 90}, {name: what, port: 91}, {name: http, port: 92}, {name: tls, port: 93}";
    let other = |at: usize| {
        format!(
            "---\n{{apiVersion: v1, kind: Service, metadata: {{name: s{at}, namespace: ns-0}}, spec: {{clusterIP: 10.1.0.{at}, ports: [{ports}]}}}}\n\
             ---\n{{apiVersion: v1, kind: Service, metadata: {{name: h{at}, namespace: ns-0}}, spec: {{clusterIP: None, ports: [{ports}]}}}}\n{}",
            slice(&format!("h{at}"), "1", &[&format!("10.3.0.{at}")])
        )
    };
    let own = format!(
        "---\n{{apiVersion: v1, kind: Service, metadata: {{name: own, namespace: ns-0}}, spec: {{clusterIP: None, ports: [{ports}]}}}}\n{}",
        slice("own", "1", &["10.2.0.1", "10.2.0.2"])
    );
    (1..=services).map(other).chain([own]).collect()
}

fn slice(service: &str, name: &str, addresses: &[&str]) -> String {
    let endpoints: Vec<String> = addresses.iter().map(|ip| format!("{{addresses: [{ip}]}}")).collect();
    format!(
        "---\n{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {{name: {service}-{name}, namespace: ns-0, labels: {{kubernetes.io/service-name: {service}}}}}, addressType: IPv4, ports: [{{name: tcp, port: 90}}, {{name: what, port: 91}}, {{name: http, port: 92}}, {{name: tls, port: 93}}], endpoints: [{}]}}\n",
        endpoints.join(", ")
    )
}

#[test]
fn a_pod_of_a_headless_service_changes_its_own_listeners_and_one_virtual_host() {
    let mut mesh = Mesh::of(&headless(8));
    let [_, client, gateway] = viewers();
    let before = (mesh.publication(&client), mesh.publication(&gateway));
    mesh.apply(&slice("own", "2", &["10.2.0.3"]));
    let after = (mesh.publication(&client), mesh.publication(&gateway));
    let host = "own.ns-0.svc.cluster.local";
    let at_client = [90, 91, 93].map(|port| format!("lds 10.2.0.3_{port}"));
    let expected: BTreeSet<String> = at_client.into_iter().chain([format!("vhds 92/{host}:92")]).collect();
    assert_eq!(changed(&before.0, &after.0), expected);
    let at_gateway: BTreeSet<String> =
        [90, 91, 92, 93].map(|port| format!("eds outbound|{port}||{host}")).into();
    assert_eq!(changed(&before.1, &after.1), at_gateway);
}

#[test]
fn a_pod_of_a_headless_service_costs_the_same_in_any_mesh() {
    let cost = |services| {
        cost_of_coming_and_going(&headless(services), &slice("own", "2", &["10.2.0.3", "10.2.0.4"]))
    };
    assert_eq!(cost(16), cost(64));
}

#[test]
fn a_service_of_bytes_or_of_a_detected_protocol_costs_the_same_in_any_mesh() {
    let service = |at: usize| {
        format!(
            "---\n{{apiVersion: v1, kind: Service, metadata: {{name: s{at}, namespace: ns-0}}, spec: {{clusterIP: 10.1.0.{at}, ports: [{{name: tcp, port: 90}}, {{name: what, port: 91}}]}}}}\n"
        )
    };
    let cost = |services| {
        cost_of_coming_and_going(&(1..=services).map(service).collect::<String>(), &service(services + 1))
    };
    assert_eq!(cost(16), cost(64));
}
