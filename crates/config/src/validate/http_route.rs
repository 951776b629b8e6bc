//! Rules for the HTTP routes of a `VirtualService`.

mod action;
mod cors;
mod fault;
mod matching;
mod retry;

use fairlead_api::HttpRoute;

use crate::{Code, Diagnostics, FieldPath, path};

use super::{destination, duration, header, percent};

pub use fault::grpc_status;

/// Checks all rules, and that none comes after one that matches everything.
pub(super) fn check_all(rules: &[HttpRoute], found: &mut Diagnostics) {
    for (index, rule) in rules.iter().enumerate() {
        check(rule, &path!("http"[index]), found);
    }
    let Some(last) = rules.iter().position(matching::matches_everything) else { return };
    for index in last + 1..rules.len() {
        let text = format!("the rule is never used: http[{last}] before it matches every request");
        found.warn(Code::UnreachableRule, path!("http"[index]), text).help("move it up, or remove it");
    }
}

fn check(rule: &HttpRoute, path: &FieldPath, found: &mut Diagnostics) {
    let at = |field: &'static str| path.clone().field(field);
    for (index, request) in rule.matches.iter().enumerate() {
        matching::check(request, &at("match").index(index), found);
    }
    action::check(rule, path, found);
    destinations(rule, path, found);
    duration::check(rule.timeout, at("timeout"), found);
    if let Some(retries) = &rule.retries {
        retry::check(retries, rule.timeout, &at("retries"), found);
    }
    if let Some(injection) = &rule.fault {
        fault::check(injection, &at("fault"), found);
    }
    if let Some(policy) = &rule.cors_policy {
        cors::check(policy, &at("corsPolicy"), found);
    }
    if let Some(headers) = &rule.headers {
        header::headers(headers, &at("headers"), found);
    }
    mirrors(rule, path, found);
}

fn destinations(rule: &HttpRoute, path: &FieldPath, found: &mut Diagnostics) {
    let path = path.clone().field("route");
    for (index, weighted) in rule.route.iter().enumerate() {
        let path = path.clone().index(index);
        destination::check(&weighted.destination, &path.clone().field("destination"), found);
        if let Some(headers) = &weighted.headers {
            header::headers(headers, &path.field("headers"), found);
        }
    }
    let weights: Vec<_> = rule.route.iter().map(|weighted| weighted.weight).collect();
    destination::weights(&weights, &path, found);
}

fn mirrors(rule: &HttpRoute, path: &FieldPath, found: &mut Diagnostics) {
    let at = |field: &'static str| path.clone().field(field);
    if rule.mirror.is_some() && !rule.mirrors.is_empty() {
        found
            .error(Code::MutuallyExclusive, at("mirrors"), "`mirror` and `mirrors` exclude each other")
            .help("list all destinations under `mirrors`");
    }
    if let Some(mirror) = &rule.mirror {
        destination::check(mirror, &at("mirror"), found);
    }
    for (index, mirror) in rule.mirrors.iter().enumerate() {
        let path = at("mirrors").index(index);
        destination::check(&mirror.destination, &path.clone().field("destination"), found);
        percent::check(mirror.percentage.as_ref(), &path.field("percentage"), found);
    }
    percent::check(rule.mirror_percentage.as_ref(), &at("mirrorPercentage"), found);
    if rule.mirror_percentage.is_some() && rule.mirror.is_none() {
        let text = "`mirrorPercentage` has no effect without `mirror`";
        let diagnostic = found.warn(Code::NoEffect, at("mirrorPercentage"), text);
        if !rule.mirrors.is_empty() {
            diagnostic.help("write `percentage` under each item of `mirrors`");
        }
    }
    for (field, value) in
        [("mirrorPercent", rule.mirror_percent), ("mirror_percent", rule.mirror_percent_snake_case)]
    {
        if let Some(value) = value {
            percent::whole(i64::from(value), at(field), found);
            let help = format!("write mirrorPercentage: {{value: {value}}}");
            found.warn(Code::Deprecated, at(field), format!("`{field}` is deprecated")).help(help);
        }
    }
    if (rule.mirror.is_some() || !rule.mirrors.is_empty()) && rule.route.is_empty() {
        let field = if rule.mirror.is_some() { "mirror" } else { "mirrors" };
        found.warn(Code::BadMirror, at(field), "requests that are not forwarded are not mirrored");
    }
}
