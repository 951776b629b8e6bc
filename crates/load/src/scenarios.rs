//! The scenarios, in groups that share a mesh and its clients.

use std::time::Duration;

use fairlead_resource::TypeUrl;
use fairlead_testkit::{ads::Protocol, crowd::Awaited, meshgen::MeshSpec};

use crate::{
    loopback,
    report::{Goal, Row, at_least, at_most, figure, mb, ms},
    rig::{Awaits, Kind, Rig},
    settings::{Failure, Settings},
};

/// The default quiet time before a lone change is applied; it is part of all latencies.
const DEBOUNCE_MS: f64 = 10.0;

/// The mesh of the table: `services` with five endpoints each in ten namespaces, and a fifth of that number of
/// VirtualServices and DestinationRules.
pub(crate) fn mesh(services: usize) -> MeshSpec {
    MeshSpec {
        namespaces: 10,
        services,
        endpoints_per_service: 5,
        pods: true,
        virtual_services: services / 5,
        destination_rules: services / 5,
        ..MeshSpec::EMPTY
    }
}

/// Runs the scenarios that `settings` select.
pub(crate) async fn run(settings: &Settings) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    let protocol = if settings.sotw { Protocol::Sotw } else { Protocol::Delta };
    if settings.wants(&["loaded", "sync", "endpoint", "pool", "weight", "service", "irrelevant"]) {
        let (services, clients) = (settings.services.unwrap_or(1000), settings.clients.unwrap_or(1000));
        rows.extend(unscoped(settings, protocol, services, clients).await?);
    }
    if settings.wants(&["pods"]) {
        rows.extend(pods(settings, protocol).await?);
    }
    if settings.wants(&["namespaces"]) {
        rows.extend(namespaces(settings, protocol).await?);
    }
    if settings.wants(&["scoped"]) {
        rows.push(scoped(settings, protocol).await?.tell());
    }
    if settings.wants(&["weight-sotw"]) {
        rows.push(weight_sotw(settings).await?.tell());
    }
    if settings.wants(&["big-service"]) {
        rows.push(big_service(settings, protocol).await?.tell());
    }
    if settings.wants(&["gateway"]) {
        rows.push(gateway(settings, protocol).await?.tell());
    }
    Ok(rows)
}

/// The header of a row.
pub(crate) fn row(scenario: &str, setting: String, istiod: &str, goals: Vec<Goal>) -> Row {
    eprintln!("load: {scenario} ({setting}) ...");
    Row { scenario: scenario.to_owned(), setting, istiod: istiod.to_owned(), goals, ..Row::default() }
}

/// The scenarios of sidecars that see the whole mesh.
pub(crate) async fn unscoped(
    settings: &Settings,
    protocol: Protocol,
    services: usize,
    clients: usize,
) -> Result<Vec<Row>, Failure> {
    let setting = format!("{services} services, {clients} clients, {}", word(protocol));
    let mut rows = Vec::new();
    let goals = vec![at_most(figure::RSS_MB, 40.0)];
    let mut loaded = row("loaded, no client", format!("{services} services"), "212 MB", goals);
    let mut rig = Rig::new(settings, mesh(services), Kind::Sidecars, protocol).await?;
    rig.loaded(&mut loaded)?;
    rows.push(loaded.tell());
    let goals = vec![at_most(figure::CPU_S, 5.0), at_most(figure::PEAK_MB, 200.0)];
    let mut sync = row("first sync", setting.clone(), "90 CPU-s; 3,033 MB", goals);
    rig.sync(clients, &mut sync).await?;
    rows.push(sync.tell());
    if settings.wants(&["endpoint"]) {
        rows.push(endpoint(&rig, &setting).await?.tell());
    }
    if settings.wants(&["pool"]) {
        rows.push(pool(&rig, &setting).await?.tell());
    }
    if settings.wants(&["weight"]) {
        rows.push(weight(&rig, &setting).await?.tell());
    }
    if settings.wants(&["service"]) {
        rows.push(service(&rig, &setting).await?.tell());
    }
    if settings.wants(&["irrelevant"]) {
        rows.push(irrelevant(&rig, &setting).await?.tell());
    }
    Ok(rows)
}

