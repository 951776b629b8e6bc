//! Resolves `DestinationRule` into subsets and layers of [`TrafficPolicy`], and picks the rule for a service.
//!
//! Reads: DestinationRule, MeshConfig · Produces: [`DestinationRule`], [`RuleKey`]
//! Consumed by: `translate::clusters`, `translate::endpoints`, `translate::routes` (hash policies)
//! Spec: <https://istio.io/latest/docs/reference/config/networking/destination-rule/>

//! Differs from Istio: a rule whose selector does not select the client does not hide the rules of other
//! namespaces; `tunnel`, `proxyProtocol`, `retryBudget`, `warmup` and `http2KeepAlive` are ignored.

pub(crate) mod blocks;
mod index;
mod merge;
mod queries;
mod resolve;

use std::{collections::BTreeMap, sync::Arc};

use fairlead_config::{ConfigKey, LabelSet, Namespace, Origin, path};

use crate::{
    ConnectionPool, Host, LoadBalancer, LocalityLb, OutlierDetection, TrafficPolicy, UpstreamTls,
    service::Visibility,
};

pub use index::{RuleHeader, RuleIndex, lookup};
pub(crate) use merge::duplicate_subsets;
pub use merge::merge;
pub use queries::{
    FailoverLabelKeys, MergedGroups, MergedRule, ResolvedDestinationRule, RuleFor, RuleForKey, RuleHeaderOf,
    RuleHeadersIn, RulesNamingSecrets, RulesOfNamespace, SelectingRules,
};
pub use resolve::resolve;

/// The rule that applies to a service in a scope: all DestinationRules of one namespace for one host, merged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleKey {
    /// The namespace of the DestinationRules.
    pub namespace: Namespace,
    /// Their `host`, resolved.
    pub host: Host,
    /// The merged objects, oldest first. They tell apart rules of one host and namespace that are exported differently.
    pub objects: Arc<[ConfigKey]>,
}

/// A DestinationRule, resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct DestinationRule {
    /// The object; the oldest of several that were merged.
    pub origin: ConfigKey,
    /// The host that it applies to; may be a wildcard.
    pub host: Host,
    /// Who may use it.
    pub export_to: Visibility,
    /// The workloads whose proxies use it; `None`: all.
    pub workload_selector: Option<LabelSet>,
    /// The policy of the rule itself.
    pub policy: PolicyLayer,
    /// The object that has this policy; of several that were merged, the oldest with one.
    pub policy_origin: ConfigKey,
    /// The subsets, in order.
    pub subsets: Vec<Subset>,
}

/// A named part of a service's endpoints.
#[derive(Clone, Debug, PartialEq)]
pub struct Subset {
    /// The name that routes refer to.
    pub name: Arc<str>,
    /// The object that defines it.
    pub origin: ConfigKey,
    /// The index in `subsets` there.
    pub index: usize,
    /// Labels that select its endpoints.
    pub labels: LabelSet,
    /// The subset's policy, which overrides the rule's.
    pub policy: PolicyLayer,
}

/// One `trafficPolicy`: optional blocks, and port policies that replace all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PolicyLayer {
    /// The blocks.
    pub blocks: PolicyBlocks,
    /// `portLevelSettings` by port number.
    pub ports: BTreeMap<u16, PortPolicy>,
}

/// One `portLevelSettings[]` item.
#[derive(Clone, Debug, PartialEq)]
pub struct PortPolicy {
    /// The index in `portLevelSettings`.
    pub index: usize,
    /// The blocks.
    pub blocks: PolicyBlocks,
}

/// The blocks of a traffic policy; absent ones are `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PolicyBlocks {
    /// `loadBalancer` without its locality part.
    pub load_balancer: Option<LoadBalancer>,
    /// `loadBalancer.localityLbSetting`.
    pub locality_lb: Option<LocalityLb>,
    /// `connectionPool`.
    pub connection_pool: Option<ConnectionPool>,
    /// `outlierDetection`.
    pub outlier_detection: Option<OutlierDetection>,
    /// `tls`.
    pub tls: Option<UpstreamTls>,
}

impl DestinationRule {
    /// Every `tls` of the rule (of its own policy, of its ports and of its subsets), with the policy that has it.
    pub fn tls(&self) -> impl Iterator<Item = (&UpstreamTls, PolicyAt<'_>)> {
        self.policies().filter_map(|policy| Some((policy.blocks.tls.as_ref()?, policy)))
    }

