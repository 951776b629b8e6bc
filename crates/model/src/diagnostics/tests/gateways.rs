//! Findings about servers of Gateways that meet.

use super::*;

fn gateway(name: &str, day: u8, selector: &str, servers: &str) -> String {
    object("Gateway", name, day, &format!("selector: {{{selector}}}, servers: [{servers}]"))
}

fn tcp(port: u16) -> String {
    format!("{{port: {{number: {port}, name: tcp-{port}, protocol: TCP}}, hosts: ['*']}}")
}

fn http(port: u16) -> String {
    format!("{{port: {{number: {port}, name: http-{port}, protocol: HTTP}}, hosts: ['*.org']}}")
}

fn passthrough(port: u16, host: &str) -> String {
    format!(
        "{{port: {{number: {port}, name: tls-{port}, protocol: TLS}}, tls: {{mode: PASSTHROUGH}}, hosts: [{host}]}}"
    )
}

fn simple(port: u16, hosts: &str) -> String {
    format!(
        "{{port: {{number: {port}, name: https-{port}, protocol: HTTPS}}, tls: {{mode: SIMPLE, serverCertificate: /c, privateKey: /k}}, hosts: [{hosts}]}}"
    )
}

fn service(name: &str, selector: &str, ports: &str) -> String {
    let ports = ports.split(' ').enumerate().map(|(at, port)| {
        let (number, target) = port.split_once(':').unwrap();
        format!("{{name: tcp-{at}, port: {number}, targetPort: {target}}}")
    });
    format!(
        "---\n{{apiVersion: v1, kind: Service, metadata: {{name: {name}, namespace: edge}}, spec: {{clusterIP: 10.0.9.1, selector: {{{selector}}}, ports: [{}]}}}}\n",
        ports.collect::<Vec<_>>().join(", ")
    )
}

const OLD_AND_NEW: [&str; 2] =
    ["E conflicting-server new spec.servers[0]", "I conflicting-server old spec.servers[0]"];
const BY_SERVICE: [&str; 2] =
    ["W conflicting-server new spec.servers[0]", "I conflicting-server old spec.servers[0]"];

#[test]
fn both_gateways_are_told_where_servers_share_a_port() {
    let own = |name, day, server: &str| gateway(name, day, "istio: shared", server);
    let tls = passthrough(443, "a.com");
    check(&[own("old", 1, &http(90)), own("new", 2, &tcp(90))], &OLD_AND_NEW);
    check(&[own("old", 1, &tcp(443)), own("new", 2, &tls)], &OLD_AND_NEW);
    check(&[own("old", 1, &tls), own("new", 2, &tls)], &OLD_AND_NEW);
    let elsewhere = own("new", 2, &tls).replace("namespace: shop", "namespace: other");
    check(&[own("old", 1, &tls), elsewhere], &OLD_AND_NEW);
    check(&[own("old", 1, &tls), own("new", 2, &passthrough(443, "b.com"))], &[]);
}

#[test]
fn servers_of_one_gateway_are_told_once() {
    let both = format!("{}, {}", tcp(90), http(90));
    check(&[gateway("one", 1, "istio: x", &both)], &["E conflicting-server one spec.servers[1]"]);
}

#[test]
fn servers_that_listen_on_every_address_in_two_ways_are_told_on_both() {
    let own = |name, day, server: &str| gateway(name, day, "istio: shared", server);
    let bound = |bind: &str| http(80).replacen('{', &format!("{{bind: '{bind}', "), 1);
    for bind in ["0.0.0.0", "::"] {
        check(&[own("old", 1, &http(80)), own("new", 2, &bound(bind))], &OLD_AND_NEW);
        check(&[own("old", 1, &bound(bind)), own("new", 2, &http(80))], &OLD_AND_NEW);
    }
    check(&[own("old", 1, &bound("0.0.0.0")), own("new", 2, &bound("::"))], &[]);
    check(&[own("old", 1, &http(80)), own("new", 2, &bound("10.9.9.9"))], &[]);
}

#[test]
fn a_host_whose_tls_an_older_gateway_terminates_is_told_on_both() {
    let own = |name, day, server: &str| gateway(name, day, "istio: shared", server);
    let old = own("old", 1, &simple(443, "a.com, b.com"));
    check(&[old.clone(), own("new", 2, &simple(443, "c.com, b.com"))], &OLD_AND_NEW);
    check(&[old.clone(), own("new", 2, &simple(443, "'*.com'"))], &[]);
    check(&[old, own("new", 2, &simple(444, "a.com"))], &[]);
}

#[test]
fn each_pair_of_servers_is_told_once() {
    let one = |name: &str, day| gateway(name, day, "istio: shared", &simple(443, "a.com"));
    let mut gateways = vec![one("first", 1)];
    let mut expected = Vec::new();
    for at in 10..30 {
        gateways.push(one(&format!("g{at}"), at));
        expected.push(format!("E conflicting-server g{at} spec.servers[0]"));
    }
    // Of twenty sixteen are named, and the number of the others.
    expected.splice(0..0, vec!["I conflicting-server first spec.servers[0]".to_owned(); 17]);
    check(&gateways, &expected.iter().map(String::as_str).collect::<Vec<_>>());
    let mut world = World::of(&gateways.concat());
    let all = world.get::<AllDiagnostics>(&());
    let more = |finding: &&fairlead_config::Diagnostic| finding.message.starts_with("4 more servers");
    assert_eq!(all.iter().filter(more).count(), 1, "{all:#?}");
}

