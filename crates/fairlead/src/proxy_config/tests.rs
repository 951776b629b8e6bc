use serde_json::{Value, json};

use super::{
    cluster,
    configuration::{Configuration, name_of},
    endpoint, listener, route, secret,
    shown::Shown,
};

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
    let wrapped = |resource: Value, origins: Value, parts: Value| json!([{ "name": "", "version": "1", "resource": resource, "origins": origins, "parts": parts }]);
    let origin = |kind: &str, field: &str, source: &str| json!({ "kind": kind, "namespace": "shop", "object": "cart", "field": field, "source": source });
    let part = |name: &str, origin: Value| json!({ "name": name, "origins": [origin] });
    let service = origin("Service", "spec.ports[0]", "cart.yaml:7:5");
    let subset = origin("DestinationRule", "spec.subsets[0]", "rules.yaml:9:5");
    let both = json!([service, subset]);
    let slice = |at: &str| origin("EndpointSlice", at, "cart.yaml:22:5");
    json!({
        "proxy": "sidecar~10.0.0.9~web.shop~shop.svc.cluster.local",
        "revision": 7,
        "resources": {
            "CDS": wrapped(cluster, both.clone(), json!([])),
            "EDS": wrapped(assignment, both, json!([
                part("10.0.0.1:8080", slice("endpoints[0]")), part("10.0.0.2:8080", slice("endpoints[1]")),
            ])),
            "LDS": wrapped(listener, json!([service]), json!([
                part("", service.clone()), { "name": "", "origins": [] },
            ])),
            "RDS": wrapped(table, json!([]), json!([
                part("cart.shop.svc.cluster.local:80", origin("VirtualService", "spec.http[0]", "routes.yaml:9:5")),
            ])),
            "SDS": wrapped(secret, json!([origin("Secret", "data[tls.crt]", "")]), json!([])),
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
            "shop/cart spec.ports[0] cart.yaml:7:5, shop/cart spec.subsets[0] rules.yaml:9:5",
            "-",
        ]],
    );
}

#[test]
fn an_endpoint_shows_the_health_that_is_configured_and_says_so() {
    let cluster = "outbound|80|v1|cart.shop.svc.cluster.local";
    check(
        &endpoint::Choice::default(),
        &[
            &["10.0.0.1:8080", "HEALTHY", "on", cluster, "shop/cart endpoints[0] cart.yaml:22:5"],
            &["10.0.0.2:8080", "DRAINING", "on", cluster, "shop/cart endpoints[1] cart.yaml:22:5"],
        ],
    );
    let text = endpoint::Choice::default().table(&configuration()).render(true);
    assert!(text.starts_with("ENDPOINT        CONFIGURED HEALTH   OUTLIER DETECTION"), "{text}");
}

#[test]
fn an_endpoint_shows_the_state_that_envoy_tells() {
    let host = |address: &str, health: Value| {
        json!({
            "address": { "socket_address": { "address": address, "port_value": 8080 } }, "health_status": health,
        })
    };
    let clusters = json!({ "cluster_statuses": [{
        "name": "outbound|80|v1|cart.shop.svc.cluster.local",
        "host_statuses": [
            host("10.0.0.10", json!({ "eds_health_status": "HEALTHY" })),
            host("10.0.0.2", json!({ "eds_health_status": "HEALTHY", "failed_outlier_check": true })),
            host("10.0.0.3", json!({ "eds_health_status": "DRAINING" })),
            host("10.0.0.4", json!({ "failed_active_health_check": true })),
        ],
    }] });
    let mut configuration = configuration();
    configuration.states_of_endpoints(&clusters);
    let table = endpoint::Choice::default().table(&configuration);
    let cells: Vec<_> = table.rows().iter().map(|row| [&*row[0], &*row[1], &*row[2], &*row[4]]).collect();
    let source = "shop/cart spec.ports[0] cart.yaml:7:5, shop/cart spec.subsets[0] rules.yaml:9:5";
    assert_eq!(
        cells,
        [
            ["10.0.0.2:8080", "UNHEALTHY", "FAILED", "shop/cart endpoints[1] cart.yaml:22:5"],
            ["10.0.0.3:8080", "DRAINING", "OK", source],
            ["10.0.0.4:8080", "UNHEALTHY", "OK", source],
            ["10.0.0.10:8080", "HEALTHY", "OK", source],
        ]
    );
    assert!(table.render(true).starts_with("ENDPOINT         STATE       OUTLIER CHECK"));
    let alone = Configuration::of_json(clusters).expect("what /clusters says");
    assert_eq!(endpoint::Choice::default().table(&alone).rows().len(), 4);
    assert_eq!(endpoint::Choice::default().data(&alone).len(), 1);
}

