//! What translation costs: the whole mesh at once, and one change at a time.
//!
//! Every service has ten endpoints with Pods, a VirtualService with two weights and a DestinationRule with two
//! subsets. Decoding is not counted.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use fairlead_config::{Change, ChangeBatch, decode_file};
use fairlead_incremental::{Db, Lease, Settled};
use fairlead_model::{
    LabelSet, Namespace,
    endpoints::Locality,
    input,
    proxy::{Interception, ProxyKey, ProxyKind},
};
use fairlead_resource::TypeUrl;
use fairlead_testkit::meshgen::MeshSpec;
use fairlead_translate::{
    origins::Which,
    publication::{PublicationKey, PublicationOf, Sets, ViewOf, origins},
};

fn spec(services: usize) -> MeshSpec {
    MeshSpec {
        namespaces: 10,
        services,
        endpoints_per_service: 10,
        pods: true,
        service_entries: 0,
        virtual_services: services,
        destination_rules: services,
        ..MeshSpec::EMPTY
    }
}

fn batch(yaml: &str) -> ChangeBatch {
    decode_file("bench.yaml", yaml.as_bytes()).objects.into_iter().map(Change::Set).collect()
}

fn sidecar() -> PublicationKey {
    let proxy = ProxyKey {
        kind: ProxyKind::Sidecar,
        namespace: Namespace::from("ns-0"),
        labels: LabelSet::default(),
        addresses: ["192.168.0.1".parse().expect("an address")].into(),
        cluster: "Kubernetes".into(),
        network: "".into(),
        locality: Locality::default(),
        node: "".into(),
        interception: Interception::Redirect,
        dns_domain: "ns-0.svc.cluster.local".into(),
        takes_large_expressions: true,
        privileged: true,
    };
    PublicationKey { proxy, secrets: true }
}

/// A mesh with the publication of one sidecar.
struct Mesh {
    db: Db,
    publication: Lease<PublicationOf>,
}

impl Mesh {
    fn of(all: ChangeBatch) -> Self {
        let mut db = Db::new();
        fairlead_model::indexes::register(&mut db);
        apply(&mut db, all);
        let publication = db.lease::<PublicationOf>(&sidecar());
        Self { db, publication }
    }
}

fn apply(db: &mut Db, batch: ChangeBatch) -> Settled {
    let mut changes = db.change();
    input::apply(batch, &mut changes);
    db.apply(changes);
    db.settle()
}

fn cold(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cold");
    group.sample_size(10);
    for services in [1_000, 10_000] {
        let all = batch(&spec(services).yaml());
        group.bench_function(format!("{services} services"), |bencher| {
            bencher.iter_batched(|| all.clone(), Mesh::of, BatchSize::PerIteration);
        });
    }
    group.finish();
}

/// Alternates between two states of a mesh.
fn change(criterion: &mut Criterion, mesh: &mut Mesh, name: &str, states: &[ChangeBatch; 2]) {
    let settled = apply(&mut mesh.db, states[0].clone());
    let settled = [settled, apply(&mut mesh.db, states[1].clone())];
    assert!(settled[1].has_changed(mesh.publication.id()), "{name}: nothing changes");
    let mut turn = 0;
    criterion.bench_function(name, |bencher| {
        bencher.iter_batched(
            || {
                turn += 1;
                states[turn % 2].clone()
            },
            |batch| apply(&mut mesh.db, batch),
            BatchSize::PerIteration,
        );
    });
}

fn changes(criterion: &mut Criterion) {
    for services in [100, 1_000, 10_000] {
        changes_among(criterion, services);
    }
}

/// The same changes in a mesh of that many services: what they cost must follow the change, not the mesh.
fn changes_among(criterion: &mut Criterion, services: usize) {
    let spec = spec(services);
    let mesh = &mut Mesh::of(batch(&spec.yaml()));
    let name = |what: &str| format!("{what}, {services} services");
    let [endpoints, more] = [10, 11].map(|n| batch(&spec.endpoints_with(7, n)));
    change(criterion, mesh, &name("one endpoint"), &[endpoints, more]);
    let weights = [80, 70].map(|weight| batch(&spec.virtual_service(7, weight)));
    change(criterion, mesh, &name("one weight"), &weights);
    change(criterion, mesh, &name("one pool"), &[100, 50].map(|pool| batch(&spec.destination_rule(7, pool))));
    let new = batch(&spec.service(services));
    let gone = new.iter().map(|change| Change::Delete(change.key().clone())).collect();
    change(criterion, mesh, &name("one service"), &[new, gone]);
}

/// All bytes of all resources in a row, as a state-of-the-world client is sent them.
fn encode(criterion: &mut Criterion) {
    let mesh = Mesh::of(batch(&spec(1_000).yaml()));
    let sets = mesh.publication.value(&mesh.db);
    criterion.bench_function("encode all", |bencher| bencher.iter(|| black_box(bytes(&sets))));
}

fn bytes(sets: &Sets) -> usize {
    let all = [&sets.clusters, &sets.load_assignments, &sets.listeners, &sets.route_tables];
    all.iter().flat_map(|set| set.values()).map(|resource| black_box(resource.to_vec()).len()).sum()
}

/// Where everything comes from that a sidecar is sent, asked at once, in the slices that the core asks in, and of one
/// resource alone.
fn ask(criterion: &mut Criterion) {
    const SLICE: usize = 256;
    let mut group = criterion.benchmark_group("origins, 10000 services");
    group.sample_size(10);
    let mesh = &mut Mesh::of(batch(&spec(10_000).yaml()));
    let lease = mesh.db.lease::<ViewOf>(&sidecar());
    let view = lease.value(&mesh.db);
    let db = &mut mesh.db;
    let types =
        [TypeUrl::CLUSTER, TypeUrl::CLUSTER_LOAD_ASSIGNMENT, TypeUrl::LISTENER, TypeUrl::ROUTE_CONFIGURATION];
    for type_url in types {
        let mut told = |which: Which| black_box(db.ask(|cx| origins(cx, &view, type_url, &which)));
        let all = told(Which::Members(0..usize::MAX));
        let name = all.resources.keys().nth(all.resources.len() / 2).expect("there is one").clone();
        let short = type_url.short();
        group.bench_function(format!("all of {short}"), |b| b.iter(|| told(Which::Members(0..usize::MAX))));
        group.bench_function(format!("a slice of {short}"), |b| b.iter(|| told(Which::Members(0..SLICE))));
        group.bench_function(format!("one of {short}"), |b| b.iter(|| told(Which::one(&name, None))));
    }
    group.finish();
}

criterion_group!(benches, cold, changes, encode, ask);
criterion_main!(benches);
