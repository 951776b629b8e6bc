//! TLS that a sidecar begins because a DestinationRule says so.

use std::{fs, net::SocketAddr, time::Duration};

use fairlead_lab::{deadline::eventually, ports};
use fairlead_testkit::{
    app::{App, Script, ServerTls, TlsSession},
    certs::{Ca, CertKey},
};
use http::StatusCode;

use crate::{
    harness::{Egress, Mesh, Proxy, claims::claims, secret, tls_secret},
    objects::External,
};

const PORT: u16 = 8000;
const CLIENT_NAME: &str = "spiffe://cluster.local/ns/shop/sa/client";

struct Lab {
    mesh: Mesh,
    client: Proxy,
    /// Presents a certificate of the authority that rules trust.
    known: App,
    /// As `known`, and demands a certificate.
    demanding: App,
    /// Presents a certificate of an authority that nobody trusts.
    stranger: App,
    client_ca: Ca,
    files: tempfile::TempDir,
}

/// A server in the words of its rule: the host that it is called by, which server it is, and `tls:` of the rule.
/// `{dir}` stands for the directory of the files.
const CASES: [(&str, Server, &str); 12] = [
    (
        "file.example.com",
        Server::Known,
        "mode: SIMPLE, caCertificates: {dir}/ca.pem, sni: known.example.com, subjectAltNames: [known.example.com]",
    ),
    ("known.example.com", Server::Known, "mode: SIMPLE, caCertificates: {dir}/ca.pem"),
    ("unnamed.example.com", Server::Known, "mode: SIMPLE, caCertificates: {dir}/ca.pem"),
    (
        "other-name.example.com",
        Server::Known,
        "mode: SIMPLE, caCertificates: {dir}/ca.pem, sni: known.example.com, subjectAltNames: [other.example.com]",
    ),
    (
        "secret.example.com",
        Server::Known,
        "mode: SIMPLE, credentialName: roots, sni: known.example.com, subjectAltNames: [known.example.com]",
    ),
    (
        "stranger.example.com",
        Server::Stranger,
        "mode: SIMPLE, caCertificates: {dir}/ca.pem, sni: known.example.com",
    ),
    (
        "insecure.example.com",
        Server::Stranger,
        "mode: SIMPLE, insecureSkipVerify: true, sni: whoever.example.com",
    ),
    (
        "mutual-file.example.com",
        Server::Demanding,
        "mode: MUTUAL, clientCertificate: {dir}/client.pem, privateKey: {dir}/client.key, caCertificates: {dir}/ca.pem, sni: known.example.com, subjectAltNames: [known.example.com]",
    ),
    (
        "mutual-secret.example.com",
        Server::Demanding,
        "mode: MUTUAL, credentialName: client, sni: known.example.com, subjectAltNames: [known.example.com]",
    ),
    (
        "mutual-missing.example.com",
        Server::Demanding,
        "mode: SIMPLE, caCertificates: {dir}/ca.pem, sni: known.example.com, subjectAltNames: [known.example.com]",
    ),
    (
        "foreign.example.com",
        Server::Demanding,
        "mode: MUTUAL, credentialName: client-elsewhere, sni: known.example.com, subjectAltNames: [known.example.com]",
    ),
    ("disabled.example.com", Server::Known, "mode: DISABLE"),
];

#[derive(Clone, Copy)]
enum Server {
    Known,
    Demanding,
    Stranger,
}

