//! Findings about a DestinationRule among other objects.

use std::sync::Arc;

use fairlead_config::{Code, ConfigKey, Diagnostics, FieldPath, Timestamp, path};

use crate::{
    Host, age,
    destination_rule::{DestinationRule, PolicyBlocks, PolicyLayer, Subset, duplicate_subsets},
    endpoints::{MOST_IN_SUBSETS, ServiceEndpoints},
    registry::ServiceSummary,
};

/// What the findings depend on besides the rule.
pub(super) struct Context<'a> {
    /// Whether some service has the rule's host or is covered by it.
    pub(super) has_service: bool,
    /// What to do about the host where no service has it.
    pub(super) unknown_host: Option<String>,
    /// The services with exactly this host.
    pub(super) services: &'a [ServiceSummary],
    /// Their endpoints.
    pub(super) endpoints: &'a [Arc<ServiceEndpoints>],
    /// The rule that this one is merged into.
    pub(super) merged: Option<&'a DestinationRule>,
    /// The first few rules of the namespace with narrower hosts, and how many there are.
    pub(super) narrower: &'a (Vec<(Host, ConfigKey)>, usize),
    /// The first of the merged rules.
    pub(super) first: Option<&'a ConfigKey>,
    /// When a DestinationRule was created.
    pub(super) created: &'a dyn Fn(&ConfigKey) -> Option<Timestamp>,
}

pub(super) fn check(rule: &DestinationRule, context: &Context<'_>, diagnostics: &mut Diagnostics) {
    if !context.has_service {
        let message = format!("no service has the host `{}`", rule.host);
        let finding = diagnostics.warn(Code::UnknownHost, path!("host"), message);
        if let Some(help) = &context.unknown_host {
            finding.help(help.clone());
        }
    }
    check_narrower(context, diagnostics);
    check_hidden(&rule.policy, &path!("trafficPolicy"), diagnostics);
    check_ports(rule, context, diagnostics);
    for (index, subset) in rule.subsets.iter().enumerate() {
        check_hidden(&subset.policy, &path!("subsets"[index]."trafficPolicy"), diagnostics);
        check_subset(index, subset, context, diagnostics);
    }
    check_filled(rule, context, diagnostics);
    if let Some(merged) = context.merged {
        check_merged(rule, merged, context, diagnostics);
    }
}

/// Reports narrower rules: users expect a wildcard's rule to be their default, but rules are not merged with wider
/// ones.
fn check_narrower(context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let (named, all) = context.narrower;
    if named.is_empty() {
        return;
    }
    let hosts: Vec<String> = named.iter().map(|(host, origin)| format!("`{host}` ({origin})")).collect();
    let more =
        if *all > named.len() { format!(" and {} more hosts", all - named.len()) } else { String::new() };
    let own = if *all == 1 { "it has a rule of its own" } else { "they have rules of their own" };
    let message = format!("nothing of this rule applies to {}{more}: {own}", hosts.join(", "));
    let finding = diagnostics.info(Code::IgnoredPolicy, path!("host"), message);
    finding.help("repeat there what is to apply there: rules are not merged with wider ones");
}

/// Reports the first subset of the rule that has no endpoints because those before it reached the limit.
fn check_filled(rule: &DestinationRule, context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let all = &context.merged.unwrap_or(rule).subsets;
    let filled = context.endpoints.iter().map(|endpoints| endpoints.filled(all)).min().unwrap_or(all.len());
    let is_beyond = |own: &Subset| all[filled..].iter().any(|subset| subset.name == own.name);
    if filled < all.len()
        && let Some(index) = rule.subsets.iter().position(is_beyond)
    {
        let name = &rule.subsets[index].name;
        let message = format!(
            "the subsets before `{name}` have {MOST_IN_SUBSETS} endpoints, the maximum for a service; it and those after it have none"
        );
        diagnostics
            .error(Code::TooManyEndpoints, path!("subsets"[index]), message)
            .help("remove subsets, or give them labels that fewer endpoints have");
    }
}

/// Reports what a port's settings hide: they replace the whole policy, where users expect inheritance.
fn check_hidden(layer: &PolicyLayer, path: &FieldPath, diagnostics: &mut Diagnostics) {
    for (port, own) in &layer.ports {
        let hidden = hidden_blocks(&layer.blocks, &own.blocks);
        if !hidden.is_empty() {
            let message =
                format!("port {port} does not inherit {} from the policy above it", hidden.join(", "));
            diagnostics.info(Code::IgnoredPolicy, path.clone().field("portLevelSettings"), message);
        }
    }
}

fn hidden_blocks(above: &PolicyBlocks, port: &PolicyBlocks) -> Vec<&'static str> {
    let balances = |blocks: &PolicyBlocks| blocks.load_balancer.is_some() || blocks.locality_lb.is_some();
    let blocks = [
        ("loadBalancer", balances(above), balances(port)),
        ("connectionPool", above.connection_pool.is_some(), port.connection_pool.is_some()),
        ("outlierDetection", above.outlier_detection.is_some(), port.outlier_detection.is_some()),
        ("tls", above.tls.is_some(), port.tls.is_some()),
    ];
    blocks.into_iter().filter(|(_, above, port)| *above && !port).map(|(name, _, _)| name).collect()
}

fn check_ports(rule: &DestinationRule, context: &Context<'_>, diagnostics: &mut Diagnostics) {
    if context.services.is_empty() {
        return;
    }
    for number in rule.policy.ports.keys() {
        let has_it = |service: &ServiceSummary| service.ports.iter().any(|port| port.number == *number);
        if !context.services.iter().any(has_it) {
            let message = format!("`{}` has no port {number}", rule.host);
            diagnostics.warn(Code::UnknownPort, path!("trafficPolicy"."portLevelSettings"), message);
        }
    }
}

/// Reports a subset that matches no endpoint, unless the service has no endpoints at all.
fn check_subset(index: usize, subset: &Subset, context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let all = || {
        context.endpoints.iter().flat_map(|endpoints| endpoints.by_port.values()).flat_map(|list| list.iter())
    };
    if all().next().is_some() && !all().any(|endpoint| endpoint.has_labels(&subset.labels)) {
        let labels: Vec<String> = subset.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let message =
            format!("no endpoint has the labels {} of the subset `{}`", labels.join(", "), subset.name);
        diagnostics.warn(Code::EmptySubset, path!("subsets"[index]."labels"), message);
    }
}

fn check_merged(
    rule: &DestinationRule,
    merged: &DestinationRule,
    context: &Context<'_>,
    diagnostics: &mut Diagnostics,
) {
    for (subset, kept) in duplicate_subsets(rule, merged) {
        let index = rule.subsets.iter().position(|own| own.name == subset.name).unwrap_or(0);
        let reason = age::reason((context.created)(&kept.origin), (context.created)(&rule.origin));
        let message = format!("{} {reason} and defines the subset `{}` already", kept.origin, subset.name);
        diagnostics.warn(Code::DuplicateSubset, path!("subsets"[index]."name"), message);
    }
    if rule.policy != PolicyLayer::default() && rule.policy != merged.policy {
        let first = context.first.filter(|first| **first != rule.origin);
        let message = match first {
            Some(first) => {
                let reason = age::reason((context.created)(first), (context.created)(&rule.origin));
                format!("{first} {reason} and gives the policy for `{}`; this one is not used", rule.host)
            }
            None => {
                format!("another DestinationRule gives the policy for `{}`; this one is not used", rule.host)
            }
        };
        diagnostics.warn(Code::IgnoredPolicy, path!("trafficPolicy"), message);
    }
}
