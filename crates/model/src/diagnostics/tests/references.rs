//! References that lead nowhere: where the wrong word stands, and what was probably meant.

use super::*;
use crate::input::Refused;

/// The findings about the object `v`, as `path: message; help`.
fn said(objects: &[String]) -> Vec<String> {
    said_of(&mut World::of(&format!("{MESH}{}", objects.concat())))
}

fn said_of(world: &mut World) -> Vec<String> {
    let all = world.get::<AllDiagnostics>(&());
    let about_v = all.iter().filter(|finding| finding.on.to_string().ends_with("/v"));
    about_v
        .map(|finding| {
            let help = finding.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
            format!("{}: {}{help}", finding.path, finding.message)
        })
        .collect()
}

fn to(host: &str) -> String {
    mesh_routes("a", &format!("host: {host}"))
}

fn virtual_service(spec: &str) -> String {
    object("VirtualService", "v", 1, spec)
}

#[test]
fn the_wrong_word_is_pointed_at_though_items_before_it_are_left_out() {
    let objects = [virtual_service(
        "hosts: [a, b.com], gateways: [g, none, mesh], http: [{route: [{destination: {host: a}, weight: 0}, {destination: {host: ghost}, weight: 1}]}]",
    )];
    let found = said(&objects);
    let paths: Vec<&str> = found.iter().filter_map(|line| line.split(": ").next()).collect();
    assert_eq!(paths, ["spec.gateways[1]", "spec.http[0].route[1].destination.host"], "{found:#?}");
    let mut world = World::of(&format!("{MESH}{}", objects.concat()));
    let all = world.get::<AllDiagnostics>(&());
    let column =
        |code| all.iter().find(|f| f.code == code).and_then(|f| f.position.as_ref()).map(|p| p.column);
    let text = objects[0].lines().nth(1).unwrap_or_default();
    let expected = |word: &str| text.find(word).map(|at| u32::try_from(at).expect("it is short") + 1);
    assert_eq!(column(fairlead_config::Code::UnknownGateway), expected("none"));
    assert_eq!(column(fairlead_config::Code::UnknownHost), expected("ghost}"));
}

#[test]
fn a_host_that_many_routes_name_is_one_finding() {
    let route = "{route: [{destination: {host: ghost}}]}";
    let found = said(&[virtual_service(&format!(
        "hosts: [a], http: [{{match: [{{uri: {{prefix: /x}}}}], route: [{{destination: {{host: ghost}}}}]}}, {{match: [{{uri: {{prefix: /y}}}}], route: [{{destination: {{host: ghost}}}}]}}, {route}]"
    ))]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].contains("(also at spec.http[1].route[0].destination.host and one more place)"),
        "{found:#?}"
    );
}

#[test]
fn near_names_are_offered() {
    let named = "apiVersion: v1, kind: Service, metadata: {name: reviews, namespace: shop}, spec: {clusterIP: 10.0.0.9, ports: [{name: http, port: 80}]}";
    let found = said(&[to("reviewz"), format!("---\n{{{named}}}\n")]);
    assert!(found[0].ends_with("did you mean `reviews`?"), "{found:#?}");
    let found = said(&[to("reviews.shop"), format!("---\n{{{named}}}\n")]);
    assert!(found[0].ends_with("write `reviews.shop.svc.cluster.local`"), "{found:#?}");
    let found = said(&[to("reviews.shop.svc.cluster.locl"), format!("---\n{{{named}}}\n")]);
    assert!(found[0].ends_with("write `reviews.shop.svc.cluster.local`"), "{found:#?}");
    let elsewhere = named.replace("namespace: shop", "namespace: prod");
    let found = said(&[to("reviews"), format!("---\n{{{elsewhere}}}\n")]);
    assert!(found[0].ends_with("there is `reviews.prod.svc.cluster.local`"), "{found:#?}");
    let entry = "---\n{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: e, namespace: shop}, spec: {hosts: [api.example.com], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS}}\n";
    let found = said(&[to("api.exmaple.com"), entry.to_owned()]);
    assert!(found[0].ends_with("did you mean `api.example.com`?"), "{found:#?}");
    assert!(said(&[to("ghost")])[0].ends_with("answered with 503"), "there is nothing like it");
}

