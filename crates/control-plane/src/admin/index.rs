//! Every endpoint of the administration: one table for both the routes and the index.
//!
//! The index is a page for browsers and a list for other clients. The page loads nothing: its policy allows no script,
//! no style and no picture.

use std::fmt::Write as _;

use axum::{
    Json,
    extract::State as Extract,
    http::{HeaderMap, header},
    response::{Html, IntoResponse, Response},
    routing::{MethodRouter, get},
};
use serde_json::json;

use super::{debug, health, load, state::State, sync};

/// An endpoint.
pub(super) struct Endpoint {
    /// The path.
    pub(super) path: &'static str,
    /// The query parameters, as they are written after the path.
    pub(super) query: &'static str,
    /// Whether the query is required.
    pub(super) needs_query: bool,
    /// What it shows: one sentence without a final stop.
    pub(super) shows: &'static str,
    /// The handler.
    pub(super) answers: fn() -> MethodRouter<State>,
}

/// The prefix of the paths that are served to this machine only.
pub(super) const DEBUG: &str = "/debug";

macro_rules! endpoints {
    ($($path:literal, $query:literal, $needs_query:literal, $shows:literal, $answers:expr;)*) => {
        /// All endpoints, in the order of the index.
        pub(super) fn endpoints() -> Vec<Endpoint> {
            vec![$(Endpoint {
            path: $path,
            query: $query,
            needs_query: $needs_query,
            shows: $shows,
            answers: || $answers,
        },)*]
        }
    };
}

endpoints! {
    "/ready", "", false, "200 once the first configuration is served, 503 before", get(health::ready);
    "/healthz", "", false, "200 as long as the core runs", get(health::healthz);
    "/metrics", "", false, "metrics in the OpenMetrics text format, or in Prometheus' own", get(health::metrics);
    "/version", "", false, "the running version", get(health::version);
    "/debug", "", false, "this page, or the list of endpoints", get(index);
    "/debug/list", "", false, "the list of endpoints", get(list);
    "/debug/syncz", "", false, "the connected proxies, and the state of each type", get(sync::syncz);
    "/debug/loadz", "", false, "the load that proxies have reported, by cluster and locality", get(load::loadz);
    "/debug/configz", "?kind=<kind>&namespace=<namespace>", false, "the objects in use, with file and line",
        get(debug::configz);
    "/debug/config_dump", "?proxy=<id>", true, "the resources of a proxy, by type; key material is hidden",
        get(debug::config_dump);
    "/debug/explain", "?proxy=<id>&resource=<name>", true, "what the resources of a proxy were computed from",
        get(debug::explain);
    "/debug/diagnosticz", "", false, "the current findings", get(debug::diagnosticz);
    "/debug/enginez", "", false, "sizes and counters of the engine", get(debug::enginez);
    "/debug/mesh", "", false, "the settings in effect", get(debug::mesh);
    "/debug/log", "", false, "the log levels; PUT ?level=info,fairlead_xds=debug changes them",
        get(debug::log_levels).put(debug::set_log_levels);
}

/// Maximum number of proxies with links on the page.
const PROXIES: usize = 100;
/// Content security policy: the page loads nothing, and other pages cannot embed it.
const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

async fn list() -> Json<serde_json::Value> {
    let entry = |endpoint: Endpoint| {
        let Endpoint { path, query, needs_query, shows, .. } = endpoint;
        if needs_query {
            json!({ "path": format!("{path}{query}"), "shows": shows })
        } else if query.is_empty() {
            json!({ "path": path, "shows": shows })
        } else {
            json!({ "path": path, "query": query, "shows": shows })
        }
    };
    Json(endpoints().into_iter().map(entry).collect())
}

/// The page for clients that accept HTML, as browsers do; otherwise the list.
async fn index(Extract(state): Extract<State>, headers: HeaderMap) -> Response {
    let mut wanted = headers.get_all(header::ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
    if !wanted.any(|accept| accept.contains("text/html")) {
        return list().await.into_response();
    }
    let mut proxies: Vec<_> =
        state.sessions.snapshot().into_iter().map(|connection| connection.node.id.clone()).collect();
    proxies.sort_unstable();
    proxies.dedup();
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, Html(page(&proxies))).into_response()
}

/// The index as a page, with links for these proxies.
fn page(proxies: &[String]) -> String {
    let mut page = String::from(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Fairlead</title></head>\n<body>\n",
    );
    let version = escaped(env!("CARGO_PKG_VERSION"));
    let mut put = |text: std::fmt::Arguments<'_>| {
        page.write_fmt(text).expect("writing to a String does not fail");
    };
    put(format_args!("<h1>Fairlead {version}</h1>\n<table border=\"1\" cellpadding=\"6\">\n"));
    for Endpoint { path, query, needs_query, shows, .. } in endpoints() {
        let (path, query, shows) = (escaped(path), escaped(query), escaped(shows));
        let request = match (needs_query, query.as_str()) {
            (true, query) => format!("<code>{path}{query}</code>"),
            (false, "") => format!("<a href=\"{path}\"><code>{path}</code></a>"),
            (false, query) => format!("<a href=\"{path}\"><code>{path}</code></a><code>{query}</code>"),
        };
        put(format_args!("<tr><td>{request}</td><td>{shows}</td></tr>\n"));
    }
    put(format_args!("</table>\n<h2>Connected proxies: {}</h2>\n<ul>\n", proxies.len()));
    for proxy in proxies.iter().take(PROXIES) {
        let (shown, asked) = (escaped(proxy), encoded(proxy));
        put(format_args!(
            "<li>{shown}: <a href=\"/debug/config_dump?proxy={asked}\">resources</a>, \
             <a href=\"/debug/explain?proxy={asked}\">computed from</a></li>\n"
        ));
    }
    put(format_args!("</ul>\n"));
    if let Some(more @ 1..) = proxies.len().checked_sub(PROXIES) {
        put(format_args!("<p>and {more} more: <a href=\"/debug/syncz\">/debug/syncz</a></p>\n"));
    }
    put(format_args!("</body>\n</html>\n"));
    page
}

/// A text escaped for HTML, including attributes in double quotes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A text encoded as the value of a query parameter: characters that RFC 3986 does not reserve stay, each other byte is
/// `%XX`.
pub fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("writing to a String does not fail");
        }
    }
    encoded
}

#[cfg(test)]
mod tests;
