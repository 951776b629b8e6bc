//! Cross-origin policies.

use fairlead_api::CorsPolicy;

use crate::{Code, Diagnostics, FieldPath, printable::shown};

use super::{
    super::{
        header,
        pattern::{EmptyMatch, string_match},
    },
    duration,
};

const METHODS: &[&str] = &["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];

pub(super) fn check(policy: &CorsPolicy, path: &FieldPath, found: &mut Diagnostics) {
    let at = |field: &'static str| path.clone().field(field);
    if !policy.allow_origin.is_empty() {
        let text = "`allowOrigin` is deprecated";
        found.warn(Code::Deprecated, at("allowOrigin"), text).help("write allowOrigins: [{exact: ...}]");
        if !policy.allow_origins.is_empty() {
            let text = "`allowOrigin` has no effect beside `allowOrigins`";
            found.warn(Code::NoEffect, at("allowOrigin"), text);
        }
    }
    for (index, origin) in policy.allow_origins.iter().enumerate() {
        let path = at("allowOrigins").index(index);
        string_match(origin, EmptyMatch::Doubtful, &path, found);
        let exact = origin.exact.as_ref().filter(|exact| *exact != "*" && !exact.contains("://"));
        if let Some(exact) = exact {
            let text = format!("`{}` is not an origin: it has no scheme", shown(exact));
            let help = format!("write https://{}", shown(exact));
            found.warn(Code::BadCors, path.field("exact"), text).help(help);
        }
    }
    for (index, method) in policy.allow_methods.iter().enumerate() {
        if method != "*" && !METHODS.contains(&method.as_str()) {
            let text = format!("`{}` is not a method", shown(method));
            let help = format!("the methods are {}", METHODS.join(", "));
            found.error(Code::BadCors, at("allowMethods").index(index), text).help(help);
        }
    }
    for (field, names) in [("allowHeaders", &policy.allow_headers), ("exposeHeaders", &policy.expose_headers)]
    {
        for (index, name) in names.iter().enumerate() {
            header::name(name, at(field).index(index), found);
        }
    }
    duration::check(policy.max_age, at("maxAge"), found);
    if policy.max_age.is_some_and(|age| age.0.subsec_nanos() != 0) {
        let text = "`maxAge` is not a whole number of seconds";
        found.error(Code::DurationOutOfRange, at("maxAge"), text).help("round it to seconds");
    }
}
