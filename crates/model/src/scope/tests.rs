use std::fmt::Write as _;

use fairlead_config::Kind;
use fairlead_incremental::Query;

use super::*;
use crate::testing::World;

mod cost;
mod history;

/// Objects in short: `svc ns/name`, `ext ns/name target`, `se ns host`, `vs ns/name hosts destination`,
/// `dr ns/name host`; an optional last word `@YYYY` is the year of creation, `>ns` an `exportTo`.
fn objects(list: &[&str]) -> String {
    let mut yaml = String::new();
    for line in list {
        let mut words: Vec<&str> = line.split(' ').collect();
        let mut option = |mark: char| {
            let at = words.iter().position(|word| word.starts_with(mark))?;
            words.remove(at).strip_prefix(mark).map(ToString::to_string)
        };
        let created = option('@').map(|year| format!(", creationTimestamp: '{year}-01-01T00:00:00Z'"));
        let export = option('>').map(|to| format!(", exportTo: ['{to}']")).unwrap_or_default();
        let port = option(':').unwrap_or_else(|| "80".into());
        let (namespace, name) = words[1].split_once('/').expect("namespace/name");
        let metadata = format!("{{name: {name}, namespace: {namespace}{}}}", created.unwrap_or_default());
        let ports = format!("ports: [{{name: http, port: {port}}}]");
        let (api, kind, spec) = match words[0] {
            "svc" => ("v1", "Service", format!("{{clusterIP: 10.0.0.1, {ports}}}")),
            "ext" => {
                ("v1", "Service", format!("{{type: ExternalName, externalName: {}, {ports}}}", words[2]))
            }
            "se" => (
                "networking.istio.io/v1",
                "ServiceEntry",
                format!(
                    "{{hosts: ['{}'], ports: [{{name: http, number: {port}, protocol: HTTP}}], resolution: NONE, location: MESH_EXTERNAL{export}}}",
                    words[2]
                ),
            ),
            "vs" => (
                "networking.istio.io/v1",
                "VirtualService",
                format!(
                    "{{hosts: ['{}'], http: [{{route: [{{destination: {{host: {}}}}}]}}]{export}}}",
                    words[2].replace(',', "', '"),
                    words[3]
                ),
            ),
            "l4" => (
                "networking.istio.io/v1",
                "VirtualService",
                format!(
                    "{{hosts: ['{}'], tcp: [{{route: [{{destination: {{host: {}}}}}]}}]{export}}}",
                    words[2].replace(',', "', '"),
                    words[3]
                ),
            ),
            "dr" => {
                ("networking.istio.io/v1", "DestinationRule", format!("{{host: '{}'{export}}}", words[2]))
            }
            "sidecar" => (
                "networking.istio.io/v1",
                "Sidecar",
                format!("{{egress: [{}]}}", line.split_once('[').expect("a list").1.trim_end_matches(']')),
            ),
            other => panic!("unknown word {other}"),
        };
        writeln!(yaml, "---\n{{apiVersion: {api}, kind: {kind}, metadata: {metadata}, spec: {spec}}}")
            .unwrap();
    }
    yaml
}

/// Host names without the domain of the cluster.
fn short(host: &Host) -> String {
    host.as_str().replace(".svc.cluster.local", "")
}

fn scope(list: &[&str], namespace: &str, kind: ScopeKind) -> EgressScope {
    let mut world = World::of(&objects(list));
    let key = ScopeKey { namespace: namespace.into(), kind, selected_rules: Arc::default() };
    EgressScope::clone(&world.get::<ScopeOf>(&key))
}

/// Each host of the first listener: `host[=namespace of the service] [vs[:port…]] [~vs for bytes] [+alias]`, with the
/// ports of a host that is no service where they are more than 80.
fn bindings(scope: &EgressScope, listener: usize) -> Vec<String> {
    let show = |host: &ScopeHost| {
        let binding = &host.binding;
        let mut text = short(&binding.host);
        if let Some(scoped) = &binding.service {
            write!(text, "={}", scoped.service.namespace).unwrap();
        }
        for owner in host.http.iter() {
            write!(text, " {}", owner.header.origin.name).unwrap();
            let more = owner.ports.iter().filter(|_| owner.ports.as_ref() != [80]);
            more.for_each(|port| write!(text, ":{port}").unwrap());
        }
        for l4 in binding.l4.iter() {
            write!(text, " ~{}", l4.routes.name).unwrap();
        }
        for alias in binding.aliases.iter() {
            write!(text, " +{}", short(alias)).unwrap();
        }
        text
    };
    scope.listeners[listener].hosts.values().map(show).collect()
}

