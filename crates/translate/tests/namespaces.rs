//! What namespaces see alike is there once: the memory of a further namespace is that of what it sees otherwise.
//!
//! A binary of its own, since it counts what is allocated.

use std::{alloc::System, sync::Arc};

use cap::Cap;
use fairlead_config::{Change, LabelSet, decode_file};
use fairlead_incremental::{Db, Lease};
use fairlead_model::{
    ConfigKey, Kind, Namespace,
    endpoints::Locality,
    input,
    proxy::{Interception, ProxyKey, ProxyKind},
};
use fairlead_testkit::meshgen::MeshSpec;
use fairlead_translate::publication::{PublicationKey, PublicationOf};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

const MESH: MeshSpec = MeshSpec {
    namespaces: 100,
    services: 700,
    endpoints_per_service: 1,
    pods: false,
    virtual_services: 200,
    destination_rules: 200,
    ..MeshSpec::EMPTY
};

/// An object of each kind that is for its namespace alone, for each namespace.
fn private(at: usize) -> String {
    let meta = |name: &str| format!("metadata: {{name: {name}, namespace: ns-{at}}}");
    let api = "apiVersion: networking.istio.io/v1";
    let host = MESH.host(at + 101);
    format!(
        "---\n{{{api}, kind: ServiceEntry, {}, spec: {{hosts: [own-{at}.com], exportTo: [.], resolution: DNS, ports: [{{number: 80, name: http, protocol: HTTP}}]}}}}\n\
         ---\n{{{api}, kind: VirtualService, {}, spec: {{hosts: [{host}], exportTo: [.], http: [{{route: [{{destination: {{host: own-{at}.com}}}}]}}]}}}}\n\
         ---\n{{{api}, kind: DestinationRule, {}, spec: {{host: {host}, exportTo: [.], trafficPolicy: {{connectionPool: {{tcp: {{maxConnections: 7}}}}}}}}}}\n",
        meta("own"),
        meta("own"),
        meta("own"),
    )
}

fn apply(db: &mut Db, changes: Vec<Change>) {
    let mut set = db.change();
    input::apply(changes.into_iter().collect(), &mut set);
    db.apply(set);
    db.settle();
}

fn objects(yaml: &str) -> Vec<Change> {
    decode_file("mesh.yaml", yaml.as_bytes()).objects.into_iter().map(Change::Set).collect()
}

fn connect(db: &mut Db, namespace: usize) -> Lease<PublicationOf> {
    db.lease::<PublicationOf>(&PublicationKey { proxy: client(namespace), secrets: true })
}

fn client(at: usize) -> ProxyKey {
    let namespace = format!("ns-{at}");
    ProxyKey {
        kind: ProxyKind::Sidecar,
        namespace: Namespace::from(&*namespace),
        labels: LabelSet::default(),
        cluster: "Kubernetes".into(),
        addresses: Arc::new([std::net::Ipv4Addr::from(0x0ac8_0000 + u32::try_from(at).expect("few")).into()]),
        locality: Locality::default(),
        network: Arc::default(),
        node: Arc::default(),
        dns_domain: format!("{namespace}.svc.cluster.local").into(),
        interception: Interception::Redirect,
        privileged: false,
        takes_large_expressions: false,
    }
}

#[test]
fn a_further_namespace_costs_what_it_sees_otherwise() {
    let mut db = Db::new();
    fairlead_model::indexes::register(&mut db);
    apply(&mut db, objects(&MESH.yaml()));
    apply(&mut db, (0..MESH.namespaces).flat_map(|at| objects(&private(at))).collect());
    let cost = |connect: &mut dyn FnMut()| {
        let before = ALLOCATOR.allocated();
        connect();
        ALLOCATOR.allocated().saturating_sub(before)
    };
    let mut leases = Vec::new();
    let first = cost(&mut || leases.push(connect(&mut db, 0)));
    let further = cost(&mut || leases.extend((1..21).map(|at| connect(&mut db, at)))) / 20;
    assert!(further * 20 < first, "the first namespace: {first} bytes, each further one: {further}");

    // Services that come and go are edited into the scope of each namespace. What they share stays shared.
    let before = ALLOCATOR.allocated();
    for at in 0..40 {
        apply(&mut db, objects(&MESH.service(MESH.services + at % 10)));
        let name = format!("svc-{}", MESH.services + (at + 5) % 10);
        let namespace = MESH.namespace_of(MESH.services + (at + 5) % 10);
        apply(&mut db, vec![Change::Delete(ConfigKey::new(Kind::Service, namespace, name))]);
    }
    let grown = ALLOCATOR.allocated().saturating_sub(before) / leases.len();
    assert!(
        grown * 20 < first,
        "the first namespace: {first} bytes, 80 changes later: {grown} more for each"
    );
}
