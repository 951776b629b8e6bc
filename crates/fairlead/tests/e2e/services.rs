//! Which services there are for a client, and how they are spoken to.

use std::time::Duration;

use fairlead_lab::{client::Request, deadline::eventually, ports};
use fairlead_testkit::app::{Echo, TcpEcho};
use http::StatusCode;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

use crate::{
    harness::{
        APP_PORT, Egress, Endpoint, Mesh, Proxy, Service, claims::claims, egress_yaml, mesh::SETTLED_WITHIN,
    },
    localities,
};

/// A port whose listener sees every service that is exported to the client.
pub(crate) const OPEN: u16 = 8080;
/// A port whose listener sees services of the client's namespace only.
const OWN: u16 = 8081;
/// A port whose listener sees one service of another namespace only.
const ONE: u16 = 8082;
/// A port whose listener sees nothing.
const NONE: u16 = 8083;
/// A port of bytes.
const BYTES: u16 = 9000;
/// The port of the gateway.
const GATE: u16 = 8088;

/// How long routes wait for a subset: so short that the wait for its end is no burden. What happens meanwhile is seen in
/// `e2e_changes`.
const GRACE: Duration = Duration::from_millis(500);

/// Services of two namespaces, and a client with listeners that see more or less of them.
pub(crate) struct Bazaar {
    /// The client, in `eu/a`.
    pub(crate) client: Proxy,
    gateway: Proxy,
    /// A server in the client's namespace.
    pub(crate) tea: Endpoint,
    /// A server in another namespace.
    pub(crate) coffee: Endpoint,
    /// The mesh.
    pub(crate) mesh: Mesh,
}

impl Bazaar {
    async fn open() -> Self {
        let mesh = Mesh::start_with(|settings| settings.source.reference_grace.0 = GRACE).await;
        let tea = Endpoint::bare("tea", "v1", "shop").await;
        let coffee = Endpoint::bare("coffee", "v1", "other").await;
        mesh.publish("tea.yaml", &all_ports(Service::new("tea", "shop")).yaml([&tea])).await;
        mesh.publish("coffee.yaml", &all_ports(Service::new("coffee", "other")).yaml([&coffee])).await;
        let egress = [
            Egress::http(OPEN),
            Egress::http(OWN).hosts(&["./*"]),
            Egress::http(ONE).hosts(&["other/coffee.other.svc.cluster.local"]),
            Egress::http(NONE).hosts(&["~/*"]),
            Egress::tcp(BYTES).hosts(&["shop/*"]),
        ];
        let client = mesh.sidecar("client", "shop").locality("eu", "a");
        let sidecar = client.sidecar_yaml("", &egress_yaml(client.address(), &egress));
        mesh.publish("sidecar-client.yaml", &sidecar).await;
        let client = client.start().await;
        let gateway = mesh.gateway("gate", "istio-system").start().await;
        Self { client, gateway, tea, coffee, mesh }
    }

    /// Adds the objects of one case.
    pub(crate) async fn case(&self, yaml: &str) {
        self.mesh.apply("case.yaml", yaml).await;
        self.mesh.assert_valid("case.yaml").await;
    }

    /// The status of a request to a host, and the service that answered.
    async fn ask(&self, port: u16, host: &str) -> (u16, Option<String>) {
        let answer = self.client.get(port, host, "/").await;
        (answer.status.as_u16(), answer.service().map(str::to_owned))
    }

    async fn assert_asks(&self, port: u16, host: &str, status: u16, service: Option<&str>) {
        assert_eq!(self.ask(port, host).await, (status, service.map(str::to_owned)), "{host} at {port}");
    }
}

