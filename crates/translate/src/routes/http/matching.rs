//! Conditions of routes: what Envoy compares.

use std::{collections::BTreeMap, sync::Arc};

use envoy_types::pb::envoy::config::route::v3::{Route, RouteMatch, route_match::PathSpecifier};
use fairlead_envoy::{
    IntoProto,
    route::{HeaderMatch, PathMatch, QueryMatch, header_matcher, query_parameter, route_match},
};
use fairlead_model::routes::{HttpMatch, StringMatch};

use crate::values::{regex, string_match};

/// The condition as Envoy's message. `sized`: large expressions carry their maximum program size.
pub(super) fn condition(condition: &HttpMatch, sized: bool) -> RouteMatch {
    let mut result = route_match(path(condition.uri.as_ref(), sized));
    result.case_sensitive = Some((!condition.ignore_uri_case).into_proto());
    let pseudo = [
        (":scheme", &condition.scheme),
        (":method", &condition.method),
        (":authority", &condition.authority),
    ];
    for (name, wanted) in pseudo {
        if let Some(wanted) = wanted {
            result.headers.push(header_matcher(name, header(wanted, sized)));
        }
    }
    result.headers.extend(named(&condition.headers, |wanted| header(wanted, sized)));
    result.headers.extend(named(&condition.without_headers, |unwanted| not_header(unwanted, sized)));
    for (name, wanted) in &condition.query_params {
        result.query_parameters.push(query_parameter(
            &**name,
            match string_match(wanted, sized) {
                Some(value) => QueryMatch::Is(value),
                None => QueryMatch::Present,
            },
        ));
    }
    result
}

/// Whether a route matches every request: prefix `/` or expression `.*`, and no other condition.
pub(super) fn is_catch_all(route: &Route) -> bool {
    let Some(condition) = &route.r#match else { return false };
    let any_path = match &condition.path_specifier {
        Some(PathSpecifier::Prefix(prefix)) => prefix == "/",
        Some(PathSpecifier::SafeRegex(expression)) => expression.regex == ".*",
        _ => false,
    };
    any_path && condition.headers.is_empty() && condition.query_parameters.is_empty()
}

fn path(uri: Option<&StringMatch>, sized: bool) -> PathMatch {
    match uri {
        None | Some(StringMatch::Present) => PathMatch::Prefix("/".to_owned()),
        Some(StringMatch::Exact(path)) => PathMatch::Exact(path.to_string()),
        Some(StringMatch::Prefix(prefix)) => PathMatch::Prefix(prefix.to_string()),
        Some(StringMatch::Regex(expression)) => PathMatch::Regex(regex(expression, sized)),
    }
}

fn named(
    conditions: &BTreeMap<Arc<str>, StringMatch>,
    form: impl Fn(&StringMatch) -> HeaderMatch,
) -> impl Iterator<Item = envoy_types::pb::envoy::config::route::v3::HeaderMatcher> {
    conditions.iter().map(move |(name, wanted)| header_matcher(&**name, form(wanted)))
}

fn header(wanted: &StringMatch, sized: bool) -> HeaderMatch {
    string_match(wanted, sized).map_or(HeaderMatch::Present, HeaderMatch::Is)
}

fn not_header(unwanted: &StringMatch, sized: bool) -> HeaderMatch {
    string_match(unwanted, sized).map_or(HeaderMatch::Absent, HeaderMatch::IsNot)
}
