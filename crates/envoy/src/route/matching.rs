//! What a route matches.

use envoy_types::pb::envoy::config::route::v3::{
    HeaderMatcher, QueryParameterMatcher, RouteMatch, header_matcher::HeaderMatchSpecifier,
    query_parameter_matcher::QueryParameterMatchSpecifier, route_match::PathSpecifier,
};

use crate::matcher::{Regex, StringMatch};

/// How the path of a request is compared, without its query.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathMatch {
    /// Equal.
    Exact(String),
    /// Begins with; `/foo` also matches `/foobar`.
    Prefix(String),
    /// Equal, or begins with it followed by `/`. Must not end in `/`.
    PathSeparatedPrefix(String),
    /// The whole path matches the RE2 expression.
    Regex(Regex),
}

/// A match by path; `case_sensitive` is Envoy's default if not set.
pub fn route_match(path: PathMatch) -> RouteMatch {
    let specifier = match path {
        PathMatch::Exact(path) => PathSpecifier::Path(path),
        PathMatch::Prefix(prefix) => PathSpecifier::Prefix(prefix),
        PathMatch::PathSeparatedPrefix(prefix) => PathSpecifier::PathSeparatedPrefix(prefix),
        PathMatch::Regex(expression) => PathSpecifier::SafeRegex(expression.into()),
    };
    RouteMatch { path_specifier: Some(specifier), ..Default::default() }
}

/// How a header is compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HeaderMatch {
    /// It is there.
    Present,
    /// It is not there.
    Absent,
    /// Its value matches.
    Is(StringMatch),
    /// Its value does not match; a missing header has the empty value.
    IsNot(StringMatch),
}

/// A match by header. Pseudo headers are `:authority`, `:method`, `:scheme`.
pub fn header_matcher(name: impl Into<String>, r#match: HeaderMatch) -> HeaderMatcher {
    let (specifier, invert_match) = match r#match {
        HeaderMatch::Present => (HeaderMatchSpecifier::PresentMatch(true), false),
        HeaderMatch::Absent => (HeaderMatchSpecifier::PresentMatch(true), true),
        HeaderMatch::Is(value) => (HeaderMatchSpecifier::StringMatch(value.into()), false),
        HeaderMatch::IsNot(value) => (HeaderMatchSpecifier::StringMatch(value.into()), true),
    };
    HeaderMatcher {
        name: name.into(),
        treat_missing_header_as_empty: invert_match
            && matches!(specifier, HeaderMatchSpecifier::StringMatch(_)),
        invert_match,
        header_match_specifier: Some(specifier),
    }
}

/// How a query parameter is compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QueryMatch {
    /// It is there.
    Present,
    /// Its value matches.
    Is(StringMatch),
}

/// A match by query parameter.
pub fn query_parameter(name: impl Into<String>, r#match: QueryMatch) -> QueryParameterMatcher {
    let specifier = match r#match {
        QueryMatch::Present => QueryParameterMatchSpecifier::PresentMatch(true),
        QueryMatch::Is(value) => QueryParameterMatchSpecifier::StringMatch(value.into()),
    };
    QueryParameterMatcher { name: name.into(), query_parameter_match_specifier: Some(specifier) }
}
