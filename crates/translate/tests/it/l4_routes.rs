//! TLS and TCP routes: which of them take a connection, among several objects for one host.

use fairlead_model::proxy::ProxyKey;

use crate::{
    connections::{
        First::{self, Bytes, Http, Tls},
        leads_to,
    },
    mesh::{Mesh, gateway, sidecar},
};

/// Services `one` to `three` at 10.96.0.1 to .3 with a port for each protocol; `api.test` at 10.70.0.1 and `wiki.test`
/// without an address.
fn services() -> String {
    let service = |(at, name): (usize, &str)| {
        format!(
            "---\n{{apiVersion: v1, kind: Service, metadata: {{name: {name}, namespace: default}}, spec: {{clusterIP: 10.96.0.{}, ports: [{{name: http, port: 80}}, {{name: tls, port: 443}}, {{name: tcp, port: 9000}}, {{name: tcp-b, port: 9001}}, {{name: what, port: 7000}}]}}}}\n",
            at + 1
        )
    };
    let entry = |name: &str, addresses: &str| {
        format!(
            "---\n{{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {{name: {name}, namespace: default}}, spec: {{hosts: [{name}.test]{addresses}, resolution: DNS, ports: [{{number: 80, name: http, protocol: HTTP}}, {{number: 443, name: tls, protocol: TLS}}, {{number: 444, name: https, protocol: HTTPS}}]}}}}\n"
        )
    };
    let mut yaml: String = ["one", "two", "three"].into_iter().enumerate().map(service).collect();
    yaml += &entry("api", ", addresses: [10.70.0.1]");
    yaml += &entry("wiki", "");
    yaml
}

/// A VirtualService of the year `20<age>` with these fields.
fn routes(name: &str, age: u8, spec: &str) -> String {
    format!(
        "---\n{{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {{name: {name}, namespace: default, creationTimestamp: '20{age}-01-01T00:00:00Z'}}, spec: {{{spec}}}}}\n"
    )
}

/// `route:` to a service.
fn to(service: &str, port: u16) -> String {
    format!("route: [{{destination: {{host: {service}, port: {{number: {port}}}}}}}]")
}

fn http(service: &str) -> String {
    format!("http: [{{{}}}]", to(service, 80))
}

fn tls(condition: &str, service: &str) -> String {
    format!("tls: [{{match: [{{{condition}}}], {}}}]", to(service, 443))
}

fn tcp(condition: &str, service: &str) -> String {
    let condition = if condition.is_empty() { String::new() } else { format!("match: [{{{condition}}}], ") };
    format!("tcp: [{{{condition}{}}}]", to(service, 9000))
}

