//! `envoy.type.matcher.v3`: how strings are compared.

use envoy_types::pb::envoy::r#type::matcher::v3::{
    RegexMatchAndSubstitute, RegexMatcher, StringMatcher,
    regex_matcher::{EngineType, GoogleRe2},
    string_matcher::MatchPattern,
};

use crate::IntoProto;

/// How a string is compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StringMatch {
    /// Equal.
    Exact(String),
    /// Begins with.
    Prefix(String),
    /// Ends with.
    Suffix(String),
    /// Contains.
    Contains(String),
    /// The whole string matches the RE2 expression.
    Regex(Regex),
}

impl From<StringMatch> for StringMatcher {
    fn from(r#match: StringMatch) -> Self {
        let pattern = match r#match {
            StringMatch::Exact(text) => MatchPattern::Exact(text),
            StringMatch::Prefix(text) => MatchPattern::Prefix(text),
            StringMatch::Suffix(text) => MatchPattern::Suffix(text),
            StringMatch::Contains(text) => MatchPattern::Contains(text),
            StringMatch::Regex(expression) => MatchPattern::SafeRegex(expression.into()),
        };
        Self { match_pattern: Some(pattern), ignore_case: false }
    }
}

/// An RE2 expression (Envoy's only and default engine).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Regex {
    /// The expression.
    pub expression: String,
    /// Maximum program size. `None` is the limit of Envoy's runtime, or 100 without one.
    ///
    /// The field on the wire is deprecated, and Envoy logs a warning for it, but Envoy 1.40 applies it.
    pub most_program: Option<u32>,
}

impl<T: Into<String>> From<T> for Regex {
    fn from(expression: T) -> Self {
        Self { expression: expression.into(), most_program: None }
    }
}

impl From<Regex> for RegexMatcher {
    #[allow(deprecated, reason = "for Envoys whose runtime cannot be set")]
    fn from(regex: Regex) -> Self {
        let engine =
            |most: u32| EngineType::GoogleRe2(GoogleRe2 { max_program_size: Some(most.into_proto()) });
        Self { regex: regex.expression, engine_type: regex.most_program.map(engine) }
    }
}

/// Replaces what `expression` matches; `\1` in `substitution` is the first group.
pub fn regex_rewrite(
    expression: impl Into<Regex>,
    substitution: impl Into<String>,
) -> RegexMatchAndSubstitute {
    RegexMatchAndSubstitute { pattern: Some(expression.into().into()), substitution: substitution.into() }
}
