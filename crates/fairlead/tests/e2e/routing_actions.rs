//! What a route of a VirtualService does with a request.

use std::time::{Duration, Instant};

use fairlead_lab::{deadline::eventually, load::within};
use fairlead_testkit::app::{Echo, Script};
use http::StatusCode;

use crate::{
    cors,
    harness::claims::claims,
    shop::{PORT, Shop, V1, get},
};

/// How far from its share a count may be: a correct share fails once in about 16,000 times.
const SIGMAS: f64 = 4.0;
/// How much sooner a timer of Envoy may end: it counts from when the event loop began to turn.
const EARLY: Duration = Duration::from_millis(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn routes_do_what_they_say() {
    let shop = Shop::open().await;
    claims!(&shop;
        weights_divide_requests,
        weights_need_not_sum_to_a_hundred_and_zero_is_none,
        a_rewrite_replaces_the_prefix_that_matched,
        a_rewrite_by_expression_replaces_what_it_finds,
        a_rewrite_replaces_the_authority,
        a_redirect_names_another_place,
        a_redirect_changes_only_what_it_names,
        a_direct_response_reaches_no_server,
        a_timeout_ends_a_slow_request,
        retries_are_counted_and_end,
        retries_are_for_what_they_name,
        each_try_has_its_own_timeout,
        an_abort_takes_its_share,
        an_abort_of_all_reaches_no_server,
        an_abort_may_be_one_of_grpc,
        a_delay_takes_its_share,
        a_mirror_gets_a_copy_of_its_share,
        shares_in_their_old_fields_count,
        several_mirrors_get_a_copy_each,
        request_headers_are_set_added_and_removed,
        response_headers_are_set_added_and_removed,
        headers_of_a_destination_are_for_that_destination,
        cors::a_preflight_is_answered_for_the_server,
        cors::an_answer_says_who_may_read_it,
        cors::a_foreign_origin_gets_no_permission,
        cors::origins_match_by_expression,
        cors::a_foreign_preflight_is_ignored_if_asked_for,
    );
    shop.client.assert_clean().await;
}

async fn weights_divide_requests(shop: &Shop) {
    shop.routes("- route: [{destination: {host: reviews, subset: v1}, weight: 90}, {destination: {host: reviews, subset: v2}, weight: 10}]").await;
    let report = shop.client.load(PORT, 1_000, |_| get("/")).await;
    report.all_ok().unwrap();
    within(0.1, 1_000, report.by_version("v2"), SIGMAS).unwrap();
    assert_eq!(report.by_version("v1") + report.by_version("v2"), 1_000, "{report}");
}

async fn weights_need_not_sum_to_a_hundred_and_zero_is_none(shop: &Shop) {
    shop.routes("- route: [{destination: {host: reviews, subset: v1}, weight: 1}, {destination: {host: reviews, subset: v2}, weight: 3}, {destination: {host: reviews, subset: v3}, weight: 0}]").await;
    let report = shop.client.load(PORT, 800, |_| get("/")).await;
    within(0.75, 800, report.by_version("v2"), SIGMAS).unwrap();
    assert_eq!(report.by_version("v3"), 0, "{report}");
}

async fn a_rewrite_replaces_the_prefix_that_matched(shop: &Shop) {
    shop.routes(&format!(
        "- match: [{{uri: {{prefix: /old/}}}}]\n  rewrite: {{uri: /new/}}\n  route: {V1}\n- match: [{{uri: {{exact: /whole}}}}]\n  rewrite: {{uri: /part}}\n  route: {V1}\n"
    ))
    .await;
    for (path, seen) in [("/old/a/b?q=1", "/new/a/b?q=1"), ("/whole", "/part"), ("/whole?q=2", "/part?q=2")] {
        let echo = shop.get(path).await.json::<Echo>().unwrap();
        assert_eq!((echo.path.as_str(), echo.headers["x-envoy-original-path"].as_str()), (seen, path));
    }
}

async fn a_rewrite_by_expression_replaces_what_it_finds(shop: &Shop) {
    shop.routes(&format!(
        "- rewrite: {{uriRegexRewrite: {{match: '^/service/([^/]+)(/.*)$', rewrite: '\\2/instance/\\1'}}}}\n  route: {V1}\n"
    ))
    .await;
    let echo = shop.get("/service/foo/v1/api").await.json::<Echo>().unwrap();
    assert_eq!(echo.path, "/v1/api/instance/foo");
    assert_eq!(shop.get("/other").await.json::<Echo>().unwrap().path, "/other");
}

async fn a_rewrite_replaces_the_authority(shop: &Shop) {
    shop.routes(&format!("- rewrite: {{authority: inner.example.com}}\n  route: {V1}\n")).await;
    let echo = shop.get("/a").await.json::<Echo>().unwrap();
    assert_eq!((echo.authority.as_str(), echo.path.as_str()), ("inner.example.com", "/a"));
}

async fn a_redirect_names_another_place(shop: &Shop) {
    shop.reset();
    shop.routes(
        "- redirect: {uri: /there, authority: other.example.com, scheme: https, port: 8443, redirectCode: 307}",
    )
    .await;
    let answer = shop.get("/here?q=1").await;
    let location = answer.header("location").map(str::to_owned);
    assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(location.as_deref(), Some("https://other.example.com:8443/there?q=1"));
    assert_eq!(shop.counts("/here"), [0, 0, 0]);
}

async fn a_redirect_changes_only_what_it_names(shop: &Shop) {
    for (redirect, status, location) in [
        ("{uri: /there}", 301, "http://reviews/there"),
        ("{authority: other}", 301, "http://other/here"),
        ("{scheme: https}", 301, "https://reviews/here"),
        ("{port: 8443, redirectCode: 302}", 302, "http://reviews:8443/here"),
        ("{uri: /there, redirectCode: 308}", 308, "http://reviews/there"),
        (
            "{authority: other, derivePort: FROM_REQUEST_PORT, redirectCode: 303}",
            303,
            "http://other:8080/here",
        ),
    ] {
        shop.routes(&format!("- redirect: {redirect}")).await;
        let answer = shop.get("/here").await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("location")),
            (status, Some(location)),
            "{redirect}"
        );
    }
}

