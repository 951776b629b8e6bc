//! What a change recomputes.

use super::{super::EndpointsOf, SERVICE, cart, show};
use crate::{Host, ServiceKey, registry::AllServices, testing::World};

fn key(name: &str) -> ServiceKey {
    ServiceKey { host: Host::new(&format!("{name}.shop.svc.cluster.local")), namespace: "shop".into() }
}

fn service(name: &str) -> String {
    format!("---{}", SERVICE.replace("name: cart", &format!("name: {name}")))
}

fn slice(name: &str, address: &str) -> String {
    format!(
        "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
         metadata: {{name: {name}-a, namespace: shop, labels: {{kubernetes.io/service-name: {name}}}}}\n\
         addressType: IPv4\nendpoints: [{{addresses: [{address}]}}]\nports: [{{name: http, port: 8080}}]\n"
    )
}

fn world() -> World {
    let names = ["cart", "mail", "pay"];
    let yaml: Vec<String> = names.iter().map(|name| service(name) + &slice(name, "10.1.0.1")).collect();
    World::of(&yaml.concat())
}

#[test]
fn a_slice_recomputes_the_endpoints_of_its_service_only() {
    let mut world = world();
    let all = world.lease::<AllServices>(&());
    let leases = ["cart", "mail", "pay"].map(|name| world.lease::<EndpointsOf>(&key(name)));
    let settled = world.set(&slice("mail", "10.1.0.2"));
    // The second is who is behind the new address.
    let expected = [("endpoints of service", 1), ("workload by address", 1)];
    assert_eq!(settled.recomputed, expected.into());
    assert_eq!(leases.map(|lease| settled.has_changed(lease.id())), [false, true, false]);
    assert!(!settled.has_changed(all.id()));
}

#[test]
fn a_service_that_changes_leaves_the_others_alone() {
    let mut world = world();
    let all = world.lease::<AllServices>(&());
    let settled = world.set(&service("mail").replace("port: 9000", "port: 9001"));
    assert!(settled.has_changed(all.id()));
    assert_eq!(settled.recomputed.get("services of object"), Some(&1));
}

#[test]
fn the_first_slice_takes_over_from_pods_and_the_last_gives_back() {
    let pod = "---
apiVersion: v1
kind: Pod
metadata: {name: cart-1, namespace: shop, labels: {app: cart}}
spec: {containers: [{name: app}]}
status: {podIP: 10.1.0.9, phase: Running}
";
    let mut world = World::of(&format!("{SERVICE}{pod}"));
    let lease = world.lease::<EndpointsOf>(&cart());
    assert_eq!(show(&lease.value(&world.db)), "9000: 10.1.0.9:9000 app=cart sa:default\n");
    world.set(&slice("cart", "10.1.0.1"));
    assert_eq!(show(&lease.value(&world.db)), "80: 10.1.0.1:8080\n");
    let slice = fairlead_config::ConfigKey::new(fairlead_config::Kind::EndpointSlice, "shop", "cart-a");
    world.delete(slice);
    assert_eq!(show(&lease.value(&world.db)), "9000: 10.1.0.9:9000 app=cart sa:default\n");
}

#[test]
fn services_with_one_selector_share_the_list_of_what_it_selects() {
    let entry = |name: &str, port: u16| {
        format!(
            "---\n{{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {{name: {name}, namespace: shop}}, spec: {{hosts: [{name}.test], resolution: STATIC, workloadSelector: {{labels: {{app: vm}}}}, ports: [{{number: {port}, name: http, protocol: HTTP, targetPort: 8080}}]}}}}\n"
        )
    };
    let workload = |name: &str, address: &str| {
        format!(
            "---\n{{apiVersion: networking.istio.io/v1, kind: WorkloadEntry, metadata: {{name: {name}, namespace: shop}}, spec: {{address: {address}, labels: {{app: vm}}}}}}\n"
        )
    };
    let names = ["a", "b", "c"];
    let entries = names.iter().zip([80, 80, 81]).map(|(name, port)| entry(name, port)).collect::<String>();
    let mut world = World::of(&format!("{entries}{}", workload("one", "10.1.0.1")));
    let leases = names.map(|name| {
        world.lease::<EndpointsOf>(&ServiceKey {
            host: Host::new(&format!("{name}.test")),
            namespace: "shop".into(),
        })
    });
    let settled = world.set(&workload("two", "10.1.0.2"));
    assert_eq!(settled.recomputed.get("endpoints of selector"), Some(&1));
    let lists = leases.map(|lease| lease.value(&world.db).by_port.values().next().unwrap().clone());
    assert_eq!(lists[0].len(), 2);
    assert!(lists.iter().all(|list| std::sync::Arc::ptr_eq(list, &lists[0])));
}