/// The scenarios of sidecars that all have different inbound sides.
async fn pods(settings: &Settings, protocol: Protocol) -> Result<Vec<Row>, Failure> {
    let (services, clients) = (settings.services.unwrap_or(1000), settings.clients.unwrap_or(1000));
    let setting = format!("{services} services, {clients} clients, each a Pod of them, {}", word(protocol));
    let mut rig = Rig::new(settings, mesh(services), Kind::Pods, protocol).await?;
    let mut sync = row("first sync", setting.clone(), "", Vec::new());
    rig.sync(clients, &mut sync).await?;
    let mut rows = vec![
        sync,
        endpoint(&rig, &setting).await?,
        pool(&rig, &setting).await?,
        weight(&rig, &setting).await?,
        service(&rig, &setting).await?,
    ];
    // istiod's figures and the goals are for clients without a service.
    for row in &mut rows {
        row.istiod.clear();
        row.goals.clear();
    }
    Ok(rows.into_iter().map(Row::tell).collect())
}

/// The scenarios of sidecars that are all in different namespaces.
async fn namespaces(settings: &Settings, protocol: Protocol) -> Result<Vec<Row>, Failure> {
    let (services, clients) = (settings.services.unwrap_or(2000), settings.clients.unwrap_or(300));
    let setting =
        format!("{services} services, {clients} clients, each in its namespace, {}", word(protocol));
    let spec = MeshSpec { namespaces: clients, ..mesh(services) };
    let mut rig = Rig::new(settings, spec, Kind::Sidecars, protocol).await?;
    let goals = vec![at_most(figure::CPU_S, 4.0), at_most(figure::PEAK_MB, 300.0)];
    let mut sync = row("first sync", setting.clone(), "", goals);
    rig.sync(clients, &mut sync).await?;
    let mut changes = [
        endpoint(&rig, &setting).await?,
        pool(&rig, &setting).await?,
        weight(&rig, &setting).await?,
        service(&rig, &setting).await?,
    ];
    // istiod's figures and the goals are for fewer services.
    for row in &mut changes {
        row.istiod.clear();
        row.goals.clear();
    }
    Ok(std::iter::once(sync).chain(changes).map(Row::tell).collect())
}

fn awaits(kind: TypeUrl, name: Option<&str>, clients: usize) -> Awaits<'_> {
    Awaits { kind, name, awaited: Awaited::Change, clients }
}

/// One endpoint is added.
pub(crate) async fn endpoint(rig: &Rig, setting: &str) -> Result<Row, Failure> {
    let goals = vec![at_most(figure::LAST_MS, DEBOUNCE_MS + 30.0), at_most(figure::CPU_S, 0.05)];
    let mut row = row("one endpoint", setting.to_owned(), "about 240 ms; 0.2 CPU-s", goals);
    let spec = &rig.spec;
    let i = spec.services - 1;
    let file = format!("endpoints-{i}.yaml");
    let awaits = awaits(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, None, rig.clients_that_see(i));
    rig.change(
        &mut row,
        &awaits,
        |server, _| server.write(&file, &spec.endpoints_with(i, spec.endpoints_per_service + 1)),
        |server| server.write(&file, &spec.endpoints(i)),
    )
    .await?;
    Ok(row)
}

/// The connection pool of a DestinationRule is resized.
pub(crate) async fn pool(rig: &Rig, setting: &str) -> Result<Row, Failure> {
    let goals = vec![
        at_most(figure::LAST_MS, DEBOUNCE_MS + 100.0),
        at_most(figure::MB, 6.0),
        at_most(figure::CPU_S, 0.2),
    ];
    let mut row = row("one DestinationRule", setting.to_owned(), "11 s; 627 MB; 19 CPU-s", goals);
    let spec = &rig.spec;
    let i = spec.destination_rules - 1;
    let file = format!("destinationrule-{i}.yaml");
    rig.change(
        &mut row,
        &awaits(TypeUrl::CLUSTER, None, rig.clients_that_see(i)),
        |server, round| {
            server.write(&file, &spec.destination_rule(i, 101 + u32::try_from(round).unwrap_or(0)))
        },
        |server| server.write(&file, &spec.destination_rule(i, 100)),
    )
    .await?;
    Ok(row)
}

/// The weights of a VirtualService change.
pub(crate) async fn weight(rig: &Rig, setting: &str) -> Result<Row, Failure> {
    let goals = vec![
        at_most(figure::LAST_MS, DEBOUNCE_MS + 50.0),
        at_most(figure::MB, 2.0),
        at_most(figure::CPU_S, 0.2),
    ];
    let mut row = row("one VirtualService", setting.to_owned(), "11 s; 622 MB; 19 CPU-s", goals);
    change_weight(rig, &mut row).await?;
    Ok(row)
}

