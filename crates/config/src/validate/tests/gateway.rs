use super::{accept, check, object};

fn with(servers: &str) -> String {
    object("Gateway", &format!("{{selector: {{istio: ingressgateway}}, servers: [{servers}]}}"))
}

#[track_caller]
fn server(fields: &str, code: &str, path: &str, says: &str) {
    check(&with(&format!("{{{fields}}}")), code, &format!("spec.servers[0]{path}"), says);
}

#[track_caller]
fn tls(fields: &str, code: &str, path: &str, says: &str) {
    let text =
        format!("port: {{number: 443, name: https, protocol: HTTPS}}, hosts: [a.b], tls: {{{fields}}}");
    server(&text, code, &format!(".tls{path}"), says);
}

const HTTP: &str = "port: {number: 80, name: http, protocol: HTTP}";
const HTTPS: &str = "port: {number: 443, name: https, protocol: HTTPS}";

#[test]
fn servers_are_checked() {
    check(&with(""), "empty-value", "spec.servers", "no servers");
    check(
        &object("Gateway", &format!("{{servers: [{{{HTTP}, hosts: [\"*\"]}}]}}")),
        "bad-selector",
        "spec",
        "every gateway",
    );
    check(
        &with(&format!("{{{HTTP}, hosts: [a]}}, {{{HTTP}, hosts: [b]}}")),
        "duplicate-name",
        "spec.servers[1].port.name",
        "rename",
    );
    server(&format!("{HTTP}, hosts: []"), "empty-value", ".hosts", "any host");
    server(&format!("{HTTP}, hosts: [\"a b\"]"), "bad-host", ".hosts[0]", "only letters");
    server(&format!("{HTTP}, hosts: [A_B/a.b]"), "bad-host", ".hosts[0]", "not a namespace");
    server(&format!("{HTTP}, hosts: [a.b], bind: x"), "bad-address", ".bind", "x");
    server(
        "port: {number: 0, name: a, protocol: HTTP}, hosts: [a]",
        "bad-port",
        ".port.number",
        "1 to 65535",
    );
    server(
        "port: {number: 1, name: a, protocol: HTPP}, hosts: [a]",
        "unknown-protocol",
        ".port.protocol",
        "HTTP2",
    );
    server("port: {number: 1, name: \"\", protocol: HTTP}, hosts: [a]", "empty-value", ".port.name", "empty");
    accept(&with(&format!(
        "{{{HTTP}, hosts: [\"*\", \"ns/*.a.b\", ./c, \"*/d\"], tls: {{httpsRedirect: true}}}}"
    )));
    accept(&with("{port: {number: 1, name: a, protocol: http}, hosts: [a]}"));
}

#[test]
fn tls_fits_the_protocol() {
    server(&format!("{HTTPS}, hosts: [a]"), "tls-mismatch", ".tls", "needs `tls`");
    server(
        &format!("{HTTP}, hosts: [a], tls: {{mode: SIMPLE, credentialName: c}}"),
        "tls-mismatch",
        ".tls",
        "protocol: HTTPS",
    );
    server(
        "port: {number: 1, name: a, protocol: TCP}, hosts: [a], tls: {httpsRedirect: true}",
        "no-effect",
        ".tls.httpsRedirect",
        "only HTTP",
    );
    tls("mode: SIMPLE, credentialName: c, httpsRedirect: true", "no-effect", ".httpsRedirect", "already");
}

#[test]
fn certificates_are_checked() {
    tls("mode: SIMPLE", "missing-credential", "", "`credentialName` with the name of a Secret");
    tls("mode: SIMPLE, serverCertificate: /c", "missing-credential", "", "`privateKey` is absent");
    tls("mode: MUTUAL, serverCertificate: /c, privateKey: /k", "missing-credential", "", "caCertificates");
    tls("credentialName: c", "no-effect", "", "write mode: SIMPLE");
    tls(
        "mode: SIMPLE, credentialName: c, serverCertificate: /c",
        "mutually-exclusive",
        ".serverCertificate",
        "keep one",
    );
    tls(
        "mode: SIMPLE, credentialName: c, minProtocolVersion: TLSV1_3, maxProtocolVersion: TLSV1_2",
        "bad-tls",
        ".minProtocolVersion",
        "higher",
    );
    tls("mode: SIMPLE, credentialName: c, cipherSuites: [ROT13]", "bad-tls", ".cipherSuites[0]", "ignored");
    accept(&with(&format!("{{{HTTPS}, hosts: [a], tls: {{mode: MUTUAL, credentialName: c}}}}")));
    accept(&with("{port: {number: 443, name: t, protocol: TLS}, hosts: [a], tls: {mode: PASSTHROUGH}}"));
}

#[test]
fn a_server_may_listen_on_a_unix_socket() {
    for (bind, number) in [("unix:///run/gateway.sock", 0), ("unix://@gateway", 0), ("unix:///a", 80)] {
        let server =
            format!("port: {{number: {number}, name: http, protocol: HTTP}}, bind: '{bind}', hosts: ['*']");
        accept(&object("Gateway", &format!("{{selector: {{a: b}}, servers: [{{{server}}}]}}")));
    }
}
