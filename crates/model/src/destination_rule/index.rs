//! Which rule applies to a service: rules by namespace and host, and the order in which namespaces are asked.

use std::sync::Arc;

use fairlead_config::{ConfigKey, LabelSet, Namespace, Timestamp};

use super::{DestinationRule, RuleKey};
use crate::{Host, ServiceKey, age, host_map::HostMap, service::Visibility};

/// What decides which services and clients a rule applies to: everything but its policies.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleHeader {
    /// The object.
    pub origin: ConfigKey,
    /// Its creation time.
    pub created: Option<Timestamp>,
    /// Its host.
    pub host: Host,
    /// Who may use it.
    pub export_to: Visibility,
    /// The workloads whose proxies use it; `None`: all.
    pub workload_selector: Option<LabelSet>,
    /// Labels that its `failoverPriority` asks about the client, each without a value.
    pub failover_labels: Vec<Arc<str>>,
    /// Whether it names a Secret.
    pub names_secret: bool,
}

impl RuleHeader {
    /// The header of a rule that was created then.
    pub fn of(rule: &DestinationRule, created: Option<Timestamp>) -> Self {
        Self {
            origin: rule.origin.clone(),
            created,
            host: rule.host.clone(),
            export_to: rule.export_to.clone(),
            workload_selector: rule.workload_selector.clone(),
            failover_labels: failover_labels(rule),
            names_secret: rule
                .tls()
                .any(|(tls, _)| tls.certificate_secret().is_some() || tls.ca_secret().is_some()),
        }
    }
}

/// The keys of the client's labels that the rule's `failoverPriority` lists name.
fn failover_labels(rule: &DestinationRule) -> Vec<Arc<str>> {
    let settings = rule.policies().filter_map(|policy| policy.blocks.locality_lb.as_ref());
    let mut labels: Vec<Arc<str>> = settings.flat_map(crate::LocalityLb::client_labels).collect();
    labels.sort();
    labels.dedup();
    labels
}

impl crate::LocalityLb {
    /// The keys of the client's labels that `failoverPriority` asks about. An entry `key=value` carries the
    /// value itself and asks nothing.
    pub fn client_labels(&self) -> impl Iterator<Item = Arc<str>> + '_ {
        self.failover_priority.iter().filter(|label| !label.contains('=')).cloned()
    }
}

/// The rules of one namespace by host, each the key of the objects merged into it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleIndex {
    /// All rules, for clients in the namespace.
    local: HostMap<Vec<Rule>>,
    /// Rules that are exported, for clients in other namespaces.
    exported: HostMap<Vec<Rule>>,
    /// Rules that are not exported, for clients in the root namespace.
    private: HostMap<Vec<Rule>>,
}

#[derive(Clone, Debug, PartialEq)]
struct Rule {
    key: RuleKey,
    export_to: Visibility,
    workload_selector: Option<LabelSet>,
}

/// Groups the rules of a namespace by host, visibility and selector.
pub(super) fn groups(headers: &[Arc<RuleHeader>]) -> Vec<Vec<Arc<RuleHeader>>> {
    let mut sorted = headers.to_vec();
    sorted.sort_by(|a, b| age::compare((a.created, &a.origin), (b.created, &b.origin)));
    let mut by_host: HostMap<usize> = HostMap::default();
    let mut groups: Vec<Vec<Arc<RuleHeader>>> = Vec::new();
    // The positions of the groups of a host: most hosts have one.
    let mut siblings: Vec<Vec<usize>> = Vec::new();
    for header in sorted {
        let of_host = *by_host.entry(&header.host, || {
            siblings.push(Vec::new());
            siblings.len() - 1
        });
        let same = |at: &&usize| {
            let first = &groups[**at][0];
            first.export_to == header.export_to && first.workload_selector == header.workload_selector
        };
        if let Some(&at) = siblings[of_host].iter().find(same) {
            groups[at].push(header);
        } else {
            siblings[of_host].push(groups.len());
            groups.push(vec![header]);
        }
    }
    groups
}

