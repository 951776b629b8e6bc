//! Envoy's types.

use crate::{Division, TypeDescriptor, TypeUrl};

pub(super) const TYPES: [TypeDescriptor; 8] = [
    TypeDescriptor {
        all_by_default: true,
        always_whole: true,
        removal: Some(40),
        users: &[
            TypeUrl::LISTENER,
            TypeUrl::FILTER_CHAIN,
            TypeUrl::ROUTE_CONFIGURATION,
            TypeUrl::VIRTUAL_HOST,
        ],
        warmed_by: Some(TypeUrl::CLUSTER_LOAD_ASSIGNMENT),
        ..TypeDescriptor::new(TypeUrl::CLUSTER)
    },
    TypeDescriptor {
        acknowledged_at_once: true,
        removal: Some(50),
        users: &[TypeUrl::CLUSTER],
        ..TypeDescriptor::new(TypeUrl::CLUSTER_LOAD_ASSIGNMENT)
    },
    // Endpoints are removed from their collection. A whole collection is removed with its assignment.
    TypeDescriptor {
        parent: Some(TypeUrl::CLUSTER_LOAD_ASSIGNMENT),
        ..TypeDescriptor::new(TypeUrl::LB_ENDPOINT)
    },
    TypeDescriptor {
        all_by_default: true,
        always_whole: true,
        removal: Some(10),
        serves_with: &[
            TypeUrl::LISTENER,
            TypeUrl::FILTER_CHAIN,
            TypeUrl::ROUTE_CONFIGURATION,
            TypeUrl::VIRTUAL_HOST,
            TypeUrl::SECRET,
        ],
        ..TypeDescriptor::new(TypeUrl::LISTENER)
    },
    // Listeners use filter chains, one by one: the session asks for each.
    TypeDescriptor {
        parent: Some(TypeUrl::LISTENER),
        removal: Some(20),
        ..TypeDescriptor::new(TypeUrl::FILTER_CHAIN)
    },
    TypeDescriptor {
        removal: Some(30),
        users: &[TypeUrl::LISTENER, TypeUrl::FILTER_CHAIN],
        ..TypeDescriptor::new(TypeUrl::ROUTE_CONFIGURATION)
    },
    // A domain that moves from one host to another would be in both of them between two responses.
    TypeDescriptor {
        parent: Some(TypeUrl::ROUTE_CONFIGURATION),
        all_by_default: true,
        division: Division::Together,
        ..TypeDescriptor::new(TypeUrl::VIRTUAL_HOST)
    },
    // Envoy waits for endpoints and routes (their cluster or listener stays warming), so silence would be wrong there.
    // An answer for an unknown secret would make its listener serve without a certificate, so silence is right here.
    //
    // Envoy rejects a response over an unusable secret without naming the secret, and accepts it silently when it is
    // sent again with the same content, although it does not use it: it stores the content's hash before trying it.
    // Bisecting a response would therefore find nothing, so each secret is sent alone.
    TypeDescriptor {
        answers_missing: false,
        division: Division::OneByOne,
        acknowledged_at_once: true,
        removal: Some(60),
        users: &[TypeUrl::CLUSTER, TypeUrl::LISTENER, TypeUrl::FILTER_CHAIN],
        ..TypeDescriptor::new(TypeUrl::SECRET)
    },
];