fn all_ports(service: Service) -> Service {
    [OPEN, OWN, ONE, NONE]
        .iter()
        .fold(service, |service, port| service.port(&format!("http-{port}"), *port, APP_PORT))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_reach_the_services_that_they_may_see() {
    let bazaar = Bazaar::open().await;
    claims!(&bazaar;
        an_unknown_host_is_a_bad_gateway,
        an_unknown_subset_is_unavailable,
        an_unknown_destination_is_unavailable,
        a_service_without_endpoints_is_unavailable,
        a_sidecar_limits_what_each_listener_sees,
        a_service_is_seen_where_it_is_exported,
        a_service_entry_is_seen_where_it_is_exported,
        a_virtual_service_works_where_it_is_exported,
        a_destination_rule_works_where_it_is_exported,
        an_external_name_is_another_name,
        a_headless_service_is_reached_through_a_gateway,
        app_protocol_goes_before_the_name_of_a_port,
        a_service_entry_brings_endpoints_of_its_own,
        a_service_entry_resolves_names,
        a_service_entry_with_a_wildcard_owns_its_subdomains,
        a_service_entry_selects_workloads,
        bytes_go_to_the_service_of_the_port,
        tcp_routes_divide_connections,
        localities::nearness_counts_for_nothing_without_outlier_detection,
        localities::the_near_are_preferred_with_outlier_detection,
        localities::shares_are_distributed_by_locality,
    );
    bazaar.client.assert_clean().await;
    bazaar.gateway.assert_clean().await;
}

async fn an_unknown_host_is_a_bad_gateway(bazaar: &Bazaar) {
    bazaar.assert_asks(OPEN, "tea", 200, Some("tea")).await;
    for host in ["nobody", "nobody.shop.svc.cluster.local", "example.com", "teas", "127.0.0.1"] {
        bazaar.assert_asks(OPEN, host, 502, None).await;
    }
}

fn virtual_service(name: &str, namespace: &str, host: &str, more: &str, route: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  hosts: [{host}]\n{more}  http:\n  - route: {route}\n"
    )
}

async fn an_unknown_subset_is_unavailable(bazaar: &Bazaar) {
    let route = "[{destination: {host: tea, subset: green}}]";
    bazaar.case(&virtual_service("tea", "shop", "tea", "", route)).await;
    // The routes wait for the subset at first (ADR 0006), and are then used as they are.
    let unavailable = eventually("the routes are used", SETTLED_WITHIN, || async {
        let answer = bazaar.ask(OPEN, "tea").await;
        if answer == (503, None) { Ok(()) } else { Err(format!("{answer:?}")) }
    });
    unavailable.await.expect("the wait ends");
    let before = bazaar.tea.app.requests().len();
    bazaar.assert_asks(OPEN, "tea", 503, None).await;
    assert_eq!(bazaar.tea.app.requests().len(), before);
    bazaar.mesh.remove("case.yaml").await;
    bazaar.assert_asks(OPEN, "tea", 200, Some("tea")).await;
}

async fn an_unknown_destination_is_unavailable(bazaar: &Bazaar) {
    let route = "[{destination: {host: nowhere}}]";
    bazaar.case(&virtual_service("tea", "shop", "tea", "", route)).await;
    bazaar.assert_asks(OPEN, "tea", 503, None).await;
    bazaar.mesh.remove("case.yaml").await;
}

async fn a_service_without_endpoints_is_unavailable(bazaar: &Bazaar) {
    bazaar.case(&Service::new("empty", "shop").http(OPEN).yaml([])).await;
    bazaar.assert_asks(OPEN, "empty", 503, None).await;
    bazaar.mesh.remove("case.yaml").await;
    bazaar.assert_asks(OPEN, "empty", 502, None).await;
}

async fn a_sidecar_limits_what_each_listener_sees(bazaar: &Bazaar) {
    let [tea, coffee] = ["tea.shop.svc.cluster.local", "coffee.other.svc.cluster.local"];
    bazaar.assert_asks(OPEN, tea, 200, Some("tea")).await;
    bazaar.assert_asks(OPEN, coffee, 200, Some("coffee")).await;
    bazaar.assert_asks(OWN, tea, 200, Some("tea")).await;
    bazaar.assert_asks(OWN, coffee, 502, None).await;
    bazaar.assert_asks(ONE, tea, 502, None).await;
    bazaar.assert_asks(ONE, coffee, 200, Some("coffee")).await;
    bazaar.assert_asks(NONE, tea, 502, None).await;
    bazaar.assert_asks(NONE, coffee, 502, None).await;
}

async fn a_service_is_seen_where_it_is_exported(bazaar: &Bazaar) {
    let host = "cocoa.other.svc.cluster.local";
    for (export, status) in [(".", 502), ("elsewhere", 502), ("elsewhere,shop", 200), ("*", 200)] {
        let service = Service::new("cocoa", "other").http(OPEN).export_to(export);
        bazaar.case(&service.yaml([&bazaar.coffee])).await;
        assert_eq!(bazaar.ask(OPEN, host).await.0, status, "exported to {export}");
    }
    bazaar.mesh.remove("case.yaml").await;
}

