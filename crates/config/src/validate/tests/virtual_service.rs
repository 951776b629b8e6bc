use super::{accept, check, object};

#[track_caller]
fn spec(spec: &str, code: &str, path: &str, says: &str) {
    check(&object("VirtualService", spec), code, path, says);
}

/// A rule with these fields beside a destination.
#[track_caller]
fn rule(fields: &str, code: &str, path: &str, says: &str) {
    let text = format!("{{hosts: [r], http: [{{route: [{{destination: {{host: r}}}}], {fields}}}]}}");
    spec(&text, code, &format!("spec.http[0]{path}"), says);
}

/// A rule with only these fields.
#[track_caller]
fn bare_rule(fields: &str, code: &str, path: &str, says: &str) {
    spec(&format!("{{hosts: [r], http: [{{{fields}}}]}}"), code, &format!("spec.http[0]{path}"), says);
}

#[track_caller]
fn accept_rule(fields: &str) {
    accept(&object("VirtualService", &format!("{{hosts: [r], http: [{{{fields}}}]}}")));
}

const TO_R: &str = "route: [{destination: {host: r}}]";

#[test]
fn hosts_are_checked() {
    let hosts = |hosts: &str| format!("{{hosts: {hosts}, http: [{{{TO_R}}}]}}");
    spec(&hosts("[\"a_b\"]"), "bad-host", "spec.hosts[0]", "only letters, digits, - and .");
    spec(&hosts("[\"http://a.b\"]"), "bad-host", "spec.hosts[0]", "without a scheme");
    spec(&hosts("[\"a.b:80\"]"), "bad-host", "spec.hosts[0]", "write a.b and name the port elsewhere");
    spec(&hosts("[\"a.*.b\"]"), "bad-host", "spec.hosts[0]", "only letters");
    spec(&hosts("[\"\"]"), "bad-host", "spec.hosts[0]", "it is empty");
    spec(&hosts("[a..b]"), "bad-host", "spec.hosts[0]", "a part of it is empty");
    spec(&hosts("[\"*\"]"), "bad-host", "spec.hosts[0]", "not allowed for sidecars");
    spec(&hosts("[a, A]"), "duplicate-name", "spec.hosts[1]", "twice");
    spec(&hosts("[]"), "not-translated", "spec.hosts", "only a delegate");
    accept(&object("VirtualService", &format!("{{hosts: [\"*\"], gateways: [g], http: [{{{TO_R}}}]}}")));
    accept(&object(
        "VirtualService",
        &format!("{{hosts: [\"*.a.b\", a.b., \"::1\", 10.0.0.1, R], http: [{{{TO_R}}}]}}"),
    ));
}

#[test]
fn gateways_and_visibility_are_checked() {
    let with = |fields: &str| format!("{{hosts: [r], {fields}, http: [{{{TO_R}}}]}}");
    spec(&with("gateways: [a/b/c]"), "bad-gateway-name", "spec.gateways[0]", "namespace/name");
    spec(&with("gateways: [A]"), "bad-gateway-name", "spec.gateways[0]", "`mesh`");
    spec(&with("exportTo: [\"*\", a]"), "bad-export-to", "spec.exportTo[0]", "alone already means");
    spec(&with("exportTo: [a, a]"), "bad-export-to", "spec.exportTo[1]", "twice");
    spec(&with("exportTo: [~]"), "wrong-type", "spec.exportTo[0]", "empty");
    spec(&with("exportTo: [\"~\"]"), "bad-export-to", "spec.exportTo[0]", "not a namespace");
    spec(&with("exportTo: [a/b]"), "bad-export-to", "spec.exportTo[0]", "not a namespace");
    accept(&object(
        "VirtualService",
        &with("gateways: [mesh, ns/g, ./g, g.ns.svc.cluster.local], exportTo: [., a]"),
    ));
}

#[test]
fn a_rule_does_one_thing() {
    spec("{hosts: [r]}", "empty-value", "spec", "`http`, `tls` or `tcp`");
    bare_rule("timeout: 5s", "no-action", "", "write `route`");
    rule("redirect: {uri: /x}", "mutually-exclusive", ".redirect", "`route` and `redirect`");
    rule("directResponse: {status: 200}", "mutually-exclusive", ".directResponse", "`route` and");
    bare_rule("redirect: {uri: /x}, rewrite: {uri: /y}", "mutually-exclusive", ".rewrite", "forwarded");
}

