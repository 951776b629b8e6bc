use super::{accept, check, object};

const PORTS: &str = "ports: [{number: 443, name: tls, protocol: TLS}]";

#[track_caller]
fn entry(fields: &str, code: &str, path: &str, says: &str) {
    check(&object("ServiceEntry", &format!("{{{fields}}}")), code, path, says);
}

#[track_caller]
fn accept_entry(fields: &str) {
    accept(&object("ServiceEntry", &format!("{{{fields}, {PORTS}}}")));
}

#[track_caller]
fn workload(fields: &str, code: &str, path: &str, says: &str) {
    check(&object("WorkloadEntry", &format!("{{{fields}}}")), code, path, says);
}

#[test]
fn an_address_is_there_once_and_stands_for_one() {
    let addresses = |list: &str, path: &str, says: &str| {
        entry(&format!("hosts: [a.b], addresses: {list}, {PORTS}"), "bad-address", path, says);
    };
    addresses("[10.9.0.1/8, 10.9.0.2/8]", "spec.addresses[1]", "the same range as `10.9.0.1/8`: 10.0.0.0/8");
    addresses("[1.2.3.4/0, 0.0.0.0/0]", "spec.addresses[1]", "0.0.0.0/0");
    addresses("[10.0.0.1, 10.0.0.1/32]", "spec.addresses[1]", "remove one");
    addresses("['fd00::1', 'fd00:0::1/128']", "spec.addresses[1]", "fd00::1/128");
    addresses("[0.0.0.0]", "spec.addresses[0]", "every address");
    addresses("['::']", "spec.addresses[0]", "every address");
    accept_entry("hosts: [a.b], addresses: [10.0.0.0/8, 10.0.0.0/16, 10.0.0.1], resolution: NONE");
}

#[test]
fn hosts_addresses_and_ports_are_checked() {
    entry(&format!("hosts: [], {PORTS}"), "empty-value", "spec.hosts", "no hosts");
    entry(&format!("hosts: [\"*\"], {PORTS}"), "bad-host", "spec.hosts[0]", "*.example.com");
    entry(&format!("hosts: [10.0.0.1], {PORTS}"), "bad-host", "spec.hosts[0]", "number");
    entry(&format!("hosts: [a.b, a.b], {PORTS}"), "duplicate-name", "spec.hosts[1]", "twice");
    entry(
        &format!("hosts: [a.b], addresses: [x], {PORTS}"),
        "bad-address",
        "spec.addresses[0]",
        "10.1.0.0/16",
    );
    entry(
        &format!("hosts: [a.b], addresses: [10.0.0.0/8], resolution: DNS, {PORTS}"),
        "bad-resolution",
        "spec.addresses[0]",
        "single address",
    );
    entry("hosts: [a.b]", "empty-value", "spec.ports", "no ports");
    entry(
        "hosts: [a.b], ports: [{number: 80, name: a}, {number: 80, name: b}]",
        "duplicate-port",
        "spec.ports[1].number",
        "twice",
    );
    entry(
        "hosts: [a.b], ports: [{number: 80, name: a}, {number: 81, name: a}]",
        "duplicate-name",
        "spec.ports[1].name",
        "twice",
    );
    entry(
        "hosts: [a.b], ports: [{number: 80, name: a, protocol: HPPT}]",
        "unknown-protocol",
        "spec.ports[0].protocol",
        "HPPT",
    );
    entry(
        "hosts: [a.b], ports: [{number: 80, name: a, targetPort: 0}]",
        "bad-port",
        "spec.ports[0].targetPort",
        "0",
    );
    accept_entry("hosts: [a.b, \"*.c.d\"], addresses: [10.0.0.0/8, \"::1\"], exportTo: [.]");
}