/// The key of the rule that a group of `namespace` is merged into.
pub(super) fn rule_key(namespace: &Namespace, group: &[Arc<RuleHeader>]) -> RuleKey {
    RuleKey {
        namespace: namespace.clone(),
        host: group[0].host.clone(),
        objects: group.iter().map(|header| header.origin.clone()).collect(),
    }
}

impl RuleIndex {
    /// The index of the rules of `namespace`.
    pub fn new(namespace: &Namespace, headers: &[Arc<RuleHeader>]) -> Self {
        let mut index = Self::default();
        for group in groups(headers) {
            let first = &group[0];
            let rule = Rule {
                key: rule_key(namespace, &group),
                export_to: first.export_to.clone(),
                workload_selector: first.workload_selector.clone(),
            };
            let private = match &first.export_to {
                Visibility::Public => false,
                Visibility::Namespaces(list) => list.iter().all(|entry| entry == namespace),
                Visibility::None => true,
            };
            let others = if private { &mut index.private } else { &mut index.exported };
            others.entry(&first.host, Vec::new).push(rule.clone());
            index.local.entry(&first.host, Vec::new).push(rule);
        }
        index
    }

    /// Whether there is no rule.
    pub fn is_empty(&self) -> bool {
        self.local.is_empty()
    }

    fn of_client<'a>(&'a self, host: &'a Host, selected: &[ConfigKey]) -> Option<&'a RuleKey> {
        most_specific(&self.local, host, selected, |_| true)
    }

    fn of_root_client<'a>(&'a self, host: &'a Host, selected: &[ConfigKey]) -> Option<&'a RuleKey> {
        most_specific(&self.private, host, selected, |_| true)
    }

    fn exported_to<'a>(
        &'a self,
        client: &Namespace,
        host: &'a Host,
        selected: &[ConfigKey],
    ) -> Option<&'a RuleKey> {
        most_specific(&self.exported, host, selected, |rule| rule.export_to.allows(client))
    }
}

/// The rule of the most specific host; among those, one that selects the client before one for all.
///
/// A rule that selects other workloads is skipped, and so is its host. As in Istio, a rule that is not visible still
/// hides less specific ones.
fn most_specific<'a>(
    rules: &'a HostMap<Vec<Rule>>,
    host: &'a Host,
    selected: &[ConfigKey],
    visible: impl Fn(&Rule) -> bool,
) -> Option<&'a RuleKey> {
    let selects = |rule: &&Rule| match &rule.workload_selector {
        None => true,
        Some(_) => rule.key.objects.iter().any(|object| selected.contains(object)),
    };
    let mut candidates = rules.covering(host).map(|list| list.iter().filter(selects).collect::<Vec<_>>());
    let list = candidates.find(|list| !list.is_empty())?;
    let mut visible = list.into_iter().filter(|rule| visible(rule)).peekable();
    let first = visible.peek().copied();
    visible.find(|rule| rule.workload_selector.is_some()).or(first).map(|rule| &rule.key)
}

/// Finds the rule for `service` as a client sees it.
///
/// The client's own namespace is asked first, unless it is the root namespace; then the service's and the
/// root namespace, for rules that are exported to the client. Within a namespace the most specific host wins.
/// Rules of several namespaces are never combined. `selected` are the rules with a selector of the client's
/// namespace that select it. `rules` gives the index of a namespace.
///
/// Mirrors istio pilot/pkg/model/push_context.go (destinationRule). Differs from Istio: a rule whose selector
/// does not select the client does not hide the rules of other namespaces.
pub fn lookup(
    client: &Namespace,
    root: &Namespace,
    service: &ServiceKey,
    selected: &[ConfigKey],
    rules: impl Fn(&Namespace) -> Arc<RuleIndex>,
) -> Option<RuleKey> {
    let host = &service.host;
    let own = rules(client);
    let own_rule =
        if client == root { own.of_root_client(host, selected) } else { own.of_client(host, selected) };
    if let Some(key) = own_rule {
        return Some(key.clone());
    }
    for namespace in [&service.namespace, root] {
        if let Some(key) = rules(namespace).exported_to(client, host, selected) {
            return Some(key.clone());
        }
    }
    None
}
