use std::{collections::BTreeMap, sync::Arc, time::Duration};

mod refused;

use fairlead_config::{Config, ConfigKey, Kind, api};

use super::*;
use crate::{
    Host,
    routes::{
        AbortStatus, ClientMatch, Destination, Fault, HttpAction, HttpMatch, HttpRoute, Percent, Redirect,
        RedirectPort, Retries, RouteSetHeader, StringMatch,
    },
    testing::{errors, only_object},
};

fn indented(lines: &str) -> String {
    format!("  {}\n", lines.replace('\n', "\n  "))
}

/// Resolves a VirtualService of namespace `shop` whose `spec` is given in lines.
fn resolved(spec: &str) -> RouteSet {
    let spec = indented(spec);
    let yaml = format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: vs, namespace: shop}}\nspec:\n{spec}"
    );
    assert_eq!(errors(&yaml), Vec::<String>::new());
    resolve(&only_object!(VirtualService, &yaml), "cluster.local", &Visibility::Public)
}

/// The only HTTP route of a VirtualService that has these lines in its route.
fn route(lines: &str) -> HttpRoute {
    let lines = indented(lines);
    let service = resolved(&format!("hosts: [a]\nhttp:\n- name: only\n{lines}"));
    service.http.into_iter().next().expect("the route is usable")
}

fn forwarding(lines: &str) -> HttpRoute {
    route(&format!("route: [{{destination: {{host: b}}}}]\n{lines}"))
}

fn check_match(lines: &str, expected: &HttpMatch) {
    let route = forwarding(&format!("match:\n- {}", lines.replace('\n', "\n  ")));
    assert_eq!(route.matches.as_slice(), std::slice::from_ref(expected));
}

fn exact(text: &str) -> StringMatch {
    StringMatch::Exact(text.into())
}

fn gateway(namespace: &str, name: &str) -> GatewayRef {
    GatewayRef::Gateway(ConfigKey::new(Kind::Gateway, namespace, name))
}

#[test]
fn hosts_are_full_names_in_lower_case() {
    let service = resolved(
        "hosts: [reviews, reviews.prod, '*.Example.com', 10.0.0.1, '*']\ngateways: [gw]\nhttp: [{route: [{destination: {host: b}}]}]",
    );
    let hosts: Vec<&str> = service.hosts.iter().map(Host::as_str).collect();
    assert_eq!(hosts, ["reviews.shop.svc.cluster.local", "reviews.prod", "*.example.com", "10.0.0.1", "*"]);
}

#[test]
fn gateways_are_named_in_five_ways() {
    let service = resolved(
        "hosts: [a.com]\ngateways: [mesh, gw, ns/gw, ./own, old.prod, older.prod.svc.cluster.local, gw]\nhttp: [{route: [{destination: {host: b}}]}]",
    );
    let expected = [
        GatewayRef::Mesh,
        gateway("shop", "gw"),
        gateway("ns", "gw"),
        gateway("shop", "own"),
        gateway("prod", "old"),
        gateway("prod", "older"),
    ];
    assert_eq!(service.gateways, expected);
}

#[test]
fn without_gateways_a_virtual_service_is_for_the_mesh() {
    assert_eq!(
        resolved("hosts: [a]\nhttp: [{route: [{destination: {host: b}}]}]").gateways,
        [GatewayRef::Mesh]
    );
}

#[test]
fn an_empty_condition_and_a_star_ask_for_presence() {
    let mut expected = HttpMatch::default();
    expected.headers.insert("x-a".into(), StringMatch::Present);
    expected.headers.insert("x-b".into(), StringMatch::Present);
    expected.headers.insert("x-c".into(), exact("c"));
    expected.without_headers.insert("x-d".into(), StringMatch::Present);
    expected.query_params.insert("q".into(), StringMatch::Present);
    check_match(
        "headers: {x-a: {}, x-b: {regex: '*'}, x-c: {exact: c}}\nwithoutHeaders: {x-d: {}}\nqueryParams: {q: {exact: ''}}",
        &expected,
    );
}

#[test]
fn a_match_has_all_its_conditions() {
    check_match(
        "name: m\nuri: {prefix: /a}\nignoreUriCase: true\nmethod: {exact: GET}\nscheme: {exact: https}\nauthority: {regex: a.*}\nport: 80\nsourceLabels: {app: x}\nsourceNamespace: web",
        &HttpMatch {
            name: "m".into(),
            uri: Some(StringMatch::Prefix("/a".into())),
            ignore_uri_case: true,
            method: Some(exact("GET")),
            scheme: Some(exact("https")),
            authority: Some(StringMatch::Regex("a.*".into())),
            client: ClientMatch {
                port: Some(80),
                source_labels: [("app", "x")].into_iter().collect(),
                source_namespace: Some("web".into()),
                gateways: Vec::new(),
            },
            ..HttpMatch::default()
        },
    );
}