/// Checks the hosts that a sidecar of `web` sees without a Sidecar, whatever the order of the objects.
fn check(list: &[&str], expected: &[&str]) {
    let mut reversed = list.to_vec();
    reversed.reverse();
    for list in [list, &reversed] {
        assert_eq!(bindings(&scope(list, "web", ScopeKind::Default), 0), expected);
    }
}

/// Checks the hosts of each listener of a Sidecar of `web` with these egress listeners.
fn check_sidecar(list: &[&str], egress: &str, expected: &[&[&str]], services: &[&str]) {
    check_sidecar_of("web", list, egress, expected, services);
}

/// Checks the same for a workload of `web` whose Sidecar is of the namespace `of`.
fn check_sidecar_of(of: &str, list: &[&str], egress: &str, expected: &[&[&str]], services: &[&str]) {
    let sidecar = format!("sidecar {of}/s [{egress}]");
    let mut list = list.to_vec();
    list.push(&sidecar);
    let kind = ScopeKind::Sidecar(ConfigKey::new(Kind::Sidecar, of, "s"));
    let scope = scope(&list, "web", kind);
    let found: Vec<_> = (0..scope.listeners.len()).map(|at| bindings(&scope, at)).collect();
    assert_eq!(found, expected);
    let found: Vec<String> = scope
        .services
        .values()
        .map(|s| format!("{}={}", short(&s.service.host), s.service.namespace))
        .collect();
    assert_eq!(found, services);
}

#[test]
fn a_scope_has_the_services_that_are_exported_to_it() {
    check(
        &["svc shop/a", "se shop/x x.com >web", "se shop/k k.com >shop", "se web/z z.com >."],
        &["a.shop=shop", "x.com=shop", "z.com=web"],
    );
}

#[test]
fn the_clients_namespace_defines_a_host_before_others() {
    check(&["se a/x x.com", "se web/x x.com", "se z/x x.com"], &["x.com=web"]);
}

#[test]
fn kubernetes_defines_a_host_before_service_entries() {
    check(&["se a/x a.shop.svc.cluster.local", "svc shop/a"], &["a.shop=shop"]);
}

#[test]
fn the_first_namespace_by_name_defines_a_host_otherwise() {
    check(&["se c/x x.com @2020", "se b/x x.com @2024"], &["x.com=b"]);
}

#[test]
fn a_virtual_service_owns_its_host() {
    check(
        &["svc shop/a", "svc shop/b", "vs shop/v a.shop.svc.cluster.local b"],
        &["a.shop=shop v", "b.shop=shop"],
    );
}

#[test]
fn the_oldest_of_two_virtual_services_owns_the_host() {
    let host = "a.shop.svc.cluster.local";
    let (new, old) = (format!("vs shop/a {host} b @2024"), format!("vs shop/z {host} b @2023"));
    check(&["svc shop/a", &new, &old], &["a.shop=shop z"]);
}

#[test]
fn a_virtual_service_without_http_routes_leaves_an_http_service_to_others() {
    let tcp = "---\n{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: old, namespace: shop, creationTimestamp: '2020-01-01T00:00:00Z'}, spec: {hosts: [a], tcp: [{route: [{destination: {host: a}}]}]}}\n";
    let others = objects(&["svc shop/a", "vs shop/new a.shop.svc.cluster.local a @2024"]);
    let mut world = World::of(&format!("{others}{tcp}"));
    let key = ScopeKey { namespace: "web".into(), kind: ScopeKind::Default, selected_rules: Arc::default() };
    assert_eq!(bindings(&world.get::<ScopeOf>(&key), 0), ["a.shop=shop new ~old"]);
}

