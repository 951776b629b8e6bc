//! Destinations of routes: which cluster each leads to, and which policy applies there.

use std::{collections::BTreeMap, sync::Arc};

use fairlead_incremental::Reader;
use fairlead_model::{
    Host, Service, TrafficPolicy,
    destination_rule::{DestinationRule, MergedRule},
    mesh::Mesh,
    registry::ServiceByKey,
    routes::Destination,
    scope::DestinationBinding,
};

use crate::{discovery::policy, names};

/// What a destination host resolves to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ResolvedDestination {
    /// The service; `None` where the scope has no service of that host.
    pub service: Option<Arc<Service>>,
    /// The DestinationRule that applies.
    pub rule: Option<Arc<DestinationRule>>,
}

/// The destinations of a route set in a scope.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Destinations {
    by_host: BTreeMap<Host, ResolvedDestination>,
}

impl Destinations {
    /// Reads the services and rules that `bindings` name.
    pub(crate) fn gather(cx: &Reader<'_>, bindings: &[DestinationBinding]) -> Self {
        let resolve = |binding: &DestinationBinding| {
            let Some(scoped) = &binding.service else { return ResolvedDestination::default() };
            ResolvedDestination {
                service: (*cx.get::<ServiceByKey>(&scoped.service)).clone(),
                rule: scoped.rule.as_ref().and_then(|rule| (*cx.get::<MergedRule>(rule)).clone()),
            }
        };
        bindings.iter().map(|binding| (binding.host.clone(), resolve(binding))).collect()
    }

    /// The port of a destination: the one given, else the service's only one, else the listener's.
    pub(crate) fn port(&self, destination: &Destination, listener_port: u16) -> u16 {
        let only_port = || match self.service(&destination.host).map(|s| &s.ports[..]) {
            Some([only]) => Some(only.number),
            _ => None,
        };
        destination.port.or_else(only_port).unwrap_or(listener_port)
    }

    /// The cluster of a destination. A host without a service still names a cluster: requests for it are answered with
    /// 503 NC until there is one.
    pub(crate) fn cluster(&self, destination: &Destination, listener_port: u16) -> String {
        // An alias leads to the clusters of its service.
        let host = self.service(&destination.host).map_or(&destination.host, |service| &service.key.host);
        let subset = destination.subset.as_deref().unwrap_or_default();
        names::outbound_cluster_text(self.port(destination, listener_port), subset, host)
    }

    /// The policy that a rule sets for a destination; `None` without a rule.
    pub(crate) fn policy(
        &self,
        destination: &Destination,
        listener_port: u16,
        mesh: &Mesh,
    ) -> Option<TrafficPolicy> {
        let rule = self.rule(&destination.host)?;
        let subset = destination.subset.as_deref().and_then(|name| rule.subset(name));
        Some(policy(Some(rule), self.port(destination, listener_port), subset, mesh))
    }

    /// The rule that applies to a destination host.
    pub(crate) fn rule(&self, host: &Host) -> Option<&DestinationRule> {
        self.by_host.get(host)?.rule.as_deref()
    }

    fn service(&self, host: &Host) -> Option<&Service> {
        self.by_host.get(host)?.service.as_deref()
    }
}

impl FromIterator<(Host, ResolvedDestination)> for Destinations {
    fn from_iter<I: IntoIterator<Item = (Host, ResolvedDestination)>>(destinations: I) -> Self {
        Self { by_host: destinations.into_iter().collect() }
    }
}
