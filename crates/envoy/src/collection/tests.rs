//! An assignment is made up of its parent form and its collections.

use fairlead_resource::collection::endpoint_in;
use prost::Message;

use super::*;
use crate::{
    address::{address, pipe},
    endpoint::{self, lb_endpoint, locality, locality_lb_endpoints, placed},
};

const CLUSTER: &str = "outbound|80||a.b.svc.cluster.local";

fn assignment() -> ClusterLoadAssignment {
    let ip = |host: &str| lb_endpoint(address(host, 80));
    endpoint::load_assignment(
        CLUSTER,
        [
            placed(
                locality_lb_endpoints(Some(locality("r", "z1", "")), [ip("10.0.0.1"), ip("fd00::1")]),
                0,
                None,
            ),
            placed(locality_lb_endpoints(Some(locality("r", "z2", "")), []), 0, None),
            placed(
                locality_lb_endpoints(Some(locality("r", "z3", "")), [lb_endpoint(pipe("/run/a.sock"))]),
                1,
                Some(7),
            ),
        ],
    )
}

fn decoded(resource: &EncodedResource) -> ClusterLoadAssignment {
    ClusterLoadAssignment::decode(&resource.to_vec()[..]).unwrap()
}

/// The parent with the endpoints of its collections in their place.
fn put_together(elements: &Elements, epoch: Epoch) -> ClusterLoadAssignment {
    let mut whole = decoded(elements.parent_in(epoch));
    for locality in &mut whole.endpoints {
        let Some(LbConfig::LedsClusterLocalityConfig(leds)) = locality.lb_config.take() else { panic!() };
        let collection = Collection::of_glob(&leds.leds_collection_name).unwrap();
        assert_eq!((collection.epoch(), collection.cluster()), (epoch, CLUSTER));
        let of = |name: &str| Collection::prefix_of(name) == Some(collection.prefix());
        locality.lb_endpoints = elements
            .children
            .values()
            .filter(|child| of(&endpoint_in(&child.name, epoch).unwrap()))
            .map(|child| LbEndpoint::decode(&child.to_vec()[..]).unwrap())
            .collect();
    }
    whole
}

#[test]
fn parent_and_collections_make_up_the_assignment_in_either_epoch() {
    let full = load_assignment(&assignment());
    let elements = full.elements.as_deref().unwrap();
    let mut expected = assignment();
    expected.endpoints.remove(1);
    assert_eq!(put_together(elements, Epoch::First), expected);
    assert_eq!(put_together(elements, Epoch::Second), expected);
    assert_eq!(decoded(&full), assignment());
}

#[test]
fn the_version_tells_the_epoch() {
    let full = load_assignment(&assignment());
    let elements = full.elements.as_deref().unwrap();
    for epoch in [Epoch::First, Epoch::Second] {
        let version = elements.parent_in(epoch).digest.to_string();
        assert_eq!(Epoch::of_version(&version), Some(epoch));
    }
    assert_eq!((Epoch::of_version(""), Epoch::of_version("x")), (None, None));
}

#[test]
fn an_endpoint_that_changes_is_the_same_element_and_leaves_the_parent_alone() {
    let before = load_assignment(&assignment());
    let mut changed = assignment();
    changed.endpoints[0].lb_endpoints[0].health_status = 3;
    let after = load_assignment(&changed);
    let [before, after] = [&before, &after].map(|r| r.elements.as_deref().unwrap());
    assert_eq!(before.parent, after.parent);
    assert_eq!(before.in_second_epoch, after.in_second_epoch);
    let changed = before.children.diff(&after.children).count();
    assert_eq!((changed, before.children.len(), after.children.len()), (1, 3, 3));
}

#[test]
fn an_assignment_without_endpoints_has_no_collections() {
    let mut empty = assignment();
    empty.endpoints.iter_mut().for_each(|locality| locality.lb_endpoints.clear());
    assert!(load_assignment(&empty).elements.is_none());
}

#[test]
fn an_assignment_with_an_address_that_envoy_cannot_read_has_no_collections() {
    for bad in [address("no address", 80), address("example.com", 80), pipe("/x".repeat(54)), pipe("")] {
        let mut spoilt = assignment();
        spoilt.endpoints[0].lb_endpoints.push(lb_endpoint(bad));
        let full = load_assignment(&spoilt);
        assert!(full.elements.is_none(), "{spoilt:?}");
        assert_eq!(decoded(&full), spoilt);
    }
}
