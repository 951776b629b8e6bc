//! Matching of the nodes that a request is about.

use envoy_types::pb::{
    envoy::r#type::matcher::v3::{
        DoubleMatcher, NodeMatcher, StringMatcher, StructMatcher, ValueMatcher, double_matcher, list_matcher,
        string_matcher::MatchPattern, struct_matcher::path_segment::Segment, value_matcher,
    },
    google::protobuf::{Struct, Value, value::Kind},
};
use tonic::Status;

use crate::Node;

/// Refuses matchers that are not understood, in particular expressions that would have to be compiled.
pub(super) fn check(matchers: &[NodeMatcher]) -> Result<(), Status> {
    for matcher in matchers {
        matcher.node_id.as_ref().map_or(Ok(()), check_text)?;
        for metadata in &matcher.node_metadatas {
            if metadata.path.iter().any(|segment| segment.segment.is_none()) {
                return Err(Status::invalid_argument("a segment of a metadata matcher's path is empty"));
            }
            check_value(metadata.value.as_ref())?;
        }
    }
    Ok(())
}

fn check_text(matcher: &StringMatcher) -> Result<(), Status> {
    match &matcher.match_pattern {
        Some(MatchPattern::SafeRegex(_)) => {
            Err(Status::invalid_argument("regular expressions in matchers are not supported"))
        }
        Some(MatchPattern::Custom(_)) => {
            Err(Status::invalid_argument("custom string matchers are not supported"))
        }
        None => Err(Status::invalid_argument("a string matcher has no pattern")),
        Some(_) => Ok(()),
    }
}

fn check_value(matcher: Option<&ValueMatcher>) -> Result<(), Status> {
    use value_matcher::MatchPattern as Pattern;
    let nothing = || Status::invalid_argument("a value matcher has no pattern");
    match matcher.and_then(|matcher| matcher.match_pattern.as_ref()).ok_or_else(nothing)? {
        Pattern::StringMatch(text) => check_text(text),
        Pattern::ListMatch(list) => match &list.match_pattern {
            Some(list_matcher::MatchPattern::OneOf(one)) => check_value(Some(one)),
            None => Err(nothing()),
        },
        Pattern::OrMatch(any) => any.value_matchers.iter().try_for_each(|matcher| check_value(Some(matcher))),
        Pattern::DoubleMatch(double) => double.match_pattern.as_ref().map(drop).ok_or_else(nothing),
        Pattern::NullMatch(_) | Pattern::BoolMatch(_) | Pattern::PresentMatch(_) => Ok(()),
    }
}

/// Whether one of the matchers matches; all nodes match if there is none.
pub(super) fn matches(matchers: &[NodeMatcher], node: &Node) -> bool {
    matchers.is_empty()
        || matchers.iter().any(|matcher| {
            matcher.node_id.as_ref().is_none_or(|id| text(id, &node.id))
                && matcher.node_metadatas.iter().all(|metadata| field(metadata, &node.metadata))
        })
}

fn text(matcher: &StringMatcher, actual: &str) -> bool {
    let fold = |text: &str| if matcher.ignore_case { text.to_ascii_lowercase() } else { text.to_owned() };
    let actual = fold(actual);
    match &matcher.match_pattern {
        Some(MatchPattern::Exact(exact)) => actual == fold(exact),
        Some(MatchPattern::Prefix(prefix)) => actual.starts_with(&fold(prefix)),
        Some(MatchPattern::Suffix(suffix)) => actual.ends_with(&fold(suffix)),
        Some(MatchPattern::Contains(part)) => actual.contains(&fold(part)),
        Some(MatchPattern::SafeRegex(_) | MatchPattern::Custom(_)) | None => false,
    }
}

fn field(matcher: &StructMatcher, metadata: &Struct) -> bool {
    let Some(wanted) = &matcher.value else { return false };
    let mut fields = Some(metadata);
    let mut found = None;
    for segment in &matcher.path {
        let Some(Segment::Key(key)) = &segment.segment else { return false };
        found = fields.and_then(|fields| fields.fields.get(key));
        fields = match found.and_then(|value| value.kind.as_ref()) {
            Some(Kind::StructValue(inner)) => Some(inner),
            _ => None,
        };
    }
    value(wanted, found)
}

fn value(matcher: &ValueMatcher, actual: Option<&Value>) -> bool {
    use value_matcher::MatchPattern as Pattern;
    let kind = actual.and_then(|value| value.kind.as_ref());
    match (&matcher.match_pattern, kind) {
        (Some(Pattern::PresentMatch(wanted)), kind) => kind.is_some() == *wanted,
        (Some(Pattern::OrMatch(any)), _) => any.value_matchers.iter().any(|matcher| value(matcher, actual)),
        (Some(Pattern::NullMatch(_)), Some(Kind::NullValue(_))) => true,
        (Some(Pattern::StringMatch(matcher)), Some(Kind::StringValue(actual))) => text(matcher, actual),
        (Some(Pattern::BoolMatch(wanted)), Some(Kind::BoolValue(actual))) => wanted == actual,
        (Some(Pattern::DoubleMatch(matcher)), Some(Kind::NumberValue(actual))) => number(matcher, *actual),
        (Some(Pattern::ListMatch(list)), Some(Kind::ListValue(actual))) => match &list.match_pattern {
            Some(list_matcher::MatchPattern::OneOf(one)) => {
                actual.values.iter().any(|actual| value(one, Some(actual)))
            }
            None => false,
        },
        _ => false,
    }
}

fn number(matcher: &DoubleMatcher, actual: f64) -> bool {
    match &matcher.match_pattern {
        Some(double_matcher::MatchPattern::Exact(exact)) => exact.total_cmp(&actual).is_eq(),
        Some(double_matcher::MatchPattern::Range(range)) => (range.start..range.end).contains(&actual),
        None => false,
    }
}

#[cfg(test)]
mod tests;