#[test]
fn a_match_with_gateways_does_not_look_at_the_client() {
    let service = resolved(
        "hosts: [a]\ngateways: [mesh, gw]\nhttp:\n- match: [{gateways: [gw], sourceLabels: {app: x}}]\n  route: [{destination: {host: b}}]",
    );
    let expected = ClientMatch { gateways: vec![gateway("shop", "gw")], ..ClientMatch::default() };
    assert_eq!(service.http[0].matches, [HttpMatch { client: expected, ..HttpMatch::default() }]);
}

fn check_weights(destinations: &str, expected: &[(&str, u32)]) {
    let HttpAction::Route { destinations, .. } = route(&format!("route: {destinations}")).action else {
        panic!("the route has destinations");
    };
    let found: Vec<_> = destinations.iter().map(|to| (to.destination.host.as_str(), to.weight)).collect();
    assert_eq!(found, expected);
}

#[test]
fn the_weight_of_a_single_destination_is_ignored() {
    check_weights("[{destination: {host: b.c}, weight: 0}]", &[("b.c", 1)]);
    check_weights("[{destination: {host: b.c}, weight: 7}]", &[("b.c", 1)]);
    check_weights("[{destination: {host: b.c}}]", &[("b.c", 1)]);
}

#[test]
fn zero_weights_vanish_among_several() {
    check_weights(
        "[{destination: {host: b.c}, weight: 90}, {destination: {host: d.e}, weight: 0}, {destination: {host: f.g}, weight: 10}]",
        &[("b.c", 90), ("f.g", 10)],
    );
}

#[test]
fn destinations_have_full_names_subsets_and_ports() {
    let route = route("route: [{destination: {host: b, subset: v1, port: {number: 80}}}]");
    let HttpAction::Route { destinations, .. } = route.action else { panic!("the route has destinations") };
    let expected = Destination {
        host: Host::new("b.shop.svc.cluster.local"),
        subset: Some("v1".into()),
        port: Some(80),
    };
    assert_eq!(destinations[0].destination, expected);
}

#[test]
fn shares_are_cut_off_below_a_millionth() {
    for (percent, millionths) in
        [(0.1, 1_000), (100.0, 1_000_000), (0.000_01, 0), (33.333_33, 333_333), (-1.0, 0), (250.0, 1_000_000)]
    {
        assert_eq!(Percent::of(percent), Percent { millionths }, "{percent}");
    }
}

#[test]
fn faults_carry_their_share() {
    let fault = forwarding(
        "fault: {delay: {percentage: {value: 0.1}, fixedDelay: 5s}, abort: {httpStatus: 503, percentage: {value: 10}}}",
    )
    .fault;
    let expected = Fault {
        delay: Some((Duration::from_secs(5), Percent { millionths: 1_000 })),
        abort: Some((AbortStatus::Http(503), Percent { millionths: 100_000 })),
    };
    assert_eq!(fault, Some(expected));
}

#[test]
fn grpc_aborts_have_the_number_of_their_name() {
    let fault = forwarding("fault: {abort: {grpcStatus: UNAVAILABLE, percentage: {value: 100}}}").fault;
    assert_eq!(fault.and_then(|fault| fault.abort), Some((AbortStatus::Grpc(14), Percent::FULL)));
}

#[test]
fn a_delay_without_a_share_delays_nothing() {
    let fault = forwarding("fault: {delay: {fixedDelay: 1s}}").fault;
    assert_eq!(
        fault.and_then(|fault| fault.delay),
        Some((Duration::from_secs(1), Percent { millionths: 0 }))
    );
}

#[test]
fn mirrors_copy_everything_unless_told_and_none_at_zero() {
    let copies = |lines: &str| {
        forwarding(lines)
            .mirrors
            .iter()
            .map(|m| (m.destination.host.to_string(), m.percent.millionths))
            .collect::<Vec<_>>()
    };
    assert_eq!(copies("mirror: {host: c.d}"), [("c.d".into(), 1_000_000)]);
    assert_eq!(copies("mirror: {host: c.d}\nmirrorPercentage: {value: 0.5}"), [("c.d".into(), 5_000)]);
    assert_eq!(copies("mirror: {host: c.d}\nmirrorPercentage: {value: 0}"), []);
    assert_eq!(
        copies("mirrors: [{destination: {host: c.d}}, {destination: {host: e.f}, percentage: {value: 25}}]"),
        [("c.d".into(), 1_000_000), ("e.f".into(), 250_000)]
    );
}

#[test]
fn retries_keep_what_is_asked_for() {
    let retries =
        forwarding("retries: {attempts: 3, perTryTimeout: 2s, retryOn: '503', backoff: 10ms}").retries;
    let expected = Retries {
        attempts: 3,
        per_try_timeout: Some(Duration::from_secs(2)),
        retry_on: Some("503".into()),
        remote_localities: false,
        ignore_previous_hosts: true,
        backoff: Some(Duration::from_millis(10)),
    };
    assert_eq!(retries, Some(expected));
    assert_eq!(forwarding("retries: {attempts: 0}").retries.map(|retries| retries.attempts), Some(0));
    assert_eq!(forwarding("timeout: 10s").retries, None);
}

