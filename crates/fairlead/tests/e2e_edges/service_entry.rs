//! Services that a ServiceEntry declares, called from a sidecar.

use std::net::SocketAddr;

use fairlead_lab::{load::within, ports};
use fairlead_testkit::{
    app::{App, ServerTls, TcpEcho},
    certs::{Ca, CertKey},
};
use http::StatusCode;

use crate::{
    harness::handshake::handshake,
    harness::{APP_PORT, Egress, Endpoint, Mesh, Proxy, claims::claims},
    objects::{External, greeting, line},
};

const HTTP: u16 = 8000;
const TCP: u16 = 9000;
const GREETED: u16 = 9001;
const TLS: u16 = 8443;

struct Lab {
    mesh: Mesh,
    client: Proxy,
    ca: Ca,
    tls: [(App, CertKey); 2],
}

fn anywhere() -> SocketAddr {
    (ports::loopback(), 0).into()
}

impl Lab {
    async fn start() -> Self {
        let mesh = Mesh::start().await;
        let ca = Ca::new("tls").unwrap();
        let mut tls = Vec::new();
        for (host, version) in [("one.tls.example.com", "one"), ("two.tls.example.com", "two")] {
            let identity = ca.server(&["*.tls.example.com"]).unwrap();
            let app =
                App::https("tls", version, anywhere(), &ServerTls::simple(identity.clone())).await.unwrap();
            mesh.apply(
                &format!("{version}.yaml"),
                &External::new(host, TLS, "TLS", &[app.address()]).yaml("shop"),
            )
            .await;
            tls.push((app, identity));
        }
        let egress =
            [Egress::http(HTTP), Egress::tcp(TCP), Egress::tcp(GREETED), Egress::http(TLS).protocol("TLS")];
        let client = mesh.client("client", "shop", &egress).await;
        Self { mesh, client, ca, tls: tls.try_into().expect("two servers") }
    }

    async fn version(&self, host: &str) -> Option<String> {
        let answer = self.client.get(HTTP, host, "/").await;
        assert_eq!(answer.status, StatusCode::OK, "{host}: {}", answer.text());
        answer.version().map(str::to_owned)
    }

    /// The versions that 20 requests reach.
    async fn versions(&self, host: &str) -> Vec<String> {
        let mut versions = Vec::new();
        for _ in 0..20 {
            versions.extend(self.version(host).await);
        }
        versions.sort();
        versions.dedup();
        versions
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sidecar_reaches_what_service_entries_declare() {
    let lab = Lab::start().await;
    claims!(&lab;
        an_external_host_is_blocked_before_and_reached_after,
        endpoints_are_replaced_live,
        a_name_is_resolved_by_dns,
        a_selector_finds_workload_entries_and_pods,
        connections_are_split_by_weight,
        a_server_that_speaks_first_is_heard,
        tls_connections_are_told_apart_by_server_name,
        a_tls_route_overrides_the_server_name,
        envoy_has_nothing_to_complain_about,
    );
}

async fn an_external_host_is_blocked_before_and_reached_after(lab: &Lab) {
    let app = App::http("external", "v1", anywhere()).await.unwrap();
    let host = "external.example.com";
    let blocked = lab.client.get(HTTP, host, "/").await;
    assert_eq!(blocked.status, StatusCode::BAD_GATEWAY);
    lab.mesh.apply("external.yaml", &External::new(host, HTTP, "HTTP", &[app.address()]).yaml("shop")).await;
    assert_eq!(lab.version(host).await.as_deref(), Some("v1"));
    lab.mesh.remove("external.yaml").await;
    assert_eq!(lab.client.get(HTTP, host, "/").await.status, StatusCode::BAD_GATEWAY);
}

async fn endpoints_are_replaced_live(lab: &Lab) {
    let (v1, v2) =
        (App::http("s", "v1", anywhere()).await.unwrap(), App::http("s", "v2", anywhere()).await.unwrap());
    let host = "static.example.com";
    let yaml = |at: &[SocketAddr]| External::new("static.example.com", HTTP, "HTTP", at).yaml("shop");
    lab.mesh.apply("static.yaml", &yaml(&[v1.address(), v2.address()])).await;
    assert_eq!(lab.versions(host).await, ["v1", "v2"]);
    let clusters = lab.client.stat("cluster_manager.cds.update_success").await;
    lab.mesh.apply("static.yaml", &yaml(&[v2.address()])).await;
    assert_eq!(lab.versions(host).await, ["v2"]);
    let after = lab.client.stat("cluster_manager.cds.update_success").await;
    assert_eq!(after, clusters, "a change of endpoints changes no cluster");
}

async fn a_name_is_resolved_by_dns(lab: &Lab) {
    let app = App::http("dns", "v1", ([127, 0, 0, 1], 0).into()).await.unwrap();
    for resolution in ["DNS", "DNS_ROUND_ROBIN"] {
        let yaml = format!(
            "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: dns, namespace: shop}}\nspec:\n  hosts: [dns.example.com]\n  location: MESH_EXTERNAL\n  resolution: {resolution}\n  ports: [{{number: {HTTP}, name: http, protocol: HTTP, targetPort: {}}}]\n  endpoints: [{{address: localhost}}]\n",
            app.address().port()
        );
        lab.mesh.apply("dns.yaml", &yaml).await;
        assert_eq!(lab.version("dns.example.com").await.as_deref(), Some("v1"), "{resolution}");
    }
}

async fn a_selector_finds_workload_entries_and_pods(lab: &Lab) {
    let pod = Endpoint::bare("legacy", "pod", "shop").await;
    let machine = Endpoint::bare("legacy", "machine", "shop").await;
    let entry = format!(
        "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {{name: machine, namespace: shop}}\nspec: {{address: {}, labels: {{app: legacy}}}}\n",
        machine.address
    );
    let service = format!(
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: legacy, namespace: shop}}\nspec:\n  hosts: [legacy.example.com]\n  location: MESH_INTERNAL\n  resolution: STATIC\n  ports: [{{number: {HTTP}, name: http, protocol: HTTP, targetPort: {APP_PORT}}}]\n  workloadSelector: {{labels: {{app: legacy}}}}\n"
    );
    lab.mesh.apply("legacy.yaml", &[service.clone(), entry, pod.pod()].join("---\n")).await;
    assert_eq!(lab.versions("legacy.example.com").await, ["machine", "pod"]);
    lab.mesh.apply("legacy.yaml", &[service, pod.pod()].join("---\n")).await;
    assert_eq!(lab.versions("legacy.example.com").await, ["pod"]);
}

