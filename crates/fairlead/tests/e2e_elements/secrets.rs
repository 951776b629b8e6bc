//! Secrets of gateways: one that is wrong or missing among many, and listeners that change after the stream was cut.

use std::{collections::BTreeSet, fmt::Write as _, time::Instant};

use fairlead_config::Code;
use fairlead_lab::deadline::eventually;
use fairlead_testkit::certs::{Ca, CertKey};

use crate::{
    cable::Cable,
    crowd::{Crowd, HOST, places},
    cut::{came_back, is_cut_off},
    harness::{Mesh, Proxy, handshake, mesh::SETTLED_WITHIN, secret, tls_secret},
    pair::{NAMESPACE, Pair},
};

const SECURE: u16 = 8443;
/// Not enough servers for a listener in pieces.
const FEW: usize = 6;
const BAD: usize = 2;
const MISSING: usize = 4;

fn server_name(number: usize) -> String {
    format!("s{number}.example.com")
}

/// Servers with certificates of these Secrets, at both gateways, and routes for them. Those whose Secret is called
/// `mutual` and something ask for certificates of clients.
fn gateways(proxies: &[(&str, &Proxy)], servers: &[(usize, &str)]) -> String {
    let mut yaml = String::new();
    for (side, proxy) in proxies {
        write!(
            yaml,
            "---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: g{side}, namespace: {NAMESPACE}}}\nspec:\n  selector: {{app: {side}}}\n  servers:\n"
        )
        .unwrap();
        for (number, secret) in servers {
            let mode = if secret.starts_with("mutual") { "MUTUAL" } else { "SIMPLE" };
            writeln!(
                yaml,
                "  - {{port: {{number: {SECURE}, name: https-{number}, protocol: HTTPS}}, bind: {}, hosts: [{}], tls: {{mode: {mode}, credentialName: {secret}}}}}",
                proxy.address,
                server_name(*number)
            )
            .unwrap();
        }
    }
    let names: Vec<_> = proxies.iter().map(|(side, _)| format!("g{side}")).collect();
    write!(
        yaml,
        "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: all, namespace: {NAMESPACE}}}\nspec:\n  hosts: ['*.example.com']\n  gateways: [{}]\n  http: [{{route: [{{destination: {{host: {HOST}}}}}]}}]\n",
        names.join(", ")
    )
    .unwrap();
    yaml
}

fn sides(pair: &Pair) -> Vec<(&str, &Proxy)> {
    pair.proxies.iter().map(|(side, proxy)| (*side, proxy)).collect()
}

async fn all_present(proxies: &[(&str, &Proxy)], number: usize, ca: &Ca, expected: Option<&CertKey>) {
    for (_, proxy) in proxies {
        handshake::presents(proxy.at(SECURE), &server_name(number), &ca.certificate(), expected).await;
    }
}

fn identity(ca: &Ca) -> CertKey {
    let names: Vec<String> = (0..64).map(server_name).collect();
    ca.server(&names.iter().map(String::as_str).collect::<Vec<_>>()).unwrap()
}

