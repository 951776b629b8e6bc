use std::net::IpAddr;

use super::kubernetes::protocol;
use super::*;
use crate::{
    Protocol,
    mesh::{Mesh, Settings},
    port::TargetPort,
    testing::only_object,
};

/// The service of `spec`, a Service `shop/cart`, with `metadata` added to its metadata, and a port if it has none.
fn service_with(metadata: &str, spec: &str) -> Option<Service> {
    let needs_port = !spec.contains("ports:") && !spec.contains("ExternalName");
    let spec = if needs_port { format!("{spec}, ports: [{{port: 80}}]") } else { spec.to_owned() };
    let yaml = format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: cart, namespace: shop, {metadata}}}\nspec: {{{spec}}}\n"
    );
    resolve(&only_object!(Service, &yaml), &Mesh::new(&Settings::default()))
}

fn service(spec: &str) -> Service {
    service_with("", spec).unwrap()
}

/// Checks how one port is read: `number/name/protocol/target`, or `dropped`.
fn check_port(port: &str, expected: &str) {
    let service = service(&format!("ports: [{{{port}}}]"));
    let shown = service.ports.first().map_or_else(
        || "dropped".to_owned(),
        |port| {
            let target = match &port.target {
                TargetPort::Number(number) => number.to_string(),
                TargetPort::Name(name) => format!("`{name}`"),
            };
            format!("{}/{}/{:?}/{target}", port.number, port.name, port.protocol)
        },
    );
    assert_eq!(shown, expected, "{port}");
}

#[test]
fn ports_are_read_with_their_protocol_and_target() {
    check_port("port: 80, name: http", "80/http/Http/80");
    check_port("port: 80, name: http-web, targetPort: 8080", "80/http-web/Http/8080");
    check_port("port: 80, name: http, targetPort: web", "80/http/Http/`web`");
    check_port("port: 80, name: http, targetPort: '8080'", "80/http/Http/8080");
    check_port("port: 80", "80//Auto/80");
    check_port("port: 53, protocol: UDP, name: dns", "dropped");
    check_port("port: 9, protocol: SCTP, name: sctp", "dropped");
    check_port("port: 53, name: udp-dns", "dropped");
    check_port("port: 80, name: tcp-x, appProtocol: http2", "80/tcp-x/Http2/80");
}

#[test]
fn protocol_comes_from_app_protocol_then_name_then_well_known_port() {
    let check = |number, name, app_protocol, expected| {
        assert_eq!(protocol(number, name, app_protocol), expected, "{number} {name} {app_protocol:?}");
    };
    check(80, "grpc-web", None, Protocol::GrpcWeb);
    check(80, "gRPC-Web-api", None, Protocol::GrpcWeb);
    check(80, "grpc-api", None, Protocol::Grpc);
    check(80, "HTTP2-x", None, Protocol::Http2);
    check(80, "https", None, Protocol::Https);
    check(80, "httpfoo", None, Protocol::Auto);
    check(80, "web", Some("kubernetes.io/h2c"), Protocol::Http2);
    check(80, "web", Some("kubernetes.io/ws"), Protocol::Http);
    check(80, "web", Some("kubernetes.io/wss"), Protocol::Https);
    check(80, "http", Some("example.com/custom"), Protocol::Auto);
    check(3306, "db", None, Protocol::Tcp);
    check(3306, "http", None, Protocol::Http);
    check(27017, "", None, Protocol::Tcp);
    check(5432, "", None, Protocol::Auto);
    check(80, "tcp", Some("grpc-web"), Protocol::GrpcWeb);
}

#[test]
fn ports_are_sorted_by_number() {
    let service = service("ports: [{port: 443, name: https}, {port: 80, name: http}]");
    assert_eq!(service.ports.iter().map(|port| port.number).collect::<Vec<_>>(), [80, 443]);
}