#[test]
fn resolution_and_endpoints_must_fit() {
    let with = |fields: &str| format!("hosts: [a.b], {fields}, {PORTS}");
    entry(&with("resolution: STATIC"), "bad-resolution", "spec.resolution", "there are none");
    entry(&with("endpoints: [{address: 1.1.1.1}]"), "bad-resolution", "spec.endpoints", "STATIC or DNS");
    entry(
        &with("resolution: STATIC, endpoints: [{address: x.y}]"),
        "bad-resolution",
        "spec.endpoints[0].address",
        "DNS for names",
    );
    entry(
        &with("resolution: DNS_ROUND_ROBIN, endpoints: [{address: x.y}, {address: z.y}]"),
        "bad-resolution",
        "spec.endpoints",
        "one endpoint",
    );
    entry(
        &format!("hosts: [\"*.b\"], resolution: DNS, {PORTS}"),
        "bad-resolution",
        "spec.resolution",
        "cannot be looked up",
    );
    entry(
        &with("resolution: STATIC, endpoints: [{address: 1.1.1.1}], workloadSelector: {labels: {a: b}}"),
        "mutually-exclusive",
        "spec.endpoints",
        "keep one",
    );
    entry(
        &with("resolution: STATIC, endpoints: [{address: 1.1.1.1, ports: {http: 80}}]"),
        "bad-port",
        "spec.endpoints[0].ports[http]",
        "its ports are tls",
    );
    entry(
        &with("resolution: STATIC, endpoints: [{address: \"1.1.1.1:80\"}]"),
        "bad-address",
        "spec.endpoints[0].address",
        "under `ports`",
    );
    entry(
        &with("resolution: DNS, endpoints: [{address: \"unix:///a\"}]"),
        "bad-resolution",
        "spec.endpoints[0].address",
        "STATIC",
    );
    entry(
        &with("resolution: STATIC, endpoints: [{address: \"unix://a\"}]"),
        "bad-address",
        "spec.endpoints[0].address",
        "unix:///run",
    );
    // Envoy rejects the whole assignment for such an endpoint.
    let long = "a".repeat(107);
    for (socket, why) in
        [(&*format!("/{long}"), "107 bytes"), ("/a\\0b", "cannot have"), (&*format!("@{long}"), "107")]
    {
        let endpoint = format!("resolution: STATIC, endpoints: [{{address: \"unix://{socket}\"}}]");
        entry(&with(&endpoint), "bad-address", "spec.endpoints[0].address", why);
    }
    let longest = format!("/{}", &long[1..]);
    accept_entry(&format!(
        "hosts: [a.b], resolution: STATIC, endpoints: [{{address: \"unix://{longest}\"}}]"
    ));
    accept_entry(
        "hosts: [\"*.b\"], resolution: DNS, endpoints: [{address: x.y, ports: {tls: 1}, locality: a/b/c, weight: 5}]",
    );
    entry(&with("exportTo: [\"~\", a]"), "bad-export-to", "spec.exportTo[0]", "no namespace");
    accept_entry("hosts: [a.b], exportTo: [\"~\"]");
    accept_entry(
        "hosts: [a.b], resolution: STATIC, workloadSelector: {labels: {a: b}}, location: MESH_INTERNAL",
    );
    accept_entry("hosts: [a.b], resolution: STATIC, endpoints: [{address: \"unix:///a/b\"}]");
}

#[test]
fn workload_entries_are_checked() {
    workload("weight: 1", "empty-value", "spec", "neither an address");
    workload("address: a_b", "bad-address", "spec.address", "neither an IP");
    workload("address: 1.1.1.1, ports: {http: 0}", "bad-port", "spec.ports[http]", "0");
    workload("address: 1.1.1.1, ports: {a b: 1}", "bad-name", "spec.ports[a b]", "a b");
    workload("address: \"unix:///a\", ports: {a: 1}", "bad-address", "spec.ports", "no ports");
    let long = format!("address: \"unix:///{}\"", "s".repeat(107));
    workload(&long, "bad-address", "spec.address", "107 bytes");
    accept(&object("WorkloadEntry", &format!("{{address: \"unix:///{}\"}}", "s".repeat(106))));
    workload("address: \"unix:///a\\0b\"", "bad-address", "spec.address", "cannot have");
    workload("address: 1.1.1.1, locality: a//b", "bad-locality", "spec.locality", "empty");
    workload("address: 1.1.1.1, locality: a/*", "bad-locality", "spec.locality", "wildcard");
    workload("address: 1.1.1.1, labels: {a: b c}", "bad-label", "spec.labels[a]", "b c");
    accept(&object("WorkloadEntry", "{network: n1, labels: {a: b}, serviceAccount: s}"));
}
