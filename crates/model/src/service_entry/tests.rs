use super::*;
use crate::{
    mesh::Settings,
    testing::{errors, only_object},
};

fn services(spec: &str) -> Vec<Service> {
    let yaml = format!(
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\n\
         metadata: {{name: external, namespace: shop}}\nspec: {{{spec}}}\n"
    );
    resolve(&only_object!(ServiceEntry, &yaml), &Mesh::new(&Settings::default()))
}

fn service(spec: &str) -> Service {
    let [service] = &services(&format!("hosts: [api.example.com], {spec}"))[..] else { panic!("{spec}") };
    service.clone()
}

const PORTS: &str = "ports: [{number: 443, name: tls, protocol: TLS}]";

#[test]
fn each_host_is_a_service() {
    let hosts = services(&format!("hosts: [A.example.com, '*.example.com'], resolution: NONE, {PORTS}"));
    let hosts: Vec<&str> = hosts.iter().map(|service| service.key.host.as_str()).collect();
    assert_eq!(hosts, ["a.example.com", "*.example.com"]);
}

#[test]
fn resolutions_are_ways_to_find_endpoints() {
    let check = |text: &str, expected| {
        assert_eq!(service(&format!("resolution: {text}, {PORTS}")).resolution, expected, "{text}");
    };
    check("NONE", Resolution::OriginalDestination);
    check("DNS", Resolution::StrictDns);
    check("DNS_ROUND_ROBIN", Resolution::LogicalDns);
    let inline = service(&format!("resolution: STATIC, endpoints: [{{address: 1.1.1.1}}], {PORTS}"));
    assert_eq!(inline.resolution, Resolution::Registry);
    assert_eq!(service(PORTS).resolution, Resolution::OriginalDestination);
}

#[test]
fn location_is_external_unless_said_otherwise() {
    assert!(service(&format!("resolution: DNS, {PORTS}")).external);
    assert!(!service(&format!("resolution: DNS, location: MESH_INTERNAL, {PORTS}")).external);
}

#[test]
fn addresses_are_single_or_ranges() {
    let found =
        service(&format!("addresses: [10.0.0.1, 10.1.0.0/16, 10.2.0.1/32], resolution: NONE, {PORTS}"));
    let ip = |text: &str| ServiceAddress::Ip(text.parse().unwrap());
    let range = ServiceAddress::Range("10.1.0.0/16".parse().unwrap());
    assert_eq!(found.addresses, [ip("10.0.0.1"), range, ip("10.2.0.1")]);
}

#[test]
fn ports_have_protocol_and_target() {
    let found = service(
        "resolution: DNS, ports: [{number: 443, name: b, protocol: TLS}, \
         {number: 80, name: a, protocol: HTTP, targetPort: 8080}, {number: 90, name: c}]",
    );
    let shown: Vec<_> = found.ports.iter().map(|p| (p.number, p.protocol, p.target.clone())).collect();
    let expected = [
        (80, Protocol::Http, TargetPort::Number(8080)),
        (90, Protocol::Auto, TargetPort::Number(90)),
        (443, Protocol::Tls, TargetPort::Number(443)),
    ];
    assert_eq!(shown, expected);
}

#[test]
fn selector_and_names_and_visibility_are_kept() {
    let found = service(&format!(
        "resolution: STATIC, location: MESH_INTERNAL, workloadSelector: {{labels: {{app: vm}}}}, \
         exportTo: ['.'], subjectAltNames: [spiffe://a/b], {PORTS}"
    ));
    assert_eq!(found.selector.unwrap().get("app"), Some("vm"));
    assert_eq!(found.export_to, Visibility::Namespaces(vec!["shop".into()]));
    assert_eq!(found.subject_alt_names, ["spiffe://a/b".into()]);
}

#[test]
fn definitions_of_one_host_add_ports_and_addresses() {
    let first =
        service("resolution: DNS, addresses: [10.0.0.1], ports: [{number: 443, name: tls, protocol: TLS}]");
    let second = service(
        "resolution: DNS, addresses: [10.0.0.2, 10.0.0.1], \
         ports: [{number: 80, name: http, protocol: HTTP}, {number: 443, name: x, protocol: TCP}]",
    );
    let merged = merge(&[Arc::new(first), Arc::new(second)]).unwrap();
    let ports: Vec<_> = merged.ports.iter().map(|port| (port.number, &*port.name)).collect();
    assert_eq!(ports, [(80, "http"), (443, "tls")]);
    assert_eq!(merged.addresses.len(), 2);
}

#[test]
fn a_definition_that_finds_endpoints_otherwise_is_ignored() {
    let first = service("resolution: DNS, ports: [{number: 443, name: tls, protocol: TLS}]");
    let second = service("resolution: NONE, ports: [{number: 80, name: http, protocol: HTTP}]");
    let merged = merge(&[Arc::new(first.clone()), Arc::new(second)]).unwrap();
    assert_eq!(*merged, first);
    assert_eq!(merge(&[]), None);
}

#[test]
fn a_partial_wildcard_has_no_tls_ports_and_the_other_hosts_have_them() {
    let ports =
        "ports: [{number: 443, name: tls, protocol: HTTPS}, {number: 80, name: http, protocol: HTTP}]";
    let spec = format!("hosts: ['*cdn.example.net', '*.example.net'], resolution: NONE, {ports}");
    let services = services(&spec);
    let numbers: Vec<Vec<u16>> =
        services.iter().map(|s| s.ports.iter().map(|port| port.number).collect()).collect();
    assert_eq!(numbers, [vec![80], vec![80, 443]]);
    let yaml = format!(
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: external, namespace: shop}}\nspec: {{{spec}}}\n"
    );
    assert_eq!(errors(&yaml), ["FL0202 spec.hosts[0]"]);
}
