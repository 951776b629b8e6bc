//! Rules for `LocalityLoadBalancerSetting` and for localities.

use std::collections::BTreeSet;

use fairlead_api::{LocalityDistribute, LocalityFailover, LocalityLoadBalancerSetting};

use crate::{Code, Diagnostics, FieldPath, printable::shown};

pub(super) fn check(
    setting: &LocalityLoadBalancerSetting,
    ejects: bool,
    path: &FieldPath,
    found: &mut Diagnostics,
) {
    let at = |field: &'static str| path.clone().field(field);
    let fails_over = !setting.failover.is_empty() || !setting.failover_priority.is_empty();
    if !setting.distribute.is_empty() && fails_over {
        let text = "`distribute` excludes `failover` and `failoverPriority`";
        found.error(Code::MutuallyExclusive, at("distribute"), text).help("keep one of them");
    }
    if fails_over && !ejects && setting.enabled != Some(false) {
        let text = "traffic fails over to other localities only if `outlierDetection` is set";
        found
            .warn(Code::BadLocality, path.clone(), text)
            .help("write outlierDetection: {} in the same policy");
    }
    let mut origins = BTreeSet::new();
    for (index, share) in setting.distribute.iter().enumerate() {
        distribute(share, &at("distribute").index(index), found);
        if !origins.insert(&share.from) {
            let text = "two distributions are for the same locality";
            found.error(Code::BadLocality, at("distribute").index(index).field("from"), text);
        }
    }
    for (index, pair) in setting.failover.iter().enumerate() {
        failover(pair, &at("failover").index(index), found);
    }
    let mut labels = BTreeSet::new();
    for (index, label) in setting.failover_priority.iter().enumerate() {
        let key = label.split('=').next().unwrap_or_default();
        let path = at("failoverPriority").index(index);
        if let Err(why) = crate::syntax::qualified_name(key) {
            found.error(Code::BadLocality, path, format!("`{}` is not a label: {why}", shown(label)));
        } else if !labels.insert(key) {
            found.error(Code::BadLocality, path, format!("the label `{}` appears twice", shown(key)));
        }
    }
}

fn distribute(share: &LocalityDistribute, path: &FieldPath, found: &mut Diagnostics) {
    check_pattern(share.from.as_deref(), path.clone().field("from"), found);
    let mut total: u64 = 0;
    for (to, weight) in &share.to {
        let path = path.clone().field("to").key(to.clone());
        check_pattern(Some(to), path.clone(), found);
        if !(1..=100).contains(weight) {
            found.error(Code::BadLocality, path, format!("the share {weight} is not between 1 and 100"));
        }
        total += u64::from(*weight);
    }
    if total != 100 {
        let text = format!("the shares add up to {total}, not to 100");
        found.error(Code::BadLocality, path.clone().field("to"), text);
    }
}

fn failover(pair: &LocalityFailover, path: &FieldPath, found: &mut Diagnostics) {
    for (field, region) in [("from", &pair.from), ("to", &pair.to)] {
        let region = region.as_deref().unwrap_or_default();
        if region.is_empty() || region.contains(['/', '*']) {
            let text = format!("`{}` is not a region", shown(region));
            let help = "traffic fails over between regions; write one without zone or wildcard";
            found.error(Code::BadLocality, path.clone().field(field), text).help(help);
        }
    }
    if pair.from.is_some() && pair.from == pair.to {
        found.error(Code::BadLocality, path.clone(), "a region cannot fail over to itself");
    }
}

fn check_pattern(locality: Option<&str>, path: FieldPath, found: &mut Diagnostics) {
    let locality = locality.unwrap_or_default();
    if let Some(why) = fault(locality, true) {
        found
            .error(Code::BadLocality, path, format!("`{}` is not a locality: {why}", shown(locality)))
            .help("write it as in region/zone/subzone or region/zone/*");
    }
}

/// Checks the locality of an endpoint.
pub(super) fn endpoint(locality: &str, path: FieldPath, found: &mut Diagnostics) {
    if let Some(why) = fault(locality, false) {
        found
            .error(Code::BadLocality, path, format!("`{}` is not a locality: {why}", shown(locality)))
            .help("write it as in region/zone/subzone");
    }
}

fn fault(locality: &str, wildcard: bool) -> Option<&'static str> {
    let parts: Vec<_> = locality.split('/').collect();
    if parts.len() > 3 {
        return Some("it has more than three parts");
    }
    if parts.iter().any(|part| part.is_empty()) {
        return Some("a part of it is empty");
    }
    let star = parts.iter().position(|part| part.contains('*'));
    match star {
        Some(_) if !wildcard => Some("a wildcard is not allowed"),
        Some(at) if parts[at] != "*" || at + 1 != parts.len() => Some("only its last part can be *"),
        _ => None,
    }
}
