//! Priorities and weights of localities, from the point of view of a client's place.
//!
//! Mirrors istio pilot/pkg/networking/core/loadbalancer/loadbalancer.go.

use std::{collections::BTreeMap, sync::Arc};

use fairlead_model::{
    endpoints::{Endpoint, Locality},
    proxy::Place,
};

/// The labels that `trafficDistribution: PreferClose` and `PreferSameZone` compare.
pub(super) const SAME_ZONE: [&str; 4] = [NETWORK, REGION, ZONE, SUBZONE];
/// The labels that `trafficDistribution: PreferSameNode` compares.
pub(super) const SAME_NODE: [&str; 5] = [NETWORK, REGION, ZONE, SUBZONE, NODE];

/// Highest priority number that Envoy accepts (`LocalityLbEndpoints.priority`).
const LAST_PRIORITY: u32 = 128;

const NETWORK: &str = "topology.istio.io/network";
const REGION: &str = "topology.kubernetes.io/region";
const ZONE: &str = "topology.kubernetes.io/zone";
const SUBZONE: &str = "topology.istio.io/subzone";
const NODE: &str = "kubernetes.io/hostname";

/// The shares of target localities, for the clients of one locality.
pub(super) type Shares = (Arc<str>, BTreeMap<Arc<str>, u32>);

/// How localities are preferred.
pub(super) enum Preference<'a> {
    /// `distribute`: shares by the client's locality.
    Distribute(&'a [Shares]),
    /// The nearest first; `failover` names the region that comes after the client's own.
    Failover(&'a [(Arc<str>, Arc<str>)]),
    /// `failoverPriority`: the more of these labels match, in order, the better.
    Labels(Vec<Arc<str>>),
}

/// The endpoints of one locality and priority.
#[derive(Debug, PartialEq)]
pub(super) struct LocalityGroup<'a> {
    pub locality: &'a Locality,
    pub endpoints: Vec<&'a Endpoint>,
    /// The priority; The priority; 0 is tried first.
    pub priority: u32,
    /// Relative to the other localities of the priority.
    pub weight: u32,
}

/// One group for each locality, all of the same priority, weighted by their endpoints.
pub(super) fn group<'a>(endpoints: impl Iterator<Item = &'a Endpoint>) -> Vec<LocalityGroup<'a>> {
    // In the order of the localities.
    let mut localities: BTreeMap<&Locality, Vec<&Endpoint>> = BTreeMap::new();
    for endpoint in endpoints {
        localities.entry(&endpoint.locality).or_default().push(endpoint);
    }
    localities.into_iter().map(|(locality, endpoints)| new_group(locality, endpoints, 0)).collect()
}

fn new_group<'a>(locality: &'a Locality, endpoints: Vec<&'a Endpoint>, priority: u32) -> LocalityGroup<'a> {
    let weight = endpoints.iter().fold(0u32, |sum, e| sum.saturating_add(e.weight));
    LocalityGroup { locality, endpoints, priority, weight }
}

/// The groups as a client at `place` prefers them. A client whose place is not known has no preference.
pub(super) fn apply<'a>(
    groups: Vec<LocalityGroup<'a>>,
    preference: &Preference<'_>,
    place: &Place,
) -> Vec<LocalityGroup<'a>> {
    match preference {
        Preference::Labels(labels) => by_labels(groups, labels, place),
        _ if place.locality == Locality::default() => groups,
        Preference::Failover(failover) => compact(by_distance(groups, failover, &place.locality)),
        Preference::Distribute(shares) => {
            match shares.iter().find(|(from, _)| matches(&place.locality, from)) {
                Some((_, to)) => distribute(groups, to),
                None => groups,
            }
        }
    }
}

/// By distance: the same subzone, zone, region, the region to fail over to, and the rest.
fn by_distance<'a>(
    mut groups: Vec<LocalityGroup<'a>>,
    failover: &[(Arc<str>, Arc<str>)],
    client: &Locality,
) -> Vec<LocalityGroup<'a>> {
    let next_region = failover.iter().find(|(from, _)| *from == client.region).map(|(_, to)| to);
    for group in &mut groups {
        let locality = group.locality;
        group.priority = if locality.region != client.region {
            if next_region.is_some_and(|to| *to != locality.region) { 4 } else { 3 }
        } else if locality.zone != client.zone {
            2
        } else {
            u32::from(locality.subzone != client.subzone)
        };
    }
    groups
}

