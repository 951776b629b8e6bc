use std::sync::Arc;

use super::*;
use crate::{Protocol, Publication, SessionOptions};

#[test]
fn only_endpoints_before_clusters_tell_of_warming() {
    let warming = Warming::among(Types::envoy()).unwrap();
    let mut ledger =
        Ledger::new(Protocol::Delta, SessionOptions::default(), Arc::new(Publication::default()));
    assert!(warming.is_asked_early(&ledger, TypeUrl::CLUSTER_LOAD_ASSIGNMENT));
    assert!(!warming.is_asked_early(&ledger, TypeUrl::ROUTE_CONFIGURATION));
    ledger.state_mut(TypeUrl::CLUSTER).requested = true;
    assert!(!warming.is_asked_early(&ledger, TypeUrl::CLUSTER_LOAD_ASSIGNMENT));
}