#[test]
fn gateways_that_may_be_meant_are_named() {
    let at = |gateway: &str| {
        said(&[virtual_service(&format!(
            "hosts: [a.com], gateways: [{gateway}], http: [{{route: [{{destination: {{host: a}}}}]}}]"
        ))])
    };
    assert_eq!(at("other/g"), ["spec.gateways[0]: there is no Gateway `other/g`; there is `shop/g`"]);
    assert_eq!(
        at("gateway"),
        ["spec.gateways[0]: there is no Gateway `shop/gateway`; there is `g` in namespace `shop`"]
    );
}

#[test]
fn what_is_refused_for_its_errors_is_not_called_absent() {
    let mut world = World::of(&format!(
        "{MESH}{}",
        virtual_service(
            "hosts: [a, b.com], gateways: [broken, mesh], http: [{route: [{destination: {host: lost}}]}]"
        )
    ));
    let mut changes = fairlead_incremental::ChangeSet::new();
    for (kind, name) in [(fairlead_config::Kind::Gateway, "broken"), (fairlead_config::Kind::Service, "lost")]
    {
        changes.set::<Refused>(fairlead_config::ConfigKey::new(kind, "shop", name), std::sync::Arc::new(()));
    }
    world.db.apply(changes);
    world.db.settle();
    assert_eq!(
        said_of(&mut world),
        [
            "spec.gateways[0]: the Gateway `shop/broken` is refused for its errors, so the routes do not apply there; correct the Gateway",
            "spec.http[0].route[0].destination.host: no service has the host `lost.shop.svc.cluster.local`; requests for it are answered with 503; Service shop/lost is refused for its errors: correct them",
        ]
    );
}

#[test]
fn hosts_are_judged_by_all_gateways_together() {
    let org = object(
        "Gateway",
        "org",
        1,
        "selector: {istio: gw}, servers: [{port: {number: 81, name: h, protocol: HTTP}, hosts: ['*.org']}]",
    );
    let routes = |hosts: &str, gateways: &str| {
        virtual_service(&format!(
            "hosts: [{hosts}], gateways: [{gateways}], http: [{{route: [{{destination: {{host: a}}}}]}}]"
        ))
    };
    let of = |hosts: &str, gateways: &str| said(&[org.clone(), routes(hosts, gateways)]);
    assert_eq!(of("a.com, a.org", "g, org"), Vec::<String>::new());
    assert_eq!(
        of("a.com, a.net", "g, org"),
        [
            "spec.gateways[1]: no server of Gateway shop/org serves a host of this object; it has `*.org`",
            "spec.hosts[1]: no server of its Gateways serves `a.net` for the namespace of this object; add the host to a server of one of them, or correct it",
        ]
    );
    assert_eq!(of("a, a.com", "g, mesh"), Vec::<String>::new(), "a host may be meant for sidecars alone");
}

#[test]
fn objects_without_age_come_first_by_name() {
    let routes = |name: &str| {
        format!(
            "---\n{{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {{name: {name}, namespace: shop}}, spec: {{hosts: [a], http: [{{route: [{{destination: {{host: a}}}}]}}]}}}}\n"
        )
    };
    let found = said(&[routes("b"), routes("v")]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("VirtualService shop/b comes first by name and owns"), "{found:#?}");
    let dated = object("VirtualService", "b", 1, "hosts: [a], http: [{route: [{destination: {host: a}}]}]");
    let later = object("VirtualService", "v", 2, "hosts: [a], http: [{route: [{destination: {host: a}}]}]");
    assert!(said(&[dated, later])[0].contains("VirtualService shop/b is older and owns"));
}

#[test]
fn a_host_that_is_not_exported_is_not_called_absent() {
    let found = said(&[mesh_routes("hidden.other.svc.cluster.local", "host: a")]);
    assert_eq!(
        found,
        [
            "spec.hosts[0]: the service `hidden.other.svc.cluster.local` is not exported to the namespace `shop`: in the mesh its routes take effect on port 80 only; its `exportTo`, in namespace `other`, would have to name `shop`"
        ]
    );
}
