//! What it costs to generate the resources of one type for one proxy, encoded.
//!
//! The inputs and the model are in place: services, endpoints, rules, routes and scopes are resolved, and kept by
//! leases. What is measured is the plan of the resources, the resources, their bytes and digests, and the set of
//! them: everything between the model and what a session sends. `cold`: nothing of it was there. `warm`: another
//! proxy of the same view has it.

use std::{
    any::Any,
    cell::{LazyCell, RefCell},
    fmt::Write as _,
};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use fairlead_config::{Change, ChangeBatch, decode_file};
use fairlead_incremental::{Db, Query};
use fairlead_model::{
    LabelSet, Namespace,
    destination_rule::MergedRule,
    endpoints::{EndpointsOf, Locality},
    gateway::{
        GatewayHosts, GatewayHostsKey, GatewayListeners, GatewayListenersKey, ResolvedGateway, ServerRef,
    },
    input,
    mesh::ResolvedMesh,
    proxy::{BindingOf, Interception, ProxyBinding, ProxyKey, ProxyKind},
    registry::ServiceByKey,
    routes::RoutesOf,
    scope::ScopeOf,
    secret::TlsMaterialOf,
};
use fairlead_translate::{
    listeners::gateway::GatewayListenerSet,
    routes::{
        gateway::GatewayView,
        table::{RouteTables, TablesKey},
    },
    secrets::{ProxySecrets, SecretsKey},
    sets::{OutboundClusters, ScopeInView},
    view::{ClusterView, RouteView},
};

type Held = Box<dyn Any>;
type Generate = fn(&mut Db, &ProxyBinding) -> (Held, usize);

/// A resolved mesh, and the proxy for which resources are generated.
struct Mesh {
    db: Db,
    binding: ProxyBinding,
    _model: Vec<Held>,
}

fn hold<Q: Query>(db: &mut Db, held: &mut Vec<Held>, key: &Q::Key) -> std::sync::Arc<Q::Value> {
    let lease = db.lease::<Q>(key);
    let value = lease.value(db);
    held.push(Box::new(lease));
    value
}

impl Mesh {
    fn of(yaml: &str, kind: ProxyKind) -> Self {
        let decoded = decode_file("bench.yaml", yaml.as_bytes());
        assert!(decoded.rejected.is_empty(), "{:?}", decoded.diagnostics);
        let batch: ChangeBatch = decoded.objects.into_iter().map(Change::Set).collect();
        let mut db = Db::new();
        fairlead_model::indexes::register(&mut db);
        let mut changes = db.change();
        let objects: Vec<_> = batch.iter().map(|change| change.key().clone()).collect();
        input::apply(batch, &mut changes);
        db.apply(changes);

        let mut held = Vec::new();
        let model = &mut held;
        hold::<ResolvedMesh>(&mut db, model, &());
        let binding = hold::<BindingOf>(&mut db, model, &proxy(kind));
        let scope = hold::<ScopeOf>(&mut db, model, &binding.scope);
        for scoped in scope.services.values() {
            hold::<ServiceByKey>(&mut db, model, &scoped.service);
            hold::<EndpointsOf>(&mut db, model, &scoped.service);
            if let Some(rule) = &scoped.rule {
                hold::<MergedRule>(&mut db, model, rule);
            }
        }
        for key in objects {
            match key.kind {
                fairlead_model::Kind::VirtualService => {
                    drop(hold::<RoutesOf>(&mut db, model, &key));
                }
                fairlead_model::Kind::Gateway => drop(hold::<ResolvedGateway>(&mut db, model, &key)),
                fairlead_model::Kind::Secret => {
                    hold::<TlsMaterialOf>(&mut db, model, &(key.namespace, key.name.as_str().into()));
                }
                _ => {}
            }
        }
        if kind == ProxyKind::Gateway {
            hold_gateway(&mut db, model, &binding);
        }
        Self { db, binding: (*binding).clone(), _model: held }
    }
}

/// The listeners of the gateway, and the hosts that are bound to its plaintext servers.
fn hold_gateway(db: &mut Db, model: &mut Vec<Held>, binding: &ProxyBinding) {
    let key = GatewayListenersKey {
        gateways: binding.gateways.clone(),
        ports: binding.gateway_ports.clone(),
        privileged: binding.privileged,
    };
    let merged = hold::<GatewayListeners>(db, model, &key);
    for listener in &merged.listeners {
        let hosts = |servers: std::sync::Arc<[ServerRef]>| GatewayHostsKey {
            servers,
            scope: binding.scope.clone(),
            source: binding.source.clone(),
        };
        hold::<GatewayHosts>(db, model, &hosts(listener.servers.clone()));
    }
}

fn proxy(kind: ProxyKind) -> ProxyKey {
    ProxyKey {
        kind,
        namespace: Namespace::from("default"),
        labels: LabelSet::from_iter([("istio", "ingressgateway")]),
        addresses: ["192.168.0.1".parse().expect("an address")].into(),
        cluster: "Kubernetes".into(),
        network: "".into(),
        locality: Locality::default(),
        node: "".into(),
        interception: Interception::Redirect,
        dns_domain: "default.svc.cluster.local".into(),
        takes_large_expressions: true,
        privileged: true,
    }
}

