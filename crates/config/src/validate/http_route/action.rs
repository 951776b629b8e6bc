//! What a rule does: forward, redirect, answer, delegate; and how it rewrites.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fairlead_api::{HttpDirectResponse, HttpRedirect, HttpRewrite, HttpRoute};

use crate::{Code, Diagnostics, FieldPath, printable::shown, syntax};

use super::super::{pattern, port};

/// Maximum size of a direct response's body in bytes, as in Istio.
const MOST_BODY_BYTES: usize = 1 << 20;

/// Statuses that Envoy can redirect with.
const REDIRECT_CODES: [u32; 5] = [301, 302, 303, 307, 308];

pub(super) fn check(rule: &HttpRoute, path: &FieldPath, found: &mut Diagnostics) {
    let at = |field: &'static str| path.clone().field(field);
    let actions = [
        ("route", !rule.route.is_empty()),
        ("redirect", rule.redirect.is_some()),
        ("directResponse", rule.direct_response.is_some()),
        ("delegate", rule.delegate.is_some()),
    ];
    let set: Vec<_> = actions.iter().filter(|(_, set)| *set).map(|(name, _)| *name).collect();
    match set.as_slice() {
        [] => {
            found
                .error(Code::NoAction, path.clone(), "the rule has no action")
                .help("write `route`, `redirect` or `directResponse`");
        }
        [_] => {}
        [first, .., last] => {
            let text = format!("`{first}` and `{last}` exclude each other");
            found.error(Code::MutuallyExclusive, at(last), text).help("keep one of them");
        }
    }
    if let Some(rewrite) = &rule.rewrite {
        if rule.redirect.is_some() || rule.direct_response.is_some() {
            let text = "`rewrite` is for requests that are forwarded";
            found.error(Code::MutuallyExclusive, at("rewrite"), text).help("remove it");
        }
        check_rewrite(rewrite, &at("rewrite"), found);
    }
    if let Some(redirect) = &rule.redirect {
        check_redirect(redirect, &at("redirect"), found);
    }
    if let Some(response) = &rule.direct_response {
        check_response(response, &at("directResponse"), found);
    }
    if let Some(delegate) = &rule.delegate {
        let path = at("delegate");
        match delegate.name.as_deref().map(syntax::subdomain) {
            Some(Ok(())) => {}
            Some(Err(why)) => {
                let text = format!("the name is invalid: {why}");
                found.error(Code::BadDelegate, path.field("name"), text);
            }
            None => {
                found.error(Code::BadDelegate, path, "a delegate needs a name");
            }
        }
    }
}

fn check_rewrite(rewrite: &HttpRewrite, path: &FieldPath, found: &mut Diagnostics) {
    let at = |field: &'static str| path.clone().field(field);
    if rewrite.uri.is_none() && rewrite.authority.is_none() && rewrite.uri_regex_rewrite.is_none() {
        found
            .error(Code::BadRewrite, path.clone(), "the rewrite changes nothing")
            .help("write `uri`, `authority` or `uriRegexRewrite`");
    }
    if rewrite.uri.is_some() && rewrite.uri_regex_rewrite.is_some() {
        let text = "`uri` and `uriRegexRewrite` exclude each other";
        found.error(Code::MutuallyExclusive, at("uriRegexRewrite"), text).help("keep one of them");
    }
    if let Some(regex) = &rewrite.uri_regex_rewrite {
        let path = at("uriRegexRewrite");
        match &regex.pattern {
            Some(pattern) if !pattern.is_empty() => {
                pattern::regex(pattern, path.clone().field("match"), found);
            }
            _ => {
                found.error(
                    Code::BadRewrite,
                    path.clone(),
                    "`match` is what to replace, and cannot be empty",
                );
            }
        }
        if regex.rewrite.is_none() {
            found.error(Code::BadRewrite, path, "`rewrite` is the replacement, and cannot be absent");
        }
    }
}

fn check_redirect(redirect: &HttpRedirect, path: &FieldPath, found: &mut Diagnostics) {
    let at = |field: &'static str| path.clone().field(field);
    let HttpRedirect { uri, prefix_rewrite, authority, port: number, derive_port, scheme, redirect_code } =
        redirect;
    let changes = uri.is_some() || prefix_rewrite.is_some() || authority.is_some() || scheme.is_some();
    if !changes && number.is_none() && derive_port.is_none() {
        found
            .error(Code::BadRedirect, path.clone(), "the redirect leads to the same URL")
            .help("write `uri`, `authority`, `scheme` or `port`");
    }
    if uri.is_some() && prefix_rewrite.is_some() {
        let text = "`uri` and `prefixRewrite` exclude each other";
        found.error(Code::MutuallyExclusive, at("prefixRewrite"), text).help("keep one of them");
    }
    if number.is_some() && derive_port.is_some() {
        let text = "`port` and `derivePort` exclude each other";
        found.error(Code::MutuallyExclusive, at("derivePort"), text).help("keep one of them");
    }
    if let Some(number) = number {
        port::number(*number, at("port"), found);
    }
    if let Some(scheme) = scheme.as_ref().filter(|scheme| !matches!(scheme.as_str(), "http" | "https")) {
        let text = format!("`{}` is not an HTTP scheme", shown(scheme));
        found.error(Code::BadRedirect, at("scheme"), text).help("write http or https");
    }
    if let Some(authority) = authority.as_ref().filter(|authority| authority.contains('/')) {
        let text = format!("`{}` is more than a host and port", shown(authority));
        found.error(Code::BadRedirect, at("authority"), text).help("write the path under `uri`");
    }
    if let Some(code) = redirect_code.filter(|code| !REDIRECT_CODES.contains(code)) {
        let text = format!("{code} is not a redirect status");
        found.error(Code::BadStatusCode, at("redirectCode"), text).help("write 301, 302, 303, 307 or 308");
    }
}

fn check_response(response: &HttpDirectResponse, path: &FieldPath, found: &mut Diagnostics) {
    if !(200..=599).contains(&response.status) {
        let text = format!("{} is not the status of a response", response.status);
        found
            .error(Code::BadStatusCode, path.clone().field("status"), text)
            .help("write one from 200 to 599");
    }
    let Some(body) = &response.body else { return };
    let path = path.clone().field("body");
    if body.string.is_some() && body.bytes.is_some() {
        let text = "`string` and `bytes` exclude each other";
        found.error(Code::MutuallyExclusive, path.clone(), text).help("keep one of them");
    }
    let decoded = body.bytes.as_ref().map(|bytes| STANDARD.decode(bytes.as_bytes()));
    if let Some(Err(_)) = decoded {
        found.error(Code::BadBase64, path.clone().field("bytes"), "the body is not base64");
    }
    let size =
        body.string.as_ref().map_or(0, String::len).max(decoded.and_then(Result::ok).map_or(0, |b| b.len()));
    if size > MOST_BODY_BYTES {
        let text = format!("the body has {size} bytes; the limit is {MOST_BODY_BYTES}");
        found.error(Code::BodyTooLarge, path, text).help("serve it from a workload");
    }
}
