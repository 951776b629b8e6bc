//! Services that nothing serves, ports that lead nowhere, selectors that match nothing, hosts that several define.

use super::*;

const POD: &str = "---\n{apiVersion: v1, kind: Pod, metadata: {name: web-1, namespace: shop, labels: {app: web}}, spec: {containers: [{name: c, ports: [{name: http, containerPort: 8080}]}]}, status: {podIP: 10.1.0.9, phase: Running, conditions: [{type: Ready, status: 'True'}]}}\n";

fn service(name: &str, spec: &str) -> String {
    format!(
        "---\n{{apiVersion: v1, kind: Service, metadata: {{name: {name}, namespace: shop}}, spec: {{{spec}}}}}\n"
    )
}

fn slice(service: &str, ports: &str, endpoints: &str) -> String {
    format!(
        "---\n{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {{name: {service}-x, namespace: shop, labels: {{kubernetes.io/service-name: {service}}}}}, addressType: IPv4, ports: [{ports}], endpoints: [{endpoints}]}}\n"
    )
}

/// The findings of all objects, as `severity code name path: message`.
fn all(objects: &[String]) -> Vec<String> {
    let mut reversed = objects.to_vec();
    reversed.reverse();
    let of = |objects: &[String]| {
        let mut world = World::of(&objects.concat());
        let all = world.get::<AllDiagnostics>(&());
        all.iter()
            .map(|finding| {
                let on = finding.on.to_string();
                let name = on.rsplit('/').next().unwrap_or_default();
                format!(
                    "{} {} {name} {}: {}",
                    finding.severity,
                    finding.code.name(),
                    finding.path,
                    finding.message
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(of(objects), of(&reversed), "the order of objects makes no difference");
    of(objects)
}

fn begins(found: &[String], expected: &[&str]) {
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found} does not begin with {expected}");
    }
}

#[test]
fn a_service_needs_an_endpoint_that_is_ready() {
    let a = service("a", "clusterIP: 10.0.0.9, selector: {app: a}, ports: [{name: http, port: 80}]");
    let by_slice = |endpoints: &str| all(&[a.clone(), slice("a", "{name: http, port: 80}", endpoints)]);
    begins(&by_slice("{addresses: [10.1.0.1], conditions: {ready: true}}"), &[]);
    begins(
        &by_slice("{addresses: [10.1.0.1], conditions: {ready: false}}"),
        &[
            "warning no-endpoints a : nothing serves `a.shop.svc.cluster.local`: none of its endpoints is ready",
        ],
    );
    begins(
        &by_slice(""),
        &[
            "warning no-endpoints a : nothing serves `a.shop.svc.cluster.local`: its EndpointSlices list no endpoint",
        ],
    );
    begins(
        &all(&[a.clone(), POD.to_owned()]),
        &[
            "warning no-endpoints a spec.selector: nothing serves `a.shop.svc.cluster.local`: no Pod of its namespace has the labels app=a",
        ],
    );
}

#[test]
fn where_no_workload_is_known_that_is_said_once() {
    let a = service("a", "clusterIP: 10.0.0.9, selector: {app: a}, ports: [{name: http, port: 80}]");
    begins(
        &all(std::slice::from_ref(&a)),
        &[
            "info no-endpoints a : nothing is known of where `a.shop.svc.cluster.local` runs: no Pod, EndpointSlice",
        ],
    );
    let b = service("b", "clusterIP: 10.0.0.8, ports: [{name: http, port: 80}]");
    let alias = service("alias", "type: ExternalName, externalName: a.shop.svc.cluster.local");
    begins(
        &all(&[alias.clone(), a, b]),
        &[
            "info no-endpoints a : nothing is known of where any of the 3 Services runs, as `a.shop.svc.cluster.local`:",
        ],
    );
    begins(&all(&[alias]), &[]);
}

#[test]
fn an_alias_and_a_service_of_names_need_no_endpoints() {
    let alias = service("a", "type: ExternalName, externalName: a.example.com");
    let entry = object(
        "ServiceEntry",
        "e",
        1,
        "hosts: [a.example.com], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS",
    );
    begins(&all(&[alias, entry, POD.to_owned()]), &[]);
}

#[test]
fn a_target_port_by_name_needs_a_container_port_of_that_name() {
    let web = |target: &str| {
        service(
            "web",
            &format!(
                "clusterIP: 10.0.0.9, selector: {{app: web}}, ports: [{{name: http, port: 80, targetPort: {target}}}]"
            ),
        )
    };
    begins(&all(&[web("http"), POD.to_owned()]), &[]);
    begins(
        &all(&[web("web"), POD.to_owned()]),
        &[
            "warning port-mismatch web spec.ports[0].targetPort: no container of its Pods has a port named `web`; they have `http`",
        ],
    );
}

#[test]
fn a_port_needs_one_of_its_name_in_the_slices() {
    let a = service("a", "clusterIP: 10.0.0.9, ports: [{name: http, port: 80}, {name: grpc, port: 81}]");
    let found = all(&[
        a,
        slice("a", "{name: http, port: 8080}, {name: metrics, port: 81}", "{addresses: [10.1.0.1]}"),
    ]);
    begins(
        &found,
        &[
            "warning port-mismatch a spec.ports[1]: its EndpointSlices have no port named `grpc`; they have `http`, `metrics`",
        ],
    );
}

#[test]
fn a_service_entry_that_selects_needs_workloads() {
    let entry = object(
        "ServiceEntry",
        "e",
        1,
        "hosts: [db.test], ports: [{number: 80, name: http, protocol: HTTP}], resolution: STATIC, workloadSelector: {labels: {app: db}}",
    );
    begins(&all(&[entry.clone(), POD.to_owned()]), &["warning no-endpoints e spec.workloadSelector"]);
    let workload = object("WorkloadEntry", "w", 1, "address: 10.9.0.1, labels: {app: db}");
    begins(&all(&[entry, workload]), &[]);
}

#[test]
fn selectors_need_workloads_where_these_are_known() {
    let namespace = "---\n{apiVersion: v1, kind: Namespace, metadata: {name: shop}}\n".to_owned();
    let gateway = |labels: &str| {
        object(
            "Gateway",
            "g",
            1,
            &format!(
                "selector: {{{labels}}}, servers: [{{port: {{number: 80, name: h, protocol: HTTP}}, hosts: ['*']}}]"
            ),
        )
    };
    let sidecar = |labels: &str| {
        object(
            "Sidecar",
            "s",
            1,
            &format!("workloadSelector: {{labels: {{{labels}}}}}, egress: [{{hosts: ['*/*']}}]"),
        )
    };
    let rule = |labels: &str| {
        object(
            "DestinationRule",
            "r",
            1,
            &format!(
                "host: web, workloadSelector: {{matchLabels: {{{labels}}}}}, trafficPolicy: {{loadBalancer: {{simple: RANDOM}}}}"
            ),
        )
    };
    let web = service(
        "web",
        "clusterIP: 10.0.0.9, selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]",
    );
    let of = |labels: &str, more: &[String]| {
        let mut objects = vec![web.clone(), gateway(labels), sidecar(labels), rule(labels)];
        objects.extend_from_slice(more);
        all(&objects)
    };
    begins(&of("app: web", &[namespace.clone(), POD.to_owned()]), &[]);
    begins(
        &of("app: wob", &[namespace, POD.to_owned()]),
        &[
            "warning selector-matches-nothing r spec.workloadSelector: no Pod and no WorkloadEntry of namespace `shop` has the labels app=wob",
            "warning selector-matches-nothing g spec.selector: no Pod and no WorkloadEntry has the labels app=wob",
            "warning selector-matches-nothing s spec.workloadSelector",
        ],
    );
    // Without a Namespace the directory may be for proxies that it says nothing of.
    begins(&of("app: wob", &[POD.to_owned()]), &[]);
}

#[test]
fn a_delegate_must_exist() {
    let routes = |name: &str| {
        object("VirtualService", "v", 1, &format!("hosts: [a], http: [{{delegate: {{name: {name}}}}}]"))
    };
    check(&[routes("checkout")], &["W unknown-delegate v spec.http[0].delegate.name"]);
    let delegate = object("VirtualService", "checkout", 1, "http: [{route: [{destination: {host: a}}]}]");
    check(&[routes("checkout"), delegate], &[]);
}

#[test]
fn namespaces_that_are_named_must_exist() {
    let rule = |namespace: &str| rule("r", 1, &format!("host: a, exportTo: [{namespace}, .]"));
    let named =
        |name: &str| format!("---\n{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}}}}}\n");
    check(&[rule("shp")], &["I unknown-namespace r spec.exportTo[0]"]);
    check(&[rule("shp"), named("shop")], &["W unknown-namespace r spec.exportTo[0]"]);
    check(&[rule("shp"), named("shp")], &[]);
    let sidecar = object("Sidecar", "s", 1, "egress: [{hosts: ['shp/*', './*', '*/*', 'other/*']}]");
    check(&[sidecar], &["I unknown-namespace s spec.egress[0].hosts[0]"]);
}

#[test]
fn of_several_definitions_of_a_host_those_that_come_after_are_told() {
    let entry = |name: &str, namespace: &str, more: &str| {
        format!(
            "---\n{{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {{name: {name}, namespace: {namespace}}}, spec: {{ports: [{{number: 80, name: http, protocol: HTTP}}], {more}}}}}\n"
        )
    };
    let dns = "hosts: [x.test], resolution: DNS";
    let listed = "hosts: [x.test], resolution: STATIC, endpoints: [{address: 10.9.0.1}]";
    begins(
        &all(&[entry("a", "shop", dns), entry("b", "shop", dns)]),
        &["info duplicate-service b spec.hosts[0]: ServiceEntry shop/a comes first by name"],
    );
    begins(
        &all(&[entry("a", "shop", dns), entry("b", "shop", listed)]),
        &["warning duplicate-service b spec.hosts[0]"],
    );
    begins(
        &all(&[entry("a", "shop", dns), entry("b", "test", dns)]),
        &[
            "info duplicate-service b spec.hosts[0]: a ServiceEntry of namespace `shop` defines `x.test` as well",
        ],
    );
    begins(
        &all(&[entry("a", "shop", dns), entry("b", "test", listed)]),
        &[
            "warning duplicate-service b spec.hosts[0]: a ServiceEntry of namespace `shop` defines `x.test` as well",
        ],
    );
    let private = format!("{dns}, exportTo: ['.']");
    begins(&all(&[entry("a", "shop", dns), entry("b", "test", &private)]), &[]);
    let web = service(
        "web",
        "clusterIP: 10.0.0.9, selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]",
    );
    let same = entry(
        "e",
        "test",
        "hosts: [web.shop.svc.cluster.local], resolution: STATIC, endpoints: [{address: 10.9.0.1}]",
    );
    begins(
        &all(&[web, POD.to_owned(), same]),
        &[
            "warning duplicate-service e spec.hosts[0]: a Service of namespace `shop` defines `web.shop.svc.cluster.local` as well and is a Kubernetes Service",
        ],
    );
}
