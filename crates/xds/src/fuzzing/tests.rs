use envoy_types::pb::{
    envoy::service::discovery::v3::{DeltaDiscoveryRequest, DiscoveryRequest},
    google::rpc::Status,
};
use fairlead_resource::TypeUrl;
use proptest::prelude::*;
use prost::Message;

use super::{fuzz_request, fuzz_session};

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_a_client_sends_breaks_a_session(data in prop::collection::vec(any::<u8>(), 0..600)) {
        fuzz_session(&data);
    }

    #[test]
    fn no_bytes_of_a_request_break_a_session(data in prop::collection::vec(any::<u8>(), 0..600)) {
        fuzz_request(&data);
    }

    #[test]
    fn requests_that_can_be_read_are_answered(requests in prop::collection::vec(request(), 1..5), delta: bool) {
        let mut data = vec![u8::from(!delta)];
        for request in requests {
            let bytes = if delta { request.encode_to_vec() } else { of_the_world(&request).encode_to_vec() };
            data.extend(u16::try_from(bytes.len()).unwrap().to_be_bytes());
            data.extend(bytes);
        }
        fuzz_request(&data);
    }
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![Just("*".to_owned()), Just("a".to_owned()), Just("80/a".to_owned()), ".{0,20}"]
}

fn request() -> impl Strategy<Value = DeltaDiscoveryRequest> {
    let type_url = prop_oneof![
        prop::sample::select(&TypeUrl::ENVOY[..]).prop_map(|type_url| type_url.as_str().to_owned()),
        ".{0,20}",
    ];
    let names = || prop::collection::vec(name(), 0..4);
    (type_url, names(), names(), names(), "[0-9a-f]{0,2}", any::<bool>()).prop_map(
        |(type_url, subscribe, unsubscribe, initial, response_nonce, rejects)| DeltaDiscoveryRequest {
            type_url,
            resource_names_subscribe: subscribe,
            resource_names_unsubscribe: unsubscribe,
            initial_resource_versions: initial.into_iter().map(|name| (name, "v".to_owned())).collect(),
            response_nonce,
            error_detail: rejects.then(Status::default),
            ..Default::default()
        },
    )
}

fn of_the_world(request: &DeltaDiscoveryRequest) -> DiscoveryRequest {
    DiscoveryRequest {
        type_url: request.type_url.clone(),
        resource_names: request.resource_names_subscribe.clone(),
        response_nonce: request.response_nonce.clone(),
        error_detail: request.error_detail.clone(),
        ..Default::default()
    }
}
