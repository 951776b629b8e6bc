//! Lookups across objects, and the services of a workload.

mod history;
mod workload;

use super::*;
use crate::testing::World;

const OBJECTS: &str = "
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {clusterIP: 10.0.0.1, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: alias, namespace: shop}
spec: {type: ExternalName, externalName: cart.shop.svc.cluster.local}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: younger, namespace: shop, creationTimestamp: '2026-02-01T00:00:00Z'}
spec:
  hosts: [api.example.com]
  ports: [{number: 443, name: younger, protocol: TLS}, {number: 80, name: http, protocol: HTTP}]
  resolution: DNS
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: older, namespace: shop, creationTimestamp: '2026-01-01T00:00:00Z'}
spec:
  hosts: [api.example.com, other.example.com]
  ports: [{number: 443, name: older, protocol: TLS}]
  resolution: DNS
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: mine, namespace: team}
spec:
  hosts: [api.example.com, cart.shop.svc.cluster.local]
  ports: [{number: 443, name: tls, protocol: TLS}]
  resolution: NONE
";

fn key(host: &str, namespace: &str) -> ServiceKey {
    ServiceKey { host: Host::new(host), namespace: namespace.into() }
}

fn summaries(services: &ServiceMap) -> Vec<ServiceSummary> {
    services.values().map(|service| ServiceSummary::of(service)).collect()
}

/// Shows summaries as `namespace/host ports`.
fn show(summaries: &[ServiceSummary]) -> Vec<String> {
    let ports = |summary: &ServiceSummary| {
        let ports: Vec<String> = summary.ports.iter().map(|p| format!("{}:{}", p.name, p.number)).collect();
        ports.join(",")
    };
    let shown = summaries.iter().map(|s| format!("{}/{} {}", s.key.namespace, s.key.host, ports(s)));
    shown.map(|text| text.trim_end().to_owned()).collect()
}

#[test]
fn all_services_are_listed_once_and_sorted() {
    let mut world = World::of(OBJECTS);
    let expected = [
        "shop/alias.shop.svc.cluster.local",
        "shop/api.example.com http:80,older:443",
        "team/api.example.com tls:443",
        "shop/cart.shop.svc.cluster.local http:80",
        "team/cart.shop.svc.cluster.local tls:443",
        "shop/other.example.com older:443",
    ];
    assert_eq!(show(&summaries(&world.get::<AllServices>(&()))), expected);
}

#[test]
fn services_are_found_by_exact_host_in_every_namespace() {
    let mut world = World::of(OBJECTS);
    let mut by_host = |host: &str| show(&world.get::<ServicesByHost>(&Host::new(host)));
    assert_eq!(
        by_host("cart.shop.svc.cluster.local"),
        ["shop/cart.shop.svc.cluster.local http:80", "team/cart.shop.svc.cluster.local tls:443"]
    );
    assert_eq!(
        by_host("api.example.com"),
        ["shop/api.example.com http:80,older:443", "team/api.example.com tls:443"]
    );
    assert_eq!(by_host("nobody.example.com"), Vec::<String>::new());
    assert_eq!(by_host("cart.shop.svc.example.org"), Vec::<String>::new());
}

#[test]
fn service_by_key_is_the_oldest_definition_with_what_others_add() {
    let mut world = World::of(OBJECTS);
    let service = world.get::<ServiceByKey>(&key("api.example.com", "shop"));
    assert_eq!(service.as_ref().as_ref().unwrap().origin.name, "older");
    let service = world.get::<ServiceByKey>(&key("cart.shop.svc.cluster.local", "shop"));
    assert_eq!(service.as_ref().as_ref().unwrap().registry, Registry::Kubernetes);
    assert_eq!(*world.get::<ServiceByKey>(&key("cart.shop.svc.cluster.local", "elsewhere")), None);
}

#[test]
fn the_next_definition_takes_over_when_the_oldest_goes() {
    let mut world = World::of(OBJECTS);
    let by_key = world.lease::<ServiceByKey>(&key("api.example.com", "shop"));
    let all = world.lease::<AllServices>(&());
    world.delete(ConfigKey::new(Kind::ServiceEntry, "shop", "older"));
    let service = by_key.value(&world.db);
    assert_eq!(service.as_ref().as_ref().unwrap().origin.name, "younger");
    assert!(
        show(&summaries(&all.value(&world.db)))
            .contains(&"shop/api.example.com http:80,younger:443".to_owned())
    );
}
