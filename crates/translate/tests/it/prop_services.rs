//! Services that come and go among many: what is edited into a scope, its route tables and its listeners is what is
//! made from scratch. The services of the histories get in each other's way: they share addresses, ports and the
//! short forms of their names.

use fairlead_config::{Change, ChangeBatch};
use fairlead_model::proxy::{Interception, ProxyKey, ProxyKind};
use fairlead_translate::publication::{PublicationKey, PublicationOf};
use proptest::prelude::*;

use crate::{
    mesh::{Mesh, batch, gateway, proxy, sidecar},
    proxy_file::TYPES,
    sound,
};

/// The forms of each object: kind, namespace, name, and specs that may begin with a year of creation.
const UNIVERSE: &[(&str, &str, &str, &[&str])] = &[
    (
        "Service",
        "web",
        "a",
        &[
            "2020 {clusterIP: 10.0.1.1, ports: [{name: http, port: 80}]}",
            "{clusterIP: 10.0.1.1, ports: [{name: http, port: 80}, {name: tcp, port: 90}]}",
            "{clusterIP: None, ports: [{name: http, port: 80}, {name: tcp, port: 91}, {name: what, port: 92}]}",
            "2021 {clusterIP: 10.0.1.1, clusterIPs: [10.0.1.1, 10.0.1.9], ports: [{name: what, port: 80}, {name: http-b, port: 8080}]}",
        ],
    ),
    (
        "Service",
        "shop",
        "a",
        &[
            "2019 {clusterIP: 10.0.1.1, ports: [{name: http, port: 80}, {name: tcp, port: 90}]}",
            "2022 {clusterIP: 10.0.1.3, ports: [{name: http2, port: 8080}, {name: tcp, port: 443}]}",
        ],
    ),
    (
        "Service",
        "shop",
        "b",
        &[
            "2020 {clusterIP: 10.0.1.2, ports: [{name: tcp, port: 90}]}",
            "{clusterIP: 10.0.1.2, ports: [{name: grpc, port: 90}, {name: what, port: 91}]}",
            "{clusterIP: None, ports: [{name: tcp, port: 90}, {name: http, port: 91}]}",
        ],
    ),
    (
        "Service",
        "other",
        "b",
        &[
            "2018 {clusterIP: 10.0.1.2, ports: [{name: tcp, port: 90}, {name: http, port: 80}]}",
            "2024 {clusterIP: 10.0.1.2, ports: [{name: tls, port: 90}]}",
        ],
    ),
    (
        "Endpoints",
        "web",
        "a",
        &[
            "[{addresses: [{ip: 10.2.0.1}], ports: [{name: http, port: 80}, {name: tcp, port: 91}, {name: what, port: 92}]}]",
            "[{addresses: [{ip: 10.2.0.1}, {ip: 10.2.0.2}, {ip: 'fd00::2'}], ports: [{name: http, port: 80}, {name: tcp, port: 91}, {name: what, port: 92}]}]",
            "[{addresses: [{ip: 10.2.0.3}, {ip: 10.0.1.2}], notReadyAddresses: [{ip: 10.2.0.1}], ports: [{name: http, port: 80}, {name: tcp, port: 91}]}]",
        ],
    ),
    (
        "Endpoints",
        "shop",
        "b",
        &[
            "[{addresses: [{ip: 10.2.0.1}, {ip: 10.2.0.4}], ports: [{name: tcp, port: 90}, {name: http, port: 91}]}]",
            "[{addresses: [{ip: 10.2.0.4}, {ip: 10.0.1.9}], ports: [{name: tcp, port: 90}, {name: http, port: 91}]}]",
        ],
    ),
    (
        "Service",
        "web",
        "al",
        &[
            "{type: ExternalName, externalName: a.shop.svc.cluster.local, ports: [{name: http, port: 80}]}",
            "{type: ExternalName, externalName: b.shop.svc.cluster.local, ports: [{name: http, port: 80}]}",
        ],
    ),
    (
        "ServiceEntry",
        "ext",
        "short",
        &[
            "{hosts: [a.web, a], ports: [{number: 80, name: http, protocol: HTTP}], resolution: NONE}",
            "{hosts: [al.web, b.shop.svc], ports: [{number: 91, name: http, protocol: HTTP}], resolution: DNS}",
        ],
    ),
    (
        "ServiceEntry",
        "ext",
        "name",
        &[
            "{hosts: [a.web.svc.other, al.web.svc.other], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS}",
        ],
    ),
    (
        "ServiceEntry",
        "ext",
        "wild",
        &[
            "{hosts: ['*.a.web'], ports: [{number: 80, name: http, protocol: HTTP}], resolution: NONE}",
            "{hosts: ['*.com'], ports: [{number: 443, name: tls, protocol: TLS}, {number: 80, name: http, protocol: HTTP}], resolution: NONE}",
        ],
    ),
    (
        "ServiceEntry",
        "ext",
        "addressed",
        &[
            "2017 {hosts: [v.com], addresses: [10.0.1.2, 10.1.0.0/16], ports: [{number: 90, name: tcp, protocol: TCP}, {number: 80, name: http, protocol: HTTP}], resolution: STATIC}",
            "{hosts: [v.com], ports: [{number: 90, name: tls, protocol: TLS}, {number: 443, name: tls-b, protocol: TLS}], resolution: DNS}",
            "2023 {hosts: [v.com], addresses: [10.0.1.1, 10.0.1.2, 10.0.1.7, 10.0.1.8], ports: [{number: 90, name: tcp, protocol: TCP}], resolution: STATIC}",
        ],
    ),
    (
        "ServiceEntry",
        "ext",
        "beside",
        &[
            "2016 {hosts: [w.com], addresses: [10.0.1.7, 10.0.1.2], ports: [{number: 90, name: tcp, protocol: TCP}], resolution: STATIC}",
            "{hosts: [w.com], addresses: [10.0.1.9, 10.0.1.8, 10.0.1.7], ports: [{number: 90, name: tls, protocol: TLS}, {number: 80, name: what}], resolution: STATIC}",
        ],
    ),
    (
        "VirtualService",
        "web",
        "bare",
        &[
            "{hosts: [bare.com, a], http: [{route: [{destination: {host: a.web.svc.cluster.local}}]}]}",
            "{hosts: [a.shop.svc.cluster.local], http: [{match: [{sourceNamespace: web}], route: [{destination: {host: b.shop.svc.cluster.local}}]}]}",
        ],
    ),
    (
        "VirtualService",
        "web",
        "some",
        &[
            "2019 {hosts: [a, alt.com, al], http: [{match: [{sourceLabels: {app: other}}, {port: 8080}], route: [{destination: {host: b.shop.svc.cluster.local}}]}]}",
            "2020 {hosts: [alt.com, b.shop.svc.cluster.local], http: [{match: [{sourceNamespace: web, port: 91}], route: [{destination: {host: a}}]}]}",
            "2016 {hosts: [bare.com, a.shop.svc.cluster.local], http: [{match: [{gateways: [gw]}], route: [{destination: {host: a}}]}]}",
        ],
    ),
    (
        "VirtualService",
        "shop",
        "wild",
        &[
            "{hosts: ['*.com'], http: [{route: [{destination: {host: v.com}}]}]}",
            "{hosts: ['*.com', b, w.test], http: [{match: [{port: 90}, {sourceNamespace: shop}], route: [{destination: {host: v.com}}]}]}",
        ],
    ),
    ("DestinationRule", "web", "rule", &["{host: a.shop.svc.cluster.local, subsets: [{name: v1}]}"]),
    ("Sidecar", "shop", "default", &["{egress: [{hosts: ['./*', 'ext/*', 'web/a.web.svc.cluster.local']}]}"]),
    (
        "Sidecar",
        "istio-system",
        "default",
        &[
            "{egress: [{hosts: ['./*', 'crowd/*', '*/*.com', '~/v.com']}]}",
            "{egress: [{bind: 127.0.0.9, hosts: ['*/*', '~shop/*']}]}",
        ],
    ),
];