/// A ServiceEntry with an HTTP port for servers of the bazaar.
pub(crate) fn service_entry(name: &str, namespace: &str, spec: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {{ports: [{{number: {OPEN}, name: http, protocol: HTTP, targetPort: {APP_PORT}}}], {spec}}}\n"
    )
}

async fn a_service_entry_is_seen_where_it_is_exported(bazaar: &Bazaar) {
    for (export, status) in [("'.'", 502), ("elsewhere", 502), ("shop", 200), ("'*'", 200)] {
        let spec = format!(
            "hosts: [juice.example.com], exportTo: [{export}], resolution: STATIC, endpoints: [{{address: {}}}]",
            bazaar.coffee.address
        );
        bazaar.case(&service_entry("juice", "other", &spec)).await;
        assert_eq!(bazaar.ask(OPEN, "juice.example.com").await.0, status, "exported to {export}");
    }
    bazaar.mesh.remove("case.yaml").await;
}

async fn a_virtual_service_works_where_it_is_exported(bazaar: &Bazaar) {
    let route = "[{destination: {host: coffee.other.svc.cluster.local}}]";
    for (export, service) in [("'.'", "tea"), ("elsewhere", "tea"), ("shop", "coffee"), ("'*'", "coffee")] {
        let more = format!("  exportTo: [{export}]\n");
        let routes = virtual_service("tea", "other", "tea.shop.svc.cluster.local", &more, route);
        bazaar.case(&routes).await;
        assert_eq!(bazaar.ask(OPEN, "tea").await, (200, Some(service.to_owned())), "exported to {export}");
    }
    bazaar.mesh.remove("case.yaml").await;
}

async fn a_destination_rule_works_where_it_is_exported(bazaar: &Bazaar) {
    for (export, expected) in [("'.'", 1), ("elsewhere", 1), ("shop", 4), ("'*'", 4)] {
        let rule = format!(
            "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: coffee, namespace: other}}\nspec:\n  host: coffee.other.svc.cluster.local\n  exportTo: [{export}]\n  trafficPolicy: {{connectionPool: {{http: {{maxRequestsPerConnection: 1}}}}}}\n"
        );
        bazaar.mesh.publish("case.yaml", "").await;
        bazaar.case(&rule).await;
        // A first request on a connection that may be left over.
        bazaar.ask(OPEN, "coffee.other").await;
        let before = bazaar.coffee.app.connections();
        for _ in 0..4 {
            bazaar.assert_asks(OPEN, "coffee.other", 200, Some("coffee")).await;
        }
        let made = bazaar.coffee.app.connections() - before;
        assert_eq!(made, if expected == 4 { 4 } else { 0 }, "exported to {export}");
    }
    bazaar.mesh.remove("case.yaml").await;
}

async fn an_external_name_is_another_name(bazaar: &Bazaar) {
    let alias = format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: alias, namespace: shop}}\nspec: {{type: ExternalName, externalName: coffee.other.svc.cluster.local, ports: [{{name: http, port: {OPEN}}}]}}\n"
    );
    bazaar.case(&alias).await;
    for host in ["alias", "alias.shop", "alias.shop.svc.cluster.local"] {
        bazaar.assert_asks(OPEN, host, 200, Some("coffee")).await;
    }
    // As the destination of a route it means the other service too.
    let route = "[{destination: {host: alias}}]";
    let both = format!("{alias}---\n{}", virtual_service("tea", "shop", "tea", "", route));
    bazaar.case(&both).await;
    bazaar.assert_asks(OPEN, "tea", 200, Some("coffee")).await;
    bazaar.mesh.remove("case.yaml").await;
    bazaar.assert_asks(OPEN, "alias", 502, None).await;
}

