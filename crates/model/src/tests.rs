//! What decoding hands on has no value that the front ends do not expect: objects with each field spoilt in turn.

use fairlead_config::{AnyConfig, decode_json};
use serde_json::{Value, json};

use crate::{
    destination_rule, gateway,
    mesh::{Mesh, Settings},
    service::{self, Visibility},
    service_entry, sidecar, virtual_service, workload_entry,
};

/// Values of each type that are wrong in most places.
fn wrong_values() -> Vec<Value> {
    let texts = [
        "", "*", "~", "/", "a/", "/a", "*-a.test", "a:b", "unix://", "%", "\\9", "a\n", "70000", "1/33", "0s",
    ];
    let mut values: Vec<Value> = texts.into_iter().map(Value::from).collect();
    values.push("a".repeat(20_000).into());
    values.extend([
        json!(null),
        json!(true),
        json!(1.5),
        json!([]),
        json!([null]),
        json!({}),
        json!({"a": null}),
    ]);
    values.extend([0, -1, 70_000, 5_000_000_000_i64].map(Value::from));
    values
}

/// The places of all values within `value`, as JSON pointers.
fn places(value: &Value, place: String, all: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| places(value, format!("{place}/{name}"), all));
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, value)| places(value, format!("{place}/{index}"), all));
        }
        _ => {}
    }
    all.push(place);
}

/// Resolves what is left of an object, and tells whether something is.
fn resolve(object: &Value) -> bool {
    let (mesh, public) = (Mesh::new(&Settings::default()), Visibility::Public);
    let objects = decode_json(object.to_string().as_bytes()).objects;
    for object in &objects {
        match object {
            AnyConfig::VirtualService(config) => drop(virtual_service::resolve(config, "a", &public)),
            AnyConfig::DestinationRule(config) => drop(destination_rule::resolve(config, "a", &public)),
            AnyConfig::Gateway(config) => drop(gateway::resolve(config)),
            AnyConfig::Sidecar(config) => drop(sidecar::resolve(config)),
            AnyConfig::ServiceEntry(config) => drop(service_entry::resolve(config, &mesh)),
            AnyConfig::WorkloadEntry(config) => drop(workload_entry::resolve(config)),
            AnyConfig::Service(config) => drop(service::resolve(config, &mesh)),
            other => panic!("{} has no front end", other.key()),
        }
    }
    !objects.is_empty()
}

/// Spoils each field of an object, alone and beside another object of its list.
#[track_caller]
fn check(kind: &str, spec: &Value) {
    let api_version = if kind == "Service" { "v1" } else { "networking.istio.io/v1" };
    let object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}, "spec": spec});
    assert!(resolve(&object), "the object has no error");
    let (mut all, mut left, mut lost) = (Vec::new(), 0, 0);
    places(spec, "/spec".to_owned(), &mut all);
    for place in all {
        for value in wrong_values() {
            let mut object = object.clone();
            *object.pointer_mut(&place).expect("the place is there") = value;
            *if resolve(&object) { &mut left } else { &mut lost } += 1;
        }
    }
    assert!(left > 20 && lost > 50, "{kind}: of {left} objects something is left, {lost} are lost");
}

#[test]
fn no_spoilt_field_of_a_virtual_service_reaches_its_front_end() {
    let to = json!({"host": "b", "subset": "v1", "port": {"number": 80}});
    let text = json!({"exact": "a"});
    let headers = json!({"set": {"x": "1"}, "add": {"y": "2"}, "remove": ["z"]});
    let headers = json!({"request": headers, "response": headers});
    let condition = json!({
        "name": "m", "uri": {"prefix": "/a"}, "scheme": {"regex": "a"}, "method": text, "authority": text,
        "headers": {"h": text}, "withoutHeaders": {"w": {"regex": "a"}}, "queryParams": {"q": {"prefix": "a"}},
        "port": 80, "sourceLabels": {"app": "a"}, "sourceNamespace": "a", "gateways": ["mesh", "a/g"],
    });
    let connection = json!({
        "destinationSubnets": ["10.0.0.0/8", "10.0.0.1"], "port": 80, "sourceLabels": {"app": "a"}, "gateways": ["mesh"],
    });
    let mut tls = connection.clone();
    tls["sniHosts"] = json!(["a", "*.a.test"]);
    let route = json!([{"destination": to, "weight": 1}, {"destination": to, "weight": 2}]);
    check(
        "VirtualService",
        &json!({
            "hosts": ["a", "*.a.test"], "gateways": ["mesh", "g"], "exportTo": ["."],
            "http": [
                {
                    "name": "r", "match": [condition], "timeout": "1s",
                    "route": [{"destination": to, "weight": 1, "headers": headers}, {"destination": to, "weight": 2}],
                    "rewrite": {"authority": "a", "uriRegexRewrite": {"match": "(a)", "rewrite": "\\1"}},
                    "retries": {"attempts": 1, "perTryTimeout": "1s", "retryOn": "5xx", "backoff": "1s"},
                    "fault": {
                        "delay": {"fixedDelay": "1s", "percentage": {"value": 1}},
                        "abort": {"httpStatus": 503, "percentage": {"value": 1}},
                    },
                    "mirrors": [{"destination": to, "percentage": {"value": 1}}],
                    "headers": headers,
                    "corsPolicy": {"allowOrigins": [text], "allowMethods": ["GET"], "allowHeaders": ["a"], "maxAge": "1s"},
                },
                {"redirect": {"uri": "/a", "authority": "a", "scheme": "https", "port": 1, "redirectCode": 302}},
                {"directResponse": {"status": 200, "body": {"bytes": "YQ=="}}},
                {"fault": {"abort": {"grpcStatus": "OK"}}, "mirror": to, "rewrite": {"uri": "/b"}, "route": [{"destination": to}]},
            ],
            "tls": [{"match": [tls], "route": route}],
            "tcp": [{"match": [connection], "route": route}],
        }),
    );
}