#[test]
fn destinations_and_weights_are_checked() {
    let route = |route: &str| format!("route: [{route}]");
    let host = |host: &str| format!("{{destination: {{host: \"{host}\"}}}}");
    bare_rule(&route(&host("*")), "bad-host", ".route[0].destination.host", "whole name of a service");
    bare_rule(&route(&host("")), "bad-host", ".route[0].destination.host", "it is empty");
    bare_rule(
        &route("{destination: {host: r, subset: v_1}}"),
        "bad-name",
        ".route[0].destination.subset",
        "subset",
    );
    bare_rule(
        &route("{destination: {host: r, port: {number: 70000}}}"),
        "bad-port",
        ".route[0].destination.port.number",
        "1 to 65535",
    );
    bare_rule(
        &route("{destination: {host: r, port: {}}}"),
        "bad-port",
        ".route[0].destination.port",
        "no number",
    );
    bare_rule(&route("{destination: {host: r}, weight: -1}"), "bad-weight", ".route[0].weight", "negative");
    bare_rule(
        &route("{destination: {host: r}}, {destination: {host: s}}"),
        "bad-weight",
        ".route",
        "50 and 50",
    );
    bare_rule(
        &route("{destination: {host: r}, weight: 9}, {destination: {host: s}}"),
        "bad-weight",
        ".route[1].weight",
        "gets nothing",
    );
    accept_rule(&route("{destination: {host: r}, weight: 0}"));
    accept_rule(&route("{destination: {host: r}, weight: 1}, {destination: {host: s}, weight: 2}"));
}

/// Each expression is allowed, and Envoy would take them one by one; what they cost together is what one author may take.
#[test]
fn all_expressions_of_an_object_together_are_bounded() {
    let costly = "{uri: {regex: \"(?:[acegikmoqsuwy][acegikmoqsuwy][aceik]){1000}\"}}";
    let with = |count: usize| format!("match: [{}]", vec![costly; count].join(", "));
    accept_rule(&format!("{}, {TO_R}", with(50)));
    rule(&with(100), "regex-too-long", ".match[67].uri.regex", "split the object");
}

#[test]
fn matches_are_checked() {
    rule(
        "match: [{uri: {exact: /a, prefix: /b}}]",
        "mutually-exclusive",
        ".match[0].uri",
        "exact, prefix exclude",
    );
    rule("match: [{uri: {prefix: a}}]", "bad-match", ".match[0].uri.prefix", "write /a");
    rule("match: [{uri: {prefix: /a/*}}]", "bad-match", ".match[0].uri.prefix", "without the star");
    rule("match: [{uri: {}}]", "bad-match", ".match[0].uri", "no condition");
    rule("match: [{uri: {regex: \"*\"}}]", "bad-regex", ".match[0].uri.regex", "write .* to match");
    rule("match: [{uri: {regex: \"a(\"}}]", "bad-regex", ".match[0].uri.regex", "not closed");
    rule("match: [{uri: {regex: \"(?=a)\"}}]", "bad-regex", ".match[0].uri.regex", "look-around");
    rule("match: [{uri: {regex: \"(a)\\\\1\"}}]", "bad-regex", ".match[0].uri.regex", "back-references");
    rule("match: [{uri: {regex: \"a{2000}\"}}]", "bad-regex", ".match[0].uri.regex", "more than 1000");
    rule("match: [{uri: {regex: \"(a{40}){40}\"}}]", "bad-regex", ".match[0].uri.regex", "more than 1000");
    rule("match: [{uri: {regex: \"a?*\"}}]", "bad-regex", ".match[0].uri.regex", "repeats a repetition");
    rule(
        "match: [{headers: {x: {regex: \"\\\\pl\"}}}]",
        "bad-regex",
        ".match[0].headers[x].regex",
        "not a character class",
    );
    rule("match: [{uri: {regex: \"(?x)a\"}}]", "bad-regex", ".match[0].uri.regex", "flags");
    rule(
        "match: [{uri: {regex: \"([acegikmoqsuwy][acegikmoqsuwy][acegikmoqsuwy]){1000}\"}}]",
        "regex-too-long",
        ".match[0].uri.regex",
        "more than 32768 instructions",
    );
    rule(
        &format!("match: [{{uri: {{regex: {}}}}}]", "a".repeat(1025)),
        "regex-too-long",
        ".match[0].uri.regex",
        "1024",
    );
    rule("match: [{uri: {regex: a}, ignoreUriCase: true}]", "no-effect", ".match[0].uri", "(?i)");
    rule("match: [{ignoreUriCase: true, port: 80}]", "no-effect", ".match[0].ignoreUriCase", "without `uri`");
    rule("match: [{port: 0}]", "bad-port", ".match[0].port", "not a port");
    rule(
        "match: [{headers: {\"a b\": {exact: x}}}]",
        "bad-header-name",
        ".match[0].headers[a b]",
        "not the name",
    );
    rule(
        "match: [{headers: {\":path\": {exact: x}}}]",
        "bad-match",
        ".match[0].headers[:path]",
        "field `uri`",
    );
    rule("match: [{method: {}}]", "bad-match", ".match[0].method", "no condition");
    rule(
        "match: [{sourceLabels: {\"a b\": x}}]",
        "bad-label",
        ".match[0].sourceLabels[a b]",
        "key of a label",
    );
    rule(
        "match: [{gateways: [g], sourceLabels: {a: x}}]",
        "no-effect",
        ".match[0].sourceLabels",
        "at gateways",
    );
    accept_rule(&format!(
        "match: [{{headers: {{x: {{}}, w: {{regex: \"*\"}}}}, queryParams: {{q: {{}}}}, withoutHeaders: {{z: {{exact: \"\"}}}}}}], {TO_R}"
    ));
    accept_rule(&format!(
        "match: [{{uri: {{regex: \"/a/(?i)b[0-9]{{1,3}}/(?P<x>.*)\"}}, ignoreUriCase: false}}], {TO_R}"
    ));
}

