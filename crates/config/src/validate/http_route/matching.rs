//! Conditions on requests.

use fairlead_api::{HttpMatchRequest, HttpRoute, StringMatch};

use crate::{Code, Diagnostics, FieldPath, printable::shown};

use super::super::{
    gateway_names, header, labels,
    pattern::{EmptyMatch, string_match},
    port,
};

pub(super) fn check(request: &HttpMatchRequest, path: &FieldPath, found: &mut Diagnostics) {
    let at = |field: &'static str| path.clone().field(field);
    if let Some(uri) = &request.uri {
        check_uri(uri, request.ignore_uri_case, &at("uri"), found);
    } else if request.ignore_uri_case {
        found.warn(Code::NoEffect, at("ignoreUriCase"), "`ignoreUriCase` has no effect without `uri`");
    }
    for (field, value) in
        [("scheme", &request.scheme), ("method", &request.method), ("authority", &request.authority)]
    {
        if let Some(value) = value {
            string_match(value, EmptyMatch::Doubtful, &at(field), found);
        }
    }
    for (field, map) in [("headers", &request.headers), ("withoutHeaders", &request.without_headers)] {
        for (name, value) in map {
            let path = at(field).key(name.clone());
            check_header(name, &path, found);
            string_match(value, EmptyMatch::Presence, &path, found);
        }
    }
    for (name, value) in &request.query_params {
        let path = at("queryParams").key(name.clone());
        if name.is_empty() {
            found.error(Code::BadMatch, path.clone(), "the name of a query parameter is empty");
        }
        string_match(value, EmptyMatch::Presence, &path, found);
    }
    if let Some(number) = request.port {
        port::number(number, at("port"), found);
    }
    labels::check(&request.source_labels, Code::BadLabel, &at("sourceLabels"), found);
    gateway_names::check(&request.gateways, &at("gateways"), found);
    let only_gateways = !request.gateways.is_empty() && !request.gateways.iter().any(|g| g == "mesh");
    if only_gateways && !request.source_labels.is_empty() {
        let text = "`sourceLabels` has no effect at gateways";
        found.warn(Code::NoEffect, at("sourceLabels"), text);
    }
}

fn check_uri(uri: &StringMatch, ignore_case: bool, path: &FieldPath, found: &mut Diagnostics) {
    string_match(uri, EmptyMatch::Doubtful, path, found);
    if ignore_case && uri.regex.is_some() {
        found
            .warn(Code::NoEffect, path.clone(), "`ignoreUriCase` has no effect on `regex`")
            .help("begin the expression with (?i)");
    }
    for (field, value) in [("exact", &uri.exact), ("prefix", &uri.prefix)] {
        let Some(value) = value.as_ref().filter(|value| !value.is_empty() && !value.starts_with('/')) else {
            continue;
        };
        let text = format!("no path begins with `{}`", shown(value));
        let diagnostic = found.warn(Code::BadMatch, path.clone().field(field), text);
        diagnostic.help(format!("write /{}", shown(value)));
    }
    if let Some(value) = uri.prefix.as_ref().filter(|value| value.ends_with('*')) {
        let text = format!("the star in `{}` is an ordinary character", shown(value));
        let help = format!("write {} without the star", shown(value.trim_end_matches('*')));
        found.warn(Code::BadMatch, path.clone().field("prefix"), text).help(help);
    }
}

/// Checks the name of a header in a condition; claims of tokens and some pseudo-headers are allowed as well.
fn check_header(name: &str, path: &FieldPath, found: &mut Diagnostics) {
    if name.starts_with("@request.auth.claims") {
        let text = "conditions on token claims have no effect yet";
        found.warn(Code::NotTranslated, path.clone(), text);
    } else if let ":path" | ":method" | ":authority" | ":scheme" = name {
        let field = name.trim_start_matches(':').replace("path", "uri");
        let text = format!("`{name}` is not a header");
        found.warn(Code::BadMatch, path.clone(), text).help(format!("use the match's own field `{field}`"));
    } else {
        header::name(name, path.clone(), found);
    }
}

/// Whether every request satisfies the conditions of a rule.
pub(super) fn matches_everything(rule: &HttpRoute) -> bool {
    rule.matches.is_empty() || rule.matches.iter().any(is_empty)
}

fn is_empty(request: &HttpMatchRequest) -> bool {
    let uri = request.uri.as_ref().is_none_or(|uri| match uri {
        StringMatch { exact: Some(_), .. } => false,
        StringMatch { prefix: Some(prefix), .. } => prefix.is_empty() || prefix == "/",
        StringMatch { regex: Some(regex), .. } => regex == ".*",
        _ => true,
    });
    let HttpMatchRequest { scheme, method, authority, headers, port, source_labels, gateways, .. } = request;
    let HttpMatchRequest { query_params, without_headers, source_namespace, .. } = request;
    uri && scheme.is_none()
        && method.is_none()
        && authority.is_none()
        && headers.is_empty()
        && without_headers.is_empty()
        && query_params.is_empty()
        && port.is_none()
        && source_labels.is_empty()
        && gateways.is_empty()
        && source_namespace.is_none()
}
