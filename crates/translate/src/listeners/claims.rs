//! The connections that the filter chains of a listener match: Envoy rejects a listener two of whose chains match the
//! same. Each chain is therefore checked against all earlier ones, those of the same object included.

use std::collections::{BTreeMap, BTreeSet};

use envoy_types::pb::envoy::config::{
    core::v3::CidrRange,
    listener::v3::{FilterChain, FilterChainMatch},
};
use fairlead_envoy::address::cidr_range;
use fairlead_model::{Host, proxy::IpFamilies};
use ipnet::IpNet;

/// What earlier chains of a listener have claimed: the first claim wins.
pub(super) struct Claims {
    families: IpFamilies,
    /// Server name and range; `None` is any.
    taken: BTreeSet<(Option<Host>, Option<IpNet>)>,
}

/// Server names that are free in the same ranges; no range stands for all addresses.
pub(super) type FreeNames = (Vec<Host>, Vec<IpNet>);

impl Claims {
    /// A listener on addresses of these families, of which nothing is claimed yet.
    pub(super) fn new(families: IpFamilies) -> Self {
        Self { families, taken: BTreeSet::new() }
    }

    /// Claims server names within ranges (none: all addresses): what is free of that, each name once.
    pub(super) fn server_names(&mut self, names: &[Host], ranges: &[IpNet]) -> Vec<FreeNames> {
        let ranges = self.distinct(ranges);
        let mut free: BTreeMap<Vec<IpNet>, Vec<Host>> = BTreeMap::new();
        let mut order: Vec<Vec<IpNet>> = Vec::new();
        for name in names {
            // `*` stands for every name, which Envoy expresses by no condition.
            let claimed = (name.as_str() != "*").then(|| name.clone());
            let Some(ranges) = self.claim(claimed.as_ref(), &ranges) else { continue };
            let of_ranges = free.entry(ranges.clone()).or_default();
            if of_ranges.is_empty() {
                order.push(ranges);
            }
            of_ranges.push(name.clone());
        }
        order.into_iter().filter_map(|ranges| Some((free.remove(&ranges)?, ranges))).collect()
    }

    /// Takes those of `ranges` that are free; none given stands for all addresses. `None` where nothing is left.
    pub(super) fn free(&mut self, ranges: &[IpNet]) -> Option<Vec<IpNet>> {
        let ranges = self.distinct(ranges);
        self.claim(None, &ranges)
    }

    fn claim(&mut self, name: Option<&Host>, ranges: &[IpNet]) -> Option<Vec<IpNet>> {
        if ranges.is_empty() {
            return self.taken.insert((name.cloned(), None)).then(Vec::new);
        }
        let is_free = |range: &&IpNet| self.taken.insert((name.cloned(), Some(**range)));
        let free: Vec<IpNet> = ranges.iter().filter(is_free).copied().collect();
        (!free.is_empty()).then_some(free)
    }

    /// The ranges as Envoy distinguishes them, each once.
    ///
    /// Ranges that cover every address of the listener become no condition. Otherwise a range of every address of a
    /// family is written as its two halves: Envoy takes no condition for that range, and would find only one of two
    /// such chains.
    fn distinct(&self, ranges: &[IpNet]) -> Vec<IpNet> {
        let every = |v6: bool| ranges.iter().any(|range| range.prefix_len() == 0 && is_v6(range) == v6);
        let all = match self.families {
            IpFamilies::V4 => every(false),
            IpFamilies::V6 => every(true),
            IpFamilies::Dual => every(false) && every(true),
        };
        if all {
            return Vec::new();
        }
        let mut there = BTreeSet::new();
        let halves = |range: &IpNet| -> Vec<IpNet> {
            match range.prefix_len() {
                0 => range.subnets(1).map(Iterator::collect).unwrap_or_default(),
                _ => vec![range.trunc()],
            }
        };
        ranges.iter().flat_map(halves).filter(|range| there.insert(*range)).collect()
    }
}

fn is_v6(range: &IpNet) -> bool {
    matches!(range, IpNet::V6(_))
}

/// The ranges as Envoy's message.
pub(super) fn cidrs(ranges: &[IpNet]) -> Vec<CidrRange> {
    ranges.iter().map(|range| cidr_range(range.network(), range.prefix_len())).collect()
}

/// Whether a chain takes every connection.
pub(super) fn takes_all(chain: &FilterChain) -> bool {
    chain.filter_chain_match.as_ref().is_none_or(|condition| *condition == FilterChainMatch::default())
}

#[cfg(test)]
mod tests;
