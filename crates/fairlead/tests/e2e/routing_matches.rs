//! Which requests a route of a VirtualService takes.

use fairlead_lab::client::Request;
use http::Method;

use crate::{
    harness::{Egress, Proxy, claims::claims},
    shop::{NAMESPACE, OTHER_PORT, PORT, Shop, V1, V2, get, request, virtual_service},
};

struct Matching {
    shop: Shop,
    /// A client in another namespace, with another label.
    stranger: Proxy,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn routes_take_the_requests_that_match() {
    let shop = Shop::open().await;
    let egress = [Egress::http(PORT), Egress::http(OTHER_PORT)];
    let stranger = shop.mesh.client("stranger", "elsewhere", &egress).await;
    let matching = Matching { shop, stranger };
    claims!(&matching;
        an_exact_uri_is_the_whole_path,
        a_prefix_of_a_uri_is_one_of_characters,
        a_regex_of_a_uri_is_of_the_whole_path,
        the_case_of_a_uri_is_ignored_if_asked_for,
        methods_match,
        authorities_match,
        schemes_match,
        headers_match_by_value_beginning_expression_and_presence,
        headers_that_must_not_be_there_exclude,
        query_parameters_match,
        a_port_limits_a_route_to_its_listener,
        source_labels_limit_a_route_to_clients,
        a_source_namespace_limits_a_route_to_clients,
        the_gateway_mesh_is_every_sidecar,
        conditions_of_one_match_all_hold,
        one_of_several_matches_is_enough,
        the_first_route_that_matches_wins,
        hosts_match_in_short_and_in_full,
        a_name_with_a_dot_is_not_a_short_name,
        the_most_specific_host_owns_a_service,
        the_oldest_of_two_owners_wins,
        a_request_without_a_route_is_not_found,
    );
    matching.shop.client.assert_clean().await;
    matching.stranger.assert_clean().await;
}

async fn an_exact_uri_is_the_whole_path(Matching { shop, .. }: &Matching) {
    let hits = [get("/exact"), get("/exact?a=b")];
    let misses = [get("/exact/"), get("/exactly"), get("/"), get("/Exact"), get("/a/exact")];
    shop.check_match("[{uri: {exact: /exact}}]", &hits, &misses).await;
}

async fn a_prefix_of_a_uri_is_one_of_characters(Matching { shop, .. }: &Matching) {
    let hits = [get("/foo"), get("/foobar"), get("/foo/bar")];
    shop.check_match("[{uri: {prefix: /foo}}]", &hits, &[get("/fo"), get("/Foo"), get("/a/foo")]).await;
}

async fn a_regex_of_a_uri_is_of_the_whole_path(Matching { shop, .. }: &Matching) {
    let hits = [get("/items/42"), get("/items/7?x=y")];
    let misses = [get("/items/"), get("/items/42/parts"), get("/a/items/42")];
    shop.check_match("[{uri: {regex: '/items/[0-9]+'}}]", &hits, &misses).await;
}

async fn the_case_of_a_uri_is_ignored_if_asked_for(Matching { shop, .. }: &Matching) {
    let hits = [get("/case"), get("/CASE/x"), get("/cAsEs")];
    shop.check_match("[{uri: {prefix: /Case}, ignoreUriCase: true}]", &hits, &[get("/cas")]).await;
    let misses = [get("/CASE"), get("/cases")];
    shop.check_match("[{uri: {exact: /Case}, ignoreUriCase: false}]", &[get("/Case")], &misses).await;
}

async fn methods_match(Matching { shop, .. }: &Matching) {
    let misses = [get("/"), request(Method::PUT, "/")];
    shop.check_match("[{method: {exact: POST}}]", &[request(Method::POST, "/")], &misses).await;
    let hits = [request(Method::PUT, "/"), request(Method::POST, "/")];
    shop.check_match("[{method: {regex: 'P(U|OS)T'}}]", &hits, &[get("/")]).await;
}

async fn authorities_match(Matching { shop, .. }: &Matching) {
    let (short, full) = ([get("/")], [Request::get("/").host("reviews.shop")]);
    shop.check_match("[{authority: {exact: reviews.shop}}]", &full, &short).await;
    shop.check_match("[{authority: {prefix: reviews.}}]", &full, &short).await;
}

async fn schemes_match(Matching { shop, .. }: &Matching) {
    shop.check_match("[{scheme: {exact: http}}]", &[get("/")], &[]).await;
    shop.check_match("[{scheme: {exact: https}}]", &[], &[get("/")]).await;
}

async fn headers_match_by_value_beginning_expression_and_presence(Matching { shop, .. }: &Matching) {
    let with = |value| get("/").header("x-user", value);
    let none = get("/");
    let misses = [with("Jason"), with("jason2"), none.clone()];
    shop.check_match("[{headers: {x-user: {exact: jason}}}]", &[with("jason")], &misses).await;
    let hits = [with("jas"), with("jason")];
    shop.check_match("[{headers: {x-user: {prefix: jas}}}]", &hits, &[with("ja"), none.clone()]).await;
    let misses = [with("u"), with("au1"), with("u1b"), none.clone()];
    shop.check_match("[{headers: {x-user: {regex: 'u[0-9]+'}}}]", &[with("u17")], &misses).await;
    shop.check_match("[{headers: {x-user: {}}}]", &[with("anyone"), with("x")], &[none]).await;
}

async fn headers_that_must_not_be_there_exclude(Matching { shop, .. }: &Matching) {
    let with = |value| get("/").header("x-beta", value);
    let hits = [get("/"), with("no")];
    shop.check_match("[{withoutHeaders: {x-beta: {exact: 'yes'}}}]", &hits, &[with("yes")]).await;
    shop.check_match("[{withoutHeaders: {x-beta: {}}}]", &[get("/")], &[with("yes"), with("no")]).await;
    let hits = [get("/"), with("a")];
    shop.check_match("[{withoutHeaders: {x-beta: {regex: '[0-9]+'}}}]", &hits, &[with("42")]).await;
}

async fn query_parameters_match(Matching { shop, .. }: &Matching) {
    let misses = [get("/"), get("/?q=two"), get("/?q=one1"), get("/?p=one")];
    shop.check_match("[{queryParams: {q: {exact: one}}}]", &[get("/?q=one"), get("/?a=b&q=one")], &misses)
        .await;
    let misses = [get("/?q=v"), get("/?q=v1b"), get("/")];
    shop.check_match("[{queryParams: {q: {regex: 'v[0-9]+'}}}]", &[get("/?q=v12")], &misses).await;
    let misses = [get("/?p=v1"), get("/")];
    shop.check_match("[{queryParams: {q: {prefix: v}}}]", &[get("/?q=v12"), get("/?q=v")], &misses).await;
}

async fn a_port_limits_a_route_to_its_listener(Matching { shop, .. }: &Matching) {
    shop.split(&format!("[{{port: {OTHER_PORT}}}]")).await;
    assert!(shop.matches_at(&shop.client, OTHER_PORT, &get("/")).await);
    assert!(!shop.matches_at(&shop.client, PORT, &get("/")).await);
}

async fn source_labels_limit_a_route_to_clients(Matching { shop, stranger }: &Matching) {
    shop.split("[{sourceLabels: {app: stranger}}]").await;
    let full = Request::get("/").host("reviews.shop");
    assert!(shop.matches_at(stranger, PORT, &full).await);
    assert!(!shop.matches_at(&shop.client, PORT, &full).await);
}

async fn a_source_namespace_limits_a_route_to_clients(Matching { shop, stranger }: &Matching) {
    shop.split(&format!("[{{sourceNamespace: {NAMESPACE}}}]")).await;
    let full = Request::get("/").host("reviews.shop");
    assert!(!shop.matches_at(stranger, PORT, &full).await);
    assert!(shop.matches_at(&shop.client, PORT, &full).await);
}

async fn the_gateway_mesh_is_every_sidecar(Matching { shop, .. }: &Matching) {
    shop.check_match("[{gateways: [mesh], uri: {prefix: /mesh}}]", &[get("/mesh")], &[get("/")]).await;
    shop.check_match("[{gateways: [entrance], uri: {prefix: /mesh}}]", &[], &[get("/mesh"), get("/")]).await;
}

async fn conditions_of_one_match_all_hold(Matching { shop, .. }: &Matching) {
    let all = "[{uri: {prefix: /all}, method: {exact: GET}, headers: {x-a: {exact: '1'}}, queryParams: {q: {exact: '2'}}}]";
    let complete = get("/all?q=2").header("x-a", "1");
    let misses = [
        get("/al?q=2").header("x-a", "1"),
        request(Method::POST, "/all?q=2").header("x-a", "1"),
        get("/all?q=2").header("x-a", "2"),
        get("/all?q=1").header("x-a", "1"),
    ];
    shop.check_match(all, &[complete], &misses).await;
}

async fn one_of_several_matches_is_enough(Matching { shop, .. }: &Matching) {
    let any = "[{uri: {prefix: /one}}, {headers: {x-two: {exact: '2'}}}]";
    let hits = [get("/one"), get("/").header("x-two", "2"), get("/one").header("x-two", "2")];
    shop.check_match(any, &hits, &[get("/"), get("/two")]).await;
}

async fn the_first_route_that_matches_wins(Matching { shop, .. }: &Matching) {
    let first = format!("- match: [{{uri: {{prefix: /a}}}}]\n  route: {V2}\n");
    let second = format!("- match: [{{uri: {{prefix: /a/b}}}}]\n  route: {V1}\n");
    shop.routes(&format!("{first}{second}- route: {V1}\n")).await;
    assert!(shop.matches(&get("/a/b")).await);
    shop.routes(&format!("{second}{first}- route: {V1}\n")).await;
    assert!(!shop.matches(&get("/a/b")).await);
    assert!(shop.matches(&get("/a/c")).await);
}

async fn hosts_match_in_short_and_in_full(Matching { shop, stranger }: &Matching) {
    shop.split("[{uri: {prefix: /}}]").await;
    let names = ["reviews", "reviews.shop", "reviews.shop.svc", "reviews.shop.svc.cluster.local"];
    for name in names.into_iter().chain(["reviews:8080", "reviews.shop.svc.cluster.local:8080"]) {
        assert!(shop.matches(&Request::get("/").host(name)).await, "{name}");
    }
    for name in &names[1..] {
        assert!(shop.matches_at(stranger, PORT, &Request::get("/").host(name)).await, "{name}");
    }
    let short = stranger.get(PORT, "reviews", "/").await;
    assert_eq!(short.status, 502, "a short name is one of the client's own namespace");
    // The host may be written in full.
    let full = virtual_service("reviews", "[reviews.shop.svc.cluster.local]", &format!("- route: {V2}\n"));
    shop.mesh.apply("routes.yaml", &full).await;
    assert!(shop.matches(&get("/")).await);
}

async fn a_name_with_a_dot_is_not_a_short_name(Matching { shop, .. }: &Matching) {
    let dotted = virtual_service("reviews", "[reviews.shop]", &format!("- route: {V2}\n"));
    shop.mesh.apply("routes.yaml", &dotted).await;
    let report =
        shop.client.load(PORT, 60, |_| Request::get("/").host("reviews.shop.svc.cluster.local")).await;
    assert!(
        report.by_version("v1") > 0 && report.by_version("v3") > 0,
        "the routes are not of reviews: {report}"
    );
}

async fn the_most_specific_host_owns_a_service(Matching { shop, .. }: &Matching) {
    let wide = virtual_service("wide", "['*.shop.svc.cluster.local']", &format!("- route: {V2}\n"));
    shop.mesh.publish("routes.yaml", "").await;
    shop.mesh.apply("wide.yaml", &wide).await;
    assert!(shop.matches(&get("/")).await, "a wildcard owns what nothing else names");
    shop.routes(&format!("- route: {V1}\n")).await;
    assert!(!shop.matches(&get("/")).await, "an exact host goes before a wildcard");
    shop.mesh.remove("wide.yaml").await;
}

async fn the_oldest_of_two_owners_wins(Matching { shop, .. }: &Matching) {
    let owner = |name: &str, created: &str, route: &str| {
        virtual_service(name, "[reviews]", &format!("- route: {route}\n"))
            .replace("namespace: shop}", &format!("namespace: shop, creationTimestamp: \"{created}\"}}"))
    };
    let young = owner("a-young", "2026-02-02T00:00:00Z", V1);
    let old = owner("b-old", "2026-01-01T00:00:00Z", V2);
    shop.mesh.apply("routes.yaml", &format!("{young}---\n{old}")).await;
    assert!(shop.matches(&get("/")).await, "the one that is older is not merged with the other");
    shop.mesh.apply("routes.yaml", &young).await;
    assert!(!shop.matches(&get("/")).await);
}

async fn a_request_without_a_route_is_not_found(Matching { shop, .. }: &Matching) {
    shop.routes(&format!("- match: [{{uri: {{exact: /only}}}}]\n  route: {V1}\n")).await;
    assert_eq!(shop.get("/only").await.status, 200);
    assert_eq!(shop.get("/other").await.status, 404);
}
