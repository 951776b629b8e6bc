//! Endpoints of ServiceEntries.

use fairlead_config::Code;

use super::check_service;
use crate::{Host, ServiceKey, diagnostics::AllDiagnostics, endpoints::EndpointsOf, testing::World};

/// Checks the endpoints of `api.example.com`, a ServiceEntry `shop/api` with this spec, among other objects.
fn check_among(more: &str, spec: &str, expected: &str) {
    let yaml = format!(
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: api, namespace: shop}}\n\
         spec:\n  hosts: [api.example.com]\n  \
         ports: [{{number: 80, name: http, protocol: HTTP, targetPort: 8080}}]\n{spec}\n---\n{more}"
    );
    let key = ServiceKey { host: Host::new("api.example.com"), namespace: "shop".into() };
    check_service(&key, &yaml, expected);
}

fn check(spec: &str, expected: &str) {
    check_among("", spec, expected);
}

#[test]
fn inline_endpoints_are_listed() {
    check(
        "
  resolution: STATIC
  endpoints:
  - {address: 1.1.1.2, ports: {http: 7070}, labels: {v: '2'}, locality: eu/eu-1, weight: 4, network: net-2}
  - {address: 1.1.1.1, serviceAccount: api-sa}
  - {address: 1.1.1.1}",
        "80: 1.1.1.1:8080
         80: 1.1.1.2:7070 v=2 at eu/eu-1/ net:net-2 weight:4",
    );
}

#[test]
fn socket_has_no_port() {
    check(
        "
  resolution: STATIC
  endpoints: [{address: unix:///run/api.sock}]",
        "80: /run/api.sock:0",
    );
}

#[test]
fn dns_without_endpoints_is_the_host_itself() {
    check("  resolution: DNS", "80: api.example.com:8080");
    check("  resolution: DNS_ROUND_ROBIN", "80: api.example.com:8080");
}

#[test]
fn dns_with_endpoints_is_their_names() {
    check(
        "
  resolution: DNS
  endpoints: [{address: us.example.com}, {address: eu.example.com, ports: {http: 1234}}]",
        "80: eu.example.com:1234
         80: us.example.com:8080",
    );
}

#[test]
fn original_destination_has_no_endpoints() {
    check("  resolution: NONE", "");
}

const WORKLOADS: &str = "
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: vm-1, namespace: shop, labels: {app: api}}
spec: {address: 192.168.0.7, ports: {http: 7070}}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: vm-2, namespace: other, labels: {app: api}}
spec: {address: 192.168.0.8}
---
apiVersion: v1
kind: Pod
metadata: {name: api-1, namespace: shop, labels: {app: api}}
spec: {containers: [{name: app}]}
status: {podIP: 10.1.0.1, phase: Running}
---
apiVersion: v1
kind: Pod
metadata: {name: api-2, namespace: shop, labels: {app: api}}
spec: {containers: [{name: app, ports: [{name: http, containerPort: 6060}]}]}
status: {podIP: 10.1.0.2, phase: Running}
---
apiVersion: v1
kind: Pod
metadata: {name: api-3, namespace: shop, labels: {app: api}}
spec: {containers: [{name: app}]}
status: {podIP: 10.1.0.3, phase: Failed}
";

#[test]
fn selector_selects_workload_entries_and_pods_of_the_namespace() {
    check_among(
        WORKLOADS,
        "
  resolution: STATIC
  workloadSelector: {labels: {app: api}}",
        "80: 10.1.0.1:8080 app=api sa:default
         80: 10.1.0.2:6060 app=api sa:default
         80: 192.168.0.7:7070 app=api",
    );
}

#[test]
fn endpoints_of_entries_for_one_host_are_united() {
    let second = "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: api-2, namespace: shop}
spec:
  hosts: [api.example.com]
  ports: [{number: 81, name: http2, protocol: HTTP}, {number: 80, name: http, protocol: HTTP, targetPort: 8080}]
  resolution: STATIC
  endpoints: [{address: 2.2.2.2}]
";
    check_among(
        second,
        "
  resolution: STATIC
  endpoints: [{address: 1.1.1.1}]",
        "80: 1.1.1.1:8080
         80: 2.2.2.2:8080
         81: 2.2.2.2:81",
    );
}

#[test]
fn endpoints_of_an_entry_that_is_not_merged_do_not_count() {
    let second = "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: api-2, namespace: shop}
spec:
  hosts: [api.example.com]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: DNS
";
    check_among(
        second,
        "
  resolution: STATIC
  endpoints: [{address: 1.1.1.1}]",
        "80: 1.1.1.1:8080",
    );
}

#[test]
fn entry_for_the_host_of_a_service_adds_endpoints() {
    let yaml = "
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: cart-vm, namespace: shop}
spec:
  hosts: [cart.shop.svc.cluster.local]
  location: MESH_INTERNAL
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 1.1.1.1}]
";
    check_service(&super::cart(), yaml, "80: 1.1.1.1:80");
}

