//! VirtualServices whose rules ask for the client, the port or the Gateway: to whom they do not apply, they say
//! nothing.

use fairlead_resource::TypeUrl;

use crate::mesh::{Mesh, domains, gateway, sidecar};

const SERVICES: &str = "
{apiVersion: v1, kind: Service, metadata: {name: one, namespace: default}, spec: {clusterIP: 10.96.0.1, ports: [{name: http, port: 80}, {name: http-alt, port: 8000}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: two, namespace: default}, spec: {clusterIP: 10.96.0.2, ports: [{name: http, port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: three, namespace: default}, spec: {clusterIP: 10.96.0.3, ports: [{name: http, port: 80}]}}
";

/// A mesh with the services and VirtualServices, oldest first: hosts and gateways, then a list of conditions
/// (`always`: none) and the service to which requests are sent that meet them.
fn mesh(virtual_services: &[(&str, &[(&str, &str)])]) -> Mesh {
    let mut yaml = SERVICES.to_owned();
    for (at, (head, routes)) in virtual_services.iter().enumerate() {
        yaml += &virtual_service(&format!("v{at}"), at, head, routes);
    }
    Mesh::of(&yaml)
}

fn virtual_service(name: &str, age: usize, head: &str, routes: &[(&str, &str)]) -> String {
    let route = |(conditions, to): &(&str, &str)| {
        let conditions =
            if *conditions == "always" { String::new() } else { format!("match: [{conditions}], ") };
        format!("{{{conditions}route: [{{destination: {{host: {to}, port: {{number: 80}}}}}}]}}")
    };
    let routes: Vec<String> = routes.iter().map(route).collect();
    format!(
        "---\n{{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {{name: {name}, namespace: default, creationTimestamp: '2024-01-0{}T00:00:00Z'}}, spec: {{{head}, http: [{}]}}}}\n",
        age + 1,
        routes.join(", ")
    )
}

fn cluster(service: &str) -> String {
    format!("outbound|80||{service}.default.svc.cluster.local")
}

/// Checks where a sidecar with `app: client` in `default` sends requests, by table and host.
fn check(mesh: &mut Mesh, expected: &[(&str, &str, &str)]) {
    let client = sidecar("client", "default", "10.0.0.1");
    for (table, host, to) in expected {
        assert_eq!(mesh.request(&client, table, host), *to, "{host} by {table}");
    }
}

#[test]
fn a_service_keeps_its_default_route_where_no_rule_applies() {
    for condition in [
        "{sourceLabels: {app: tester}}",
        "{sourceNamespace: other}",
        "{port: 8000}",
        "{gateways: [gw]}",
        "{sourceLabels: {app: client}, sourceNamespace: other}",
        "{sourceLabels: {app: tester}}, {port: 8000}",
    ] {
        let mut mesh = mesh(&[("hosts: [one], gateways: [mesh, gw]", &[(condition, "two")])]);
        check(&mut mesh, &[("80", "one", &cluster("one"))]);
    }
}

#[test]
fn a_rule_for_one_port_leaves_the_others_as_they_are() {
    let mut mesh = mesh(&[("hosts: [one]", &[("{port: 80}", "two")])]);
    let own = "outbound|8000||one.default.svc.cluster.local";
    check(&mut mesh, &[("80", "one", &cluster("two")), ("8000", "one", own)]);
}

#[test]
fn an_older_one_that_does_not_apply_hides_no_newer_one() {
    let other: &[(&str, &str)] = &[("{sourceLabels: {app: tester}}", "two")];
    let every: &[(&str, &str)] = &[("always", "three")];
    let mut mesh = mesh(&[
        ("hosts: [one, a.test]", other),
        ("hosts: [one, a.test]", every),
        ("hosts: ['*.b.test']", other),
        ("hosts: ['*.b.test']", every),
    ]);
    let three = cluster("three");
    check(&mut mesh, &[("80", "one", &three), ("80", "a.test", &three), ("80", "x.b.test", &three)]);
    let tester = sidecar("tester", "default", "10.0.0.1");
    for host in ["one", "a.test", "x.b.test"] {
        assert_eq!(mesh.request(&tester, "80", host), cluster("two"));
    }
    // Where there is a newer one for every client, those after it have no say.
    mesh.apply(&virtual_service("last", 8, "hosts: [one]", &[("always", "two")]));
    check(&mut mesh, &[("80", "one", &three)]);
}

#[test]
fn a_host_that_is_no_service_is_left_out_where_no_rule_applies() {
    let rule: &[(&str, &str)] = &[("{sourceLabels: {app: tester}}", "two")];
    let mut mesh = mesh(&[("hosts: [a.test, '*.b.test']", rule)]);
    let passed = "PassthroughCluster";
    check(&mut mesh, &[("80", "a.test", passed), ("80", "x.b.test", passed)]);
}

#[test]
fn services_below_a_wildcard_keep_their_default_routes() {
    let mut mesh = mesh(&[
        ("hosts: ['*.default.svc.cluster.local']", &[("{sourceLabels: {app: tester}}", "two")]),
        ("hosts: ['*.default.svc.cluster.local']", &[("{sourceNamespace: default}", "three")]),
        ("hosts: [two]", &[("{sourceLabels: {app: tester}}", "one")]),
    ]);
    // Only the most specific name counts, whether or not its rules apply.
    check(&mut mesh, &[("80", "one", &cluster("three")), ("80", "two", &cluster("two"))]);
}

#[test]
fn the_second_name_of_a_service_stays_where_no_rule_applies() {
    let alias = "---\n{apiVersion: v1, kind: Service, metadata: {name: alias, namespace: default}, spec: {type: ExternalName, externalName: one.default.svc.cluster.local}}\n";
    let own = "outbound|8000||one.default.svc.cluster.local";
    let mut other = mesh(&[("hosts: [alias]", &[("{sourceLabels: {app: tester}}", "two")])]);
    other.apply(alias);
    check(&mut other, &[("80", "alias", &cluster("one")), ("8000", "alias", own)]);
    let mut every = mesh(&[("hosts: [alias]", &[("always", "two")])]);
    every.apply(alias);
    let two = cluster("two");
    check(&mut every, &[("80", "alias", &two), ("8000", "alias", &two), ("80", "one", &cluster("one"))]);
}

#[test]
fn a_host_that_is_no_service_is_served_on_the_ports_of_the_objects_other_hosts() {
    let mut of_one = mesh(&[("hosts: [a.test, '*.b.test', one]", &[("always", "two")])]);
    let two = cluster("two");
    for host in ["a.test", "x.b.test"] {
        check(&mut of_one, &[("80", host, &two), ("8000", host, &two)]);
    }
    check(&mut of_one, &[("8000", "x.c.test", "PassthroughCluster")]);
    // On the ports of `two` there is nothing at 8000.
    let mut of_two = mesh(&[("hosts: [a.test, two]", &[("always", "two")])]);
    check(&mut of_two, &[("80", "a.test", &two), ("8000", "a.test", "PassthroughCluster")]);
    // A wildcard names the services below it.
    let mut of_wildcard = mesh(&[("hosts: [a.test, '*.default.svc.cluster.local']", &[("always", "two")])]);
    check(&mut of_wildcard, &[("8000", "a.test", &two)]);
    // Whom an older one gives the service's own name does not matter.
    let mut younger =
        mesh(&[("hosts: [one]", &[("always", "three")]), ("hosts: [a.test, one]", &[("always", "two")])]);
    check(&mut younger, &[("8000", "a.test", &two), ("8000", "one", &cluster("three"))]);
    // Rules for a port count here as well.
    let mut by_port = mesh(&[("hosts: [a.test, one]", &[("{port: 8000}", "two")])]);
    check(&mut by_port, &[("8000", "a.test", &two), ("80", "a.test", "PassthroughCluster")]);
}

#[test]
fn a_service_that_comes_or_goes_changes_where_its_second_hosts_are_served() {
    let mut mesh = mesh(&[("hosts: [a.test, late]", &[("always", "two")])]);
    let (two, passed) = (cluster("two"), "PassthroughCluster");
    check(&mut mesh, &[("80", "a.test", &two), ("8000", "a.test", passed)]);
    let late = "{apiVersion: v1, kind: Service, metadata: {name: late, namespace: default}, spec: {clusterIP: 10.96.0.9, ports: [{name: http, port: 8000}]}}";
    mesh.apply(late);
    check(&mut mesh, &[("80", "a.test", &two), ("8000", "a.test", &two)]);
    mesh.apply(&late.replace("http", "tcp"));
    check(&mut mesh, &[("80", "a.test", &two), ("8000", "a.test", passed)]);
}

/// Gateways by name, each with its servers, and a Service that leads 80 and 81 to 8080 of the proxy.
fn with_gateways(mesh: &mut Mesh, gateways: &[(&str, &str)]) {
    let mut yaml = "
{apiVersion: v1, kind: Service, metadata: {name: ingress, namespace: default}, spec: {clusterIP: 10.96.0.7, selector: {istio: ingressgateway}, ports: [{name: a, port: 80, targetPort: 8080}, {name: b, port: 81, targetPort: 8080}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: ingress, namespace: default, labels: {istio: ingressgateway}}, spec: {containers: [{name: app}]}, status: {podIP: 10.9.9.9, phase: Running, conditions: [{type: Ready, status: 'True'}]}}
".to_owned();
    let gateway = |(name, servers): &(&str, &str)| {
        format!(
            "---\n{{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {{name: {name}, namespace: default}}, spec: {{selector: {{istio: ingressgateway}}, servers: [{servers}]}}}}\n"
        )
    };
    yaml.extend(gateways.iter().map(gateway));
    mesh.apply(&yaml);
}

/// A plaintext server.
fn server(port: u16, hosts: &str) -> String {
    format!("{{port: {{number: {port}, name: http-{port}, protocol: HTTP}}, hosts: [{hosts}]}}")
}

fn check_gateway(mesh: &mut Mesh, expected: &[(&str, &str)]) {
    for (host, to) in expected {
        assert_eq!(mesh.request(&gateway("default"), "http.8080", host), *to, "{host}");
    }
}

#[test]
fn rules_for_one_gateway_are_not_for_the_hosts_of_another() {
    let mut mesh = mesh(&[(
        "hosts: [a.test, b.test, c.test], gateways: [ga, gb]",
        &[("{gateways: [ga]}", "one"), ("{gateways: [gb]}", "two")],
    )]);
    with_gateways(&mut mesh, &[("ga", &server(80, "a.test, c.test")), ("gb", &server(80, "b.test, c.test"))]);
    let (one, two) = (cluster("one"), cluster("two"));
    check_gateway(&mut mesh, &[("a.test", &one), ("b.test", &two), ("c.test", &one)]);
}

#[test]
fn a_port_is_that_of_the_server_where_servers_of_several_ports_meet() {
    let mut mesh = mesh(&[("hosts: ['*'], gateways: [g]", &[("{port: 80}", "one"), ("{port: 81}", "two")])]);
    let servers = [server(80, "a.test"), server(81, "b.test")].join(", ");
    with_gateways(&mut mesh, &[("g", &servers)]);
    check_gateway(&mut mesh, &[("a.test", &cluster("one")), ("b.test", &cluster("two"))]);
}

#[test]
fn rules_that_do_not_fit_a_server_do_not_shadow_wider_hosts() {
    for condition in
        ["{port: 8443}", "{sourceLabels: {app: x}}", "{sourceNamespace: other}", "{gateways: [other]}"]
    {
        let mut mesh = mesh(&[
            ("hosts: [a.test], gateways: [g, mesh]", &[(condition, "two")]),
            ("hosts: ['*'], gateways: [g]", &[("always", "one")]),
        ]);
        with_gateways(&mut mesh, &[("g", &server(80, "'*'"))]);
        check_gateway(&mut mesh, &[("a.test", &cluster("one")), ("b.test", &cluster("one"))]);
    }
}

#[test]
fn an_older_one_that_does_not_fit_a_server_hides_no_newer_one() {
    let mut mesh = mesh(&[
        ("hosts: [a.test], gateways: [g]", &[("{port: 8443}", "two")]),
        ("hosts: [a.test], gateways: [g]", &[("{port: 80}", "one")]),
    ]);
    with_gateways(&mut mesh, &[("g", &server(80, "'*'"))]);
    check_gateway(&mut mesh, &[("a.test", &cluster("one")), ("b.test", "404")]);
}

#[test]
fn a_gateway_without_a_fitting_rule_still_redirects_to_https() {
    let mut mesh = mesh(&[("hosts: [a.test], gateways: [g]", &[("{port: 8443}", "two")])]);
    let redirect =
        "{port: {number: 80, name: http, protocol: HTTP}, hosts: [a.test], tls: {httpsRedirect: true}}";
    with_gateways(&mut mesh, &[("g", redirect)]);
    let table = mesh.resource(&gateway("default"), TypeUrl::ROUTE_CONFIGURATION, "http.8080");
    assert_eq!(domains(&table)["a.test:80"], ["a.test"]);
    assert_eq!(table["virtual_hosts"][0]["require_tls"], "ALL");
}

#[test]
fn a_rule_for_the_gateways_own_labels_and_namespace_applies_there() {
    let mut mesh = mesh(&[(
        "hosts: [a.test], gateways: [g]",
        &[("{sourceLabels: {istio: ingressgateway}, sourceNamespace: default}", "one")],
    )]);
    with_gateways(&mut mesh, &[("g", &server(80, "'*'"))]);
    check_gateway(&mut mesh, &[("a.test", &cluster("one"))]);
}