async fn a_headless_service_is_reached_through_a_gateway(bazaar: &Bazaar) {
    let service = Service::new("loose", "shop").http(OPEN).headless().yaml([&bazaar.tea]);
    let gateway = format!(
        "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: gate, namespace: istio-system}}\nspec:\n  selector: {{app: gate}}\n  servers:\n  - port: {{number: {GATE}, name: http, protocol: HTTP}}\n    bind: {}\n    hosts: ['*.example.com']\n",
        bazaar.gateway.address
    );
    let route = "[{destination: {host: loose.shop.svc.cluster.local}}]";
    let more = "  gateways: [istio-system/gate]\n";
    let routes = virtual_service("loose", "shop", "loose.example.com", more, route);
    bazaar.case(&format!("{service}---\n{gateway}---\n{routes}")).await;
    let answer = bazaar.gateway.get(GATE, "loose.example.com", "/").await;
    assert_eq!((answer.status, answer.service()), (StatusCode::OK, Some("tea")));
    assert_eq!(bazaar.gateway.get(GATE, "other.example.com", "/").await.status, StatusCode::NOT_FOUND);
    bazaar.mesh.remove("case.yaml").await;
}

async fn app_protocol_goes_before_the_name_of_a_port(bazaar: &Bazaar) {
    let one = |name: &str, protocol: Option<&str>| {
        let service = Service::new("spoken", "shop");
        let service = match protocol {
            Some(protocol) => service.app_protocol(name, OPEN, APP_PORT, protocol),
            None => service.port(name, OPEN, APP_PORT),
        };
        service.yaml([&bazaar.tea])
    };
    for (name, app_protocol, spoken) in [
        ("http", None, "HTTP/1.1"),
        ("http2-web", None, "HTTP/2.0"),
        ("grpc", None, "HTTP/2.0"),
        ("http", Some("kubernetes.io/h2c"), "HTTP/2.0"),
        ("http", Some("grpc"), "HTTP/2.0"),
        ("tcp-web", Some("http"), "HTTP/1.1"),
        ("grpc", Some("http"), "HTTP/1.1"),
        ("anything", Some("kubernetes.io/ws"), "HTTP/1.1"),
    ] {
        bazaar.mesh.publish("case.yaml", "").await;
        bazaar.case(&one(name, app_protocol)).await;
        let answer = bazaar.client.get(OPEN, "spoken", "/").await;
        let spoke = match answer.json::<Echo>() {
            Ok(echo) => echo.protocol,
            Err(_) => format!("{}: {}", answer.status, answer.text()),
        };
        assert_eq!(spoke, spoken, "port {name} with {app_protocol:?}");
    }
    bazaar.case(&one("tcp-web", None)).await;
    bazaar.assert_asks(OPEN, "spoken", 502, None).await;
    bazaar.mesh.remove("case.yaml").await;
}

async fn a_service_entry_brings_endpoints_of_its_own(bazaar: &Bazaar) {
    let spec = format!(
        "hosts: [outside.example.com, further.example.com], location: MESH_EXTERNAL, resolution: STATIC, endpoints: [{{address: {}, weight: 1}}, {{address: {}, weight: 3, ports: {{http: {APP_PORT}}}}}]",
        bazaar.tea.address, bazaar.coffee.address
    );
    // By default the busier of the two, which is the heavier, would get less.
    let balance = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: outside, namespace: shop}\nspec: {host: outside.example.com, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}\n";
    bazaar.case(&format!("{}---\n{balance}", service_entry("outside", "other", &spec))).await;
    let report = bazaar.client.load(OPEN, 400, |_| Request::get("/").host("outside.example.com")).await;
    report.all_ok().unwrap();
    assert!((297..=303).contains(&report.by_service("coffee")), "three of four: {report}");
    bazaar.client.load(OPEN, 10, |_| Request::get("/").host("further.example.com")).await.all_ok().unwrap();
    bazaar.mesh.remove("case.yaml").await;
}

async fn a_service_entry_resolves_names(bazaar: &Bazaar) {
    // `localhost` is the one name that every machine resolves, to 127.0.0.1: the server has to be there.
    let address = ports::free_port([127, 0, 0, 1].into()).unwrap();
    let local = fairlead_testkit::app::App::http("local", "v1", address).await.unwrap();
    for resolution in ["DNS", "DNS_ROUND_ROBIN"] {
        let spec = format!(
            "hosts: [named.example.com], location: MESH_EXTERNAL, resolution: {resolution}, endpoints: [{{address: localhost, ports: {{http: {}}}}}]",
            local.address().port()
        );
        bazaar.mesh.publish("case.yaml", "").await;
        bazaar.case(&service_entry("named", "other", &spec)).await;
        eventually("the name resolved", Duration::from_secs(10), || async {
            let answer = bazaar.ask(OPEN, "named.example.com").await;
            if answer == (200, Some("local".to_owned())) {
                Ok(())
            } else {
                Err(format!("{resolution}: {answer:?}"))
            }
        })
        .await
        .unwrap();
    }
    bazaar.mesh.remove("case.yaml").await;
}

