//! A large directory: what is sent for one change, counted by Envoy, by bytes and by name.

use std::{collections::BTreeMap, fs, net::SocketAddr, path::Path, time::Duration};

use fairlead_control_plane::{ControlPlane, settings::Settings};
use fairlead_lab::deadline::eventually;
use fairlead_resource::TypeUrl;
use fairlead_testkit::{
    ads::{Protocol, node},
    fake_envoy::{FakeEnvoy, Held, Options, ResponseRecord},
    meshgen::MeshSpec,
};
use serde_json::json;

use crate::harness::{Egress, Mesh, Proxy};

const SIZE: usize = 1_000;
const SPEC: MeshSpec = MeshSpec {
    namespaces: 1,
    services: 0,
    endpoints_per_service: 2,
    pods: false,
    service_entries: SIZE,
    virtual_services: 0,
    destination_rules: 0,
    ..MeshSpec::EMPTY
};
/// The object that the tests change.
const CHANGED: usize = 417;
/// More than one virtual host or one load assignment of this mesh, and far less than two of them.
const ONE_ELEMENT: u64 = 1_000;
const WITHIN: Duration = Duration::from_secs(60);

fn host(i: usize) -> String {
    format!("ext-{i}.example.com")
}

fn cluster(i: usize) -> String {
    format!("outbound|80||{}", host(i))
}

/// The VirtualService of host `i`: `weight` of 100 stays, the rest goes to the next host.
fn virtual_service(i: usize, weight: u32) -> String {
    let (host, next) = (host(i), host((i + 1) % SIZE));
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: ext-{i}, namespace: ns-0}}\nspec:\n  hosts: [{host}]\n  http: [{{route: [{{destination: {{host: {host}}}, weight: {weight}}}, {{destination: {{host: {next}}}, weight: {}}}]}}]\n",
        100 - weight
    )
}

/// The service entry with its first endpoint somewhere else.
fn moved(i: usize) -> String {
    let yaml = SPEC.service_entry(i);
    let address = yaml.split("- {address: ").nth(1).and_then(|rest| rest.split(',').next()).unwrap();
    yaml.replacen(&format!("address: {address},"), "address: 172.31.99.99,", 1)
}

fn write_mesh(directory: &Path) {
    for i in 0..SIZE {
        fs::write(directory.join(format!("entry-{i}.yaml")), SPEC.service_entry(i)).unwrap();
        fs::write(directory.join(format!("routes-{i}.yaml")), virtual_service(i, 80)).unwrap();
    }
}

/// The successful updates that Envoy has counted: for each type, and for each cluster's endpoints.
async fn updates(proxy: &Proxy) -> BTreeMap<String, u64> {
    proxy.admin().stats("update_success$").await.unwrap()
}

