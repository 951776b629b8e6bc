//! A gateway with many servers on few ports: hosts, certificates by SDS, passthrough and redirects.

use std::time::Duration;

use fairlead_lab::{
    client::{Answer, Client, ClientTls, Failure, Request},
    load::Load,
    ports,
};
use fairlead_testkit::{
    app::{App, Echo, ServerTls},
    certs::{Ca, CertKey},
};
use http::StatusCode;
use rustls::{
    ProtocolVersion, SupportedProtocolVersion,
    version::{TLS12, TLS13},
};

use crate::{
    harness::handshake::{handshake, handshake_in},
    harness::{Endpoint, Mesh, Proxy, Service, claims::claims, tls_secret},
    objects::External,
};

const PLAIN: u16 = 8080;
const REDIRECT: u16 = 8081;
const SECURE: u16 = 8443;

static OLD: [&SupportedProtocolVersion; 1] = [&TLS12];
static NEW: [&SupportedProtocolVersion; 1] = [&TLS13];
static BOTH: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

struct Edge {
    mesh: Mesh,
    proxy: Proxy,
    /// Issues what the gateway presents.
    ca: Ca,
    /// Issues what clients present.
    client_ca: Ca,
    certificate: CertKey,
    /// Issues what the servers behind the gateway present.
    vault_ca: Ca,
    /// Behind the gateway, with TLS of their own.
    vaults: [(App, CertKey); 2],
    _shop: Endpoint,
}

/// The HTTPS servers that end TLS: name, host and the rest of `tls`.
const TERMINATING: [(&str, &str, &str); 9] = [
    ("simple", "simple.example.com", "mode: SIMPLE, credentialName: simple"),
    ("mutual", "mutual.example.com", "mode: MUTUAL, credentialName: mutual"),
    ("optional", "optional.example.com", "mode: OPTIONAL_MUTUAL, credentialName: mutual"),
    ("rotated", "rotated.example.com", "mode: SIMPLE, credentialName: rotated"),
    ("absent", "absent.example.com", "mode: SIMPLE, credentialName: absent"),
    ("foreign", "foreign.example.com", "mode: SIMPLE, credentialName: foreign"),
    ("qualified", "qualified.example.com", "mode: SIMPLE, credentialName: shop/foreign"),
    ("modern", "modern.example.com", "mode: SIMPLE, credentialName: simple, minProtocolVersion: TLSV1_3"),
    ("dated", "dated.example.com", "mode: SIMPLE, credentialName: simple, maxProtocolVersion: TLSV1_2"),
];

fn gateway(name: &str, servers: &str) -> String {
    format!(
        "---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: {name}, namespace: edge}}\nspec:\n  selector: {{app: edge}}\n  servers:\n{servers}"
    )
}

fn server(bind: &str, port: u16, name: &str, protocol: &str, host: &str, tls: &str) -> String {
    let tls = if tls.is_empty() { String::new() } else { format!(", tls: {{{tls}}}") };
    format!(
        "  - {{port: {{number: {port}, name: {name}, protocol: {protocol}}}, bind: {bind}, hosts: [{host}]{tls}}}\n"
    )
}

fn gateways(bind: &str) -> String {
    let mut servers = server(bind, PLAIN, "plain", "HTTP", "plain.example.com", "");
    servers += &server(bind, REDIRECT, "redirect", "HTTP", "plain.example.com", "httpsRedirect: true");
    for (name, host, tls) in TERMINATING {
        servers += &server(bind, SECURE, name, "HTTPS", host, tls);
    }
    servers += &server(bind, SECURE, "vaults", "TLS", "'*.vault.example.com'", "mode: PASSTHROUGH");
    let mut second = server(bind, PLAIN, "plain-too", "HTTP", "second.example.com", "");
    second += &server(
        bind,
        SECURE,
        "secure-too",
        "HTTPS",
        "second.example.com",
        "mode: SIMPLE, credentialName: simple",
    );
    gateway("first", &servers) + &gateway("second", &second)
}