/// By the number of labels that match before the first that does not; this may split a locality.
fn by_labels<'a>(
    groups: Vec<LocalityGroup<'a>>,
    labels: &[Arc<str>],
    place: &Place,
) -> Vec<LocalityGroup<'a>> {
    let mut split = Vec::new();
    for group in groups {
        let mut by_priority: BTreeMap<usize, Vec<&Endpoint>> = BTreeMap::new();
        for endpoint in group.endpoints {
            let agreeing = labels.iter().take_while(|label| agrees(endpoint, place, label)).count();
            by_priority.entry(labels.len() - agreeing).or_default().push(endpoint);
        }
        split.extend(by_priority.into_iter().map(|(priority, endpoints)| {
            new_group(group.locality, endpoints, u32::try_from(priority).unwrap_or(u32::MAX))
        }));
    }
    compact(split)
}

/// Whether the endpoint has the client's value of a label, or the one that `label=value` asks for.
fn agrees(endpoint: &Endpoint, place: &Place, label: &str) -> bool {
    let (key, wanted) = match label.split_once('=') {
        Some((key, value)) => (key, Some(value)),
        None => (label, client_label(place, label)),
    };
    wanted.unwrap_or_default() == endpoint_label(endpoint, key).unwrap_or_default()
}

fn client_label<'a>(place: &'a Place, key: &str) -> Option<&'a str> {
    Some(match key {
        NETWORK => &place.network,
        REGION => &place.locality.region,
        ZONE => &place.locality.zone,
        SUBZONE => &place.locality.subzone,
        NODE => &place.node,
        _ => return place.labels.get(key),
    })
}

fn endpoint_label<'a>(endpoint: &'a Endpoint, key: &str) -> Option<&'a str> {
    Some(match key {
        NETWORK => &endpoint.network,
        REGION => &endpoint.locality.region,
        ZONE => &endpoint.locality.zone,
        SUBZONE => &endpoint.locality.subzone,
        NODE => return endpoint.node.as_deref(),
        _ => return endpoint.labels.get(key),
    })
}

/// Numbers the priorities from 0 without gaps, as Envoy requires, and sorts by them. Those beyond the highest that
/// Envoy accepts share it: a single one above would make Envoy reject the whole assignment.
fn compact(mut groups: Vec<LocalityGroup<'_>>) -> Vec<LocalityGroup<'_>> {
    let mut used: Vec<u32> = groups.iter().map(|g| g.priority).collect();
    used.sort_unstable();
    used.dedup();
    for group in &mut groups {
        let rank = used.binary_search(&group.priority).unwrap_or_default();
        group.priority = u32::try_from(rank).unwrap_or(LAST_PRIORITY).min(LAST_PRIORITY);
    }
    groups.sort_by_key(|g| g.priority);
    groups
}

/// Each target pattern's share, divided among the localities that it matches; the others get nothing.
fn distribute<'a>(groups: Vec<LocalityGroup<'a>>, to: &BTreeMap<Arc<str>, u32>) -> Vec<LocalityGroup<'a>> {
    let mut weights = vec![None; groups.len()];
    for (pattern, share) in to {
        let matched: Vec<usize> = (0..groups.len())
            .filter(|i| weights[*i].is_none() && matches(groups[*i].locality, pattern))
            .collect();
        let total: u64 = matched.iter().map(|i| u64::from(groups[*i].weight)).sum();
        for i in matched {
            // Rounded up, as in Istio, so that no locality with a share gets none.
            let weight = (u64::from(groups[i].weight) * u64::from(*share)).div_ceil(total.max(1));
            weights[i] = Some(u32::try_from(weight).unwrap_or(u32::MAX));
        }
    }
    groups
        .into_iter()
        .zip(weights)
        .filter_map(|(group, weight)| Some(LocalityGroup { weight: weight.filter(|w| *w > 0)?, ..group }))
        .collect()
}

/// Whether `pattern` (`region/zone/subzone`, where `*` stands for the rest) matches.
fn matches(locality: &Locality, pattern: &str) -> bool {
    let parts = [&locality.region, &locality.zone, &locality.subzone];
    for (pattern, part) in pattern.split('/').zip(parts) {
        if pattern == "*" {
            return true;
        }
        if pattern != &**part {
            return false;
        }
    }
    true
}
