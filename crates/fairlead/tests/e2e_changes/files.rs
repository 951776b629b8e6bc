//! What a proxy's machine lacks at first: certificate files, and ports that somebody else has.

use std::{collections::BTreeSet, fs, net::TcpListener, path::Path, time::Duration};

use fairlead_config::Code;
use fairlead_lab::{
    client::{Client, ClientTls, Request},
    deadline::eventually,
};
use fairlead_testkit::certs::{Ca, CertKey};
use http::StatusCode;

use crate::{
    harness::{Endpoint, Mesh, Service, handshake::presents, mesh::SETTLED_WITHIN, tls_secret},
    pair::{NAMESPACE, Pair},
};

const SECURE: u16 = 8443;
const TAKEN: u16 = 9090;
const HOST: &str = "shop.example.com";
const LATE: &str = "late.example.com";
/// Attempts come after 5, 15 and 35 seconds.
const HEALED_WITHIN: Duration = Duration::from_secs(60);

/// For each proxy a Gateway with a server whose certificate is a Secret, one whose certificate is in files, and one at
/// a port of its own.
fn gateways(pair: &Pair, files: &Path) -> String {
    let one = |(side, bind): (&str, _)| {
        let files = files.display();
        format!(
            "---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: g{side}, namespace: {NAMESPACE}}}\nspec:\n  selector: {{app: {side}}}\n  servers:\n  - {{port: {{number: {SECURE}, name: https, protocol: HTTPS}}, bind: {bind}, hosts: [{HOST}], tls: {{mode: SIMPLE, credentialName: edge}}}}\n  - {{port: {{number: {SECURE}, name: https-late, protocol: HTTPS}}, bind: {bind}, hosts: [{LATE}], tls: {{mode: SIMPLE, serverCertificate: {files}/tls.crt, privateKey: {files}/tls.key}}}}\n  - {{port: {{number: {TAKEN}, name: http, protocol: HTTP}}, bind: {bind}, hosts: [{HOST}]}}\n"
        )
    };
    let all: String = pair.proxies.iter().map(|(side, proxy)| one((side, proxy.address))).collect();
    all + &format!(
        "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: shop, namespace: {NAMESPACE}}}\nspec:\n  hosts: [{HOST}, {LATE}]\n  gateways: [gdelta, gworld]\n  http: [{{route: [{{destination: {{host: one}}}}]}}]\n"
    )
}

/// A rule whose certificate authorities are in a file.
fn rule(files: &Path) -> String {
    format!(
        "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: two, namespace: {NAMESPACE}}}\nspec:\n  host: two\n  trafficPolicy: {{tls: {{mode: SIMPLE, caCertificates: {}/ca.pem}}}}\n",
        files.display()
    )
}

async fn expect_findings(mesh: &Mesh, what: &str, right: impl Fn(&BTreeSet<String>) -> bool) {
    eventually(what, HEALED_WITHIN, || async {
        let findings = mesh.findings().await;
        let rejected = findings.iter().filter(|finding| finding.code == Code::RejectedByProxy);
        let named: BTreeSet<String> = rejected.map(|finding| finding.on.to_string()).collect();
        if right(&named) { Ok(()) } else { Err(format!("{named:?}")) }
    })
    .await
    .unwrap();
}

async fn serves(pair: &Pair, host: &str, ca: &Ca) {
    for (name, proxy) in &pair.proxies {
        eventually(&format!("{name} serves {host}"), SETTLED_WITHIN, || async {
            let tls = ClientTls::new(host, ca.certificate());
            let answered = Client::new(proxy.at(SECURE)).tls(tls).send(&Request::get("/").host(host)).await;
            let found = answered.map(|answer| answer.status).map_err(|error| error.to_string());
            if found == Ok(StatusCode::OK) { Ok(()) } else { Err(format!("{found:?}")) }
        })
        .await
        .unwrap();
    }
}

/// Nothing is published when a file comes to be or a port is free, so nothing was sent again until the next change.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_proxy_lacked_is_taken_up_when_it_is_there() {
    let mesh = Mesh::start().await;
    let (ca, directory) = (Ca::new("files").unwrap(), tempfile::tempdir().unwrap());
    let files = directory.path().join("certs");
    let (steady, late): (CertKey, CertKey) = (ca.server(&[HOST]).unwrap(), ca.server(&[LATE]).unwrap());
    let servers = Endpoint::several("shop", &["v1", "v2"], NAMESPACE).await;
    let service = |name: &str, server| Service::new(name, NAMESPACE).http(80).yaml([server]);
    mesh.publish("services.yaml", &(service("one", &servers[0]) + "---\n" + &service("two", &servers[1])))
        .await;
    let pair = Pair::gateways(&mesh).await;
    let taken: Vec<TcpListener> =
        pair.proxies.iter().map(|(_, proxy)| TcpListener::bind((proxy.address, TAKEN)).unwrap()).collect();
    let objects = gateways(&pair, &files) + &rule(&files) + &tls_secret("edge", NAMESPACE, &steady, None);
    mesh.publish("edge.yaml", &objects).await;

    serves(&pair, HOST, &ca).await;
    let at_fault = ["DestinationRule", "Gateway shop/gdelta", "Gateway shop/gworld"];
    expect_findings(&mesh, "what is lacking is said", |named| {
        at_fault.iter().all(|kind| named.iter().any(|on| on.contains(kind)))
    })
    .await;

    // Written in place, in a directory that is new: Envoy takes note of neither.
    fs::create_dir(&files).unwrap();
    fs::write(files.join("tls.key"), &late.key).unwrap();
    fs::write(files.join("tls.crt"), &late.certificate).unwrap();
    fs::write(files.join("ca.pem"), ca.certificate()).unwrap();
    drop(taken);
    for (_, proxy) in &pair.proxies {
        presents(proxy.at(SECURE), LATE, &ca.certificate(), Some(&late)).await;
    }
    serves(&pair, LATE, &ca).await;
    expect_findings(&mesh, "nothing is said to be rejected", BTreeSet::is_empty).await;
    for (name, proxy) in &pair.proxies {
        eventually(&format!("{name} listens"), HEALED_WITHIN, || async {
            let answered = Client::new(proxy.at(TAKEN)).send(&Request::get("/").host(HOST)).await;
            answered.map(|_| ()).map_err(|error| error.to_string())
        })
        .await
        .unwrap();
    }
}
