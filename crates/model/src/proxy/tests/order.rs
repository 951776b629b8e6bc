//! The order in which objects arrive, and in how many steps, changes nothing.

use std::sync::Arc;

use fairlead_config::{ConfigKey, Diagnostic, Kind};
use proptest::prelude::*;

use super::{MESH, key};
use crate::{
    diagnostics::AllDiagnostics,
    gateway::{GatewayHost, GatewayHosts, GatewayHostsKey, GatewayListeners, MergedGateways, ServerRef},
    proxy::{BindingOf, Interception, ProxyBinding, ProxyKind},
    scope::{EgressScope, ScopeOf},
    testing::World,
};

/// Objects that compete for hosts, ports and workloads in every way there is.
const RIVALS: &[(&str, &str, &str, &str)] = &[
    ("VirtualService", "shop", "v1", "hosts: [a], http: [{route: [{destination: {host: a, subset: s}}]}]"),
    (
        "VirtualService",
        "shop",
        "v2",
        "hosts: [a, ghost.com], http: [{route: [{destination: {host: young}}]}]",
    ),
    (
        "VirtualService",
        "web",
        "v3",
        "hosts: ['*.shop.svc.cluster.local'], exportTo: [shop], http: [{match: [{sourceLabels: {app: a}}], route: [{destination: {host: ext.com}}]}]",
    ),
    (
        "VirtualService",
        "shop",
        "v4",
        "hosts: [a.com, b.com], gateways: [edge/g1, edge/g2], http: [{route: [{destination: {host: a}}]}]",
    ),
    (
        "VirtualService",
        "web",
        "v5",
        "hosts: [a.com], gateways: [edge/g1], http: [{route: [{destination: {host: a.shop.svc.cluster.local}}]}]",
    ),
    ("DestinationRule", "shop", "d1", "host: a, subsets: [{name: s, labels: {version: v1}}]"),
    (
        "DestinationRule",
        "shop",
        "d2",
        "host: a, trafficPolicy: {loadBalancer: {simple: RANDOM}}, subsets: [{name: s, labels: {version: v2}}]",
    ),
    ("DestinationRule", "shop", "d3", "host: '*.shop.svc.cluster.local', exportTo: ['.']"),
    ("DestinationRule", "shop", "d4", "host: a, workloadSelector: {matchLabels: {app: a}}"),
    (
        "Gateway",
        "edge",
        "g1",
        "selector: {app: a}, servers: [{port: {number: 80, name: h, protocol: HTTP}, hosts: ['*.com']}]",
    ),
    (
        "Gateway",
        "edge",
        "g2",
        "selector: {app: a}, servers: [{port: {number: 80, name: t, protocol: TCP}, hosts: ['*']}, {port: {number: 81, name: h, protocol: HTTP}, hosts: [b.com]}]",
    ),
    (
        "ServiceEntry",
        "web",
        "e1",
        "hosts: [ext.com], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS, location: MESH_EXTERNAL",
    ),
    (
        "ServiceEntry",
        "shop",
        "e2",
        "hosts: [ext.com, a.shop.svc.cluster.local], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS, location: MESH_EXTERNAL",
    ),
    ("Sidecar", "shop", "s1", "egress: [{hosts: ['./*']}]"),
    ("Sidecar", "shop", "s2", "workloadSelector: {labels: {app: a}}, egress: [{hosts: ['*/*']}]"),
];

fn objects() -> Vec<String> {
    let rival = |(kind, namespace, name, spec): &(&str, &str, &str, &str)| {
        format!(
            "---\n{{apiVersion: networking.istio.io/v1, kind: {kind}, metadata: {{name: {name}, namespace: {namespace}}}, spec: {{{spec}}}}}\n"
        )
    };
    let of_mesh = MESH.split("---").filter(|text| !text.trim().is_empty()).map(|text| format!("---{text}"));
    RIVALS.iter().map(rival).chain(of_mesh).collect()
}

#[derive(Debug, PartialEq)]
struct Seen {
    sidecar: ProxyBinding,
    scope: EgressScope,
    gateway: ProxyBinding,
    listeners: MergedGateways,
    hosts: Arc<[GatewayHost]>,
    diagnostics: Vec<Diagnostic>,
}

fn see(world: &mut World) -> Seen {
    let sidecar = world.get::<BindingOf>(&key(ProxyKind::Sidecar, Interception::Redirect));
    let gateway = world.get::<BindingOf>(&key(ProxyKind::Gateway, Interception::None));
    let scope = world.get::<ScopeOf>(&sidecar.scope);
    let servers =
        ["g1", "g2"].map(|name| ServerRef { gateway: ConfigKey::new(Kind::Gateway, "edge", name), index: 0 });
    let hosts = GatewayHostsKey {
        servers: Arc::from(servers),
        scope: gateway.scope.clone(),
        source: gateway.source.clone(),
    };
    let diagnostics = world.get::<AllDiagnostics>(&());
    Seen {
        sidecar: ProxyBinding::clone(&sidecar),
        scope: EgressScope::clone(&scope),
        listeners: MergedGateways::clone(&world.get::<GatewayListeners>(&gateway.gateway_listeners())),
        gateway: ProxyBinding::clone(&gateway),
        hosts: (*world.get::<GatewayHosts>(&hosts)).clone(),
        // Positions are those of the file that the object came in.
        diagnostics: diagnostics
            .iter()
            .map(|finding| Diagnostic { position: None, ..finding.clone() })
            .collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_order_and_the_batches_of_objects_do_not_matter(
        shuffled in Just(objects()).prop_shuffle(),
        first in 0..RIVALS.len(),
    ) {
        let expected = see(&mut World::of(&objects().concat()));
        let mut world = World::of(&shuffled[..first].concat());
        see(&mut world);
        let _demanded = world.lease::<AllDiagnostics>(&());
        for object in &shuffled[first..] {
            world.set(object);
        }
        prop_assert_eq!(see(&mut world), expected);
    }
}
