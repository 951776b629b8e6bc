//! `corsPolicy` of a VirtualService.

use fairlead_lab::client::Request;
use http::{Method, StatusCode};

use crate::shop::{Shop, V2, get, request};

const CORS: &str = "allowOrigins: [{exact: 'https://shop.example.com'}, {regex: 'https://[a-z]+\\.test'}], allowMethods: [GET, PUT], allowHeaders: [x-token], exposeHeaders: [x-version], maxAge: 10m, allowCredentials: true";

async fn cors(shop: &Shop, more: &str) {
    shop.reset();
    shop.routes(&format!("- corsPolicy: {{{CORS}{more}}}\n  route: {V2}\n")).await;
}

fn preflight(origin: &str) -> Request {
    request(Method::OPTIONS, "/cart").header("origin", origin).header("access-control-request-method", "PUT")
}

pub(crate) async fn a_preflight_is_answered_for_the_server(shop: &Shop) {
    cors(shop, "").await;
    let answer = shop.send(preflight("https://shop.example.com")).await;
    assert_eq!(answer.status, StatusCode::OK);
    for (name, value) in [
        ("access-control-allow-origin", "https://shop.example.com"),
        ("access-control-allow-methods", "GET,PUT"),
        ("access-control-allow-headers", "x-token"),
        ("access-control-max-age", "600"),
        ("access-control-allow-credentials", "true"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    assert_eq!(shop.counts("/cart"), [0, 0, 0]);
}

pub(crate) async fn an_answer_says_who_may_read_it(shop: &Shop) {
    cors(shop, "").await;
    let answer = shop.send(get("/cart").header("origin", "https://shop.example.com")).await;
    assert_eq!((answer.status, answer.version()), (StatusCode::OK, Some("v2")));
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://shop.example.com"));
    assert_eq!(answer.header("access-control-expose-headers"), Some("x-version"));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
}

pub(crate) async fn a_foreign_origin_gets_no_permission(shop: &Shop) {
    cors(shop, "").await;
    let answer = shop.send(get("/cart").header("origin", "https://evil.example.com")).await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
    // A preflight that does not match is the server's to answer.
    let answer = shop.send(preflight("https://evil.example.com")).await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert_eq!(shop.counts("/cart"), [0, 2, 0]);
}

pub(crate) async fn origins_match_by_expression(shop: &Shop) {
    cors(shop, "").await;
    let answer = shop.send(preflight("https://abc.test")).await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://abc.test"));
    let answer = shop.send(preflight("https://abc.test.example.com")).await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

pub(crate) async fn a_foreign_preflight_is_ignored_if_asked_for(shop: &Shop) {
    cors(shop, ", unmatchedPreflights: IGNORE").await;
    let answer = shop.send(preflight("https://evil.example.com")).await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert_eq!(shop.counts("/cart"), [0, 0, 0], "it is answered without the server");
}
