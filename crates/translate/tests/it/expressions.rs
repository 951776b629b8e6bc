//! Expressions that an Envoy takes only if its bootstrap, or the expression itself, says so.

use fairlead_model::proxy::ProxyKey;
use fairlead_resource::TypeUrl;
use serde_json::{Value, json};

use crate::{
    json_walk::items,
    mesh::{Mesh, gateway, sidecar},
};

const LARGE: &str = "/static/[a-zA-Z0-9._-]{0,60}";

fn mesh(rule: &str) -> Mesh {
    Mesh::of(&format!(
        "
apiVersion: v1
kind: Service
metadata: {{name: one, namespace: default}}
spec: {{clusterIP: 10.96.0.1, ports: [{{name: http, port: 80}}]}}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: gw, namespace: default}}
spec:
  selector: {{istio: ingressgateway}}
  servers: [{{port: {{number: 80, name: http, protocol: HTTP}}, hosts: ['*']}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: v, namespace: default}}
spec:
  hosts: [one.default.svc.cluster.local]
  gateways: [gw, mesh]
  http: [{{{rule}, route: [{{destination: {{host: one}}}}]}}]
"
    ))
}

/// The first route with a condition that `proxy` has for the VirtualService.
fn route(mesh: &mut Mesh, proxy: &ProxyKey, table: &str) -> Value {
    let table = mesh.resource(proxy, TypeUrl::ROUTE_CONFIGURATION, table);
    let mut hosts = items(&table["virtual_hosts"]).iter();
    let host = hosts.find(|host| host["name"] == "one.default.svc.cluster.local:80").expect("the host");
    host["routes"][0].clone()
}

fn with_a_bootstrap_of_its_own(proxy: &ProxyKey) -> ProxyKey {
    ProxyKey { takes_large_expressions: false, ..proxy.clone() }
}

/// Envoy's own limit is a hundred instructions; the whole host was refused for one more.
#[test]
fn a_large_expression_says_so_to_an_envoy_with_a_bootstrap_of_its_own() {
    let sized = json!({ "regex": LARGE, "google_re2": { "max_program_size": 32_768 } });
    let proxies = [(sidecar("client", "default", "10.0.0.1"), "80"), (gateway("default"), "http.80")];
    let places = [
        (format!("match: [{{uri: {{regex: '{LARGE}'}}}}]"), "/match/safe_regex"),
        (
            format!("match: [{{headers: {{x: {{regex: '{LARGE}'}}}}}}]"),
            "/match/headers/0/string_match/safe_regex",
        ),
        (
            format!("match: [{{withoutHeaders: {{x: {{regex: '{LARGE}'}}}}}}]"),
            "/match/headers/0/string_match/safe_regex",
        ),
        (
            format!("match: [{{queryParams: {{x: {{regex: '{LARGE}'}}}}}}]"),
            "/match/query_parameters/0/string_match/safe_regex",
        ),
        (format!("match: [{{authority: {{regex: '{LARGE}'}}}}]"), "/match/headers/0/string_match/safe_regex"),
        (
            format!("rewrite: {{uriRegexRewrite: {{match: '{LARGE}', rewrite: /}}}}"),
            "/route/regex_rewrite/pattern",
        ),
        (
            format!("corsPolicy: {{allowOrigins: [{{regex: '{LARGE}'}}]}}"),
            "/typed_per_filter_config/envoy.filters.http.cors/allow_origin_string_match/0/safe_regex",
        ),
    ];
    for (rule, place) in places {
        let mut mesh = mesh(&rule);
        for (proxy, table) in &proxies {
            let plain = route(&mut mesh, proxy, table);
            assert_eq!(plain.pointer(place), Some(&json!({ "regex": LARGE })), "{rule}: {plain}");
            let other = route(&mut mesh, &with_a_bootstrap_of_its_own(proxy), table);
            assert_eq!(other.pointer(place), Some(&sized), "{rule}: {other}");
        }
    }
}

#[test]
fn small_expressions_are_the_same_for_all() {
    let mut mesh = mesh("match: [{uri: {regex: '/a/[^/]+/b'}}]");
    for (proxy, table) in [(sidecar("client", "default", "10.0.0.1"), "80"), (gateway("default"), "http.80")]
    {
        let other = with_a_bootstrap_of_its_own(&proxy);
        assert_eq!(route(&mut mesh, &proxy, table), route(&mut mesh, &other, table));
    }
}
