//! What Envoy would refuse a whole table or listener for costs the smallest part that holds it, with an error.

use super::*;

/// What a VirtualService becomes, and the errors: `code path`.
fn part(spec: &str) -> (RouteSet, Vec<String>) {
    let yaml = format!(
        "{{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {{name: vs, namespace: shop}}, spec: {{{spec}}}}}"
    );
    let object = only_object!(VirtualService, &yaml);
    (resolve(&object, "cluster.local", &Visibility::Public), errors(&yaml))
}

fn http(route: &str) -> (Vec<HttpRoute>, Vec<String>) {
    let (service, errors) = part(&format!(
        "hosts: [a], http: [{{{route}}}, {{name: next, route: [{{destination: {{host: b}}}}]}}]"
    ));
    (service.http, errors)
}

#[test]
fn a_header_with_a_percent_sign_in_its_value_is_left_out_alone() {
    let (routes, errors) = http(
        "headers: {request: {add: {x-cert: 'a%20b', x-path: '%REQ(:path)%'}}, response: {set: {x-rate: '100%', 'x-b': '100%%'}}}, \
         route: [{destination: {host: b}, headers: {request: {set: {x-z: '%ENVIRONMENT(HOME)%', host: 'a%'}}}}]",
    );
    let headers = &routes[0].headers;
    let names = |map: &BTreeMap<Arc<str>, Arc<str>>| map.keys().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&headers.request.add), ["x-path"]);
    assert_eq!(names(&headers.response.set), ["x-b"]);
    let HttpAction::Route { destinations, .. } = &routes[0].action else { panic!("{routes:?}") };
    assert_eq!(names(&destinations[0].headers.request.set), ["host"], "the authority is no format");
    assert_eq!(
        errors,
        [
            "FL0211 spec.http[0].route[0].headers.request.set[x-z]",
            "FL0211 spec.http[0].headers.request.add[x-cert]",
            "FL0211 spec.http[0].headers.response.set[x-rate]",
        ]
    );
}

#[test]
fn a_header_with_a_line_break_or_without_end_is_left_out() {
    let long = "x".repeat(16_385);
    let (routes, errors) = http(&format!(
        "headers: {{request: {{add: {{a: \"b\\nc\", b: {long}, c: d, host: \"e\\r\"}}}}}}, redirect: {{uri: /x}}"
    ));
    assert_eq!(routes[0].headers.request.add.len(), 1);
    assert_eq!(errors.len(), 3, "{errors:?}");
}

#[test]
fn the_thousand_and_first_header_is_left_out() {
    let many: Vec<String> = (0..1001).map(|at| format!("x-{at:04}: z, ")).collect();
    let many = many.concat();
    let (routes, errors) =
        http(&format!("headers: {{response: {{set: {{{many}}}}}}}, redirect: {{uri: /x}}"));
    assert_eq!(routes[0].headers.response.set.len(), 1000);
    assert_eq!(errors, ["FL0211 spec.http[0].headers.response.set[x-1000]"]);
}

#[test]
fn an_empty_prefix_of_a_header_or_parameter_asks_for_presence() {
    let (routes, errors) = http(
        "match: [{headers: {h: {prefix: ''}}, withoutHeaders: {w: {prefix: ''}}, queryParams: {q: {prefix: ''}}, uri: {prefix: ''}}], \
         redirect: {uri: /x}",
    );
    let condition = &routes[0].matches[0];
    for map in [&condition.headers, &condition.without_headers, &condition.query_params] {
        assert_eq!(map.values().collect::<Vec<_>>(), [&StringMatch::Present]);
    }
    assert_eq!((&condition.uri, errors.len()), (&None, 0));
}

#[test]
fn an_empty_expression_or_prefix_costs_its_match_and_the_last_one_the_route() {
    for condition in [
        "method: {regex: ''}",
        "scheme: {prefix: ''}",
        "authority: {prefix: ''}",
        "uri: {regex: ''}",
        "headers: {h: {regex: ''}}",
        "withoutHeaders: {h: {regex: ''}}",
        "queryParams: {q: {regex: ''}}",
    ] {
        let (routes, errors) = http(&format!("match: [{{{condition}}}], redirect: {{uri: /x}}"));
        assert_eq!(routes.len(), 1, "{condition}: only the next route is left");
        assert_eq!(errors.len(), 2, "{condition}: {errors:?}");
        let (routes, errors) = http(&format!("match: [{{{condition}}}, {{port: 1}}], redirect: {{uri: /x}}"));
        assert_eq!(
            (routes.len(), routes[0].matches.len(), errors.len()),
            (2, 1, 1),
            "{condition}: {errors:?}"
        );
    }
}

#[test]
fn an_empty_origin_does_not_allow_every_origin() {
    let (routes, errors) = http(
        "redirect: {uri: /x}, corsPolicy: {allowOrigins: [{exact: ''}, {prefix: ''}, {regex: ''}, {exact: 'https://a.test'}]}",
    );
    assert_eq!(routes[0].cors.as_ref().map(|cors| cors.allow_origins.len()), Some(1));
    assert_eq!(errors.len(), 3, "{errors:?}");
}

#[test]
fn a_line_break_in_a_redirect_or_rewrite_costs_the_route() {
    for action in [
        "redirect: {uri: \"/a\\nb\"}",
        "redirect: {prefixRewrite: \"/a\\r\"}",
        "redirect: {uri: /a, authority: \"a\\n\"}",
        "rewrite: {uri: \"/a\\nb\"}, route: [{destination: {host: b}}]",
        "rewrite: {authority: \"a\\0\"}, route: [{destination: {host: b}}]",
    ] {
        let (routes, errors) = http(action);
        assert_eq!((routes.len(), errors.len()), (1, 1), "{action}: {errors:?}");
        assert_eq!(&*routes[0].name, "next");
    }
}

#[test]
fn a_group_that_the_expression_does_not_have_costs_the_route() {
    let rewrite = |text: &str| {
        http(&format!(
            "rewrite: {{uriRegexRewrite: {{match: '^/a/(.*)$', rewrite: '{text}'}}}}, route: [{{destination: {{host: b}}}}]"
        ))
    };
    assert_eq!(rewrite("/\\1").0.len(), 2);
    let (routes, errors) = rewrite("/\\2");
    assert_eq!(routes.len(), 1);
    assert_eq!(errors, ["FL0230 spec.http[0].rewrite.uriRegexRewrite.rewrite"]);
}

#[test]
fn a_partial_wildcard_is_no_server_name_and_others_of_the_match_stay() {
    let (service, errors) = part(
        "hosts: ['*.test'], tls: [{match: [{sniHosts: ['*-a.test', b.test]}], route: [{destination: {host: b}}]}, \
         {match: [{sniHosts: ['*c.test']}], route: [{destination: {host: b}}]}]",
    );
    assert_eq!(service.tls.len(), 1);
    assert_eq!(service.tls[0].matches[0].sni_hosts, [Host::new("b.test")]);
    assert_eq!(
        errors,
        [
            "FL0202 spec.tls[0].match[0].sniHosts[0]",
            "FL0202 spec.tls[1].match[0].sniHosts[0]",
            "FL0239 spec.tls[1].match",
        ]
    );
}
