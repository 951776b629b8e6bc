use envoy_types::pb::google::protobuf::Struct;
use fairlead_envoy::metadata::json_struct;
use fairlead_model::proxy::{Interception, ProxyKey, ProxyKind};
use fairlead_xds::{Locality, Node};
use serde_json::{Value, json};

use super::proxy_key;
use crate::settings::MeshSettings;

fn metadata(json: &Value) -> Struct {
    json_struct(json.as_object().expect("metadata is an object"))
}

fn node(id: &str, json: &Value) -> Node {
    Node {
        id: id.to_owned(),
        cluster: "web.shop".to_owned(),
        metadata: metadata(json),
        locality: Locality::default(),
        user_agent_name: "envoy".to_owned(),
        user_agent_version: None,
    }
}

fn key(id: &str, json: &Value) -> Result<ProxyKey, String> {
    proxy_key(&node(id, json), &MeshSettings::default()).map_err(|error| error.to_string())
}

const ID: &str = "sidecar~10.0.0.7~web-1.shop~shop.svc.cluster.local";

/// The metadata that istio-proxy's agent sends, abridged.
fn of_istio() -> Value {
    json!({
        "NAMESPACE": "shop",
        "NAME": "web-1",
        "LABELS": { "version": "v1", "app": "web" },
        "ANNOTATIONS": { "kubernetes.io/config.seen": "2026-01-01T00:00:00Z" },
        "CLUSTER_ID": "east",
        "NETWORK": "net-1",
        "INSTANCE_IPS": "fe80::1,10.0.0.7,10.0.0.7",
        "INTERCEPTION_MODE": "REDIRECT",
        "NODE_NAME": "node-a",
        "SERVICE_ACCOUNT": "web",
        "PILOT_SAN": ["istiod.istio-system.svc"],
        "PROXY_CONFIG": { "concurrency": 2, "statusPort": 15020 },
        "ENVOY_STATUS_PORT": 15021,
        "UNPRIVILEGED_POD": "true",
    })
}

#[test]
fn a_node_written_for_istiod_is_understood() {
    let key = key(ID, &of_istio()).expect("a key");
    assert_eq!(key.kind, ProxyKind::Sidecar);
    assert_eq!(key.namespace.as_str(), "shop");
    assert!(key.labels.iter().eq([("app", "web"), ("version", "v1")]));
    let addresses: Vec<_> = key.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["10.0.0.7", "fe80::1"], "sorted, each once");
    assert_eq!((&*key.cluster, &*key.network, &*key.node), ("east", "net-1", "node-a"));
    assert_eq!(key.interception, Interception::Redirect);
    assert_eq!(&*key.dns_domain, "shop.svc.cluster.local");
    assert!(!key.privileged);
}

/// Others take the small ones only, and are told of each that is large.
#[test]
fn bootstraps_that_let_an_envoy_take_large_expressions_are_known() {
    let takes = |metadata: &Value| key(ID, metadata).expect("a key").takes_large_expressions;
    assert!(takes(&json!({ "RE2_MAX_PROGRAM_SIZE": "32768" })));
    assert!(takes(&json!({ "ISTIO_VERSION": "1.29.1" })));
    for metadata in [
        json!({}),
        json!({ "RE2_MAX_PROGRAM_SIZE": "1000" }),
        json!({ "RE2_MAX_PROGRAM_SIZE": "much" }),
        json!({ "RE2_MAX_PROGRAM_SIZE": 32_768 }),
    ] {
        assert!(!takes(&metadata), "{metadata}");
    }
    assert_eq!(
        fairlead_envoy::bootstrap::MOST_PROGRAM,
        fairlead_model::MOST_PROGRAM,
        "what is checked is what is set"
    );
}

#[test]
fn what_the_metadata_leaves_out_comes_from_the_id_or_has_a_default() {
    let key = key("router~127.0.0.1~a.b.istio-system~", &json!({})).expect("a key");
    assert_eq!(key.kind, ProxyKind::Gateway);
    assert_eq!(key.namespace.as_str(), "istio-system", "names of pods may have dots");
    assert_eq!(&*key.cluster, "Kubernetes");
    assert_eq!(&*key.dns_domain, "istio-system.svc.cluster.local");
    assert!(key.privileged && key.labels.is_empty());
}

