use envoy_types::pb::envoy::config::bootstrap::v3 as pb;
use serde_json::json;

use super::*;
use crate::json::{from_json, parse, to_yaml};

fn full() -> Bootstrap {
    Bootstrap {
        node: Node {
            id: "a".to_owned(),
            cluster: "group".to_owned(),
            metadata: [("B".to_owned(), json!({ "x": [1, true] })), ("A".to_owned(), json!("a"))].into(),
            locality: Some(Locality { region: "r".to_owned(), zone: "z".to_owned(), ..Default::default() }),
        },
        xds: Xds {
            host: "control.example.com".to_owned(),
            port: 15012,
            protocol: XdsProtocol::Delta,
            tls: Some(XdsTls {
                ca_file: "/etc/ca.pem".to_owned(),
                server_name: "control.example.com".to_owned(),
            }),
            token_secret_path: Some("/etc/token-secret.yaml".to_owned()),
        },
        admin: Some(Admin::Socket { host: "127.0.0.1".parse().unwrap(), port: 15000 }),
        stats: Some(StatsTuning {
            inclusion_prefixes: vec!["http.".to_owned()],
            inclusion_suffixes: vec!["cx_total".to_owned()],
        }),
    }
}

fn plain() -> Bootstrap {
    Bootstrap {
        node: Node { id: "a".to_owned(), cluster: "c".to_owned(), ..Default::default() },
        xds: Xds {
            host: "127.0.0.1".to_owned(),
            port: 15010,
            protocol: XdsProtocol::StateOfTheWorld,
            tls: None,
            token_secret_path: None,
        },
        admin: Some(Admin::Pipe { path: "/run/admin.sock".to_owned() }),
        stats: None,
    }
}

#[test]
fn a_full_bootstrap_is_the_golden_one() {
    crate::tests::golden::check("bootstrap-full", &full().to_json());
}

#[test]
fn a_plain_bootstrap_is_the_golden_one() {
    crate::tests::golden::check("bootstrap-plain", &plain().to_json());
}

#[test]
fn every_field_is_one_of_the_api() {
    for bootstrap in [full(), plain()] {
        let read: pb::Bootstrap = parse(&bootstrap.to_json()).unwrap();
        assert_eq!(read.node.unwrap().id, "a");
    }
    let secret = &token_secret("/var/run/token", "/var/run")["resources"][0];
    from_json("google.protobuf.Any", secret).unwrap();
}

#[test]
fn the_same_bootstrap_is_printed_the_same() {
    assert_eq!(to_yaml(&full().to_json()), to_yaml(&full().to_json()));
}
