//! The cost of a scope at design scale: how it grows, and, on demand, how much it is.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use fairlead_config::{ConfigKey, Kind, Namespace};
use imbl::OrdMap;

use crate::{
    Host, Port, Protocol, Service, ServiceKey,
    destination_rule::{RuleHeader, RuleIndex, lookup},
    port::TargetPort,
    routes::{GatewayRef, HttpClients, RouteSetHeader},
    scope::{
        context::{Context, ScopeInputs},
        index::RouteSetIndex,
        resolve::anew,
    },
    service::{Registry, Resolution, Visibility},
    sidecar::{EgressHost, EgressListener, EgressNamespace, OutboundTrafficPolicy},
};

const SERVICES: usize = 10_000;

fn host(at: usize) -> Host {
    Host::new(&format!("service-{at:05}.ns-{:03}.svc.cluster.local", at % 100))
}

fn services() -> OrdMap<ServiceKey, Arc<Service>> {
    let port =
        Port { number: 80, name: "http".into(), protocol: Protocol::Http, target: TargetPort::Number(8080) };
    let service = |at: usize| Service {
        key: ServiceKey { host: host(at), namespace: format!("ns-{:03}", at % 100).into() },
        origin: ConfigKey::new(Kind::Service, format!("ns-{:03}", at % 100), format!("service-{at:05}")),
        created: None,
        registry: Registry::Kubernetes,
        resolution: Resolution::Registry,
        external: false,
        addresses: Vec::new(),
        ports: vec![port.clone()],
        export_to: Visibility::Public,
        headless: false,
        selector: None,
        subject_alt_names: Vec::new(),
        publish_not_ready: false,
        node_local: false,
        traffic_distribution: None,
    };
    (0..SERVICES).map(service).map(|service| (service.key.clone(), Arc::new(service))).collect()
}

fn headers() -> Vec<Arc<RouteSetHeader>> {
    let header = |at: usize| {
        Arc::new(RouteSetHeader {
            origin: ConfigKey::new(Kind::VirtualService, format!("ns-{:03}", at % 100), format!("vs-{at}")),
            created: None,
            export_to: Visibility::Public,
            hosts: vec![host(at), Host::new(&format!("*.wild-{at}.com"))],
            gateways: vec![GatewayRef::Mesh],
            destinations: Arc::from([host(at)]),
            source_labels: Arc::default(),
            asks_source: false,
            has_large_expressions: false,
            asks_gateway: false,
            asks_port: false,
            has_http: true,
            http_clients: HttpClients::all(),
            has_l4: false,
            has_tcp: false,
            sni_hosts: Arc::default(),
        })
    };
    (0..2_000).map(header).collect()
}

/// The rules of every namespace: one for each tenth service.
fn rules(namespace: &Namespace) -> RuleIndex {
    let own = (0..SERVICES / 10).filter(|at| *namespace == *format!("ns-{:03}", at % 100));
    let header = |at: usize| {
        Arc::new(RuleHeader {
            origin: ConfigKey::new(Kind::DestinationRule, namespace.clone(), format!("dr-{at}")),
            created: None,
            host: host(at),
            export_to: Visibility::Public,
            workload_selector: None,
            failover_labels: Vec::new(),
            names_secret: false,
        })
    };
    RuleIndex::new(namespace, &own.map(header).collect::<Vec<_>>())
}

/// The time of one scope, the best of three.
fn time(listeners: Option<&[EgressListener]>) -> Duration {
    let (services, routes) = (services(), Arc::new(RouteSetIndex::new(headers().into())));
    let indexes: Vec<Arc<RuleIndex>> =
        (0..100).map(|at| Arc::new(rules(&format!("ns-{at:03}").into()))).collect();
    let none = Arc::new(RuleIndex::default());
    let index = |namespace: &Namespace| {
        let at = namespace.as_str().strip_prefix("ns-").and_then(|at| at.parse::<usize>().ok());
        at.map_or_else(|| none.clone(), |at| indexes[at].clone())
    };
    let client = Namespace::from("web");
    let inputs = ScopeInputs {
        namespace: &client,
        listeners,
        bind_hosts: true,
        services: &services,
        alias_targets: &Arc::default(),
        routes: &routes,
        rule: &|service| lookup(&client, &"istio-system".into(), service, &[], index),
        outbound_policy: OutboundTrafficPolicy::AllowAny,
    };
    let run = || {
        let start = Instant::now();
        let scope = anew(&Context::new(&inputs), &inputs);
        assert_eq!(scope.services.len(), SERVICES);
        start.elapsed()
    };
    (0..3).map(|_| run()).min().expect("it ran")
}

#[test]
#[ignore = "measures time: run alone, with --release"]
fn a_scope_of_everything_takes_at_most_15_ms() {
    let took = time(None);
    assert!(took < Duration::from_millis(15), "{took:?}");
}

#[test]
fn the_number_of_egress_hosts_hardly_matters() {
    let listener = |count: usize| {
        let named = (0..count).map(|at| EgressHost {
            namespace: EgressNamespace::Named(format!("ns-{:03}", at % 100).into()),
            host: Host::new(&format!("*.ns-{:03}.svc.cluster.local", at % 100)),
            exclude: false,
        });
        let odd = (0..count).map(|at| EgressHost {
            namespace: EgressNamespace::Any,
            host: Host::new(&format!("*.example-{at}.com")),
            exclude: false,
        });
        vec![EgressListener {
            is_proxy: false,
            port: None,
            bind: None,
            capture: crate::sidecar::CaptureMode::Default,
            hosts: named.chain(odd).collect(),
        }]
    };
    let (few, many) = (time(Some(&listener(100))), time(Some(&listener(3_000))));
    // A scan of all hosts for each service would make it thirty times as much.
    assert!(many < few * 8, "100 hosts: {few:?}, 3000 hosts: {many:?}");
}
