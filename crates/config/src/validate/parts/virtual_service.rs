//! Routes of a `VirtualService`, and what is left out of them.

use fairlead_api::{HttpRoute, TlsRoute, VirtualServiceSpec};

use crate::{Code, Diagnostics, FieldPath, path};

use super::{
    condition::{self, is_origin},
    headers,
    rewrite::{self, can_redirect, can_rewrite},
    server_name,
};

pub(super) fn check(spec: &VirtualServiceSpec, found: &mut Diagnostics) {
    for (index, rule) in spec.http.iter().enumerate() {
        // One that delegates is left out anyway.
        if rule.delegate.is_none() {
            http_route(rule, &path!("http"[index]), found);
        }
    }
    for (index, rule) in spec.tls.iter().enumerate() {
        tls_route(rule, &path!("tls"[index]), found);
    }
}

/// Reports the parts of a route that are left out, or why the whole route is.
fn http_route(rule: &HttpRoute, path: &FieldPath, found: &mut Diagnostics) {
    let at = |field: &'static str| path.clone().field(field);
    let mut is_usable = rule.matches.is_empty();
    for (index, request) in rule.matches.iter().enumerate() {
        let Some(empty) = condition::empty(request) else {
            is_usable = true;
            continue;
        };
        let path = empty.within(&at("match").index(index));
        let text = format!("the {} is empty, which Envoy refuses; the match is left out", empty.what);
        found.error(Code::BadMatch, path, text).help("remove the condition to match any value");
    }
    if !is_usable {
        no_match(path, found);
        return;
    }
    if let Some(redirect) = rule.redirect.as_ref().filter(|redirect| !can_redirect(redirect)) {
        rewrite::check_redirect(redirect, &at("redirect"), found);
        return;
    }
    if let Some(rewrite) = rule.rewrite.as_ref().filter(|rewrite| !can_rewrite(rewrite)) {
        rewrite::check_rewrite(rewrite, &at("rewrite"), found);
        return;
    }
    // One of several destinations without a weight is left out anyway.
    let gets_some = |weight: Option<i32>| rule.route.len() == 1 || weight.is_some_and(|weight| weight > 0);
    for (index, weighted) in rule.route.iter().enumerate().filter(|(_, to)| gets_some(to.weight)) {
        if let Some(block) = &weighted.headers {
            headers::check(block, &at("route").index(index).field("headers"), found);
        }
    }
    if let Some(abort) = rule.fault.as_ref().and_then(|fault| fault.abort.as_ref())
        && abort.http_status.is_none()
        && abort.grpc_status.is_none()
    {
        let text = "the abort has no status that can be used";
        found.error(Code::BadFault, at("fault").field("abort"), text);
    }
    if let Some(block) = &rule.headers {
        headers::check(block, &at("headers"), found);
    }
    let origins = rule.cors_policy.iter().flat_map(|policy| &policy.allow_origins).enumerate();
    for (index, _) in origins.filter(|(_, origin)| !is_origin(origin)) {
        let path = at("corsPolicy").field("allowOrigins").index(index);
        let text = "the origin is empty and is not allowed";
        found.error(Code::BadCors, path, text).help("write regex: .* to allow every origin");
    }
}

fn tls_route(rule: &TlsRoute, path: &FieldPath, found: &mut Diagnostics) {
    let mut is_usable = false;
    for (index, attributes) in rule.matches.iter().enumerate() {
        let path = path.clone().field("match").index(index).field("sniHosts");
        for (at, host) in attributes.sni_hosts.iter().enumerate() {
            is_usable |= server_name::check(host, path.clone().index(at), found);
        }
    }
    if !is_usable {
        no_match(path, found);
    }
}

/// A route whose matches are all left out would match everything, so it is left out.
fn no_match(path: &FieldPath, found: &mut Diagnostics) {
    let text = "no match of the route is usable";
    found.error(Code::BadMatch, path.clone().field("match"), text);
}