/// Checks where connections go, whatever the order of the objects.
fn check(proxy: &ProxyKey, objects: &[String], expected: &[(&str, First<'_>, &str)]) {
    let backwards: Vec<String> = objects.iter().rev().cloned().collect();
    for objects in [objects.concat(), backwards.concat()] {
        let mut mesh = Mesh::of(&format!("{}{objects}", services()));
        for (address, first, target) in expected {
            let found = leads_to(&mut mesh, proxy, address, *first);
            let found = found.replace(".default.svc.cluster.local", "");
            assert_eq!(found, *target, "{address} {first:?}\n{objects}");
        }
    }
}

fn client() -> ProxyKey {
    sidecar("client", "default", "10.244.0.9")
}

#[test]
fn tls_routes_apply_beside_the_object_with_http_routes() {
    let h = format!("hosts: [api.test], {}", http("two"));
    let t = format!("hosts: [api.test], {}", tls("port: 443, sniHosts: [api.test]", "two"));
    let expected =
        [("10.70.0.1:443", Tls("api.test"), "outbound|443||two"), ("10.70.0.1:80", Http, "rds 80")];
    check(&client(), &[routes("h", 20, &h), routes("t", 21, &t)], &expected);
    check(&client(), &[routes("h", 21, &h), routes("t", 20, &t)], &expected);
}

#[test]
fn tcp_routes_of_two_objects_apply_each_to_its_port() {
    let a = routes("a", 20, &format!("hosts: [one], {}", tcp("port: 9000", "two")));
    let b = routes("b", 21, &format!("hosts: [one], {}", tcp("port: 9001", "three")));
    check(
        &client(),
        &[a, b],
        &[("10.96.0.1:9000", Bytes, "outbound|9000||two"), ("10.96.0.1:9001", Bytes, "outbound|9000||three")],
    );
}

#[test]
fn tls_routes_of_two_objects_apply_each_to_its_names() {
    let entry = "---\n{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: wild, namespace: default}, spec: {hosts: ['*.wild.test'], resolution: NONE, ports: [{number: 443, name: tls, protocol: TLS}]}}\n";
    let a = routes("a", 20, &format!("hosts: ['*.wild.test'], {}", tls("sniHosts: [a.wild.test]", "one")));
    let b = routes("b", 21, &format!("hosts: ['*.wild.test'], {}", tls("sniHosts: ['*.wild.test']", "two")));
    let c = routes("c", 22, &format!("hosts: ['*.wild.test'], {}", tls("sniHosts: [c.wild.test]", "three")));
    check(
        &client(),
        &[entry.to_owned(), a, b, c],
        &[
            ("10.1.1.1:443", Tls("a.wild.test"), "outbound|443||one"),
            ("10.1.1.1:443", Tls("b.wild.test"), "outbound|443||two"),
            ("10.1.1.1:443", Tls("c.wild.test"), "outbound|443||three"),
            ("10.1.1.1:443", Tls("wild.test"), "PassthroughCluster"),
        ],
    );
}

#[test]
fn a_route_for_one_name_leaves_the_other_hosts_of_its_object_as_they_are() {
    let entry = |age: u8, name: &str| {
        format!(
            "---\n{{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {{name: {name}, namespace: default, creationTimestamp: '20{age}-01-01T00:00:00Z'}}, spec: {{hosts: [{name}.wide.test], resolution: DNS, ports: [{{number: 443, name: tls, protocol: TLS}}]}}}}\n"
        )
    };
    let expected = [
        ("10.1.1.1:443", Tls("a.wide.test"), "outbound|443||two"),
        ("10.1.1.1:443", Tls("b.wide.test"), "outbound|443||b.wide.test"),
        ("10.1.1.1:443", Tls("c.wide.test"), "PassthroughCluster"),
    ];
    for hosts in ["'*.wide.test'", "a.wide.test, b.wide.test"] {
        let star =
            routes("star", 20, &format!("hosts: [{hosts}], {}", tls("sniHosts: [a.wide.test]", "two")));
        for (a, b) in [(20, 21), (21, 20)] {
            check(&client(), &[entry(a, "a"), entry(b, "b"), star.clone()], &expected);
        }
    }
}

#[test]
fn the_oldest_of_two_objects_takes_what_both_name() {
    let a = routes("a", 21, &format!("hosts: [one], {}", tcp("", "two")));
    let b = routes("b", 20, &format!("hosts: [one], {}", tcp("", "three")));
    check(&client(), &[a, b], &[("10.96.0.1:9000", Bytes, "outbound|9000||three")]);
    let a = routes("a", 21, &format!("hosts: [wiki.test], {}", tls("sniHosts: [wiki.test]", "two")));
    let b = routes("b", 20, &format!("hosts: [wiki.test], {}", tls("sniHosts: [wiki.test]", "three")));
    check(&client(), &[a, b], &[("10.1.1.1:443", Tls("wiki.test"), "outbound|443||three")]);
}

#[test]
fn an_older_wildcard_object_does_not_switch_off_an_exact_one() {
    let exact = routes("exact", 21, &format!("hosts: [one], {}", tcp("", "two")));
    for rules in [http("three"), tcp("", "three")] {
        let wild = routes("wild", 20, &format!("hosts: ['*.default.svc.cluster.local'], {rules}"));
        check(&client(), &[exact.clone(), wild], &[("10.96.0.1:9000", Bytes, "outbound|9000||two")]);
    }
    let wild = routes(
        "wild",
        20,
        &format!("hosts: ['*.default.svc.cluster.local'], {}", tcp("port: 9001", "three")),
    );
    check(
        &client(),
        &[exact, wild],
        &[("10.96.0.1:9000", Bytes, "outbound|9000||two"), ("10.96.0.2:9001", Bytes, "outbound|9000||three")],
    );
}

#[test]
fn one_object_may_have_routes_of_all_sorts() {
    let all =
        [http("two"), tls("sniHosts: [one.default.svc.cluster.local]", "three"), tcp("port: 9001", "two")];
    let spec = format!("hosts: [one, one.default.svc.cluster.local], {}", all.join(", "));
    check(
        &client(),
        &[routes("all", 20, &spec)],
        &[
            ("10.96.0.1:80", Http, "rds 80"),
            ("10.96.0.1:443", Tls("one.default.svc.cluster.local"), "outbound|443||three"),
            ("10.96.0.1:9000", Bytes, "outbound|9000||one"),
            ("10.96.0.1:9001", Bytes, "outbound|9000||two"),
            ("10.96.0.1:7000", Bytes, "outbound|7000||one"),
            ("10.96.0.1:7000", Http, "rds one:7000"),
        ],
    );
}

#[test]
fn tcp_routes_take_no_tls_ports() {
    let spec = format!("hosts: [one, api.test, wiki.test], {}", tcp("", "two"));
    check(
        &client(),
        &[routes("tcp", 20, &spec)],
        &[
            ("10.96.0.1:9000", Bytes, "outbound|9000||two"),
            ("10.96.0.1:7000", Bytes, "outbound|9000||two"),
            ("10.96.0.1:443", Tls("a"), "outbound|443||one"),
            ("10.70.0.1:443", Tls("api.test"), "outbound|443||api.test"),
            ("10.70.0.1:444", Tls("api.test"), "outbound|444||api.test"),
            ("10.1.1.1:443", Tls("wiki.test"), "outbound|443||wiki.test"),
            ("10.1.1.1:443", Tls("stranger.test"), "PassthroughCluster"),
        ],
    );
}

#[test]
fn tls_routes_take_no_tcp_ports() {
    let host = "one.default.svc.cluster.local";
    let spec = format!("hosts: [{host}], {}", tls(&format!("sniHosts: [{host}]"), "two"));
    check(
        &client(),
        &[routes("tls", 20, &spec)],
        &[("10.96.0.1:9000", Bytes, "outbound|9000||one"), ("10.96.0.1:7000", Bytes, "outbound|7000||one")],
    );
}

#[test]
fn conditions_on_the_client_hold_beside_gateways() {
    let own = "sniHosts: [wiki.test], gateways: [mesh]";
    let taken = [("10.1.1.1:443", Tls("wiki.test"), "outbound|443||two")];
    let left = [("10.1.1.1:443", Tls("wiki.test"), "outbound|443||wiki.test")];
    for (condition, expected) in [
        ("sourceLabels: {app: a}", left),
        ("sourceLabels: {app: client}", taken),
        ("sourceNamespace: other", left),
        ("sourceNamespace: default", taken),
        ("sourceNamespace: default, sourceLabels: {app: a}", left),
        ("port: 443", taken),
        ("port: 444", left),
    ] {
        let spec = format!("hosts: [wiki.test], {}", tls(&format!("{own}, {condition}"), "two"));
        check(&client(), &[routes("v", 20, &spec)], &expected);
    }
    for (condition, target) in [
        ("gateways: [mesh], sourceLabels: {app: a}", "outbound|9000||one"),
        ("gateways: [mesh], sourceLabels: {app: client}", "outbound|9000||two"),
        ("gateways: [gw], sourceLabels: {app: client}", "outbound|9000||one"),
        ("gateways: [mesh], sourceNamespace: other", "outbound|9000||one"),
    ] {
        let spec = format!("hosts: [one], gateways: [mesh, gw], {}", tcp(condition, "two"));
        check(&client(), &[routes("v", 20, &spec)], &[("10.96.0.1:9000", Bytes, target)]);
    }
}

#[test]
fn an_older_object_for_other_clients_does_not_hide_a_newer_one() {
    let old = routes("old", 20, &format!("hosts: [one], {}", tcp("sourceLabels: {app: a}", "two")));
    let new = routes("new", 21, &format!("hosts: [one], {}", tcp("", "three")));
    check(&client(), &[old, new], &[("10.96.0.1:9000", Bytes, "outbound|9000||three")]);
}

#[test]
fn subnets_of_several_objects_are_told_apart() {
    let a = routes("a", 20, &format!("hosts: [one], {}", tcp("destinationSubnets: [10.96.0.0/16]", "two")));
    let b = routes("b", 21, &format!("hosts: [one], {}", tcp("destinationSubnets: [10.97.0.0/16]", "two")));
    let c = routes("c", 22, &format!("hosts: [one], {}", tcp("", "three")));
    check(&client(), &[a, b.clone(), c.clone()], &[("10.96.0.1:9000", Bytes, "outbound|9000||two")]);
    check(&client(), &[b, c], &[("10.96.0.1:9000", Bytes, "outbound|9000||three")]);
}

/// Gateways with one server each, as name, protocol (TLS is passed on, or terminated as `SIMPLE`), port and hosts.
fn gateways(servers: &[(&str, &str, u16, &str)]) -> String {
    let server = |(name, protocol, port, hosts): &(&str, &str, u16, &str)| {
        let (protocol, tls) = match *protocol {
            "TLS" => ("TLS", "tls: {mode: PASSTHROUGH}, "),
            "SIMPLE" => ("TLS", "tls: {mode: SIMPLE, serverCertificate: /c, privateKey: /k}, "),
            other => (other, ""),
        };
        format!(
            "---\n{{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {{name: {name}, namespace: default}}, spec: {{selector: {{istio: ingressgateway}}, servers: [{{port: {{number: {port}, name: p, protocol: {protocol}}}, {tls}hosts: [{hosts}]}}]}}}}\n"
        )
    };
    servers.iter().map(server).collect()
}

#[test]
fn a_passthrough_server_has_the_routes_of_all_its_objects() {
    let servers = gateways(&[("gw", "TLS", 8443, "'*.test'")]);
    let a =
        routes("a", 20, &format!("hosts: [a.test], gateways: [gw], {}", tls("sniHosts: [a.test]", "one")));
    let b =
        routes("b", 21, &format!("hosts: [b.test], gateways: [gw], {}", tls("sniHosts: [b.test]", "two")));
    let wild = routes(
        "w",
        19,
        &format!("hosts: ['*.test'], gateways: [gw], {}", tls("sniHosts: ['*.test']", "three")),
    );
    let h = routes("h", 18, &format!("hosts: [a.test], gateways: [gw], {}", http("three")));
    check(
        &gateway("default"),
        &[servers, a, b, wild, h],
        &[
            ("10.9.9.9:8443", Tls("a.test"), "outbound|443||one"),
            ("10.9.9.9:8443", Tls("b.test"), "outbound|443||two"),
            ("10.9.9.9:8443", Tls("c.test"), "outbound|443||three"),
            ("10.9.9.9:8443", Tls("stranger"), "closed"),
        ],
    );
}

#[test]
fn bytes_within_tls_that_is_terminated_go_by_the_tcp_routes_of_their_server() {
    let servers = gateways(&[("gw-a", "SIMPLE", 8443, "a.test"), ("gw-b", "SIMPLE", 8443, "b.test")]);
    let v = |name: &str, age: u8, gateway: &str, condition: &str, service: &str| {
        routes(name, age, &format!("hosts: ['*'], gateways: [{gateway}], {}", tcp(condition, service)))
    };
    check(
        &gateway("default"),
        &[
            servers,
            v("a", 20, "gw-a", "port: 8443", "one"),
            v("subnet", 21, "gw-b", "destinationSubnets: [10.8.0.0/16]", "three"),
            v("b", 22, "gw-b", "", "two"),
        ],
        &[
            ("10.9.9.9:8443", Tls("a.test"), "outbound|9000||one"),
            ("10.9.9.9:8443", Tls("b.test"), "outbound|9000||two"),
            ("10.8.9.9:8443", Tls("b.test"), "outbound|9000||three"),
            ("10.9.9.9:8443", Tls("c.test"), "closed"),
        ],
    );
}

#[test]
fn a_server_that_terminates_tls_keeps_its_names() {
    let servers = gateways(&[("a-wide", "TLS", 8443, "'*'"), ("gw", "SIMPLE", 8443, "a.test")]);
    let wide = "hosts: ['*'], gateways: [a-wide], ";
    check(
        &gateway("default"),
        &[
            servers,
            routes("wide", 20, &format!("{wide}{}", tls("sniHosts: [a.test, b.test]", "one"))),
            routes("own", 21, &format!("hosts: [a.test], gateways: [gw], {}", tcp("", "two"))),
        ],
        &[
            ("10.9.9.9:8443", Tls("a.test"), "outbound|9000||two"),
            ("10.9.9.9:8443", Tls("b.test"), "outbound|443||one"),
        ],
    );
}

#[test]
fn conditions_are_judged_for_each_server_of_a_port() {
    let service = "---\n{apiVersion: v1, kind: Service, metadata: {name: ingress, namespace: default}, spec: {clusterIP: 10.96.0.9, selector: {istio: ingressgateway}, ports: [{name: tls-a, port: 443, targetPort: 8443}, {name: tls-b, port: 444, targetPort: 8443}]}}\n";
    let servers = gateways(&[("gw-a", "TLS", 443, "a.test"), ("gw-b", "TLS", 444, "b.test")]);
    let names = "sniHosts: [a.test, b.test]";
    let rule = |condition: &str, service: &str| {
        format!("{{match: [{{{names}, {condition}}}], {}}}", to(service, 443))
    };
    for (a, b) in [("gateways: [gw-a]", "gateways: [gw-b]"), ("port: 443", "port: 444")] {
        let spec = format!(
            "hosts: [a.test, b.test], gateways: [gw-a, gw-b], tls: [{}, {}]",
            rule(a, "one"),
            rule(b, "two")
        );
        check(
            &gateway("default"),
            &[service.to_owned(), servers.clone(), routes("v", 20, &spec)],
            &[
                ("10.9.9.9:8443", Tls("a.test"), "outbound|443||one"),
                ("10.9.9.9:8443", Tls("b.test"), "outbound|443||two"),
            ],
        );
    }
}

#[test]
fn conditions_on_the_client_are_held_against_the_gateway_itself() {
    let servers = gateways(&[("gw", "TCP", 9000, "'*'")]);
    let other = routes("other", 21, &format!("hosts: ['*'], gateways: [gw], {}", tcp("", "three")));
    for (condition, target) in [
        ("sourceLabels: {istio: ingressgateway}", "outbound|9000||two"),
        ("sourceLabels: {app: a}", "outbound|9000||three"),
        ("gateways: [gw], sourceLabels: {app: a}", "outbound|9000||three"),
        ("gateways: [gw], sourceNamespace: other", "outbound|9000||three"),
        ("gateways: [gw], sourceNamespace: default", "outbound|9000||two"),
    ] {
        let one = routes("one", 20, &format!("hosts: ['*'], gateways: [gw], {}", tcp(condition, "two")));
        check(
            &gateway("default"),
            &[servers.clone(), one, other.clone()],
            &[("10.9.9.9:9000", Bytes, target)],
        );
    }
}

#[test]
fn an_object_takes_the_names_of_a_server_that_are_for_its_namespace_only() {
    let servers = gateways(&[("gw", "TLS", 8443, "default/a.test, other/b.test")]);
    let spec = "hosts: [a.test, b.test], gateways: [gw], ";
    let v = routes("v", 20, &format!("{spec}{}", tls("sniHosts: [a.test, b.test]", "one")));
    check(
        &gateway("default"),
        &[servers, v],
        &[("10.9.9.9:8443", Tls("a.test"), "outbound|443||one"), ("10.9.9.9:8443", Tls("b.test"), "closed")],
    );
}