async fn a_direct_response_reaches_no_server(shop: &Shop) {
    shop.reset();
    shop.routes(&format!(
        "- match: [{{uri: {{prefix: /closed}}}}]\n  directResponse: {{status: 451, body: {{string: not here}}}}\n- route: {V1}\n"
    ))
    .await;
    let answer = shop.get("/closed").await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (451, "not here"));
    assert_eq!(shop.counts("/closed"), [0, 0, 0]);
    assert_eq!(shop.get("/open").await.status, StatusCode::OK);
}

async fn a_timeout_ends_a_slow_request(shop: &Shop) {
    shop.reset();
    shop.servers[0].app.script("/slow", Script::echo().delay(Duration::from_millis(1_500)));
    shop.routes(&format!(
        "- match: [{{uri: {{exact: /slow/limited}}}}]\n  timeout: 200ms\n  retries: {{attempts: 0}}\n  route: {V1}\n- route: {V1}\n"
    ))
    .await;
    let began = Instant::now();
    let (limited, free) = tokio::join!(async { (shop.get("/slow/limited").await, began.elapsed()) }, async {
        (shop.get("/slow/free").await, began.elapsed())
    },);
    assert_eq!(limited.0.status, StatusCode::GATEWAY_TIMEOUT);
    let waited = limited.1 + EARLY;
    assert!(waited >= Duration::from_millis(200) && waited < Duration::from_millis(1_400), "{waited:?}");
    assert_eq!(free.0.status, StatusCode::OK, "without a timeout a slow answer is waited for");
    assert!(free.1 >= Duration::from_millis(1_500), "{:?}", free.1);
    assert_eq!(shop.counts("/slow/limited"), [1, 0, 0]);
    shop.reset();
}