    /// Every policy.
    fn policies(&self) -> impl Iterator<Item = PolicyAt<'_>> {
        let own = (&self.policy_origin, None, &self.policy);
        let of_subsets = self.subsets.iter().map(|own| (&own.origin, Some(own.index), &own.policy));
        let layers = std::iter::once(own).chain(of_subsets);
        layers.flat_map(|(object, subset, layer)| {
            let ports = layer.ports.keys().map(|port| Some(*port));
            std::iter::once(None).chain(ports).map(move |port| PolicyAt::of(object, subset, layer, port))
        })
    }

    /// The subset of this name.
    pub fn subset(&self, name: &str) -> Option<&Subset> {
        self.subsets.iter().find(|s| &*s.name == name)
    }

    /// The policy for `port`, and for `subset` where one is named, over `defaults` (the mesh's).
    ///
    /// A subset's block replaces the rule's; a port's settings replace all others with no inheritance; the
    /// defaults fill the blocks that are still absent. Mirrors istio pilot/pkg/networking/util
    /// (GetPortLevelTrafficPolicy) and pilot/pkg/networking/core (MergeTrafficPolicy).
    pub fn policy_for(&self, port: u16, subset: Option<&Subset>, defaults: &PolicyBlocks) -> TrafficPolicy {
        let layers = self.layers(port, subset).into_iter().flatten();
        let blocks = layers.fold(PolicyBlocks::default(), |nearer, layer| nearer.over(layer.blocks.clone()));
        blocks.over(defaults.clone()).into_policy()
    }

    /// The fields that decide about `port` and, if given, `subset`: the subset and the policies that apply, or
    /// `spec.host` for a rule that applies but sets nothing.
    pub fn origins(&self, port: u16, subset: Option<&Subset>) -> Vec<Origin> {
        let of_subset = subset.map(|subset| Origin::new(&subset.origin, path!("subsets"[subset.index])));
        let layers = self.layers(port, subset).into_iter().flatten();
        let policies =
            layers.filter(|layer| *layer.blocks != PolicyBlocks::default()).map(|layer| layer.origin());
        let mut origins: Vec<Origin> = of_subset.into_iter().chain(policies).collect();
        if origins.is_empty() {
            origins.push(Origin::new(&self.origin, path!("host")));
        }
        origins
    }

    /// The policies that apply to `port` and, if given, `subset`, the nearest first.
    fn layers<'a>(&'a self, port: u16, subset: Option<&'a Subset>) -> [Option<PolicyAt<'a>>; 2] {
        let of_rule = || PolicyAt::of(&self.policy_origin, None, &self.policy, Some(port));
        match subset.map(|own| PolicyAt::of(&own.origin, Some(own.index), &own.policy, Some(port))) {
            Some(of_port @ PolicyAt { port: Some(_), .. }) => [Some(of_port), None],
            of_subset => [of_subset, Some(of_rule())],
        }
    }
}

/// The blocks of a policy, and where it is written.
#[derive(Clone, Copy, Debug)]
pub struct PolicyAt<'a> {
    object: &'a ConfigKey,
    /// The index of its subset.
    subset: Option<usize>,
    /// Its index in `portLevelSettings`.
    port: Option<usize>,
    blocks: &'a PolicyBlocks,
}

impl<'a> PolicyAt<'a> {
    /// The policy of a layer for a port: the port's own settings, else those of the layer.
    fn of(object: &'a ConfigKey, subset: Option<usize>, layer: &'a PolicyLayer, port: Option<u16>) -> Self {
        let own = port.and_then(|port| layer.ports.get(&port));
        let blocks = own.map_or(&layer.blocks, |own| &own.blocks);
        Self { object, subset, port: own.map(|own| own.index), blocks }
    }

    /// Its field.
    pub fn origin(&self) -> Origin {
        let policy = match self.subset {
            Some(subset) => path!("subsets"[subset]."trafficPolicy"),
            None => path!("trafficPolicy"),
        };
        let field = match self.port {
            Some(port) => policy.field("portLevelSettings").index(port),
            None => policy,
        };
        Origin::new(self.object, field)
    }

    /// Its `tls`.
    pub fn tls_origin(&self) -> Origin {
        let Origin { object, field } = self.origin();
        Origin { object, field: field.field("tls") }
    }
}

impl PolicyBlocks {
    /// `self`, with the blocks that it lacks taken from `below`.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        let load_balancer_given = self.load_balancer.is_some() || self.locality_lb.is_some();
        Self {
            // `loadBalancer` is one block: a locality setting is not inherited into another block.
            load_balancer: if load_balancer_given { self.load_balancer } else { below.load_balancer },
            locality_lb: if load_balancer_given { self.locality_lb } else { below.locality_lb },
            connection_pool: self.connection_pool.or(below.connection_pool),
            outlier_detection: self.outlier_detection.or(below.outlier_detection),
            tls: self.tls.or(below.tls),
        }
    }

    /// The policy of these blocks, with defaults for absent ones.
    pub fn into_policy(self) -> TrafficPolicy {
        TrafficPolicy {
            load_balancer: self.load_balancer,
            locality_lb: self.locality_lb,
            connection_pool: self.connection_pool.unwrap_or_default(),
            outlier_detection: self.outlier_detection,
            tls: self.tls,
        }
    }
}

#[cfg(test)]
mod tests;