#[test]
fn no_spoilt_field_of_a_destination_rule_reaches_its_front_end() {
    let policy = json!({
        "loadBalancer": {"consistentHash": {"httpCookie": {"name": "c", "ttl": "1s"}, "ringHash": {"minimumRingSize": 1}}},
        "connectionPool": {"tcp": {"maxConnections": 1, "connectTimeout": "1s"}, "http": {"maxRetries": 1}},
        "outlierDetection": {"consecutive5xxErrors": 1, "interval": "1s", "maxEjectionPercent": 1},
        "tls": {"mode": "MUTUAL", "clientCertificate": "/c", "privateKey": "/k", "caCertificates": "/a", "sni": "a"},
    });
    let mut of_port = policy.clone();
    of_port["port"] = json!({"number": 80});
    of_port["tls"] = json!({"mode": "MUTUAL", "credentialName": "c", "subjectAltNames": ["a"]});
    let mut both = policy.clone();
    both["portLevelSettings"] = json!([of_port]);
    check(
        "DestinationRule",
        &json!({
            "host": "a", "exportTo": ["."], "workloadSelector": {"matchLabels": {"app": "a"}},
            "trafficPolicy": both,
            "subsets": [{"name": "v1", "labels": {"v": "1"}, "trafficPolicy": policy}, {"name": "v2", "labels": {"v": "2"}}],
        }),
    );
}

#[test]
fn no_spoilt_field_of_a_gateway_reaches_its_front_end() {
    let files = json!({"serverCertificate": "/c", "privateKey": "/k", "caCertificates": "/a"});
    check(
        "Gateway",
        &json!({
            "selector": {"istio": "gw"},
            "servers": [
                {"port": {"number": 80, "name": "a", "protocol": "HTTP"}, "hosts": ["./a", "*"], "tls": {"httpsRedirect": true}},
                {
                    "port": {"number": 443, "name": "b", "protocol": "HTTPS"}, "hosts": ["a/b.test"], "bind": "10.0.0.1",
                    "tls": {"mode": "MUTUAL", "credentialName": "c", "minProtocolVersion": "TLSV1_2", "cipherSuites": ["AES128-SHA"]},
                },
                {
                    "port": {"number": 444, "name": "c", "protocol": "TLS"}, "hosts": ["c.test"],
                    "tls": {"mode": "OPTIONAL_MUTUAL", "tlsCertificates": [files]},
                },
                {"port": {"number": 0, "name": "d", "protocol": "TCP"}, "hosts": ["d.test"], "bind": "unix:///d"},
            ],
        }),
    );
}

#[test]
fn no_spoilt_field_of_a_sidecar_reaches_its_front_end() {
    check(
        "Sidecar",
        &json!({
            "workloadSelector": {"labels": {"app": "a"}},
            "egress": [
                {"port": {"number": 80, "name": "a", "protocol": "HTTP"}, "bind": "127.0.0.1", "hosts": ["./*", "~a/b"]},
                {"port": {"number": 0, "name": "b", "protocol": "TCP"}, "bind": "unix:///b", "hosts": ["a/b"]},
                {"captureMode": "NONE", "hosts": ["*/*"]},
            ],
            "ingress": [
                {"port": {"number": 81, "name": "a", "protocol": "HTTP"}, "bind": "::1", "defaultEndpoint": "127.0.0.1:80"},
                {"port": {"number": 82, "name": "b"}, "captureMode": "NONE", "defaultEndpoint": "unix:///b"},
            ],
            "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"},
        }),
    );
}

#[test]
fn no_spoilt_field_of_a_service_or_workload_reaches_its_front_end() {
    let workload = json!({"address": "10.0.0.1", "ports": {"a": 80}, "labels": {"app": "a"}, "weight": 1, "locality": "a/b"});
    check("WorkloadEntry", &workload);
    check(
        "ServiceEntry",
        &json!({
            "hosts": ["a.test", "*-b.test"], "addresses": ["10.0.0.0/8"], "exportTo": ["."], "subjectAltNames": ["a"],
            "ports": [{"number": 443, "name": "a", "protocol": "TLS", "targetPort": 80}, {"number": 80, "name": "b"}],
            "location": "MESH_EXTERNAL", "resolution": "STATIC", "endpoints": [workload],
        }),
    );
    check(
        "Service",
        &json!({
            "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "selector": {"app": "a"},
            "ports": [{"port": 80, "name": "http", "targetPort": "web"}, {"port": 81, "name": "b", "targetPort": 82}],
        }),
    );
}