#[test]
fn services_of_one_selector_have_so_many_endpoints_together() {
    let entry = |i: usize| {
        format!(
            "---\n{{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {{name: e{i}, namespace: shop, creationTimestamp: '{}-01-01T00:00:00Z'}}, spec: {{hosts: [e{i}.test], resolution: STATIC, workloadSelector: {{labels: {{app: db}}}}, ports: [{}]}}}}\n",
            2010 + i,
            (1..=100)
                .map(|port| format!("{{number: {port}, name: tcp-{port}}}"))
                .collect::<Vec<_>>()
                .join(", "),
        )
    };
    let workload = |i: usize| {
        format!(
            "---\n{{apiVersion: networking.istio.io/v1, kind: WorkloadEntry, metadata: {{name: w{i}, namespace: shop}}, spec: {{address: 10.1.{}.{}, labels: {{app: db}}}}}}\n",
            i / 200,
            i % 200 + 1
        )
    };
    let objects = |workloads: usize| -> String {
        (0..3).rev().map(entry).chain((0..workloads).map(workload)).collect()
    };
    let counts = |world: &mut World| {
        [0, 1, 2].map(|i| {
            let key = ServiceKey { host: Host::new(&format!("e{i}.test")), namespace: "shop".into() };
            world.get::<EndpointsOf>(&key).by_port.values().map(|list| list.len()).sum::<usize>()
        })
    };
    // 3 services × 100 ports × 700 workloads are 210,000: the youngest has none.
    let mut world = World::of(&objects(700));
    assert_eq!(counts(&mut world), [70_000, 70_000, 0]);
    let findings = world.get::<AllDiagnostics>(&());
    let found: Vec<_> = findings.iter().filter(|finding| finding.code == Code::TooManyEndpoints).collect();
    assert!(matches!(found[..], [only] if only.to_string().contains("ServiceEntry shop/e2")), "{found:?}");
    let mut world = World::of(&objects(600));
    assert_eq!(counts(&mut world), [60_000; 3]);
}

#[test]
fn subsets_of_a_service_have_so_many_endpoints_together() {
    let subsets = |count: usize, labels: &str| -> String {
        let subset = |i: usize| format!("{{name: s{i}, labels: {{{labels}}}}}");
        let list: Vec<_> = (0..count).map(subset).collect();
        format!(
            "{{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {{name: r, namespace: shop}}, spec: {{host: e.test, subsets: [{}]}}}}\n",
            list.join(", ")
        )
    };
    let endpoints: Vec<_> = (0..1_000)
        .map(|i| format!("{{address: 10.1.{}.{}, labels: {{app: db}}}}", i / 200, i % 200 + 1))
        .collect();
    let entry = format!(
        "{{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {{name: e, namespace: shop}}, spec: {{hosts: [e.test], resolution: STATIC, ports: [{{number: 80, name: http}}], endpoints: [{}]}}}}\n",
        endpoints.join(", ")
    );
    let found = |rule: &str| {
        let mut world = World::of(&format!("{entry}---\n{rule}"));
        let findings = world.get::<AllDiagnostics>(&());
        let found = findings.iter().filter(|finding| finding.code == Code::TooManyEndpoints);
        found.map(|finding| finding.path.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(found(&subsets(200, "app: db")), [""; 0]);
    assert_eq!(found(&subsets(202, "app: db")), ["spec.subsets[200]"]);
    assert_eq!(found(&subsets(202, "app: other")), [""; 0], "what no endpoint has counts for nothing");
}

#[test]
fn what_slices_list_leaves_the_share_of_a_selector_to_others() {
    let ports = |form: fn(u16) -> String| (1..=100).map(form).collect::<Vec<_>>().join(", ");
    let named = ports(|port| format!("{{number: {port}, name: tcp-{port}}}"));
    let entry = |i: usize| {
        format!(
            "---\n{{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {{name: e{i}, namespace: shop}}, spec: {{hosts: [e{i}.test], resolution: STATIC, workloadSelector: {{labels: {{app: db}}}}, ports: [{named}]}}}}\n"
        )
    };
    let pod = |i: usize| {
        format!(
            "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: p{i}, namespace: shop, labels: {{app: db}}}}, status: {{podIP: 10.1.{}.{}, phase: Running, conditions: [{{type: Ready, status: 'True'}}]}}}}\n",
            i / 200,
            i % 200 + 1
        )
    };
    let of_service = ports(|port| format!("{{port: {port}, name: tcp-{port}}}"));
    let listed = format!(
        "---\n{{apiVersion: v1, kind: Service, metadata: {{name: listed, namespace: shop}}, spec: {{clusterIP: 10.0.0.1, selector: {{app: db}}, ports: [{of_service}]}}}}\n---\n{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {{name: listed-1, namespace: shop, labels: {{kubernetes.io/service-name: listed}}}}, addressType: IPv4, ports: [{{name: tcp-1, port: 1}}], endpoints: [{{addresses: [10.1.0.1]}}]}}\n"
    );
    let objects: String = (0..2).map(entry).chain((0..700).map(pod)).chain([listed]).collect();
    let mut world = World::of(&objects);
    for i in 0..2 {
        let key = ServiceKey { host: Host::new(&format!("e{i}.test")), namespace: "shop".into() };
        let lists = world.get::<EndpointsOf>(&key);
        assert_eq!(lists.by_port.values().map(|list| list.len()).sum::<usize>(), 70_000);
    }
}
