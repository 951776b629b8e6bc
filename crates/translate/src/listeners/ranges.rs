//! Filter chains repeated within the address ranges of others.
//!
//! Envoy matches the most specific range of a connection first and its server name next, and does not backtrack. A
//! chain for a name within a range would therefore cut off all other names in that range. These are given chains within
//! the range as well, up to [`MOST_REPEATED`] names.

use std::collections::{BTreeMap, BTreeSet};

use envoy_types::pb::envoy::config::listener::v3::{FilterChain, FilterChainMatch};
use fairlead_model::diagnostics::MOST_REPEATED;
use ipnet::IpNet;

use super::claims::cidrs;

/// The chains of a listener, in order of precedence, with what Envoy needs to find them within the ranges of others.
/// Each is given with the place of the chain that it comes from.
pub(super) fn within_ranges(chains: Vec<FilterChain>) -> Vec<(usize, FilterChain)> {
    let known: Vec<Known> = chains.iter().map(Known::of).collect();
    let mut by_range: BTreeMap<IpNet, Vec<usize>> = BTreeMap::new();
    let mut order: Vec<IpNet> = Vec::new();
    for (at, chain) in known.iter().enumerate() {
        for range in &chain.ranges {
            let there = by_range.entry(*range).or_default();
            if there.is_empty() {
                order.push(*range);
            }
            there.push(at);
        }
    }
    if order.is_empty() {
        return chains.into_iter().enumerate().collect();
    }
    let everywhere: Vec<usize> = (0..known.len()).filter(|at| known[*at].ranges.is_empty()).collect();
    let mut repeated: BTreeMap<(usize, Vec<String>), Vec<IpNet>> = BTreeMap::new();
    let mut left_out: BTreeSet<IpNet> = BTreeSet::new();
    let mut names = 0;
    for range in order {
        let missing = missing(range, &known, &by_range, &everywhere, MOST_REPEATED - names);
        let Some(missing) = missing else {
            left_out.insert(range);
            continue;
        };
        for (at, of_range) in missing {
            names += of_range.len().max(1);
            repeated.entry((at, of_range)).or_default().push(range);
        }
    }
    let mut result = Vec::with_capacity(chains.len() + repeated.len());
    let copies = repeated.into_iter().map(|((at, names), ranges)| {
        let mut copy = chains[at].clone();
        if !copy.name.is_empty() {
            copy.name.push_str("#ranges");
        }
        let condition = copy.filter_chain_match.get_or_insert_default();
        condition.server_names = names;
        condition.prefix_ranges = cidrs(&ranges);
        (at, copy)
    });
    let copies: Vec<_> = copies.collect();
    for (at, mut chain) in chains.into_iter().enumerate() {
        let ranges: Vec<IpNet> =
            known[at].ranges.iter().filter(|range| !left_out.contains(*range)).copied().collect();
        if ranges.is_empty() && !known[at].ranges.is_empty() {
            continue;
        }
        if ranges.len() < known[at].ranges.len() {
            chain.filter_chain_match.get_or_insert_default().prefix_ranges = cidrs(&ranges);
        }
        result.push((at, chain));
    }
    result.extend(copies);
    result
}

/// What a chain matches.
struct Known {
    ranges: Vec<IpNet>,
    names: Vec<String>,
    /// Everything but ranges and names.
    rest: FilterChainMatch,
}

impl Known {
    fn of(chain: &FilterChain) -> Self {
        let mut rest = chain.filter_chain_match.clone().unwrap_or_default();
        let names = std::mem::take(&mut rest.server_names);
        let ranges = std::mem::take(&mut rest.prefix_ranges).into_iter().filter_map(|range| {
            let length = u8::try_from(range.prefix_len.map_or(0, |length| length.value)).ok()?;
            IpNet::new(range.address_prefix.parse().ok()?, length).ok()
        });
        Self { ranges: ranges.collect(), names, rest }
    }

    fn takes_all(&self) -> bool {
        self.names.is_empty() && self.rest == FilterChainMatch::default()
    }
}

/// The names of other chains that are missing within a range, by chain; an empty list stands for all names. `None` if
/// there are more than `most`.
fn missing(
    range: IpNet,
    known: &[Known],
    by_range: &BTreeMap<IpNet, Vec<usize>>,
    everywhere: &[usize],
    most: usize,
) -> Option<Vec<(usize, Vec<String>)>> {
    let there = &by_range[&range];
    let mut missing = Vec::new();
    if there.iter().any(|at| known[*at].takes_all()) {
        return Some(missing);
    }
    let mut names: BTreeSet<&str> =
        there.iter().flat_map(|at| &known[*at].names).map(String::as_str).collect();
    let mut nameless: Vec<&FilterChainMatch> =
        there.iter().map(|at| &known[*at]).filter(|chain| chain.names.is_empty()).map(|c| &c.rest).collect();
    let mut count = 0;
    let wider =
        std::iter::successors(range.supernet(), IpNet::supernet).filter_map(|wider| by_range.get(&wider));
    for at in wider.flatten().chain(everywhere) {
        let chain = &known[*at];
        if chain.names.is_empty() {
            if !nameless.contains(&&chain.rest) {
                nameless.push(&chain.rest);
                missing.push((*at, Vec::new()));
                count += 1;
            }
        } else {
            let free: Vec<&String> = chain.names.iter().filter(|name| !is_covered(name, &names)).collect();
            if !free.is_empty() {
                names.extend(free.iter().map(|name| name.as_str()));
                count += free.len();
                missing.push((*at, free.into_iter().cloned().collect()));
            }
        }
        if count > most {
            return None;
        }
        if chain.takes_all() {
            break;
        }
    }
    Some(missing)
}

/// Whether a name, or a wildcard that it is below, is among others.
fn is_covered(name: &str, names: &BTreeSet<&str>) -> bool {
    let above = name.match_indices('.').map(|(at, _)| ["*", &name[at..]].concat());
    names.contains(name) || above.into_iter().any(|wildcard| names.contains(wildcard.as_str()))
}

#[cfg(test)]
mod tests;
