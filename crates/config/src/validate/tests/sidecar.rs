use super::{accept, check, object};

#[track_caller]
fn spec(spec: &str, code: &str, path: &str, says: &str) {
    check(&object("Sidecar", spec), code, path, says);
}

#[track_caller]
fn egress(listener: &str, code: &str, path: &str, says: &str) {
    spec(&format!("{{egress: [{{{listener}}}]}}"), code, &format!("spec.egress[0]{path}"), says);
}

#[track_caller]
fn ingress(listener: &str, code: &str, path: &str, says: &str) {
    spec(&format!("{{ingress: [{{{listener}}}]}}"), code, &format!("spec.ingress[0]{path}"), says);
}

#[test]
fn egress_is_checked() {
    spec("{}", "empty-value", "spec", "has no settings");
    egress("hosts: []", "empty-value", ".hosts", "~/*");
    egress("hosts: [a.b]", "bad-host", ".hosts[0]", "./a.b for this namespace");
    egress("hosts: [A/a.b]", "bad-host", ".hosts[0]", "not a namespace");
    egress("hosts: [./a_b]", "bad-host", ".hosts[0]", "only letters");
    egress("hosts: [~/a_b]", "bad-host", ".hosts[0]", "only letters");
    egress("hosts: [./*], bind: \"unix:///a\"", "bad-listener", ".bind", "needs `port`");
    let socket = |port: u16| {
        format!("{{hosts: [./*], bind: \"unix:///a\", port: {{number: {port}, protocol: HTTP, name: a}}}}")
    };
    let twice = format!("{{egress: [{}, {}]}}", socket(1), socket(2));
    spec(&twice, "duplicate-port", "spec.egress[1]", "same port and address");
    egress(
        "hosts: [./*], port: {number: 1, protocol: TCP, name: a}, bind: \"::ffff:1.2.3.4\"",
        "bad-address",
        ".bind",
        "write 1.2.3.4",
    );
    let long = "s".repeat(107);
    egress(
        &format!("hosts: [./*], port: {{number: 1, protocol: TCP, name: a}}, bind: \"unix:///{long}\""),
        "bad-address",
        ".bind",
        "107 bytes",
    );
    egress("hosts: [./*], port: {number: 0, protocol: TCP}", "bad-port", ".port.number", "0");
    egress("hosts: [./*], port: {protocol: TCP, name: a}", "bad-port", ".port", "no number");
    egress("hosts: [./*], port: {number: 1, protocol: X}", "unknown-protocol", ".port.protocol", "TCP");
    egress(
        "hosts: [./*], port: {number: 1, protocol: TCP}, bind: \"unix:///a\", captureMode: IPTABLES",
        "bad-listener",
        ".captureMode",
        "NONE or DEFAULT",
    );
    spec(
        "{egress: [{hosts: [./*]}, {hosts: [./*], port: {number: 1}}]}",
        "bad-listener",
        "spec.egress[0]",
        "move it to the end",
    );
    spec(
        "{egress: [{hosts: [./*], port: {number: 1}}, {hosts: [a/*], port: {number: 1}}]}",
        "duplicate-port",
        "spec.egress[1]",
        "merge",
    );
    accept(&object("Sidecar", "{egress: [{hosts: [./*, \"*/a.b\", istio-system/*, \"~ns/*\"]}]}"));
    accept(&object(
        "Sidecar",
        "{egress: [{hosts: [\"~/*\"]}], outboundTrafficPolicy: {mode: REGISTRY_ONLY}}",
    ));
}

#[test]
fn egress_that_istio_documents_is_accepted() {
    for listener in [
        "hosts: [./*, ~/a.example.com, \"~/*.example.com\", \"~./a\", \"~*/a\"]",
        "hosts: [./*], bind: 127.0.0.1",
        "hosts: [./*], bind: \"unix:///a\", port: {number: 0, protocol: HTTP, name: a}",
        "hosts: [./*], bind: \"unix://@a\", port: {number: 0, protocol: HTTP_PROXY}, captureMode: NONE",
        "hosts: [./*], port: {number: 1, protocol: \"\"}",
        "hosts: [./*], port: {number: 1, protocol: HTTP_PROXY}, bind: \"::1\"",
    ] {
        accept(&object("Sidecar", &format!("{{egress: [{{{listener}}}]}}")));
    }
}

#[test]
fn ingress_is_checked() {
    ingress("port: {protocol: HTTP}", "bad-port", ".port", "no number");
    ingress("port: {number: 1}, bind: a", "bad-address", ".bind", "a");
    ingress(
        "port: {number: 1}, defaultEndpoint: \"10.0.0.1:80\"",
        "bad-listener",
        ".defaultEndpoint",
        "127.0.0.1:port",
    );
    ingress(
        "port: {number: 1}, defaultEndpoint: \"127.0.0.1:x\"",
        "bad-listener",
        ".defaultEndpoint",
        "127.0.0.1:x",
    );
    spec(
        "{ingress: [{port: {number: 1}}, {port: {number: 1}}]}",
        "duplicate-port",
        "spec.ingress[1].port",
        "remove one",
    );
    spec(
        &format!(
            "{{ingress: [{{port: {{number: 1, protocol: HTTP, name: a}}, defaultEndpoint: \"unix:///{}\"}}]}}",
            "s".repeat(107)
        ),
        "bad-address",
        "spec.ingress[0].defaultEndpoint",
        "107 bytes",
    );
    for endpoint in ["127.0.0.1:80", "0.0.0.0:80", "[::1]:80", "unix:///a/b", "unix://@a"] {
        accept(&object(
            "Sidecar",
            &format!(
                "{{ingress: [{{port: {{number: 1, protocol: HTTP, name: a}}, defaultEndpoint: \"{endpoint}\"}}]}}"
            ),
        ));
    }
}
