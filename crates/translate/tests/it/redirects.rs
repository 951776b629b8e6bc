//! Redirects: what Envoy is to write into the location.

use fairlead_resource::TypeUrl;
use serde_json::{Value, json};

use crate::{
    json_walk::items,
    mesh::{Mesh, gateway, sidecar},
};

/// The redirects of a table of a gateway with plaintext servers on 80 and 8080 and HTTPS servers on 443 and 8443: each
/// with the port that it spells out, and how many conditions on the authority it has.
fn check(redirect: &str, table: &str, expected: &[(Value, usize)]) {
    let mut mesh = Mesh::of(&format!(
        "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: g, namespace: default}}
spec:
  selector: {{istio: ingressgateway}}
  servers:
  - {{port: {{number: 80, name: http, protocol: HTTP}}, hosts: ['*']}}
  - {{port: {{number: 8080, name: http-alt, protocol: HTTP}}, hosts: ['*']}}
  - {{port: {{number: 443, name: https, protocol: HTTPS}}, hosts: ['*.a.test'], tls: {{mode: SIMPLE, credentialName: c}}}}
  - {{port: {{number: 8443, name: https-alt, protocol: HTTPS}}, hosts: ['*.a.test'], tls: {{mode: SIMPLE, credentialName: c}}}}
---
{{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {{name: v, namespace: default}}, spec: {{hosts: [x.a.test], gateways: [g], http: [{{redirect: {redirect}}}]}}}}
"
    ));
    let table = mesh.resource(&gateway("default"), TypeUrl::ROUTE_CONFIGURATION, table);
    assert_eq!(ports(&table), expected, "{redirect}");
}

fn ports(table: &Value) -> Vec<(Value, usize)> {
    let routes = items(&table["virtual_hosts"][0]["routes"]).iter();
    routes
        .map(|route| (route["redirect"]["port_redirect"].clone(), items(&route["match"]["headers"]).len()))
        .collect()
}

const HTTP: &str = "http.80";
const HTTP_ALT: &str = "http.8080";
const HTTPS: &str = "https.443.https.g.default";
const HTTPS_ALT: &str = "https.8443.https-alt.g.default";

#[test]
fn the_port_that_the_scheme_implies_is_not_spelled_out() {
    let none = || (Value::Null, 0);
    for (redirect, table) in [
        ("{derivePort: FROM_REQUEST_PORT}", HTTP),
        ("{derivePort: FROM_REQUEST_PORT}", HTTPS),
        ("{derivePort: FROM_PROTOCOL_DEFAULT, scheme: https}", HTTP_ALT),
        ("{scheme: https}", HTTP),
        ("{uri: /x}", HTTPS_ALT),
        ("{scheme: https, port: 443, authority: b.test}", HTTP),
        ("{port: 443, authority: b.test}", HTTPS_ALT),
        ("{port: 80, authority: b.test}", HTTP_ALT),
    ] {
        check(redirect, table, &[none()]);
    }
}

#[test]
fn other_ports_are_spelled_out() {
    for (redirect, table, port) in [
        ("{derivePort: FROM_REQUEST_PORT}", HTTP_ALT, 8080),
        ("{derivePort: FROM_REQUEST_PORT}", HTTPS_ALT, 8443),
        ("{derivePort: FROM_REQUEST_PORT, scheme: https}", HTTP, 80),
        ("{derivePort: FROM_REQUEST_PORT, scheme: http}", HTTPS, 443),
        ("{port: 80}", HTTPS, 80),
        ("{port: 443}", HTTP, 443),
        ("{scheme: http, port: 443}", HTTPS, 443),
    ] {
        check(redirect, table, &[(json!(port), 0)]);
    }
}

#[test]
fn a_port_that_is_written_replaces_that_of_the_host_even_if_the_scheme_implies_it() {
    for (redirect, table, port) in [
        ("{scheme: https, port: 443}", HTTP, 443),
        ("{port: 443}", HTTPS_ALT, 443),
        ("{port: 80}", HTTP_ALT, 80),
        ("{scheme: http, port: 80}", HTTPS, 80),
    ] {
        check(redirect, table, &[(json!(port), 2), (Value::Null, 0)]);
    }
}

#[test]
fn sidecars_redirect_as_plaintext_listeners_do() {
    let mut mesh = Mesh::of(
        "
{apiVersion: v1, kind: Service, metadata: {name: a, namespace: web}, spec: {clusterIP: 10.96.0.1, ports: [{name: http, port: 80}, {name: http-alt, port: 443}]}}
---
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: v, namespace: web}, spec: {hosts: [a], http: [{redirect: {derivePort: FROM_REQUEST_PORT}}]}}
",
    );
    let client = sidecar("client", "web", "10.0.0.1");
    for (table, port) in [("80", Value::Null), ("443", json!(443))] {
        let table = mesh.resource(&client, TypeUrl::ROUTE_CONFIGURATION, table);
        assert_eq!(ports(&table), [(port, 0)]);
    }
}