#[test]
fn all_virtual_services_for_bytes_apply_to_a_host_the_exact_ones_first() {
    let host = "a.shop.svc.cluster.local";
    let (old, new) = (format!("l4 shop/old {host} b @2021"), format!("l4 shop/new {host} c @2022"));
    let wild = "l4 shop/wild *.shop.svc.cluster.local b @2020";
    let http = format!("vs shop/http {host} b @2019");
    check(
        &["svc shop/a", "svc shop/b", &old, &new, wild, &http],
        &["a.shop=shop http ~old ~new ~wild", "b.shop=shop ~wild"],
    );
}

#[test]
fn a_private_virtual_service_comes_before_older_public_ones() {
    let host = "a.shop.svc.cluster.local";
    let (private, public) = (format!("vs web/p {host} b >. @2024"), format!("vs shop/z {host} b @2023"));
    check(&["svc shop/a", &private, &public], &["a.shop=shop p"]);
}

#[test]
fn an_exact_host_comes_before_the_most_specific_wildcard() {
    check(
        &[
            "se shop/x x.a.com",
            "se shop/k k.a.com",
            "se shop/z z.com",
            "vs shop/all *.com z.com @2020",
            "vs shop/wild *.a.com z.com @2021",
            "vs shop/exact x.a.com z.com @2022",
        ],
        &["k.a.com=shop wild", "x.a.com=shop exact", "z.com=shop all"],
    );
}

#[test]
fn hosts_of_virtual_services_that_are_no_service_are_hosts_of_their_own() {
    check(
        &["svc shop/a", "vs shop/v ghost.com,*.ghosts.com a.shop"],
        &["*.ghosts.com v", "a.shop=shop", "ghost.com v"],
    );
}

#[test]
fn a_wildcard_whose_services_have_no_port_80_is_a_host_of_its_own() {
    check(&["se shop/x x.a.com :443", "vs shop/v *.a.com x.a.com"], &["*.a.com v", "x.a.com=shop v"]);
    check(&["se shop/x x.a.com", "vs shop/v *.a.com x.a.com"], &["x.a.com=shop v"]);
}

#[test]
fn an_alias_belongs_to_the_service_that_it_stands_for() {
    check(
        &[
            "svc shop/a",
            "ext web/b a.shop.svc.cluster.local",
            "ext web/c b.web.svc.cluster.local",
            "ext web/d far.com",
        ],
        &["a.shop=shop +b.web +c.web"],
    );
}

#[test]
fn aliases_in_a_circle_stand_for_nothing() {
    check(
        &["ext web/b c.web.svc.cluster.local", "ext web/c b.web.svc.cluster.local", "svc shop/a"],
        &["a.shop=shop"],
    );
}

#[test]
fn a_destination_that_is_an_alias_is_the_service_behind_it() {
    let scope = scope(
        &["svc shop/a", "ext web/b a.shop.svc.cluster.local", "vs web/v x.com b.web.svc.cluster.local"],
        "web",
        ScopeKind::Default,
    );
    let owner = &scope.listeners[0].hosts[&Host::new("x.com")].http[0];
    let service = owner.destinations[0].service.as_ref().map(|scoped| short(&scoped.service.host));
    assert_eq!((short(&owner.destinations[0].host), service), ("b.web".into(), Some("a.shop".into())));
}

#[test]
fn services_have_the_rule_that_applies_in_the_scope() {
    let list = ["svc shop/a", "svc shop/b", "dr shop/ra a", "dr web/w *.shop.svc.cluster.local"];
    let rules = |namespace: &str| -> Vec<Option<String>> {
        let scope = scope(&list, namespace, ScopeKind::Default);
        scope
            .services
            .values()
            .map(|s| s.rule.as_ref().map(|rule| rule.objects[0].name.to_string()))
            .collect()
    };
    assert_eq!(rules("web"), [Some("w".into()), Some("w".into())]);
    assert_eq!(rules("other"), [Some("ra".into()), None]);
}

const MESH: &[&str] = &["svc web/own", "svc shop/a", "svc shop/b :8080", "se ext/x x.com", "se ext/k k.com"];

