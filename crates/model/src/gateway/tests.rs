use fairlead_config::Kind;

use super::*;
use crate::{
    destination_rule::RuleKey,
    scope::{DestinationBinding, ScopeKey, ScopeKind, ScopedService},
    testing::{World, errors, only_object},
};

fn yaml(name: &str, servers: &str) -> String {
    format!(
        "---\n{{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {{name: {name}, namespace: edge}}, spec: {{selector: {{istio: gw}}, servers: [{servers}]}}}}\n"
    )
}

fn resolved(name: &str, servers: &str) -> Arc<Gateway> {
    let yaml = yaml(name, servers);
    assert_eq!(errors(&yaml), Vec::<String>::new());
    Arc::new(resolve(&only_object!(Gateway, &yaml)))
}

fn http(port: u16, hosts: &str) -> String {
    format!("{{port: {{number: {port}, name: http-{port}, protocol: HTTP}}, hosts: [{hosts}]}}")
}

fn tls(port: u16, hosts: &str) -> String {
    format!(
        "{{port: {{number: {port}, name: https-{port}, protocol: HTTPS}}, tls: {{mode: SIMPLE, credentialName: c}}, hosts: [{hosts}]}}"
    )
}

fn tcp(port: u16) -> String {
    format!("{{port: {{number: {port}, name: tcp-{port}, protocol: TCP}}, hosts: ['*']}}")
}

#[test]
fn server_hosts_name_the_namespaces_that_may_bind() {
    let gateway = resolved("g", &http(80, "a.com, 'web/b.com', './*.C.com', '*/d.com'"));
    let host = |namespace: Option<&str>, host: &str| ServerHost {
        namespace: namespace.map(Into::into),
        host: Host::new(host),
    };
    let expected =
        [host(None, "a.com"), host(Some("web"), "b.com"), host(Some("edge"), "*.c.com"), host(None, "d.com")];
    assert_eq!(gateway.servers[0].hosts, expected);
}

fn check_tls(protocol: &str, tls: &str, expected: &ServerTls) {
    let server = format!("{{port: {{number: 443, name: p, protocol: {protocol}}}, {tls} hosts: [a.com]}}");
    assert_eq!(resolved("g", &server).servers[0].tls, *expected);
}

fn terminate(client: ClientValidation) -> ServerTls {
    ServerTls::Terminate(DownstreamTls {
        certificate: CertificateSource::Secret("c".into()),
        client,
        min_version: TlsVersion::Tls12,
        max_version: TlsVersion::Tls13,
        cipher_suites: Vec::new(),
        subject_alt_names: Vec::new(),
    })
}

#[test]
fn tls_by_protocol_and_mode() {
    check_tls("HTTP", "", &ServerTls::None);
    check_tls("HTTP", "tls: {httpsRedirect: true},", &ServerTls::HttpsRedirect);
    check_tls("TLS", "tls: {mode: PASSTHROUGH},", &ServerTls::Passthrough);
    check_tls("HTTPS", "tls: {mode: SIMPLE, credentialName: c},", &terminate(ClientValidation::None));
    let ca = ClientCa::Secret("c".into());
    check_tls(
        "HTTPS",
        "tls: {mode: MUTUAL, credentialName: c},",
        &terminate(ClientValidation::Required(ca.clone())),
    );
    check_tls(
        "HTTPS",
        "tls: {mode: OPTIONAL_MUTUAL, credentialName: c},",
        &terminate(ClientValidation::Optional(ca)),
    );
}

#[test]
fn cipher_suites_that_envoy_does_not_have_are_left_out() {
    let check = |suites: &str, expected: &[&str]| {
        let ServerTls::Terminate(mut tls) = terminate(ClientValidation::None) else { unreachable!() };
        tls.cipher_suites = expected.iter().map(|suite| (*suite).into()).collect();
        let settings = format!("tls: {{mode: SIMPLE, credentialName: c, cipherSuites: [{suites}]}},");
        check_tls("HTTPS", &settings, &ServerTls::Terminate(tls));
    };
    check("AES128-SHA, ROT13, AES256-SHA, AES128-SHA", &["AES128-SHA", "AES256-SHA"]);
    check("ROT13", &[]);
}

