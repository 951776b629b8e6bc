//! After any history of changes, what is kept up to date is what a fresh start computes.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use fairlead_config::{AnyConfig, Change, ConfigKey};
use fairlead_incremental::Lease;
use proptest::prelude::*;

use super::super::{AllServices, ServiceByKey, ServicesByHost, ServicesOfWorkload, WorkloadKey};
use crate::{
    Host, ServiceKey,
    endpoints::EndpointsOf,
    testing::{World, objects},
    workload::WorkloadAt,
};

/// Objects of which some are versions of one another: they share a key.
const UNIVERSE: &str = "
{apiVersion: v1, kind: Service, metadata: {name: a, namespace: x}, spec: {selector: {app: a}, ports: [{name: http, port: 80, targetPort: web}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: a, namespace: x}, spec: {clusterIP: None, ports: [{name: http, port: 80}, {name: tcp, port: 81}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: b, namespace: x}, spec: {type: ExternalName, externalName: a.x.svc.cluster.local}}
---
{apiVersion: v1, kind: Service, metadata: {name: b, namespace: x}, spec: {selector: {app: a, tier: web}, ports: [{port: 90}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: x, labels: {app: a}}, spec: {nodeName: n1, containers: [{name: c, ports: [{name: web, containerPort: 8080}]}]}, status: {podIP: 10.0.0.1, phase: Running}}
---
{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: x, labels: {app: a, tier: web}}, spec: {nodeName: n1, hostNetwork: true, containers: [{name: c}]}, status: {podIP: 10.0.0.2, phase: Running}}
---
{apiVersion: v1, kind: Pod, metadata: {name: q, namespace: x, labels: {app: a, tier: web}}, spec: {hostNetwork: true, containers: [{name: c, ports: [{name: web, containerPort: 8081}]}]}, status: {podIP: 10.0.0.2, phase: Running}}
---
{apiVersion: v1, kind: Pod, metadata: {name: q, namespace: x, labels: {app: a}}, spec: {containers: [{name: c}]}, status: {podIP: 10.0.0.1, phase: Succeeded}}
---
{apiVersion: v1, kind: Node, metadata: {name: n1, labels: {topology.kubernetes.io/region: eu}}}
---
{apiVersion: v1, kind: Node, metadata: {name: n1, labels: {topology.kubernetes.io/region: us}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: istio-system, labels: {topology.istio.io/network: net}}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: s, namespace: x, labels: {kubernetes.io/service-name: a}}, addressType: IPv4, endpoints: [{addresses: [10.0.0.1], targetRef: {kind: Pod, name: p}}, {addresses: [10.0.0.2]}], ports: [{name: http, port: 7000}]}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: s, namespace: x, labels: {kubernetes.io/service-name: b}}, addressType: IPv4, endpoints: [{addresses: [10.0.0.3], nodeName: n1}], ports: [{port: 7001}]}
---
{apiVersion: v1, kind: Endpoints, metadata: {name: a, namespace: x}, subsets: [{addresses: [{ip: 10.0.0.3}], ports: [{name: tcp, port: 7002}]}]}
---
{apiVersion: networking.istio.io/v1, kind: WorkloadEntry, metadata: {name: w, namespace: x}, spec: {address: 10.0.0.3, labels: {app: a}, ports: {http: 7003, web: 7004}}}
---
{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: e, namespace: x}, spec: {hosts: [e.com, a.x.svc.cluster.local], location: MESH_INTERNAL, resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], workloadSelector: {labels: {app: a}}}}
---
{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: e, namespace: x}, spec: {hosts: [e.com], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}]}}
---
{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: f, namespace: x, creationTimestamp: '2026-01-01T00:00:00Z'}, spec: {hosts: [e.com], resolution: STATIC, location: MESH_INTERNAL, ports: [{number: 81, name: tcp, protocol: TCP}], endpoints: [{address: 10.0.0.1}]}}
---
{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: e, namespace: other}, spec: {hosts: [e.com], resolution: NONE, ports: [{number: 80, name: http, protocol: HTTP}]}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: istio, namespace: istio-system}, data: {mesh: 'defaultServiceExportTo: [\".\"]'}}
";

fn keys() -> [ServiceKey; 4] {
    let key = |host: &str, namespace: &str| ServiceKey { host: Host::new(host), namespace: namespace.into() };
    [
        key("a.x.svc.cluster.local", "x"),
        key("b.x.svc.cluster.local", "x"),
        key("e.com", "x"),
        key("e.com", "other"),
    ]
}

fn addresses() -> [IpAddr; 3] {
    ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map(|text| text.parse().unwrap())
}

/// Everything that is asked for, held so that it is kept up to date.
struct Leases {
    all: Lease<AllServices>,
    by_host: Lease<ServicesByHost>,
    by_key: Vec<Lease<ServiceByKey>>,
    endpoints: Vec<Lease<EndpointsOf>>,
    at: Vec<Lease<WorkloadAt>>,
    of_workload: Vec<Lease<ServicesOfWorkload>>,
}

impl Leases {
    fn of(world: &mut World) -> Self {
        let workload = |ip, labels: &[(&str, &str)]| WorkloadKey {
            namespace: "x".into(),
            labels: labels.iter().copied().collect(),
            addresses: Arc::from([ip]),
        };
        let workloads = addresses().into_iter().flat_map(|ip| {
            [workload(ip, &[("app", "a")]), workload(ip, &[("app", "a"), ("tier", "web")]), workload(ip, &[])]
        });
        Self {
            all: world.lease(&()),
            by_host: world.lease(&Host::new("e.com")),
            by_key: keys().iter().map(|key| world.lease(key)).collect(),
            endpoints: keys().iter().map(|key| world.lease(key)).collect(),
            at: addresses().iter().map(|ip| world.lease(ip)).collect(),
            of_workload: workloads.map(|key| world.lease(&key)).collect(),
        }
    }

    /// All values as text.
    fn show(&self, world: &World) -> Vec<String> {
        let db = &world.db;
        let mut shown = vec![format!("{:#?}", self.all.value(db)), format!("{:#?}", self.by_host.value(db))];
        shown.extend(self.by_key.iter().map(|lease| format!("{:#?}", lease.value(db))));
        shown.extend(self.endpoints.iter().map(|lease| format!("{:#?}", lease.value(db))));
        shown.extend(self.at.iter().map(|lease| format!("{:#?}", lease.value(db))));
        shown.extend(self.of_workload.iter().map(|lease| format!("{:#?}", lease.value(db))));
        shown
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_kept_up_to_date_equals_a_fresh_start(
        history in prop::collection::vec(prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 1..4), 1..12),
    ) {
        let universe = objects(UNIVERSE);
        let mut world = World::of("");
        let leases = Leases::of(&mut world);
        let mut present: BTreeMap<ConfigKey, AnyConfig> = BTreeMap::new();
        for batch in history {
            let changes = batch.into_iter().map(|(index, delete)| {
                let object = index.get(&universe);
                if delete { Change::Delete(object.key().clone()) } else { Change::Set(object.clone()) }
            });
            let batch: fairlead_config::ChangeBatch = changes.collect();
            for change in batch.iter() {
                match change {
                    Change::Set(object) => present.insert(object.key().clone(), object.clone()),
                    Change::Delete(key) => present.remove(key),
                };
            }
            world.change(batch);
            let mut fresh = World::of("");
            fresh.change(present.values().cloned().map(Change::Set).collect());
            let fresh_leases = Leases::of(&mut fresh);
            prop_assert_eq!(leases.show(&world), fresh_leases.show(&fresh));
        }
    }
}
