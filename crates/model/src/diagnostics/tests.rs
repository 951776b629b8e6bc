use fairlead_config::{Code, Severity};

use super::*;
use crate::testing::World;

mod gateways;
mod l4;
mod mtls;
mod references;
mod secrets;
mod served;
mod services;

/// Three services: `a` (HTTP, with an endpoint of version v1), `two` (two ports), `db` (TCP); and a Gateway `g`.
const MESH: &str = "
---
{apiVersion: v1, kind: Service, metadata: {name: a, namespace: shop}, spec: {clusterIP: 10.0.0.1, selector: {app: a}, ports: [{name: http, port: 80}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: a-1, namespace: shop, labels: {app: a, version: v1}}, spec: {nodeName: node-1}, status: {podIP: 10.1.0.1, podIPs: [{ip: 10.1.0.1}], phase: Running, conditions: [{type: Ready, status: 'True'}]}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: a-1, namespace: shop, labels: {kubernetes.io/service-name: a}}, addressType: IPv4, endpoints: [{addresses: [10.1.0.1], conditions: {ready: true}, targetRef: {kind: Pod, name: a-1, namespace: shop}}], ports: [{name: http, port: 80}]}
---
{apiVersion: v1, kind: Service, metadata: {name: two, namespace: shop}, spec: {clusterIP: 10.0.0.2, ports: [{name: http, port: 80}, {name: http-b, port: 81}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: db, namespace: shop}, spec: {clusterIP: 10.0.0.3, ports: [{name: tcp, port: 5432}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: hidden, namespace: other, annotations: {networking.istio.io/exportTo: '.'}}, spec: {clusterIP: 10.0.0.4, ports: [{name: http, port: 80}]}}
---
{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: g, namespace: shop}, spec: {selector: {istio: gw}, servers: [{port: {number: 80, name: h, protocol: HTTP}, hosts: ['*.com']}]}}
";

/// An object of namespace `shop`, created on this day.
fn object(kind: &str, name: &str, day: u8, spec: &str) -> String {
    format!(
        "---\n{{apiVersion: networking.istio.io/v1, kind: {kind}, metadata: {{name: {name}, namespace: shop, creationTimestamp: '2024-01-{day:02}T00:00:00Z'}}, spec: {{{spec}}}}}\n"
    )
}

/// Checks the findings, as `severity code name path`, whatever the order of the objects. That nothing serves a service,
/// and that a selector matches nothing, are for tests of their own: most objects here have no Pods.
fn check(objects: &[String], expected: &[&str]) {
    check_of(objects, expected, |code| !matches!(code, Code::NoEndpoints | Code::SelectorMatchesNothing));
}

fn check_of(objects: &[String], expected: &[&str], is_wanted: fn(Code) -> bool) {
    let mut reversed = objects.to_vec();
    reversed.reverse();
    for objects in [objects, &reversed] {
        let mut world = World::of(&format!("{MESH}{}", objects.concat()));
        let all = world.get::<AllDiagnostics>(&());
        let show = |finding: &fairlead_config::Diagnostic| {
            let on = finding.on.to_string();
            let name = on.rsplit('/').next().unwrap_or_default();
            let severity = match finding.severity {
                Severity::Error => 'E',
                Severity::Warning => 'W',
                Severity::Info => 'I',
            };
            format!("{severity} {} {name} {}", finding.code.name(), finding.path)
        };
        let wanted = all.iter().filter(|finding| is_wanted(finding.code));
        assert_eq!(wanted.map(show).collect::<Vec<_>>(), expected, "{all:#?}");
    }
}

fn mesh_routes(host: &str, destination: &str) -> String {
    object(
        "VirtualService",
        "v",
        1,
        &format!("hosts: [{host}], http: [{{route: [{{destination: {{{destination}}}}}]}}]"),
    )
}

fn rule(name: &str, day: u8, rest: &str) -> String {
    object("DestinationRule", name, day, rest)
}

#[test]
fn a_sound_mesh_has_no_findings() {
    check(
        &[
            mesh_routes("a", "host: a, subset: v1, port: {number: 80}"),
            rule("r", 1, "host: a, subsets: [{name: v1, labels: {version: v1}}]"),
        ],
        &[],
    );
}

#[test]
fn destinations_need_a_host_that_exists() {
    check(&[mesh_routes("a", "host: ghost")], &["W unknown-host v spec.http[0].route[0].destination.host"]);
    check(
        &[mesh_routes("a", "host: hidden.other.svc.cluster.local")],
        &["W not-visible v spec.http[0].route[0].destination.host"],
    );
}

#[test]
fn destinations_need_a_subset_that_exists() {
    let routes = mesh_routes("a", "host: a, subset: v2");
    check(std::slice::from_ref(&routes), &["W unknown-subset v spec.http[0].route[0].destination.subset"]);
    let rule = rule("r", 1, "host: a, subsets: [{name: v1, labels: {version: v1}}]");
    check(&[routes, rule], &["W unknown-subset v spec.http[0].route[0].destination.subset"]);
}

#[test]
fn destinations_need_a_port_that_exists() {
    check(
        &[mesh_routes("a", "host: a, port: {number: 81}")],
        &["W unknown-port v spec.http[0].route[0].destination.port.number"],
    );
}

#[test]
fn gateways_need_the_port_of_a_service_with_several() {
    let by_gateway = |port: &str| {
        object(
            "VirtualService",
            "v",
            1,
            &format!(
                "hosts: [a.com], gateways: [g], http: [{{route: [{{destination: {{host: two{port}}}}}]}}]"
            ),
        )
    };
    check(&[by_gateway("")], &["W ambiguous-port v spec.http[0].route[0].destination"]);
    check(&[by_gateway(", port: {number: 81}")], &[]);
}

#[test]
fn a_mesh_host_that_is_no_service_works_on_port_80_only() {
    check(&[mesh_routes("ghost.com", "host: a")], &["W unknown-host v spec.hosts[0]"]);
    check(&[mesh_routes("'*.ghost.com'", "host: a")], &["W unknown-host v spec.hosts[0]"]);
    check(&[mesh_routes("'*.shop.svc.cluster.local'", "host: a")], &[]);
}

#[test]
fn a_mesh_host_beside_that_of_a_service_works_on_its_ports() {
    check(&[mesh_routes("ghost.com, a", "host: a")], &[]);
}

#[test]
fn http_routes_need_an_http_port() {
    check(&[mesh_routes("db", "host: a")], &["W protocol-mismatch v spec.http"]);
}

#[test]
fn the_oldest_virtual_service_owns_a_mesh_host() {
    let routes = |name, day| {
        object("VirtualService", name, day, "hosts: [a], http: [{route: [{destination: {host: a}}]}]")
    };
    check(&[routes("old", 1), routes("new", 2)], &["W duplicate-host new spec.hosts[0]"]);
}

#[test]
fn a_virtual_service_for_some_clients_leaves_the_others_to_the_next() {
    let some = "hosts: [a], http: [{match: [{sourceNamespace: web}], route: [{destination: {host: a}}]}]";
    let new = object("VirtualService", "new", 2, "hosts: [a], http: [{route: [{destination: {host: a}}]}]");
    check(&[object("VirtualService", "old", 1, some), new], &[]);
}

#[test]
fn conditions_name_gateways_of_their_object() {
    let elsewhere = object(
        "VirtualService",
        "v",
        1,
        "hosts: [a], http: [{match: [{gateways: [g]}], route: [{destination: {host: a}}]}]",
    );
    check(&[elsewhere], &["W no-effect v spec.http[0].match"]);
}

fn at_gateway(name: &str, day: u8, host: &str, condition: &str) -> String {
    object(
        "VirtualService",
        name,
        day,
        &format!(
            "hosts: [{host}], gateways: [g], http: [{{{condition}route: [{{destination: {{host: a}}}}]}}]"
        ),
    )
}

#[test]
fn gateways_must_exist_and_serve_the_host() {
    let unknown = object(
        "VirtualService",
        "v",
        1,
        "hosts: [a.com], gateways: [none], http: [{route: [{destination: {host: a}}]}]",
    );
    check(&[unknown], &["W unknown-gateway v spec.gateways[0]"]);
    check(&[at_gateway("v", 1, "a.org", "")], &["W host-outside-gateway v spec.hosts[0]"]);
    check(&[at_gateway("v", 1, "a.com", "")], &[]);
}

#[test]
fn the_oldest_catch_all_of_a_gateways_host_takes_everything() {
    check(
        &[at_gateway("old", 1, "a.com", ""), at_gateway("new", 2, "a.com", "match: [{uri: {prefix: /}}], ")],
        &["W shadowed-route new spec.http[0]"],
    );
    check(
        &[at_gateway("old", 1, "a.com", ""), at_gateway("new", 2, "a.com", "match: [{uri: {prefix: /x}}], ")],
        &[],
    );
}

#[test]
fn a_rule_needs_a_service() {
    check(&[rule("r", 1, "host: ghost")], &["W unknown-host r spec.host"]);
    check(&[rule("r", 1, "host: '*.shop.svc.cluster.local'")], &[]);
    check(&[rule("r", 1, "host: '*.ghost.com'")], &["W unknown-host r spec.host"]);
}

#[test]
fn a_subset_needs_an_endpoint_unless_the_service_has_none() {
    let subset =
        |host: &str| rule("r", 1, &format!("host: {host}, subsets: [{{name: v9, labels: {{version: v9}}}}]"));
    check(&[subset("a")], &["W empty-subset r spec.subsets[0].labels"]);
    check(&[subset("two")], &[]);
}

#[test]
fn settings_of_a_port_hide_the_policy_above_them() {
    check(
        &[rule(
            "r",
            1,
            "host: a, trafficPolicy: {loadBalancer: {simple: RANDOM}, portLevelSettings: [{port: {number: 80}, outlierDetection: {}}]}",
        )],
        &["I ignored-policy r spec.trafficPolicy.portLevelSettings"],
    );
    check(
        &[rule(
            "r",
            1,
            "host: a, trafficPolicy: {portLevelSettings: [{port: {number: 99}, outlierDetection: {}}]}",
        )],
        &["W unknown-port r spec.trafficPolicy.portLevelSettings"],
    );
}

#[test]
fn what_an_older_rule_of_the_host_says_counts() {
    check(
        &[
            rule(
                "old",
                1,
                "host: a, trafficPolicy: {loadBalancer: {simple: RANDOM}}, subsets: [{name: v1, labels: {version: v1}}]",
            ),
            rule(
                "new",
                2,
                "host: a, trafficPolicy: {outlierDetection: {}}, subsets: [{name: v1, labels: {version: v1}}]",
            ),
        ],
        &["W duplicate-subset new spec.subsets[0].name", "W ignored-policy new spec.trafficPolicy"],
    );
}

#[test]
fn a_credential_needs_a_secret_somewhere() {
    let gateway = object(
        "Gateway",
        "tls",
        1,
        "selector: {istio: other}, servers: [{port: {number: 443, name: h, protocol: HTTPS}, tls: {mode: SIMPLE, credentialName: cert}, hosts: [a.com]}]",
    );
    check(std::slice::from_ref(&gateway), &["W unknown-secret tls spec.servers[0].tls.credentialName"]);
    let secret = "---\n{apiVersion: v1, kind: Secret, metadata: {name: cert, namespace: edge}, type: Opaque, data: {}}\n";
    check(&[gateway, secret.into()], &["W bad-secret tls spec.servers[0].tls.credentialName"]);
}

#[test]
fn sidecars_for_the_same_workloads_conflict() {
    let sidecar = |name, day| object("Sidecar", name, day, "egress: [{hosts: ['./*']}]");
    check(&[sidecar("old", 1), sidecar("new", 2)], &["E conflicting-sidecar new spec.workloadSelector"]);
}

#[test]
fn ingress_is_not_at_the_proxys_own_port() {
    let ingress =
        "ingress: [{port: {number: 15006, name: tcp, protocol: TCP}, defaultEndpoint: '127.0.0.1:9'}]";
    check(&[object("Sidecar", "s", 1, ingress)], &["E bad-listener s spec.ingress[0].port.number"]);
}

#[test]
fn egress_is_not_on_every_address_of_the_proxys_own_port() {
    let egress = |bind: &str| {
        let listener =
            format!("{{hosts: ['*/*'], {bind} port: {{number: 15001, name: http, protocol: HTTP}}}}");
        object("Sidecar", "s", 1, &format!("egress: [{listener}]"))
    };
    for bind in ["", "bind: '::',", "bind: 0.0.0.0,"] {
        check(&[egress(bind)], &["E bad-listener s spec.egress[0].port.number"]);
    }
    for bind in ["bind: 127.0.0.1,", "captureMode: NONE,"] {
        check(&[egress(bind)], &[]);
    }
}

#[test]
fn an_egress_host_needs_a_service() {
    let sidecar = |host: &str| object("Sidecar", "s", 1, &format!("egress: [{{hosts: ['{host}']}}]"));
    check(&[sidecar("./ghost.shop.svc.cluster.local")], &["W unknown-egress-host s spec.egress[0].hosts[0]"]);
    check(&[sidecar("shop/a.shop.svc.cluster.local")], &[]);
}

#[test]
fn an_egress_host_that_a_virtual_service_names_imports_something() {
    let sidecar = |host: &str| object("Sidecar", "s", 1, &format!("egress: [{{hosts: ['{host}']}}]"));
    let service = |host: &str| {
        let route = "route: [{destination: {host: a}}]";
        object("VirtualService", "v", 1, &format!("hosts: ['{host}'], http: [{{{route}}}]"))
    };
    let no_service = "W unknown-host v spec.hosts[0]";
    check(&[sidecar("shop/foo.example.com"), service("foo.example.com")], &[no_service]);
    check(&[sidecar("./foo.example.com"), service("*.example.com")], &[no_service]);
    let nothing = &[no_service, "W unknown-egress-host s spec.egress[0].hosts[0]"];
    check(&[sidecar("other/foo.example.com"), service("foo.example.com")], nothing);
}
