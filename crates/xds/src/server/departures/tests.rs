use envoy_types::pb::envoy::config::core::v3::Node as ProtoNode;

use super::*;

fn node(number: usize) -> Node {
    Node::from_proto(ProtoNode { id: format!("n{number}"), ..ProtoNode::default() })
}

#[test]
fn a_client_is_remembered_once_and_by_where_it_comes_from() {
    let departures = Departures::default();
    let peer = Peer { address: Some(([10, 0, 0, 1], 4000).into()), ..Peer::default() };
    let elsewhere = Peer { address: Some(([10, 0, 0, 2], 4000).into()), ..Peer::default() };
    let again = Peer { address: Some(([10, 0, 0, 1], 5000).into()), ..Peer::default() };
    departures.keep(&node(1), &peer, Departed::default());
    assert!(departures.take(&node(1), &elsewhere).is_none());
    assert!(departures.take(&node(2), &peer).is_none());
    assert!(departures.take(&node(1), &again).is_some());
    assert!(departures.take(&node(1), &again).is_none());
}

#[test]
fn the_oldest_is_forgotten_for_one_too_many() {
    let departures = Departures::default();
    for number in 0..=KEPT {
        departures.keep(&node(number), &Peer::default(), Departed::default());
    }
    assert!(departures.take(&node(0), &Peer::default()).is_none());
    assert!(departures.take(&node(1), &Peer::default()).is_some());
    assert!(departures.take(&node(KEPT), &Peer::default()).is_some());
}