#[test]
fn a_timeout_of_zero_is_none() {
    assert_eq!(forwarding("timeout: 10s").timeout, Some(Duration::from_secs(10)));
    let zero = api::HttpRoute {
        route: vec![api::HttpRouteDestination::default()],
        timeout: Some(api::ProtoDuration::default()),
        ..Default::default()
    };
    let spec = api::VirtualServiceSpec { hosts: vec!["a".into()], http: vec![zero], ..Default::default() };
    let object = Config::new(ConfigKey::new(Kind::VirtualService, "shop", "vs"), spec);
    assert_eq!(resolve(&object, "cluster.local", &Visibility::Public).http[0].timeout, None);
}

#[test]
fn redirects_default_to_301_and_the_port_of_the_protocol() {
    let HttpAction::Redirect(redirect) = route("redirect: {uri: /b, authority: b.com}").action else {
        panic!("the route redirects");
    };
    let expected = Redirect {
        uri: Some("/b".into()),
        uri_prefix: None,
        authority: Some("b.com".into()),
        scheme: None,
        port: RedirectPort::Default,
        status: 301,
    };
    assert_eq!(redirect, expected);
    let HttpAction::Redirect(redirect) =
        route("redirect: {derivePort: FROM_REQUEST_PORT, redirectCode: 308}").action
    else {
        panic!("the route redirects");
    };
    assert_eq!((redirect.port, redirect.status), (RedirectPort::FromRequest, 308));
}

#[test]
fn direct_responses_have_a_text_or_bytes() {
    let action = |body: &str| route(&format!("directResponse: {{status: 503{body}}}")).action;
    let response = |body: &[u8]| HttpAction::DirectResponse { status: 503, body: body.into() };
    assert_eq!(action(""), response(b""));
    assert_eq!(action(", body: {string: sorry}"), response(b"sorry"));
    assert_eq!(action(", body: {bytes: c29ycnk=}"), response(b"sorry"));
}

#[test]
fn cors_forwards_unmatched_preflights_unless_told() {
    let cors = |lines: &str| forwarding(&format!("corsPolicy: {lines}")).cors.expect("there is a policy");
    let policy = cors("{allowOrigins: [{exact: 'https://a.com'}], maxAge: 24h, allowCredentials: true}");
    assert_eq!(policy.allow_origins, [exact("https://a.com")]);
    assert_eq!(policy.max_age, Some(Duration::from_secs(86_400)));
    assert_eq!((policy.allow_credentials, policy.forward_unmatched_preflights), (Some(true), true));
    let policy = cors("{allowOrigins: [{exact: 'https://a.com'}], unmatchedPreflights: IGNORE}");
    assert!(!policy.forward_unmatched_preflights);
}

#[test]
fn tls_and_tcp_routes_have_their_matches() {
    let service = resolved(
        "hosts: [a.com, '*.b.com']\ntls:\n- match: [{port: 443, sniHosts: [A.com, '*.b.com']}]\n  route: [{destination: {host: a.com}}]\ntcp:\n- match: [{destinationSubnets: [10.1.2.3/16, 10.0.0.1], port: 27017, sourceNamespace: web}]\n  route: [{destination: {host: b}, weight: 30}, {destination: {host: c}, weight: 70}]",
    );
    let tls = &service.tls[0].matches[0];
    assert_eq!(
        (tls.port, tls.sni_hosts.as_slice()),
        (Some(443), [Host::new("a.com"), Host::new("*.b.com")].as_slice())
    );
    let tcp = &service.tcp[0];
    let subnets: Vec<String> = tcp.matches[0].destination_subnets.iter().map(ToString::to_string).collect();
    assert_eq!(subnets, ["10.1.0.0/16", "10.0.0.1/32"]);
    assert_eq!(tcp.matches[0].source_namespace, Some("web".into()));
    let weights: Vec<u32> = tcp.destinations.iter().map(|(_, weight)| *weight).collect();
    assert_eq!(weights, [30, 70]);
}

#[test]
fn a_route_that_delegates_is_left_out() {
    let service = resolved("hosts: [a]\nhttp:\n- delegate: {name: b}\n- redirect: {uri: /x}");
    assert_eq!(service.http.iter().map(|route| route.index).collect::<Vec<_>>(), [1]);
}

#[test]
fn a_header_does_not_change_with_weights_and_matches() {
    let header = |weight: u32, uri: &str| {
        RouteSetHeader::of(&resolved(&format!(
            "hosts: [a]\nhttp:\n- match: [{{uri: {{prefix: {uri}}}, sourceLabels: {{app: x}}}}]\n  route: [{{destination: {{host: b}}, weight: {weight}}}, {{destination: {{host: c}}, weight: 1}}]\n  mirror: {{host: d}}"
        )))
    };
    assert_eq!(header(1, "/a"), header(2, "/b"));
    let header = header(1, "/a");
    let destinations: Vec<&str> = header.destinations.iter().map(Host::as_str).collect();
    assert_eq!(
        destinations,
        ["b.shop.svc.cluster.local", "c.shop.svc.cluster.local", "d.shop.svc.cluster.local"]
    );
    assert_eq!(header.source_labels.as_ref(), [("app".into(), "x".into())]);
}