fn routes() -> String {
    let hosts: Vec<_> = TERMINATING.iter().map(|(_, host, _)| *host).collect();
    let vault = |letter: char| {
        format!(
            "  - match: [{{sniHosts: [{letter}.vault.example.com]}}]\n    route: [{{destination: {{host: vault-{letter}.internal, port: {{number: 8200}}}}}}]\n"
        )
    };
    format!(
        "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: shop, namespace: edge}}\nspec:\n  hosts: [plain.example.com, second.example.com, {}]\n  gateways: [first, second]\n  http: [{{route: [{{destination: {{host: shop}}}}]}}]\n---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: vaults, namespace: edge}}\nspec:\n  hosts: ['*.vault.example.com']\n  gateways: [first]\n  tls:\n{}{}",
        hosts.join(", "),
        vault('a'),
        vault('b')
    )
}

impl Edge {
    async fn start() -> Self {
        let mesh = Mesh::start().await;
        let (ca, client_ca, vault_ca) =
            (Ca::new("edge").unwrap(), Ca::new("clients").unwrap(), Ca::new("vaults").unwrap());
        let certificate = ca.server(&["*.example.com"]).unwrap();
        let shop = Endpoint::bare("shop", "v1", "edge").await;
        mesh.apply("shop.yaml", &Service::new("shop", "edge").http(80).yaml([&shop])).await;
        let mut vaults = Vec::new();
        for letter in ['a', 'b'] {
            let identity = vault_ca.server(&["*.vault.example.com"]).unwrap();
            let tls = ServerTls::simple(identity.clone());
            let at = (ports::loopback(), 0).into();
            let app = App::https("vault", &letter.to_string(), at, &tls).await.unwrap();
            vaults.push((app, identity));
        }
        let vaults: [_; 2] = vaults.try_into().expect("two letters");
        let starting = mesh.gateway("edge", "edge");
        let bind = starting.address().to_string();
        let secrets = [
            tls_secret("simple", "edge", &certificate, None),
            tls_secret("mutual", "edge", &certificate, Some(&client_ca.certificate())),
            tls_secret("rotated", "edge", &ca.server(&["rotated.example.com"]).unwrap(), None),
            tls_secret("foreign", "shop", &certificate, None),
        ];
        mesh.apply("secrets.yaml", &secrets.concat()).await;
        let backends = ["vault-a.internal", "vault-b.internal"].into_iter().zip(&vaults);
        let backends: String = backends
            .map(|(host, (app, _))| External::new(host, 8200, "TLS", &[app.address()]).yaml("edge"))
            .collect();
        mesh.apply("edge.yaml", &(gateways(&bind) + &routes() + &backends)).await;
        let proxy = starting.start().await;
        Self { mesh, proxy, ca, client_ca, certificate, vault_ca, vaults, _shop: shop }
    }

    fn tls(&self, host: &str) -> ClientTls {
        ClientTls::new(host, self.ca.certificate())
    }

    /// `GET /` of an HTTPS host of the gateway, with a client certificate or without.
    async fn get(&self, host: &str, identity: Option<CertKey>) -> Result<Answer, Failure> {
        let tls = match identity {
            None => self.tls(host),
            Some(identity) => self.tls(host).identity(identity),
        };
        Client::new(self.proxy.at(SECURE)).tls(tls).send(&Request::get("/").host(host)).await
    }