/// A certificate whose key is another one's stopped all secrets of the response, and new proxies came up with a part of
/// them. A Secret that is missing kept a restarted gateway from listening at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_is_wrong_or_missing_costs_its_own_server() {
    let mesh = Mesh::start().await;
    let (crowd, ca) = (Crowd::start().await, Ca::new("edge").unwrap());
    let [good, other] = [identity(&ca), identity(&ca)];
    let mismatch =
        |name: &str| secret(name, NAMESPACE, &[("tls.crt", &good.certificate), ("tls.key", &other.key)]);
    let names: Vec<String> = (0..FEW).map(|number| format!("c{number}")).collect();
    let servers: Vec<_> = (0..FEW).map(|number| (number, &*names[number])).collect();
    let secrets = |wrong: bool| -> String {
        let one = |number: usize| match number {
            BAD if wrong => mismatch(&names[BAD]),
            MISSING if wrong => String::new(),
            _ => tls_secret(&names[number], NAMESPACE, &good, None),
        };
        (0..FEW).map(one).collect()
    };
    mesh.publish("crowd.yaml", &crowd.service(&places(0..3, "eu/a"))).await;
    mesh.publish("secrets.yaml", &secrets(true)).await;
    let pair = Pair::gateways(&mesh).await;
    let proxies = sides(&pair);
    mesh.publish("edge.yaml", &gateways(&proxies, &servers)).await;
    for number in 0..FEW {
        let expected = (number != BAD && number != MISSING).then_some(&good);
        all_present(&proxies, number, &ca, expected).await;
    }
    eventually("the Secret at fault is blamed", SETTLED_WITHIN, || async {
        let findings = mesh.findings().await;
        let blamed: BTreeSet<String> = findings
            .iter()
            .filter(|finding| finding.code != Code::UnknownSecret)
            .map(|finding| finding.on.to_string())
            .collect();
        if blamed.iter().any(|on| on.contains(&names[BAD])) { Ok(()) } else { Err(format!("{findings:?}")) }
    })
    .await
    .unwrap();

    // Corrected, both are taken up; wrong again, what was there is kept; and gone, nobody else minds.
    mesh.publish("secrets.yaml", &secrets(false)).await;
    for number in 0..FEW {
        all_present(&proxies, number, &ca, Some(&good)).await;
    }
    mesh.publish("secrets.yaml", &(secrets(true) + &tls_secret("c9", NAMESPACE, &other, None))).await;
    let more: Vec<_> = servers.iter().copied().chain([(9, "c9")]).collect();
    mesh.publish("edge.yaml", &gateways(&proxies, &more)).await;
    all_present(&proxies, 9, &ca, Some(&other)).await;
    for number in (0..FEW).filter(|number| ![BAD, MISSING].contains(number)) {
        all_present(&proxies, number, &ca, Some(&good)).await;
    }
}

/// A client that came back has its secrets, so nothing is sent; a listener that changed later waited for them in vain,
/// and served without certificates from then on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_changes_after_the_stream_was_cut_has_its_certificates() {
    let mesh = Mesh::start().await;
    let (crowd, ca) = (Crowd::start().await, Ca::new("edge").unwrap());
    let cable = Cable::to(mesh.control_plane().xds_address()).await;
    let [first, second] = [identity(&ca), identity(&ca)];
    let fixed = crowd.service(&places(0..3, "eu/a"))
        + "\n"
        + &tls_secret("first", NAMESPACE, &first, None)
        + &tls_secret("second", NAMESPACE, &second, None);
    mesh.publish("fixed.yaml", &fixed).await;
    let delta = mesh.gateway("delta", NAMESPACE).through(cable.address()).start().await;
    let world = mesh.gateway("world", NAMESPACE).through(cable.address()).state_of_the_world().start().await;
    let proxies = [("delta", &delta), ("world", &world)];
    // In one piece and, for the delta client, in pieces.
    for count in [FEW, 40] {
        let mut servers: Vec<_> = (0..count).map(|number| (number, "first")).collect();
        mesh.apply("edge.yaml", &gateways(&proxies, &servers)).await;
        all_present(&proxies, 0, &ca, Some(&first)).await;
        let began = Instant::now();
        cable.cut();
        is_cut_off(&delta).await;
        is_cut_off(&world).await;
        cable.mend();
        came_back(&mesh, &delta, began).await;
        came_back(&mesh, &world, began).await;
        // A server more, one less, and one with another certificate that both have had no use for.
        servers.remove(1);
        servers.push((50, "first"));
        servers.push((51, "second"));
        mesh.apply("edge.yaml", &gateways(&proxies, &servers)).await;
        for (number, expected) in [(0, Some(&first)), (1, None), (50, Some(&first)), (51, Some(&second))] {
            all_present(&proxies, number, &ca, expected).await;
        }
        // All of them are made anew.
        mesh.remove("edge.yaml").await;
        mesh.apply("edge.yaml", &gateways(&proxies, &servers)).await;
        for (number, expected) in [(0, Some(&first)), (51, Some(&second))] {
            all_present(&proxies, number, &ca, expected).await;
        }
        mesh.remove("edge.yaml").await;
    }
}