async fn retries_are_counted_and_end(shop: &Shop) {
    let fails = |times| Script::echo().fail_first(times, StatusCode::INTERNAL_SERVER_ERROR);
    shop.routes(&format!("- retries: {{attempts: 2, retryOn: 5xx, backoff: 5ms}}\n  route: {V1}\n")).await;
    for (failures, status, tries) in [(0, 200, 1), (1, 200, 2), (2, 200, 3), (3, 500, 3)] {
        shop.reset();
        shop.servers[0].app.script("/", fails(failures));
        assert_eq!(shop.get("/try").await.status.as_u16(), status, "{failures} failures");
        assert_eq!(shop.counts("/try"), [tries, 0, 0], "{failures} failures");
    }
    shop.routes(&format!("- retries: {{attempts: 0}}\n  route: {V1}\n")).await;
    shop.reset();
    shop.servers[0].app.script("/", Script::echo().fail_first(1, StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!((shop.get("/try").await.status.as_u16(), shop.counts("/try")), (503, vec![1, 0, 0]));
    shop.reset();
}

async fn retries_are_for_what_they_name(shop: &Shop) {
    for (retry_on, failure, tries) in [
        ("5xx", 500, 3),
        ("gateway-error", 500, 1),
        ("gateway-error", 503, 3),
        ("retriable-4xx", 409, 3),
        ("retriable-4xx", 404, 1),
        ("'418'", 418, 3),
        ("'418'", 500, 1),
        ("'gateway-error,418'", 502, 3),
        ("reset", 500, 1),
    ] {
        shop.routes(&format!(
            "- retries: {{attempts: 2, retryOn: {retry_on}, backoff: 5ms}}\n  route: {V1}\n"
        ))
        .await;
        shop.reset();
        shop.servers[0].app.script("/", Script::echo().status(StatusCode::from_u16(failure).unwrap()));
        assert_eq!(shop.get("/try").await.status.as_u16(), failure);
        assert_eq!(shop.counts("/try"), [tries, 0, 0], "{retry_on} of {failure}");
    }
    shop.routes(&format!("- retries: {{attempts: 2, retryOn: reset, backoff: 5ms}}\n  route: {V1}\n")).await;
    shop.reset();
    shop.servers[0].app.script("/", Script::echo().drop_connection());
    assert_eq!(shop.get("/try").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(shop.counts("/try"), [3, 0, 0], "a connection that breaks is a reset");
    shop.reset();
}

async fn each_try_has_its_own_timeout(shop: &Shop) {
    shop.routes(&format!(
        "- retries: {{attempts: 2, perTryTimeout: 150ms, retryOn: 5xx, backoff: 5ms}}\n  timeout: 5s\n  route: {V1}\n"
    ))
    .await;
    shop.reset();
    shop.servers[0].app.script("/", Script::echo().delay(Duration::from_secs(1)));
    let began = Instant::now();
    let answer = shop.get("/try").await;
    assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
    assert!(began.elapsed() + 3 * EARLY >= Duration::from_millis(450), "three tries: {:?}", began.elapsed());
    // A try is counted when its request is complete, which the server may see after the client gave up.
    eventually("three tries", Duration::from_secs(5), || async {
        let tries = shop.counts("/try");
        if tries == [3, 0, 0] { Ok(()) } else { Err(format!("{tries:?}")) }
    })
    .await
    .unwrap();
    shop.reset();
}

async fn an_abort_takes_its_share(shop: &Shop) {
    shop.routes(&format!(
        "- fault: {{abort: {{httpStatus: 418, percentage: {{value: 30}}}}}}\n  route: {V1}\n"
    ))
    .await;
    let report = shop.client.load(PORT, 800, |_| get("/")).await;
    let aborted = report.status(StatusCode::IM_A_TEAPOT);
    within(0.3, 800, aborted, SIGMAS).unwrap();
    assert_eq!(report.status(StatusCode::OK), 800 - aborted, "{report}");
}

async fn an_abort_of_all_reaches_no_server(shop: &Shop) {
    shop.reset();
    shop.routes(&format!(
        "- fault: {{abort: {{httpStatus: 503, percentage: {{value: 100}}}}}}\n  route: {V1}\n"
    ))
    .await;
    let report = shop.client.load(PORT, 50, |_| get("/aborted")).await;
    assert_eq!(report.status(StatusCode::SERVICE_UNAVAILABLE), 50, "{report}");
    assert_eq!(shop.counts("/aborted"), [0, 0, 0]);
}

async fn an_abort_may_be_one_of_grpc(shop: &Shop) {
    shop.routes(&format!(
        "- fault: {{abort: {{grpcStatus: RESOURCE_EXHAUSTED, percentage: {{value: 100}}}}}}\n  route: {V1}\n"
    ))
    .await;
    let answer = shop.send(get("/call").header("content-type", "application/grpc")).await;
    assert_eq!((answer.status, answer.header("grpc-status")), (StatusCode::OK, Some("8")));
}

async fn a_delay_takes_its_share(shop: &Shop) {
    const DELAY: Duration = Duration::from_millis(300).saturating_sub(EARLY);
    shop.routes(&format!(
        "- match: [{{uri: {{prefix: /some}}}}]\n  fault: {{delay: {{fixedDelay: 300ms, percentage: {{value: 25}}}}}}\n  route: {V1}\n- fault: {{delay: {{fixedDelay: 300ms, percentage: {{value: 100}}}}}}\n  route: {V1}\n"
    ))
    .await;
    let report = shop.client.load(PORT, 12, |_| get("/all")).await;
    report.all_ok().unwrap();
    assert!(report.latency(0.0) >= DELAY, "the quickest of all waits: {report}");
    let delayed = delays_injected(shop).await;
    let report = shop.client.load(PORT, 160, |_| get("/some")).await;
    report.all_ok().unwrap();
    let injected = delays_injected(shop).await - delayed;
    within(0.25, 160, injected, SIGMAS).unwrap();
    // The injected delays are what the slow answers waited for.
    #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
    let quick = 1.0 - (injected as f64 - 1.0) / 160.0;
    assert!(report.latency(quick) >= DELAY, "{injected} are delayed: {report}");
}

/// How many delays the client's Envoy has injected.
async fn delays_injected(shop: &Shop) -> u64 {
    shop.client.admin().stats("fault\\.delays_injected$").await.unwrap().values().sum()
}

async fn a_mirror_gets_a_copy_of_its_share(shop: &Shop) {
    shop.routes(&format!(
        "- route: {V1}\n  mirror: {{host: reviews, subset: v2}}\n  mirrorPercentage: {{value: 40}}\n"
    ))
    .await;
    shop.reset();
    let sent = mirrored(shop, "v2").await;
    let report = shop.client.load(PORT, 500, |_| get("/mirrored")).await;
    assert_eq!(report.by_version("v1"), 500, "clients hear nothing of mirrors: {report}");
    let sent = mirrored(shop, "v2").await - sent;
    within(0.4, 500, sent, SIGMAS).unwrap();
    // Nobody waits for a mirror: its requests arrive some time.
    eventually("the mirrored requests", Duration::from_secs(10), || async {
        let counts = shop.counts("/mirrored");
        if counts == [500, usize::try_from(sent).unwrap(), 0] {
            Ok(())
        } else {
            Err(format!("{counts:?}, {sent} sent"))
        }
    })
    .await
    .unwrap();
}

/// How many requests the client's Envoy has sent to a version.
async fn mirrored(shop: &Shop, version: &str) -> u64 {
    let cluster = crate::harness::cluster(PORT, version, crate::shop::HOST);
    shop.client.cluster_stat(&cluster, "upstream_rq_total").await
}

/// `mirrorPercent`, `mirror_percent` and `fault.delay.percent` are deprecated, and work.
async fn shares_in_their_old_fields_count(shop: &Shop) {
    for (field, share) in [("mirrorPercent", 0), ("mirror_percent", 0), ("mirrorPercent", 100)] {
        shop.routes(&format!("- route: {V1}\n  mirror: {{host: reviews, subset: v2}}\n  {field}: {share}\n"))
            .await;
        let sent = mirrored(shop, "v2").await;
        shop.client.load(PORT, 40, |_| get("/old")).await.all_ok().unwrap();
        assert_eq!(mirrored(shop, "v2").await - sent, 40 * share / 100, "{field}: {share}");
    }
    for (share, expected) in [(0, 0), (100, 5)] {
        shop.routes(&format!("- fault: {{delay: {{fixedDelay: 20ms, percent: {share}}}}}\n  route: {V1}\n"))
            .await;
        let delayed = delays_injected(shop).await;
        shop.client.load(PORT, 5, |_| get("/old")).await.all_ok().unwrap();
        assert_eq!(delays_injected(shop).await - delayed, expected, "percent: {share}");
    }
}

async fn several_mirrors_get_a_copy_each(shop: &Shop) {
    shop.routes(&format!(
        "- route: {V1}\n  mirrors: [{{destination: {{host: reviews, subset: v2}}}}, {{destination: {{host: reviews, subset: v3}}, percentage: {{value: 100}}}}]\n"
    ))
    .await;
    shop.reset();
    shop.client.load(PORT, 20, |_| get("/copies")).await.all_ok().unwrap();
    eventually("the copies", Duration::from_secs(10), || async {
        let counts = shop.counts("/copies");
        if counts == [20, 20, 20] { Ok(()) } else { Err(format!("{counts:?}")) }
    })
    .await
    .unwrap();
}

async fn request_headers_are_set_added_and_removed(shop: &Shop) {
    shop.routes(&format!(
        "- headers: {{request: {{set: {{x-set: new}}, add: {{x-add: more}}, remove: [x-gone]}}}}\n  route: {V1}\n"
    ))
    .await;
    let sent = get("/")
        .header("x-set", "old")
        .header("x-add", "one")
        .header("x-gone", "here")
        .header("x-kept", "same");
    let headers = shop.send(sent).await.json::<Echo>().unwrap().headers;
    assert_eq!(headers["x-set"], "new");
    assert_eq!(headers["x-add"].replace(' ', ""), "one,more");
    assert_eq!(headers["x-kept"], "same");
    assert!(!headers.contains_key("x-gone"), "{headers:?}");
}

async fn response_headers_are_set_added_and_removed(shop: &Shop) {
    shop.routes(&format!(
        "- headers: {{response: {{set: {{x-service: masked}}, add: {{x-more: less}}, remove: [x-secret]}}}}\n  route: {V1}\n"
    ))
    .await;
    shop.servers[0].app.script("/", Script::echo().header("x-secret", "s").header("x-kept", "k"));
    let answer = shop.get("/").await;
    assert_eq!(answer.header("x-service"), Some("masked"));
    assert_eq!((answer.header("x-more"), answer.header("x-kept")), (Some("less"), Some("k")));
    assert_eq!(answer.header("x-secret"), None);
    shop.reset();
}

async fn headers_of_a_destination_are_for_that_destination(shop: &Shop) {
    let destination = |version: &str, headers: &str| {
        format!("{{destination: {{host: reviews, subset: {version}}}, weight: 50, headers: {headers}}}")
    };
    let first = destination("v1", "{request: {set: {x-to: first}}, response: {add: {x-from: first}}}");
    let second = destination("v2", "{request: {set: {x-to: second}}, response: {add: {x-from: second}}}");
    shop.routes(&format!("- headers: {{request: {{set: {{x-all: both}}}}}}\n  route: [{first}, {second}]\n"))
        .await;
    let mut seen = [0; 2];
    for _ in 0..60 {
        let answer = shop.get("/").await;
        let echo = answer.json::<Echo>().unwrap();
        let (index, name) = if echo.version == "v1" { (0, "first") } else { (1, "second") };
        seen[index] += 1;
        assert_eq!((echo.headers["x-to"].as_str(), answer.header("x-from")), (name, Some(name)));
        assert_eq!(echo.headers["x-all"], "both");
    }
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
}
