//! What the filter chains of a listener take: Envoy refuses two that take the same connections.

use std::collections::BTreeSet;

use envoy_types::pb::envoy::config::{
    core::v3::CidrRange,
    listener::v3::{FilterChain, FilterChainMatch},
};
use fairlead_envoy::IntoProto;
use fairlead_model::Host;
use ipnet::IpNet;

/// What earlier chains of a listener have claimed: the first one wins.
#[derive(Default)]
pub(super) struct Claims {
    /// Server name and range; `None` is any.
    taken: BTreeSet<(Option<Host>, Option<IpNet>)>,
}

impl Claims {
    /// Claims a server name within ranges (none: all addresses); `false` where a part of it is taken.
    pub(super) fn server_name(&mut self, host: &Host, ranges: &[IpNet]) -> bool {
        // `*` is every name, which Envoy has as no condition.
        let host = (host.as_str() != "*").then(|| host.clone());
        if ranges.is_empty() {
            return self.taken.insert((host, None));
        }
        let wanted: Vec<_> = ranges.iter().map(|range| (host.clone(), Some(range.trunc()))).collect();
        if wanted.iter().any(|one| self.taken.contains(one)) {
            return false;
        }
        self.taken.extend(wanted);
        true
    }

    /// Takes those of `ranges` that are free; none given stands for all addresses. `None` where nothing is left.
    pub(super) fn free(&mut self, ranges: &[IpNet]) -> Option<Vec<IpNet>> {
        if ranges.is_empty() {
            return self.taken.insert((None, None)).then(Vec::new);
        }
        let ranges = ranges.iter().map(IpNet::trunc);
        let free: Vec<IpNet> = ranges.filter(|range| self.taken.insert((None, Some(*range)))).collect();
        (!free.is_empty()).then_some(free)
    }
}

/// The ranges as Envoy has them.
pub(super) fn cidrs(ranges: &[IpNet]) -> Vec<CidrRange> {
    let cidr = |range: &IpNet| CidrRange {
        address_prefix: range.network().to_string(),
        prefix_len: Some(u32::from(range.prefix_len()).into_proto()),
    };
    ranges.iter().map(cidr).collect()
}

/// Whether a chain takes every connection.
pub(super) fn takes_all(chain: &FilterChain) -> bool {
    chain.filter_chain_match.as_ref().is_none_or(|condition| *condition == FilterChainMatch::default())
}
