//! A matcher tree that picks a filter chain by server name.

use std::collections::BTreeMap;

use envoy_types::pb::{
    envoy::extensions::matching::common_inputs::network::v3::ServerNameInput,
    xds::{
        core::v3::TypedExtensionConfig,
        r#type::matcher::v3::{
            Matcher, StringMatcher,
            matcher::{
                MatcherList, MatcherTree, MatcherType, OnMatch,
                matcher_list::{
                    FieldMatcher, Predicate,
                    predicate::{MatchType, SinglePredicate, single_predicate::Matcher as ValueMatcher},
                },
                matcher_tree::{MatchMap, TreeType},
                on_match,
            },
            string_matcher::MatchPattern,
        },
    },
};
use prost::{Message, Name};

use crate::{extension, pack_any, wkt::IntoProto};

/// Picks the chain of the most specific name, as Envoy does with [`super::FilterChainBuilder::server_names`]: the
/// name itself, then the longest of the wildcards (`*.example.com`, at any depth), then `*`, which also takes
/// connections without a server name. `None` where there is nothing to compare.
///
/// Names are looked up in a map, wildcards one by one, the longest first. Envoy has a tree for both
/// (`ServerNameMatcher`), but it is work in progress and outside the threat model, and Envoy logs a warning for each
/// name every time.
pub fn server_name_matcher(chains: &BTreeMap<&str, &str>) -> Option<Matcher> {
    let otherwise = chains.get("*").map(|chain| action(chain));
    let suffix =
        |(name, chain): (&&str, &&str)| Some((name.strip_prefix('*')?.to_ascii_lowercase(), action(chain)));
    let mut suffixes: Vec<(String, OnMatch)> =
        chains.iter().filter(|(name, _)| **name != "*").filter_map(suffix).collect();
    suffixes.sort_by_key(|(suffix, _)| std::cmp::Reverse(suffix.len()));
    let exact = chains.iter().filter(|(name, _)| !name.starts_with('*'));
    let mut exact = exact.map(|(name, chain)| (name.to_ascii_lowercase(), action(chain))).peekable();

    let mut matcher = otherwise;
    if !suffixes.is_empty() {
        let matchers = suffixes.into_iter().map(|(suffix, chain)| ends_with(suffix, chain)).collect();
        matcher = Some(nested(MatcherType::MatcherList(MatcherList { matchers }), matcher));
    }
    if exact.peek().is_some() {
        let tree_type = Some(TreeType::ExactMatchMap(MatchMap { map: exact.collect() }));
        let tree = MatcherTree { input: Some(server_name()), tree_type };
        matcher = Some(nested(MatcherType::MatcherTree(tree), matcher));
    }
    match matcher?.on_match? {
        on_match::OnMatch::Matcher(matcher) => Some(*matcher),
        on_match::OnMatch::Action(_) => None,
    }
}

fn nested(matcher_type: MatcherType, otherwise: Option<OnMatch>) -> OnMatch {
    let matcher = Matcher { on_no_match: otherwise.map(Box::new), matcher_type: Some(matcher_type) };
    OnMatch { on_match: Some(on_match::OnMatch::Matcher(Box::new(matcher))), keep_matching: false }
}

fn ends_with(suffix: String, chain: OnMatch) -> FieldMatcher {
    let value = StringMatcher { match_pattern: Some(MatchPattern::Suffix(suffix)), ignore_case: false };
    let single =
        SinglePredicate { input: Some(server_name()), matcher: Some(ValueMatcher::ValueMatch(value)) };
    FieldMatcher {
        predicate: Some(Predicate { match_type: Some(MatchType::SinglePredicate(single)) }),
        on_match: Some(chain),
    }
}

/// The action is the name of the chain.
fn action(chain: &str) -> OnMatch {
    let name = typed(extension::FILTER_CHAIN_NAME, &chain.into_proto());
    OnMatch { on_match: Some(on_match::OnMatch::Action(name)), keep_matching: false }
}

fn server_name() -> TypedExtensionConfig {
    typed(extension::SERVER_NAME_INPUT, &ServerNameInput {})
}

/// The message of the xDS package, not that of Envoy's.
fn typed<M: Message + Name>(name: &str, config: &M) -> TypedExtensionConfig {
    TypedExtensionConfig { name: name.to_owned(), typed_config: Some(pack_any(config)) }
}

#[cfg(test)]
mod tests;