#[test]
fn rules_behind_a_catch_all_are_found() {
    for everything in [
        "",
        "match: [{uri: {prefix: /}}], ",
        "match: [{port: 80}, {uri: {regex: .*}}], ",
        "match: [{name: x}], ",
    ] {
        let text = format!(
            "{{hosts: [r], http: [{{{everything}{TO_R}}}, {{match: [{{uri: {{exact: /a}}}}], {TO_R}}}]}}"
        );
        spec(&text, "unreachable-rule", "spec.http[1]", "http[0] before it");
    }
    for part in
        ["match: [{uri: {prefix: /a}}]", "match: [{uri: {prefix: /}, port: 80}]", "match: [{gateways: [g]}]"]
    {
        accept(&object("VirtualService", &format!("{{hosts: [r], http: [{{{part}, {TO_R}}}, {{{TO_R}}}]}}")));
    }
}

#[test]
fn timeouts_and_retries_are_checked() {
    rule("timeout: 0s", "duration-out-of-range", ".timeout", "leave the field out");
    rule("timeout: 1500us", "duration-out-of-range", ".timeout", "milliseconds");
    rule("retries: {attempts: -1}", "bad-retry", ".retries.attempts", "0 for no retries");
    rule("retries: {retryOn: 5xx}", "bad-retry", ".retries", "turns retries off");
    rule(
        "retries: {attempts: 2, retryOn: \"5xx,sometimes\"}",
        "bad-retry",
        ".retries.retryOn",
        "`sometimes`",
    );
    rule(
        "retries: {attempts: 2, perTryTimeout: 5s}, timeout: 2s",
        "bad-retry",
        ".retries.perTryTimeout",
        "only 2s",
    );
    accept_rule(&format!("retries: {{attempts: 0}}, {TO_R}"));
    accept_rule(&format!(
        "retries: {{attempts: 3, perTryTimeout: 2s, retryOn: \"gateway-error, connect-failure,503\", backoff: 10ms}}, {TO_R}"
    ));
}

