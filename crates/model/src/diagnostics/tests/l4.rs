//! Findings about TLS and TCP routes.

use super::*;

/// A service of each sort, a Gateway of each sort.
const PORTS: &str = "
---
{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: e, namespace: shop}, spec: {hosts: [e.test], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}, {number: 443, name: tls, protocol: TLS}, {number: 9000, name: tcp, protocol: TCP}, {number: 9001, name: tcp-b, protocol: TCP}]}}
---
{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: pass, namespace: shop}, spec: {selector: {istio: gw}, servers: [{port: {number: 443, name: p, protocol: TLS}, tls: {mode: PASSTHROUGH}, hosts: ['*.test']}]}}
---
{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: bytes, namespace: shop}, spec: {selector: {istio: gw}, servers: [{port: {number: 9000, name: b, protocol: TCP}, hosts: ['*']}]}}
";

fn routes(name: &str, day: u8, spec: &str) -> String {
    object("VirtualService", name, day, spec)
}

fn tls(rest: &str) -> String {
    format!(
        "tls: [{{match: [{{{rest}}}], route: [{{destination: {{host: e.test, port: {{number: 443}}}}}}]}}]"
    )
}

fn tcp(rest: &str) -> String {
    format!("tcp: [{{{rest}route: [{{destination: {{host: e.test, port: {{number: 9000}}}}}}]}}]")
}

fn check_routes(specs: &[&str], expected: &[&str]) {
    let names = ["v", "w", "x"];
    let objects = specs.iter().zip(names).zip(1..).map(|((spec, name), day)| routes(name, day, spec));
    let objects: Vec<String> = std::iter::once(PORTS.to_owned()).chain(objects).collect();
    check(&objects, expected);
}

#[test]
fn routes_that_no_port_is_for_are_told() {
    check_routes(&[&format!("hosts: [db], {}", tls("sniHosts: [db]"))], &["W protocol-mismatch v spec.tls"]);
    check_routes(&[&format!("hosts: [a], {}", tcp(""))], &["W protocol-mismatch v spec.tcp"]);
    let both = format!("hosts: [e.test], {}, {}", tls("sniHosts: [e.test]"), tcp(""));
    check_routes(&[&both], &[]);
    let port = format!("hosts: [e.test], {}", tls("port: 9000, sniHosts: [e.test]"));
    check_routes(&[&port], &["W protocol-mismatch v spec.tls[0].match[0]"]);
    let port = format!("hosts: [e.test], {}", tcp("match: [{port: 443}, {port: 9001}], "));
    check_routes(&[&port], &["W protocol-mismatch v spec.tcp[0].match[0]"]);
}

#[test]
fn routes_that_no_server_is_for_are_told() {
    let spec = |gateway: &str, rules: &str| format!("hosts: [e.test], gateways: [{gateway}], {rules}");
    let names = tls("sniHosts: [e.test]");
    check_routes(&[&spec("pass", &names)], &[]);
    check_routes(&[&spec("bytes", &names)], &["W protocol-mismatch v spec.tls"]);
    check_routes(&[&spec("bytes", &tcp(""))], &[]);
    check_routes(&[&spec("pass", &tcp(""))], &["W protocol-mismatch v spec.tcp"]);
    check_routes(&[&spec("pass, bytes", &format!("{names}, {}", tcp("")))], &[]);
    let http = "http: [{route: [{destination: {host: e.test, port: {number: 80}}}]}]";
    check_routes(&[&spec("pass, bytes", http)], &["W protocol-mismatch v spec.http"]);
    check_routes(&[&spec("pass, mesh", http)], &[]);
    let one = tcp("match: [{gateways: [pass]}], ");
    check_routes(&[&spec("pass, bytes", &one)], &["W protocol-mismatch v spec.tcp[0].match[0]"]);
}

#[test]
fn routes_for_hosts_that_are_no_service_are_told() {
    check_routes(&[&format!("hosts: [ghost.test], {}", tcp(""))], &["W unknown-host v spec.hosts[0]"]);
    let names = tls("sniHosts: [e.test, www.e.test]");
    check_routes(&[&format!("hosts: [e.test, www.e.test], {names}")], &[]);
}