#[test]
fn a_server_that_cannot_be_as_secure_as_it_says_is_left_out() {
    let of = |tls: &[&str]| {
        let server = |(at, tls)| {
            format!("{{port: {{number: 443, protocol: TLS, name: p{at}}}, hosts: [a.com], tls: {{{tls}}}}}")
        };
        let servers: Vec<String> = tls.iter().enumerate().map(server).collect();
        let yaml = yaml("g", &servers.join(", "));
        let servers = resolve(&only_object!(Gateway, &yaml)).servers;
        (servers.iter().map(|server| server.index).collect::<Vec<_>>(), errors(&yaml))
    };
    let (kept, errors) = of(&[
        "mode: SIMPLE, credentialNames: ['']",
        "mode: SIMPLE, tlsCertificates: [{serverCertificate: /c}]",
        "mode: MUTUAL, tlsCertificates: [{serverCertificate: /c, privateKey: /k}]",
        "mode: OPTIONAL_MUTUAL, tlsCertificates: [{serverCertificate: /c, privateKey: /k}]",
        "mode: ISTIO_MUTUAL",
        "mode: SIMPLE, serverCertificate: /c, privateKey: /k",
    ]);
    assert_eq!(kept, [5]);
    assert_eq!(errors, [0, 1, 2, 3].map(|at| format!("FL0219 spec.servers[{at}].tls")));
}

/// The merged listeners as `port kind gateway/index…`, and how many servers were left out.
fn check_merge(gateways: &[Arc<Gateway>], targets: &[(u16, u16)], expected: &[&str], left_out: usize) {
    let (merged, conflicts) = merge(gateways, &Ports { targets, privileged: true });
    let show = |listener: &GatewayListener| {
        let servers = listener.servers.iter().map(|s| format!(" {}/{}", s.gateway.name, s.index));
        format!("{} {:?}{}", listener.port, listener.kind, servers.collect::<String>())
    };
    let listeners: Vec<String> = merged.listeners.iter().map(show).collect();
    assert_eq!(listeners, expected);
    assert_eq!(conflicts.len(), left_out, "{conflicts:?}");
}

#[test]
fn plaintext_servers_of_a_port_share_a_listener() {
    check_merge(
        &[resolved("a", &http(80, "a.com")), resolved("b", &http(80, "a.com, b.com"))],
        &[],
        &["80 Http a/0 b/0"],
        0,
    );
}

#[test]
fn tls_servers_of_a_port_need_hosts_of_their_own() {
    let (first, same) = (resolved("a", &tls(443, "a.com")), resolved("b", &tls(443, "b.com, 'web/a.com'")));
    check_merge(&[first.clone(), resolved("b", &tls(443, "b.com"))], &[], &["443 Tls a/0 b/0"], 0);
    check_merge(&[first, same], &[], &["443 Tls a/0"], 1);
}

#[test]
fn servers_that_speak_differently_do_not_share_a_port() {
    let gateways = [
        resolved("a", &http(80, "a.com")),
        resolved("b", &format!("{}, {}", tls(80, "b.com"), http(80, "c.com"))),
    ];
    check_merge(&gateways, &[], &["80 Http a/0 b/1"], 1);
    check_merge(&[resolved("a", &tcp(99)), resolved("b", &tcp(99))], &[], &["99 Tcp a/0"], 1);
}

#[test]
fn a_server_listens_on_the_target_port_of_the_gateways_service() {
    let gateways = [resolved("a", &format!("{}, {}", http(80, "a.com"), http(81, "a.com")))];
    check_merge(&gateways, &[(80, 8080)], &["81 Http a/1", "8080 Http a/0"], 0);
}

#[test]
fn an_unprivileged_proxy_has_no_low_ports() {
    let gateways = [resolved("a", &format!("{}, {}", http(80, "a.com"), http(8081, "a.com")))];
    let (merged, _) = merge(&gateways, &Ports { targets: &[], privileged: false });
    let ports: Vec<u16> = merged.listeners.iter().map(|listener| listener.port).collect();
    assert_eq!(ports, [8081]);
}

fn virtual_service(namespace: &str, name: &str, hosts: &str, created: &str) -> String {
    format!(
        "---\n{{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {{name: {name}, namespace: {namespace}, creationTimestamp: '2024-01-{created}T00:00:00Z'}}, spec: {{hosts: [{hosts}], gateways: [edge/g], http: [{{route: [{{destination: {{host: a.shop.svc.cluster.local}}}}]}}]}}}}\n"
    )
}

const SERVICE: &str = "---\n{apiVersion: v1, kind: Service, metadata: {name: a, namespace: shop}, spec: {clusterIP: 10.0.0.1, ports: [{name: http, port: 80}]}}\n";