fn gateway_view(binding: &ProxyBinding) -> GatewayView {
    GatewayView {
        scope: binding.scope.clone(),
        source: binding.source.clone(),
        gateways: binding.gateways.clone(),
        ports: binding.gateway_ports.clone(),
        privileged: binding.privileged,
        families: binding.families,
        takes_large_expressions: true,
    }
}

fn clusters(db: &mut Db, binding: &ProxyBinding) -> (Held, usize) {
    let view = ClusterView { gateway: binding.inbound.is_none(), families: binding.families };
    let lease = db.lease_collect::<OutboundClusters>(&ScopeInView { scope: binding.scope.clone(), view });
    let count = lease.value(db).len();
    (Box::new(lease), count)
}

fn routes(db: &mut Db, binding: &ProxyBinding) -> (Held, usize) {
    let key = match &binding.inbound {
        None => TablesKey::Gateway(gateway_view(binding)),
        Some(_) => TablesKey::Sidecar(RouteView {
            scope: binding.scope.clone(),
            source: binding.source.clone(),
            dns_domain: "default.svc.cluster.local".into(),
            takes_large_expressions: true,
            interception: binding.interception,
        }),
    };
    let lease = db.lease_collect::<RouteTables>(&key);
    let hosts =
        |table: &fairlead_resource::EncodedResource| table.elements.as_ref().map_or(0, |e| e.children.len());
    let count = lease.value(db).values().map(hosts).sum();
    (Box::new(lease), count)
}

/// With the whole form of each table, as clients of the state of the world are sent it.
fn whole_routes(db: &mut Db, binding: &ProxyBinding) -> (Held, usize) {
    let lease = db.lease_collect::<RouteTables>(&TablesKey::Gateway(gateway_view(binding)));
    let count = lease.value(db).values().map(|table| table.fragments().len()).sum();
    (Box::new(lease), count)
}

fn listeners(db: &mut Db, binding: &ProxyBinding) -> (Held, usize) {
    let lease = db.lease_collect::<GatewayListenerSet>(&gateway_view(binding));
    let count = lease.value(db).len();
    (Box::new(lease), count)
}

fn secrets(db: &mut Db, binding: &ProxyBinding) -> (Held, usize) {
    let lease = db.lease::<ProxySecrets>(&SecretsKey {
        namespace: Some(Namespace::from("default")),
        scope: binding.scope.clone(),
        gateway: Some(gateway_view(binding)),
    });
    let count = lease.value(db).len();
    (Box::new(lease), count)
}

/// The measured part; a function of its own, so that a profiler can be told to look at nothing else.
#[inline(never)]
fn generate(mesh: &mut Mesh, how: Generate) -> (Held, usize) {
    how(&mut mesh.db, &mesh.binding)
}

