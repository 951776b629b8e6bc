//! Services, and what several of them have in common: Pods, addresses, ports of the proxy, routes of others.

use super::*;

fn service(name: &str, day: u8, port: &str) -> String {
    format!(
        "---\n{{apiVersion: v1, kind: Service, metadata: {{name: {name}, namespace: shop, creationTimestamp: '2024-01-{day:02}T00:00:00Z'}}, spec: {{clusterIP: 10.0.1.{day}, selector: {{app: x}}, ports: [{port}]}}}}\n"
    )
}

#[test]
fn services_of_the_same_pods_agree_on_the_protocol_of_a_target_port() {
    let old = service("old", 1, "{name: http, port: 80, targetPort: 8080}");
    check(
        &[old.clone(), service("new", 2, "{name: tcp, port: 81, targetPort: 8080}")],
        &["W conflicting-listener new spec.ports[0]"],
    );
    check(&[old.clone(), service("new", 2, "{name: http, port: 81, targetPort: 8080}")], &[]);
    check(&[old, service("new", 2, "{name: tcp, port: 81, targetPort: 8081}")], &[]);
}

#[test]
fn of_many_services_the_oldest_that_says_otherwise_is_told() {
    let port = |name: &str| format!("{{name: {name}, port: 80, targetPort: 8080}}");
    let services = [
        service("first", 1, &port("http")),
        service("second", 2, &port("http")),
        service("third", 3, &port("tcp")),
        service("fourth", 4, &port("tcp")),
        service("fifth", 5, &port("http")),
    ];
    let warnings =
        ["fifth", "fourth", "third"].map(|name| format!("W conflicting-listener {name} spec.ports[0]"));
    check(&services, &warnings.each_ref().map(String::as_str));
    let mut world = World::of(&services.concat());
    let found = world.get::<AllDiagnostics>(&());
    let older = |finding: &fairlead_config::Diagnostic| {
        let object = finding.message.split(" is older").next().unwrap_or_default();
        object.rsplit('/').next().unwrap_or_default().to_owned()
    };
    let found = found.iter().filter(|finding| finding.code == Code::ConflictingListener);
    assert_eq!(found.map(older).collect::<Vec<_>>(), ["third", "first", "first"]);
}

#[test]
fn both_are_told_where_a_virtual_service_routes_what_clients_of_others_send() {
    let routes = |namespace: &str, host: &str, more: &str| {
        let route = "http: [{route: [{destination: {host: a.shop.svc.cluster.local, port: {number: 80}}}]}]";
        object("VirtualService", "v", 1, &format!("hosts: [{host}], {route}{more}"))
            .replace("namespace: shop", &format!("namespace: {namespace}"))
    };
    let told = ["I foreign-routes v spec.hosts[0]", "I foreign-routes a spec"];
    check(&[routes("other", "a.shop.svc.cluster.local", "")], &told);
    check(&[routes("other", "a.shop", "")], &["W unknown-host v spec.hosts[0]"]);
    check(&[routes("other", "a.shop.svc.cluster.local", ", exportTo: [shop]")], &told);
    check(&[routes("other", "a.shop.svc.cluster.local", ", exportTo: [.]")], &[]);
    check(&[routes("shop", "a", "")], &[]);
}

fn entry(name: &str, day: u8, spec: &str) -> String {
    object(
        "ServiceEntry",
        name,
        day,
        &format!("hosts: [{name}.test], resolution: STATIC, endpoints: [{{address: 10.9.0.{day}}}], {spec}"),
    )
}

#[test]
fn the_oldest_service_of_an_address_and_port_has_its_connections() {
    const TCP: &str = "ports: [{number: 90, name: tcp, protocol: TCP}]";
    const TLS: &str = "ports: [{number: 90, name: tls, protocol: TLS}]";
    let old = |rest: &str| entry("old", 1, rest);
    let new = |rest: &str| entry("new", 2, rest);
    let one = format!("addresses: [10.7.0.1], {TCP}");
    let two = format!("addresses: [10.7.0.2, 10.7.0.1], {TCP}");
    check(&[old(&one), new(&two)], &["W conflicting-listener new spec.addresses[1]"]);
    // A range is another range, unless it is equal once masked.
    let range = |range: &str| format!("addresses: [{range}], {TCP}");
    check(
        &[old(&range("10.7.0.1/24")), new(&range("10.7.0.9/24"))],
        &["W conflicting-listener new spec.addresses[0]"],
    );
    check(&[old(&range("10.7.0.1/24")), new(&range("10.7.0.9/25"))], &[]);
    // TLS services are told apart by server names, but not from what is no TLS.
    let tls = format!("addresses: [10.7.0.1], {TLS}");
    check(&[old(&tls), new(&tls)], &[]);
    check(&[old(&one), new(&tls)], &["W conflicting-listener new spec.addresses[0]"]);
    // Without an address, all of a port are meant.
    check(&[old(TCP), new(TCP)], &["W conflicting-listener new spec.ports"]);
    check(&[old(TLS), new(TLS)], &[]);
    check(&[old(TCP), new(&one)], &[]);
    // The address of a Service of Kubernetes.
    let taken = "addresses: [10.0.0.3], ports: [{number: 5432, name: tcp, protocol: TCP}]";
    check(&[new(taken)], &["W conflicting-listener new spec.addresses[0]"]);
    // Nobody sees both.
    check(&[old(&format!("exportTo: [other], {one}")), new(&two)], &[]);
}

#[test]
fn a_service_that_is_older_than_all_ages_has_the_connections() {
    const TCP: &str = "addresses: [10.7.0.1], ports: [{number: 90, name: tcp, protocol: TCP}]";
    let ageless = entry("ageless", 1, TCP).replace(", creationTimestamp: '2024-01-01T00:00:00Z'", "");
    assert!(!ageless.contains("creationTimestamp"));
    check(&[entry("aged", 1, TCP), ageless], &["W conflicting-listener aged spec.addresses[0]"]);
}

#[test]
fn a_target_port_that_is_the_proxys_own_is_told() {
    let to = |port: u16| {
        service("s", 1, &format!("{{name: http, port: 80}}, {{name: tcp, port: 81, targetPort: {port}}}"))
    };
    for port in [15_001, 15_006] {
        check(&[to(port)], &["W reserved-port s spec.ports[1]"]);
    }
    // Where the readiness of gateways is asked for.
    check(&[to(15_021)], &[]);
    let moved = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata: {mesh: 'proxyInboundListenPort: 16006'}\n";
    check(&[to(15_006), moved.into()], &[]);
    check(&[to(16_006), moved.into()], &["W reserved-port s spec.ports[1]"]);
    // Without a selector there are no Pods.
    check(&[to(15_006).replace("selector: {app: x}, ", "")], &[]);
    let entry = "hosts: [e.test], location: MESH_INTERNAL, resolution: STATIC, workloadSelector: {labels: {app: e}}, ports: [{number: 90, name: tcp, protocol: TCP, targetPort: 15006}]";
    check(&[object("ServiceEntry", "e", 1, entry)], &["W reserved-port e spec.ports[0]"]);
}

#[test]
fn a_port_for_http_that_is_the_proxys_own_is_told() {
    for port in [15_001, 15_006, 15_021, 15_090] {
        let named = |name: &str| service("s", 1, &format!("{{name: {name}, port: {port}, targetPort: 80}}"));
        check(&[named("http")], &["I reserved-port s spec.ports[0]"]);
        check(&[named("tcp")], &[]);
    }
}
