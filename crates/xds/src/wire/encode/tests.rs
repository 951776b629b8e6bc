use envoy_types::pb::envoy::service::discovery::v3::{DeltaDiscoveryResponse, DiscoveryResponse};
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::wire::{Nonce, Response};

fn resources(contents: &[(String, Vec<u8>)]) -> Vec<EncodedResource> {
    contents
        .iter()
        .map(|(name, content)| {
            let (first, second) = content.split_at(content.len() / 2);
            let fragments = [first, second].map(Bytes::copy_from_slice);
            EncodedResource::of_fragments(name.as_str(), Arc::new(fragments))
        })
        .collect()
}

#[test]
fn resources_of_one_response_stay_below_the_limit() {
    let all = resources(&(0..10).map(|i| (format!("r{i}"), vec![1; 400])).collect::<Vec<_>>());
    let responses = delta_responses(TypeUrl::CLUSTER, &all, &["gone".into()], 2000);
    assert_eq!(responses.iter().map(|p| p.resources).sum::<usize>(), 10);
    assert!(responses.len() > 1 && responses.iter().all(|p| p.bytes <= 2400));
    assert_eq!(responses.iter().map(|p| p.gone.len()).collect::<Vec<_>>(), [0, 0, 1]);
}

#[test]
fn a_resource_beyond_the_limit_goes_alone() {
    let all = resources(&[("a".into(), vec![1; 400]), ("b".into(), vec![1; 5000]), ("c".into(), vec![1])]);
    let responses = delta_responses(TypeUrl::CLUSTER, &all, &[], 1000);
    assert_eq!(responses.iter().map(|p| p.resources).collect::<Vec<_>>(), [1, 1, 1]);
}

#[test]
fn fragments_are_not_copied() {
    let all = resources(&[("a".into(), vec![7; 5000])]);
    let response = whole_state(TypeUrl::LISTENER, &all);
    assert!(response.segments.iter().any(|s| s.as_ptr() == all[0].fragments()[0].as_ptr()));
}

proptest! {
    #[test]
    fn what_is_encoded_is_what_prost_decodes(
        contents in prop::collection::vec(("[a-z|.0-9]{0,200}", prop::collection::vec(any::<u8>(), 0..300)), 0..8),
        removed in prop::collection::vec("[a-z]{0,150}", 0..4),
    ) {
        let all = resources(&contents);
        let names: Vec<ResourceName> = removed.iter().map(|n| n.as_str().into()).collect();
        let response = delta_responses(TypeUrl::CLUSTER, &all, &names, usize::MAX).remove(0);
        let response = Response::new(TypeUrl::CLUSTER, Nonce(255), &response);
        let bytes = response.to_vec();
        prop_assert_eq!(bytes.len(), response.encoded_len());
        let message = DeltaDiscoveryResponse::decode(&bytes[..]).unwrap();
        prop_assert_eq!(&message.nonce, "ff");
        prop_assert_eq!(&message.type_url, TypeUrl::CLUSTER.as_str());
        prop_assert_eq!(&message.system_version_info, &response.version());
        prop_assert_eq!(message.removed_resources, removed);
        for (resource, (name, content)) in message.resources.iter().zip(&contents) {
            prop_assert_eq!(&resource.name, name);
            prop_assert_eq!(&resource.version, &Digest::of(content).to_string());
            let any = resource.resource.as_ref().unwrap();
            prop_assert_eq!((&any.type_url[..], &any.value), (TypeUrl::CLUSTER.as_str(), content));
        }

        let response = whole_state(TypeUrl::CLUSTER, &all);
        let bytes = Response::new(TypeUrl::CLUSTER, Nonce(1), &response).to_vec();
        let message = DiscoveryResponse::decode(&bytes[..]).unwrap();
        prop_assert_eq!(message.resources.len(), contents.len());
        for (any, (_, content)) in message.resources.iter().zip(&contents) {
            prop_assert_eq!((&any.type_url[..], &any.value), (TypeUrl::CLUSTER.as_str(), content));
        }
    }
}