fn hosts(objects: &[String]) -> Arc<[GatewayHost]> {
    let mut world = World::of(&format!("{SERVICE}{}", objects.concat()));
    let key = GatewayHostsKey {
        servers: Arc::from([ServerRef { gateway: ConfigKey::new(Kind::Gateway, "edge", "g"), index: 0 }]),
        scope: ScopeKey {
            namespace: "edge".into(),
            kind: ScopeKind::Gateway,
            selected_rules: Arc::default(),
        },
        source: crate::proxy::ClientAttributes { namespace: "edge".into(), labels: LabelSet::default() },
    };
    (*world.get::<GatewayHosts>(&key)).clone()
}

/// The virtual hosts of server 0 of Gateway `g` as `host name…`, whatever the order of the objects.
fn check_hosts(objects: &[String], expected: &[&str]) {
    let mut reversed = objects.to_vec();
    reversed.reverse();
    for objects in [objects, &reversed] {
        let hosts = hosts(objects);
        let show = |host: &GatewayHost| {
            let names = host.route_sets.iter().map(|routes| format!(" {}", routes.routes.name));
            format!("{}{}", host.host, names.collect::<String>())
        };
        assert_eq!(hosts.iter().map(show).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn hosts_are_the_intersection_of_server_and_virtual_service() {
    check_hosts(
        &[
            yaml("g", &http(80, "'*.a.com', b.com")),
            virtual_service("shop", "v", "x.a.com, '*.com', c.com", "01"),
        ],
        &["*.a.com v", "b.com v", "x.a.com v"],
    );
}

#[test]
fn virtual_services_of_a_host_are_merged_oldest_first() {
    check_hosts(
        &[
            yaml("g", &http(80, "a.com")),
            virtual_service("shop", "new", "a.com", "02"),
            virtual_service("shop", "old", "a.com", "01"),
        ],
        &["a.com old new"],
    );
}

#[test]
fn a_server_host_limits_the_namespaces_that_bind() {
    check_hosts(
        &[
            yaml("g", &http(80, "'web/a.com'")),
            virtual_service("shop", "s", "a.com", "01"),
            virtual_service("web", "w", "a.com", "02"),
        ],
        &["a.com w"],
    );
}

#[test]
fn a_redirect_needs_no_virtual_service() {
    let redirect =
        "{port: {number: 80, name: h, protocol: HTTP}, hosts: [a.com], tls: {httpsRedirect: true}}";
    let hosts = hosts(&[yaml("g", redirect)]);
    let found: Vec<_> = hosts.iter().map(|host| (host.host.as_str(), host.https_redirect)).collect();
    assert_eq!(found, [("a.com", true)]);
}

#[test]
fn destinations_are_bound_in_the_scope_of_the_gateway() {
    let rule = "---\n{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: r, namespace: shop}, spec: {host: a}}\n";
    let hosts =
        hosts(&[yaml("g", &http(80, "a.com")), virtual_service("shop", "v", "a.com", "01"), rule.into()]);
    let host = Host::new("a.shop.svc.cluster.local");
    let rule = RuleKey {
        namespace: "shop".into(),
        host: host.clone(),
        objects: Arc::from([ConfigKey::new(Kind::DestinationRule, "shop", "r")]),
    };
    let service = crate::ServiceKey { host: host.clone(), namespace: "shop".into() };
    let expected = DestinationBinding { host, service: Some(ScopedService { service, rule: Some(rule) }) };
    assert_eq!(hosts[0].destinations.as_ref(), [expected]);
}

#[test]
fn a_partial_wildcard_is_no_host_of_a_tls_server_and_others_stay() {
    let servers =
        format!("{}, {}, {}", tls(443, "a.com, '*-b.com'"), tls(444, "'*c.com'"), http(80, "'*-b.com'"));
    let yaml = yaml("g", &servers);
    let gateway = resolve(&only_object!(Gateway, &yaml));
    let hosts: Vec<_> = gateway
        .servers
        .iter()
        .map(|s| (s.port, s.hosts.iter().map(|h| h.host.as_str()).collect::<Vec<_>>()))
        .collect();
    assert_eq!(hosts, [(443, vec!["a.com"]), (80, vec!["*-b.com"])]);
    let expected = [
        "FL0202 spec.servers[0].hosts[1]",
        "FL0202 spec.servers[1].hosts[0]",
        "FL0202 spec.servers[1].hosts",
    ];
    assert_eq!(errors(&yaml), expected);
}