async fn a_service_entry_with_a_wildcard_owns_its_subdomains(bazaar: &Bazaar) {
    let spec = format!(
        "hosts: ['*.wild.example.com'], location: MESH_EXTERNAL, resolution: STATIC, endpoints: [{{address: {}}}]",
        bazaar.coffee.address
    );
    bazaar.case(&service_entry("wild", "other", &spec)).await;
    for host in ["a.wild.example.com", "a.b.wild.example.com"] {
        bazaar.assert_asks(OPEN, host, 200, Some("coffee")).await;
    }
    bazaar.assert_asks(OPEN, "wild.example.com", 502, None).await;
    bazaar.mesh.remove("case.yaml").await;
}

async fn a_service_entry_selects_workloads(bazaar: &Bazaar) {
    let entry = service_entry(
        "legacy",
        "shop",
        "hosts: [legacy.example.com], location: MESH_INTERNAL, resolution: STATIC, workloadSelector: {labels: {app: legacy}}",
    );
    let workload = |labels: &str, namespace: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {{name: vm, namespace: {namespace}}}\nspec: {{address: {}, labels: {labels}}}\n",
            bazaar.coffee.address
        )
    };
    for (workload, status) in [
        (workload("{app: legacy, version: v1}", "shop"), 200),
        (workload("{app: modern}", "shop"), 503),
        (workload("{app: legacy}", "other"), 503),
    ] {
        bazaar.case(&format!("{entry}---\n{workload}")).await;
        assert_eq!(bazaar.ask(OPEN, "legacy.example.com").await.0, status, "{workload}");
    }
    bazaar.mesh.remove("case.yaml").await;
}

/// Sends a line to the listener of bytes, and reads the line that comes back.
async fn say(bazaar: &Bazaar, line: &str) -> std::io::Result<String> {
    let mut stream = BufReader::new(TcpStream::connect(bazaar.client.at(BYTES)).await?);
    stream.write_all(format!("{line}\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_line(&mut answer).await?;
    Ok(answer.trim_end().to_owned())
}

/// A TCP service named `name` in the client's namespace, with its server.
async fn bytes(name: &str) -> (TcpEcho, String) {
    let server = TcpEcho::start(name, (ports::loopback(), APP_PORT).into()).await.unwrap();
    let yaml = format!(
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{hosts: [{name}.example.com], ports: [{{number: {BYTES}, name: tcp, protocol: TCP, targetPort: {APP_PORT}}}], resolution: STATIC, endpoints: [{{address: {}}}]}}\n",
        server.address().ip()
    );
    (server, yaml)
}

async fn bytes_go_to_the_service_of_the_port(bazaar: &Bazaar) {
    let (server, yaml) = bytes("left").await;
    bazaar.case(&yaml).await;
    assert_eq!(say(bazaar, "hello").await.unwrap(), "left: hello");
    assert_eq!(server.connections(), 1);
    bazaar.mesh.remove("case.yaml").await;
}

async fn tcp_routes_divide_connections(bazaar: &Bazaar) {
    let (left, left_yaml) = bytes("left").await;
    let (right, right_yaml) = bytes("right").await;
    let routes = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: left, namespace: shop}\nspec:\n  hosts: [left.example.com]\n  tcp:\n  - route: [{destination: {host: left.example.com}, weight: 70}, {destination: {host: right.example.com}, weight: 30}]\n";
    // The service on the other port leaves the listener to the one that is routed.
    let right_yaml = right_yaml.replace(&format!("number: {BYTES}"), "number: 9001");
    let routes = routes.replace("right.example.com}", "right.example.com, port: {number: 9001}}");
    bazaar.case(&format!("{left_yaml}---\n{right_yaml}---\n{routes}")).await;
    for _ in 0..200 {
        let answer = say(bazaar, "x").await.unwrap();
        assert!(answer == "left: x" || answer == "right: x", "{answer}");
    }
    assert_eq!(left.connections() + right.connections(), 200);
    fairlead_lab::load::within(0.3, 200, right.connections(), 4.0).unwrap();
    bazaar.mesh.remove("case.yaml").await;
}
