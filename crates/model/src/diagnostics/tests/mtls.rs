//! A DestinationRule and the servers of a gateway that disagree about TLS.

use super::*;

const EGRESS: &str = "---\n{apiVersion: v1, kind: Service, metadata: {name: egress, namespace: shop}, spec: {clusterIP: 10.0.0.7, selector: {istio: egress}, ports: [{name: tls, port: 443, targetPort: 8443}, {name: http, port: 80, targetPort: 8080}]}}\n";

fn gateway(tls: &str) -> String {
    let servers = format!(
        "selector: {{istio: egress}}, servers: [{{port: {{number: 443, name: t, protocol: HTTPS}}, hosts: ['*'], tls: {{{tls}}}}}, {{port: {{number: 80, name: h, protocol: HTTP}}, hosts: ['*']}}]"
    );
    object("Gateway", "egress", 1, &servers)
}

fn conflicts(tls: &str, policy: &str, expected: &[&str]) {
    let objects = [EGRESS.to_owned(), gateway(tls), rule("r", 1, &format!("host: egress, {policy}"))];
    check_of(&objects, expected, |code| code == Code::MtlsConflict);
}

const MUTUAL: &str = "mode: MUTUAL, credentialName: c";
const SIMPLE: &str = "mode: SIMPLE, credentialName: c";

#[test]
fn a_client_that_disables_tls_does_not_fit_a_server_that_asks_for_a_certificate() {
    let of_port = |mode: &str| {
        format!("trafficPolicy: {{portLevelSettings: [{{port: {{number: 443}}, tls: {{mode: {mode}}}}}]}}")
    };
    let path = ["W mtls-conflict r spec.trafficPolicy.portLevelSettings[0].tls.mode"];
    conflicts(MUTUAL, &of_port("DISABLE"), &path);
    conflicts(MUTUAL, &of_port("SIMPLE"), &path);
    conflicts(MUTUAL, &of_port("MUTUAL, credentialName: d"), &[]);
    conflicts(SIMPLE, &of_port("DISABLE"), &path);
    conflicts(SIMPLE, &of_port("SIMPLE"), &[]);
    conflicts("mode: PASSTHROUGH", &of_port("DISABLE"), &[]);
}

#[test]
fn tls_for_every_port_does_not_fit_a_server_of_plaintext() {
    conflicts(
        SIMPLE,
        "trafficPolicy: {tls: {mode: SIMPLE}}",
        &["W mtls-conflict r spec.trafficPolicy.tls.mode"],
    );
    conflicts(
        SIMPLE,
        "trafficPolicy: {tls: {mode: SIMPLE}, portLevelSettings: [{port: {number: 80}, tls: {mode: DISABLE}}]}",
        &[],
    );
    let of_subset = "trafficPolicy: {tls: {mode: SIMPLE}, portLevelSettings: [{port: {number: 80}, tls: {mode: DISABLE}}]}, subsets: [{name: a, trafficPolicy: {portLevelSettings: [{port: {number: 443}, tls: {mode: DISABLE}}]}}]";
    conflicts(
        SIMPLE,
        of_subset,
        &["W mtls-conflict r spec.subsets[0].trafficPolicy.portLevelSettings[0].tls.mode"],
    );
}

#[test]
fn a_rule_that_says_nothing_of_tls_has_no_finding() {
    conflicts(MUTUAL, "trafficPolicy: {loadBalancer: {simple: RANDOM}}", &[]);
}
