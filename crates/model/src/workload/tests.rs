use std::net::IpAddr;

use fairlead_config::Kind;

use super::*;
use crate::testing::World;

const POD: &str = "
apiVersion: v1
kind: Pod
metadata:
  name: cart-1
  namespace: shop
  labels: {app: cart, version: v1}
spec:
  nodeName: n1
  serviceAccountName: cart-sa
  containers:
  - name: app
    ports:
    - {name: web, containerPort: 8080}
    - {name: dns, containerPort: 53, protocol: UDP}
  - name: side
    ports: [{name: web, containerPort: 9090}, {containerPort: 1}]
status:
  phase: Running
  podIP: 10.1.0.1
  podIPs: [{ip: 10.1.0.1}, {ip: 'fd00::1'}]
  conditions: [{type: Ready, status: 'True'}]
";

const NODE: &str = "
apiVersion: v1
kind: Node
metadata:
  name: n1
  labels: {topology.kubernetes.io/region: eu, topology.kubernetes.io/zone: eu-1, topology.istio.io/subzone: r7}
";

fn pod() -> ConfigKey {
    ConfigKey::new(Kind::Pod, "shop", "cart-1")
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn workload(yaml: &str) -> Workload {
    let found = World::of(yaml).get::<WorkloadOf>(&pod());
    Workload::clone(found.as_ref().as_ref().unwrap())
}

fn locality(region: &str, zone: &str, subzone: &str) -> Locality {
    Locality { region: region.into(), zone: zone.into(), subzone: subzone.into() }
}

/// Replaces a part of [`POD`], which must be there.
fn pod_with(from: &str, to: &str) -> String {
    assert!(POD.contains(from), "{from}");
    POD.replace(from, to)
}

#[test]
fn pod_is_a_workload_with_what_its_node_adds() {
    let expected = Workload {
        origin: pod(),
        addresses: vec![EndpointAddress::Ip(ip("10.1.0.1")), EndpointAddress::Ip(ip("fd00::1"))],
        labels: [("app", "cart"), ("version", "v1")].into_iter().collect(),
        locality: locality("eu", "eu-1", "r7"),
        network: "".into(),
        ports: [("web".into(), 8080)].into(),
        weight: 1,
        health: Health::Healthy,
        node: Some("n1".into()),
        service_account: Some("cart-sa".into()),
    };
    assert_eq!(workload(&format!("{POD}---{NODE}")), expected);
}

#[test]
fn locality_label_overrides_the_node() {
    let yaml = pod_with("version: v1", "istio-locality: us.us-2.r1");
    assert_eq!(workload(&format!("{yaml}---{NODE}")).locality, locality("us", "us-2", "r1"));
    assert_eq!(workload(POD).locality, Locality::default());
}

#[test]
fn readiness_is_that_of_the_condition() {
    let health = |to: &str| workload(&pod_with("conditions: [{type: Ready, status: 'True'}]", to)).health;
    assert_eq!(health("conditions: [{type: Ready, status: 'False'}]"), Health::Unhealthy);
    assert_eq!(health("conditions: [{type: Ready, status: Unknown}]"), Health::Unhealthy);
    assert_eq!(health("conditions: []"), Health::Healthy);
    assert_eq!(workload(&pod_with("phase: Running", "phase: Pending")).health, Health::Healthy);
}

#[test]
fn pod_that_has_ended_is_no_workload() {
    let mut world = World::of(&pod_with("phase: Running", "phase: Succeeded"));
    assert_eq!(*world.get::<WorkloadOf>(&pod()), None);
    assert_eq!(*world.get::<WorkloadAt>(&ip("10.1.0.1")), None);
}

#[test]
fn service_account_is_default_where_none_is_named() {
    let yaml = pod_with("  serviceAccountName: cart-sa\n", "");
    assert_eq!(workload(&yaml).service_account.as_deref(), Some("default"));
}

#[test]
fn network_is_that_of_the_pod_else_of_the_root_namespace() {
    let root = "
apiVersion: v1
kind: Namespace
metadata: {name: istio-system, labels: {topology.istio.io/network: net-1}}
";
    assert_eq!(&*workload(&format!("{POD}---{root}")).network, "net-1");
    let own = pod_with("version: v1", "topology.istio.io/network: net-2");
    assert_eq!(&*workload(&format!("{own}---{root}")).network, "net-2");
}

#[test]
fn workload_is_found_by_each_of_its_addresses() {
    let mut world = World::of(POD);
    for address in ["10.1.0.1", "fd00::1"] {
        let found = world.get::<WorkloadAt>(&ip(address));
        assert_eq!(found.as_ref().as_ref().unwrap().origin, pod());
    }
    assert_eq!(*world.get::<WorkloadAt>(&ip("10.1.0.2")), None);
}

#[test]
fn workload_entry_is_found_by_its_address() {
    let mut world = World::of(
        "
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: vm-1, namespace: shop}
spec: {address: 192.168.0.7, labels: {app: cart}}
",
    );
    let found = world.get::<WorkloadAt>(&ip("192.168.0.7"));
    assert_eq!(found.as_ref().as_ref().unwrap().origin.kind, Kind::WorkloadEntry);
}

#[test]
fn host_network_pods_that_share_an_address_are_not_told_apart() {
    let shared = pod_with("nodeName: n1", "nodeName: n1\n  hostNetwork: true");
    let mut world = World::of(&shared);
    assert!(world.get::<WorkloadAt>(&ip("10.1.0.1")).is_some());
    world.set(&shared.replace("cart-1", "cart-2"));
    assert!(world.get::<WorkloadAt>(&ip("10.1.0.1")).is_none());
    world.set(&POD.replace("cart-1", "cart-3"));
    let found = world.get::<WorkloadAt>(&ip("10.1.0.1"));
    assert_eq!(found.as_ref().as_ref().unwrap().origin.name, "cart-3");
}

#[test]
fn a_ready_pod_wins_an_address_that_two_have() {
    let going = pod_with("status: 'True'", "status: 'False'");
    let mut world = World::of(&format!("{going}---{}", POD.replace("cart-1", "cart-2")));
    let found = world.get::<WorkloadAt>(&ip("10.1.0.1"));
    assert_eq!(found.as_ref().as_ref().unwrap().origin.name, "cart-2");
}

#[test]
fn changes_of_a_pod_that_nothing_uses_stop_at_its_workload() {
    let mut world = World::of(POD);
    let by_address = world.lease::<WorkloadAt>(&ip("10.1.0.1"));
    let settled = world.set(&pod_with("  labels:", "  annotations: {seen: '2'}\n  labels:"));
    assert_eq!(settled.recomputed.get("workload"), Some(&1));
    assert_eq!(settled.recomputed.get("workload by address"), None);
    assert!(!settled.has_changed(by_address.id()));
    let settled = world.set(&pod_with("version: v1", "version: v2"));
    assert!(settled.has_changed(by_address.id()));
}