/// Envoy keeps a Secret that it cannot use, and refuses every chain that comes to it later; nothing of these changes
/// when the Secret is put right.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chains_that_came_to_a_wrong_secret_serve_when_it_is_put_right() {
    let mesh = Mesh::start().await;
    let (crowd, ca) = (Crowd::start().await, Ca::new("edge").unwrap());
    let good = identity(&ca);
    let right = |name: &str| tls_secret(name, NAMESPACE, &good, Some(&ca.certificate()));
    mesh.publish("crowd.yaml", &crowd.service(&places(0..3, "eu/a"))).await;
    mesh.publish("good.yaml", &right("good")).await;
    let pair = Pair::gateways(&mesh).await;
    let proxies = sides(&pair);
    // In one piece and, for the delta client, in pieces.
    let rounds = [(FEW, "few"), (FEW, "mutual-few"), (40, "many"), (40, "mutual-many")];
    for ((count, name), first) in rounds.into_iter().zip((1..).step_by(2)) {
        let second = first + 1;
        let authority = ca.certificate();
        let entries = [("tls.crt", &*good.certificate), ("tls.key", "no PEM"), ("ca.crt", &*authority)];
        mesh.publish("wrong.yaml", &secret(name, NAMESPACE, &entries)).await;
        let mut servers: Vec<_> = (10..10 + count).map(|number| (number, "good")).collect();
        servers.push((first, name));
        mesh.publish("edge.yaml", &gateways(&proxies, &servers)).await;
        for (number, expected) in [(10, Some(&good)), (first, None)] {
            all_present(&proxies, number, &ca, expected).await;
        }
        servers.extend([(second, name), (60, "good")]);
        mesh.publish("edge.yaml", &gateways(&proxies, &servers)).await;
        for (number, expected) in [(60, Some(&good)), (10, Some(&good)), (first, None), (second, None)] {
            all_present(&proxies, number, &ca, expected).await;
        }
        mesh.publish("wrong.yaml", &right(name)).await;
        for number in [10, 60, first, second] {
            all_present(&proxies, number, &ca, Some(&good)).await;
        }
        eventually("nothing is left to be said", SETTLED_WITHIN, || async {
            let findings = mesh.findings().await;
            if findings.is_empty() { Ok(()) } else { Err(format!("{findings:?}")) }
        })
        .await
        .unwrap();
    }
}

/// Its listener waited for an answer to a name that Envoy had asked for before, and every later change with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_of_many_servers_that_asks_for_client_certificates_serves() {
    let mesh = Mesh::start().await;
    let (crowd, ca) = (Crowd::start().await, Ca::new("edge").unwrap());
    let good = identity(&ca);
    let secrets = ["good", "mutual"].map(|name| tls_secret(name, NAMESPACE, &good, Some(&ca.certificate())));
    mesh.publish("fixed.yaml", &(crowd.service(&places(0..3, "eu/a")) + "\n" + &secrets.concat())).await;
    let pair = Pair::gateways(&mesh).await;
    let proxies = sides(&pair);
    let mut servers: Vec<_> = (10..50).map(|number| (number, "good")).collect();
    for more in [None, Some((1, "mutual")), Some((2, "mutual")), Some((3, "good"))] {
        servers.extend(more);
        mesh.apply("edge.yaml", &gateways(&proxies, &servers)).await;
        all_present(&proxies, servers[servers.len() - 1].0, &ca, Some(&good)).await;
    }
}