#[test]
fn a_listener_shows_each_chain_with_its_conditions() {
    check(
        &listener::Choice::default(),
        &[
            &[
                "0.0.0.0",
                "80",
                "Trans: raw_buffer; App: http/1.1,h2c",
                "Route: 80",
                "shop/cart spec.ports[0] cart.yaml:7:5",
                "-",
            ],
            &["0.0.0.0", "80", "ALL", "Cluster: PassthroughCluster", "Fairlead", "-"],
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
            "shop/cart spec.http[0] routes.yaml:9:5",
            "-",
        ]],
    );
}

#[test]
fn a_secret_shows_no_content() {
    check(
        &secret::Choice::default(),
        &[&["kubernetes://cart", "Cert Chain", "-", "-", "-", "-", "shop/cart data[tls.crt]", "-"]],
    );
}

fn table_of<C: Shown>(choice: &C, dump: Value, columns: &[usize]) -> Vec<String> {
    let table = choice.table(&Configuration::of_json(dump).expect("a dump"));
    let row = |row: &Vec<String>| columns.iter().map(|column| &*row[*column]).collect::<Vec<_>>().join(" ");
    table.rows().iter().map(row).collect()
}

#[test]
fn a_secret_shows_the_validity_of_its_certificate() {
    let authority = fairlead_testkit::certs::Ca::new("test").expect("an authority").certificate();
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &authority);
    let table = |secret: Value, columns: &[usize]| {
        let entry = json!({ "name": "s", "secret": secret });
        let part = json!({ "@type": "SecretsConfigDump", "dynamic_active_secrets": [entry] });
        table_of(&secret::Choice::default(), json!({ "configs": [part] }), columns)
    };
    for secret in [
        json!({ "tls_certificate": { "certificate_chain": { "inline_string": authority } } }),
        json!({ "validation_context": { "trusted_ca": { "inline_bytes": encoded } } }),
    ] {
        // What rcgen issues by default.
        let expected = ["true 4096-01-01T00:00:00Z 1975-01-01T00:00:00Z"];
        assert_eq!(table(secret.clone(), &[2, 4, 5]), expected);
        assert_ne!(table(secret, &[3]), ["-"]);
    }
    for text in ["", "[redacted]", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"] {
        let secret = json!({ "tls_certificate": { "certificate_chain": { "inline_string": text } } });
        assert_eq!(table(secret, &[2, 3, 4, 5]), ["- - - -"], "{text}");
    }
}

#[test]
fn what_the_proxy_has_rejected_is_marked() {
    let mut dump = dump();
    let second = json!({ "name": "v1", "filter_chain_match": {}, "filters": [] });
    dump["resources"]["LDS"][0]["resource"]["filter_chains"].as_array_mut().expect("chains").push(second);
    let held_back = |name: &str| json!([{ "resource": name, "version": "1", "objects": [] }]);
    dump["heldBack"] = json!({
        "CDS": held_back("outbound|80|v1|cart.shop.svc.cluster.local"),
        "FCDS": held_back("0.0.0.0_80/v1"),
        "VHDS": held_back("80/cart.shop.svc.cluster.local:80"),
        "SDS": held_back("kubernetes://cart"),
    });
    assert_eq!(table_of(&cluster::Choice::default(), dump.clone(), &[7]), ["rejected"]);
    assert_eq!(table_of(&listener::Choice::default(), dump.clone(), &[5]), ["-", "rejected", "-"]);
    assert_eq!(table_of(&route::Choice::default(), dump.clone(), &[7]), ["rejected"]);
    assert_eq!(table_of(&secret::Choice::default(), dump.clone(), &[7]), ["rejected"]);
    dump["heldBack"] = json!({ "LDS": held_back("0.0.0.0_80") });
    assert_eq!(table_of(&listener::Choice::default(), dump, &[5]), ["rejected"; 3]);
}

#[test]
fn hosts_without_routes_and_tables_without_hosts_are_listed() {
    let mut dump = dump();
    let wrapped = |resource: Value| json!({ "name": "", "version": "1", "resource": resource });
    let tables = dump["resources"]["RDS"].as_array_mut().expect("tables");
    tables[0]["resource"]["virtual_hosts"].as_array_mut().expect("hosts").extend([
        json!({ "name": "b:10", "domains": ["b"], "require_tls": "ALL" }),
        // The name that it has as a resource of its own.
        json!({ "name": "80/b:9", "domains": ["*"] }),
    ]);
    tables.insert(0, wrapped(json!({ "name": "8080" })));
    assert_eq!(
        table_of(&route::Choice::default(), dump, &[0, 1, 3, 4]),
        [
            "80 b:9 /* response 404",
            "80 b:10 /* without TLS redirect to https",
            "80 b:10 /* response 404",
            "80 cart.shop.svc.cluster.local:80 /* headers x-user a (90), b (10)",
            "8080 - /* response 404",
        ]
    );
}

