use fairlead_envoy::{bootstrap::Node, json::from_json};
use fairlead_resource::{EncodedResource, ResourceName, ResourceSet, TypeUrl};
use fairlead_xds::Publication;
use serde_json::{Value, json};

use super::{StaticFile, of};

const HCM: &str =
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const TLS: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3";

fn set(type_url: TypeUrl, resources: &[Value]) -> ResourceSet {
    let encoded = |resource: &Value| {
        let name = resource["name"].as_str().or(resource["cluster_name"].as_str()).expect("a name");
        let bytes = from_json(type_url.as_str(), resource).expect("a resource");
        (ResourceName::from(name), EncodedResource::whole(name, bytes))
    };
    resources.iter().map(encoded).collect()
}

fn ads() -> Value {
    json!({ "ads": {}, "resource_api_version": "V3" })
}

fn file(resources: &[(TypeUrl, &[Value])]) -> StaticFile {
    let publication = resources.iter().fold(Publication::new(1), |publication, (type_url, resources)| {
        publication.with(*type_url, set(*type_url, resources))
    });
    of(&Node::default(), 0, &publication).expect("a file")
}

fn chain(name: &str, secret: &str, table: &str) -> Value {
    json!({
        "name": name,
        "filters": [{ "name": "hcm", "typed_config": {
            "@type": HCM, "stat_prefix": "x", "rds": { "config_source": ads(), "route_config_name": table },
        } }],
        "transport_socket": { "name": "tls", "typed_config": {
            "@type": format!("{TLS}.DownstreamTlsContext"),
            "common_tls_context": { "tls_certificate_sds_secret_configs": [{ "name": secret, "sds_config": ads() }] },
        } },
    })
}

fn secret(name: &str) -> Value {
    json!({ "name": name, "tls_certificate": {
        "certificate_chain": { "inline_string": "chain" }, "private_key": { "inline_string": "key" },
    } })
}

#[test]
fn endpoints_and_routes_are_inside_and_secrets_beside() {
    let cluster = json!({ "name": "a", "type": "EDS", "eds_cluster_config": { "eds_config": ads() } });
    let endpoint = json!({ "endpoint": { "address": { "socket_address": { "address": "10.0.0.1", "port_value": 80 } } } });
    let assignment = json!({ "cluster_name": "a", "endpoints": [{ "lb_endpoints": [endpoint] }] });
    let table = json!({ "name": "80", "virtual_hosts": [{ "name": "h", "domains": ["*"] }] });
    let listener = json!({ "name": "l", "filter_chains": [chain("c", "s", "80")] });
    let StaticFile { bootstrap, notes } = file(&[
        (TypeUrl::CLUSTER, &[cluster]),
        (TypeUrl::CLUSTER_LOAD_ASSIGNMENT, std::slice::from_ref(&assignment)),
        (TypeUrl::ROUTE_CONFIGURATION, &[table]),
        (TypeUrl::LISTENER, &[listener]),
        (TypeUrl::SECRET, &[secret("s")]),
    ]);
    assert_eq!(notes, Vec::<String>::new());
    assert!(bootstrap.get("dynamic_resources").is_none() && bootstrap.get("admin").is_none());
    let resources = &bootstrap["static_resources"];
    let cluster = &resources["clusters"][0];
    assert_eq!((&cluster["type"], &cluster["load_assignment"]), (&json!("STATIC"), &assignment));
    let chain = &resources["listeners"][0]["filter_chains"][0];
    let manager = &chain["filters"][0]["typed_config"];
    assert_eq!(manager["route_config"]["virtual_hosts"][0]["name"], "h");
    assert_eq!(manager["route_config"]["validate_clusters"], false);
    let context = &chain["transport_socket"]["typed_config"]["common_tls_context"];
    assert_eq!(context["tls_certificate_sds_secret_configs"], json!([{ "name": "s" }]));
    // The key is not hidden: without it Envoy cannot serve.
    assert_eq!(resources["secrets"][0]["tls_certificate"]["private_key"]["inline_string"], "key");
}

#[test]
fn what_waits_for_a_secret_that_does_not_exist_is_closed_and_named() {
    let listeners = [
        json!({ "name": "some", "filter_chains": [chain("c", "s", "80"), chain("d", "none", "80")] }),
        json!({ "name": "all", "filter_chains": [chain("d", "none", "80")] }),
    ];
    let reference = json!({ "name": "s", "sds_config": ads() });
    let context = json!({ "validation_context_sds_secret_config": reference });
    let cluster = json!({
        "name": "a", "type": "EDS", "eds_cluster_config": { "eds_config": ads() },
        "transport_socket": { "name": "tls", "typed_config": {
            "@type": format!("{TLS}.UpstreamTlsContext"), "common_tls_context": context,
        } },
    });
    let StaticFile { bootstrap, notes } = file(&[
        (TypeUrl::CLUSTER, &[cluster]),
        (TypeUrl::LISTENER, &listeners),
        (TypeUrl::SECRET, &[secret("s")]),
    ]);
    assert_eq!(
        notes,
        [
            // A certificate is no authority.
            "cluster `a` has no endpoints: there is no secret `s`",
            "listener `all` is left out: there is no secret `none`",
            "listener `some` is closed in part: there is no secret `none`",
        ]
    );
    let resources = &bootstrap["static_resources"];
    assert_eq!(resources["clusters"][0]["load_assignment"], json!({ "cluster_name": "a" }));
    assert_eq!(resources["listeners"].as_array().map(Vec::len), Some(1));
    assert_eq!(resources["listeners"][0]["filter_chains"].as_array().map(Vec::len), Some(1));
}
