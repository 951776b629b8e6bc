use serde_json::{Value, json};

use super::{Shown, cluster, configuration::Configuration, endpoint, listener, route, secret};

/// A dump as Fairlead's server answers it, of one resource of each type.
fn dump() -> Value {
    let istio = |kind: &str, name: &str| {
        json!({ "filter_metadata": { "istio": {
            "config": format!("/apis/networking.istio.io/v1/namespaces/shop/{kind}/{name}"),
        } } })
    };
    let cluster = json!({
        "name": "outbound|80|v1|cart.shop.svc.cluster.local",
        "type": "EDS",
        "outlier_detection": {},
        "metadata": { "filter_metadata": { "istio": {
            "config": "/apis/networking.istio.io/v1/namespaces/shop/destination-rule/cart",
            "services": [{ "host": "cart.shop.svc.cluster.local", "name": "cart", "namespace": "shop" }],
        } } },
    });
    let assignment = json!({
        "cluster_name": "outbound|80|v1|cart.shop.svc.cluster.local",
        "endpoints": [{ "lb_endpoints": [
            { "endpoint": { "address": { "socket_address": { "address": "10.0.0.1", "port_value": 8080 } } } },
            { "endpoint": { "address": { "socket_address": { "address": "10.0.0.2", "port_value": 8080 } } },
              "health_status": "DRAINING" },
        ] }],
    });
    let listener = json!({
        "name": "0.0.0.0_80",
        "address": { "socket_address": { "address": "0.0.0.0", "port_value": 80 } },
        "filter_chains": [{
            "filter_chain_match": { "transport_protocol": "raw_buffer", "application_protocols": ["http/1.1", "h2c"] },
            "filters": [{ "name": "hcm", "typed_config": { "rds": { "route_config_name": "80" } } }],
        }],
        "default_filter_chain": {
            "filters": [{ "name": "tcp", "typed_config": { "cluster": "PassthroughCluster" } }],
        },
    });
    let table = json!({
        "name": "80",
        "virtual_hosts": [{
            "name": "cart.shop.svc.cluster.local:80",
            "domains": ["cart", "cart.shop", "cart.shop.svc"],
            "routes": [{
                "match": { "prefix": "/", "headers": [{ "name": "x-user" }] },
                "route": { "weighted_clusters": { "clusters": [
                    { "name": "a", "weight": 90 }, { "name": "b", "weight": 10 },
                ] } },
                "metadata": istio("virtual-service", "cart"),
            }],
        }],
    });
    let secret = json!({
        "name": "kubernetes://cart",
        "tls_certificate": { "private_key": { "inline_bytes": "[redacted]" } },
    });
    let wrapped = |resource: Value| json!([{ "name": "", "version": "1", "resource": resource }]);
    json!({
        "proxy": "sidecar~10.0.0.9~web.shop~shop.svc.cluster.local",
        "revision": 7,
        "resources": {
            "CDS": wrapped(cluster), "EDS": wrapped(assignment), "LDS": wrapped(listener), "RDS": wrapped(table),
            "SDS": wrapped(secret),
        },
        "sources": {
            "DestinationRule shop/cart": "rules.yaml:3",
            "Service shop/cart": "cart.yaml:1",
            "VirtualService shop/cart": "routes.yaml:9",
        },
    })
}

fn configuration() -> Configuration {
    Configuration::of_json(dump()).expect("a dump")
}

fn check<C: Shown>(choice: &C, expected: &[&[&str]]) {
    let table = choice.table(&configuration());
    assert_eq!(table.rows(), expected);
}

#[test]
fn a_cluster_shows_its_parts_its_rule_and_where_both_come_from() {
    check(
        &cluster::Choice::default(),
        &[&[
            "cart.shop.svc.cluster.local",
            "80",
            "v1",
            "outbound",
            "EDS",
            "cart.shop",
            "shop/cart rules.yaml:3, shop/cart cart.yaml:1",
        ]],
    );
}

#[test]
fn an_endpoint_shows_its_health_and_its_cluster() {
    let cluster = "outbound|80|v1|cart.shop.svc.cluster.local";
    let source = "shop/cart cart.yaml:1";
    check(
        &endpoint::Choice::default(),
        &[
            &["10.0.0.1:8080", "HEALTHY", "on", cluster, source],
            &["10.0.0.2:8080", "DRAINING", "on", cluster, source],
        ],
    );
}

#[test]
fn a_listener_shows_each_chain_with_its_conditions() {
    check(
        &listener::Choice::default(),
        &[
            &["0.0.0.0", "80", "Trans: raw_buffer; App: http/1.1,h2c", "Route: 80", "-"],
            &["0.0.0.0", "80", "ALL", "Cluster: PassthroughCluster", "-"],
        ],
    );
}

#[test]
fn a_route_shows_its_conditions_and_weights() {
    check(
        &route::Choice::default(),
        &[&[
            "80",
            "cart.shop.svc.cluster.local:80",
            "cart + 2 more...",
            "/* headers x-user",
            "a (90), b (10)",
            "cart.shop",
            "shop/cart routes.yaml:9",
        ]],
    );
}

#[test]
fn a_secret_shows_no_content() {
    check(&secret::Choice::default(), &[&["kubernetes://cart", "Cert Chain", "-", "-", "-", "-", "-"]]);
}

#[test]
fn the_dump_of_an_envoy_is_read_too() {
    let dump = json!({ "configs": [
        { "@type": "x/envoy.admin.v3.ClustersConfigDump",
          "dynamic_active_clusters": [{ "cluster": { "name": "PassthroughCluster", "type": "ORIGINAL_DST" } }] },
        { "@type": "x/envoy.admin.v3.ListenersConfigDump",
          "dynamic_listeners": [{ "name": "l", "active_state": { "listener": { "name": "l" } } }] },
    ] });
    let configuration = Configuration::of_json(dump).expect("a dump");
    let rows = cluster::Choice::default().table(&configuration);
    assert_eq!(rows.rows(), [["PassthroughCluster", "-", "-", "-", "ORIGINAL_DST", "-", "-"]]);
    assert_eq!(configuration.of("LDS").count(), 1);
}

#[test]
fn something_else_is_refused() {
    assert!(Configuration::of_json(json!({ "hello": 1 })).is_err());
}