/// The mesh is made, and the result checked, only if one of the two is asked for: so a profiler sees nothing else.
fn measure(
    criterion: &mut Criterion,
    name: &str,
    expected: usize,
    how: Generate,
    mesh: impl FnOnce() -> Mesh + 'static,
) {
    let mesh = LazyCell::new(move || {
        let mut mesh = mesh();
        let (_, count) = generate(&mut mesh, how);
        (RefCell::new(mesh), count)
    });
    let checked = || {
        assert_eq!(mesh.1, expected, "{name}");
        mesh.0.borrow_mut()
    };
    let mut group = criterion.benchmark_group(name);
    group.bench_function("warm", |bencher| {
        let _held = generate(&mut checked(), how);
        bencher.iter(|| generate(&mut checked(), how));
    });
    group.bench_function("cold", |bencher| {
        bencher.iter_batched(
            || checked().db.collect_garbage(0),
            |_| generate(&mut checked(), how),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn services(count: usize) -> String {
    let mut yaml = String::new();
    for i in 0..count {
        let (high, low) = (i / 250, i % 250 + 1);
        object(
            &mut yaml,
            "v1",
            "Service",
            &format!("svc-{i}"),
            "",
            &format!(
                "{{clusterIP: 10.96.{high}.{low}, selector: {{app: svc-{i}}}, ports: [{{name: http, port: 80, targetPort: 8080}}]}}"
            ),
        );
    }
    yaml
}

const ISTIO: &str = "networking.istio.io/v1";

fn object(yaml: &mut String, version: &str, kind: &str, name: &str, more: &str, spec: &str) {
    writeln!(
        yaml,
        "---\napiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}, namespace: default{more}}}\nspec: {spec}"
    )
    .expect("writing to a String does not fail");
}

/// VirtualServices `svc-<i>.example.com` at a gateway, each to a service.
fn bound_routes(yaml: &mut String, count: usize, gateway: impl Fn(usize) -> String) {
    for i in 0..count {
        object(
            yaml,
            ISTIO,
            "VirtualService",
            &format!("vs-{i}"),
            "",
            &format!(
                "{{hosts: [svc-{i}.example.com], gateways: [{}], http: [{{route: [{{destination: {{host: svc-{i}, port: {{number: 80}}}}}}]}}]}}",
                gateway(i)
            ),
        );
    }
}

fn gateway(yaml: &mut String, name: &str, servers: &str) {
    object(
        yaml,
        ISTIO,
        "Gateway",
        name,
        "",
        &format!("{{selector: {{istio: ingressgateway}}, servers: [{servers}]}}"),
    );
}

fn separate_gateways(count: usize) -> String {
    let mut yaml = services(count);
    for i in 0..count {
        let server =
            format!("{{port: {{number: 80, name: http, protocol: HTTP}}, hosts: [svc-{i}.example.com]}}");
        gateway(&mut yaml, &format!("gw-{i}"), &server);
    }
    bound_routes(&mut yaml, count, |i| format!("gw-{i}"));
    yaml
}

fn shared_gateway(count: usize) -> String {
    let mut yaml = services(count);
    gateway(&mut yaml, "gw", "{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}");
    bound_routes(&mut yaml, count, |_| "gw".to_owned());
    yaml
}

fn tls_gateways(count: usize) -> String {
    let mut yaml = services(count);
    for i in 0..count {
        let server = format!(
            "{{port: {{number: 443, name: https-{i}, protocol: HTTPS}}, hosts: [svc-{i}.example.com], tls: {{mode: SIMPLE, credentialName: cert-{i}}}}}"
        );
        gateway(&mut yaml, &format!("gw-{i}"), &server);
        writeln!(
            yaml,
            "---\napiVersion: v1\nkind: Secret\ntype: Opaque\nmetadata: {{name: cert-{i}, namespace: default}}\n\
             stringData: {{tls.crt: '{}', tls.key: '{}'}}",
            "c".repeat(1_200),
            "k".repeat(1_700)
        )
        .expect("writing to a String does not fail");
    }
    bound_routes(&mut yaml, count, |i| format!("gw-{i}"));
    yaml
}

fn mesh_routes(count: usize) -> String {
    let mut yaml = services(count);
    for i in 0..count {
        object(
            &mut yaml,
            ISTIO,
            "VirtualService",
            &format!("vs-{i}"),
            "",
            &format!(
                "{{hosts: [svc-{i}], http: [{{match: [{{uri: {{prefix: /a}}}}], timeout: 3s, route: [{{destination: {{host: svc-{i}}}}}]}}, {{route: [{{destination: {{host: svc-{i}}}}}]}}]}}"
            ),
        );
    }
    yaml
}

fn service_entries(count: usize, workloads: usize) -> String {
    let mut yaml = String::new();
    for i in 0..count {
        object(
            &mut yaml,
            ISTIO,
            "ServiceEntry",
            &format!("se-{i}"),
            "",
            &format!(
                "{{hosts: [se-{i}.example.com], ports: [{{number: 80, name: http, protocol: HTTP}}], location: MESH_INTERNAL, resolution: STATIC, workloadSelector: {{labels: {{app: vm}}}}}}"
            ),
        );
    }
    for i in 0..workloads {
        let (high, low) = (i / 250, i % 250 + 1);
        object(
            &mut yaml,
            ISTIO,
            "WorkloadEntry",
            &format!("we-{i}"),
            "",
            &format!("{{address: 10.1.{high}.{low}, labels: {{app: vm}}}}"),
        );
    }
    yaml
}

fn generation(criterion: &mut Criterion) {
    let gateway = ProxyKind::Gateway;
    let sidecar = ProxyKind::Sidecar;
    let mesh = |yaml: fn() -> String, kind| move || Mesh::of(&yaml(), kind);
    measure(criterion, "gateway clusters, 1000 services", 1_000, clusters, mesh(|| services(1_000), gateway));
    measure(
        criterion,
        "gateway routes, 1000 gateways",
        1_000,
        routes,
        mesh(|| separate_gateways(1_000), gateway),
    );
    measure(
        criterion,
        "gateway routes, 1000 hosts of one",
        1_000,
        routes,
        mesh(|| shared_gateway(1_000), gateway),
    );
    measure(
        criterion,
        "gateway routes, 1000 hosts of one, whole",
        2_001,
        whole_routes,
        mesh(|| shared_gateway(1_000), gateway),
    );
    measure(
        criterion,
        "gateway listeners, 1000 TLS servers",
        1,
        listeners,
        mesh(|| tls_gateways(1_000), gateway),
    );
    measure(criterion, "secrets, 1000", 1_000, secrets, mesh(|| tls_gateways(1_000), gateway));
    measure(criterion, "sidecar clusters, 100 services", 100, clusters, mesh(|| services(100), sidecar));
    measure(criterion, "sidecar routes, 100 services", 100, routes, mesh(|| services(100), sidecar));
    measure(
        criterion,
        "sidecar routes, 100 VirtualServices",
        100,
        routes,
        mesh(|| mesh_routes(100), sidecar),
    );
    measure(
        criterion,
        "sidecar clusters, 100 ServiceEntries",
        100,
        clusters,
        mesh(|| service_entries(100, 1_000), sidecar),
    );
}

criterion_group!(benches, generation);
criterion_main!(benches);