    async fn is_served(&self, host: &str) -> bool {
        matches!(self.get(host, None).await, Ok(answer) if answer.service() == Some("shop"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_serves_many_hosts_on_few_ports() {
    let edge = Edge::start().await;
    claims!(&edge;
        http_hosts_of_two_gateways_share_a_port,
        tls_hosts_of_two_gateways_share_a_port,
        a_redirecting_server_answers_301,
        a_simple_server_presents_its_certificate,
        http2_is_offered,
        a_mutual_server_demands_a_certificate_of_its_authority,
        an_optional_mutual_server_refuses_wrong_certificates_only,
        protocol_versions_are_bounded,
        passthrough_leads_by_server_name_to_the_certificate_of_the_backend,
        an_unknown_server_name_is_refused,
        a_certificate_is_rotated_without_a_failed_request,
        a_secret_of_another_namespace_is_not_served,
        a_server_without_its_secret_waits_for_it_alone,
        envoy_has_nothing_to_complain_about,
    );
}

async fn http_hosts_of_two_gateways_share_a_port(edge: &Edge) {
    for host in ["plain.example.com", "second.example.com"] {
        let answer = edge.proxy.get(PLAIN, host, "/").await;
        assert_eq!((answer.status, answer.service()), (StatusCode::OK, Some("shop")), "{host}");
    }
    assert_eq!(edge.proxy.get(PLAIN, "third.example.com", "/").await.status, StatusCode::NOT_FOUND);
}

async fn tls_hosts_of_two_gateways_share_a_port(edge: &Edge) {
    assert!(edge.is_served("simple.example.com").await);
    assert!(edge.is_served("second.example.com").await);
}

async fn a_redirecting_server_answers_301(edge: &Edge) {
    let answer = edge.proxy.get(REDIRECT, "plain.example.com", "/cart?id=1").await;
    assert_eq!(answer.status, StatusCode::MOVED_PERMANENTLY);
    assert_eq!(answer.header("location"), Some("https://plain.example.com/cart?id=1"));
}

async fn a_simple_server_presents_its_certificate(edge: &Edge) {
    let at = edge.proxy.at(SECURE);
    let seen = handshake(at, "simple.example.com", &edge.ca.certificate()).await.unwrap();
    assert!(seen.is(&edge.certificate));
    let answer = edge.get("simple.example.com", None).await.unwrap();
    assert!(!answer.json::<Echo>().unwrap().headers.contains_key("x-forwarded-client-cert"));
}

async fn http2_is_offered(edge: &Edge) {
    let host = "simple.example.com";
    let client = Client::new(edge.proxy.at(SECURE)).http2().tls(edge.tls(host));
    let answer = client.send(&Request::get("/").host(host)).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK);
}

async fn a_mutual_server_demands_a_certificate_of_its_authority(edge: &Edge) {
    let host = "mutual.example.com";
    let identity = |ca: &Ca| Some(ca.client(&["spiffe://cluster.local/ns/shop/sa/buyer"]).unwrap());
    assert!(edge.get(host, None).await.is_err(), "a client without a certificate is served");
    let stranger = identity(&Ca::new("strangers").unwrap());
    assert!(edge.get(host, stranger).await.is_err(), "a client of another authority is served");
    let answer = edge.get(host, identity(&edge.client_ca)).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK);
    let certificate =
        answer.json::<Echo>().unwrap().headers.get("x-forwarded-client-cert").cloned().unwrap_or_default();
    assert!(certificate.contains("spiffe://cluster.local/ns/shop/sa/buyer"), "{certificate}");
}

async fn an_optional_mutual_server_refuses_wrong_certificates_only(edge: &Edge) {
    let host = "optional.example.com";
    assert_eq!(edge.get(host, None).await.unwrap().status, StatusCode::OK);
    let known = edge.client_ca.client(&["buyer"]).unwrap();
    assert_eq!(edge.get(host, Some(known)).await.unwrap().status, StatusCode::OK);
    let stranger = Ca::new("strangers").unwrap().client(&["buyer"]).unwrap();
    assert!(edge.get(host, Some(stranger)).await.is_err(), "a client of another authority is served");
}

async fn protocol_versions_are_bounded(edge: &Edge) {
    let (at, ca) = (edge.proxy.at(SECURE), edge.ca.certificate());
    let version = async |host, versions: &'static [&'static SupportedProtocolVersion]| {
        handshake_in(at, host, &ca, versions).await.map(|seen| seen.version)
    };
    assert_eq!(version("modern.example.com", &BOTH).await.unwrap(), ProtocolVersion::TLSv1_3);
    assert!(version("modern.example.com", &OLD).await.is_err());
    assert_eq!(version("dated.example.com", &BOTH).await.unwrap(), ProtocolVersion::TLSv1_2);
    assert!(version("dated.example.com", &NEW).await.is_err());
    assert_eq!(version("simple.example.com", &OLD).await.unwrap(), ProtocolVersion::TLSv1_2);
}

async fn passthrough_leads_by_server_name_to_the_certificate_of_the_backend(edge: &Edge) {
    for (letter, (app, identity)) in ['a', 'b'].into_iter().zip(&edge.vaults) {
        let host = format!("{letter}.vault.example.com");
        let (at, ca) = (edge.proxy.at(SECURE), edge.vault_ca.certificate());
        let seen = handshake(at, &host, &ca).await.unwrap();
        assert!(seen.is(identity), "{host} does not present the certificate of its backend");
        let client = Client::new(at).tls(ClientTls::new(&host, ca));
        let answer = client.send(&Request::get("/").host(&host)).await.unwrap();
        assert_eq!(answer.version(), Some(letter.to_string().as_str()));
        assert_eq!(app.requests()[0].session.as_ref().and_then(|s| s.sni.clone()), Some(host));
    }
    let other = handshake(edge.proxy.at(SECURE), "c.vault.example.com", &edge.ca.certificate()).await;
    assert!(other.is_err(), "no route takes c.vault.example.com");
}

async fn an_unknown_server_name_is_refused(edge: &Edge) {
    let seen = handshake(edge.proxy.at(SECURE), "unknown.example.com", &edge.ca.certificate()).await;
    assert!(seen.is_err(), "{seen:?}");
}

async fn a_certificate_is_rotated_without_a_failed_request(edge: &Edge) {
    let host = "rotated.example.com";
    let next = edge.ca.server(&[host]).unwrap();
    let at = edge.proxy.at(SECURE);
    let tls = edge.tls(host);
    let load = Load::per_second(100, Duration::from_millis(1500))
        .run(|| Client::new(at).tls(tls.clone()), move |_| Request::get("/").host(host));
    let rotate = async {
        let yaml = [
            tls_secret("simple", "edge", &edge.certificate, None),
            tls_secret("mutual", "edge", &edge.certificate, Some(&edge.client_ca.certificate())),
            tls_secret("rotated", "edge", &next, None),
            tls_secret("foreign", "shop", &edge.certificate, None),
        ];
        edge.mesh.apply("secrets.yaml", &yaml.concat()).await;
        handshake(at, host, &edge.ca.certificate()).await
    };
    let (report, seen) = tokio::join!(load, rotate);
    report.all_ok().unwrap();
    assert!(seen.unwrap().is(&next), "the certificate of before is served");
}

async fn a_secret_of_another_namespace_is_not_served(edge: &Edge) {
    for host in ["foreign.example.com", "qualified.example.com"] {
        let seen = handshake(edge.proxy.at(SECURE), host, &edge.ca.certificate()).await;
        assert!(seen.is_err(), "{host} presents a certificate of another namespace");
    }
    let findings = edge.mesh.findings_in("edge.yaml").await;
    assert!(findings.iter().any(|finding| finding.message.contains("foreign")), "{findings:?}");
}

async fn a_server_without_its_secret_waits_for_it_alone(edge: &Edge) {
    let host = "absent.example.com";
    assert!(!edge.is_served(host).await);
    assert!(edge.is_served("simple.example.com").await, "its neighbours are served");
    edge.mesh.apply("late.yaml", &tls_secret("absent", "edge", &edge.certificate, None)).await;
    assert!(edge.is_served(host).await, "the secret has come");
    edge.mesh.remove("late.yaml").await;
    assert!(edge.is_served("simple.example.com").await, "its neighbours are served when it is gone again");
}

async fn envoy_has_nothing_to_complain_about(edge: &Edge) {
    edge.proxy.assert_clean().await;
    assert_eq!(edge.proxy.stat("listener_manager.lds.update_rejected").await, 0);
}
