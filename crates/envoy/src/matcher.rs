//! `envoy.type.matcher.v3`: how texts are compared.

use envoy_types::pb::envoy::r#type::matcher::v3::{
    RegexMatchAndSubstitute, RegexMatcher, StringMatcher, string_matcher::MatchPattern,
};

/// How a text is compared.
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
    /// The whole text matches the RE2 expression.
    Regex(String),
}

impl From<StringMatch> for StringMatcher {
    fn from(r#match: StringMatch) -> Self {
        let pattern = match r#match {
            StringMatch::Exact(text) => MatchPattern::Exact(text),
            StringMatch::Prefix(text) => MatchPattern::Prefix(text),
            StringMatch::Suffix(text) => MatchPattern::Suffix(text),
            StringMatch::Contains(text) => MatchPattern::Contains(text),
            StringMatch::Regex(expression) => MatchPattern::SafeRegex(regex(expression)),
        };
        Self { match_pattern: Some(pattern), ignore_case: false }
    }
}

/// A comparison that ignores the case of ASCII letters. Envoy ignores the switch for regular expressions.
pub fn ignoring_case(r#match: StringMatch) -> StringMatcher {
    StringMatcher { ignore_case: true, ..r#match.into() }
}

/// An RE2 expression (Envoy's only and default engine).
pub fn regex(expression: impl Into<String>) -> RegexMatcher {
    RegexMatcher { regex: expression.into(), ..Default::default() }
}

/// Replaces what `expression` matches; `\1` in `substitution` is the first group.
pub fn regex_rewrite(
    expression: impl Into<String>,
    substitution: impl Into<String>,
) -> RegexMatchAndSubstitute {
    RegexMatchAndSubstitute { pattern: Some(regex(expression)), substitution: substitution.into() }
}
