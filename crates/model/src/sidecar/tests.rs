use fairlead_config::Kind;

use super::*;
use crate::{
    Protocol,
    port::TargetPort,
    testing::{errors, only_object},
};

fn resolved(spec: &str) -> Sidecar {
    let yaml = format!(
        "{{apiVersion: networking.istio.io/v1, kind: Sidecar, metadata: {{name: s, namespace: shop}}, spec: {{{spec}}}}}"
    );
    assert_eq!(errors(&yaml), Vec::<String>::new());
    resolve(&only_object!(Sidecar, &yaml))
}

fn host(namespace: EgressNamespace, host: &str, exclude: bool) -> EgressHost {
    EgressHost { namespace, host: Host::new(host), exclude }
}

#[test]
fn egress_hosts_have_four_forms() {
    let sidecar = resolved("egress: [{hosts: ['./*', 'web/a.b', '*/*.Com', '~/*']}]");
    let expected = [
        host(EgressNamespace::Own, "*", false),
        host(EgressNamespace::Named("web".into()), "a.b", false),
        host(EgressNamespace::Any, "*.com", false),
        host(EgressNamespace::None, "*", false),
    ];
    assert_eq!(sidecar.egress[0].hosts, expected);
}

#[test]
fn a_tilde_takes_hosts_away_in_one_namespace_or_in_all() {
    let spec = api_egress(&["*/*", "~web/*", "~./a.b", "~/x.com", "~/*.x.com", "~*/y.com"]);
    let config = fairlead_config::Config::new(ConfigKey::new(Kind::Sidecar, "shop", "s"), spec);
    let sidecar = resolve(&config);
    let expected = [
        host(EgressNamespace::Any, "*", false),
        host(EgressNamespace::Named("web".into()), "*", true),
        host(EgressNamespace::Own, "a.b", true),
        host(EgressNamespace::Any, "x.com", true),
        host(EgressNamespace::Any, "*.x.com", true),
        host(EgressNamespace::Any, "y.com", true),
    ];
    assert_eq!(sidecar.egress[0].hosts, expected);
}

fn api_egress(hosts: &[&str]) -> fairlead_config::api::SidecarSpec {
    fairlead_config::api::SidecarSpec {
        egress: vec![fairlead_config::api::IstioEgressListener {
            hosts: hosts.iter().map(ToString::to_string).collect(),
            ..Default::default()
        }],
        ..Default::default()
    }
}

#[test]
fn a_sidecar_without_egress_sees_everything() {
    let sidecar = resolved(
        "workloadSelector: {labels: {app: a}}, ingress: [{port: {number: 80, protocol: HTTP, name: h}, defaultEndpoint: '127.0.0.1:8080'}]",
    );
    assert_eq!(sidecar.egress[0].hosts, [host(EgressNamespace::Any, "*", false)]);
}

#[test]
fn explicit_listeners_have_port_address_and_capture() {
    let sidecar = resolved(
        "egress: [{port: {number: 9080, protocol: HTTP, name: h}, bind: 127.0.0.1, captureMode: NONE, hosts: ['./*']}]",
    );
    let listener = &sidecar.egress[0];
    let port =
        Port { number: 9080, name: "h".into(), protocol: Protocol::Http, target: TargetPort::Number(9080) };
    assert_eq!(listener.port, Some(port));
    assert_eq!(listener.bind, Some(Bind::Ip("127.0.0.1".parse().expect("an address"))));
    assert_eq!(listener.capture, CaptureMode::None);
}

fn check_endpoint(text: &str, expected: Option<&DefaultEndpoint>) {
    let text = if text.is_empty() { String::new() } else { format!(", defaultEndpoint: '{text}'") };
    let sidecar = resolved(&format!(
        "workloadSelector: {{labels: {{app: a}}}}, ingress: [{{port: {{number: 80, protocol: HTTP, name: h}}{text}}}]"
    ));
    assert_eq!(sidecar.ingress[0].default_endpoint.as_ref(), expected);
}

#[test]
fn default_endpoints_have_four_forms() {
    check_endpoint("127.0.0.1:8080", Some(&DefaultEndpoint::Loopback(8080)));
    check_endpoint("[::1]:8080", Some(&DefaultEndpoint::Loopback(8080)));
    check_endpoint("0.0.0.0:8080", Some(&DefaultEndpoint::Instance(8080)));
    check_endpoint("[::]:8080", Some(&DefaultEndpoint::Instance(8080)));
    check_endpoint("unix:///run/app.sock", Some(&DefaultEndpoint::Unix("/run/app.sock".into())));
}

#[test]
fn an_ingress_without_an_endpoint_names_no_loopback_port() {
    check_endpoint("", None);
}

#[test]
fn a_listener_of_protocol_http_proxy_is_a_proxy() {
    let listener = |protocol: &str| {
        let spec =
            format!("egress: [{{port: {{number: 15080, protocol: {protocol}, name: p}}, hosts: ['*/*']}}]");
        resolved(&spec).egress[0].is_proxy
    };
    assert!(listener("HTTP_PROXY") && listener("http_proxy"));
    assert!(!listener("HTTP"));
}

#[test]
fn an_outbound_policy_without_a_mode_is_registry_only() {
    let policy = |spec: &str| resolved(&format!("egress: [{{hosts: ['./*']}}]{spec}")).outbound_policy;
    assert_eq!(policy(""), None);
    assert_eq!(policy(", outboundTrafficPolicy: {mode: ALLOW_ANY}"), Some(OutboundTrafficPolicy::AllowAny));
    assert_eq!(policy(", outboundTrafficPolicy: {}"), Some(OutboundTrafficPolicy::RegistryOnly));
}

fn header(namespace: &str, name: &str, selector: Option<(&str, &str)>) -> SidecarHeader {
    SidecarHeader {
        origin: ConfigKey::new(Kind::Sidecar, namespace, name),
        created: None,
        workload_selector: selector.map(|pair| [pair].into_iter().collect()),
    }
}

#[test]
fn a_selector_beats_the_namespace_and_that_the_root_namespace() {
    let own = [header("shop", "all", None), header("shop", "x", Some(("app", "x")))];
    let root = [header("istio-system", "sel", Some(("app", "x"))), header("istio-system", "root", None)];
    let chosen = |own: &[SidecarHeader], root: &[SidecarHeader], app: &str| {
        let labels = [("app", app)].into_iter().collect();
        select(own, root, &labels).map(|key| key.name.to_string())
    };
    assert_eq!(chosen(&own, &root, "x").as_deref(), Some("x"));
    assert_eq!(chosen(&own, &root, "y").as_deref(), Some("all"));
    assert_eq!(chosen(&own[1..], &root, "y").as_deref(), Some("root"));
    assert_eq!(chosen(&[], &root, "x").as_deref(), Some("root"));
    assert_eq!(chosen(&[], &[], "x"), None);
}
