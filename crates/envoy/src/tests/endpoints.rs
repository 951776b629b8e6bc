use envoy_types::pb::envoy::config::core::v3::HealthStatus;

use super::golden::check_messages;
use crate::{
    IntoProto, address,
    endpoint::{lb_endpoint, load_assignment, locality, locality_lb_endpoints, placed},
    extension::TRANSPORT_SOCKET_MATCH,
    json::dump_message,
    metadata::{filter_metadata, json_struct, string_struct},
};

#[test]
fn localities_with_priorities_and_weights() {
    let mut tcp = lb_endpoint(address::address("10.0.0.1", 8080));
    tcp.load_balancing_weight = Some(2_u32.into_proto());
    tcp.metadata = Some(filter_metadata([(TRANSPORT_SOCKET_MATCH, string_struct([("mode", "mutual")]))]));
    let mut pipe = lb_endpoint(address::pipe("/run/app.sock"));
    pipe.set_health_status(HealthStatus::Draining);
    let six = lb_endpoint(address::address("fd00::1", 80));
    let near = locality_lb_endpoints(Some(locality("r", "z", "s")), [tcp, pipe]);
    let assignment =
        load_assignment("c", [placed(near, 0, Some(3)), placed(locality_lb_endpoints(None, [six]), 1, None)]);
    check_messages("endpoints", &[assignment]);
}

#[test]
fn json_becomes_a_struct_and_back() {
    let json = serde_json::json!({ "a": [1, "x", null, true], "b": { "c": {} } });
    let fields = json_struct(json.as_object().unwrap());
    let printed = dump_message(&fields).unwrap();
    assert_eq!(printed.to_string(), r#"{"a":[1.0,"x",null,true],"b":{"c":{}}}"#);
}
