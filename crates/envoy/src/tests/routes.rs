use std::time::Duration;

use envoy_types::pb::envoy::config::route::v3::{
    RetryPolicy, Route, RouteAction, route_action::HostRewriteSpecifier,
};

use super::golden::check_messages;
use crate::{
    IntoProto,
    extension::{CORS, FAULT},
    http::filter::{Abort, AbortStatus, CorsPolicy, Delay, PerFilterConfig, cors_policy, http_fault},
    matcher::{StringMatch, regex_rewrite},
    metadata::{filter_metadata, string_struct},
    route::{
        Action, Body, HeaderAppendAction, HeaderMatch, PathMatch, QueryMatch, Redirect, RedirectPath,
        RedirectResponseCode, Upstream, cluster_weight, forward, header, header_matcher, host_rewrite,
        policy::{HashCookie, HashOn, Retry, hash_policy, max_stream_duration, mirror, retry_policy},
        query_parameter, route, route_configuration, route_match, virtual_host,
    },
    wkt::{fractional_percent, whole_percent},
};

fn text(s: &str) -> String {
    s.to_owned()
}

fn to(cluster: &str) -> RouteAction {
    forward(Upstream::Cluster(text(cluster)))
}

fn prefix() -> PathMatch {
    PathMatch::Prefix(text("/"))
}

fn matches() -> Vec<Route> {
    let mut all = route_match(PathMatch::Regex("/a.*".into()));
    all.case_sensitive = Some(false.into_proto());
    all.headers = vec![
        header_matcher("a", HeaderMatch::Present),
        header_matcher("b", HeaderMatch::Absent),
        header_matcher("c", HeaderMatch::Is(StringMatch::Exact(text("jason")))),
        header_matcher("d", HeaderMatch::Is(StringMatch::Suffix(text("x")))),
        header_matcher("e", HeaderMatch::IsNot(StringMatch::Regex("x+".into()))),
        header_matcher("f", HeaderMatch::Is(StringMatch::Contains(text("x")))),
    ];
    all.query_parameters = vec![
        query_parameter("p", QueryMatch::Present),
        query_parameter("q", QueryMatch::Is(StringMatch::Prefix(text("x")))),
    ];
    vec![
        route("exact", route_match(PathMatch::Exact(text("/a"))), to("c").into()),
        route("separated", route_match(PathMatch::PathSeparatedPrefix(text("/a"))), to("c").into()),
        route("regex", all, to("c").into()),
    ]
}

fn forwarding() -> Route {
    let mut heavy = cluster_weight("b", 90);
    heavy.request_headers_to_add.push(header("x-b", "1", HeaderAppendAction::AddIfAbsent));
    heavy.configure_filter(FAULT, &http_fault(None, None));
    let mut action = forward(Upstream::Weighted(vec![cluster_weight("a", 10), heavy]));
    action.timeout = Some(Duration::ZERO.into_proto());
    action.max_stream_duration = Some(max_stream_duration(None, Some(Duration::ZERO)));
    action.retry_policy = Some(retry_policy(Retry {
        retry_on: text("connect-failure,retriable-status-codes"),
        num_retries: Some(3),
        per_try_timeout: Some(Duration::from_secs(2)),
        retriable_status_codes: vec![503],
        back_off: Some((Duration::from_millis(25), Some(Duration::from_millis(250)))),
        avoid_previous_hosts: Some(5),
        host_selection_attempts: None,
        avoid_previous_priorities: Some(2),
    }));
    action.hash_policy = [
        HashOn::Header(text("x-user")),
        HashOn::Cookie(HashCookie {
            name: text("session"),
            path: Some(text("/")),
            ttl: Some(Duration::ZERO),
            attributes: vec![(text("SameSite"), text("Lax"))],
        }),
        HashOn::SourceIp,
        HashOn::QueryParameter(text("user")),
    ]
    .map(hash_policy)
    .into();
    action.request_mirror_policies = vec![mirror("shadow", fractional_percent(0.1))];
    action.regex_rewrite = Some(regex_rewrite("/(a)", r"/b/\1"));
    action.host_rewrite_specifier = Some(host_rewrite("other.example.com"));

    let mut route = route("forward", route_match(prefix()), action.into());
    route.request_headers_to_add = vec![
        header("x-set", "%PROTOCOL%", HeaderAppendAction::OverwriteIfExistsOrAdd),
        header("x-add", "1", HeaderAppendAction::AppendIfExistsOrAdd),
        header("x-if", "1", HeaderAppendAction::OverwriteIfExists),
    ];
    route.response_headers_to_remove = vec![text("x-gone")];
    route.metadata = Some(filter_metadata([("ns", string_struct([("from", "here")]))]));
    route.configure_filter(
        FAULT,
        &http_fault(
            Some(Delay { duration: Duration::from_secs(5), percentage: fractional_percent(0.1) }),
            Some(Abort { status: AbortStatus::Http(400), percentage: whole_percent(1) }),
        ),
    );
    route.configure_filter(
        CORS,
        &cors_policy(CorsPolicy {
            allow_origins: vec![StringMatch::Exact(text("https://example.com"))],
            allow_methods: vec![text("GET"), text("PUT")],
            allow_headers: vec![text("x-a")],
            expose_headers: vec![text("x-b")],
            max_age: Some(Duration::from_secs(86_400)),
            allow_credentials: Some(true),
            forward_not_matching_preflights: Some(false),
        }),
    );
    route
}

fn answers() -> Vec<Route> {
    let redirect = Redirect {
        scheme: Some(text("https")),
        host: Some(text("example.com")),
        port: Some(8443),
        path: Some(RedirectPath::Full(text("/new"))),
        code: RedirectResponseCode::PermanentRedirect,
        strip_query: true,
    };
    let by_prefix = Redirect { path: Some(RedirectPath::Prefix(text("/new"))), ..Redirect::default() };
    let body = |body| Action::DirectResponse { status: 503, body: Some(body) };
    let mut by_dns = forward(Upstream::ClusterHeader(text("x-cluster")));
    by_dns.host_rewrite_specifier = Some(HostRewriteSpecifier::AutoHostRewrite(true.into_proto()));
    vec![
        route("redirect", route_match(prefix()), Action::Redirect(redirect)),
        route("redirect-prefix", route_match(prefix()), Action::Redirect(by_prefix)),
        route("text", route_match(prefix()), body(Body::Text(text("no")))),
        route("bytes", route_match(prefix()), body(Body::Bytes(vec![0, 1]))),
        route("header", route_match(prefix()), by_dns.into()),
    ]
}

#[test]
fn a_route_table() {
    let table = route_configuration(
        "80",
        [
            virtual_host("matches", ["a.example.com", "a.example.com:80"], matches()),
            virtual_host("forward", ["b.example.com"], [forwarding()]),
            virtual_host("answers", ["*"], answers()),
        ],
    );
    check_messages("route-table", &[table]);
}

#[test]
fn a_retry_without_anything_is_envoys_default() {
    assert_eq!(retry_policy(Retry::default()), RetryPolicy::default());
}

#[test]
fn grpc_aborts_have_a_grpc_status() {
    let abort = Abort { status: AbortStatus::Grpc(14), percentage: whole_percent(100) };
    check_messages("fault-grpc", &[http_fault(None, Some(abort))]);
}

#[test]
fn case_is_told_apart() {
    let matcher: envoy_types::pb::envoy::r#type::matcher::v3::StringMatcher =
        StringMatch::Exact(text("a")).into();
    assert!(!matcher.ignore_case);
}