#[test]
fn a_sidecar_sees_its_egress_hosts_only() {
    check_sidecar(MESH, "{hosts: ['./*']}", &[&["own.web=web"]], &["own.web=web"]);
    check_sidecar(
        MESH,
        "{hosts: ['shop/*', '*/x.com']}",
        &[&["a.shop=shop", "b.shop=shop", "x.com=ext"]],
        &["a.shop=shop", "b.shop=shop", "x.com=ext"],
    );
    check_sidecar(MESH, "{hosts: ['*/*.com']}", &[&["k.com=ext", "x.com=ext"]], &["k.com=ext", "x.com=ext"]);
    check_sidecar(MESH, "{hosts: ['~/*']}", &[&[]], &[]);
}

#[test]
fn the_dot_of_the_root_namespaces_sidecar_is_the_workloads_namespace() {
    let list = [MESH, &["svc istio-system/pilot"]].concat();
    check_sidecar_of("istio-system", &list, "{hosts: ['./*']}", &[&["own.web=web"]], &["own.web=web"]);
    check_sidecar_of(
        "istio-system",
        &list,
        "{hosts: ['*/*', '~*/*.com', '~/*', '~./*', '~shop/*']}",
        &[&["pilot.istio-system=istio-system"]],
        &["pilot.istio-system=istio-system"],
    );
}

#[test]
fn listeners_without_a_port_are_one() {
    let all: &[&str] = &["a.shop=shop", "b.shop=shop", "own.web=web"];
    check_sidecar(MESH, "{hosts: ['./*']}, {hosts: ['shop/*']}", &[all], all);
}

#[test]
fn a_host_that_is_taken_away_everywhere_is_in_no_namespace() {
    let list = ["svc web/own", "svc shop/a", "se ext/x x.com", "se web/x x.com", "se ext/deep deep.x.com"];
    let seen = |egress: &str, expected: &[&str]| check_sidecar(&list, egress, &[expected], expected);
    seen("{hosts: ['*/*', '~/x.com']}", &["a.shop=shop", "deep.x.com=ext", "own.web=web"]);
    seen("{hosts: ['*/*', '~/*.x.com']}", &["a.shop=shop", "own.web=web", "x.com=web"]);
    seen("{hosts: ['ext/x.com', 'web/*', '~/x.com']}", &["own.web=web"]);
    seen("{hosts: ['~/x.com', 'ext/x.com', './*']}", &["own.web=web"]);
    seen("{hosts: ['*/*', '~web/x.com']}", &["a.shop=shop", "deep.x.com=ext", "own.web=web", "x.com=ext"]);
    seen("{hosts: ['./*', '~/*']}", &["own.web=web", "x.com=web"]);
    seen("{hosts: ['~/x.com']}", &[]);
}

#[test]
fn a_virtual_service_goes_with_the_host_that_is_taken_away() {
    let list = ["svc web/own", "se ext/x x.com", "vs ext/v x.com own.web.svc.cluster.local"];
    check_sidecar(&list, "{hosts: ['*/*', '~/x.com']}", &[&["own.web=web"]], &["own.web=web"]);
}

#[test]
fn an_alias_goes_with_its_target_whatever_is_imported() {
    let list = [
        "svc shop/a :9080",
        "svc web/own",
        "ext web/b a.shop.svc.cluster.local",
        "ext other/c b.web.svc.cluster.local",
        "ext web/far far.com",
    ];
    let with_aliases: &[&str] = &["a.shop=shop +b.web +c.other"];
    let a: &[&str] = &["a.shop=shop"];
    // Neither the hosts of a listener nor its port are those of the aliases.
    check_sidecar(&list, "{hosts: ['shop/*']}", &[with_aliases], a);
    check_sidecar(
        &list,
        "{port: {number: 9080, protocol: HTTP, name: h}, hosts: ['shop/*']}",
        &[with_aliases],
        a,
    );
    check_sidecar(&list, "{hosts: ['./*']}", &[&["own.web=web"]], &["own.web=web"]);
}

#[test]
fn an_alias_of_a_host_outside_goes_with_the_entry_of_that_host() {
    let list = ["svc web/own", "se ext/far far.com", "ext web/b far.com"];
    check_sidecar(&list, "{hosts: ['ext/*']}", &[&["far.com=ext +b.web"]], &["far.com=ext"]);
    check(&list, &["far.com=ext +b.web", "own.web=web"]);
}