#[test]
fn routes_of_several_objects_are_no_conflict() {
    let host = "hosts: [e.test], ";
    let http = format!("{host}http: [{{route: [{{destination: {{host: e.test, port: {{number: 80}}}}}}]}}]");
    check_routes(
        &[&http, &format!("{host}{}", tls("sniHosts: [e.test]")), &format!("{host}{}", tcp(""))],
        &[],
    );
    let (a, b) = (tcp("match: [{port: 9000}], "), tcp("match: [{port: 9001}], "));
    check_routes(&[&format!("{host}{a}"), &format!("{host}{b}")], &[]);
    let some = tcp("match: [{sourceLabels: {app: a}}], ");
    check_routes(&[&format!("{host}{some}"), &format!("{host}{}", tcp(""))], &[]);
    let some = tls("sourceNamespace: other, sniHosts: [e.test]");
    check_routes(&[&format!("{host}{some}"), &format!("{host}{}", tls("sniHosts: [e.test]"))], &[]);
}

#[test]
fn routes_whose_connections_an_older_object_takes_are_told() {
    let host = "hosts: [e.test], ";
    check_routes(
        &[&format!("{host}{}", tcp("")), &format!("{host}{}", tcp("match: [{port: 9001}], "))],
        &["W shadowed-route w spec.tcp[0].match[0]"],
    );
    check_routes(
        &[&format!("{host}{}", tcp("match: [{port: 9001}, {port: 9000}], ")), &format!("{host}{}", tcp(""))],
        &["W shadowed-route w spec.tcp[0]"],
    );
    check_routes(
        &[
            &format!("{host}{}", tls("sniHosts: [e.test]")),
            &format!("{host}{}", tls("port: 443, sourceLabels: {app: a}, sniHosts: [e.test]")),
        ],
        &["W shadowed-route w spec.tls[0].match[0].sniHosts[0]"],
    );
    let subnets =
        |list: &str| format!("{host}{}", tcp(&format!("match: [{{destinationSubnets: [{list}]}}], ")));
    check_routes(&[&subnets("10.0.0.0/8, 10.1.0.0/16"), &subnets("10.2.0.0/16")], &[]);
    check_routes(
        &[&subnets("10.0.0.0/8, 10.1.0.0/16"), &subnets("10.1.0.0/16")],
        &["W shadowed-route w spec.tcp[0].match[0]"],
    );
}

#[test]
fn routes_that_an_earlier_one_of_the_object_leaves_nothing_are_told() {
    let rule = "{route: [{destination: {host: e.test, port: {number: 9000}}}]}";
    check_routes(&[&format!("hosts: [e.test], tcp: [{rule}, {rule}]")], &["W shadowed-route v spec.tcp[1]"]);
}

#[test]
fn names_of_a_passthrough_server_that_an_older_object_takes_are_told() {
    let wide = format!("hosts: ['*.test'], gateways: [pass], {}", tls("sniHosts: [e.test, f.test]"));
    let own = format!("hosts: [e.test], gateways: [pass], {}", tls("sniHosts: [e.test]"));
    check_routes(&[&wide, &own], &["W shadowed-route w spec.tls[0].match[0].sniHosts[0]"]);
    check_routes(&[&own, &wide], &["W shadowed-route w spec.tls[0].match[0].sniHosts[0]"]);
    let both = object(
        "Gateway",
        "both",
        1,
        "selector: {istio: other}, servers: [{port: {number: 443, name: p, protocol: TLS}, tls: {mode: PASSTHROUGH}, hosts: ['*.test']}, {port: {number: 443, name: h, protocol: HTTPS}, tls: {mode: SIMPLE, serverCertificate: /c, privateKey: /k}, hosts: [e.test]}]",
    );
    let spec = format!("hosts: ['*.test'], gateways: [both], {}", tls("sniHosts: [e.test, f.test]"));
    check(
        &[PORTS.to_owned(), both, routes("v", 1, &spec)],
        &["W shadowed-route v spec.tls[0].match[0].sniHosts[0]"],
    );
    let bytes = format!("hosts: [x.test], gateways: [bytes], {}", tcp(""));
    let other = format!("hosts: [y.test], gateways: [bytes], {}", tcp(""));
    check_routes(&[&bytes, &other], &["W shadowed-route w spec.tcp[0]"]);
}