fn difference(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let of = |name: &str| before.get(name).copied().unwrap_or(0);
    after.iter().filter(|(name, n)| **n != of(name)).map(|(name, n)| (name.clone(), n - of(name))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_change_of_a_thousand_reaches_a_real_envoy_and_nothing_else_does() {
    let mesh = Mesh::start().await;
    write_mesh(mesh.path("x").parent().unwrap());
    mesh.publish("last.yaml", "").await;
    let proxy = mesh.client("client", "ns-0", &[Egress::http(80)]).await;

    let hosts = proxy.admin().hosts().await.unwrap();
    let complete = (0..SIZE).filter(|i| hosts.get(&cluster(*i)).is_some_and(|hosts| hosts.len() == 2));
    assert_eq!(complete.count(), SIZE, "clusters with two endpoints each");
    let routes = proxy.admin().config_dump("resource=dynamic_route_configs").await.unwrap().to_string();
    let held = (0..SIZE).filter(|i| routes.contains(&format!("\"80/{}:80\"", host(*i)))).count();
    assert_eq!(held, SIZE, "virtual hosts\n{}", routes.chars().take(2_000).collect::<String>());

    let spent = || mesh.session("client").map(|session| (session.pushes, session.bytes)).unwrap();
    let (before, (pushes, bytes)) = (updates(&proxy).await, spent());
    mesh.apply(&format!("entry-{CHANGED}.yaml"), &moved(CHANGED)).await;
    let after = updates(&proxy).await;
    let hosts = proxy.admin().hosts().await.unwrap();
    assert!(
        hosts[&cluster(CHANGED)].contains(&"172.31.99.99:8080".to_owned()),
        "{:?}",
        hosts[&cluster(CHANGED)]
    );
    let changed = difference(&before, &after);
    assert_eq!(changed, [(format!("cluster.{}.update_success", cluster(CHANGED)), 1)], "one endpoint");
    let (pushes, bytes) = (spent().0 - pushes, spent().1 - bytes);
    eprintln!("one endpoint of {SIZE} services: {pushes} response, {bytes} bytes");
    assert_eq!(pushes, 1);
    assert!(bytes < ONE_ELEMENT, "{bytes}");

    let (before, (pushes, bytes)) = (updates(&proxy).await, spent());
    mesh.apply(&format!("routes-{CHANGED}.yaml"), &virtual_service(CHANGED, 70)).await;
    let changed = difference(&before, &updates(&proxy).await);
    assert!(matches!(&changed[..], [(name, 1)] if name.contains(".vhds.")), "one weight: {changed:?}");
    let (pushes, bytes) = (spent().0 - pushes, spent().1 - bytes);
    eprintln!("one weight of {SIZE} routes: {pushes} response, {bytes} bytes");
    assert_eq!(pushes, 1);
    assert!(bytes < ONE_ELEMENT, "{bytes}");
    let routes = proxy.admin().config_dump("resource=dynamic_route_configs").await.unwrap().to_string();
    assert_eq!(routes.matches("\"weight\":70").count(), 1);
}

async fn control_plane(directory: &Path) -> ControlPlane {
    let mut settings = Settings::default();
    settings.source.config_dir = Some(directory.to_owned());
    settings.xds.bind = ([127, 0, 0, 1], 0).into();
    settings.admin.bind = ([127, 0, 0, 1], 0).into();
    let control_plane = ControlPlane::start(&settings, None).await.unwrap();
    control_plane.ready().await.unwrap();
    control_plane
}

fn client(server: SocketAddr, number: usize, protocol: Protocol) -> FakeEnvoy {
    let id = format!("sidecar~10.0.0.{number}~client-{number}.ns-0~ns-0.svc.cluster.local");
    let options =
        Options { node: node(&id, "client.ns-0", &json!({})), ..Options::new(server).protocol(protocol) };
    FakeEnvoy::start(options)
}

/// Waits until a client has everything.
async fn complete(client: &FakeEnvoy) {
    let all = |held: &Held| {
        held.has(TypeUrl::ROUTE_CONFIGURATION, "80")
            && held.has(TypeUrl::LISTENER, "virtualOutbound")
            && held.missing().is_empty()
            && held.warming().is_empty()
    };
    client.wait_for("everything", WITHIN, all).await.unwrap();
    client.wait_quiet(Duration::from_millis(500), WITHIN).await.unwrap();
}

/// The responses since a mark that carry anything, by type with their names.
fn since(client: &FakeEnvoy, mark: usize) -> Vec<(String, Vec<String>)> {
    let carries = |r: &&ResponseRecord| !r.resources.is_empty() || !r.removed.is_empty();
    let named = |r: &ResponseRecord| {
        let kind = r.kind().map_or_else(|| r.type_url.clone(), |kind| kind.short().to_owned());
        (kind, r.names().into_iter().map(str::to_owned).chain(r.removed.iter().cloned()).collect())
    };
    client.responses()[mark..].iter().filter(carries).map(named).collect()
}

/// Writes a file and waits for what each client is sent for it, by name.
async fn change<const N: usize>(
    directory: &Path,
    file: &str,
    text: &str,
    clients: [&FakeEnvoy; N],
) -> [Vec<(String, Vec<String>)>; N] {
    let marks = clients.map(|client| client.responses().len());
    let temporary = directory.join(".new");
    fs::write(&temporary, text).unwrap();
    fs::rename(&temporary, directory.join(file)).unwrap();
    for (client, mark) in clients.into_iter().zip(marks) {
        client.wait_responses(mark + 1, WITHIN).await.unwrap();
        client.wait_quiet(Duration::from_millis(300), WITHIN).await.unwrap();
    }
    let mut marks = marks.into_iter();
    clients.map(|client| since(client, marks.next().expect("one for each client")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_both_protocols_are_sent_the_change_by_name() {
    let directory = tempfile::tempdir().unwrap();
    write_mesh(directory.path());
    let first = control_plane(directory.path()).await;
    let server = first.xds_address();
    let (delta, sotw) = (client(server, 1, Protocol::Delta), client(server, 2, Protocol::Sotw));
    let stuck = client(server, 3, Protocol::Delta);
    complete(&delta).await;
    complete(&sotw).await;
    assert_eq!((delta.held(Held::expired_waits), delta.held(Held::lost_hosts)), (0, 0));

    // One that stops reading delays nobody; what it misses piles up nowhere.
    complete(&stuck).await;
    stuck.stop_reading();

    let [by_delta, by_sotw] =
        change(directory.path(), &format!("entry-{CHANGED}.yaml"), &moved(CHANGED), [&delta, &sotw]).await;
    let endpoint = vec![("EDS".to_owned(), vec![cluster(CHANGED)])];
    assert_eq!(by_delta, endpoint);
    assert_eq!(by_sotw, endpoint);

    let file = format!("routes-{CHANGED}.yaml");
    let [by_delta, by_sotw] =
        change(directory.path(), &file, &virtual_service(CHANGED, 70), [&delta, &sotw]).await;
    assert_eq!(by_delta, [("VHDS".to_owned(), vec![format!("80/{}:80", host(CHANGED))])]);
    assert_eq!(by_sotw, [("RDS".to_owned(), vec!["80".to_owned()])]);
    let largest = delta.responses().last().map(|response| response.bytes).unwrap_or_default();
    assert!(largest < 1_000, "{largest} bytes for one virtual host");

    // Many changes in a row reach those who read within a moment each.
    for weight in 1..=10 {
        let began = std::time::Instant::now();
        let mark = delta.responses().len();
        fs::write(directory.path().join(&file), virtual_service(CHANGED, weight)).unwrap();
        delta.wait_responses(mark + 1, WITHIN).await.unwrap();
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{:?} beside one that does not read",
            began.elapsed()
        );
    }
    stuck.resume_reading();
    delta.wait_quiet(Duration::from_millis(300), WITHIN).await.unwrap();
    let last = |client: &FakeEnvoy| {
        client.held(|held| {
            held.version(TypeUrl::VIRTUAL_HOST, &format!("80/{}:80", host(CHANGED))).map(str::to_owned)
        })
    };
    eventually("the slow one has the last state", WITHIN, || async {
        if last(&stuck) == last(&delta) { Ok(()) } else { Err(format!("{:?}", last(&stuck))) }
    })
    .await
    .unwrap();

    // Nothing has changed: a new stream, and then a new control plane, send nothing.
    reconnects_to_nothing(&delta, server).await;
    first.shut_down().await;
    let second = control_plane(directory.path()).await;
    reconnects_to_nothing(&delta, second.xds_address()).await;
    second.shut_down().await;
}

async fn reconnects_to_nothing(client: &FakeEnvoy, server: SocketAddr) {
    let (mark, streams) = (client.responses().len(), client.streams());
    client.reconnect_to(server);
    eventually("a new stream", WITHIN, || async {
        if client.streams() > streams && client.is_connected() {
            Ok(())
        } else {
            Err(format!("{:?}", client.last_end()))
        }
    })
    .await
    .unwrap();
    client.wait_quiet(Duration::from_secs(1), WITHIN).await.unwrap();
    assert_eq!(since(client, mark), [], "what the client has is sent again");
}
