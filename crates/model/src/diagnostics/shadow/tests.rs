use super::*;
use crate::testing::{World, only_object};

/// The conditions of the routes of a VirtualService, one each.
fn conditions(routes: &str) -> Vec<HttpMatch> {
    let yaml = format!(
        "{{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {{name: v, namespace: ns}}, spec: {{hosts: [a], gateways: [mesh, g], http: [{routes}]}}}}"
    );
    let object = only_object!(VirtualService, &yaml);
    let visibility = crate::service::Visibility::Public;
    let resolved = crate::virtual_service::resolve(&object, "cluster.local", &visibility);
    resolved.http.into_iter().flat_map(|route| route.matches).collect()
}

fn one_takes_other(first: &str, second: &str) -> bool {
    let route = |condition: &str| format!("{{match: [{{{condition}}}], directResponse: {{status: 200}}}}");
    let both = conditions(&format!("{}, {}", route(first), route(second)));
    let g = GatewayRef::Gateway(ConfigKey::new(fairlead_config::Kind::Gateway, "ns", "g"));
    takes(&both[0], &both[1], &[GatewayRef::Mesh, g])
}

#[test]
fn a_condition_takes_those_that_ask_for_more() {
    for (first, second, expected) in [
        ("uri: {prefix: /api}", "uri: {prefix: /api/v1}", true),
        ("uri: {prefix: /api}", "uri: {exact: /api}", true),
        ("uri: {prefix: /api}", "uri: {exact: /apix}", true),
        ("uri: {prefix: /api/}", "uri: {exact: /api}", false),
        ("uri: {prefix: /api/v1}", "uri: {prefix: /api}", false),
        ("uri: {exact: /api}", "uri: {prefix: /api}", false),
        ("uri: {prefix: /api}", "uri: {regex: '/api/.*'}", false),
        ("uri: {regex: '/api/.*'}", "uri: {regex: '/api/.*'}", true),
        ("uri: {prefix: /api}", "uri: {prefix: /API}", false),
        ("uri: {prefix: /api}, ignoreUriCase: true", "uri: {prefix: /API/v1}", true),
        ("uri: {prefix: /api}", "uri: {prefix: /api}, ignoreUriCase: true", false),
        ("method: {exact: GET}", "method: {exact: GET}, uri: {prefix: /x}", true),
        ("method: {exact: GET}", "uri: {prefix: /x}", false),
        ("headers: {x-user: {exact: a}}", "headers: {X-User: {exact: a}, y: {exact: b}}", true),
        ("headers: {x: {prefix: a}}", "headers: {x: {exact: abc}}", true),
        ("headers: {x: {exact: a}}", "headers: {x: {exact: b}}", false),
        ("headers: {x: {}}", "headers: {x: {exact: b}}", true),
        ("queryParams: {q: {exact: a}}", "queryParams: {Q: {exact: a}}", false),
        ("withoutHeaders: {x: {exact: a}}", "withoutHeaders: {x: {prefix: a}}", true),
        ("withoutHeaders: {x: {prefix: a}}", "withoutHeaders: {x: {exact: a}}", false),
        ("withoutHeaders: {x: {exact: a}}", "uri: {prefix: /}", false),
        ("port: 80", "port: 80, uri: {prefix: /a}", true),
        ("port: 80", "uri: {prefix: /a}", false),
        ("sourceLabels: {app: a}", "sourceLabels: {app: a, version: v1}", true),
        ("sourceLabels: {app: a, version: v1}", "sourceLabels: {app: a}", false),
        ("sourceNamespace: ns, uri: {prefix: /a}", "uri: {prefix: /a}", false),
        ("gateways: [g], uri: {prefix: /a}", "uri: {prefix: /a}", false),
        ("gateways: [g, mesh], uri: {prefix: /a}", "uri: {prefix: /a}", true),
        ("gateways: [g], uri: {prefix: /a}", "gateways: [g], uri: {prefix: /a/b}", true),
    ] {
        assert_eq!(one_takes_other(first, second), expected, "{first} and {second}");
    }
}

/// The findings of all objects, as `code name path`.
fn found(objects: &str) -> Vec<String> {
    let mut world = World::of(objects);
    let all = world.get::<crate::diagnostics::AllDiagnostics>(&());
    let wanted = [Code::ShadowedRoute, Code::ConflictingRoute];
    let all = all.iter().filter(|finding| wanted.contains(&finding.code));
    all.map(|finding| {
        let on = finding.on.to_string();
        format!("{} {} {}", finding.code.name(), on.rsplit('/').next().unwrap_or_default(), finding.path)
    })
    .collect()
}

fn routes(name: &str, day: u8, more: &str, http: &[&str]) -> String {
    let http = http.join(", ");
    format!(
        "---\n{{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {{name: {name}, namespace: ns, creationTimestamp: '2024-01-{day:02}T00:00:00Z'}}, spec: {{{more}, http: [{http}]}}}}\n"
    )
}