/// So many texts in a list, `{}` standing for a number of two bytes.
fn list(number: u32, text: impl Fn(u32, u32) -> String) -> String {
    (0..number).map(|at| text(at / 256, at % 256)).collect::<Vec<_>>().join(", ")
}

#[test]
fn ranges_that_are_too_many_for_the_names_of_a_port_are_told() {
    let names = |number| {
        let hosts = list(number, |a, b| format!("n{a}-{b}.test"));
        object(
            "ServiceEntry",
            "names",
            1,
            &format!("hosts: [{hosts}], resolution: DNS, ports: [{{number: 443, name: tls, protocol: TLS}}]"),
        )
    };
    let subnets = |number| {
        let subnets = list(number, |a, b| format!("10.{a}.{b}.0/24"));
        routes(
            "v",
            2,
            &format!(
                "hosts: [e.test], {}",
                tls(&format!("sniHosts: [e.test], destinationSubnets: [{subnets}]"))
            ),
        )
    };
    let told = ["W too-many-ranges v spec.tls"];
    check(&[PORTS.to_owned(), names(512), subnets(128)], &[]);
    check(&[PORTS.to_owned(), names(512), subnets(129)], &told);
    let entry = |number| {
        let addresses = list(number, |a, b| format!("10.{a}.{b}.0/24"));
        let spec = format!(
            "hosts: [r.test], resolution: NONE, addresses: [{addresses}], ports: [{{number: 443, name: tls, protocol: TLS}}]"
        );
        object("ServiceEntry", "ranges", 2, &spec)
    };
    check(&[names(512), entry(128)], &[]);
    check(&[names(512), entry(129)], &["W too-many-ranges ranges spec.addresses"]);
}

#[test]
fn ranges_that_are_too_many_for_the_names_of_a_gateway_are_told() {
    let hosts = list(512, |a, b| format!("n{a}-{b}.org"));
    let gateway = object(
        "Gateway",
        "names",
        1,
        &format!(
            "selector: {{istio: gw}}, servers: [{{port: {{number: 443, name: https, protocol: HTTPS}}, tls: {{mode: SIMPLE, serverCertificate: /c, privateKey: /k}}, hosts: [{hosts}]}}]"
        ),
    );
    let subnets = |number| {
        let subnets = list(number, |a, b| format!("10.{a}.{b}.0/24"));
        let rules = tls(&format!("sniHosts: [e.test], destinationSubnets: [{subnets}]"));
        routes("v", 2, &format!("hosts: [e.test], gateways: [pass], {rules}"))
    };
    check(&[PORTS.to_owned(), gateway.clone(), subnets(128)], &[]);
    check(&[PORTS.to_owned(), gateway, subnets(129)], &["W too-many-ranges v spec.tls"]);
}

#[test]
fn names_whose_tls_another_gateway_terminates_are_told() {
    let other = |selector: &str, port: u16| {
        object(
            "Gateway",
            "other",
            3,
            &format!(
                "selector: {{{selector}}}, servers: [{{port: {{number: {port}, name: https, protocol: HTTPS}}, tls: {{mode: SIMPLE, serverCertificate: /c, privateKey: /k}}, hosts: [e.test]}}]"
            ),
        )
    };
    let routes = routes(
        "v",
        2,
        &format!("hosts: ['*.test'], gateways: [pass], {}", tls("sniHosts: [a.test, e.test]")),
    );
    let told = ["W shadowed-route v spec.tls[0].match[0].sniHosts[1]"];
    let check_with = |selector: &str, port: u16, expected: &[&str]| {
        check(&[PORTS.to_owned(), other(selector, port), routes.clone()], expected);
    };
    check_with("istio: gw", 443, &told);
    check_with("", 443, &told);
    check_with("istio: gw", 444, &[]);
    check_with("istio: other", 443, &[]);
}
