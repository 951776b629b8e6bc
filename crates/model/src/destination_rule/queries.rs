//! The queries over DestinationRules: each resolved, those of a namespace by host, the one for a service.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use fairlead_config::{ConfigKey, Namespace};
use fairlead_incremental::{Query, Reader, Stratum};

use super::{
    DestinationRule, RuleHeader, RuleIndex, RuleKey,
    index::{groups, rule_key},
    lookup, merge, resolve,
};
use crate::{ServiceKey, input, mesh::ResolvedMesh, strata};

/// A DestinationRule, resolved by itself.
#[derive(Debug)]
pub struct ResolvedDestinationRule;

impl Query for ResolvedDestinationRule {
    type Key = ConfigKey;
    type Value = Option<Arc<DestinationRule>>;
    const NAME: &'static str = "resolved destination rule";
    const STRATUM: Stratum = strata::OBJECT;

    fn compute(cx: &Reader<'_>, key: &ConfigKey) -> Self::Value {
        let config = cx.input::<input::DestinationRules>(key)?;
        let mesh = cx.get::<ResolvedMesh>(&());
        let default_export = &mesh.default_destination_rule_export_to;
        Some(Arc::new(resolve(&config, &mesh.domain, default_export)))
    }
}

/// The header of a DestinationRule.
#[derive(Debug)]
pub struct RuleHeaderOf;

impl Query for RuleHeaderOf {
    type Key = ConfigKey;
    type Value = Option<Arc<RuleHeader>>;
    const NAME: &'static str = "destination rule header";
    const STRATUM: Stratum = strata::HEADER;

    fn compute(cx: &Reader<'_>, key: &ConfigKey) -> Self::Value {
        let rule = cx.get::<ResolvedDestinationRule>(key);
        let created = cx.input::<input::DestinationRules>(key)?.created;
        rule.as_ref().as_ref().map(|rule| Arc::new(RuleHeader::of(rule, created)))
    }
}

/// The headers of the DestinationRules of a namespace, by name.
#[derive(Debug)]
pub struct RuleHeadersIn;

impl Query for RuleHeadersIn {
    type Key = Namespace;
    type Value = Arc<[Arc<RuleHeader>]>;
    const NAME: &'static str = "destination rule headers of a namespace";
    const STRATUM: Stratum = strata::HEADERS;

    fn compute(cx: &Reader<'_>, namespace: &Namespace) -> Self::Value {
        let keys = cx.index::<input::ByNamespace<input::DestinationRules>>(namespace);
        keys.iter().filter_map(|key| (*cx.get::<RuleHeaderOf>(key)).clone()).collect()
    }
}

/// The DestinationRules of a namespace by host.
#[derive(Debug)]
pub struct RulesOfNamespace;

impl Query for RulesOfNamespace {
    type Key = Namespace;
    type Value = Arc<RuleIndex>;
    const NAME: &'static str = "destination rules of a namespace";
    const STRATUM: Stratum = strata::REGISTRY;

    fn compute(cx: &Reader<'_>, namespace: &Namespace) -> Self::Value {
        Arc::new(RuleIndex::new(namespace, &cx.get::<RuleHeadersIn>(namespace)))
    }
}

/// The DestinationRules of a namespace that are merged with others, each with the key of the result.
#[derive(Debug)]
pub struct MergedGroups;

impl Query for MergedGroups {
    type Key = Namespace;
    type Value = Arc<BTreeMap<ConfigKey, RuleKey>>;
    const NAME: &'static str = "merged destination rules of a namespace";
    const STRATUM: Stratum = strata::REGISTRY;

    fn compute(cx: &Reader<'_>, namespace: &Namespace) -> Self::Value {
        let groups = groups(&cx.get::<RuleHeadersIn>(namespace));
        let mut merged = BTreeMap::new();
        for group in groups.iter().filter(|group| group.len() > 1) {
            let key = rule_key(namespace, group);
            merged.extend(group.iter().map(|header| (header.origin.clone(), key.clone())));
        }
        Arc::new(merged)
    }
}

