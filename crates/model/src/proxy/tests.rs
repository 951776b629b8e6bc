use super::*;
use crate::{Port, gateway::GatewayListeners, scope::ScopeKind, testing::World};

mod order;

const MESH: &str = "
---
{apiVersion: v1, kind: Service, metadata: {name: a, namespace: shop, creationTimestamp: '2024-01-01T00:00:00Z'}, spec: {clusterIP: 10.0.0.1, selector: {app: a}, ports: [{name: http, port: 80, targetPort: 8080}, {name: tcp-x, port: 99}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: young, namespace: shop, creationTimestamp: '2024-02-01T00:00:00Z'}, spec: {clusterIP: 10.0.0.2, selector: {app: a}, ports: [{name: tcp, port: 81, targetPort: 8080}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: a-1, namespace: shop, labels: {app: a, version: v1}}, spec: {nodeName: n1}, status: {podIP: 10.1.0.1, podIPs: [{ip: 10.1.0.1}], phase: Running, conditions: [{type: Ready, status: 'True'}]}}
---
{apiVersion: v1, kind: Node, metadata: {name: n1, labels: {topology.kubernetes.io/region: r, topology.kubernetes.io/zone: z}}}
";

fn key(kind: ProxyKind, interception: Interception) -> ProxyKey {
    ProxyKey {
        kind,
        namespace: "shop".into(),
        labels: [("app", "a"), ("version", "v1")].into_iter().collect(),
        addresses: Arc::from(["10.1.0.1".parse().unwrap()]),
        cluster: "Kubernetes".into(),
        network: Arc::default(),
        locality: Locality::parse("said/by/node"),
        node: "n1".into(),
        interception,
        dns_domain: "shop.svc.cluster.local".into(),
        takes_large_expressions: true,
        privileged: true,
    }
}

fn binding(objects: &str, kind: ProxyKind, interception: Interception) -> ProxyBinding {
    let mut world = World::of(&format!("{MESH}{objects}"));
    ProxyBinding::clone(&world.get::<BindingOf>(&key(kind, interception)))
}

fn sidecar(spec: &str) -> String {
    format!(
        "---\n{{apiVersion: networking.istio.io/v1, kind: Sidecar, metadata: {{name: s, namespace: shop}}, spec: {{{spec}}}}}\n"
    )
}

/// The inbound listeners as `port protocol [service:port] [@bind] [->endpoint]`.
fn check_inbound(objects: &str, interception: Interception, expected: &[&str]) {
    let binding = binding(objects, ProxyKind::Sidecar, interception);
    let show = |listener: &InboundListener| {
        let service = listener.service.as_ref().map(|(host, port)| format!(" {host}:{port}"));
        let bind = listener.bind.as_ref().map(|bind| match bind {
            Bind::Ip(address) => format!(" @{address}"),
            Bind::Unix(path) => format!(" @{path}"),
        });
        let endpoint = listener.endpoint.as_ref().map(|endpoint| format!(" {endpoint:?}"));
        format!(
            "{} {:?}{}{}{}",
            listener.port,
            listener.protocol,
            service.unwrap_or_default(),
            bind.unwrap_or_default(),
            endpoint.unwrap_or_default()
        )
    };
    let inbound = binding.inbound.expect("a sidecar has an inbound side");
    assert_eq!(inbound.listeners.iter().map(show).collect::<Vec<_>>(), expected);
}

#[test]
fn services_of_the_workload_make_inbound_ports_and_the_oldest_wins() {
    check_inbound(
        "",
        Interception::Redirect,
        &["99 Tcp a.shop.svc.cluster.local:99", "8080 Http a.shop.svc.cluster.local:80"],
    );
}

const INGRESS: &str =
    "ingress: [{port: {number: 9000, protocol: GRPC, name: g}, defaultEndpoint: '127.0.0.1:9001'}]";

#[test]
fn ingress_replaces_the_services() {
    check_inbound(&sidecar(INGRESS), Interception::Redirect, &["9000 Grpc Loopback(9001)"]);
}

#[test]
fn without_interception_there_is_ingress_only() {
    check_inbound("", Interception::None, &[]);
    check_inbound(&sidecar(INGRESS), Interception::None, &["9000 Grpc @10.1.0.1 Loopback(9001)"]);
}

#[test]
fn ingress_without_capture_binds_to_its_port() {
    let spec = INGRESS.replace("defaultEndpoint", "captureMode: NONE, bind: 127.0.0.2, defaultEndpoint");
    check_inbound(&sidecar(&spec), Interception::Redirect, &["9000 Grpc @127.0.0.2 Loopback(9001)"]);
}

#[test]
fn ingress_without_an_endpoint_leads_to_the_original_destination() {
    let spec = "ingress: [{port: {number: 9000, protocol: TCP, name: t}}]";
    check_inbound(&sidecar(spec), Interception::Redirect, &["9000 Tcp"]);
    let bound = spec.replace("port: {", "bind: 10.1.0.1, port: {");
    check_inbound(&sidecar(&bound), Interception::Redirect, &["9000 Tcp"]);
}

#[test]
fn behind_a_listener_with_its_own_port_the_endpoint_is_written_out() {
    let spec =
        "ingress: [{port: {number: 9000, protocol: TCP, name: t}, captureMode: NONE, bind: 127.0.0.2}]";
    check_inbound(&sidecar(spec), Interception::Redirect, &["9000 Tcp @127.0.0.2 Loopback(9000)"]);
    let instance = spec.replace("bind:", "defaultEndpoint: '0.0.0.0:9001', bind:");
    check_inbound(&sidecar(&instance), Interception::Redirect, &["9000 Tcp @127.0.0.2 Ip(10.1.0.1, 9001)"]);
}

#[test]
fn two_services_on_one_target_port_keep_the_first() {
    let service = |host: &str, number: u16, target: u16| ServicePort {
        service: crate::ServiceKey { host: Host::new(host), namespace: "shop".into() },
        port: Port {
            number,
            name: "p".into(),
            protocol: Protocol::Http,
            target: crate::port::TargetPort::Number(target),
        },
        target,
        origin: ConfigKey::new(fairlead_config::Kind::Service, "shop", host),
        rule: None,
    };
    let services = [service("b", 80, 8080), service("a", 80, 8080), service("a", 81, 8081)];
    let listeners = inbound_listeners(&InboundInputs {
        interception: Interception::Redirect,
        families: IpFamilies::V4,
        addresses: &[],
        sidecar: None,
        services: &services,
    });
    let found: Vec<_> = listeners.iter().map(|l| (l.port, l.origin.name.as_str())).collect();
    assert_eq!(found, [(8080, "b"), (8081, "a")]);
}

#[test]
fn a_sidecar_of_the_namespace_narrows_the_scope() {
    let scope = |objects: &str| binding(objects, ProxyKind::Sidecar, Interception::Redirect).scope.kind;
    assert_eq!(scope(""), ScopeKind::Default);
    let key = ConfigKey::new(fairlead_config::Kind::Sidecar, "shop", "s");
    assert_eq!(scope(&sidecar("egress: [{hosts: ['./*']}]")), ScopeKind::Sidecar(key));
    let objects = sidecar("egress: [{hosts: ['./*']}]");
    assert_eq!(binding(&objects, ProxyKind::Gateway, Interception::Redirect).scope.kind, ScopeKind::Gateway);
}

#[test]
fn only_labels_that_are_asked_for_reach_the_source() {
    let source = |objects: &str| binding(objects, ProxyKind::Sidecar, Interception::Redirect).source.labels;
    assert!(source("").is_empty());
    let asking = |version: &str| {
        format!(
            "---\n{{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {{name: v, namespace: other}}, spec: {{hosts: [x], http: [{{match: [{{sourceLabels: {{version: {version}, tier: x}}}}], route: [{{destination: {{host: x}}}}]}}]}}}}\n"
        )
    };
    assert!(source(&asking("v9")).is_empty(), "a value that nobody asks for makes no difference");
    assert_eq!(source(&asking("v1")), [("version", "v1")].into_iter().collect());
}

#[test]
fn the_place_is_that_of_the_pod() {
    let place = binding("", ProxyKind::Sidecar, Interception::Redirect).place;
    assert_eq!(place, Place { locality: Locality::parse("r/z"), ..Place::default() });
}

#[test]
fn an_unknown_pod_is_where_its_node_says() {
    let mut world = World::of("");
    let binding = world.get::<BindingOf>(&key(ProxyKind::Sidecar, Interception::Redirect));
    assert_eq!(binding.place.locality, Locality::parse("said/by/node"));
}

#[test]
fn the_node_counts_only_while_a_service_asks_for_it() {
    let local = "---\n{apiVersion: v1, kind: Service, metadata: {name: l, namespace: other}, spec: {clusterIP: 10.0.0.9, internalTrafficPolicy: Local, ports: [{name: http, port: 80}]}}\n";
    assert_eq!(&*binding(local, ProxyKind::Sidecar, Interception::Redirect).place.node, "n1");
}

#[test]
fn a_gateway_has_the_gateways_that_select_it_and_the_ports_of_its_service() {
    let gateway = |name: &str, selector: &str, year: u16| {
        format!(
            "---\n{{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {{name: {name}, namespace: edge, creationTimestamp: '{year}-01-01T00:00:00Z'}}, spec: {{selector: {{app: {selector}}}, servers: [{{port: {{number: 80, name: h, protocol: HTTP}}, hosts: ['{name}.com']}}]}}}}\n"
        )
    };
    let objects =
        [gateway("new", "a", 2024), gateway("old", "a", 2023), gateway("other", "b", 2022)].concat();
    let mut world = World::of(&format!("{MESH}{objects}"));
    let binding = world.get::<BindingOf>(&key(ProxyKind::Gateway, Interception::None));
    let names: Vec<&str> = binding.gateways.iter().map(|key| key.name.as_str()).collect();
    assert_eq!(names, ["old", "new"]);
    assert_eq!(binding.gateway_ports.as_ref(), [(80, 8080), (81, 8080), (99, 99)]);
    let merged = world.get::<GatewayListeners>(&binding.gateway_listeners());
    assert_eq!(merged.listeners.iter().map(|l| (l.port, l.servers.len())).collect::<Vec<_>>(), [(8080, 2)]);
    assert!(binding.inbound.is_none());
}

#[test]
fn families_are_those_of_the_addresses() {
    let of =
        |list: &[&str]| IpFamilies::of(&list.iter().map(|ip| ip.parse().unwrap()).collect::<Vec<IpAddr>>());
    assert_eq!(of(&[]), IpFamilies::V4);
    assert_eq!(of(&["10.0.0.1"]), IpFamilies::V4);
    assert_eq!(of(&["::1"]), IpFamilies::V6);
    assert_eq!(of(&["10.0.0.1", "::1"]), IpFamilies::Dual);
}

/// As whom a proxy of the namespace `far` is seen, beside these objects.
fn far_seen_as(objects: &str) -> Namespace {
    let proxy = ProxyKey { namespace: "far".into(), ..key(ProxyKind::Sidecar, Interception::Redirect) };
    let binding = World::of(&format!("{MESH}{objects}")).get::<BindingOf>(&proxy);
    assert_eq!(binding.scope.namespace, binding.source.namespace);
    binding.scope.namespace.clone()
}

#[test]
fn namespaces_that_no_object_is_in_or_names_are_seen_alike() {
    assert_eq!(far_seen_as(""), *"");
    let pod =
        "---\n{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: far}, status: {podIP: 10.1.0.9}}\n";
    assert_eq!(far_seen_as(pod), *"", "a Pod makes no difference for what others see");
    let object = |api: &str, kind: &str, namespace: &str, rest: &str| {
        format!(
            "---\n{{apiVersion: {api}, kind: {kind}, metadata: {{name: o, namespace: {namespace}}}, {rest}}}\n"
        )
    };
    let istio = |kind: &str, namespace: &str, spec: &str| {
        object("networking.istio.io/v1", kind, namespace, &format!("spec: {{{spec}}}"))
    };
    let to = "route: [{destination: {host: a.shop.svc.cluster.local}}]";
    let distinct = [
        object("v1", "Service", "far", "spec: {clusterIP: 10.0.0.7, ports: [{port: 80}]}"),
        object("v1", "Secret", "far", "data: {}"),
        istio("VirtualService", "far", &format!("hosts: [x], http: [{{{to}}}]")),
        istio("VirtualService", "shop", &format!("hosts: [x], exportTo: [far], http: [{{{to}}}]")),
        istio(
            "VirtualService",
            "shop",
            &format!("hosts: [x], http: [{{match: [{{sourceNamespace: far}}], {to}}}]"),
        ),
        istio(
            "VirtualService",
            "shop",
            &format!("hosts: [x], tcp: [{{match: [{{sourceNamespace: far}}], {to}}}]"),
        ),
        istio(
            "VirtualService",
            "shop",
            &format!(
                "hosts: [x.test], tls: [{{match: [{{sniHosts: [x.test], sourceNamespace: far}}], {to}}}]"
            ),
        ),
        istio("DestinationRule", "far", "host: a.shop.svc.cluster.local"),
        istio("DestinationRule", "shop", "host: a, exportTo: [far]"),
        istio("ServiceEntry", "far", "hosts: [e.test], ports: [{number: 80, name: http}]"),
        istio(
            "ServiceEntry",
            "shop",
            "hosts: [e.test], exportTo: [., far], ports: [{number: 80, name: http}]",
        ),
        istio("Sidecar", "far", "egress: [{hosts: ['./*']}]"),
        object(
            "v1",
            "Service",
            "shop, annotations: {networking.istio.io/exportTo: 'shop, far'}",
            "spec: {clusterIP: 10.0.0.7, ports: [{port: 80}]}",
        ),
    ];
    for objects in distinct {
        assert_eq!(far_seen_as(&objects), *"far", "{objects}");
    }
}