/// One object in one of its forms.
fn object(at: usize, form: usize) -> Change {
    let (kind, namespace, name, forms) = UNIVERSE[at];
    let (api, field) = match kind {
        "Service" => ("v1", "spec"),
        "Endpoints" => ("v1", "subsets"),
        _ => ("networking.istio.io/v1", "spec"),
    };
    let form = forms[form % forms.len()];
    let (created, spec) = form.split_at(form.find(['{', '[']).expect("a form has a spec"));
    let created = match created.trim() {
        "" => String::new(),
        year => format!(", creationTimestamp: '{year}-01-01T00:00:00Z'"),
    };
    let yaml = format!(
        "{{apiVersion: {api}, kind: {kind}, metadata: {{name: {name}, namespace: {namespace}{created}}}, {field}: {spec}}}"
    );
    batch(&yaml).into_iter().next().expect("an object")
}

/// Services that are always there, so that what changes is little of all.
fn crowd() -> ChangeBatch {
    let service = |at: usize| {
        let ports = ["{name: http, port: 80}", "{name: tcp, port: 90}", "{name: http, port: 8080}"][at % 3];
        format!(
            "---\n{{apiVersion: v1, kind: Service, metadata: {{name: s{at}, namespace: crowd}}, spec: {{clusterIP: 10.0.9.{at}, ports: [{ports}]}}}}\n"
        )
    };
    batch(&(1..=30).map(service).collect::<String>())
}

