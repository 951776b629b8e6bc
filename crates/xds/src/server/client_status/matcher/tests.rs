use envoy_types::pb::{
    envoy::{
        config::core::v3::Node as ProtoNode,
        r#type::matcher::v3::{
            NodeMatcher, OrMatcher, RegexMatcher, StringMatcher, StructMatcher, ValueMatcher,
            string_matcher::MatchPattern,
            struct_matcher::{PathSegment, path_segment::Segment},
            value_matcher,
        },
    },
    google::protobuf::{Struct, Value, value::Kind},
};
use tonic::Code;

use super::{check, matches};
use crate::Node;

fn node() -> Node {
    let text = |text: &str| Value { kind: Some(Kind::StringValue(text.into())) };
    let labels = Struct { fields: [("app".to_owned(), text("Web"))].into() };
    let labels = Value { kind: Some(Kind::StructValue(labels)) };
    let metadata = Some(Struct { fields: [("LABELS".to_owned(), labels)].into() });
    Node::from_proto(ProtoNode { id: "sidecar~web-1".into(), metadata, ..ProtoNode::default() })
}

fn string(pattern: MatchPattern, ignore_case: bool) -> StringMatcher {
    StringMatcher { match_pattern: Some(pattern), ignore_case }
}

fn by_id(pattern: MatchPattern) -> NodeMatcher {
    NodeMatcher { node_id: Some(string(pattern, false)), ..NodeMatcher::default() }
}

fn by_metadata(path: &[&str], pattern: value_matcher::MatchPattern) -> NodeMatcher {
    let segment = |key: &&str| PathSegment { segment: Some(Segment::Key((*key).to_owned())) };
    let value = Some(ValueMatcher { match_pattern: Some(pattern) });
    let metadata = StructMatcher { path: path.iter().map(segment).collect(), value };
    NodeMatcher { node_id: None, node_metadatas: vec![metadata] }
}

#[test]
fn ids_match_by_all_but_expressions() {
    for (pattern, expected) in [
        (MatchPattern::Exact("sidecar~web-1".into()), true),
        (MatchPattern::Exact("sidecar~web".into()), false),
        (MatchPattern::Prefix("sidecar~".into()), true),
        (MatchPattern::Suffix("-1".into()), true),
        (MatchPattern::Contains("WEB".into()), false),
    ] {
        assert_eq!(matches(&[by_id(pattern.clone())], &node()), expected, "{pattern:?}");
    }
    let regex = MatchPattern::SafeRegex(RegexMatcher { regex: ".*".into(), ..RegexMatcher::default() });
    assert_eq!(check(&[by_id(regex)]).unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(
        check(&[by_metadata(&[], value_matcher::MatchPattern::OrMatch(OrMatcher::default()))]).ok(),
        Some(())
    );
}

#[test]
fn metadata_match_by_path() {
    use value_matcher::MatchPattern as Pattern;
    let app =
        |text: &str, ignore_case| Pattern::StringMatch(string(MatchPattern::Exact(text.into()), ignore_case));
    assert!(matches(&[by_metadata(&["LABELS", "app"], app("web", true))], &node()));
    assert!(!matches(&[by_metadata(&["LABELS", "app"], app("web", false))], &node()));
    assert!(!matches(&[by_metadata(&["LABELS", "app", "deeper"], app("Web", false))], &node()));
    assert!(matches(&[by_metadata(&["LABELS", "none"], Pattern::PresentMatch(false))], &node()));
}

#[test]
fn one_matcher_of_many_is_enough_and_none_is_all() {
    let other = by_id(MatchPattern::Exact("other".into()));
    assert!(matches(&[], &node()));
    assert!(matches(&[other.clone(), by_id(MatchPattern::Prefix("side".into()))], &node()));
    let both = NodeMatcher {
        node_id: other.node_id,
        ..by_metadata(&["LABELS"], value_matcher::MatchPattern::PresentMatch(true))
    };
    assert!(!matches(&[both], &node()));
}
