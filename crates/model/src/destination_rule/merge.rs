//! Merges the rules of one namespace for one host.

use super::{DestinationRule, PolicyLayer, Subset};

/// Merges rules for the same host, oldest first: the first policy, and the subsets of all.
///
/// A subset that an older rule defines as well is left out and reported. Mirrors istio
/// pilot/pkg/model/destination_rule.go (mergeDestinationRule).
pub fn merge<'a>(oldest_first: impl IntoIterator<Item = &'a DestinationRule>) -> Option<DestinationRule> {
    let mut rules = oldest_first.into_iter();
    let mut merged = rules.next()?.clone();
    for rule in rules {
        if merged.policy == PolicyLayer::default() {
            merged.policy = rule.policy.clone();
            merged.policy_origin = rule.policy_origin.clone();
        }
        for subset in &rule.subsets {
            if merged.subset(&subset.name).is_none() {
                merged.subsets.push(subset.clone());
            }
        }
    }
    Some(merged)
}

/// The subsets of `rule` that `merged` takes from another object.
pub(crate) fn duplicate_subsets<'a>(
    rule: &'a DestinationRule,
    merged: &'a DestinationRule,
) -> impl Iterator<Item = (&'a Subset, &'a Subset)> {
    rule.subsets.iter().filter_map(|subset| {
        let kept = merged.subset(&subset.name)?;
        (kept.origin != rule.origin).then_some((subset, kept))
    })
}