async fn connections_are_split_by_weight(lab: &Lab) {
    let (v1, v2) =
        (TcpEcho::start("v1", anywhere()).await.unwrap(), TcpEcho::start("v2", anywhere()).await.unwrap());
    let routes = |weights: [u32; 2]| {
        format!(
            "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: tcp, namespace: shop}}\nspec:\n  hosts: [tcp.example.com]\n  tcp:\n  - match: [{{port: {TCP}}}]\n    route:\n    - {{destination: {{host: tcp-v1.example.com, port: {{number: 9100}}}}, weight: {}}}\n    - {{destination: {{host: tcp-v2.example.com, port: {{number: 9100}}}}, weight: {}}}\n",
            weights[0], weights[1]
        )
    };
    let services = External::new("tcp.example.com", TCP, "TCP", &[v1.address()]).yaml("shop")
        + &External::new("tcp-v1.example.com", 9100, "TCP", &[v1.address()]).yaml("shop")
        + &External::new("tcp-v2.example.com", 9100, "TCP", &[v2.address()]).yaml("shop");
    lab.mesh.apply("tcp.yaml", &(services.clone() + &routes([80, 20]))).await;
    let mut answered = 0;
    for _ in 0..300 {
        match line(lab.client.at(TCP), "hello").await.unwrap().as_str() {
            "v1: hello" => answered += 1,
            answer => assert_eq!(answer, "v2: hello"),
        }
    }
    within(0.8, 300, answered, 4.5).unwrap();
    lab.mesh.apply("tcp.yaml", &(services + &routes([0, 100]))).await;
    for _ in 0..20 {
        assert_eq!(line(lab.client.at(TCP), "hello").await.unwrap(), "v2: hello");
    }
}

async fn a_server_that_speaks_first_is_heard(lab: &Lab) {
    let server = TcpEcho::speaking_first("mail", anywhere()).await.unwrap();
    let yaml = External::new("mail.example.com", GREETED, "TCP", &[server.address()]).yaml("shop");
    lab.mesh.apply("mail.yaml", &yaml).await;
    assert_eq!(greeting(lab.client.at(GREETED)).await.unwrap(), "mail");
}

async fn tls_connections_are_told_apart_by_server_name(lab: &Lab) {
    for (host, (_, identity)) in ["one.tls.example.com", "two.tls.example.com"].into_iter().zip(&lab.tls) {
        let seen = handshake(lab.client.at(TLS), host, &lab.ca.certificate()).await.unwrap();
        assert!(seen.is(identity), "{host}");
    }
    assert!(handshake(lab.client.at(TLS), "three.tls.example.com", &lab.ca.certificate()).await.is_err());
}

async fn a_tls_route_overrides_the_server_name(lab: &Lab) {
    let yaml = format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: one, namespace: shop}}\nspec:\n  hosts: [one.tls.example.com]\n  tls:\n  - match: [{{port: {TLS}, sniHosts: [one.tls.example.com]}}]\n    route: [{{destination: {{host: two.tls.example.com, port: {{number: {TLS}}}}}}}]\n"
    );
    lab.mesh.apply("one-vs.yaml", &yaml).await;
    let seen = handshake(lab.client.at(TLS), "one.tls.example.com", &lab.ca.certificate()).await.unwrap();
    assert!(seen.is(&lab.tls[1].1), "the route to the second server is not taken");
}

async fn envoy_has_nothing_to_complain_about(lab: &Lab) {
    lab.client.assert_clean().await;
    assert_eq!(lab.client.stat("listener_manager.lds.update_rejected").await, 0);
}
