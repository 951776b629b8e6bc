use std::collections::HashMap;

use envoy_types::pb::{
    envoy::{
        config::core::v3::{
            BuildVersion, Extension, Locality, Node as ProtoNode, node::UserAgentVersionType,
        },
        service::discovery::v3::ResourceLocator,
        r#type::v3::SemanticVersion,
    },
    google::{
        protobuf::{Any, Struct, Value, value::Kind},
        rpc::Status as RpcStatus,
    },
};
use proptest::prelude::*;
use prost::Message as _;

use super::*;

const SIEVE: Sieve = Sieve { metadata: &["LABELS", "NAMESPACE"], node_bytes: 1000 };

fn text(value: &str) -> Value {
    Value { kind: Some(Kind::StringValue(value.to_owned())) }
}

fn node(metadata: &[(&str, Value)]) -> ProtoNode {
    let version = SemanticVersion { major_number: 1, minor_number: 40, patch: 0 };
    let fields = metadata.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    ProtoNode {
        id: "sidecar~10.0.0.1~a.b~c".into(),
        cluster: "a".into(),
        metadata: Some(Struct { fields }),
        locality: Some(Locality { region: "r".into(), ..Locality::default() }),
        user_agent_name: "envoy".into(),
        user_agent_version_type: Some(UserAgentVersionType::UserAgentBuildVersion(BuildVersion {
            version: Some(version),
            metadata: None,
        })),
        ..ProtoNode::default()
    }
}

fn delta() -> DeltaDiscoveryRequest {
    let locator = ResourceLocator { name: "l".into(), ..ResourceLocator::default() };
    DeltaDiscoveryRequest {
        node: Some(node(&[("NAMESPACE", text("shop"))])),
        type_url: "t".into(),
        resource_names_subscribe: vec!["a".into(), String::new(), "b".into()],
        resource_names_unsubscribe: vec!["c".into()],
        initial_resource_versions: HashMap::from([("d".into(), "1".into())]),
        response_nonce: "n".into(),
        error_detail: Some(RpcStatus { code: 13, message: "no".into(), details: Vec::new() }),
        resource_locators_subscribe: vec![locator.clone()],
        resource_locators_unsubscribe: vec![locator],
    }
}

fn sieved<M: Sieved>(request: &M) -> M {
    M::decode(&*SIEVE.pass::<M>(&request.encode_to_vec()).unwrap()).unwrap()
}

#[test]
fn what_is_read_comes_through_in_both_variants() {
    assert_eq!(sieved(&delta()), delta());
    let of = delta();
    let sotw = DiscoveryRequest {
        version_info: "v".into(),
        node: of.node,
        resource_names: of.resource_names_subscribe,
        resource_locators: of.resource_locators_subscribe,
        type_url: of.type_url,
        response_nonce: of.response_nonce,
        error_detail: of.error_detail,
    };
    assert_eq!(sieved(&sotw), sotw);
    assert_eq!(sieved(&DiscoveryRequest::default()), DiscoveryRequest::default());
}

#[test]
fn what_nobody_reads_of_a_node_is_left_out_and_costs_nothing() {
    let mut request = delta();
    let large = "x".repeat(1 << 20);
    let metadata = [("NAMESPACE", text("shop")), ("ISTIO_PROXY_SHA", text(&large)), ("", text(&large))];
    let mut told = node(&metadata);
    told.extensions = vec![Extension::default(); 500];
    told.client_features = vec![large.clone()];
    request.node = Some(told);
    let error = request.error_detail.as_mut().unwrap();
    error.details = vec![Any::default(); 1000];
    request.resource_locators_subscribe[0].dynamic_parameters =
        HashMap::from([("a".to_owned(), large.clone())]);
    assert_eq!(sieved(&request), delta());
}

#[test]
fn a_node_that_is_too_large_is_refused_before_it_is_decoded() {
    let mut request = delta();
    request.node = Some(node(&[("LABELS", text(&"x".repeat(1000)))]));
    let refused = SIEVE.pass::<DeltaDiscoveryRequest>(&request.encode_to_vec()).unwrap_err();
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    assert!(refused.message().contains("larger than the limit of 1000 bytes"), "{refused}");
}

#[test]
fn a_request_of_very_many_names_without_length_is_refused() {
    // Each takes two bytes here, and 24 as a text.
    let names = [0x1a, 0].repeat(FIELDS + 1);
    let refused = SIEVE.pass::<DeltaDiscoveryRequest>(&names).unwrap_err();
    assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
}

proptest! {
    #[test]
    fn what_comes_through_is_what_prost_reads(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let (Ok(kept), Ok(whole)) =
            (SIEVE.pass::<DeltaDiscoveryRequest>(&bytes), DeltaDiscoveryRequest::decode(&*bytes))
        {
            let kept = DeltaDiscoveryRequest::decode(&*kept).unwrap();
            prop_assert_eq!(kept.resource_names_subscribe, whole.resource_names_subscribe);
            prop_assert_eq!(kept.type_url, whole.type_url);
            prop_assert_eq!(kept.node.map(|node| node.id), whole.node.map(|node| node.id));
        }
    }
}
