use super::is_server_name;
use crate::decode_file;

/// The findings about an object that is used nevertheless: `code path`.
#[track_caller]
fn check(kind: &str, spec: &str, expected: &[&str]) {
    let text = format!(
        "{{apiVersion: networking.istio.io/v1, kind: {kind}, metadata: {{name: a, namespace: shop}}, spec: {{{spec}}}}}"
    );
    let decoded = decode_file("f.yaml", text.as_bytes());
    let found = decoded.diagnostics.iter().map(|found| format!("{} {}", found.code.name(), found.path));
    assert_eq!(found.collect::<Vec<_>>(), expected, "{spec}");
    assert_eq!((decoded.objects.len(), decoded.rejected.len(), decoded.partial.len()), (1, 0, 0), "{spec}");
    assert!(decoded.diagnostics.iter().all(|found| found.position.is_some()), "{spec}");
}

#[test]
fn the_first_fault_that_costs_a_route_is_the_only_one_told_of_it() {
    let check = |route: &str, expected: &[&str]| {
        check("VirtualService", &format!("hosts: [a], http: [{route}]"), expected);
    };
    let headers = "headers: {request: {set: {x: '%'}}}";
    check(
        &format!(
            "{{match: [{{method: {{regex: ''}}}}], rewrite: {{uri: \"/\\n\"}}, route: [{{destination: {{host: b}}}}], {headers}}}"
        ),
        &["bad-match spec.http[0].match[0].method.regex", "bad-match spec.http[0].match"],
    );
    check(
        &format!("{{rewrite: {{uri: \"/\\n\"}}, route: [{{destination: {{host: b}}}}], {headers}}}"),
        &["bad-rewrite spec.http[0].rewrite.uri"],
    );
    check(
        &format!(
            "{{route: [{{destination: {{host: b}}, weight: 1, {headers}}}, {{destination: {{host: c}}, weight: 0, {headers}}}]}}"
        ),
        &["bad-header-value spec.http[0].route[0].headers.request.set[x]"],
    );
    check(&format!("{{delegate: {{name: b}}, {headers}}}"), &["not-translated spec.http[0].delegate"]);
    check(
        "{fault: {abort: {http2Error: x, percentage: {value: 1}}}, redirect: {uri: /}}",
        &["not-translated spec.http[0].fault.abort.http2Error", "bad-fault spec.http[0].fault.abort"],
    );
}

#[test]
fn a_gateway_has_no_server_for_udp_and_no_tls_host_that_is_a_part_of_a_label() {
    let server = |port: &str, rest: &str| {
        format!("selector: {{a: b}}, servers: [{{port: {{number: 1, name: a, {port}}}, {rest}}}]")
    };
    check(
        "Gateway",
        &server("protocol: UDP", "hosts: [a]"),
        &["unknown-protocol spec.servers[0].port.protocol"],
    );
    let passed = "tls: {mode: PASSTHROUGH}, hosts: ['./*-a.test', b.test]";
    check("Gateway", &server("protocol: TLS", passed), &["bad-host spec.servers[0].hosts[0]"]);
    check("Gateway", &server("protocol: HTTP", "hosts: ['./*-a.test']"), &[]);
}

#[test]
fn a_host_of_a_service_entry_that_is_a_part_of_a_label_has_no_tls_ports() {
    let entry = |protocol: &str| {
        format!(
            "hosts: [a.test, '*-b.test'], location: MESH_EXTERNAL, resolution: NONE, ports: [{{number: 443, name: a, protocol: {protocol}}}]"
        )
    };
    check("ServiceEntry", &entry("HTTPS"), &["bad-host spec.hosts[1]"]);
    check("ServiceEntry", &entry("HTTP"), &[]);
}

#[test]
fn a_star_of_a_server_name_stands_for_whole_labels() {
    for (host, expected) in
        [("a.test", true), ("*.a.test", true), ("*", true), ("*a.test", false), ("*-a.test", false)]
    {
        assert_eq!(is_server_name(host), expected, "{host}");
    }
}