#[test]
fn proxies_that_say_the_same_have_the_same_key() {
    let mut other = of_istio();
    other["INSTANCE_IPS"] = "10.0.0.7,fe80::1".into();
    other["ANNOTATIONS"] = json!({});
    assert_eq!(key(ID, &of_istio()), key(ID, &other));
}

#[test]
fn the_locality_of_the_node_wins_over_the_label() {
    let label = json!({ "LABELS": { "istio-locality": "r.z.s" } });
    let of_label = key(ID, &label).expect("a key").locality;
    assert_eq!((&*of_label.region, &*of_label.zone, &*of_label.subzone), ("r", "z", "s"));
    let mut node = node(ID, &label);
    node.locality.region = "mine".to_owned();
    let of_node = proxy_key(&node, &MeshSettings::default()).expect("a key").locality;
    assert_eq!((&*of_node.region, &*of_node.zone), ("mine", ""));
}

#[test]
fn each_mistake_is_named() {
    let wrong = |id: &str, json: Value, message: &str| {
        assert_eq!(key(id, &json).expect_err("not a node"), message, "{id} {json}");
    };
    let none = || json!({});
    wrong("web-1", none(), "node id `web-1` is not of the form <type>~<ip>~<name>.<namespace>~<domain>");
    wrong(
        "waypoint~10.0.0.1~a.b~b.svc",
        none(),
        "node type `waypoint` is not served: it is `sidecar`, or `router` for a gateway",
    );
    wrong(
        "sidecar~10.0.0.1~web~shop.svc",
        none(),
        "the namespace of the node is not known: neither metadata NAMESPACE nor `<name>.<namespace>` in id \
         `sidecar~10.0.0.1~web~shop.svc`",
    );
    wrong(
        "sidecar~10.0.0.1~web.Shop~",
        none(),
        "`Shop` is not a namespace: lower-case letters, digits and `-`, at most 63",
    );
    wrong(
        "sidecar~10.0.0.1~web.shop~",
        json!({"NAMESPACE": "vault"}),
        "the namespace of the node is `shop` in its id and `vault` in its metadata",
    );
    wrong("sidecar~here~web.shop~", none(), "`here` in the id of the node is not an IP address");
    wrong(
        "sidecar~~web.shop~",
        none(),
        "the node has no IP address: neither metadata INSTANCE_IPS nor the second part of id `sidecar~~web.shop~`",
    );
    wrong(
        ID,
        json!({ "INSTANCE_IPS": "10.0.0.1,x" }),
        "`x` in metadata INSTANCE_IPS of the node is not an IP address",
    );
    wrong(ID, json!({ "INSTANCE_IPS": ["10.0.0.1"] }), "metadata INSTANCE_IPS of the node is not a text");
    wrong(ID, json!({ "LABELS": "app=web" }), "metadata LABELS of the node is not a mapping of texts");
    wrong(ID, json!({ "LABELS": { "app": 1 } }), "metadata LABELS of the node is not a mapping of texts");
    wrong(
        ID,
        json!({ "INTERCEPTION_MODE": "MAGIC" }),
        "metadata INTERCEPTION_MODE `MAGIC` is not REDIRECT, TPROXY or NONE",
    );
    wrong(
        ID,
        json!({ "UNPRIVILEGED_POD": 1 }),
        "metadata UNPRIVILEGED_POD of the node is not `true` or `false`",
    );
}

#[test]
fn everything_has_a_limit() {
    let long = "x".repeat(2000);
    let id = format!("sidecar~10.0.0.1~{long}.shop~");
    assert_eq!(key(&id, &json!({})).expect_err("too long"), "the id of the node is longer than 1024");
    let too_long = |json: Value, what: &str| {
        let error = key(ID, &json).expect_err("too long");
        assert!(error.starts_with(&format!("{what} of the node is longer than ")), "{error}");
    };
    too_long(json!({ "NETWORK": long }), "NETWORK");
    too_long(json!({ "LABELS": { "app": long } }), "LABELS");
    too_long(json!({ "LABELS": { (long): "web" } }), "LABELS");
    let many: serde_json::Map<_, _> = (0..300).map(|n| (format!("l{n}"), "v".into())).collect();
    too_long(json!({ "LABELS": many }), "LABELS");
    let many: Vec<_> = (0..100).map(|n| format!("10.0.0.{n}")).collect();
    too_long(json!({ "INSTANCE_IPS": many.join(",") }), "metadata INSTANCE_IPS");
}