#[test]
fn rows_are_in_the_order_of_names_with_numbers_as_numbers() {
    let wrapped = |resource: Value| json!({ "name": "", "version": "1", "resource": resource });
    let named =
        |names: &[&str]| -> Value { names.iter().map(|name| wrapped(json!({ "name": name }))).collect() };
    let listener = |name: &str, port: u16| {
        let address = json!({ "socket_address": { "address": "0.0.0.0", "port_value": port } });
        wrapped(json!({ "name": name, "address": address, "default_filter_chain": { "name": name } }))
    };
    let dump = json!({ "resources": {
        "CDS": named(&["outbound|8080||a", "outbound|80||b", "outbound|80||a", "outbound|15006||a", "inbound|80||"]),
        "LDS": [listener("c", 15006), listener("a", 8080), listener("p10", 80), listener("p9", 80)],
        "RDS": named(&["8080", "80", "15006", "http.9"]),
        "SDS": named(&["kubernetes://s10", "kubernetes://s9"]),
    } });
    let clusters = table_of(&cluster::Choice::default(), dump.clone(), &[0, 1]);
    assert_eq!(clusters, ["- 80", "a 80", "a 8080", "a 15006", "b 80"]);
    assert_eq!(table_of(&listener::Choice::default(), dump.clone(), &[1]), ["80", "80", "8080", "15006"]);
    assert_eq!(table_of(&route::Choice::default(), dump.clone(), &[0]), ["80", "8080", "15006", "http.9"]);
    assert_eq!(
        table_of(&secret::Choice::default(), dump.clone(), &[0]),
        ["kubernetes://s9", "kubernetes://s10"]
    );
    let configuration = Configuration::of_json(dump).expect("a dump");
    let whole: Vec<_> = cluster::Choice::default().data(&configuration).into_iter().map(name_of).collect();
    assert_eq!(whole[1..4], ["outbound|80||a", "outbound|80||b", "outbound|8080||a"]);
}

#[test]
fn the_dump_of_an_envoy_is_read_too() {
    let chain = |name: &str| json!({ "name": name, "default_filter_chain": {} });
    let dump = json!({ "configs": [
        { "@type": "x/envoy.admin.v3.ClustersConfigDump",
          "dynamic_active_clusters": [
              { "cluster": { "name": "PassthroughCluster", "type": "ORIGINAL_DST" } },
              { "cluster": { "name": "outbound|80||a.b", "type": "EDS", "metadata": { "filter_metadata": { "istio": {
                  "config": "/apis/networking.istio.io/v1/namespaces/shop/destination-rule/admin-ui.example.com",
                  "services": [{ "host": "a.b", "name": "a", "namespace": "shop" }],
              } } } } },
          ] },
        { "@type": "x/envoy.admin.v3.ListenersConfigDump",
          "dynamic_listeners": [
              { "name": "l", "active_state": { "listener": chain("l") } },
              { "name": "new", "error_state": { "failed_configuration": chain("new"), "details": "no" } },
              { "name": "old", "active_state": { "listener": chain("old") },
                "error_state": { "failed_configuration": chain("old"), "details": "no" } },
              { "name": "w", "warming_state": { "listener": chain("w") } },
          ] },
    ] });
    let configuration = Configuration::of_json(dump).expect("a dump");
    let rows = cluster::Choice::default().table(&configuration);
    let of_rule = ["admin-ui.example.com.shop", "shop/admin-ui.example.com, shop/a", "active"];
    let [passthrough, named] = rows.rows() else { panic!("{:?}", rows.rows()) };
    assert_eq!(*passthrough, ["PassthroughCluster", "-", "-", "-", "ORIGINAL_DST", "-", "-", "active"]);
    assert_eq!(named[5..], of_rule);
    let listeners = listener::Choice::default().table(&configuration);
    let states: Vec<_> = listeners.rows().iter().map(|row| &*row[5]).collect();
    assert_eq!(states, ["active", "rejected", "update rejected", "warming"]);
    let whole: Vec<_> = listener::Choice::default().data(&configuration).into_iter().map(name_of).collect();
    assert_eq!(whole, ["l", "old", "w"], "what was rejected is not in use");
}

#[test]
fn something_else_is_refused() {
    assert!(Configuration::of_json(json!({ "hello": 1 })).is_err());
}