const GATEWAY: &str = "---\n{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: g, namespace: ns}, spec: {selector: {a: b}, servers: [{port: {number: 80, name: h, protocol: HTTP}, hosts: ['*.com']}]}}\n";

fn answer(condition: &str, status: u16) -> String {
    format!("{{match: [{condition}], directResponse: {{status: {status}}}}}")
}

#[test]
fn a_prefix_before_a_longer_one_takes_its_requests() {
    let of = |http: &[&str]| found(&routes("v", 1, "hosts: [a.com]", http));
    let (api, v1) = (answer("{uri: {prefix: /api}}", 200), answer("{uri: {prefix: /api/v1}}", 201));
    assert_eq!(of(&[&api, &v1]), ["shadowed-route v spec.http[1]"]);
    assert_eq!(of(&[&v1, &api]), Vec::<String>::new());
    let partly = answer("{uri: {prefix: /other}}, {uri: {exact: /api/x}}", 202);
    assert_eq!(of(&[&api, &partly]), ["shadowed-route v spec.http[1].match[1]"]);
}

#[test]
fn an_older_object_of_a_gateway_takes_what_it_asks_for() {
    let at = |name: &str, day, condition: &str, status| {
        routes(name, day, "hosts: [a.com], gateways: [g]", &[&answer(condition, status)])
    };
    let both = |one: String, other: String| found(&format!("{GATEWAY}{one}{other}"));
    assert_eq!(
        both(at("old", 1, "{uri: {prefix: /api}}", 200), at("new", 2, "{uri: {prefix: /api/v1}}", 201)),
        ["shadowed-route new spec.http[0].match[0]"]
    );
    assert_eq!(
        both(at("old", 1, "{uri: {prefix: /api}}", 200), at("new", 2, "{uri: {prefix: /api}}", 201)),
        ["conflicting-route new spec.http[0].match[0]"]
    );
    assert_eq!(
        both(at("old", 1, "{uri: {prefix: /api}}", 200), at("new", 2, "{uri: {prefix: /api}}", 200)),
        Vec::<String>::new(),
        "they do the same"
    );
    assert_eq!(
        both(at("old", 1, "{uri: {prefix: /test}}", 200), at("new", 2, "{uri: {prefix: /test2/x}}", 201)),
        ["shadowed-route new spec.http[0].match[0]"],
        "a prefix is of bytes, not of segments"
    );
    assert_eq!(
        both(at("old", 1, "{uri: {prefix: /api/v1}}", 200), at("new", 2, "{uri: {prefix: /api}}", 201)),
        Vec::<String>::new()
    );
    assert_eq!(
        both(at("old", 1, "{uri: {prefix: /}}", 200), at("new", 2, "{uri: {prefix: /api}}", 201)),
        Vec::<String>::new(),
        "what takes everything is tried last"
    );
}

#[test]
fn two_hosts_of_a_gateway_do_not_meet() {
    let at = |name: &str, host: &str| {
        routes(name, 1, &format!("hosts: [{host}], gateways: [g]"), &[&answer("{uri: {prefix: /api}}", 200)])
    };
    assert_eq!(found(&format!("{GATEWAY}{}{}", at("a", "a.com"), at("b", "b.com"))), Vec::<String>::new());
}

#[test]
fn objects_meet_where_each_server_of_one_is_the_others_too() {
    let gateway = |servers: &str| {
        format!(
            "---\n{{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {{name: g, namespace: ns}}, spec: {{selector: {{a: b}}, servers: [{servers}]}}}}\n"
        )
    };
    let server = |port: u16, hosts: &str| {
        format!("{{port: {{number: {port}, name: h{port}, protocol: HTTP}}, hosts: [{hosts}]}}")
    };
    let http = |status| answer("{uri: {prefix: /api}}", status);
    let old = routes("old", 1, "hosts: [a.com], gateways: [ns/g]", &[&http(200)]);
    let new = routes("new", 2, "hosts: [a.com], gateways: [ns/g]", &[&http(201)])
        .replace("namespace: ns", "namespace: other");
    let of = |servers: &str| found(&format!("{}{old}{new}", gateway(servers)));
    assert_eq!(of(&server(80, "'*.com'")), ["conflicting-route new spec.http[0].match[0]"]);
    let apart = format!("{}, {}", server(80, "'ns/*.com'"), server(81, "'other/*.com'"));
    assert_eq!(of(&apart), Vec::<String>::new());
    let more = format!("{}, {}", server(80, "'*.com'"), server(81, "'other/*.com'"));
    assert_eq!(of(&more), Vec::<String>::new(), "at one of its ports the younger has its requests");
}