#[test]
fn servers_that_meet_at_the_target_port_of_a_service_are_told_on_both() {
    let own = |name, day, server: &str| gateway(name, day, "istio: shared", server);
    let to_one = service("ingress", "istio: shared, app: x", "80:8080 81:8080 82:8082");
    let servers = [own("old", 1, &tcp(80)), own("new", 2, &tcp(81))];
    let check_with =
        |service: &str, expected: &[&str]| check(&[&servers[..], &[service.to_owned()]].concat(), expected);
    check(&servers, &[]);
    check_with(&to_one, &BY_SERVICE);
    // The selector of the Service is the wider one.
    let wider = servers.each_ref().map(|gateway| gateway.replace("istio: shared", "istio: shared, app: x"));
    check(&[&wider[..], &[service("ingress", "istio: shared", "80:8080 81:8080")]].concat(), &BY_SERVICE);
    // Other Pods, and other ports.
    check_with(&service("ingress", "istio: other", "80:8080 81:8080"), &[]);
    check_with(&service("ingress", "istio: shared", "80:8080 81:8081"), &[]);
    for other in [http(81), passthrough(81, "a.com")] {
        check(&[own("old", 1, &tcp(80)), own("new", 2, &other), to_one.clone()], &BY_SERVICE);
    }
    check(&[own("old", 1, &http(80)), own("new", 2, &http(81)), to_one.clone()], &[]);
    // A server at the target port itself.
    check(&[own("old", 1, &tcp(80)), own("new", 2, &tcp(8080)), to_one.clone()], &BY_SERVICE);
    let same = [own("old", 1, &simple(80, "a.com")), own("new", 2, &simple(81, "a.com")), to_one.clone()];
    check(&same, &BY_SERVICE);
    // One Gateway.
    let both = gateway("one", 1, "istio: shared", &format!("{}, {}", tcp(80), tcp(81)));
    check(&[both, to_one], &["W conflicting-server one spec.servers[1]"]);
}

#[test]
fn servers_that_meet_at_a_named_target_port_are_told() {
    let own = |name, day, server: &str| gateway(name, day, "istio: shared", server);
    let pod = "---\n{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: edge, labels: {istio: shared}}, spec: {containers: [{name: c, ports: [{name: main, containerPort: 8080}]}]}, status: {podIP: 10.1.9.1, phase: Running, conditions: [{type: Ready, status: 'True'}]}}\n";
    let by_name = service("ingress", "istio: shared", "80:main 81:8080");
    check(&[own("old", 1, &tcp(80)), own("new", 2, &tcp(81)), by_name, pod.to_owned()], &BY_SERVICE);
}

#[test]
fn gateways_with_different_selectors_meet_at_the_same_pods() {
    let old = gateway("old", 1, "istio: shared", &tcp(90));
    let check_with = |selector: &str, expected: &[&str]| {
        check(&[old.clone(), gateway("new", 2, selector, &tcp(90))], expected);
        let new = |name, day, selector: &str| gateway(name, day, selector, &tcp(90));
        check(&[new("old", 1, selector), new("new", 2, "istio: shared")], expected);
    };
    check_with("istio: shared, app: x", &OLD_AND_NEW);
    check_with("", &OLD_AND_NEW);
    check_with("app: x", &[]);
    check_with("istio: shared, a: a, b: b, c: c, d: d, e: e, f: f", &OLD_AND_NEW);
    let both = [old, gateway("new", 2, "app: x", &tcp(90)), service("s", "istio: shared, app: x", "90:8080")];
    check(&both, &BY_SERVICE);
}

#[test]
fn the_service_that_leads_to_the_port_is_named() {
    let gateway = gateway("g", 1, "istio: shared", &format!("{}, {}", tcp(443), tcp(8443)));
    let (a, b) = (service("a", "istio: shared", "443:443"), service("b", "istio: shared", "443:8443"));
    let mut world = World::of(&[a, b, gateway].concat());
    let all = world.get::<AllDiagnostics>(&());
    let found = all.iter().find(|found| found.code == fairlead_config::Code::ConflictingServer).unwrap();
    assert!(found.message.contains("port 8443 of the Pods of Service edge/b"), "{found}");
}

#[test]
fn gateways_that_share_a_label_do_not_all_look_at_each_other() {
    let many = |number: u32| {
        let one = |at: u32| {
            let selector = if at.is_multiple_of(2) {
                "istio: shared".into()
            } else {
                format!("istio: shared, x: v{at}")
            };
            gateway(&format!("g{at}"), 1, &selector, &passthrough(443, "a.com"))
        };
        let mut world = World::of(&(0..number).map(one).collect::<String>());
        let _all = world.get::<AllDiagnostics>(&());
        world.db.stats().edges()
    };
    let (half, all) = (many(400), many(800));
    assert!(all < half * 5 / 2, "{half} edges of 400, {all} of 800");
}
