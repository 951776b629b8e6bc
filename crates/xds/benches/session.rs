//! What a session costs: finding one change among many resources, and encoding a full response.

use std::{hint::black_box, sync::Arc};

use criterion::{Criterion, criterion_group, criterion_main};
use envoy_types::pb::envoy::service::discovery::v3::DeltaDiscoveryRequest;
use fairlead_resource::{EncodedResource, ResourceSet, TypeUrl};
use fairlead_xds::{Action, Protocol, Publication, Session, SessionOptions};

/// Services of the design scale.
const COUNT: usize = 10_000;
/// Bytes of a cluster as it is for Istio's features.
const BYTES: usize = 1040;

fn clusters() -> ResourceSet {
    (0..COUNT)
        .map(|i| {
            EncodedResource::whole(format!("outbound|80||svc-{i}.default.svc.cluster.local"), vec![1; BYTES])
        })
        .map(|r| (r.name.clone(), r))
        .collect()
}

fn publication(revision: u64, set: &ResourceSet) -> Arc<Publication> {
    Arc::new(Publication::new(revision).with(TypeUrl::CLUSTER, set.clone()))
}

fn session(publication: Arc<Publication>) -> Session {
    Session::new(Protocol::Delta, SessionOptions::default(), publication)
}

fn begin(session: &mut Session) -> Vec<Action> {
    let type_url = TypeUrl::CLUSTER.as_str().to_owned();
    session.on_delta(&DeltaDiscoveryRequest { type_url, ..Default::default() })
}

fn ack(session: &mut Session, actions: &[Action]) {
    for action in actions {
        if let Action::Send(response) = action {
            session.on_delta(&DeltaDiscoveryRequest {
                type_url: response.type_url().as_str().into(),
                response_nonce: response.nonce().to_string(),
                ..Default::default()
            });
        }
    }
}

fn bench(c: &mut Criterion) {
    let before = clusters();
    let mut after = before.clone();
    let changed =
        EncodedResource::whole(before.keys().nth(COUNT / 2).expect("there are more").clone(), vec![2; BYTES]);
    after.insert(changed.name.clone(), changed);
    let (first, second) = (publication(1, &before), publication(2, &after));

    c.bench_function("full response of 10,000 clusters, encoded", |b| {
        b.iter(|| black_box(begin(&mut session(publication(1, &before)))));
    });
    c.bench_function("full response of 10,000 clusters, shared", |b| {
        b.iter(|| black_box(begin(&mut session(first.clone()))));
    });
    for (name, shared) in [("computed", false), ("shared", true)] {
        let mut session = session(first.clone());
        let actions = begin(&mut session);
        ack(&mut session, &actions);
        let mut turn = [(&after, &second), (&before, &first)].into_iter().cycle();
        c.bench_function(&format!("one change among 10,000 clusters, {name}"), |b| {
            b.iter(|| {
                let (set, known) = turn.next().expect("it cycles");
                let next = if shared { known.clone() } else { publication(3, set) };
                let actions = session.on_publication(next);
                ack(&mut session, &actions);
                black_box(actions)
            });
        });
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
