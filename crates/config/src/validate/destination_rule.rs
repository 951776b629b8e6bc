//! Rules for `DestinationRule`.
//!
//! Spec: <https://istio.io/latest/docs/reference/config/networking/destination-rule/>

use std::collections::BTreeSet;

use fairlead_api::DestinationRuleSpec;

use crate::{Code, Diagnostics, path, printable::shown};

use super::{
    combinations, destination, export_to,
    host::{self, HostForm},
    labels, traffic_policy,
};

pub(super) fn check(spec: &DestinationRuleSpec, found: &mut Diagnostics) {
    host::check(&spec.host, HostForm::Wildcard, path!("host"), found);
    if let Some(policy) = &spec.traffic_policy {
        traffic_policy::check(policy, &path!("trafficPolicy"), found);
    }
    combinations::destination_rule(spec, found);
    let mut names = BTreeSet::new();
    for (index, subset) in spec.subsets.iter().enumerate() {
        destination::subset_name(&subset.name, path!("subsets"[index]."name"), found);
        if !names.insert(&subset.name) {
            let text = format!("the subset `{}` appears twice", shown(&subset.name));
            found
                .error(Code::DuplicateName, path!("subsets"[index]."name"), text)
                .help("rename or remove one");
        }
        labels::check(&subset.labels, Code::BadLabel, &path!("subsets"[index]."labels"), found);
        if let Some(policy) = &subset.traffic_policy {
            traffic_policy::check(policy, &path!("subsets"[index]."trafficPolicy"), found);
        }
    }
    export_to::check(&spec.export_to, found);
    if let Some(selector) = &spec.workload_selector {
        labels::check(
            &selector.match_labels,
            Code::BadSelector,
            &path!("workloadSelector"."matchLabels"),
            found,
        );
    }
}
