//! A gateway whose filter chains come one by one, while the control plane goes and comes back.

use std::{fmt::Write as _, net::Ipv4Addr, net::SocketAddr};

use fairlead_lab::{
    client::{Client, ClientTls, Request},
    envoy_process::EnvoyProcess,
    ports,
};
use fairlead_testkit::{
    app::App,
    certs::{Ca, CertKey},
};

use crate::{
    harness::{handshake, tls_secret, traffic::Traffic},
    objects::External,
    server::Server,
};

const PORT: u16 = 8443;
/// Enough servers for a listener in pieces.
const SERVERS: usize = 40;
const STEADY: &str = "server-0.example.com";

fn host(number: usize) -> String {
    format!("server-{number}.example.com")
}

/// A Gateway of servers that present the secrets given, and the routes to one application.
fn gateway(address: Ipv4Addr, servers: &[(usize, &str)], app: &App) -> String {
    let mut yaml = "---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: edge, namespace: shop}\nspec:\n  selector: {app: edge}\n  servers:\n".to_owned();
    for (number, credential) in servers {
        writeln!(
            yaml,
            "  - {{name: server-{number}, port: {{number: {PORT}, name: server-{number}, protocol: HTTPS}}, bind: {address}, hosts: [{}], tls: {{mode: SIMPLE, credentialName: {credential}}}}}",
            host(*number)
        )
        .unwrap();
    }
    yaml += "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: all, namespace: shop}\nspec:\n  hosts: ['*']\n  gateways: [edge]\n  http: [{route: [{destination: {host: shop.example.com}}]}]\n";
    yaml + &External::new("shop.example.com", 80, "HTTP", &[app.address()]).yaml("shop")
}

async fn gateway_of(server: &Server, address: Ipv4Addr) -> EnvoyProcess {
    let ip = address.to_string();
    let arguments =
        ["--type", "gateway", "--name", "edge", "--namespace", "shop", "--ip", &ip, "--label", "app=edge"];
    server.envoy(&arguments).await
}

/// What is presented to a client that asks for a server, if anything.
async fn presents(at: SocketAddr, number: usize, ca: &Ca, expected: Option<&CertKey>) {
    handshake::presents(at, &host(number), &ca.certificate(), expected).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_control_plane_drains_no_chain_and_catches_up_with_all() {
    let (address, ca) = (ports::loopback(), Ca::new("edge").unwrap());
    let at = SocketAddr::from((address, PORT));
    let app = App::http("shop", "v1", (ports::loopback(), 0).into()).await.unwrap();
    let hosts: Vec<String> = (0..=SERVERS).map(host).collect();
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let [first, second] = [ca.server(&hosts).unwrap(), ca.server(&hosts).unwrap()];
    let secrets = tls_secret("first", "shop", &first, None) + &tls_secret("second", "shop", &second, None);
    let all: Vec<_> = (0..SERVERS).map(|number| (number, "first")).collect();
    let mut server =
        Server::start(&[("edge.yaml", &gateway(address, &all, &app)), ("secrets.yaml", &secrets)]).await;
    let envoy = gateway_of(&server, address).await;
    presents(at, 1, &ca, Some(&first)).await;
    server.in_sync(1).await;
    let updates = async || {
        let stats = envoy.admin().stats("^listener_manager\\.").await.unwrap();
        let of = |name: &str| stats.get(&format!("listener_manager.{name}")).copied().unwrap_or(0);
        [of("lds.update_success"), of("listener_added"), of("listener_create_success")]
    };
    let tls = ClientTls::new(STEADY, ca.certificate());
    let load = Traffic::start(|| Client::new(at).tls(tls.clone()), &Request::get("/").host(STEADY));

    // A restart without a change sends no listener.
    let before = updates().await;
    let restarted = Box::pin(async {
        server.kill();
        server.launch();
        server.ready().await;
        server.in_sync(1).await;
    });
    load.crosses(restarted).await;
    assert_eq!(updates().await, before);

    // What changed meanwhile is what the new one serves: one changed, one gone, one new.
    let changed = Box::pin(async {
        server.kill();
        let mut changed = all.clone();
        changed[1].1 = "second";
        changed.remove(2);
        changed.push((SERVERS, "second"));
        server.write("edge.yaml", &gateway(address, &changed, &app));
        server.launch();
        server.ready().await;
        presents(at, 1, &ca, Some(&second)).await;
        presents(at, 2, &ca, None).await;
        presents(at, SERVERS, &ca, Some(&second)).await;
        server.in_sync(1).await;
    });
    load.crosses(changed).await;
    load.end().await.none_failed("the steady server");
    // Its connections would be drained with it.
    assert_eq!(envoy.admin().stat("listener_manager.total_listeners_draining").await.unwrap(), 0);
    presents(at, 3, &ca, Some(&first)).await;
}