async fn change_weight(rig: &Rig, row: &mut Row) -> Result<(), Failure> {
    let spec = &rig.spec;
    let i = spec.virtual_services - 1;
    let file = format!("virtualservice-{i}.yaml");
    let kind = if row.setting.ends_with(word(Protocol::Sotw)) {
        TypeUrl::ROUTE_CONFIGURATION
    } else {
        TypeUrl::VIRTUAL_HOST
    };
    rig.change(
        row,
        &awaits(kind, None, rig.clients_that_see(i)),
        |server, round| server.write(&file, &spec.virtual_service(i, 10 + u32::try_from(round).unwrap_or(0))),
        |server| server.write(&file, &spec.virtual_service(i, 80)),
    )
    .await?;
    Ok(())
}

/// A Service is added, with endpoints.
pub(crate) async fn service(rig: &Rig, setting: &str) -> Result<Row, Failure> {
    let goals = vec![
        at_most(figure::LAST_MS, DEBOUNCE_MS + 100.0),
        at_most(figure::MB, 5.0),
        at_most(figure::CPU_S, 0.3),
    ];
    let mut row = row("a new Service", setting.to_owned(), "13.6 s; 627 MB; 24 CPU-s", goals);
    let spec = &rig.spec;
    let i = spec.services;
    let file = format!("new-{i}.yaml");
    rig.change(
        &mut row,
        &awaits(TypeUrl::CLUSTER, None, rig.crowd.len()),
        |server, _| server.write(&file, &format!("{}---\n{}", spec.service(i), spec.endpoints(i))),
        |server| server.delete(&file),
    )
    .await?;
    // It is usable once its host has arrived, which follows its cluster.
    let settled = row.figure(figure::SETTLED_MS).unwrap_or(f64::NAN);
    row.figures.retain(|(name, _)| *name != figure::LAST_MS);
    row.figures.insert(0, (figure::LAST_MS, settled));
    Ok(row)
}

/// A change on which no proxy's configuration depends.
async fn irrelevant(rig: &Rig, setting: &str) -> Result<Row, Failure> {
    let goals = vec![at_most(figure::MB, 0.0), at_most(figure::VIEWS, 0.0)];
    let mut row = row("nothing relevant", setting.to_owned(), "a push in many cases", goals);
    let (spec, file) = (&rig.spec, "endpoints-0.yaml");
    let pods = spec.endpoints(0);
    let changes = [
        ("labels: {app:", "annotations: {note: one}\n  labels: {app:"),
        ("labels: {app:", "labels: {nobody-selects: this, app:"),
        ("status: {phase: Running,", "status: {phase: Running, startTime: \"2026-11-28T00:00:00Z\","),
    ];
    let (mut bytes, mut recomputed, mut views, mut cpu, mut queries) =
        (0, 0.0, 0.0, Duration::ZERO, Vec::new());
    for (from, to) in changes {
        let other = pods.replace(from, to);
        if other == pods {
            return Err(format!("`{from}` is not in the pods of the mesh").into());
        }
        let measured = rig.once(None, || rig.server.write(file, &other)).await?;
        bytes += measured.totals.bytes();
        recomputed += measured.recomputed;
        views += measured.views;
        queries.extend(measured.queries);
        cpu += measured.cpu;
        rig.once(None, || rig.server.write(file, &pods)).await?;
    }
    row.set(figure::MB, mb(bytes));
    row.set(figure::RECOMPUTED, recomputed);
    row.set(figure::VIEWS, views);
    row.set(figure::CPU_S, cpu.as_secs_f64());
    row.note = queries.join(", ");
    Ok(row)
}

async fn scoped(settings: &Settings, protocol: Protocol) -> Result<Row, Failure> {
    let (services, clients) = (settings.services.unwrap_or(1000), settings.clients.unwrap_or(2000));
    let setting = format!("{services} services, {clients} clients with 100 each, {}", word(protocol));
    let goals = vec![at_most(figure::CPU_S, 2.0), at_most(figure::PEAK_MB, 150.0)];
    let mut row = row("first sync, scoped", setting, "19 CPU-s; 1,331 MB", goals);
    let spec = MeshSpec { sidecar_services: 100, ..mesh(services) };
    let mut rig = Rig::new(settings, spec, Kind::Sidecars, protocol).await?;
    rig.sync(clients, &mut row).await?;
    Ok(row)
}

