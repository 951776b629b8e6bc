//! Endpoints of Kubernetes Services.

use super::{SERVICE, cart, check_service};

const PODS: &str = "
apiVersion: v1
kind: Pod
metadata: {name: cart-1, namespace: shop, labels: {app: cart}}
spec:
  nodeName: n1
  containers: [{name: app, ports: [{name: web, containerPort: 8080}]}]
status: {podIP: 10.1.0.1, phase: Running, conditions: [{type: Ready, status: 'True'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: cart-2, namespace: shop, labels: {app: cart, v: '2'}}
spec: {serviceAccountName: sa2, containers: [{name: app}]}
status: {podIP: 10.1.0.2, phase: Running, conditions: [{type: Ready, status: 'False'}]}
---
apiVersion: v1
kind: Pod
metadata: {name: other, namespace: shop, labels: {app: other}}
spec: {containers: [{name: app}]}
status: {podIP: 10.1.0.3, phase: Running}
---
apiVersion: v1
kind: Node
metadata: {name: n1, labels: {topology.kubernetes.io/region: eu, topology.kubernetes.io/zone: eu-1}}
";

/// A slice of `shop/cart` called `name`, with its `endpoints` and `ports`.
fn slice(name: &str, endpoints: &str, ports: &str) -> String {
    format!(
        "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
         metadata: {{name: {name}, namespace: shop, labels: {{kubernetes.io/service-name: cart}}}}\n\
         addressType: IPv4\nendpoints: [{endpoints}]\nports: [{ports}]\n"
    )
}

const WEB: &str = "{name: http, port: 8080}";

fn check(more: &str, expected: &str) {
    check_service(&cart(), &format!("{SERVICE}---\n{more}"), expected);
}

#[test]
fn slices_are_merged_and_sorted_and_ports_go_by_name() {
    let first = slice("cart-a", "{addresses: [10.1.0.9]}, {addresses: [10.1.0.2]}", WEB);
    let second =
        slice("cart-b", "{addresses: [10.1.0.5]}", "{name: tcp-admin, port: 9000}, {name: x, port: 1}");
    check(
        &format!("{first}{second}"),
        "80: 10.1.0.2:8080
         80: 10.1.0.9:8080
         9000: 10.1.0.5:9000",
    );
}

#[test]
fn endpoint_in_two_slices_is_one_and_the_healthier_counts() {
    let first = slice("cart-a", "{addresses: [10.1.0.2], conditions: {ready: false}}", WEB);
    let second = slice("cart-b", "{addresses: [10.1.0.2], conditions: {ready: true}}", WEB);
    check(&format!("{first}{second}"), "80: 10.1.0.2:8080");
}

#[test]
fn conditions_decide_the_health() {
    let with =
        |address: &str, conditions: &str| format!("{{addresses: [{address}], conditions: {{{conditions}}}}}");
    let endpoints = [
        with("10.1.0.1", ""),
        with("10.1.0.2", "ready: false"),
        with("10.1.0.3", "ready: false, serving: true, terminating: true"),
        with("10.1.0.4", "ready: false, serving: false, terminating: true"),
        with("10.1.0.5", "ready: true, serving: false, terminating: true"),
    ];
    check(
        &slice("cart-a", &endpoints.join(", "), WEB),
        "80: 10.1.0.1:8080
         80: 10.1.0.2:8080 Unhealthy
         80: 10.1.0.3:8080 Draining
         80: 10.1.0.5:8080",
    );
}

#[test]
fn pod_and_node_say_what_the_slice_does_not() {
    let endpoints = "{addresses: [10.1.0.1], targetRef: {kind: Pod, name: cart-1, namespace: shop}}, \
                     {addresses: [10.1.0.2]}, \
                     {addresses: [10.1.0.3], targetRef: {kind: Pod, name: gone}}, \
                     {addresses: [10.1.0.7], nodeName: n1}, \
                     {addresses: [10.1.0.8], nodeName: n9, zone: eu-9}";
    check(
        &format!("{PODS}{}", slice("cart-a", endpoints, WEB)),
        "80: 10.1.0.1:8080 app=cart at eu/eu-1/ node:n1 sa:default
         80: 10.1.0.2:8080 app=cart v=2 sa:sa2
         80: 10.1.0.3:8080
         80: 10.1.0.7:8080 at eu/eu-1/ node:n1
         80: 10.1.0.8:8080 at /eu-9/ node:n9",
    );
}

#[test]
fn pod_of_another_namespace_is_not_taken_for_an_endpoints_own() {
    let elsewhere = PODS.replace("namespace: shop", "namespace: other");
    check(&format!("{elsewhere}{}", slice("cart-a", "{addresses: [10.1.0.1]}", WEB)), "80: 10.1.0.1:8080");
}

#[test]
fn slice_port_without_number_leads_to_the_target_port() {
    check(
        &slice("cart-a", "{addresses: [10.1.0.1]}", "{name: tcp-admin}, {name: http}"),
        "9000: 10.1.0.1:9000",
    );
}

#[test]
fn udp_ports_of_a_slice_do_not_count() {
    check(&slice("cart-a", "{addresses: [10.1.0.1]}", "{name: http, port: 53, protocol: UDP}"), "");
}

#[test]
fn host_names_of_slices_are_no_endpoints() {
    let names = slice("cart-a", "{addresses: [db.example.com]}", WEB).replace("IPv4", "FQDN");
    check(&names, "");
}

#[test]
fn endpoints_object_counts_only_without_slices() {
    let older = "
apiVersion: v1
kind: Endpoints
metadata: {name: cart, namespace: shop}
subsets:
- addresses: [{ip: 10.1.0.4}]
  notReadyAddresses: [{ip: 10.1.0.5, nodeName: n1}]
  ports: [{name: http, port: 8080}]
";
    check(
        older,
        "80: 10.1.0.4:8080
         80: 10.1.0.5:8080 Unhealthy node:n1",
    );
    check(&format!("{older}{}", slice("cart-a", "{addresses: [10.1.0.1]}", WEB)), "80: 10.1.0.1:8080");
}

#[test]
fn pods_are_the_endpoints_where_nothing_lists_them() {
    check(
        PODS,
        "80: 10.1.0.1:8080 app=cart at eu/eu-1/ node:n1 sa:default
         9000: 10.1.0.1:9000 app=cart at eu/eu-1/ node:n1 sa:default
         9000: 10.1.0.2:9000 Unhealthy app=cart v=2 sa:sa2",
    );
}

#[test]
fn slice_without_endpoints_is_a_list_all_the_same() {
    check(&format!("{PODS}{}", slice("cart-a", "", WEB)), "");
}

#[test]
fn service_without_selector_and_list_has_no_endpoints() {
    let yaml = format!("{}---{PODS}", SERVICE.replace("  selector: {app: cart}\n", ""));
    check_service(&cart(), &yaml, "");
}

#[test]
fn selected_workload_entries_are_added() {
    let entry = "
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: vm-1, namespace: shop}
spec: {address: 192.168.0.7, labels: {app: cart}, ports: {http: 7070}, weight: 3}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: vm-2, namespace: shop}
spec: {address: 192.168.0.8, labels: {app: other}}
";
    check(
        &format!("{entry}{}", slice("cart-a", "{addresses: [10.1.0.1]}", WEB)),
        "80: 10.1.0.1:8080
         80: 192.168.0.7:7070 app=cart weight:3
         9000: 192.168.0.7:9000 app=cart weight:3",
    );
}

#[test]
fn endpoints_of_a_headless_service_are_known() {
    let yaml = format!(
        "{}{}",
        SERVICE.replace("clusterIP: 10.0.0.1", "clusterIP: None"),
        slice("cart-a", "{addresses: [10.1.0.1]}", WEB)
    );
    check_service(&cart(), &yaml, "80: 10.1.0.1:8080");
}

#[test]
fn alias_has_no_endpoints() {
    let yaml = SERVICE.replace("clusterIP: 10.0.0.1", "type: ExternalName\n  externalName: a.example.com");
    check_service(&cart(), &format!("{yaml}{}", slice("cart-a", "{addresses: [10.1.0.1]}", WEB)), "");
}

#[test]
fn network_of_the_cluster_is_that_of_all_listed_endpoints() {
    let root = "
apiVersion: v1
kind: Namespace
metadata: {name: istio-system, labels: {topology.istio.io/network: net-1}}
";
    check(
        &format!("{root}{}", slice("cart-a", "{addresses: [10.1.0.1]}", WEB)),
        "80: 10.1.0.1:8080 net:net-1",
    );
}