#[test]
fn addresses_are_the_cluster_ips_of_both_families() {
    let ips = |spec| service(spec).ips().collect::<Vec<_>>();
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    assert_eq!(ips("clusterIP: 10.0.0.1"), [ip("10.0.0.1")]);
    assert_eq!(
        ips("clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1, 'fd00::1']"),
        [ip("10.0.0.1"), ip("fd00::1")]
    );
    assert_eq!(ips("selector: {app: cart}"), Vec::<IpAddr>::new());
}

#[test]
fn headless_service_goes_to_the_original_destination() {
    let headless = service("clusterIP: None, selector: {app: cart}");
    assert!(headless.headless);
    assert_eq!(headless.resolution, Resolution::OriginalDestination);
    assert!(headless.addresses.is_empty());
    assert!(!service("clusterIP: 10.0.0.1").headless);
}

#[test]
fn external_name_is_an_alias() {
    let alias = service("type: ExternalName, externalName: Api.Example.com., clusterIP: 10.0.0.1");
    assert_eq!(alias.resolution, Resolution::Alias(Host::new("api.example.com")));
    assert!(alias.addresses.is_empty());
    let nameless = "apiVersion: v1\nkind: Service\nmetadata: {name: cart, namespace: shop}\n\
                    spec: {type: ExternalName, externalName: a}\n";
    let mut nameless = only_object!(Service, nameless);
    Arc::make_mut(&mut nameless.spec).external_name = None;
    assert_eq!(resolve(&nameless, &Mesh::new(&Settings::default())), None);
}

#[test]
fn host_has_the_domain_of_the_mesh() {
    assert_eq!(service("clusterIP: 10.0.0.1").key.host.as_str(), "cart.shop.svc.cluster.local");
    let key = service("clusterIP: 10.0.0.1").key;
    assert_eq!(kubernetes_name(&key, "cluster.local"), Some("cart"));
    assert_eq!(kubernetes_name(&key, "example.org"), None);
    let elsewhere = ServiceKey { namespace: "other".into(), ..key };
    assert_eq!(kubernetes_name(&elsewhere, "cluster.local"), None);
}

#[test]
fn export_to_annotation_names_namespaces() {
    let export_to = |value: &str| {
        let metadata = format!("annotations: {{networking.istio.io/exportTo: '{value}'}}");
        service_with(&metadata, "clusterIP: 10.0.0.1").unwrap().export_to
    };
    let namespaces = |names: &[&str]| Visibility::Namespaces(names.iter().map(|n| (*n).into()).collect());
    assert_eq!(export_to(". , other"), namespaces(&["other", "shop"]));
    assert_eq!(export_to("other,*"), Visibility::Public);
    assert_eq!(export_to("~"), Visibility::None);
    assert_eq!(export_to(""), Visibility::Public);
    assert_eq!(service("clusterIP: 10.0.0.1").export_to, Visibility::Public);
}

#[test]
fn default_export_to_is_relative_to_the_namespace_of_the_object() {
    let default = Visibility::parse(["."]).unwrap();
    let namespace = Namespace::from("shop");
    let resolved = Visibility::resolve([], &namespace, &default);
    assert_eq!(resolved, Visibility::Namespaces(vec!["shop".into()]));
    assert!(resolved.allows(&namespace) && !resolved.allows(&Namespace::from("other")));
}

#[test]
fn traffic_preferences_are_read() {
    let near = service("trafficDistribution: PreferClose, internalTrafficPolicy: Local");
    assert_eq!(near.traffic_distribution, Some(TrafficDistribution::PreferSameZone));
    assert!(near.node_local);
    let plain = service("internalTrafficPolicy: Cluster, publishNotReadyAddresses: true");
    assert_eq!((plain.traffic_distribution, plain.node_local, plain.publish_not_ready), (None, false, true));
    let annotated = service_with(
        "annotations: {networking.istio.io/traffic-distribution: PreferSameNode}",
        "clusterIP: 10.0.0.1",
    );
    assert_eq!(annotated.unwrap().traffic_distribution, Some(TrafficDistribution::PreferSameNode));
}

#[test]
fn empty_selector_is_none() {
    assert_eq!(service("selector: {}").selector, None);
    assert_eq!(service("selector: {app: cart}").selector.unwrap().get("app"), Some("cart"));
}