#[test]
fn faults_are_checked() {
    rule("fault: {}", "bad-fault", ".fault", "neither");
    rule("fault: {delay: {percentage: {value: 5}}}", "bad-fault", ".fault.delay", "no duration");
    rule("fault: {delay: {fixedDelay: 5s}}", "bad-fault", ".fault.delay", "never happens");
    rule(
        "fault: {delay: {fixedDelay: 5s, percentage: {value: 101}}}",
        "bad-percent",
        ".fault.delay.percentage.value",
        "0 to 100",
    );
    rule("fault: {abort: {percentage: {value: 5}}}", "bad-fault", ".fault.abort", "no status");
    rule(
        "fault: {abort: {httpStatus: 99, percentage: {value: 5}}}",
        "bad-status-code",
        ".fault.abort.httpStatus",
        "200 to 599",
    );
    rule(
        "fault: {abort: {grpcStatus: NOPE, percentage: {value: 5}}}",
        "bad-status-code",
        ".fault.abort.grpcStatus",
        "UNAVAILABLE",
    );
    rule(
        "fault: {abort: {httpStatus: 500, grpcStatus: INTERNAL, percentage: {value: 5}}}",
        "mutually-exclusive",
        ".fault.abort",
        "keep one",
    );
    accept_rule(&format!(
        "fault: {{delay: {{fixedDelay: 5s, percentage: {{value: 0.1}}}}, abort: {{httpStatus: 500, percentage: {{value: 100}}}}}}, {TO_R}"
    ));
}

#[test]
fn mirrors_are_checked() {
    rule(
        "mirror: {host: m}, mirrors: [{destination: {host: m}}]",
        "mutually-exclusive",
        ".mirrors",
        "under `mirrors`",
    );
    rule("mirrorPercentage: {value: 5}", "no-effect", ".mirrorPercentage", "without `mirror`");
    rule("mirror: {host: m}, mirrorPercentage: {value: -1}", "bad-percent", ".mirrorPercentage.value", "-1");
    rule("mirrors: [{destination: {host: \"*\"}}]", "bad-host", ".mirrors[0].destination.host", "whole name");
    bare_rule("redirect: {uri: /}, mirror: {host: m}", "bad-mirror", ".mirror", "not mirrored");
}

#[test]
fn redirects_rewrites_and_responses_are_checked() {
    bare_rule("redirect: {}", "bad-redirect", ".redirect", "same URL");
    bare_rule(
        "redirect: {uri: /a, prefixRewrite: /b}",
        "mutually-exclusive",
        ".redirect.prefixRewrite",
        "keep one",
    );
    bare_rule(
        "redirect: {port: 80, derivePort: FROM_REQUEST_PORT}",
        "mutually-exclusive",
        ".redirect.derivePort",
        "keep one",
    );
    bare_rule(
        "redirect: {uri: /, redirectCode: 200}",
        "bad-status-code",
        ".redirect.redirectCode",
        "301, 302",
    );
    bare_rule("redirect: {scheme: ftp}", "bad-redirect", ".redirect.scheme", "http or https");
    bare_rule("redirect: {authority: a.b/c}", "bad-redirect", ".redirect.authority", "under `uri`");
    bare_rule("directResponse: {status: 99}", "bad-status-code", ".directResponse.status", "200 to 599");
    bare_rule(
        "directResponse: {status: 200, body: {string: a, bytes: YQ==}}",
        "mutually-exclusive",
        ".directResponse.body",
        "keep one",
    );
    bare_rule(
        "directResponse: {status: 200, body: {bytes: \"%\"}}",
        "bad-base64",
        ".directResponse.body.bytes",
        "base64",
    );
    let large = "a".repeat((1 << 20) + 1);
    bare_rule(
        &format!("directResponse: {{status: 200, body: {{string: {large}}}}}"),
        "body-too-large",
        ".directResponse.body",
        "1048576",
    );
    rule("rewrite: {}", "bad-rewrite", ".rewrite", "changes nothing");
    rule(
        "rewrite: {uriRegexRewrite: {rewrite: a}}",
        "bad-rewrite",
        ".rewrite.uriRegexRewrite",
        "cannot be empty",
    );
    rule(
        "rewrite: {uriRegexRewrite: {match: a}}",
        "bad-rewrite",
        ".rewrite.uriRegexRewrite",
        "cannot be absent",
    );
    rule(
        "rewrite: {uri: /a, uriRegexRewrite: {match: a, rewrite: b}}",
        "mutually-exclusive",
        ".rewrite.uriRegexRewrite",
        "keep one",
    );
    accept_rule("redirect: {derivePort: FROM_REQUEST_PORT, redirectCode: 308}");
}