#[test]
fn an_http_proxy_sees_the_services_of_every_port() {
    check_sidecar(
        MESH,
        "{port: {number: 15080, protocol: HTTP_PROXY, name: p}, bind: 127.0.0.1, captureMode: NONE, hosts: ['shop/*']}, {hosts: ['./*']}",
        &[&["a.shop=shop", "b.shop=shop"], &["own.web=web"]],
        &["a.shop=shop", "b.shop=shop", "own.web=web"],
    );
}

#[test]
fn an_explicit_listener_sees_the_services_with_its_port() {
    check_sidecar(
        MESH,
        "{port: {number: 8080, protocol: HTTP, name: h}, hosts: ['shop/*']}, {hosts: ['shop/*']}",
        &[&["b.shop=shop"], &["a.shop=shop", "b.shop=shop"]],
        &["a.shop=shop", "b.shop=shop"],
    );
}

#[test]
fn an_explicit_listener_locks_its_port() {
    let sidecar =
        "sidecar web/s [{port: {number: 8080, protocol: HTTP, name: h}, hosts: ['*/*']}, {hosts: ['*/*']}]";
    let kind = ScopeKind::Sidecar(ConfigKey::new(Kind::Sidecar, "web", "s"));
    let scope = scope(&[MESH, &[sidecar]].concat(), "web", kind);
    assert_eq!((scope.locks(8080), scope.locks(80)), (true, false));
}

#[test]
fn destinations_of_imported_virtual_services_are_imported() {
    let list = [MESH, &["vs shop/v a.shop.svc.cluster.local b"]].concat();
    check_sidecar(
        &list,
        "{hosts: ['shop/a.shop.svc.cluster.local']}",
        &[&["a.shop=shop v"]],
        &["a.shop=shop", "b.shop=shop"],
    );
}

#[test]
fn a_virtual_service_is_imported_when_hosts_overlap_either_way() {
    let list = [MESH, &["vs shop/wild *.com x.com", "vs shop/other *.org x.com"]].concat();
    check_sidecar(&list, "{hosts: ['*/x.com']}", &[&["x.com=ext wild"]], &["x.com=ext"]);
}

#[test]
fn a_virtual_service_comes_with_all_its_hosts() {
    let list = [MESH, &["vs shop/v a.shop.svc.cluster.local,ghost.com a"]].concat();
    check_sidecar(
        &list,
        "{hosts: ['shop/a.shop.svc.cluster.local']}",
        &[&["a.shop=shop v", "ghost.com v"]],
        &["a.shop=shop"],
    );
}

#[test]
fn a_gateway_sees_all_services_and_binds_no_host() {
    let scope = scope(MESH, "edge", ScopeKind::Gateway);
    assert_eq!((scope.services.len(), scope.listeners.len(), scope.listeners[0].hosts.len()), (5, 1, 0));
}

#[test]
fn a_scope_does_not_change_with_weights_policies_and_endpoints() {
    let mut world =
        World::of(&objects(&["svc shop/a", "vs shop/v a.shop.svc.cluster.local b", "dr shop/r a"]));
    let key = ScopeKey { namespace: "web".into(), kind: ScopeKind::Default, selected_rules: Arc::default() };
    let _lease = world.lease::<ScopeOf>(&key);
    let changes = [
        "{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: r, namespace: shop}, spec: {host: a, trafficPolicy: {loadBalancer: {simple: RANDOM}}}}",
        "{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: v, namespace: shop}, spec: {hosts: [a.shop.svc.cluster.local], http: [{timeout: 3s, route: [{destination: {host: b}}]}]}}",
        "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: a-1, namespace: shop, labels: {kubernetes.io/service-name: a}}, addressType: IPv4, endpoints: [{addresses: [10.1.1.1]}], ports: [{name: http, port: 80}]}",
    ];
    for change in changes {
        let settled = world.set(change);
        assert_eq!(settled.recomputed.get(ScopeOf::NAME), None, "{change}");
    }
}
