use clap::Parser;

use super::{Args, address, bootstrap};

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    args: Args,
}

fn json(arguments: &[&str]) -> serde_json::Value {
    let all = ["bootstrap"].into_iter().chain(arguments.iter().copied());
    bootstrap(&Command::parse_from(all).args).expect("a bootstrap").to_json()
}

#[test]
fn a_sidecar_says_who_it_is_in_the_form_of_istio() {
    let json = json(&[
        "--name",
        "web-1",
        "--namespace",
        "shop",
        "--ip",
        "10.0.0.7",
        "--ip",
        "::1",
        "--label",
        "app=web",
        "--interception-mode",
        "none",
        "--locality",
        "r/z",
    ]);
    let node = &json["node"];
    assert_eq!(node["id"], "sidecar~10.0.0.7~web-1.shop~shop.svc.cluster.local");
    assert_eq!(node["cluster"], "web.shop");
    assert_eq!(node["metadata"]["INSTANCE_IPS"], "10.0.0.7,::1");
    assert_eq!(node["metadata"]["LABELS"]["app"], "web");
    assert_eq!(node["metadata"]["INTERCEPTION_MODE"], "NONE");
    assert_eq!(node["locality"], serde_json::json!({ "region": "r", "zone": "z" }));
    assert_eq!(json["admin"]["address"]["socket_address"]["port_value"], 15000);
}

#[test]
fn a_gateway_is_a_router_and_has_no_interception() {
    let json = json(&["--type", "gateway", "--admin-port", "0", "--protocol", "sotw"]);
    assert!(json["node"]["id"].as_str().is_some_and(|id| id.starts_with("router~")));
    assert!(json["node"]["metadata"].get("INTERCEPTION_MODE").is_none());
    assert!(json.get("admin").is_none());
    assert_eq!(json["dynamic_resources"]["ads_config"]["api_type"], "GRPC");
}

#[test]
fn an_address_has_a_host_and_a_port() {
    assert_eq!(address("[::1]:15010").expect("an address"), ("::1".to_owned(), 15010));
    assert_eq!(address("xds.example:1").expect("an address"), ("xds.example".to_owned(), 1));
    for wrong in ["", "host", "host:", ":1", "host:0", "host:65536"] {
        assert!(address(wrong).is_err(), "{wrong}");
    }
}