fn viewers() -> Vec<ProxyKey> {
    let mut untouched = proxy(ProxyKind::Sidecar, &[("app", "x")], "web", "192.168.0.2");
    untouched.interception = Interception::None;
    vec![
        sidecar("client", "web", "192.168.0.1"),
        sidecar("client", "other", "192.168.0.1"),
        sidecar("client", "shop", "192.168.0.1"),
        untouched,
        gateway("web"),
    ]
}

fn mesh(there: &[Option<usize>]) -> Mesh {
    let mut mesh = Mesh::empty();
    mesh.change(crowd());
    let objects = there.iter().enumerate().filter_map(|(at, form)| Some(object(at, (*form)?)));
    mesh.change(objects.collect());
    mesh
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn services_that_come_and_go_leave_what_is_made_from_scratch(
        first in prop::collection::vec(prop::option::of(0_usize..4), UNIVERSE.len()),
        steps in prop::collection::vec(
            prop::collection::vec((0..UNIVERSE.len(), prop::option::of(0_usize..4)), 1..3),
            1..8,
        ),
    ) {
        let mut there = first;
        let mut kept = mesh(&there);
        let keys: Vec<_> =
            viewers().into_iter().map(|proxy| PublicationKey { proxy, secrets: true }).collect();
        let leases: Vec<_> = keys.iter().map(|key| kept.db.lease::<PublicationOf>(key)).collect();
        for step in steps {
            let mut changes = Vec::new();
            for (at, form) in step {
                there[at] = form;
                changes.push(match form {
                    Some(form) => object(at, form),
                    None => Change::Delete(object(at, 0).key().clone()),
                });
            }
            kept.change(changes.into_iter().collect());
            let mut anew = mesh(&there);
            for (key, lease) in keys.iter().zip(&leases) {
                let (kept, anew) = (lease.value(&kept.db), anew.publication(&key.proxy));
                for (name, type_url) in TYPES {
                    prop_assert_eq!(kept.get(type_url), anew.get(type_url), "{} of {:?}", name, key.proxy);
                }
                let problems = sound::problems(&kept);
                prop_assert!(problems.is_empty(), "{:?}: {problems:#?}", key.proxy);
            }
        }
    }
}