/// The state of the world compared with a bare copy of the same bytes.
async fn weight_sotw(settings: &Settings) -> Result<Row, Failure> {
    let (services, clients) = (settings.services.unwrap_or(1000), settings.clients.unwrap_or(1000));
    let setting = format!("{services} services, {clients} clients, {}", word(Protocol::Sotw));
    let goals = vec![at_least(figure::COPY_RATIO, 0.8)];
    let mut rig = Rig::new(settings, mesh(services), Kind::Sidecars, Protocol::Sotw).await?;
    let mut sync = Row::default();
    rig.sync(clients, &mut sync).await?;
    let mut row = row("one VirtualService", setting, "11 s; 622 MB; 19 CPU-s", goals);
    change_weight(&rig, &mut row).await?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bytes, less than a terabyte"
    )]
    let bytes = (row.figure(figure::MB).unwrap_or(0.0) * 1e6) as usize / clients.max(1);
    let copy = median_copy(clients, bytes, loopback::CHUNK).await?;
    let in_frames = median_copy(clients, bytes, loopback::FRAME).await?;
    let last = row.figure(figure::LAST_MS).unwrap_or(f64::NAN);
    row.set("loopback_copy_ms", ms(copy));
    row.set("loopback_copy_in_frames_ms", ms(in_frames));
    row.set(figure::COPY_RATIO, ms(copy) / (last - DEBOUNCE_MS));
    Ok(row)
}

async fn median_copy(clients: usize, bytes: usize, piece: usize) -> Result<Duration, Failure> {
    let mut copies = Vec::new();
    for _ in 0..5 {
        copies.push(loopback::copy(clients, bytes, piece).await?);
    }
    copies.sort_unstable();
    Ok(copies[copies.len() / 2])
}

/// A change of one endpoint of a service with many.
async fn big_service(settings: &Settings, protocol: Protocol) -> Result<Row, Failure> {
    const ENDPOINTS: usize = 2000;
    let clients = settings.clients.unwrap_or(1000);
    let setting = format!("1 service, {ENDPOINTS} endpoints, {clients} clients, {}", word(protocol));
    let goals = vec![at_most(figure::MB, 1.0)];
    let mut row = row("one of 2,000 endpoints", setting, "the whole assignment to each", goals);
    let spec = MeshSpec { services: 1, endpoints_per_service: ENDPOINTS, ..MeshSpec::EMPTY };
    let mut rig = Rig::new(settings, spec, Kind::Sidecars, protocol).await?;
    let mut sync = Row::default();
    rig.sync(clients, &mut sync).await?;
    let spec = &rig.spec;
    // The type in which it arrives: the assignment, or its elements.
    let kind = if rig.crowd.count(0, TypeUrl::LB_ENDPOINT) > 0 {
        TypeUrl::LB_ENDPOINT
    } else {
        TypeUrl::CLUSTER_LOAD_ASSIGNMENT
    };
    rig.change(
        &mut row,
        &awaits(kind, None, clients),
        |server, _| server.write("endpoints-0.yaml", &spec.endpoints_with(0, ENDPOINTS + 1)),
        |server| server.write("endpoints-0.yaml", &spec.endpoints(0)),
    )
    .await?;
    Ok(row)
}

/// A change of one server of a gateway with many.
async fn gateway(settings: &Settings, protocol: Protocol) -> Result<Row, Failure> {
    const SERVERS: usize = 1000;
    let clients = settings.clients.unwrap_or(50);
    let setting = format!("{SERVERS} TLS servers, {clients} gateways, {}", word(protocol));
    let goals = vec![at_most(figure::MB, 0.5)];
    let mut row = row("one of 1,000 TLS servers", setting, "the whole listener, 2.3 MB each", goals);
    let spec = MeshSpec { gateway_servers: SERVERS, ..MeshSpec::default() };
    let mut rig = Rig::new(settings, spec, Kind::Gateways, protocol).await?;
    let mut sync = Row::default();
    rig.sync(clients, &mut sync).await?;
    let spec = &rig.spec;
    let kind =
        if rig.crowd.count(0, TypeUrl::FILTER_CHAIN) > 0 { TypeUrl::FILTER_CHAIN } else { TypeUrl::LISTENER };
    rig.change(
        &mut row,
        &awaits(kind, None, clients),
        |server, _| server.write("gateway.yaml", &spec.gateway(Some(SERVERS / 2))),
        |server| server.write("gateway.yaml", &spec.gateway(None)),
    )
    .await?;
    Ok(row)
}

pub(crate) fn word(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Delta => "delta",
        Protocol::Sotw => "state of the world",
    }
}
