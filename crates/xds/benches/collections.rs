//! What a change of one endpoint costs by the number of endpoints: the assignment in one piece, and in collections.
//!
//! Beside the time it prints the bytes that a client is sent at first and for the change.

use std::{hint::black_box, sync::Arc};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use envoy_types::pb::envoy::{
    config::endpoint::v3::ClusterLoadAssignment, service::discovery::v3::DeltaDiscoveryRequest,
};
use fairlead_envoy::{
    address::address,
    collection, encode,
    endpoint::{lb_endpoint, load_assignment, locality, locality_lb_endpoints},
};
use fairlead_resource::{
    EncodedResource, TypeUrl,
    collection::{Collection, Epoch},
};
use fairlead_xds::{Action, Protocol, Publication, Session, SessionOptions};

const CLUSTER: &str = "outbound|8080||crowd.default.svc.cluster.local";
const COUNTS: [u16; 6] = [10, 50, 100, 200, 500, 2000];

/// So many endpoints, of which `change` are new.
fn assignment(count: u16, change: u16) -> ClusterLoadAssignment {
    let endpoints = (change..count + change).map(|number| {
        let [high, low] = number.to_be_bytes();
        lb_endpoint(address(format!("10.200.{high}.{low}"), 8080))
    });
    load_assignment(
        CLUSTER,
        [locality_lb_endpoints(Some(locality("eu-west-1", "eu-west-1a", "")), endpoints)],
    )
}

fn resource(assignment: &ClusterLoadAssignment, leds: bool) -> EncodedResource {
    if leds {
        collection::load_assignment(assignment)
    } else {
        EncodedResource::whole(CLUSTER, encode(assignment))
    }
}

fn publication(revision: u64, resource: EncodedResource) -> Publication {
    let set = [(resource.name.clone(), resource)].into_iter().collect();
    Publication::new(revision).with(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, set)
}

fn request(session: &mut Session, type_url: TypeUrl, names: &[String]) -> Vec<Action> {
    session.on_delta(&DeltaDiscoveryRequest {
        type_url: type_url.as_str().into(),
        resource_names_subscribe: names.to_vec(),
        ..Default::default()
    })
}

/// Accepts what was sent. Returns its bytes.
fn accept(session: &mut Session, actions: &[Action]) -> usize {
    let mut bytes = 0;
    for action in actions {
        let Action::Send(response) = action else { continue };
        bytes += response.encoded_len();
        session.on_delta(&DeltaDiscoveryRequest {
            type_url: response.type_url().as_str().into(),
            response_nonce: response.nonce().to_string(),
            ..Default::default()
        });
    }
    bytes
}

/// A client that has everything, and the bytes of that.
fn client(publication: Arc<Publication>, leds: bool) -> (Session, usize) {
    let elements = leds.then_some(TypeUrl::LB_ENDPOINT).into_iter().collect();
    let options = SessionOptions { elements, ..SessionOptions::default() };
    let mut session = Session::new(Protocol::Delta, options, publication);
    drop(request(&mut session, TypeUrl::CLUSTER, &[]));
    let sent = request(&mut session, TypeUrl::CLUSTER_LOAD_ASSIGNMENT, &[CLUSTER.to_owned()]);
    let mut bytes = accept(&mut session, &sent);
    if leds {
        let glob = Collection::new(Epoch::First, CLUSTER, 0).glob();
        let sent = request(&mut session, TypeUrl::LB_ENDPOINT, &[glob]);
        bytes += accept(&mut session, &sent);
    }
    (session, bytes)
}

fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("one of n endpoints is replaced");
    for count in COUNTS {
        let (before, after) = (assignment(count, 0), assignment(count, 1));
        for (form, leds) in [("one piece", false), ("collections", true)] {
            let first = Arc::new(publication(1, resource(&before, leds)));
            let (mut session, at_first) = client(first.clone(), leds);
            let next = Arc::new(publication(2, resource(&after, leds)).following(&first));
            let sent = session.on_publication(next);
            eprintln!(
                "{count} {form}: {at_first} bytes at first, {} for the change",
                accept(&mut session, &sent)
            );
            group.bench_function(BenchmarkId::new(form, count), |b| {
                b.iter_batched(
                    || client(first.clone(), leds).0,
                    |mut session| {
                        let next = publication(2, resource(&after, leds)).following(&first);
                        black_box(session.on_publication(Arc::new(next)))
                    },
                    criterion::BatchSize::SmallInput,
                );
            });
        }
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