impl Lab {
    async fn start() -> Self {
        let mesh = Mesh::start().await;
        let (ca, client_ca) = (Ca::new("servers").unwrap(), Ca::new("clients").unwrap());
        let identity = ca.server(&["known.example.com"]).unwrap();
        let start = async |name: &str, tls: ServerTls| {
            let at: SocketAddr = (ports::loopback(), 0).into();
            App::https(name, "v1", at, &tls).await.unwrap()
        };
        let known = start("known", ServerTls::simple(identity.clone())).await;
        let demanding = start("demanding", ServerTls::mutual(identity, client_ca.certificate())).await;
        let unknown = Ca::new("strangers").unwrap().server(&["known.example.com"]).unwrap();
        let stranger = start("stranger", ServerTls::simple(unknown)).await;
        let files = tempfile::tempdir().unwrap();
        let client = client_ca.client(&[CLIENT_NAME]).unwrap();
        for (name, text) in
            [("ca.pem", &ca.certificate()), ("client.pem", &client.certificate), ("client.key", &client.key)]
        {
            fs::write(files.path().join(name), text).unwrap();
        }
        let secrets = [
            secret("roots", "shop", &[("ca.crt", &ca.certificate())]),
            tls_secret("client", "shop", &client, Some(&ca.certificate())),
            tls_secret("client-elsewhere", "elsewhere", &client, Some(&ca.certificate())),
        ];
        mesh.apply("secrets.yaml", &secrets.concat()).await;
        let directory = files.path().display().to_string();
        for (host, server, tls) in CASES {
            let app = match server {
                Server::Known => &known,
                Server::Demanding => &demanding,
                Server::Stranger => &stranger,
            };
            let service = External::new(host, PORT, "HTTP", &[app.address()]).yaml("shop");
            let yaml = service + &rule(host, &tls.replace("{dir}", &directory));
            mesh.apply(&format!("{host}.yaml"), &yaml).await;
        }
        let client = mesh.client("client", "shop", &[Egress::http(PORT)]).await;
        Self { mesh, client, known, demanding, stranger, client_ca, files }
    }

    async fn status(&self, host: &str) -> StatusCode {
        self.client.get(PORT, host, "/").await.status
    }

    /// Waits until requests for `host` are answered with this status.
    async fn answers(&self, host: &str, expected: StatusCode) {
        eventually(host, Duration::from_secs(30), || async {
            let status = self.status(host).await;
            if status == expected { Ok(()) } else { Err(status.to_string()) }
        })
        .await
        .unwrap();
    }