/// The DestinationRules of a namespace that are for some workloads only, by name.
#[derive(Debug)]
pub struct SelectingRules;

impl Query for SelectingRules {
    type Key = Namespace;
    type Value = Arc<[Arc<RuleHeader>]>;
    const NAME: &'static str = "destination rules with a workload selector";
    const STRATUM: Stratum = strata::REGISTRY;

    fn compute(cx: &Reader<'_>, namespace: &Namespace) -> Self::Value {
        let headers = cx.get::<RuleHeadersIn>(namespace);
        headers.iter().filter(|header| header.workload_selector.is_some()).cloned().collect()
    }
}

/// The labels of clients that some `failoverPriority` asks about, sorted.
#[derive(Debug)]
pub struct FailoverLabelKeys;

impl Query for FailoverLabelKeys {
    type Key = ();
    type Value = Arc<[Arc<str>]>;
    const NAME: &'static str = "failover label keys";
    const STRATUM: Stratum = strata::REGISTRY_INDEX;

    fn compute(cx: &Reader<'_>, (): &()) -> Self::Value {
        let mut keys: BTreeSet<Arc<str>> = cx.get::<ResolvedMesh>(&()).locality_lb.client_labels().collect();
        for key in &cx.index::<input::All<input::DestinationRules>>(&()) {
            if let Some(header) = cx.get::<RuleHeaderOf>(key).as_ref() {
                keys.extend(header.failover_labels.iter().cloned());
            }
        }
        keys.into_iter().collect()
    }
}

/// The DestinationRules that name a Secret.
#[derive(Debug)]
pub struct RulesNamingSecrets;

impl Query for RulesNamingSecrets {
    type Key = ();
    type Value = Arc<BTreeSet<ConfigKey>>;
    const NAME: &'static str = "destination rules that name a secret";
    const STRATUM: Stratum = strata::REGISTRY_INDEX;

    fn compute(cx: &Reader<'_>, (): &()) -> Self::Value {
        let keys = cx.index::<input::All<input::DestinationRules>>(&());
        let names_secret = |key: &&ConfigKey| {
            cx.get::<RuleHeaderOf>(key).as_ref().as_ref().is_some_and(|rule| rule.names_secret)
        };
        Arc::new(keys.iter().filter(names_secret).cloned().collect())
    }
}

/// A client's namespace and a service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleForKey {
    /// The namespace of the client.
    pub client: Namespace,
    /// The service.
    pub service: ServiceKey,
}

/// The rule for a service in the eyes of a client; rules that select workloads are left out.
#[derive(Debug)]
pub struct RuleFor;

impl Query for RuleFor {
    type Key = RuleForKey;
    type Value = Option<RuleKey>;
    const NAME: &'static str = "destination rule for a service";
    const STRATUM: Stratum = strata::SCOPE;

    fn compute(cx: &Reader<'_>, key: &RuleForKey) -> Self::Value {
        let root = cx.get::<ResolvedMesh>(&()).root_namespace.clone();
        let rules = |namespace: &Namespace| (*cx.get::<RulesOfNamespace>(namespace)).clone();
        lookup(&key.client, &root, &key.service, &[], rules)
    }
}

/// The DestinationRules of a key, merged.
#[derive(Debug)]
pub struct MergedRule;

impl Query for MergedRule {
    type Key = RuleKey;
    type Value = Option<Arc<DestinationRule>>;
    const NAME: &'static str = "merged destination rule";
    const STRATUM: Stratum = strata::REGISTRY;

    fn compute(cx: &Reader<'_>, key: &RuleKey) -> Self::Value {
        let rules: Vec<Arc<DestinationRule>> = key
            .objects
            .iter()
            .filter_map(|object| (*cx.get::<ResolvedDestinationRule>(object)).clone())
            .collect();
        match rules.as_slice() {
            [only] => Some(Arc::clone(only)),
            several => merge(several.iter().map(Arc::as_ref)).map(Arc::new),
        }
    }
}
