//! The rules of a client, without a socket.

use envoy_types::pb::envoy::service::discovery::v3::DeltaDiscoveryRequest;
use prost::Message;

use super::*;
use crate::crowd::{Profile, content::Library};

fn requests(frames: &[Bytes]) -> Vec<DeltaDiscoveryRequest> {
    frames.iter().map(|frame| DeltaDiscoveryRequest::decode(&frame[5..]).unwrap()).collect()
}

#[test]
fn the_first_request_asks_for_all_clusters_and_says_who_asks() {
    let library = Library::default();
    let mut member = Profile::sidecar(7, "shop", Protocol::Delta).member();
    let first = requests(&member.on_stream(&library.open()));
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].type_url, TypeUrl::CLUSTER.as_str());
    assert!(first[0].resource_names_subscribe.is_empty());
    let node = first[0].node.as_ref().unwrap();
    assert_eq!(node.id, "sidecar~100.64.0.8~crowd-7.shop~shop.svc.cluster.local");
    let bytes: usize = node.extensions.iter().map(|extension| extension.encoded_len() + 2).sum();
    assert!((60_000..63_000).contains(&bytes), "{bytes} bytes of extensions, where Envoy has 61 kB");
    assert!(!member.is_complete());
}