    /// The TLS session of a request that is answered.
    async fn session(&self, host: &str, app: &App) -> TlsSession {
        let before = app.requests().len();
        let answer = self.client.get(PORT, host, &format!("/{host}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{host}: {}", answer.text());
        let requests = app.requests();
        assert_eq!(requests.len(), before + 1);
        requests[before].session.clone().expect("a TLS session")
    }

    /// Fails unless a request is answered 503 and `app` sees nothing of it.
    async fn is_refused(&self, host: &str, app: &App) {
        let before = app.requests().len();
        assert_eq!(self.status(host).await, StatusCode::SERVICE_UNAVAILABLE, "{host}");
        assert_eq!(app.requests().len(), before, "{host} was reached");
    }
}

fn rule(host: &str, tls: &str) -> String {
    format!(
        "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: {}, namespace: shop}}\nspec:\n  host: {host}\n  workloadSelector: {{matchLabels: {{app: client}}}}\n  trafficPolicy: {{tls: {{{tls}}}}}\n",
        host.replace('.', "-")
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sidecar_originates_tls_as_the_rule_says() {
    let lab = Lab::start().await;
    claims!(&lab;
        a_server_is_checked_against_an_authority_in_a_file,
        without_sni_and_names_both_are_those_of_the_request,
        a_server_is_checked_against_an_authority_in_a_secret,
        a_server_of_another_name_is_refused,
        a_server_of_an_unknown_authority_is_refused,
        verification_is_skipped_where_that_is_wanted,
        a_client_certificate_of_files_is_presented,
        a_client_certificate_of_a_secret_is_presented,
        a_client_certificate_is_rotated,
        a_client_certificate_of_another_namespace_is_not_used,
        a_demanding_server_refuses_a_client_without_certificate,
        disabled_tls_is_plain_text,
        envoy_has_nothing_to_complain_about,
        clusters_that_came_to_a_wrong_secret_are_used_when_it_is_put_right,
    );
}

async fn a_server_is_checked_against_an_authority_in_a_file(lab: &Lab) {
    let session = lab.session("file.example.com", &lab.known).await;
    assert_eq!(session.sni.as_deref(), Some("known.example.com"));
    assert_eq!(session.client_certificate, None);
}

async fn without_sni_and_names_both_are_those_of_the_request(lab: &Lab) {
    let session = lab.session("known.example.com", &lab.known).await;
    assert_eq!(session.sni.as_deref(), Some("known.example.com"));
    lab.is_refused("unnamed.example.com", &lab.known).await;
}

async fn a_server_is_checked_against_an_authority_in_a_secret(lab: &Lab) {
    lab.session("secret.example.com", &lab.known).await;
}

async fn a_server_of_another_name_is_refused(lab: &Lab) {
    lab.is_refused("other-name.example.com", &lab.known).await;
}

async fn a_server_of_an_unknown_authority_is_refused(lab: &Lab) {
    lab.is_refused("stranger.example.com", &lab.stranger).await;
}

async fn verification_is_skipped_where_that_is_wanted(lab: &Lab) {
    let session = lab.session("insecure.example.com", &lab.stranger).await;
    assert_eq!(session.sni.as_deref(), Some("whoever.example.com"));
}

async fn a_client_certificate_of_files_is_presented(lab: &Lab) {
    assert!(lab.session("mutual-file.example.com", &lab.demanding).await.client_is(CLIENT_NAME));
}

async fn a_client_certificate_of_a_secret_is_presented(lab: &Lab) {
    assert!(lab.session("mutual-secret.example.com", &lab.demanding).await.client_is(CLIENT_NAME));
}

async fn a_client_certificate_is_rotated(lab: &Lab) {
    let next = "spiffe://cluster.local/ns/shop/sa/next";
    let client: CertKey = lab.client_ca.client(&[next]).unwrap();
    let ca = fs::read_to_string(lab.files.path().join("ca.pem")).unwrap();
    let secrets =
        [secret("roots", "shop", &[("ca.crt", &ca)]), tls_secret("client", "shop", &client, Some(&ca))];
    lab.mesh.apply("secrets.yaml", &secrets.concat()).await;
    // Connections of before keep their certificate; slow requests at once need new ones.
    lab.demanding.script("/rotated", Script::echo().delay(Duration::from_millis(200)));
    let requests = (0..8).map(|_| lab.client.get(PORT, "mutual-secret.example.com", "/rotated"));
    let answers = futures_util::future::join_all(requests).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
    let requests = lab.demanding.requests();
    let rotated = requests.iter().filter(|r| r.session.as_ref().is_some_and(|s| s.client_is(next)));
    assert!(rotated.count() > 0, "no connection presents the new certificate");
}

async fn a_client_certificate_of_another_namespace_is_not_used(lab: &Lab) {
    lab.is_refused("foreign.example.com", &lab.demanding).await;
}

async fn a_demanding_server_refuses_a_client_without_certificate(lab: &Lab) {
    lab.is_refused("mutual-missing.example.com", &lab.demanding).await;
}

async fn disabled_tls_is_plain_text(lab: &Lab) {
    let before = lab.known.failed_handshakes().len();
    assert_ne!(lab.status("disabled.example.com").await, StatusCode::OK);
    // The server says so after it has answered the client.
    eventually("the server was spoken to in plain text", Duration::from_secs(30), || async {
        let failed = lab.known.failed_handshakes();
        if failed.len() > before { Ok(()) } else { Err(format!("{failed:?}")) }
    })
    .await
    .unwrap();
}

async fn envoy_has_nothing_to_complain_about(lab: &Lab) {
    lab.client.assert_clean().await;
    assert_eq!(lab.client.stat("cluster_manager.cds.update_rejected").await, 0);
}

/// Envoy refuses the cluster that comes second: it has the Secret by then.
async fn clusters_that_came_to_a_wrong_secret_are_used_when_it_is_put_right(lab: &Lab) {
    let name = "spiffe://cluster.local/ns/shop/sa/late";
    let client = lab.client_ca.client(&[name]).unwrap();
    let ca = fs::read_to_string(lab.files.path().join("ca.pem")).unwrap();
    let wrong = secret("late", "shop", &[("tls.crt", &client.certificate), ("tls.key", "no PEM")]);
    lab.mesh.publish("late.yaml", &wrong).await;
    let tls =
        "mode: MUTUAL, credentialName: late, sni: known.example.com, subjectAltNames: [known.example.com]";
    let hosts = ["late.example.com", "later.example.com"];
    for host in hosts {
        let service = External::new(host, PORT, "HTTP", &[lab.demanding.address()]).yaml("shop");
        lab.mesh.publish(&format!("{host}.yaml"), &(service + &rule(host, tls))).await;
        lab.answers(host, StatusCode::SERVICE_UNAVAILABLE).await;
    }
    lab.mesh.publish("late.yaml", &tls_secret("late", "shop", &client, Some(&ca))).await;
    for host in hosts {
        lab.answers(host, StatusCode::OK).await;
        assert!(lab.session(host, &lab.demanding).await.client_is(name));
    }
}
