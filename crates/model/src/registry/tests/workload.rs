//! The services of a workload.

use std::{net::IpAddr, sync::Arc};

use super::super::{ServicesOfWorkload, WorkloadKey};
use crate::testing::World;

const SERVICES: &str = "
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {selector: {app: cart}, ports: [{name: http, port: 80, targetPort: web}, {name: tcp, port: 81, targetPort: 8081}]}
---
apiVersion: v1
kind: Service
metadata: {name: cart-v1, namespace: shop}
spec: {selector: {app: cart, version: v1}, ports: [{name: http, port: 90, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: mail, namespace: shop}
spec: {selector: {app: mail}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: other}
spec: {selector: {app: cart}, ports: [{name: http, port: 80}]}
";

const POD: &str = "
---
apiVersion: v1
kind: Pod
metadata: {name: cart-1, namespace: shop, labels: {app: cart, version: v1}}
spec: {containers: [{name: app, ports: [{name: web, containerPort: 8088}]}]}
status: {podIP: 10.1.0.1, phase: Running}
";

fn workload(namespace: &str, labels: &[(&str, &str)], address: &str) -> WorkloadKey {
    let address: IpAddr = address.parse().unwrap();
    WorkloadKey {
        namespace: namespace.into(),
        labels: labels.iter().copied().collect(),
        addresses: Arc::from([address]),
    }
}

/// Shows the services of a workload as `host:port->target`.
fn show(ports: &[super::super::WorkloadPort]) -> Vec<String> {
    ports.iter().map(|(key, port, target)| format!("{}:{}->{target}", key.host, port.number)).collect()
}

fn check(yaml: &str, workload: &WorkloadKey, expected: &[&str]) {
    assert_eq!(show(&World::of(yaml).get::<ServicesOfWorkload>(workload)), expected);
}

#[test]
fn services_select_by_labels_within_their_namespace() {
    check(
        &format!("{SERVICES}{POD}"),
        &workload("shop", &[("app", "cart"), ("version", "v1")], "10.1.0.1"),
        &[
            "cart-v1.shop.svc.cluster.local:90->8080",
            "cart.shop.svc.cluster.local:80->8088",
            "cart.shop.svc.cluster.local:81->8081",
        ],
    );
    check(SERVICES, &workload("shop", &[("app", "nobody")], "10.1.0.1"), &[]);
}

#[test]
fn an_alias_is_no_service_of_a_workload() {
    let yaml = "
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {type: ExternalName, externalName: a.example.com, selector: {app: cart}, ports: [{name: http, port: 80}]}
";
    check(yaml, &workload("shop", &[("app", "cart")], "10.1.0.1"), &[]);
}

const SLICE: &str = "
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: cart-a, namespace: shop, labels: {kubernetes.io/service-name: cart}}
addressType: IPv4
endpoints: [{addresses: [10.1.0.1]}, {addresses: [10.1.0.2]}]
ports: [{name: http, port: 8089}, {name: tcp, port: 8081}]
";

#[test]
fn named_port_of_a_pod_that_is_not_known_is_taken_from_the_endpoints() {
    check(
        &format!("{SERVICES}{SLICE}"),
        &workload("shop", &[("app", "cart")], "10.1.0.1"),
        &["cart.shop.svc.cluster.local:80->8089", "cart.shop.svc.cluster.local:81->8081"],
    );
}

#[test]
fn service_without_selector_counts_by_the_address_of_its_endpoints() {
    let yaml = "
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {ports: [{name: http, port: 80}]}
";
    let yaml = format!("{yaml}{SLICE}");
    let expected = ["cart.shop.svc.cluster.local:80->8089"];
    check(&yaml, &workload("anywhere", &[], "10.1.0.2"), &expected);
    check(&yaml, &workload("shop", &[], "10.1.0.3"), &[]);
}

#[test]
fn endpoints_object_counts_by_its_addresses() {
    let yaml = "
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: cart, namespace: shop}
subsets: [{addresses: [{ip: 10.1.0.1}], ports: [{name: http, port: 8080}]}]
";
    check(yaml, &workload("shop", &[], "10.1.0.1"), &["cart.shop.svc.cluster.local:80->8080"]);
}

const ENTRIES: &str = "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: listed, namespace: shop}
spec:
  hosts: [listed.example.com]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 192.168.0.7, ports: {http: 7001}}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: selecting, namespace: shop}
spec:
  hosts: [selecting.example.com]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  workloadSelector: {labels: {app: vm}}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: vm-1, namespace: shop}
spec: {address: 192.168.0.7, labels: {app: vm}, ports: {http: 7002}}
";

#[test]
fn service_entries_count_by_address_and_by_selector() {
    check(
        ENTRIES,
        &workload("shop", &[("app", "vm")], "192.168.0.7"),
        &["listed.example.com:80->7001", "selecting.example.com:80->7002"],
    );
    check(ENTRIES, &workload("shop", &[("app", "vm")], "192.168.0.8"), &["selecting.example.com:80->80"]);
}

#[test]
fn endpoints_that_come_and_go_do_not_concern_the_other_proxies_of_a_service() {
    let mut world = World::of(&format!("{SERVICES}{POD}{SLICE}"));
    let lease = world.lease::<ServicesOfWorkload>(&workload("shop", &[("app", "cart")], "10.1.0.1"));
    let settled = world.set(&SLICE.replace("{addresses: [10.1.0.2]}", "{addresses: [10.1.0.3]}"));
    assert_eq!(settled.recomputed.get("services of workload"), None, "{settled:?}");
    let settled = world.set(&SERVICES.replace("port: 81", "port: 82"));
    assert!(settled.has_changed(lease.id()));
}