#[test]
fn headers_and_cors_are_checked() {
    rule(
        "headers: {request: {set: {\"a b\": c}}}",
        "bad-header-name",
        ".headers.request.set[a b]",
        "letters, digits",
    );
    rule(
        "headers: {request: {set: {\":path\": c}}}",
        "bad-header-name",
        ".headers.request.set[:path]",
        "`rewrite`",
    );
    rule("headers: {response: {remove: [\"\"]}}", "bad-header-name", ".headers.response.remove[0]", "empty");
    rule(
        "headers: {response: {set: {host: c}}}",
        "no-effect",
        ".headers.response.set[host]",
        "on requests only",
    );
    rule("corsPolicy: {allowMethods: [get]}", "bad-cors", ".corsPolicy.allowMethods[0]", "GET");
    rule(
        "corsPolicy: {allowOrigins: [{exact: a.b}]}",
        "bad-cors",
        ".corsPolicy.allowOrigins[0].exact",
        "https://a.b",
    );
    rule("corsPolicy: {allowOrigin: [\"*\"]}", "deprecated", ".corsPolicy.allowOrigin", "allowOrigins");
    rule("corsPolicy: {maxAge: 1500ms}", "duration-out-of-range", ".corsPolicy.maxAge", "seconds");
    rule("corsPolicy: {allowHeaders: [\"a b\"]}", "bad-header-name", ".corsPolicy.allowHeaders[0]", "a b");
    accept_rule(&format!(
        "headers: {{request: {{set: {{Host: a, \":authority\": b, x-a: \"%START_TIME%\"}}, remove: [w]}}}}, {TO_R}"
    ));
}

#[test]
fn tls_and_tcp_rules_are_checked() {
    let tls = |rule: &str| format!("{{hosts: [\"*.a.b\"], tls: [{{{rule}}}]}}");
    spec(
        &tls("match: [], route: [{destination: {host: r}}]"),
        "empty-value",
        "spec.tls[0].match",
        "at least one match",
    );
    spec(
        &tls("match: [{sniHosts: []}], route: [{destination: {host: r}}]"),
        "empty-value",
        "spec.tls[0].match[0].sniHosts",
        "SNI host",
    );
    spec(
        &tls("match: [{sniHosts: [x.c]}], route: [{destination: {host: r}}]"),
        "bad-host",
        "spec.tls[0].match[0].sniHosts[0]",
        "not one of the object's hosts",
    );
    spec(&tls("match: [{sniHosts: [x.a.b]}]"), "no-action", "spec.tls[0].route", "write `route`");
    spec(
        &tls(
            "match: [{sniHosts: [x.a.b], destinationSubnets: [10.0.0.0/33]}], route: [{destination: {host: r}}]",
        ),
        "bad-address",
        "spec.tls[0].match[0].destinationSubnets[0]",
        "10.1.0.0/16",
    );
    spec(
        &tls(
            "match: [{sniHosts: [x.a.b], destinationSubnets: [10.0.0.1, 10.0.0.1/32]}], route: [{destination: {host: r}}]",
        ),
        "bad-address",
        "spec.tls[0].match[0].destinationSubnets[1]",
        "the same range",
    );
    spec(
        "{hosts: [r], tcp: [{match: [{port: 0}], route: [{destination: {host: r}}]}]}",
        "bad-port",
        "spec.tcp[0].match[0].port",
        "0",
    );
    spec("{hosts: [r], tcp: [{match: [{port: 1}]}]}", "no-action", "spec.tcp[0].route", "no destination");
    accept(&object(
        "VirtualService",
        &tls("match: [{sniHosts: [\"*.x.a.b\", y.a.b], port: 443}], route: [{destination: {host: r}}]"),
    ));
}

#[test]
fn what_istio_documents_of_routes_is_accepted() {
    let destination = "destination: {host: '*.example.com', port: {number: 80}}";
    for route in [
        "match: [{uri: {regex: /.*}}], rewrite: {uri: /a}, route: [{destination: {host: r}}]",
        &format!("route: [{{{destination}}}]"),
        "route: [{destination: {host: r}}], mirror: {host: '*.example.com', port: {number: 80}}",
    ] {
        accept(&object("VirtualService", &format!("{{hosts: [r], http: [{{{route}}}]}}")));
    }
}
